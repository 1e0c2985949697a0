"""Reading a table of labels and values, whatever the labels are: the entries of a form."""

from collections.abc import Sequence
from typing import NamedTuple

from pipeline.engines.rules.labels import Hit
from pipeline.engines.rules.pairs.links import HEADING, Levels, Link, Way, link
from pipeline.engines.rules.pairs.segments import Segment, segments_of
from pipeline.engines.rules.sheet import Sheet, Table
from pipeline.records import Box, Leaf, WordsFrom, around
from schemas.fields import FieldSpec, Kind

_NEXT_LINE = 2.2
"""A value goes on in the next line where that stands so near below it, in units."""
_EDGE = 0.8
_HEADING_WORDS = 9
_LOUD = 1.2
"""A heading is printed so many times as high as most print, or in capitals."""
_SHARES = ((0.9, 0.94), (0.7, 0.87), (0.5, 0.75), (0.0, 0.45))
"""How often a pair that fits so well was right, on real forms and samples together; hard forms have many of the last."""
_BEHIND, _ABOVE_IT, _TICKED, _STATED = 0.88, 0.4, 0.82, 0.7
"""The same for a value behind a colon, above its label, for an option and for a statement that is ticked."""
_SENTENCE = 4
_SURE_LABEL = 0.75
_SECTION = 0.75
_NEAR = 3.0
_ABOVE = 3.2
"""A caption stands at most so far above its options, in units."""


class _Form(NamedTuple):
    """A sheet as a form: its segments, where they stand, and the numbers of those that are part of a pair."""

    sheet: Sheet
    segments: Sequence[Segment]
    levels: Levels
    used: frozenset[int]


class _Entry(NamedTuple):
    label: tuple[Segment, ...]
    value: tuple[Segment, ...]
    said: str
    sure: float


def asks_for_pairs(spec: FieldSpec) -> bool:
    """Whether the rows of a table are pairs: all of its columns are texts, `label` and `value` among them."""
    names = {column.name for column in spec.columns}
    return {"label", "value"} <= names and all(column.kind is Kind.TEXT for column in spec.columns)


def read_pairs(sheet: Sheet, spec: FieldSpec, hits: Sequence[Hit] = ()) -> Table:
    """The labels on the sheet that have a value, in the order of the print, with the headings that they stand under.

    Args:
        sheet: the page.
        spec: the table.
        hits: labels of other fields of the schema: what they stand before is no entry.
    """
    segments = segments_of(sheet)
    links = [found for found in link(sheet, segments) if not _garbage(sheet, segments, found)]
    used = frozenset(number for found in links for number in (found.label, found.value))
    form = _Form(sheet, segments, Levels(sheet, segments), used)
    entries = [_entry(form, found) for found in links] + _options(form)
    theirs = {(hit.span.cell.index, hit.span.start) for hit in hits if hit.name}
    entries = [entry for entry in entries if not any((s.cell.index, s.start) in theirs for s in entry.label[0].spans)]
    entries.sort(key=lambda entry: (round(entry.label[0].box[1] / sheet.unit), entry.label[0].box[0]))
    headings = _headings(form)
    asked = {column.name for column in spec.columns}
    leaves: list[Leaf] = []
    for number, entry in enumerate(entries):
        heading = _heading_of(entry, headings)
        told = [("label", _said(entry.label), entry.sure, entry.label), ("value", entry.said, entry.sure, entry.value)]
        told += [("section", heading.text, _SECTION, (heading,))] if heading else []
        leaves += [
            Leaf(f"{spec.name}[{number}].{name}", text, sure, _box(at)) for name, text, sure, at in told if name in asked
        ]
    cells = frozenset(span.cell.index for entry in entries for part in (*entry.label, *entry.value) for span in part.spans)
    return Table(tuple(leaves), cells)


def _garbage(sheet: Sheet, segments: Sequence[Segment], found: Link) -> bool:
    """Whether a value is a box that OCR took for letters: one or two of them, beside a sentence."""
    value = segments[found.value].text
    letters = [c for c in value if c.isalnum()]
    if sheet.page.words_from is not WordsFrom.OCR:
        return not letters
    label = sum(c.isalpha() for c in segments[found.label].text)
    if label < 2:
        return True
    short = len(letters) <= 2 and not any(c.isdigit() for c in letters)
    return not letters or (short and len(segments[found.label].text.split()) >= _SENTENCE)


def _said(parts: Sequence[Segment]) -> str:
    return " ".join(part.text for part in parts).rstrip(" :：.*") or parts[0].text


def _box(parts: Sequence[Segment]) -> Box:
    return around(part.box for part in parts)


def _entry(form: _Form, found: Link) -> _Entry:
    value = [form.segments[found.value], *_beside(form, found), *_lines_below(form, found)]
    sure = _ABOVE_IT if found.way is Way.ABOVE else next(share for least, share in _SHARES if found.fit >= least)
    if found.way is Way.BEHIND:
        sure = _BEHIND
    return _Entry((form.segments[found.label],), tuple(value), " ".join(part.text for part in value), sure)


def _beside(form: _Form, found: Link) -> list[Segment]:
    """What a value goes on with in its row."""
    parts: list[Segment] = []
    last = form.segments[found.value]
    for place in range(found.value + 1, len(form.segments)):
        other = form.segments[place]
        near = abs(form.sheet.down(last.box, other.box)) < 0.6 and 0 <= form.sheet.across(last.box, other.box) < _NEAR
        if not near or place in form.used or other.label > 0.45 or other.ticked is not None or other.follows:
            break
        parts.append(other)
        last = other
    return parts


def _lines_below(form: _Form, found: Link) -> list[Segment]:
    """The lines with which a value goes on: set to the same edge, close below, and nothing of their own."""
    sheet, segments = form.sheet, form.segments
    lines: list[Segment] = []
    last = segments[found.value]
    limit = 0.3 if found.way in (Way.BELOW, Way.ABOVE) or last.label < 0.1 else 0.46
    for place in range(found.value + 1, len(segments)):
        other = segments[place]
        down = sheet.down(last.box, other.box)
        if down > _NEXT_LINE:
            break
        aligned = abs(other.box[0] - last.box[0]) * sheet.aspect / sheet.unit <= _EDGE
        if not aligned or down < 0.5:
            continue
        if place in form.used or other.label > limit or other.ticked is not None or other.follows:
            break
        row = (segments[n] for n in form.levels.around(other.box, 0.7, 0.7) if n != place)
        if any(s.label > 0.4 and s.box[2] < other.box[0] for s in row):
            break
        lines.append(other)
        last = other
    return lines


def _options(form: _Form) -> list[_Entry]:
    """The ticked boxes: an option under its question, or a statement of its own that is ticked."""
    made = []
    for number, option in enumerate(form.segments):
        if not option.ticked:
            continue
        asked = _question(form, number)
        worded = any(c.isalpha() for c in option.text) and len(option.text.strip("xX[]()✓✔ ")) > 1
        statement = asked is None or (len(option.text.split()) >= _SENTENCE and asked.label < _SURE_LABEL)
        if worded and statement:
            made.append(_Entry((option,), (option,), "x", _STATED))
        elif asked is not None:
            made.append(_Entry((asked,), (option,), option.text if worded else "x", _TICKED))
    return made


def _question(form: _Form, number: int) -> Segment | None:
    """What an option answers: the label in front of its row of options, else the caption above them."""
    sheet, segments = form.sheet, form.segments
    option = segments[number]
    near = [n for n in form.levels.around(option.box, _ABOVE, 1.0) if n != number]
    row = [n for n in near if abs(sheet.down(segments[n].box, option.box)) < 1.0]
    in_front = [n for n in row if segments[n].box[0] < option.box[0] and segments[n].ticked is None]
    free = {n for n in near if n not in form.used and segments[n].ticked is None and not HEADING.match(segments[n].text)}
    if in_front:
        nearest = max(in_front, key=lambda n: segments[n].box[0])
        if nearest in free and segments[nearest].label >= 0.1:
            return segments[nearest]
    above = [
        (sheet.down(segments[n].box, option.box), segments[n])
        for n in sorted(free)
        if sheet.down(segments[n].box, option.box) > 0
        and segments[n].box[0] <= option.box[0] + 0.01
        and segments[n].label >= 0.4
    ]
    if not above:
        return None
    nearest_row = min(down for down, _ in above)
    return max((s for down, s in above if down <= nearest_row + 0.5), key=lambda s: s.box[0])


def _headings(form: _Form) -> list[Segment]:
    """The segments that stand alone in their row, are no part of a pair, and look like a heading.

    Where some are numbered, only those are: the others may be labels that nothing is filled in for.
    """
    segments = form.segments
    heights = sorted(s.box[3] - s.box[1] for s in segments) or [0.0]
    usual = heights[len(heights) // 2]
    made = []
    for number, one in enumerate(segments):
        text = one.text
        if (
            number in form.used
            or form.levels.around(one.box, 0.8, 0.8) != [number]
            or one.ticked is not None
            or not 0 < len(text.split()) <= _HEADING_WORDS
        ):
            continue
        capitals = text.upper() == text and text.lower() != text
        loud = one.box[3] - one.box[1] > _LOUD * usual or capitals
        if (loud or HEADING.match(text)) and any(c.isalpha() for c in text) and text[-1] not in ".,;":
            made.append(one)
    numbered = [one for one in made if HEADING.match(one.text)]
    return numbered if len(numbered) > 1 else made


def _heading_of(entry: _Entry, headings: Sequence[Segment]) -> Segment | None:
    above = [heading for heading in headings if heading.box[3] <= entry.label[0].box[1] + 0.002]
    return max(above, key=lambda heading: heading.box[1], default=None)
