"""A page's running text, in which a find knows its words: lines joined to paragraphs, headings apart."""

import re
from bisect import bisect_right
from dataclasses import dataclass
from statistics import median

from pipeline.engines.rules.sheet import Cell, Sheet, Span
from pipeline.records import Box, around

_PARAGRAPH = 1.45
"""A step to the next line so many times as high as the usual one starts a paragraph."""
_SHORT = 0.72
"""A line that ends before so much of the widest one's end closes its paragraph, where it ends as a sentence does."""
_NUMBERED = re.compile(
    r"(?:§ ?\d+|Art(?:icle|ikel|icolo|ículo|igo|\.)? ?\d+|\d{1,2}(?:\.\d{1,2})*[.)]|\([a-z0-9]\)|ข้อ ?\d+|खंड ?\d+)(?=\s|$)", re.I
)


@dataclass(frozen=True, slots=True)
class Piece:
    """Where a stretch of the running text comes from: it starts at `start` there, at `offset` in `cell`."""

    start: int
    cell: Cell
    offset: int


class Prose:
    """The running text of a page.

    Attributes:
        text: lines joined by a space, a word parted at a line's end joined again; paragraphs parted by line breaks.
    """

    def __init__(self, sheet: Sheet, taken: frozenset[int] = frozenset()) -> None:
        """Join the rows of the sheet; cells in `taken` are left out."""
        self._sheet = sheet
        rows = [[cell for cell in row if cell.index not in taken] for row in sheet.rows]
        rows = [row for row in rows if row]
        steps = [sheet.down(one[0].box, other[0].box) for one, other in zip(rows, rows[1:], strict=False)]
        usual = median([step for step in steps if step > 0] or [2.0])
        right = max((cell.box[2] for row in rows for cell in row), default=1.0)
        self.text = ""
        self._pieces: list[Piece] = []
        for number, row in enumerate(rows):
            if number:
                self._join(rows[number - 1], row, steps[number - 1] > _PARAGRAPH * usual, right)
            for place, cell in enumerate(row):
                self.text += " " if place else ""
                self._pieces.append(Piece(len(self.text), cell, 0))
                self.text += cell.text
        self._starts = [piece.start for piece in self._pieces]

    def spans(self, start: int, end: int) -> list[Span]:
        """The print of characters `start` to `end`, cell by cell."""
        found = []
        first = max(bisect_right(self._starts, start) - 1, 0)
        for number, piece in enumerate(self._pieces[first:], first + 1):
            if piece.start >= end:
                break
            after = self._starts[number] if number < len(self._starts) else len(self.text)
            begin, stop = max(start - piece.start, 0), min(min(end, after) - piece.start, len(piece.cell.text))
            if begin < stop and piece.cell.text[begin:stop].strip():
                found.append(Span(piece.cell, begin, stop))
        return found

    def box(self, start: int, end: int) -> Box | None:
        """The box around characters `start` to `end`."""
        spans = self.spans(start, end)
        return around(self._sheet.box(span) for span in spans) if spans else None

    def _join(self, before: list[Cell], row: list[Cell], far: bool, right: float) -> None:
        short = before[-1].box[2] < _SHORT * right and (self.text[-1:] in ".:;।" or _NUMBERED.match(before[0].text) is not None)
        if far or short or _NUMBERED.match(row[0].text):
            self.text += "\n"
        elif self.text.endswith("-") and self.text[-2:-1].isalpha() and row[0].text[:1].islower():
            self.text = self.text[:-1]
        else:
            self.text += " "


def loose(pattern: str, language: str) -> str:
    """A regular expression that forgives what print and OCR do to spaces: Thai has some within words, Hindi loses some."""
    if language == "th":
        return re.sub("(?<=[ก-๙])(?=[ก-๙])", " ?", pattern.replace(" ", " ?")).replace("ำ", "(?:ำ|ํ ?า)")
    return pattern.replace(" ?", " ").replace(" ", " ?") if language == "hi" else pattern
