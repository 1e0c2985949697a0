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
table's heading. Where the words could name an item, the figure must be a sum of rows, or carried on the page beside it, too. A
row that a page's end parts is put together where each part lacks what the other has. Two equal rows are both kept, but those of
a copy are not: pages that say the same as the pages before them, rows, number and total.
"""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from dataclasses import replace
from functools import lru_cache
from itertools import accumulate

from rapidfuzz import fuzz

from pipeline.records import Conflict, Merged, Value
from pipeline.values.arithmetic import judge
from pipeline.values.carried import Row, without_carried
from pipeline.values.compare import key, same
from pipeline.values.text import fold, fold_name
from schemas.base import Running, Schema, Sum, specs
from schemas.fields import FieldSpec, Kind

_COMPARABLE = 0.25
_ALIKE = 86.0
"""How alike (0–100) two names, addresses or texts must be to say the same: OCR reads no page as it reads another."""
_PROSE = (Kind.NAME, Kind.ADDRESS, Kind.TEXT)
_MOST = 200
"""Print is held for likeness against so many others of its field: a document whose pages all say something else has no more."""

Candidate = list[Value]


def merge(pages: Sequence[Sequence[Value]], schema: Schema, languages: Sequence[str] = ()) -> Merged:
    """The document that `pages` (their grounded values, in page order) make together.

    Args:
        pages: the values of each.
        schema: with its rules.
        languages: of each page; where they are not told, words of every language say that a sum is carried.

    Returns:
        Values in the order of the schema's fields, rows numbered from 0 through the document; each value keeps its page.
    """
    values: list[Value] = []
    conflicts: list[Conflict] = []
    originals = _originals(pages, schema)
    found: dict[str, list[Value]] = defaultdict(list)
    own: dict[int, dict[str, Value]] = defaultdict(dict)
    for page in pages:
        for value in page:
            if "[" not in value.path:
                found[value.path].append(value)
                own[value.page][value.path] = value
    for spec in specs(schema):
        if spec.kind is Kind.TABLE:
            values += _table(spec, originals, schema, languages or ("und",) * len(pages))
            continue
        readings = found.get(spec.name, [])
        if not readings:
            continue
        if spec.written:  # no two pages are described alike: the first speaks for the document
            values.append(readings[0])
            continue
        kept, *lost = _ranked(spec, readings, own, schema)
        values.append(kept)
        conflicts += [Conflict(spec.name, kept, value) for value in lost]
    return Merged(tuple(values), tuple(conflicts))


def _ranked(spec: FieldSpec, readings: Sequence[Value], own: Mapping[int, Mapping[str, Value]], schema: Schema) -> list[Value]:
    """The surest reading of each candidate, the one to keep first; readings that could not be typed only where all are such."""
    typed = [value for value in readings if value.value is not None]
    if not typed:
        return [max(readings, key=lambda value: value.confidence)]
    candidates: list[Candidate] = []
    by_key: dict[object, Candidate] = {}
    agree = _say_alike if spec.kind in _PROSE else _agree if spec.scheme in ("tax_id", "phone") else None
    for value in typed:
        said = key(spec.kind, value.value, spec.scheme)
        home = by_key.get(said)
        if home is None and agree is not None:
            home = next((c for c in candidates[:_MOST] if agree(spec, c[0], value)), None)
        if home is None:
            home = []
            candidates.append(home)
        home.append(value)
        if said is not None:
            by_key[said] = home
    best = max(value.confidence for value in typed)
    holds = {value.page: _holds(spec, own[value.page], schema) for value in typed}
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
    return same(spec.kind, one.value, other.value, spec.scheme) or _say_alike(spec, one, other)


def _say_alike(spec: FieldSpec, one: Value, other: Value) -> bool:
    """Whether two names, addresses or texts are the same but for noise, or one holds the other."""
    if spec.kind not in _PROSE:
        return False
    short, long = sorted((_print(str(one.value)), _print(str(other.value))), key=lambda print_: len(print_[0]))
    return len(short[0]) >= 4 and (_within(short[0], *long) or fuzz.ratio(short[0], long[0]) >= _ALIKE)


@lru_cache(maxsize=4096)
def _print(text: str) -> tuple[str, frozenset[int]]:
    """A text's letters and digits alone, and where among them its words end."""
    words = [fold_name(word) for word in re.split(r"[\s,;/()|]+", fold(text)) if any(map(str.isalnum, word))]
    return "".join(words), frozenset(accumulate(map(len, words), initial=0))


def _within(part: str, text: str, ends: frozenset[int]) -> bool:
    """Whether a text stands in another, in whole words: `Acme` in `Acme, Berlin`, not in `Acmeon`. Thai parts no words."""
    start = text.find(part)
    while start >= 0:
        if all(place in ends or _is_thai(text[place - 1 : place + 1]) for place in (start, start + len(part))):
            return True
        start = text.find(part, start + 1)
    return False


def _is_thai(text: str) -> bool:
    return all("\u0e00" <= c <= "\u0e7f" for c in text)


def _holds(spec: FieldSpec, own: Mapping[str, Value], schema: Schema) -> bool:
    """Whether a sum that the field is a term of holds among the values of its own page."""
    if spec.kind is not Kind.MONEY:
        return False
    typed = {path: value.value for path, value in own.items()}
    sums = [rule for rule in schema.rules if isinstance(rule, Sum) and not any("[]" in part for part in rule.parts)]
    return any(judge(rule, typed).passed for rule in sums if spec.name in (rule.total, *rule.parts))


def _originals(pages: Sequence[Sequence[Value]], schema: Schema) -> Sequence[Sequence[Value]]:
    """The pages without those of copies: the first of several equal runs of pages, where each holds a whole document.

    The document's own number must stand on each: two tickets of one day and price are two.
    """
    tables = [spec for spec in specs(schema) if spec.kind is Kind.TABLE]
    numbers = [spec for spec in specs(schema) if spec.scheme == "document_number"]
    kept = [spec for spec in specs(schema) if spec.required and spec.kind in (Kind.MONEY, Kind.IDENTIFIER, Kind.DATE)]
    for size in (size for size in range(1, len(pages) // 2 + 1) if len(pages) % size == 0):
        runs = (pages[start : start + size] for start in range(size, len(pages), size))
        if all(_copied(pages[:size], run, tables, numbers, kept) for run in runs):
            return pages[:size]
    return pages


def _copied(
    one: Sequence[Sequence[Value]],
    other: Sequence[Sequence[Value]],
    tables: Sequence[FieldSpec],
    numbers: Sequence[FieldSpec],
    kept: Sequence[FieldSpec],
) -> bool:
    """Whether two runs of pages say the same: its number, all that the schema requires of figures and dates, and every row."""
    mine, its = ({v.path: v.value for page in reversed(run) for v in page if "[" not in v.path} for run in (one, other))
    equal = {spec.name: same(spec.kind, mine.get(spec.name), its.get(spec.name), spec.scheme) for spec in (*numbers, *kept)}
    if not any(equal[spec.name] for spec in numbers) or not all(equal[spec.name] for spec in kept):
        return False
    if any(not equal[spec.name] for spec in numbers if spec.name in mine and spec.name in its):
        return False
    return all(
        len(rows) == len(others) and all(_same_row(spec, row, again) for row, again in zip(rows, others, strict=True))
        for page, copy in zip(one, other, strict=True)
        for spec in tables
        for rows, others in ((_rows(spec.name, page), _rows(spec.name, copy)),)
    )


def _same_row(spec: FieldSpec, row: Row, other: Row) -> bool:
    both = [column for column in spec.columns if column.name in row and column.name in other]
    return bool(both) and all(_agree(column, row[column.name], other[column.name]) for column in both)


def _table(spec: FieldSpec, pages: Sequence[Sequence[Value]], schema: Schema, languages: Sequence[str]) -> list[Value]:
    rows_by_page, spoken = [], []
    for page, language in zip(pages, languages, strict=False):
        if rows := _rows(spec.name, page):
            rows_by_page.append(rows)
            spoken.append(language)
    rule = next((rule for rule in schema.rules if isinstance(rule, Running) and rule.table == spec.name), None)
    if len(rows_by_page) > 1:
        labels = frozenset(fold_name(word) for column in spec.columns for words in column.labels.values() for word in words)
        rows_by_page = [[row for row in rows if not _is_heading(labels, row)] for rows in rows_by_page]
    joined: list[Row] = []
    for kept in without_carried(spec, rows_by_page, spoken, rule):
        if joined and kept and (whole := _mended(spec, joined[-1], kept[0])):
            joined[-1], kept = whole, kept[1:]
        joined += kept
    order = {column.name: place for place, column in enumerate(spec.columns)}
    return [
        replace(value, path=f"{spec.name}[{number}].{column}")
        for number, row in enumerate(joined)
        for column, value in sorted(row.items(), key=lambda item: order.get(item[0], 0))
    ]


def _mended(spec: FieldSpec, above: Row, below: Row) -> Row | None:
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


def _rows(table: str, page: Sequence[Value]) -> list[Row]:
    """The rows of one page, in order: column → value."""
    rows: dict[int, Row] = defaultdict(dict)
    for value in page:
        name, bracket, rest = value.path.partition("[")
        if bracket and name == table:
            number, _, column = rest.partition("].")
            rows[int(number)].setdefault(column, value)
    return [rows[number] for number in sorted(rows)]


def _is_heading(labels: Set[str], row: Row) -> bool:
    """Whether a row repeats the table's heading: all that is in it are labels of its columns."""
    return all(fold_name(value.verbatim) in labels for value in row.values())
