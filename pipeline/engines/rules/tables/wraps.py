"""Which row of a table each line of text belongs to that has no figures: to the one above, the one below, or to none."""

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, field

from pipeline.engines.rules.tables.columns import Column, TableLine, column_at
from pipeline.engines.rules.tables.tokens import Token, words_of

ROW_LINES = 2.7
"""Lines of one row stand at most so far from each other, in units."""
EDGE = 1.2
"""Print that starts so near to the edge of its column starts at it, in units."""


@dataclass(slots=True)
class GridRow:
    """A row of a table as it is put together.

    Attributes:
        figures: the figures by number of the column.
        texts: the lines of print by number of the column.
        lines: the lines that it takes up.
        codes: numbers of articles in its text, by name of their column.
    """

    figures: dict[int, Token] = field(default_factory=dict)
    texts: dict[int, list[tuple[Token, ...]]] = field(default_factory=dict)
    lines: list[TableLine] = field(default_factory=list)
    codes: dict[str, Token] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TextColumn:
    """The column of the table's own text: its number, its left and right edge, and where its head ends, in units."""

    number: int
    left: float
    right: float
    head: float

    def covers(self, token: Token) -> bool:
        """Whether a word stands in it."""
        return token.value is None and self.left - EDGE <= token.x0 < self.right and token.letters > 0

    def holds(self, cell: Sequence[Token], columns: Sequence[Column]) -> bool:
        """Whether a cell that opens with a figure is a text nevertheless: it starts at the edge, and has letters."""
        at_edge = abs(cell[0].x0 - self.left) <= EDGE and column_at(cell[0], columns) is None
        return at_edge and any(c.isalpha() for c in words_of(cell))

    def parts(self, cell: tuple[Token, ...]) -> list[tuple[Token, ...]]:
        """A cell that runs over the edge, in two."""
        for place, token in enumerate(cell):
            if place and abs(token.x0 - self.left) <= 0.5 and cell[0].x0 < self.left - EDGE:
                return [cell[:place], cell[place:]]
        return [cell]


Loose = tuple[int, TableLine, tuple[Token, ...]]
"""A line of text without figures: the number of the row above it, the line, the words."""


def attach(rows: list[GridRow], loose: list[Loose], text: TextColumn, needed: Set[int]) -> None:
    """Give each line of text to the row above it, or below it, or to none.

    A row without a text of its own takes the line nearest to it. Else a line belongs to the row that it is close to when the
    line before it was broken because the next word found no room: what starts a line for another reason is a note.
    """
    whole = [row for row in rows if needed <= set(row.figures)]
    limit = max([text.head, *(part[-1].x1 for row in whole for part in row.texts.get(text.number, ()))])
    ends = {id(row): row.lines[-1].y for row in rows}
    closed: set[int] = set()
    for number, (above, line, part) in enumerate(loose):
        row = rows[above] if above >= 0 else None
        under = rows[above + 1] if above + 1 < len(rows) else None
        up = line.y - ends[id(row)] if row else 99.0
        down = under.lines[0].y - line.y if under else 99.0
        room = max([limit, *(other[-1].x1 for other in _together(loose[number:]) if other[-1].x1 <= text.right)])
        own = row.texts.get(text.number, []) if row else []
        if under and text.number not in under.texts and down <= min(up * 1.2, ROW_LINES * 2) and (own or not row):
            under.texts[text.number] = [part]
            under.lines.insert(0, line)
        elif row and not own and up <= ROW_LINES:
            _add(row, line, part, text)
            ends[id(row)] = line.y
        elif (
            under and down < up * 0.85 and down <= ROW_LINES and _continues(part, under.texts.get(text.number, [part])[0], room)
        ):
            under.texts.setdefault(text.number, []).insert(0, part)
            under.lines.insert(0, line)
        elif row and above not in closed and up <= ROW_LINES and own and _continues(own[-1], part, room):
            _add(row, line, part, text)
            ends[id(row)] = line.y
        elif row:
            closed.add(above)


def _together(loose: Sequence[Loose]) -> Iterator[tuple[Token, ...]]:
    """The first of some lines of text, and those that stand close under it."""
    before: Loose | None = None
    for item in loose:
        if before is not None and (item[0] != before[0] or item[1].y - before[1].y > ROW_LINES):
            return
        yield item[2]
        before = item


def _add(row: GridRow, line: TableLine, part: tuple[Token, ...], text: TextColumn) -> None:
    row.texts.setdefault(text.number, []).append(part)
    if line not in row.lines:
        row.lines.append(line)


def _continues(part: Sequence[Token], after: Sequence[Token], limit: float) -> bool:
    """Whether `after` goes on with the text of `part`: set to the same edge or middle, and its first word found no room there.

    A label with a value is a line of its own.
    """
    if _labelled(after):
        return False
    edge = abs(part[0].x0 - after[0].x0) <= EDGE
    centred = abs(part[0].x0 + part[-1].x1 - after[0].x0 - after[-1].x1) / 2 <= EDGE
    return (edge or centred) and part[-1].x1 + 0.3 + after[0].x1 - after[0].x0 > limit - 0.4


def _labelled(part: Sequence[Token]) -> bool:
    """Whether a line is a label with its value: a colon after its first words."""
    return not part[0].text.startswith("(") and any(":" in words_of([token])[-1:] for token in part[:4])
