"""Reading a table of rows: under its heading, or line by line where it has none."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from typing import NamedTuple

from pipeline.engines.rules.sheet import Sheet, Span, Table
from pipeline.engines.rules.tables.columns import Column, Roles, multiplies, roles_of
from pipeline.engines.rules.tables.grid import PROSE, Grid, read_grid, read_loose_grids
from pipeline.engines.rules.tables.headings import Heading, find_headings, telling_texts
from pipeline.engines.rules.tables.listing import ListRow, read_listing
from pipeline.engines.rules.tables.stacks import UNIT, Stack, read_stacks, unit_behind
from pipeline.engines.rules.tables.tokens import Row, Token, rows_of, words_of
from pipeline.engines.rules.tables.wraps import GridRow
from pipeline.records import Box, Leaf, WordsFrom, around
from pipeline.values.arithmetic import SUM_TOLERANCE, sum_holds
from pipeline.values.numbers import read_core
from schemas.fields import NUMERIC, FieldSpec, Kind

_LABELLED, _PROVEN, _GUESSED = 0.86, 0.97, 0.7
"""Confidence of a figure under a label, of one in a product that holds, and of one whose column has no label."""
_TEXT, _WRAPPED, _LISTED = 0.92, 0.75, 0.8
"""Confidence of a text on one line, of one put together from several, and of what stands in a list without a heading."""


class Item(NamedTuple):
    """One row that was read.

    Attributes:
        values: column → its print, confidence and box.
        proven: whether its product holds.
        last: the number of the page's last row that it takes up.
    """

    values: dict[str, tuple[str, float, Box]]
    proven: bool
    last: int


def read_table(sheet: Sheet, spec: FieldSpec, taken: frozenset[int] = frozenset()) -> Table:
    """The rows of the table `spec` on the sheet, numbered from 0, without the cells that are `taken` by another one.

    Tables that have the same columns as the most telling heading follow it; tables of other things are left out, and so is one
    that labels no text unless most of its rows multiply.
    """
    rows = rows_of(sheet)
    headings = [
        heading
        for heading in find_headings(sheet, rows, spec.columns)
        if not any(cell.index in taken for row in rows[heading.first : heading.last + 1] for cell in row)
    ]
    texts = telling_texts(spec.columns)
    grids: list[tuple[Grid, list[Item]]] = []
    for heading in _chosen(headings) if texts else headings[:1]:
        stop = min((other.first for other in headings if other.first > heading.last), default=len(rows))
        grid = read_grid(sheet, rows[:stop], heading, spec.columns)
        grid = grid if texts else _without_sum(grid)
        items = _items(sheet, grid, spec.columns)
        labelled = heading.names & texts
        if items and (labelled or 2 * sum(item.proven for item in items) >= len(items)):
            grids.append((grid, items))
    items = [item for _, found in grids for item in found]
    cells = {cell for grid, found in grids for cell in grid.cells(max(item.last for item in found))}
    if not items:
        items, cells = _unheaded(sheet, rows, spec.columns)
    stacked, lines = _stacked(sheet, rows, headings, spec.columns)
    named = next((column.name for column in spec.columns if column.kind in PROSE), "")
    if _told(stacked, named) > _told(items, named):
        items, cells = stacked, lines
    return Table(
        tuple(
            Leaf(f"{spec.name}[{number}].{name}", print_, round(sure, 3), box)
            for number, item in enumerate(items)
            for name, (print_, sure, box) in item.values.items()
        ),
        frozenset(cells),
    )


def _chosen(headings: Sequence[Heading]) -> list[Heading]:
    """The most telling heading and those that tell the same columns, from the top down."""
    if not headings:
        return []
    best = headings[0]
    return sorted((h for h in headings if h.names == best.names), key=lambda heading: heading.first)


def _unheaded(sheet: Sheet, page: Sequence[Row], specs: Sequence[FieldSpec]) -> tuple[list[Item], set[int]]:
    """The rows of a table without a heading, and the indexes of the cells that they take up.

    Either most of them multiply, as on the later page of an invoice, or the page is a slip.
    """
    roles = roles_of(specs)
    text = next((spec for spec in specs if spec.kind in PROSE), None)
    if roles is None or text is None:
        return [], set()
    for grid in read_loose_grids(sheet, page, specs):
        items = _items(sheet, grid, specs)
        if 2 * sum(item.proven for item in items) > len(items):
            return items, grid.cells(max(item.last for item in items))
    rows = read_listing(sheet, page, specs, roles)
    cells = {cell.index for row in rows for number in row.rows for cell in page[number]}
    return [_listed(sheet, row, text, roles) for row in rows], cells


def _without_sum(grid: Grid) -> Grid:
    """A table of figures alone down to the row that is the sum of those above; its heading then labels the sum."""
    money = {place for place, column in enumerate(grid.columns) if column.spec and column.spec.kind is Kind.MONEY}
    rates = {place for place, column in enumerate(grid.columns) if column.spec and column.spec.kind is Kind.PERCENT}
    rows = [row for row in grid.rows if money & set(row.figures)]
    for number, row in enumerate(rows):
        if number and not rates & set(row.figures) and all(_sums_up(row, rows[:number], place) for place in money):
            return replace(grid, rows=tuple(rows[:number]), heading=frozenset())
    return grid


def _sums_up(row: GridRow, above: Sequence[GridRow], place: int) -> bool:
    """Whether the figure of a row in a column is the sum of those above it."""
    total = row.figures[place].value if place in row.figures else None
    terms = [value for one in above if place in one.figures and (value := one.figures[place].value) is not None]
    return total is not None and sum_holds(total, terms)


def _told(items: Sequence[Item], text: str) -> tuple[int, int]:
    """How many items multiply, and how many of these are named."""
    return sum(item.proven for item in items), sum(item.proven and text in item.values for item in items)


def _stacked(
    sheet: Sheet, page: Sequence[Row], headings: Sequence[Heading], specs: Sequence[FieldSpec]
) -> tuple[list[Item], set[int]]:
    """The items that take up several lines each, under the most telling heading or none, and the indexes of their cells."""
    roles = roles_of(specs)
    text = next((spec for spec in specs if spec.kind in PROSE), None)
    if roles is None or text is None:
        return [], set()
    heading = headings[0] if headings else None
    stacks = read_stacks(sheet, page, heading, specs)
    rows = [number for stack in stacks for number in stack.rows] if stacks else []
    head = list(range(heading.first, heading.last + 1)) if heading else []
    return [_of_stack(sheet, stack, text, roles) for stack in stacks], {
        cell.index for number in rows + head for cell in page[number] if rows
    }


def _of_stack(sheet: Sheet, stack: Stack, text: FieldSpec, roles: Roles) -> Item:
    values = {text.name: (_said(stack.name), _LISTED, around([sheet.box(token.span) for token in stack.name]))}
    sure = _PROVEN if stack.number else _LISTED
    for spec, token in zip(roles, (stack.number, stack.price, stack.amount), strict=True):
        if token is not None:
            values[spec.name] = token.text, sure, sheet.box(token.span)
    for name, token in stack.others.items():
        values[name] = token.text, _LISTED, sheet.box(token.span)
    return Item(values, stack.number is not None, max(stack.rows))


def _listed(sheet: Sheet, row: ListRow, text: FieldSpec, roles: Roles) -> Item:
    sure = _PROVEN if row.proven else _LISTED
    boxes = [sheet.box(token.span) for part in row.words for token in part]
    values = {text.name: (" ".join(map(_said, row.words)), _LISTED, around(boxes))}
    for spec, token in zip(roles, (row.number, row.price, row.amount), strict=True):
        if token is not None:
            values[spec.name] = token.text, sure if spec is roles.result or row.proven else _GUESSED, sheet.box(token.span)
    return Item(values, row.proven, max(row.rows))


def _items(sheet: Sheet, grid: Grid, specs: Sequence[FieldSpec]) -> list[Item]:
    roles = roles_of(specs)
    made = [(row, item) for row in grid.rows if (item := _item(sheet, row, grid.columns, specs, roles)) is not None]
    counted = {spec.name for spec in roles[:2]} if roles else set()
    numbered = [row for row, _ in made]
    made = [(row, item) for row, item in made if counted & set(item.values) or not _unnumbered(sheet, row, grid, numbered)]
    result = next((p for p, column in enumerate(grid.columns) if roles and column.spec is roles.result), None)
    money = [result is not None and result in row.figures and row.figures[result].money for row, _ in made]
    if 2 * sum(money) <= len(money):
        return [item for _, item in made]
    # Where amounts have cents, a number without them in their column is no amount.
    return [item for (_, item), told in zip(made, money, strict=True) if told or item.proven]


def _unnumbered(sheet: Sheet, row: GridRow, grid: Grid, rows: Sequence[GridRow]) -> bool:
    """Whether a row without number and price lacks the position that the others count up by: it is a charge on the whole.

    Where OCR read the page, the position may be lost, and says nothing.
    """
    if sheet.page.words_from is WordsFrom.OCR:
        return False
    counts = next((place for place, column in enumerate(grid.columns) if column.figures is not None), None)
    if counts is None or counts in row.figures or grid.columns[counts].spec is not None:
        return False
    values = [one.figures[counts].value for one in rows if counts in one.figures]
    steps = [after - before for before, after in pairwise(value for value in values if value is not None)]
    return len(steps) > 0 and all(step == 1 for step in steps)


def _item(
    sheet: Sheet, row: GridRow, columns: Sequence[Column], specs: Sequence[FieldSpec], roles: Roles | None
) -> Item | None:
    """A row's values; None where what the table requires is missing, and no product makes up for it."""
    named = {column.spec.name: place for place, column in enumerate(columns) if column.spec is not None}
    figures = {name: row.figures[place] for name, place in named.items() if place in row.figures}
    if roles is not None:
        figures = _unglued(sheet, figures, roles)
    proven = _proven(figures, roles, row.figures.values()) if roles is not None else _taxed(figures, specs)
    values: dict[str, tuple[str, float, Box]] = {}
    for spec in specs:
        place = named.get(spec.name)
        if place is None:
            continue
        if spec.kind in NUMERIC:
            if spec.name in figures:
                token = figures[spec.name]
                sure = (
                    _PROVEN if proven and (roles is None or spec in roles) else _LABELLED if columns[place].names else _GUESSED
                )
                values[spec.name] = token.text, sure, sheet.box(token.span)
        elif lines := row.texts.get(place):
            text = " ".join(_said(part) for part in lines)
            boxes = [sheet.box(token.span) for part in lines for token in part]
            sure = _TEXT if len(lines) == 1 else _WRAPPED
            if any(c.isalnum() for c in text):
                values[spec.name] = text, sure, around(boxes)
    unit = next((spec.name for spec in specs if spec.name == UNIT and spec.name not in values), None)
    counted = figures.get(roles.number.name) if roles else None
    if unit and counted and (span := unit_behind(counted)):
        values[unit] = span.text, _LABELLED, sheet.box(span)
    for name, token in row.codes.items():
        values.setdefault(name, (token.text, _LABELLED, sheet.box(token.span)))
    needed = [spec for spec in specs if spec.required]
    for spec in needed:
        if spec.name not in values and (spec.kind in NUMERIC or not proven):
            return None
    return Item(values, proven, max(line.row for line in row.lines)) if len(values) > 1 else None


def _said(part: Sequence[Token]) -> str:
    """The print of tokens that may lie in several cells of a line."""
    said, run = [], [part[0]]
    for token in part[1:]:
        if token.span.cell.index == run[-1].span.cell.index:
            run.append(token)
        else:
            said.append(words_of(run))
            run = [token]
    return " ".join([*said, words_of(run)])


def _unglued(sheet: Sheet, figures: dict[str, Token], roles: Roles) -> dict[str, Token]:
    """`figures` with number and price apart where OCR read them as one (`2 17.40` as `217.40`) and the result proves it."""
    price, result = figures.get(roles.price.name), figures.get(roles.result.name)
    if roles.number.name in figures or price is None or result is None or result.value is None:
        return figures
    for size in range(1, 4):
        head, tail = price.text[:size], price.text[size:]
        one = read_core(tail, sheet.habits.decimal) if head.isdigit() and tail[:1].isdigit() and head[0] != "0" else None
        if one is not None and multiplies(Decimal(head), one, result.value, ()):
            cell, start, end = price.span
            number = price._replace(span=Span(cell, start, start + size), value=Decimal(head), money=False)
            rest = price._replace(span=Span(cell, start + size, end), value=one)
            return {**figures, roles.number.name: number, roles.price.name: rest}
    return figures


def _taxed(figures: Mapping[str, Token], specs: Sequence[FieldSpec]) -> bool:
    """Whether a figure of percent, of one sum of money, makes the other: a tax."""
    rates = [spec.name for spec in specs if spec.kind is Kind.PERCENT and spec.name in figures]
    money = [spec.name for spec in specs if spec.kind is Kind.MONEY and spec.name in figures]
    if len(rates) != 1 or len(money) != 2:
        return False
    rate, base, tax = (figures[name].value for name in (*rates, *money))
    if rate is None or base is None or tax is None:
        return False
    return abs(base * rate / 100 - tax) <= SUM_TOLERANCE


def _proven(figures: dict[str, Token], roles: Roles, others: Iterable[Token]) -> bool:
    number, price, result = (figures[spec.name].value if spec.name in figures else None for spec in roles)
    if number is None or price is None or result is None:
        return False
    return multiplies(number, price, result, others)
