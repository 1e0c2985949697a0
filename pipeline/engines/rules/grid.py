"""Reading the rows under a heading."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import median

from pipeline.engines.rules.columns import NUMERIC, Column, Figures, TableLine, is_pure, lay_columns, name_columns
from pipeline.engines.rules.endings import opens
from pipeline.engines.rules.headings import Head, Heading, labelled_as
from pipeline.engines.rules.sheet import Sheet
from pipeline.engines.rules.tokens import Row, Token, middle, tokens_of, words_of
from pipeline.values.text import MINUS
from schemas.fields import FieldSpec, Kind

_FIRST_GAP = 9.0
"""The first row of a table starts at most so far below its heading, in units."""
_GAP = 2.6
"""A gap as many times as wide as the usual one between rows ends the table."""
_ROW_LINES = 2.7
"""Lines of one row stand at most so far from each other, in units."""
_EDGE = 1.2
"""Print that starts so near to the edge of its column starts at it, in units."""
_SPLIT = 0.55
"""A figure that closes a text stands in a column of its own where the gap before it is so wide, in units."""
_DASH = 3.0
"""A dash that stands alone goes on with the words so near before it, in units."""
_MARGIN = 1.0
"""Print that stands so far outside the heading is no part of the table, in units; on the right 8 times as far."""
PROSE = (Kind.TEXT, Kind.NAME, Kind.ADDRESS)


@dataclass(slots=True)
class GridRow:
    """A row of a table as it is put together.

    Attributes:
        figures: the figures by number of the column.
        texts: the lines of print by number of the column.
        lines: the lines that it takes up.
    """

    figures: dict[int, Token] = field(default_factory=dict)
    texts: dict[int, list[tuple[Token, ...]]] = field(default_factory=dict)
    lines: list[TableLine] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Grid:
    """A table on the page: its columns, its rows, and the numbers of the page's rows that it takes up."""

    columns: tuple[Column, ...]
    rows: tuple[GridRow, ...]
    taken: frozenset[int]


def read_grid(sheet: Sheet, rows: Sequence[Row], heading: Heading, specs: Sequence[FieldSpec]) -> Grid:
    """The table under `heading`: down to the last of `rows` at most."""
    lines = list(_body(sheet, rows, heading, specs))
    columns = lay_columns(heading.heads, lines, specs)
    first = [dict(_placed(line, columns, None)[0]) for line in lines]
    columns = name_columns(columns, specs, [row for row in _merged(lines, first) if len(row) > 1])
    columns, text = _text_column(columns, specs, lines)
    made = _rows(lines, columns, text)
    taken = {number for number in range(heading.first, heading.last + 1) if number >= 0}
    taken |= {line.row for row in made for line in row.lines}
    return Grid(tuple(columns), tuple(made), frozenset(taken))


def read_loose_grid(sheet: Sheet, rows: Sequence[Row], specs: Sequence[FieldSpec]) -> Grid | None:
    """A table without a heading: from the first line with three cells of figures on; None where there is none."""
    for number, row in enumerate(rows):
        if len(row) > 3 and sum(is_pure(tokens) for tokens in _cells(sheet, row)) >= 3:
            left, right = min(cell.box[0] for cell in sheet.cells), max(cell.box[2] for cell in sheet.cells)
            scale = sheet.aspect / sheet.unit
            ends = (Head(left * scale, left * scale, "", {}), Head(right * scale, right * scale, "", {}))
            grid = read_grid(sheet, rows, Heading(number - 1, number - 1, ends), specs)
            if grid.rows:
                return grid
    return None


def _body(sheet: Sheet, rows: Sequence[Row], heading: Heading, specs: Sequence[FieldSpec]) -> Iterator[TableLine]:
    """The lines that may belong to the table: down to a sum, or to a gap that is too wide."""
    before = middle(sheet, rows[heading.last]) if heading.last >= 0 else 0.0
    steps: list[float] = []
    left, right = heading.heads[0].x0 - _MARGIN, heading.heads[-1].x1 + _MARGIN * 8
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
        if seen and any(opens(sheet, cell, "dues") for cell in line.cells):
            return
        if any(opens(sheet, cell, "sums") for cell in line.cells) and (figures < 3 or len(line.cells) > 6):
            return
        if (
            seen
            and not figures
            and len(line.cells) > 1
            and all(labelled_as(cell[0].span.cell.text, specs) for cell in line.cells)
        ):
            return
        if figures:
            if seen and line.y - figured > _ROW_LINES:
                steps.append(line.y - figured)
            seen, figured = True, line.y
        before = line.y
        yield line


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
        if made and line.y - last <= _ROW_LINES and not set(held) & set(made[-1]):
            made[-1].update(held)
        else:
            made.append(dict(held))
        last = line.y
    return list(made)


Loose = tuple[int, TableLine, tuple[Token, ...]]
"""A line of text without figures: the number of the row above it, the line, the words."""
Placed = tuple[dict[int, Token], dict[int, tuple[Token, ...]]]


def _placed(line: TableLine, columns: Sequence[Column], text: "_Text | None") -> Placed:
    """The figures and the texts of a line by number of their column."""
    figures: dict[int, Token] = {}
    mixed: list[tuple[Token, ...]] = []
    for cell in line.cells:
        if is_pure(cell) and not (text and text.holds(cell, columns)):
            for token in cell:
                place = _column_at(token, columns) if token.value is not None else None
                if place is not None and place not in figures:
                    figures[place] = token
            if text and text.number not in figures and any(text.covers(token) for token in cell):
                mixed.append(tuple(token for token in cell if token.value is None))
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


def _column_at(token: Token, columns: Sequence[Column]) -> int | None:
    """The column of figures that a token stands in."""
    over = {
        place: min(token.x1, column.figures[1]) - max(token.x0, column.figures[0])
        for place, column in enumerate(columns)
        if column.figures is not None and column.numeric
    }
    best = max(over, key=lambda place: over[place], default=None)
    return best if best is not None and over[best] > 0 else None


def _split(
    cell: tuple[Token, ...], columns: Sequence[Column], figures: dict[int, Token], text: "_Text | None"
) -> tuple[Token, ...]:
    """The words of a cell without the figures at its ends that stand in columns of their own, which go to `figures`."""
    start, end = 0, len(cell)
    while start < end - 1 and cell[start].value is not None:
        place = _column_at(cell[start], columns)
        if place is None or place in figures or (text and cell[start].x0 > text.left - _EDGE / 2):
            break
        figures[place] = cell[start]
        start += 1
    last = end
    while last > start + 1:
        token = cell[last - 1]
        place = _column_at(token, columns) if token.value is not None else None
        told = place is not None and (columns[place].spec is not None or bool(columns[place].names))
        if place is not None and told and place not in figures and token.x0 - cell[last - 2].x1 >= _SPLIT:
            figures[place] = token
            last = end = last - 1
        elif token.value is None and len(token.text) <= 6 and cell[last - 2].value is not None and last == end:
            last -= 1
        else:
            break
    return cell[start:end]


def _text_at(part: Sequence[Token], columns: Sequence[Column], text: "_Text | None") -> int | None:
    """The column of texts that some words stand in; those that stand in none are of the table's own text."""
    if not part:
        return None
    x0, x1 = part[0].x0, part[-1].x1
    if text and abs(x0 - text.left) <= _EDGE:
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


@dataclass(frozen=True, slots=True)
class _Text:
    """The column of the table's own text: its number, and its left and right edge in units."""

    number: int
    left: float
    right: float

    def covers(self, token: Token) -> bool:
        """Whether a word stands in it."""
        return token.value is None and self.left - _EDGE <= token.x0 < self.right and token.letters > 0

    def holds(self, cell: Sequence[Token], columns: Sequence[Column]) -> bool:
        """Whether a cell that opens with a figure is a text nevertheless: it starts at the edge, and has letters."""
        at_edge = abs(cell[0].x0 - self.left) <= _EDGE and _column_at(cell[0], columns) is None
        return at_edge and any(c.isalpha() for c in words_of(cell))

    def parts(self, cell: tuple[Token, ...]) -> list[tuple[Token, ...]]:
        """A cell that runs over the edge, in two."""
        for place, token in enumerate(cell):
            if place and abs(token.x0 - self.left) <= 0.5 and cell[0].x0 < self.left - _EDGE:
                return [cell[:place], cell[place:]]
        return [cell]


def _text_column(
    columns: list[Column], specs: Sequence[FieldSpec], lines: Sequence[TableLine]
) -> tuple[list[Column], _Text | None]:
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
        number = letters.most_common(1)[0][0] if letters else None
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
    return columns, _Text(number, left, right)


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


def _rows(lines: Sequence[TableLine], columns: Sequence[Column], text: _Text | None) -> list[GridRow]:
    """The rows: lines with figures start one or complete one; lines of text alone go to the row that they belong to."""
    rows: list[GridRow] = []
    loose: list[Loose] = []
    placed = [_placed(line, columns, text) for line in lines]
    needed = {p for p, column in enumerate(columns) if column.spec and column.spec.required and column.spec.kind in NUMERIC}
    with_any = sum(bool(needed & set(figures)) for figures, _ in placed)
    told_by_line = [{place for place in figures if columns[place].spec is not None} for figures, _ in placed]
    at_once = 2 * sum(needed < told for told in told_by_line) > with_any > 0
    for line, (figures, texts), told in zip(lines, placed, told_by_line, strict=True):
        own = texts.get(text.number) if text else None
        if told and not (at_once and rows and not needed & told):
            row = rows[-1] if rows else None
            wide = row is None or line.y - row.lines[-1].y > _ROW_LINES
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
        _attach(rows, loose, text)
    return rows


def _lost(texts: Mapping[int, Sequence[Token]], columns: Sequence[Column]) -> bool:
    """Whether a line is a row whose figures cannot be read: words stand where they should be."""
    return any(columns[place].numeric and columns[place].spec is not None for place in texts)


def _attach(rows: list[GridRow], loose: list[Loose], text: _Text) -> None:
    """Give each line of text to the row above it, or below it, or to none.

    A row without a text of its own takes the line nearest to it. Else a line belongs to the row that it is close to when the
    line before it was broken because the next word found no room: what starts a line for another reason is a note.
    """
    limit = max((part[-1].x1 for row in rows for part in row.texts.get(text.number, ())), default=0.0)
    ends = {id(row): row.lines[-1].y for row in rows}
    closed: set[int] = set()
    for number, (above, line, part) in enumerate(loose):
        row = rows[above] if above >= 0 else None
        under = rows[above + 1] if above + 1 < len(rows) else None
        up = line.y - ends[id(row)] if row else 99.0
        down = under.lines[0].y - line.y if under else 99.0
        at_edge = abs(part[0].x0 - text.left) <= _EDGE
        room = max([limit, *(other[-1].x1 for other in _together(loose[number:]) if other[-1].x1 <= text.right)])
        own = row.texts.get(text.number, []) if row else []
        if under and text.number not in under.texts and down <= min(up * 1.2, _ROW_LINES * 2) and (own or not row):
            under.texts[text.number] = [part]
            under.lines.insert(0, line)
        elif row and not own and up <= _ROW_LINES:
            _add(row, line, part, text)
            ends[id(row)] = line.y
        elif (
            under
            and down < up * 0.85
            and down <= _ROW_LINES
            and at_edge
            and _broken(part, under.texts.get(text.number, [part])[0], room)
        ):
            under.texts.setdefault(text.number, []).insert(0, part)
            under.lines.insert(0, line)
        elif row and above not in closed and up <= _ROW_LINES and at_edge and own and _broken(own[-1], part, room):
            _add(row, line, part, text)
            ends[id(row)] = line.y
        elif row:
            closed.add(above)


def _together(loose: Sequence[Loose]) -> Iterator[tuple[Token, ...]]:
    """The first of some lines of text, and those that stand close under it."""
    before: Loose | None = None
    for item in loose:
        if before is not None and (item[0] != before[0] or item[1].y - before[1].y > _ROW_LINES):
            return
        yield item[2]
        before = item


def _add(row: GridRow, line: TableLine, part: tuple[Token, ...], text: _Text) -> None:
    row.texts.setdefault(text.number, []).append(part)
    if line not in row.lines:
        row.lines.append(line)


def _broken(part: Sequence[Token], after: Sequence[Token], limit: float) -> bool:
    """Whether the first word of the line after `part` found no room behind it; a label with a value is a line of its own."""
    return part[-1].x1 + 0.3 + after[0].x1 - after[0].x0 > limit - 0.4 and not _labelled(after)


def _labelled(part: Sequence[Token]) -> bool:
    """Whether a line is a label with its value: a colon after its first words."""
    return not part[0].text.startswith("(") and any(":" in words_of([token])[-1:] for token in part[:4])
