"""Reading the rows under a heading."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median

from pipeline.engines.rules.sheet import Sheet
from pipeline.engines.rules.tables.codes import give_codes, part_codes
from pipeline.engines.rules.tables.columns import (
    Column,
    Figures,
    TableLine,
    column_at,
    is_pure,
    lay_columns,
    name_columns,
)
from pipeline.engines.rules.tables.endings import opens
from pipeline.engines.rules.tables.headings import Head, Heading, labelled_as
from pipeline.engines.rules.tables.tokens import Row, Token, ends_of, middle, tokens_of
from pipeline.engines.rules.tables.wraps import EDGE, ROW_LINES, GridRow, Loose, TextColumn, attach
from pipeline.values.text import MINUS
from schemas.fields import NUMERIC, FieldSpec, Kind

_FIRST_GAP = 9.0
"""The first row of a table starts at most so far below its heading, in units."""
_GAP = 2.6
"""A gap as many times as wide as the usual one between rows ends the table."""
_ROW_FIGURES = 3
"""A line of so many figures is no sum, whatever words open it."""
_SPLIT = 0.55
"""A figure that closes a text stands in a column of its own where the gap before it is so wide, in units."""
_DASH = 3.0
"""A dash that stands alone goes on with the words so near before it, in units."""
_MARGIN = 1.0
"""Print that stands so far outside the heading is no part of the table, in units; on the right 8 times as far."""
_STARTS = 4
"""A table without a heading is looked for from so many lines at most."""
PROSE = (Kind.TEXT, Kind.NAME, Kind.ADDRESS)


@dataclass(frozen=True, slots=True)
class Grid:
    """A table on the page.

    Attributes:
        columns: what stands in it, from left to right.
        rows: what may be its rows.
        lines: the lines under its heading.
        heading: the indexes of the heading's cells.
    """

    columns: tuple[Column, ...]
    rows: tuple[GridRow, ...]
    lines: tuple[TableLine, ...]
    heading: frozenset[int]

    def cells(self, last: int) -> set[int]:
        """The indexes of the cells of heading and lines, down to the page's row `last`."""
        lines = (line for line in self.lines if line.row <= last)
        return set(self.heading) | {token.span.cell.index for line in lines for cell in line.cells for token in cell}


def read_grid(sheet: Sheet, rows: Sequence[Row], heading: Heading, specs: Sequence[FieldSpec]) -> Grid:
    """The table under `heading`: down to the last of `rows` at most."""
    heading = _with_open_side(sheet, rows, heading, specs)
    body = list(_body(sheet, rows, heading, specs))
    lines, codes = part_codes(body, specs)
    columns = lay_columns(heading.heads, lines, specs)
    first = [dict(_placed(line, columns, None)[0]) for line in lines]
    columns = name_columns(columns, specs, [row for row in _merged(lines, first) if len(row) > 1])
    columns, text = _text_column(columns, specs, lines)
    made = _rows(lines, columns, text)
    give_codes(made, codes)
    left, right = heading.heads[0].x0 - _MARGIN, heading.heads[-1].x1 + _MARGIN
    own = {
        cell.index
        for row in rows[heading.first : heading.last + 1]
        for cell in row
        if left <= ends_of(sheet, cell)[0] and ends_of(sheet, cell)[1] <= right
    }
    return Grid(tuple(columns), tuple(made), tuple(body), frozenset(own))


def _with_open_side(sheet: Sheet, rows: Sequence[Row], heading: Heading, specs: Sequence[FieldSpec]) -> Heading:
    """The heading with a head for the texts to the left of it, where it has none over texts: many slips head figures alone."""
    prose = {spec.name for spec in specs if spec.kind not in NUMERIC}
    below = [ends_of(sheet, cell)[0] for row in rows[heading.last + 1 : heading.last + 6] for cell in row]
    left = min(below, default=heading.heads[0].x0)
    if prose & heading.names or left > heading.heads[0].x0 - _MARGIN:
        return heading
    return replace(heading, heads=(Head(left, left, "", {}), *heading.heads))


def read_loose_grids(sheet: Sheet, rows: Sequence[Row], specs: Sequence[FieldSpec]) -> Iterator[Grid]:
    """What may be a table without a heading: from each of the first lines with three figures on."""
    tried = 0
    for number, row in enumerate(rows):
        cells = _cells(sheet, row)
        lead = bool(cells) and not is_pure(cells[0]) and cells[0][0].value is not None
        if len(cells) < 3 or sum(map(is_pure, cells)) + lead < 3:
            continue
        left, right = min(cell.box[0] for cell in sheet.cells), max(cell.box[2] for cell in sheet.cells)
        scale = sheet.aspect / sheet.unit
        ends = (Head(left * scale, left * scale, "", {}), Head(right * scale, right * scale, "", {}))
        grid = read_grid(sheet, rows, Heading(number, number - 1, ends), specs)
        if grid.rows:
            yield grid
        tried += 1
        if tried == _STARTS:
            return


def _body(sheet: Sheet, rows: Sequence[Row], heading: Heading, specs: Sequence[FieldSpec]) -> Iterator[TableLine]:
    """The lines that may belong to the table: down to a sum, or to a gap that is too wide."""
    before = middle(sheet, rows[max(heading.last, 0)])
    steps: list[float] = []
    left, right = heading.heads[0].x0 - _MARGIN, min(heading.heads[-1].x1 + _MARGIN * 8, heading.limit)
    worded = any(spec.kind in PROSE for spec in specs)
    figured = before
    seen = False
    for row in range(heading.last + 1, len(rows)):
        cells = [cell for cell in _cells(sheet, rows[row]) if cell[-1].x1 > left and cell[0].x0 < right]
        if not cells:
            continue
        line = TableLine(row, middle(sheet, rows[row]), tuple(cells))
        figures = sum(token.value is not None and not token.percent for cell in line.cells if is_pure(cell) for token in cell)
        if line.y - before > max(_FIRST_GAP, _GAP * median(steps) if steps else 0.0):
            return
        if _closes(sheet, line, figures, seen and worded):
            return
        if (
            seen
            and not figures
            and len(line.cells) > 1
            and all(labelled_as(cell[0].span.cell.text, specs) for cell in line.cells)
        ):
            return
        if figures:
            if seen and line.y - figured > ROW_LINES:
                steps.append(line.y - figured)
            seen, figured = True, line.y
        before = line.y
        yield line


def _closes(sheet: Sheet, line: TableLine, figures: int, seen: bool) -> bool:
    """Whether a line is a sum, or what is due in a table of other things; in one of several figures the first words tell."""
    worded = [cell for cell in line.cells if any(token.letters for token in cell if token.value is None)]
    told = worded[:1] if figures >= _ROW_FIGURES else worded
    if any(opens(sheet, cell, "sums") for cell in told) and figures < _ROW_FIGURES:
        return True
    some = any(token.value is not None for cell in line.cells for token in cell)
    return seen and some and any(opens(sheet, cell, "dues") for cell in told)


def _cells(sheet: Sheet, row: Row) -> tuple[tuple[Token, ...], ...]:
    """The tokens of a row's cells; what starts with a dash that stands alone goes on with the words before it."""
    cells: list[tuple[Token, ...]] = []
    for cell in row:
        tokens = tuple(tokens_of(sheet, cell))
        if not tokens:
            continue
        dash = cell.text[0] in MINUS and cell.text[1:2] in ("", " ") and len(cell.starts) > 1
        if dash and cells and cells[-1][-1].value is None and tokens[0].x0 - cells[-1][-1].x1 < _DASH:
            cells[-1] += tokens
        else:
            cells.append(tokens)
    return tuple(cells)


def _merged(lines: Sequence[TableLine], figures: Sequence[Figures]) -> list[Figures]:
    """The figures of lines that make one row together."""
    made: list[dict[int, Token]] = []
    last = 0.0
    for line, held in zip(lines, figures, strict=True):
        if not held:
            continue
        if made and line.y - last <= ROW_LINES and not set(held) & set(made[-1]):
            made[-1].update(held)
        else:
            made.append(dict(held))
        last = line.y
    return list(made)


Placed = tuple[dict[int, Token], dict[int, tuple[Token, ...]]]


def _placed(line: TableLine, columns: Sequence[Column], text: TextColumn | None) -> Placed:
    """The figures and the texts of a line by number of their column."""
    figures: dict[int, Token] = {}
    mixed: list[tuple[Token, ...]] = []
    for cell in line.cells:
        if is_pure(cell) and not (text and text.holds(cell, columns)) and not _is_word(cell, columns, text):
            _fill(figures, cell, columns)
            if text and text.number not in figures and any(text.covers(token) for token in cell):
                mixed.append(tuple(token for token in cell if token.value is None))
            elif text and cell[-1].value is None and _is_word(cell[-1:], columns, text):
                mixed.append(cell[-1:])  # the unit behind a number
        else:
            mixed.append(cell)
    texts: dict[int, tuple[Token, ...]] = {}
    for cell in mixed:
        rest = _split(cell, columns, figures, text)
        for part in text.parts(rest) if text else [rest]:
            place = _text_at(part, columns, text)
            if part and place is not None:
                texts[place] = texts.get(place, ()) + part
    return figures, texts


def _fill(figures: dict[int, Token], cell: Sequence[Token], columns: Sequence[Column]) -> None:
    """Give the figures of a cell to their columns; the first of two in one column is a number, else the next column's left."""
    counts = next((place for place, column in enumerate(columns) if column.spec and column.spec.kind is Kind.NUMBER), None)
    before: int | None = None
    for token in cell:
        place = column_at(token, columns) if token.value is not None else None
        if place is not None and place == before:
            left = counts if counts is not None else next((n for n in range(place - 1, -1, -1) if columns[n].numeric), None)
            if left is not None and left not in figures:
                figures[left] = figures.pop(place)
        if place is not None and place not in figures:
            figures[place] = token
        before = place


def _is_word(cell: Sequence[Token], columns: Sequence[Column], text: TextColumn | None) -> bool:
    """Whether figures are print: the number of an article in a column of the schema, or a part of the text that they follow."""
    if text and text.left + EDGE < cell[0].x0 and cell[-1].x1 < text.right:
        return all(column_at(token, columns) is None for token in cell)
    if cell[-1].value is None and column_at(cell[0], columns) is not None:
        return False  # a number with its unit
    place = _text_at(cell, columns, None)
    spec = columns[place].spec if place is not None else None
    return spec is not None and spec.kind not in NUMERIC and (text is None or place != text.number)


def _split(
    cell: tuple[Token, ...], columns: Sequence[Column], figures: dict[int, Token], text: TextColumn | None
) -> tuple[Token, ...]:
    """The words of a cell without the figures at its ends that stand in columns of their own, which go to `figures`."""
    start, end = 0, len(cell)
    while start < end - 1 and cell[start].value is not None:
        place = column_at(cell[start], columns)
        if place is None or place in figures or (text and cell[start].x0 > text.left - EDGE / 2):
            break
        figures[place] = cell[start]
        start += 1
    last = end
    while last > start + 1:
        token = cell[last - 1]
        place = column_at(token, columns) if token.value is not None else None
        told = place is not None and not token.letters and (columns[place].spec is not None or bool(columns[place].names))
        if place is not None and told and place not in figures and token.x0 - cell[last - 2].x1 >= _SPLIT:
            figures[place] = token
            last = end = last - 1
        elif token.value is None and len(token.text) <= 6 and cell[last - 2].value is not None and last == end:
            last -= 1
        else:
            break
    return cell[start:end]


def _text_at(part: Sequence[Token], columns: Sequence[Column], text: TextColumn | None) -> int | None:
    """The column of texts that some words stand in; those that stand in none are of the table's own text."""
    if not part:
        return None
    x0, x1 = part[0].x0, part[-1].x1
    if text and abs(x0 - text.left) <= EDGE:
        return text.number
    over: dict[int, float] = {}
    for place, column in enumerate(columns):
        width = min(x1, column.x1) - max(x0, column.x0)
        if width > 0:
            over[place] = width
    if over:
        best = max(over, key=lambda place: over[place])
        return text.number if text and text.number in over and columns[best].figures is not None else best
    return text.number if text and text.left < x0 < text.right else None


def _text_column(
    columns: list[Column], specs: Sequence[FieldSpec], lines: Sequence[TableLine]
) -> tuple[list[Column], TextColumn | None]:
    """The column of the table's own text (its first text in the schema): labelled, else the one with most letters in it."""
    spec = next((spec for spec in specs if spec.kind in PROSE), None)
    if spec is None:
        return columns, None
    number = next((place for place, column in enumerate(columns) if column.spec is spec), None)
    if number is None:
        letters: Counter[int] = Counter()
        for line in lines:
            for place, part in _placed(line, columns, None)[1].items():
                if columns[place].figures is None and columns[place].spec is None:
                    letters[place] += sum(token.letters for token in part)
        if not letters:
            columns = _with_texts(columns, lines)
            number = next((place for place, column in enumerate(columns) if column.figures is None and not column.headed), None)
        else:
            number = letters.most_common(1)[0][0]
        if number is None:
            return columns, None
        columns[number] = replace(columns[number], spec=spec)
    left = _left(columns, number, lines)
    right = (
        min((c.figures or (c.x0, c.x1))[0] for c in columns[number + 1 :])
        if columns[number + 1 :]
        else columns[number].x1 + 100
    )
    columns[number] = replace(columns[number], figures=None)
    return columns, TextColumn(number, left, right, columns[number].x1)


def _with_texts(columns: list[Column], lines: Sequence[TableLine]) -> list[Column]:
    """`columns` with one more where no head stands: the stretch of the row with most letters in lines that hold figures."""
    stretches: list[tuple[float, float, int]] = []
    for line in lines:
        figures, _ = _placed(line, columns, None)
        parts = [_split(cell, columns, {}, None) for cell in line.cells if not is_pure(cell)] if len(figures) > 1 else []
        for part in parts:
            x0, x1, letters = part[0].x0, part[-1].x1, sum(token.letters for token in part)
            for held in [held for held in stretches if held[0] < x1 and x0 < held[1]]:
                stretches.remove(held)
                x0, x1, letters = min(x0, held[0]), max(x1, held[1]), letters + held[2]
            stretches.append((x0, x1, letters))
    if not stretches:
        return columns
    x0, x1, _ = max(stretches, key=lambda stretch: stretch[2])
    return sorted([*columns, Column(x0, x1, headed=False)], key=lambda column: column.x0)


def _left(columns: Sequence[Column], number: int, lines: Sequence[TableLine]) -> float:
    """The left edge of a column of texts: where most of its cells start."""
    head = columns[number]
    begin = columns[number - 1].x1 if number else -1.0
    stop = columns[number + 1].x0 if number + 1 < len(columns) else head.x1 + 100
    starts: Counter[float] = Counter()
    for line in lines:
        for cell in line.cells:
            for place, token in enumerate(cell):
                if token.letters and begin - 0.5 <= token.x0 < stop and (place == 0 or cell[place - 1].value is not None):
                    starts[round(token.x0 * 2) / 2] += 1
                    break
    if not starts:
        return head.x0
    most = max(starts.values())
    return min((x for x, count in starts.items() if count == most), key=lambda x: abs(x - head.x0))


def _rows(lines: Sequence[TableLine], columns: Sequence[Column], text: TextColumn | None) -> list[GridRow]:
    """The rows: lines with figures start one or complete one; lines of text alone go to the row that they belong to."""
    rows: list[GridRow] = []
    loose: list[Loose] = []
    placed = [_placed(line, columns, text) for line in lines]
    needed = {p for p, column in enumerate(columns) if column.spec and column.spec.required and column.spec.kind in NUMERIC}
    with_any = sum(bool(needed & set(figures)) for figures, _ in placed)
    told_by_line = [{place for place in figures if columns[place].spec is not None} for figures, _ in placed]
    at_once = 2 * sum(needed < told for told in told_by_line) > with_any > 0
    pitch = _pitch([line for line, told in zip(lines, told_by_line, strict=True) if needed and needed <= told])
    for line, (figures, texts), told in zip(lines, placed, told_by_line, strict=True):
        own = texts.get(text.number) if text else None
        apart = line.y - rows[-1].lines[-1].y if rows else 0.0
        if told and not (at_once and rows and not needed & told and apart < 0.8 * pitch):
            row = rows[-1] if rows else None
            wide = row is None or line.y - row.lines[-1].y > ROW_LINES
            if row is None or wide or told & set(row.figures) or (own and needed <= set(row.figures)):
                row = GridRow()
                rows.append(row)
            row.figures |= {place: token for place, token in figures.items() if place not in row.figures}
            row.lines.append(line)
            for place, part in texts.items():
                if text is None or place != text.number or place not in row.texts:
                    row.texts.setdefault(place, []).append(part)
                else:
                    loose.append((len(rows) - 1, line, part))
        elif own and not _lost(texts, columns):
            loose.append((len(rows) - 1, line, own))
    if text:
        attach(rows, loose, text, needed)
    return rows


def _pitch(whole: Sequence[TableLine]) -> float:
    """The usual distance between rows, in units, from the lines that are whole; 0 where they are too few to tell."""
    steps = [after.y - before.y for before, after in pairwise(whole)]
    return median(steps) if len(steps) > 1 else 0.0


def _lost(texts: Mapping[int, Sequence[Token]], columns: Sequence[Column]) -> bool:
    """Whether a line is a row whose figures cannot be read: words stand where they should be."""
    return any(columns[place].numeric and columns[place].spec is not None for place in texts)
