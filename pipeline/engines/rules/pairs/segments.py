"""A form's print in segments: each a label, a value, or what could be either; a label and its value in one cell are parted."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pipeline.engines.rules.captions import boxes_in, is_caption, likely_caption
from pipeline.engines.rules.sheet import Cell, Sheet, Span
from pipeline.records import Box, around

_TOGETHER = 1.7
"""Cells of a row that stand closer than this, in units, are one segment where the print does not part them."""
_LONGEST_LABEL = 90
_COLON = re.compile(r"\s*[:：]\s*")
_CLOCK_OR_LINK = re.compile(r"\d\s*[:：]\s*\d|\w[:：]//")
_BLANKS = re.compile(r"^[\s_.…·\-–—]*[_…·.]{2,}[\s_.…·]*$|^[_\s]+$")
_EDGES = " \t_…|¦:："


@dataclass(frozen=True, slots=True)
class Segment:
    """Print that stands together.

    Attributes:
        spans: where it stands, from left to right.
        box: in the reading frame.
        label: how much it looks like a label, 0..1: above a half it is one rather than a value.
        ticked: of an option with a box before or behind it: whether that is ticked; None without a box.
        follows: it stands behind the segment before it in one cell, parted by a colon.
    """

    spans: tuple[Span, ...]
    box: Box
    label: float
    ticked: bool | None = None
    follows: bool = False

    @property
    def text(self) -> str:
        """The print, without the colon of a label and the lines that were to be written on."""
        return " ".join(span.text.strip() for span in self.spans).strip(_EDGES)


def segments_of(sheet: Sheet) -> list[Segment]:
    """The segments of the sheet in reading order."""
    made: list[Segment] = []
    for row in sheet.rows:
        for group in _groups(sheet, row):
            made += _parted(sheet, group)
    return made


def _groups(sheet: Sheet, row: Sequence[Cell]) -> Iterator[list[Cell]]:
    """The cells of a row that belong together: no wide gap between them, and the print goes on."""
    held: list[Cell] = []
    for cell in row:
        if _BLANKS.match(cell.text):
            continue
        near = held and sheet.across(held[-1].box, cell.box) < _TOGETHER
        if near and held[-1].text[-1] not in ":：?" and not boxes_in(held[-1].text) and not boxes_in(cell.text):
            held.append(cell)
            continue
        if held:
            yield held
        held = [cell]
    if held:
        yield held


def _parted(sheet: Sheet, cells: Sequence[Cell]) -> Iterator[Segment]:
    """The segments of some cells: options with their boxes each, labels and values apart."""
    spans = [span for cell in cells for span in _at_boxes(cell)]
    if len(cells) == 1 or any(ticked is not None for _, ticked in spans):
        for span, ticked in spans:
            yield from _at_colons(sheet, span, ticked)
        return
    text = " ".join(cell.text for cell in cells)
    if _COLON.search(text.rstrip(_EDGES)):
        for cell in cells:
            yield from _at_colons(sheet, Span(cell, 0, len(cell.text)), None)
        return
    whole = tuple(Span(cell, 0, len(cell.text)) for cell in cells)
    yield Segment(whole, around(sheet.box(span) for span in whole), likely_caption(text, sheet.page.language))


def _at_boxes(cell: Cell) -> Iterator[tuple[Span, bool | None]]:
    """The parts of a cell, each with whether the box that it opens with is ticked; boxes behind options are theirs."""
    boxes = boxes_in(cell.text)
    if not boxes:
        yield Span(cell, 0, len(cell.text)), None
        return
    lead = cell.text[: boxes[0][0]]
    behind = bool(lead.strip(_EDGES)) and not cell.text[boxes[-1][1] :].strip(_EDGES) and lead.strip()[-1] not in ":：?"
    if behind:
        begin = 0
        for start, end, ticked in boxes:
            yield _trimmed(cell, begin, start), ticked
            begin = end
        return
    if lead.strip(_EDGES):
        yield Span(cell, 0, boxes[0][0]), None
    for number, (start, end, ticked) in enumerate(boxes):
        after = boxes[number + 1][0] if number + 1 < len(boxes) else len(cell.text)
        yield (_trimmed(cell, end, after) if cell.text[end:after].strip(_EDGES) else Span(cell, start, end)), ticked


def _trimmed(cell: Cell, start: int, end: int) -> Span:
    text = cell.text[start:end]
    return Span(cell, start + len(text) - len(text.lstrip()), start + len(text.rstrip()))


def _at_colons(sheet: Sheet, span: Span, ticked: bool | None) -> Iterator[Segment]:
    """A part of a cell as label, value, label, value …, where colons say so."""
    text = span.text
    ends = [m for m in _COLON.finditer(text) if not _CLOCK_OR_LINK.match(text, max(m.start() - 1, 0))]
    begin = 0
    follows = False
    for place, colon in enumerate(ends):
        head = text[begin : colon.start()]
        start = begin
        if follows:
            # The label behind a value is its last words: those that forms ask with, else one.
            start = begin + _last_label(head, sheet.page.language)
            if start > begin and text[begin:start].strip(_EDGES):
                yield _segment(sheet, span, begin, start, label=0.0, ticked=ticked, follows=True)
            elif start == begin and place:
                break
        if not any(c.isalpha() for c in text[start : colon.start()]) or colon.start() - start > _LONGEST_LABEL:
            break
        yield _segment(sheet, span, start, colon.end(), label=1.0, ticked=None, follows=False)
        begin, follows = colon.end(), True
    rest = text[begin:]
    if rest.strip(_EDGES):
        sure = 0.0 if follows else likely_caption(rest, sheet.page.language)
        yield _segment(sheet, span, begin, len(text), label=sure, ticked=ticked, follows=follows)


def _segment(sheet: Sheet, span: Span, start: int, end: int, *, label: float, ticked: bool | None, follows: bool) -> Segment:
    text = span.text[start:end]
    lead = len(text) - len(text.lstrip(_EDGES))
    trail = len(text) - len(text.rstrip(" " if label == 1.0 else _EDGES))
    inner = Span(span.cell, span.start + start + lead, span.start + end - trail)
    return Segment((inner,), sheet.box(inner), label, ticked, follows)


def _last_label(text: str, language: str) -> int:
    """Where the label starts that closes `text`."""
    words = list(re.finditer(r"\S+", text))
    if not words:
        return 0
    for size in range(min(len(words) - 1, 4), 0, -1):
        start = words[-size].start()
        if is_caption(text[start:]):
            return start
    return words[-1].start() if len(words) > 1 else 0
