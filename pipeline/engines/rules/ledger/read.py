"""Reading the entries of an account under their heading, and the signs of its balances."""

from collections.abc import Sequence

from pipeline.engines.rules.labels import Hit, squeeze
from pipeline.engines.rules.ledger.columns import (
    Account,
    account_of,
    change_of,
    name_stretches,
    placed,
    stretches_of,
    with_balances_below,
)
from pipeline.engines.rules.ledger.entries import Day, Entry, entries_of, is_carried, line_of
from pipeline.engines.rules.sheet import Sheet, Span, Table
from pipeline.engines.rules.tables.headings import Head, Heading, find_headings
from pipeline.engines.rules.tables.tokens import rows_of
from pipeline.records import Leaf, around
from pipeline.values.sides import side_of
from schemas.base import Running, Schema, specs
from schemas.fields import FieldSpec, Kind

_PROVEN, _LABELLED, _GUESSED = 0.97, 0.88, 0.7
_DATED = 0.93
_TEXT, _WRAPPED = 0.92, 0.82
_EDGE = 1.2
_PROSE = (Kind.TEXT, Kind.NAME, Kind.ADDRESS)


def is_account(spec: FieldSpec, schema: Schema) -> bool:
    """Whether the schema's rules say that a table is the entries of an account."""
    return account_of(spec.name, schema.rules) is not None


def read_entries(sheet: Sheet, spec: FieldSpec, schema: Schema, hits: Sequence[Hit]) -> Table:
    """The entries of the account on the sheet, numbered from 0, without balances, sums and what is carried forward."""
    account = account_of(spec.name, schema.rules)
    if account is None:
        return Table()
    rows = rows_of(sheet)
    money = {column.name for column in spec.columns if column.kind is Kind.MONEY}
    headings = [heading for heading in find_headings(sheet, rows, spec.columns) if heading.names & money]
    heading = headings[0] if headings else None
    asides = _asides(sheet, hits)
    first = heading.last + 1 if heading else 0
    heads = heading.heads if heading else ()
    dates = {column.name for column in spec.columns if column.kind is Kind.DATE}
    dated = [(head.x0, head.x1) for head in heads if dates & set(head.names)]
    lines = [line_of(sheet, number, row, dated) for number, row in enumerate(rows)]
    repeated = {n for other in headings[1:] for n in range(other.first, other.last + 1)}
    body = [line for line in lines[first:] if line.row not in repeated]
    told = frozenset(n for n, row in enumerate(rows) if any(cell.row in asides for cell in row))
    entries = entries_of(sheet, body, told, _texts_at(spec, heads), headed=heading is not None, labels=_labels_of(spec))
    if heading is None and len(entries) < 3:
        return Table()
    return _table(sheet, spec, account, entries, heading)


def _table(sheet: Sheet, spec: FieldSpec, account: Account, entries: Sequence[Entry], heading: Heading | None) -> Table:
    heads = heading.heads if heading else ()
    entries = list(entries) if heads else with_balances_below(entries, account)
    stretches = stretches_of(entries)
    named, proven = name_stretches(entries, stretches, heads, account)
    if not heads and not proven:
        signed = any(figure.value < 0 for entry in entries for figure in entry.figures)
        if not signed or not account.amount or not all(entry.days for entry in entries):
            return Table()  # nothing tells money in from money out
        named = {0: account.amount}
    sure = _PROVEN if proven else _LABELLED if heads else _GUESSED
    leaves: list[Leaf] = []
    cells: set[int] = set()
    number = 0
    for entry in entries:
        figures = placed(entry, stretches, named)
        if change_of(figures, account) is None and (entry.figures or not entry.days):
            continue
        path = f"{spec.name}[{number}]"
        made = [
            *_dates(sheet, path, spec, heads, entry.days),
            *_texts(sheet, path, spec, heads, entry),
            *(Leaf(f"{path}.{name}", figure.said, sure, sheet.box(figure.span)) for name, figure in figures.items()),
        ]
        leaves += made
        cells |= entry.cells
        number += 1
    return Table(tuple(leaves), frozenset(cells))


def _labels_of(spec: FieldSpec) -> dict[str, str]:
    """The labels of the columns of money and of references, folded, with the column of each."""
    named = [column for column in spec.columns if column.kind in (Kind.MONEY, Kind.IDENTIFIER)]
    return {
        key: column.name
        for column in named
        for words in column.labels.values()
        for word in words
        if (key := squeeze(word).text)
    }


def _asides(sheet: Sheet, hits: Sequence[Hit]) -> set[int]:
    """The sheet's rows that speak of the whole account: a label of one of its sums opens a cell there."""
    return {
        hit.span.cell.row
        for hit in hits
        if hit.name
        and hit.kind is Kind.MONEY
        and hit.weight > 0.3
        and not any(c.isalpha() for c in hit.span.cell.text[: hit.span.start])
    }


def _texts_at(spec: FieldSpec, heads: Sequence[Head]) -> tuple[float, float]:
    """Where the column of the entries' own text starts and ends, in units."""
    text = next((column for column in spec.columns if column.kind in _PROSE), None)
    for place, head in enumerate(heads):
        if text and text.name in head.names:
            after = [other.x0 for other in heads[place + 1 :]]
            return head.x0, min(after, default=head.x1 + 60)
    return 0.0, 1e9


def _dates(sheet: Sheet, path: str, spec: FieldSpec, heads: Sequence[Head], days: Sequence[Day]) -> list[Leaf]:
    """The dates under the headings that they stand under, else in the order of the schema."""
    columns = [column.name for column in spec.columns if column.kind is Kind.DATE]
    made: list[Leaf] = []
    used: set[str] = set()
    for day in days:
        over = [(min(day.x1, head.x1) - max(day.x0, head.x0), head) for head in heads if set(head.names) & set(columns)]
        over = [item for item in over if item[0] > -1.0]
        best = max(over, key=lambda item: item[0])[1].names if over else {}
        offered = sorted((name for name in best if name in columns and name not in used), key=lambda name: -best[name])
        name = next(iter(offered), None) or next((c for c in columns if c not in used), None)
        if name is None:
            break
        used.add(name)
        sure = _DATED if day.value else _GUESSED
        made.append(Leaf(f"{path}.{name}", day.span.text, sure, sheet.box(day.span)))
    return made


def _texts(sheet: Sheet, path: str, spec: FieldSpec, heads: Sequence[Head], entry: Entry) -> list[Leaf]:
    """The texts of an entry by column, lines joined by a space."""
    columns = [column.name for column in spec.columns if column.kind in _PROSE or column.kind is Kind.IDENTIFIER]
    own = [head for head in heads if set(head.names) & set(columns)]
    held: dict[str, list[Span]] = {}
    main = next((column.name for column in spec.columns if column.kind in _PROSE), None)
    for line in entry.texts:
        for span in line:
            for piece in _parted(sheet, span, own):
                name = _column_of(sheet, piece, own, columns) or main
                if name:
                    held.setdefault(name, []).append(piece)
    for name, span in entry.told.items():
        held[name] = [span]
    made = []
    for name, spans in held.items():
        text = " ".join(span.text.strip(" |—–_:") for span in spans)
        if any(c.isalnum() for c in text):
            sure = _TEXT if len(entry.texts) == 1 else _WRAPPED
            made.append(Leaf(f"{path}.{name}", text, sure, around(sheet.box(span) for span in spans)))
    return made


def _parted(sheet: Sheet, span: Span, heads: Sequence[Head]) -> list[Span]:
    """A text in two where a word of it starts right under the next heading."""
    scale = sheet.aspect / sheet.unit
    begin = sheet.box(span)[0] * scale
    for start in span.cell.starts:
        if not span.start < start < span.end:
            continue
        x0 = sheet.box(Span(span.cell, start, min(start + 1, span.end)))[0] * scale
        if any(begin < head.x0 - _EDGE and abs(x0 - head.x0) <= _EDGE / 2 for head in heads):
            return [Span(span.cell, span.start, start - 1), *_parted(sheet, Span(span.cell, start, span.end), heads)]
    return [span]


def _column_of(sheet: Sheet, span: Span, heads: Sequence[Head], columns: Sequence[str]) -> str | None:
    """The column of texts that a piece stands in: the last heading that starts no further right than it."""
    scale = sheet.aspect / sheet.unit
    box = sheet.box(span)
    x0, x1 = box[0] * scale, box[2] * scale
    over = [(min(x1, head.x1) - max(x0, head.x0), head) for head in heads]
    over = [item for item in over if item[0] > 0]
    before = [head for head in heads if head.x0 <= x0 + _EDGE]
    best = max(over, key=lambda item: item[0])[1] if over else before[-1] if before else None
    if best is None:
        return None
    return max((name for name in best.names if name in columns), key=lambda name: best.names[name], default=None)


def with_sides(sheet: Sheet, schema: Schema, leaves: Sequence[Leaf], page_count: int = 1) -> list[Leaf]:
    """`leaves` with the letters that tell on which side a balance is, where print has them behind the amount.

    Balances that are carried from page to page are neither the first nor the last of the document: they are left out.
    """
    if not any(account_of(getattr(rule, "table", ""), schema.rules) for rule in schema.rules):
        return list(leaves)
    money = {spec.name for spec in specs(schema) if spec.kind is Kind.MONEY}
    starts = {rule.start for rule in schema.rules if isinstance(rule, Running)}
    kept = []
    for leaf in leaves:
        if leaf.path in money and _is_carried(sheet, leaf):
            inner = sheet.page.page > 1 if leaf.path in starts else sheet.page.page < page_count
            if inner:
                continue
        kept.append(_with_side(sheet, leaf) if leaf.path in money else leaf)
    return kept


def _is_carried(sheet: Sheet, leaf: Leaf) -> bool:
    """Whether a balance stands in a row that carries it from page to page."""
    if leaf.box is None:
        return False
    row = [cell for cell in sheet.cells if abs(sheet.down(cell.box, leaf.box)) < 0.6]
    return any(is_carried(cell.text, sheet.habits.language) for cell in row)


def _with_side(sheet: Sheet, leaf: Leaf) -> Leaf:
    if leaf.box is None or not any(c.isdigit() for c in leaf.verbatim):
        return leaf
    for row in sheet.rows:
        for place, cell in enumerate(row):
            at = cell.text.find(leaf.verbatim)
            if at < 0 or sheet.box(Span(cell, at, at + len(leaf.verbatim))) != leaf.box:
                continue
            behind = cell.text[at + len(leaf.verbatim) :].split()
            if not behind and place + 1 < len(row) and sheet.across(cell.box, row[place + 1].box) < 6:
                behind = row[place + 1].text.split()
            if behind and side_of(behind[0]) == "out" and not leaf.verbatim.endswith(behind[0]):
                return Leaf(leaf.path, f"{leaf.verbatim} {behind[0]}", leaf.confidence, leaf.box)
    return leaf
