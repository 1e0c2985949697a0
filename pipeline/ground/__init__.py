"""Finding each value among the words of its page: where it is printed, how surely, and what its confidence is then.

`places` finds all the places that hold a value; here the right one of them is chosen, by the engine's hint, the row and
the column of a table, or the field's label.

Confidence = engine × words × found × doubt:
    engine: how sure the engine is, 0.9 where it does not say;
    words: the mean OCR confidence of the words it is printed in and 0.06 more, at most 1: words of 0.94 are read as well as
        any; in a text layer instead, what is found exactly loses 0.3 of its doubt, for no letter of it can be misread;
    found: 1 exact, 0.95 normalized, the square of the likeness for fuzzy, 0.4 not found, 0.85 no words to look in;
    doubt: 0.9 where day and month could be swapped or the like; 0 where its print could not be read as its kind. Check digits
        that do not fit raise no doubt of the reading: those of sound documents often do not.
The figures are measured, over all documents with a truth together; `check.weigh` then lets the checks speak.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import hypot

from pipeline.ground.labelled import Labels
from pipeline.ground.nearest import DownThePage
from pipeline.ground.places import places
from pipeline.ground.printed import PagePrint, Place
from pipeline.ground.tabled import Tables, table_of
from pipeline.records import Box, Grounding, PageWords, Value, WordsFrom
from schemas.base import Schema, spec_at, specs
from schemas.fields import Kind

_FOUND = {Grounding.EXACT: 1.0, Grounding.NORMALIZED: 0.95, Grounding.NOT_FOUND: 0.4, Grounding.NO_WORDS: 0.85}
_DOUBT = 0.9
_EASED = 0.06
_LAYER = 0.7
_SAME, _BELOW = 0.7, 3.0
"""Lines that a value is off its label at most on the same line, and below it."""


def ground(values: Sequence[Value], schema: Schema, words: PageWords) -> tuple[Value, ...]:
    """`values` of one page with their status, their box in the page frame and their confidence, in their order.

    Of several places with the same print a value takes the one nearest to the engine's hint. Without a hint a table's cell
    takes the one on its row and in its column, and is not found where its row does not print it; a field takes the one nearest
    to its label.

    Args:
        values: as `normalize` made them: `box` is a hint in the reading frame, `confidence` the engine's own.
        schema: says the kind and the labels of each path.
        words: the words of the page that the values were read on.
    """
    written = {spec.name for spec in specs(schema) if spec.written}
    if not words.words:
        return tuple(_unsought(v) if v.path in written else _settled(v, Grounding.NO_WORDS, 1.0) for v in values)
    printed = PagePrint(words)
    found = [places(value, spec_at(schema, value.path), printed) for value in values]
    labels = Labels(schema, printed)
    tables = Tables(values, found, labels)
    hinted = _Hinted(printed)
    grounded = []
    for value, options in zip(values, found, strict=True):
        if value.path in written:
            grounded.append(_unsought(value))
            continue
        place = hinted.place(value.box, options) if value.box else _chosen(value, options, labels, tables)
        if place is None:
            grounded.append(_settled(replace(value, box=None), Grounding.NOT_FOUND, 1.0))
            continue
        box = words.frame.to_page(printed.box(place))
        sure = replace(value, box=box, confidence=_sure(value.confidence, place, words))
        grounded.append(_settled(sure, place.status, min(printed.confidence(place) + _EASED, 1.0) * place.alike**2))
    return tuple(grounded)


class _Hinted:
    """The places that hold a value, by their distance to the engine's hint."""

    def __init__(self, printed: PagePrint) -> None:
        self._printed = printed
        self._sorted: dict[int, DownThePage[Place]] = {}

    def place(self, hint: Box, options: Sequence[Place]) -> Place | None:
        """The nearest one; lists that come again are sorted once."""
        if id(options) not in self._sorted:
            boxes = ((self._printed.box(place), place) for place in options)
            self._sorted[id(options)] = DownThePage(((box[1] + box[3]) / 2, place) for box, place in boxes)
        nearest = self._sorted[id(options)].cheapest(
            (hint[1] + hint[3]) / 2, lambda place: _apart(hint, self._printed.box(place)), lambda away: away
        )
        return nearest[1] if nearest else None


def _chosen(value: Value, options: Sequence[Place], labels: Labels, tables: Tables) -> Place | None:
    """The right one of the places that hold a value, where the engine gave no hint."""
    if table_of(value.path):
        return tables.cell(value, options)
    if len(options) < 2:
        return options[0] if options else None
    return min(options, key=_from_labels(value, labels, tables))


def _from_labels(value: Value, labels: Labels, tables: Tables) -> Callable[[Place], float]:
    """How far a place is from a field's label; without one a sum is the last, a choice the largest, all else the first."""
    height = labels.printed.line_height
    own = [(labels.printed.box(place), little) for place, little in labels.of(value.path)]
    by_height = DownThePage(((label[1] + label[3]) / 2, (label, little)) for label, little in own)
    kind = spec_at(labels.schema, value.path).kind

    def far(place: Place) -> float:
        box = labels.printed.box(place)
        nearest = by_height.cheapest(
            (box[1] + box[3]) / 2,
            lambda one: _from_label(one[0], box, height) + one[1],
            lambda away: _least(away / height),
        )
        away = nearest[0] if nearest else 3.0
        order = box[1] - box[3] if kind is Kind.CHOICE else 1 - box[1] if kind is Kind.MONEY else box[1]
        return away + 0.01 * order + (1.0 if tables.holds(place) else 0.0)

    return far


def _unsought(value: Value) -> Value:
    """What a model wrote in words of its own stands nowhere: it is not looked for, and that says nothing against it."""
    return replace(value, box=None, status=Grounding.NO_WORDS)


def _sure(confidence: float, place: Place, words: PageWords) -> float:
    """The engine's confidence, surer where the value is found exactly in a text layer."""
    exact = place.status is Grounding.EXACT and words.words_from is WordsFrom.TEXT_LAYER
    return 1 - (1 - confidence) * _LAYER if exact else confidence


def _settled(value: Value, status: Grounding, factor: float) -> Value:
    doubt = 0.0 if value.value is None else _DOUBT if value.problem and not isinstance(value.value, str) else 1.0
    confidence = value.confidence * factor * _FOUND.get(status, 1.0) * doubt
    return replace(value, status=status, confidence=round(min(max(confidence, 0.0), 1.0), 4))


def _apart(one: Box, other: Box) -> float:
    """The distance between the middles of two boxes."""
    return hypot((one[0] + one[2] - other[0] - other[2]) / 2, (one[1] + one[3] - other[1] - other[3]) / 2)


def _least(below: float) -> float:
    """What a value costs at least that is so many lines above or below its label."""
    return 0.0 if below < _SAME else 0.1 * below if below <= _BELOW else 1.0 + 0.05 * below


def _from_label(label: Box, box: Box, height: float) -> float:
    """How far a value is from its label: right of it on its line is best, then close below it; all else is far off."""
    below = abs((label[1] + label[3] - box[1] - box[3]) / 2) / height
    aside = max(box[0] - label[2], label[0] - box[2], 0.0)
    if below < _SAME:
        return 0.3 * aside + 0.05 * below + (0.5 if box[2] < label[0] else 0.0)
    if box[3] < label[1] or below > _BELOW:
        return 1.0 + 0.05 * below + aside
    return 0.1 * below + aside
