"""Putting the pages of a document together by fixed rules: one value a field, table rows in order, every conflict kept.

Fields. Readings that say the same (`values.compare`; a name, address or text may also hold the other) are one candidate, as
sure as the surest of them. Readings that could not be typed, or that are less sure than the best by more than 0.25, stand only
where there is nothing better. Then:
1. money: a candidate for which an equation of the schema holds on its own page, then the one that stands on the later page:
   sums carried from page to page come before the total;
2. anything else: the one on more pages, then the surer one (by steps of 0.1), then the one on the earlier page: letterheads
   come first.
Whatever lost is a conflict.

Tables. Rows keep the order of pages and get numbers through the document. At the top and foot of a page of several, rows that
only carry a sum are dropped (in a table with a running balance on a lone page, too), and everywhere rows that repeat the
table's heading. A row that a page's end parts is put together where each part lacks what the other has. Two equal rows are both
kept, but those of a copy are not: pages that say the same as the pages before them, rows, number and total.
"""

import tomllib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from importlib import resources

from rapidfuzz import fuzz

from pipeline.records import Conflict, Merged, Value
from pipeline.values.arithmetic import judge
from pipeline.values.compare import same
from pipeline.values.text import fold, fold_name
from schemas.base import Running, Schema, Sum, specs
from schemas.fields import FieldSpec, Kind

_COMPARABLE = 0.25
_ALIKE = 86.0
"""How alike (0–100) two names, addresses or texts must be to say the same: OCR reads no page as it reads another."""
_PROSE = (Kind.NAME, Kind.ADDRESS, Kind.TEXT)
_FIGURES = (Kind.MONEY, Kind.NUMBER, Kind.PERCENT, Kind.DATE)

Candidate = list[Value]


def merge(pages: Sequence[Sequence[Value]], schema: Schema) -> Merged:
    """The document that `pages` (their grounded values, in page order) make together.

    Returns:
        Values in the order of the schema's fields, rows numbered from 0 through the document; each value keeps its page.
    """
    values: list[Value] = []
    conflicts: list[Conflict] = []
    originals = _originals(pages, schema)
    for spec in specs(schema):
        if spec.kind is Kind.TABLE:
            values += _table(spec, originals, schema)
            continue
        readings = [value for page in pages for value in page if value.path == spec.name]
        if not readings:
            continue
        if spec.written:  # no two pages are described alike: the first speaks for the document
            values.append(readings[0])
            continue
        kept, *lost = _ranked(spec, readings, pages, schema)
        values.append(kept)
        conflicts += [Conflict(spec.name, kept, value) for value in lost]
    return Merged(tuple(values), tuple(conflicts))


def _ranked(spec: FieldSpec, readings: Sequence[Value], pages: Sequence[Sequence[Value]], schema: Schema) -> list[Value]:
    """The surest reading of each candidate, the one to keep first; readings that could not be typed only where all are such."""
    typed = [value for value in readings if value.value is not None]
    if not typed:
        return [max(readings, key=lambda value: value.confidence)]
    candidates: list[Candidate] = []
    for value in typed:
        home = next((c for c in candidates if _agree(spec, c[0], value)), None)
        if home is None:
            candidates.append([value])
        else:
            home.append(value)
    best = max(value.confidence for value in typed)
    holds = {value.page: _holds(spec, pages, value.page, schema) for value in typed}
    return [_surest(c) for c in sorted(candidates, key=lambda c: _rank(spec, c, best, holds))]


def _rank(spec: FieldSpec, candidate: Candidate, best: float, holds: dict[int, bool]) -> tuple[float, ...]:
    """The smaller, the better."""
    sure = _surest(candidate).confidence
    doubtful = sure < best - _COMPARABLE
    pages = [value.page for value in candidate]
    if spec.kind is Kind.MONEY:
        return (doubtful, not any(holds[page] for page in pages), -max(pages), -sure)
    return (doubtful, -len(set(pages)), -round(sure, 1), min(pages), -sure)


def _surest(candidate: Candidate) -> Value:
    return max(candidate, key=lambda value: value.confidence)


def _agree(spec: FieldSpec, one: Value, other: Value) -> bool:
    if same(spec.kind, one.value, other.value, spec.scheme):
        return True
    if spec.kind not in _PROSE:
        return False
    short, long = sorted((fold_name(str(one.value)), fold_name(str(other.value))), key=len)
    return len(short) >= 4 and (short in long or fuzz.ratio(short, long) >= _ALIKE)


def _holds(spec: FieldSpec, pages: Sequence[Sequence[Value]], page: int, schema: Schema) -> bool:
    """Whether a sum that the field is a term of holds among the values of its own page."""
    if spec.kind is not Kind.MONEY:
        return False
    own = {value.path: value.value for values in pages for value in values if value.page == page}
    sums = [rule for rule in schema.rules if isinstance(rule, Sum) and not any("[]" in part for part in rule.parts)]
    return any(judge(rule, own).passed for rule in sums if spec.name in (rule.total, *rule.parts))


def _originals(pages: Sequence[Sequence[Value]], schema: Schema) -> Sequence[Sequence[Value]]:
    """The pages without those of copies: the first of several equal runs of pages, where each holds a whole document."""
    tables = [spec for spec in specs(schema) if spec.kind is Kind.TABLE]
    kept = [spec for spec in specs(schema) if spec.required and spec.kind in (Kind.MONEY, Kind.IDENTIFIER, Kind.DATE)]
    for size in range(1, len(pages) // 2 + 1):
        runs = [pages[start : start + size] for start in range(0, len(pages), size)]
        if len(pages) % size == 0 and all(_copied(runs[0], run, tables, kept) for run in runs[1:]):
            return runs[0]
    return pages


def _copied(
    one: Sequence[Sequence[Value]], other: Sequence[Sequence[Value]], tables: Sequence[FieldSpec], kept: Sequence[FieldSpec]
) -> bool:
    """Whether two runs of pages say the same: all that the schema requires of figures, numbers and dates, and every row."""
    mine, its = ({v.path: v.value for page in reversed(run) for v in page} for run in (one, other))
    if not kept or not all(same(spec.kind, mine.get(spec.name), its.get(spec.name), spec.scheme) for spec in kept):
        return False
    return all(
        len(rows) == len(others) and all(_same_row(spec, row, again) for row, again in zip(rows, others, strict=True))
        for page, copy in zip(one, other, strict=True)
        for spec in tables
        for rows, others in ((_rows(spec.name, page), _rows(spec.name, copy)),)
    )


def _same_row(spec: FieldSpec, row: dict[str, Value], other: dict[str, Value]) -> bool:
    both = [column for column in spec.columns if column.name in row and column.name in other]
    return bool(both) and all(_agree(column, row[column.name], other[column.name]) for column in both)


def _table(spec: FieldSpec, pages: Sequence[Sequence[Value]], schema: Schema) -> list[Value]:
    rows_by_page = [rows for page in pages if (rows := _rows(spec.name, page))]
    balance = next((rule.balance for rule in schema.rules if isinstance(rule, Running) and rule.table == spec.name), "")
    joined: list[dict[str, Value]] = []
    for number, page in enumerate(rows_by_page):
        kept = [row for row in page if not _is_heading(spec, row)] if len(rows_by_page) > 1 else page
        if kept and (number > 0 or balance) and _is_carried(spec, kept[0], balance):
            kept = kept[1:]
        if kept and (number < len(rows_by_page) - 1 or balance) and _is_carried(spec, kept[-1], balance):
            kept = kept[:-1]
        if joined and kept and (whole := _mended(spec, joined[-1], kept[0])):
            joined[-1], kept = whole, kept[1:]
        joined += kept
    order = {column.name: place for place, column in enumerate(spec.columns)}
    return [
        replace(value, path=f"{spec.name}[{number}].{column}")
        for number, row in enumerate(joined)
        for column, value in sorted(row.items(), key=lambda item: order.get(item[0], 0))
    ]


def _mended(spec: FieldSpec, above: dict[str, Value], below: dict[str, Value]) -> dict[str, Value] | None:
    """The row that a page's end parted: the first part lacks a column that every row has, the second the figures of the first.

    A text in both goes on. A text alone over a whole row is a heading.
    """
    needed = {column.name for column in spec.columns if column.required}
    texts = {column.name for column in spec.columns if column.kind in _PROSE}
    if needed <= set(above) or not needed <= {*above, *below} or set(above) & set(below) - texts:
        return None
    if needed <= set(below) and set(above) <= texts:
        return None
    whole = {**below, **above}
    for name in set(above) & set(below):
        verbatim = f"{above[name].verbatim} {below[name].verbatim}"
        whole[name] = replace(above[name], verbatim=verbatim, value=f"{above[name].value} {below[name].value}")
    return whole


def _rows(table: str, page: Sequence[Value]) -> list[dict[str, Value]]:
    """The rows of one page, in order: column → value."""
    rows: dict[int, dict[str, Value]] = defaultdict(dict)
    for value in page:
        name, bracket, rest = value.path.partition("[")
        if bracket and name == table:
            number, _, column = rest.partition("].")
            rows[int(number)].setdefault(column, value)
    return [rows[number] for number in sorted(rows)]


def _is_heading(spec: FieldSpec, row: dict[str, Value]) -> bool:
    """Whether a row repeats the table's heading: all that is in it are labels of its columns."""
    labels = _folded(tuple(label for column in spec.columns for labels in column.labels.values() for label in labels))
    return all(fold_name(value.verbatim) in labels for value in row.values())


@cache
def _folded(labels: tuple[str, ...]) -> frozenset[str]:
    return frozenset(map(fold_name, labels))


def _is_carried(spec: FieldSpec, row: dict[str, Value], balance: str) -> bool:
    """Whether a row only carries a sum over the page's end: one text that says so, and at most one figure beside dates.

    In a table with a running `balance` it must be the figure: what moves money is an entry, whatever it is called.
    """
    kinds = {column.name: column.kind for column in spec.columns}
    texts = [value.verbatim for column, value in row.items() if kinds.get(column) not in _FIGURES]
    figures = [column for column in row if kinds.get(column) in _FIGURES and kinds.get(column) is not Kind.DATE]
    if len(texts) != 1 or len(figures) > 1 or (balance and figures not in ([], [balance])):
        return False
    text = _words(texts[0])
    carrying, beside = _carrying()
    return any(
        text[: len(words)] == words and all(w in beside or w.isdigit() for w in text[len(words) :]) for words in carrying
    )


@cache
def _carrying() -> tuple[tuple[tuple[str, ...], ...], frozenset[str]]:
    """What says that a sum is carried, and the words that may follow it."""
    told = tomllib.loads(resources.files("pipeline.values").joinpath("carried.toml").read_text(encoding="utf-8"))
    beside = frozenset(_words(" ".join(told.pop("beside"))))
    return tuple(_words(words) for forms in told.values() for words in forms), beside


def _words(text: str) -> tuple[str, ...]:
    return tuple(filter(None, (word.strip(".,:;()") for word in fold(text).split())))
