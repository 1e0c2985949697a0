"""Which rows of print the rows of a table are, and which place on its row a cell is.

Rows are laid on the page's lines in their order so that as much of them as possible is printed there. A row of which the page
prints too little where it could stand is on none: a model made it up.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import cached_property
from statistics import median

from pipeline.ground.labelled import Labels
from pipeline.ground.printed import Place
from pipeline.records import Value
from schemas.base import Schema, spec_at
from schemas.fields import NUMERIC, Kind

_NEAR = (1.0, 0.5, 0.3)
"""What a cell is worth that is printed on its row's line, and one and two lines off."""
_ENOUGH = 0.4
"""The least share of a row that must be printed where it stands."""
_REACH = 4
"""How many lines a row may have below its first."""


class Tables:
    """The tables of a page whose cells came without a hint of their place."""

    def __init__(self, values: Sequence[Value], found: Sequence[list[Place]], labels: Labels) -> None:
        """Lay each table's rows on the page.

        Args:
            values: all values of the page.
            found: the places of each.
            labels: of the page.
        """
        self._labels = labels
        self._words = labels.printed.page.words
        self._line_of: dict[str, int | None] = {}
        self._reach: dict[str, range] = {}
        self._middles: dict[str, float] = {}
        self._used: set[tuple[str, tuple[int, ...]]] = set()
        rows: dict[str, dict[str, list[tuple[Value, list[Place]]]]] = defaultdict(lambda: defaultdict(list))
        for value, places in zip(values, found, strict=True):
            if value.box is None and (name := table_of(value.path)):
                rows[name][row_of(value.path)].append((value, places))
        self._blocks: dict[str, Place] = {}
        for name, cells in rows.items():
            if _in_lines(name, labels.schema):
                self._lay(cells)
                self._find_columns(cells)
            else:
                self._blocks.update(filter(None, (_surest(row, of_row) for row, of_row in cells.items())))

    def cell(self, value: Value, options: Sequence[Place]) -> Place | None:
        """The place of a cell on its row, nearest to its column; None where its row does not print it."""
        row, column = row_of(value.path), column_of(value.path)
        if not _in_lines(table_of(value.path), self._labels.schema):
            return self._in_block(row, options)
        here = [place for place in options if self._line(place) in self._reach.get(row, ())]
        if not here:
            return None
        line, middle = self._line_of[row] or 0, self._middles.get(column)

        def far(place: Place) -> tuple[float, float]:
            box = self._labels.printed.box(place)
            aside = abs((box[0] + box[2]) / 2 - middle) if middle is not None else 0.0
            taken = 0.5 if (row, place.words) in self._used else 0.0
            return abs(self._line(place) - line) + 4 * aside + taken, box[0]

        chosen = min(here, key=far)
        self._used.add((row, chosen.words))
        return chosen

    def _in_block(self, row: str, options: Sequence[Place]) -> Place | None:
        """The place of a cell of a table without figures: its rows are blocks that may stand side by side."""
        block = self._blocks.get(row)
        if block is None or len(options) < 2:
            return options[0] if options else None
        one = self._labels.printed.box(block)

        def far(place: Place) -> float:
            box = self._labels.printed.box(place)
            return abs(box[0] - one[0]) + abs(box[1] - one[1])

        return min(options, key=far)

    def holds(self, place: Place) -> bool:
        """Whether a place is on the line of some row."""
        return self._line(place) in self._lines

    @cached_property
    def _lines(self) -> frozenset[int | None]:
        return frozenset(self._line_of.values())

    def _line(self, place: Place) -> int:
        return self._words[place.words[0]].line

    def _lay(self, rows: dict[str, list[tuple[Value, list[Place]]]]) -> None:
        """Choose the line of each row: the best choice of lines that go down with the rows."""
        order = sorted(rows, key=lambda row: int(row.rpartition("[")[2].rstrip("]")))
        worth = [_worth(rows[row], self._line) for row in order]
        chosen = _falling(worth, sorted({line for one in worth for line in one}))
        kept = []
        for row, line in zip(order, chosen, strict=True):
            self._line_of[row] = None
            if line is not None and self._printed(rows[row], range(line - 1, line + _REACH)) >= _ENOUGH:
                self._line_of[row] = line
                kept.append((row, line))
        for place, (row, line) in enumerate(kept):
            above = kept[place - 1][1] if place else line - 3
            below = kept[place + 1][1] if place + 1 < len(kept) else line + _REACH
            self._reach[row] = range(max(above + 1, line - 2), min(below, line + _REACH))

    def _printed(self, cells: Sequence[tuple[Value, list[Place]]], lines: range) -> float:
        """How much of a row is printed on some lines."""
        there = sum(_weight(value) for value, places in cells if any(self._line(place) in lines for place in places))
        return there / sum(_weight(value) for value, _ in cells)

    def _find_columns(self, rows: dict[str, list[tuple[Value, list[Place]]]]) -> None:
        """The middle of each column: as its sure cells tell, else its heading."""
        sure: dict[str, list[float]] = defaultdict(list)
        every = {column_of(value.path) for cells in rows.values() for value, _ in cells}
        for row, cells in rows.items():
            for value, places in cells:
                here = [place for place in places if self._line(place) in self._reach.get(row, ())]
                if len(here) == 1:
                    box = self._labels.printed.box(here[0])
                    sure[column_of(value.path)].append((box[0] + box[2]) / 2)
        top = min((line for line in self._line_of.values() if line is not None), default=0)
        for column in every:
            if column not in sure:
                heads = [place for place, _ in self._labels.of(column) if top - 4 <= self._line(place) < top]
                boxes = [self._labels.printed.box(place) for place in heads]
                sure[column] = [(box[0] + box[2]) / 2 for box in boxes]
        self._middles.update({column: median(middles) for column, middles in sure.items() if middles})


def _in_lines(table: str, schema: Schema) -> bool:
    """Whether the rows of a table are lines of print: those with figures are."""
    return any(column.kind in (*NUMERIC, Kind.DATE) for column in spec_at(schema, table).columns)


def _surest(row: str, cells: Sequence[tuple[Value, list[Place]]]) -> tuple[str, Place] | None:
    """The place of the longest cell of a row that is printed once."""
    once = [(len(value.verbatim), places[0]) for value, places in cells if len(places) == 1]
    return (row, max(once, key=lambda one: one[0])[1]) if once else None


def table_of(path: str) -> str:
    """The table that a path belongs to; empty for a field of the document."""
    return path.partition("[")[0] if "[" in path else ""


def row_of(path: str) -> str:
    """The row that a path belongs to: `line_items[3]`."""
    return path.rpartition(".")[0]


def column_of(path: str) -> str:
    """The column that a path belongs to: `line_items[].amount`."""
    return re.sub(r"\[\d*\]", "[]", path)


def _weight(value: Value) -> float:
    """How much a cell tells of its row: a text the most, a short figure the least."""
    if len(value.verbatim) < 3:
        return 0.5
    return 2.0 if isinstance(value.value, str) and len(value.verbatim) > 3 else 1.5


def _worth(cells: Sequence[tuple[Value, list[Place]]], line_of: Callable[[Place], int]) -> dict[int, float]:
    """What each line is worth as the line of a row."""
    worth: dict[int, float] = defaultdict(float)
    for value, places in cells:
        best: dict[int, float] = defaultdict(float)
        for place in places:
            for away, share in enumerate(_NEAR):
                for line in {line_of(place) - away, line_of(place) + away}:
                    best[line] = max(best[line], share)
        for line, share in best.items():
            worth[line] += share * _weight(value)
    return worth


def _falling(worth: Sequence[dict[int, float]], lines: Sequence[int]) -> list[int | None]:
    """A line for each row, each below the one before, worth the most together; None for a row that is left out."""
    best = [[0.0] * (len(lines) + 1) for _ in range(len(worth) + 1)]
    for row, own in enumerate(worth, 1):
        for count, line in enumerate(lines, 1):
            here = best[row - 1][count - 1] + own.get(line, 0.0)
            best[row][count] = max(best[row][count - 1], best[row - 1][count], here)
    chosen: list[int | None] = [None] * len(worth)
    row, count = len(worth), len(lines)
    while row and count:
        if best[row][count] == best[row][count - 1]:
            count -= 1
        else:
            if best[row][count] != best[row - 1][count]:
                count -= 1
                chosen[row - 1] = lines[count]
            row -= 1
    return chosen
