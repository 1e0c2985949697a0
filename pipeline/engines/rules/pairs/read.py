"""Reading a table of labels and values, whatever the labels are: the entries of a form."""

from collections.abc import Sequence
from typing import NamedTuple

from pipeline.engines.rules.pairs.links import Link, Way, link
from pipeline.engines.rules.pairs.segments import Segment, segments_of
from pipeline.engines.rules.sheet import Sheet, Table
from pipeline.records import Box, Leaf, around
from schemas.fields import FieldSpec, Kind

_NEXT_LINE = 2.2
"""A value goes on in the next line where that stands so near below it, in units."""
_EDGE = 0.8
_HEADING_WORDS = 9


class _Entry(NamedTuple):
    label: tuple[Segment, ...]
    value: tuple[Segment, ...]
    said: str
    sure: float


def asks_for_pairs(spec: FieldSpec) -> bool:
    """Whether the rows of a table are pairs: all of its columns are texts, `label` and `value` among them."""
    names = {column.name for column in spec.columns}
    return {"label", "value"} <= names and all(column.kind is Kind.TEXT for column in spec.columns)


def read_pairs(sheet: Sheet, spec: FieldSpec) -> Table:
    """The labels on the sheet that have a value, in the order of the print, with the headings that they stand under."""
    segments = segments_of(sheet)
    links = link(sheet, segments)
    entries = [_entry(sheet, segments, found, links) for found in links]
    entries += _options(sheet, segments, links)
    entries.sort(key=lambda entry: (round(entry.label[0].box[1] / sheet.unit), entry.label[0].box[0]))
    headings = _headings(sheet, segments, links)
    leaves: list[Leaf] = []
    for number, entry in enumerate(entries):
        path = f"{spec.name}[{number}]"
        leaves.append(Leaf(f"{path}.label", _said(entry.label), entry.sure, _box(entry.label)))
        leaves.append(Leaf(f"{path}.value", entry.said, entry.sure, _box(entry.value)))
        if heading := _heading_of(entry, headings):
            leaves.append(Leaf(f"{path}.section", heading.text, 0.7, heading.box))
    cells = frozenset(span.cell.index for entry in entries for part in (*entry.label, *entry.value) for span in part.spans)
    asked = {column.name for column in spec.columns}
    return Table(tuple(leaf for leaf in leaves if leaf.path.partition("].")[2] in asked), cells)


def _said(parts: Sequence[Segment]) -> str:
    return " ".join(part.text for part in parts).rstrip(" :：.*") or parts[0].text


def _box(parts: Sequence[Segment]) -> Box:
    return around(part.box for part in parts)


def _entry(sheet: Sheet, segments: Sequence[Segment], found: Link, links: Sequence[Link]) -> _Entry:
    used = {number for one in links for number in (one.label, one.value)}
    value = [segments[found.value]]
    label = [segments[found.label]]
    for below in _lines_below(sheet, segments, found.value, used):
        value.append(below)
    sure = 0.95 if found.way is Way.BEHIND else min(0.55 + 0.45 * found.fit, 0.92)
    return _Entry(tuple(label), tuple(value), " ".join(part.text for part in value), sure)


def _lines_below(sheet: Sheet, segments: Sequence[Segment], number: int, used: set[int]) -> list[Segment]:
    """The lines with which a value goes on: set to the same edge, close below, and nothing of their own."""
    lines: list[Segment] = []
    last = segments[number]
    for place in range(number + 1, len(segments)):
        other = segments[place]
        down = sheet.down(last.box, other.box)
        if down > _NEXT_LINE:
            break
        aligned = abs(other.box[0] - last.box[0]) * sheet.aspect / sheet.unit <= _EDGE
        if not aligned or down < 0.5:
            continue
        if place in used or other.label > 0.45 or other.ticked is not None or other.follows:
            break
        left = [
            s
            for n, s in enumerate(segments)
            if abs(sheet.down(s.box, other.box)) < 0.7 and s.box[2] < other.box[0] and n != place
        ]
        if any(s.label > 0.4 for s in left):
            break
        lines.append(other)
        last = other
    return lines


def _options(sheet: Sheet, segments: Sequence[Segment], links: Sequence[Link]) -> list[_Entry]:
    """The ticked boxes: an option under its question, or a statement of its own that is ticked."""
    used = {number for one in links for number in (one.label, one.value)}
    made = []
    for number, option in enumerate(segments):
        if not option.ticked:
            continue
        asked = _question(sheet, segments, number, used)
        if asked is not None:
            made.append(_Entry((asked,), (option,), option.text, 0.85))
        elif any(c.isalpha() for c in option.text):
            made.append(_Entry((option,), (option,), "x", 0.7))
    return made


def _question(sheet: Sheet, segments: Sequence[Segment], number: int, used: set[int]) -> Segment | None:
    """What an option answers: a label in front of its row of options, or above them."""
    option = segments[number]
    best: tuple[float, Segment] | None = None
    for place, other in enumerate(segments):
        if other.ticked is not None or other.label < 0.4 or (place in used and other.label < 1.0):
            continue
        down = sheet.down(other.box, option.box)
        if abs(down) < 1.0 and other.box[2] <= option.box[0] + 0.005:
            between = [
                s for s in segments if abs(sheet.down(s.box, option.box)) < 1.0 and other.box[0] < s.box[0] < option.box[0]
            ]
            if all(s.ticked is not None for s in between):
                far = sheet.across(other.box, option.box) * 0.1
                best = min(best or (99.0, other), (far, other), key=lambda item: item[0])
        elif 0 < down <= 3.0 and other.box[0] <= option.box[0] + 0.005 and other.label >= 0.75:
            best = min(best or (99.0, other), (down + 2, other), key=lambda item: item[0])
    return best[1] if best else None


def _headings(sheet: Sheet, segments: Sequence[Segment], links: Sequence[Link]) -> list[Segment]:
    """The segments that stand alone in their row, are no part of a pair, and look like a heading."""
    used = {number for one in links for number in (one.label, one.value)}
    heights = sorted(s.box[3] - s.box[1] for s in segments) or [0.0]
    usual = heights[len(heights) // 2]
    made = []
    for number, one in enumerate(segments):
        text = one.text
        alone = all(n == number or abs(sheet.down(s.box, one.box)) > 0.8 for n, s in enumerate(segments))
        if number in used or not alone or one.ticked is not None or not 0 < len(text.split()) <= _HEADING_WORDS:
            continue
        loud = one.box[3] - one.box[1] > 1.12 * usual or (
            text.upper() == text and any(c.isalpha() for c in text) and text.lower() != text
        )
        numbered = text[:1].isdigit() or text[:2] in ("A.", "B.", "C.", "D.", "I.")
        if (loud or numbered) and any(c.isalpha() for c in text) and text[-1] not in ".,;":
            made.append(one)
    return made


def _heading_of(entry: _Entry, headings: Sequence[Segment]) -> Segment | None:
    above = [heading for heading in headings if heading.box[3] <= entry.label[0].box[1] + 0.002]
    return max(above, key=lambda heading: heading.box[1], default=None)
