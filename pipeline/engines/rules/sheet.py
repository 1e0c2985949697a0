"""A page as the rules see it: rows of cells, distances counted in heights of its print."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import NamedTuple

from pipeline.records import Box, Leaf, PageWords, WordsFrom
from pipeline.values.lines import Habits, Line, bounding, habits_of, lines_of

LARGE = 1.15
"""Print so many times as high as usual may be a title."""
_STROKES = frozenset("|¦")


@dataclass(frozen=True, slots=True)
class Cell:
    """Print that stands together in a row, parted from its neighbours by a wide gap.

    Attributes:
        index: its number on the sheet, in reading order.
        row: the number of its row.
        text: its words with single spaces.
        first: the page's index of its first word.
        starts: where in `text` each word starts.
        box: in the reading frame.
    """

    index: int
    row: int
    text: str
    first: int
    starts: tuple[int, ...]
    box: Box


class Span(NamedTuple):
    """Some characters of a cell: `start` to `end`, not included."""

    cell: Cell
    start: int
    end: int

    @property
    def text(self) -> str:
        """The characters."""
        return self.cell.text[self.start : self.end]

    @property
    def place(self) -> tuple[int, int, int]:
        """All of where it stands: an IBAN and a number that is its first group are two readings."""
        return (self.cell.index, self.start, self.end)


@dataclass(frozen=True, slots=True)
class Reading:
    """A value that a rule took from the sheet: where it stands and how sure the rule is, 0..1."""

    span: Span
    confidence: float
    verbatim: str


class Table(NamedTuple):
    """The rows of a table as leaves, and the indexes of the cells that heading and rows take up."""

    leaves: tuple[Leaf, ...] = ()
    cells: frozenset[int] = frozenset()


class Sheet:
    """A page's words in rows of cells.

    Attributes:
        page: the words.
        habits: how the page writes.
        cells: all cells in reading order; `rows` the same by rows.
        unit: the usual height of a word, as a fraction of the page's height: what distances are counted in.
        aspect: width by height of the page: a fraction of the width times this is one of the height.
    """

    def __init__(self, page: PageWords) -> None:
        """Part the lines of `page` into cells."""
        self.page = page
        lines = lines_of(page)
        self.habits: Habits = habits_of(page, lines)
        width, height = page.frame.upright
        self.aspect = width / height
        self.unit = median(word.box[3] - word.box[1] for word in page.words) if page.words else 0.01
        self.rows: list[list[Cell]] = []
        self.cells: list[Cell] = []
        for number, line in enumerate(lines):
            row = [
                Cell(len(self.cells) + place, number, text, first, starts, bounding(page.words[first : first + len(starts)]))
                for place, (text, first, starts) in enumerate(_parts(line, page.words_from is WordsFrom.OCR))
            ]
            self.rows.append(row)
            self.cells += row

    def box(self, span: Span) -> Box:
        """The box of the words that `span` touches, in the reading frame."""
        first, last = Line(span.cell.text, span.cell.first, span.cell.starts).words(span.start, span.end)
        return bounding(self.page.words[first : last + 1])

    def height(self, box: Box) -> float:
        """How high a box is, in units."""
        return (box[3] - box[1]) / self.unit

    def leaf(self, path: str, reading: Reading) -> Leaf:
        """`reading` as the value of `path`."""
        return Leaf(path, reading.verbatim, round(reading.confidence, 3), self.box(reading.span))

    def across(self, one: Box, other: Box) -> float:
        """The gap between two boxes along the row, in units; negative where they overlap."""
        return max(other[0] - one[2], one[0] - other[2]) * self.aspect / self.unit

    def down(self, upper: Box, lower: Box) -> float:
        """From the middle of one box to that of another below it, in units."""
        return (lower[1] + lower[3] - upper[1] - upper[3]) / 2 / self.unit

    def right_of(self, cell: Cell) -> Sequence[Cell]:
        """The cells after `cell` in its row, nearest first."""
        row = self.rows[cell.row]
        return row[cell.index - row[0].index + 1 :]

    def below(self, box: Box, row: int, reach: float) -> Iterator[Cell]:
        """The cells in the rows under `row` that stand below `box`, nearest row first, within `reach` units."""
        for cells in self.rows[row + 1 :]:
            if cells and self.down(box, cells[0].box) > reach + 2:
                return
            for cell in cells:
                if 0 < self.down(box, cell.box) <= reach and self.across(box, cell.box) < 0:
                    yield cell


def _parts(line: Line, ruled: bool) -> Iterator[tuple[str, int, tuple[int, ...]]]:
    """The parts of a line that two spaces stand between: text, index of the first word, where its words start.

    Where it is `ruled`, a stroke parts as well: OCR reads the lines of a form or table as such.
    """
    held: list[int] = []
    for number, start in enumerate(line.starts):
        end = line.starts[number + 1] if number + 1 < len(line.starts) else len(line.text)
        stroke = ruled and line.text[start:end].strip() in _STROKES
        if held and (stroke or line.text[start - 2 : start] == "  "):
            yield _part(line, held)
            held = []
        if not stroke:
            held.append(number)
    if held:
        yield _part(line, held)


def _part(line: Line, words: Sequence[int]) -> tuple[str, int, tuple[int, ...]]:
    begin, after = line.starts[words[0]], words[-1] + 1
    end = line.starts[after] if after < len(line.starts) else len(line.text)
    return line.text[begin:end].rstrip(), line.first + words[0], tuple(line.starts[word] - begin for word in words)
