"""A form's print in segments: each a label, a value, or what could be either; a label and its value in one cell are parted."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from pipeline.engines.rules.captions import boxes_in, is_caption, likely_caption
from pipeline.engines.rules.sheet import Cell, Sheet, Span
from pipeline.records import Box, WordsFrom, around

_TOGETHER = 1.7
"""Cells of a row that stand closer than this, in units, are one segment where the print does not part them."""
_LONGEST_LABEL = 90
_OPTION = 4.5
"""An option starts at most so far behind its box, in units."""
_MISREAD = re.compile(r"(?:[O0DQC©UÜ|\[(]|CO|CJ|LJ|L\]|U\]|\[\]|\(\)|\[J|\(\]) (?=\w)|[O0\[](?=[A-ZÀ-Ý][a-zà-ÿ])")
"""What an empty box before an option is read as."""
_GARBLED = re.compile(r"[^\s]{1,2} (?=[^\W\d_]{2})")
"""What a ticked one is: one or two signs."""
_COLON = re.compile(r"\s*[:：]\s*")
_CLOCK_OR_LINK = re.compile(r"\d\s*[:：]\s*\d|\w[:：]//")
_BLANKS = re.compile(r"^(?:[\s_.…·]*+[-–—]++)*+(?:\s|[_…·.](?![_…·.]))*+[_…·.]{2}[\s_.…·]*+$|^[_\s]++$")
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
        parts = [part for group in _groups(sheet, row) for part in _parted(sheet, group)]
        made += (
            _with_misread_boxes(sheet, _boxed(sheet, parts)) if sheet.page.words_from is WordsFrom.OCR else _boxed(sheet, parts)
        )
    return made


def _boxed(sheet: Sheet, parts: Sequence[Segment]) -> list[Segment]:
    """The segments of a row, a box that stands alone joined to the option close behind it."""
    made: list[Segment] = []
    for part in parts:
        box = made[-1] if made else None
        lone = box is not None and box.ticked is not None and not any(c.isalnum() for c in box.text.strip("xX[]()|"))
        near = box is not None and sheet.across(box.box, part.box) < _OPTION
        first = len(made) < 2 or (box is not None and sheet.across(made[-2].box, box.box) > _OPTION)
        if box is not None and lone and near and first and part.ticked is None and part.label < 1.0 and not part.follows:
            made[-1] = replace(part, ticked=box.ticked)
        else:
            made.append(part)
    return made


def _with_misread_boxes(sheet: Sheet, parts: list[Segment]) -> list[Segment]:
    """The segments of a row of options whose boxes OCR read as letters: `O Family`, `KE Student`, `[ Senior`.

    An empty box looks alike before each option; the one option with other signs before it is ticked, else the one without any.
    """
    options = parts[1:] if parts and parts[0].label >= 0.1 and _MISREAD.match(parts[0].text) is None else parts
    if len(options) < 2 or any(part.follows or part.label == 1.0 for part in options):
        return parts
    empty = [part.ticked is False or _MISREAD.match(part.text) is not None for part in options]
    odd = [not one and _GARBLED.match(part.text) is not None for part, one in zip(options, empty, strict=True)]
    ticked = odd if sum(odd) == 1 else [not one for one in empty]
    if not any(empty) or (sum(empty) < 2 and len(options) > 2):
        return parts
    if sum(ticked) != 1 or (len(options) == 2 and not options[ticked.index(True)].text.replace(" ", "").isalpha()):
        ticked = [False] * len(options)  # nothing tells which one
    lead = len(parts) - len(options)
    return parts[:lead] + [_without_box(sheet, part, one) for part, one in zip(options, ticked, strict=True)]


def _without_box(sheet: Sheet, part: Segment, ticked: bool) -> Segment:
    """An option without the letters that its box was read as."""
    span = part.spans[0]
    match = (_GARBLED if ticked else _MISREAD).match(span.text)
    if match is None or part.ticked is not None:
        return replace(part, ticked=ticked)
    inner = Span(span.cell, span.start + match.end(), span.end)
    return replace(part, spans=(inner, *part.spans[1:]), box=sheet.box(inner), ticked=ticked)


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
