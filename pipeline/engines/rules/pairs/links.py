"""Which value is whose: every label with what stands behind it, right of it, below it or above it, the best fits first."""

import re
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from pipeline.engines.rules.captions import under_a_line
from pipeline.engines.rules.pairs.segments import Segment
from pipeline.engines.rules.sheet import Sheet
from pipeline.records import Box

_LEVEL = 1.3
"""A value beside a label stands at most so much higher or lower, in units."""
_RIGHT_REACH = 48.0
_OPTIONS = 25.0
_DOWN_REACH = 4.2
_ASIDE = 3.0
"""A value below its label starts at most so far beside it, in units."""
_ALIGNED = 0.8
_ROWS = 3
"""So many pairs one below the other, each part aligned, are a column of pairs."""
_LEAST = 0.27
HEADING = re.compile(r"(?:\d{1,2}|[A-Zक-हก-ฮ]|[IVX]{1,4})[.)]\s+[^\W\d][^:\d]*$")
"""A heading with a number or letter before it."""
_SAME_STEP = 0.4
_COLUMN = 1.5
"""How much likelier a pair is in a column of pairs."""


class Levels:
    """Segments by how far down the page they stand: what is near is found without looking at all of them."""

    def __init__(self, sheet: Sheet, segments: Sequence[Segment]) -> None:
        """Sort the segments by their middles."""
        self._unit = sheet.unit
        self._sorted = sorted(((s.box[1] + s.box[3]) / 2, n) for n, s in enumerate(segments))
        self._middles = [middle for middle, _ in self._sorted]

    def around(self, box: Box, up: float, down: float) -> list[int]:
        """The numbers of the segments whose middles are within `up` and `down` units of that of a box, in reading order."""
        middle = (box[1] + box[3]) / 2
        first = bisect_left(self._middles, middle - up * self._unit)
        last = bisect_right(self._middles, middle + down * self._unit)
        return sorted(number for _, number in self._sorted[first:last])


class Way(StrEnum):
    """Where the value of a label stands."""

    BEHIND = "behind"
    RIGHT = "right"
    BELOW = "below"
    ABOVE = "above"


_WEIGHT = {Way.BEHIND: 1.0, Way.RIGHT: 0.95, Way.BELOW: 0.9, Way.ABOVE: 0.85}
_USUAL = {Way.RIGHT: 1.0, Way.BELOW: 1.0, Way.ABOVE: 0.9}
"""The ways that a page may mostly go, with how usual each is among forms."""
_UNUSUAL = 0.65


@dataclass(frozen=True, slots=True)
class Link:
    """A label and what may be its value: the numbers of both segments, where it stands, and how well that fits (0..1)."""

    label: int
    value: int
    way: Way
    fit: float


def link(sheet: Sheet, segments: Sequence[Segment]) -> list[Link]:
    """One value for each label that has one, and one label for each value, the best fits first.

    A form mostly goes one way: the page is read as if values stood right of their labels, then below, then above them, and the
    reading in which labels and values fit best is the one.
    """
    offers = _aligned(sheet, segments, list(_offers(sheet, segments)))
    signed = {number for number, segment in enumerate(segments) if under_a_line(segment.text)}
    best: list[Link] = []
    most = -1.0
    for usual, trust in _USUAL.items():
        weighed = [
            o
            if o.way in (usual, Way.BEHIND) or (o.way is Way.ABOVE and o.label in signed)
            else replace(o, fit=o.fit * _UNUSUAL)
            for o in offers
        ]
        chosen = _settled(weighed)
        worth = sum(found.fit for found in chosen) * trust
        if worth > most:
            most, best = worth, chosen
    return best


def _settled(offers: Sequence[Link]) -> list[Link]:
    """The best offers, so that no segment is in two of them."""
    used: set[int] = set()
    chosen = []
    for offer in sorted(offers, key=lambda offer: (-offer.fit, offer.label)):
        if offer.fit < _LEAST:
            break
        if offer.label in used or offer.value in used:
            continue
        used |= {offer.label, offer.value}
        chosen.append(offer)
    return chosen


def _offers(sheet: Sheet, segments: Sequence[Segment]) -> Iterator[Link]:
    levels = Levels(sheet, segments)
    for number, label in enumerate(segments):
        if label.label < 0.3 or label.ticked is not None:
            continue
        after = segments[number + 1] if number + 1 < len(segments) else None
        if after is not None and after.follows:
            yield Link(number, number + 1, Way.BEHIND, 1.0)
            continue
        for way, value, near in _around(sheet, segments, levels, number):
            other = segments[value]
            if other.follows or other.ticked is not None or HEADING.match(other.text):
                continue
            yield Link(number, value, way, label.label * (1 - other.label) * near * _WEIGHT[way] * _sizes(way, label, other))


def _sizes(way: Way, label: Segment, value: Segment) -> float:
    """A caption above a value is not printed larger than the value."""
    if way is not Way.BELOW:
        return 1.0
    ratio = (label.box[3] - label.box[1]) / max(value.box[3] - value.box[1], 1e-6)
    return 1.0 if ratio < 1.35 else 0.6


def _around(sheet: Sheet, segments: Sequence[Segment], levels: Levels, number: int) -> Iterator[tuple[Way, int, float]]:
    """The nearest segments around a label: way, number, and how near (0..1)."""
    label = segments[number]
    best: dict[Way, tuple[float, int, float]] = {}
    for place in levels.around(label.box, _DOWN_REACH, _DOWN_REACH):
        other = segments[place]
        if place == number:
            continue
        down = sheet.down(label.box, other.box)
        gap = sheet.across(label.box, other.box)
        beside = (other.box[0] - label.box[0]) * sheet.aspect / sheet.unit
        if abs(down) <= _LEVEL and other.box[0] > label.box[0] and -0.5 < gap <= _RIGHT_REACH:
            _keep(best, Way.RIGHT, gap + 2 * abs(down), place, (1 - 0.012 * gap) * (1 - 0.2 * abs(down)))
        elif 0.5 < down <= _DOWN_REACH and (abs(beside) <= _ASIDE or (gap < 0 and 0 < beside <= 12)):
            _keep(best, Way.BELOW, down + 0.3 * abs(beside), place, (1 - 0.08 * (down - 1)) * (1 - 0.03 * abs(beside)))
        elif -_DOWN_REACH <= down < -0.5 and (abs(beside) <= _ASIDE or gap < 0):
            _keep(best, Way.ABOVE, -down + 0.3 * abs(beside), place, (1 - 0.1 * (-down - 1)) * (1 - 0.03 * abs(beside)))
    if Way.RIGHT in best and segments[best[Way.RIGHT][1]].ticked is not None:
        if best[Way.RIGHT][0] < _OPTIONS:
            return  # a question with its options
        del best[Way.RIGHT]
    options_below = Way.BELOW in best and segments[best[Way.BELOW][1]].ticked is not None
    for way, (_, place, near) in best.items():
        if not options_below or way is Way.RIGHT:
            yield way, place, near


def _keep(best: dict[Way, tuple[float, int, float]], way: Way, far: float, place: int, near: float) -> None:
    if way not in best or far < best[way][0]:
        best[way] = far, place, near


def _aligned(sheet: Sheet, segments: Sequence[Segment], offers: Sequence[Link]) -> list[Link]:
    """The offers, those of a column of pairs with more: labels one below the other, and so their values."""
    scale = sheet.aspect / sheet.unit
    columns: dict[tuple[Way, int, int], set[int]] = defaultdict(set)
    keys: list[tuple[Way, int, int]] = []
    for offer in offers:
        left = segments[offer.label].box[0] * scale / _ALIGNED
        right = segments[offer.value].box[0] * scale / _ALIGNED
        key = (offer.way, round(left), round(right))
        keys.append(key)
        if offer.fit > 0.15:
            for a in (-1, 0, 1):
                for b in (-1, 0, 1):
                    columns[offer.way, key[1] + a, key[2] + b].add(offer.label)
    stacked = _stacked(sheet, segments, offers)
    made = []
    for offer, key in zip(offers, keys, strict=True):
        column = offer.way is Way.RIGHT and len(columns[key]) >= _ROWS
        often = _straight(sheet, segments, offer) and stacked[_step(sheet, segments, offer)] > _ROWS
        made.append(replace(offer, fit=min(offer.fit * _COLUMN, 0.99)) if column or often else offer)
    return made


def _stacked(sheet: Sheet, segments: Sequence[Segment], offers: Sequence[Link]) -> Counter[tuple[Way, int]]:
    """How many good offers have their value so far below their label, in the same way."""
    steps: Counter[tuple[Way, int]] = Counter()
    for offer in offers:
        if _straight(sheet, segments, offer) and offer.fit > _LEAST:
            way, step = _step(sheet, segments, offer)
            steps.update({(way, step - 1): 1, (way, step): 1, (way, step + 1): 1})
    return steps


def _straight(sheet: Sheet, segments: Sequence[Segment], offer: Link) -> bool:
    """Whether a value stands below its label, set to the same edge."""
    beside = abs(segments[offer.label].box[0] - segments[offer.value].box[0]) * sheet.aspect / sheet.unit
    return offer.way is Way.BELOW and beside <= _ALIGNED


def _step(sheet: Sheet, segments: Sequence[Segment], offer: Link) -> tuple[Way, int]:
    return offer.way, round(sheet.down(segments[offer.label].box, segments[offer.value].box) / _SAME_STEP)
