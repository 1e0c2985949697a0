"""Finding each value among the words of its page: where it is printed, how surely, and what its confidence is then.

`values.places` finds all the places that hold a value; here the right one of them is chosen, by the engine's hint, the row and
the column of a table, or the field's label.

Confidence = engine × words × found × doubt:
    engine: how sure the engine is, 0.9 where it does not say;
    words: the mean OCR confidence of the words it is printed in (1 for a text layer, and where it is not found);
    found: 1 exact, 0.97 normalized, the square of the likeness for fuzzy, 0.4 not found, 0.85 no words to look in;
    doubt: 0.9 where the value has a `problem`; 0 where its print could not be read as its kind.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from math import hypot

from pipeline.records import Box, Grounding, PageWords, Value
from pipeline.values.places import places, words_of
from pipeline.values.printed import PagePrint, Place
from schemas.base import Schema, spec_at
from schemas.fields import FieldSpec

_FOUND = {Grounding.EXACT: 1.0, Grounding.NORMALIZED: 0.97, Grounding.NOT_FOUND: 0.4, Grounding.NO_WORDS: 0.85}
_DOUBT = 0.9


def ground(values: Sequence[Value], schema: Schema, words: PageWords) -> tuple[Value, ...]:
    """`values` of one page with their status, their box in the page frame and their confidence, in their order.

    Of several places with the same print a value takes the one nearest to the engine's hint; without a hint a column's value
    takes the one nearest to the rest of its row, and a field the one nearest to its label.

    Args:
        values: as `normalize` made them: `box` is a hint in the reading frame, `confidence` the engine's own.
        schema: says the kind and the labels of each path.
        words: the words of the page that the values were read on.
    """
    if not words.words:
        return tuple(_settled(value, Grounding.NO_WORDS, 1.0) for value in values)
    printed = PagePrint(words)
    found_at = [places(value, spec_at(schema, value.path), printed) for value in values]
    anchors = _row_anchors(values, found_at, printed)
    grounded = []
    for value, found in zip(values, found_at, strict=True):
        if not found:
            grounded.append(_settled(replace(value, box=None), Grounding.NOT_FOUND, 1.0))
            continue
        place = min(found, key=_distance(value, spec_at(schema, value.path), anchors.get(_row(value.path)), printed))
        box = words.frame.to_page(printed.box(place))
        grounded.append(_settled(replace(value, box=box), place.status, printed.confidence(place) * place.alike**2))
    return tuple(grounded)


def _settled(value: Value, status: Grounding, factor: float) -> Value:
    doubt = 0.0 if value.value is None else _DOUBT if value.problem else 1.0
    confidence = value.confidence * factor * _FOUND.get(status, 1.0) * doubt
    return replace(value, status=status, confidence=round(min(max(confidence, 0.0), 1.0), 4))


def _row(path: str) -> str:
    """The row that a path belongs to (`line_items[3]`), empty for a field of the document."""
    return path.rpartition(".")[0]


def _row_anchors(values: Sequence[Value], found_at: Sequence[list[Place]], printed: PagePrint) -> dict[str, float]:
    """The height on the page of each row, told by those of its values that are printed in one place, longest first."""
    anchors: dict[str, tuple[int, float]] = {}
    for value, found in zip(values, found_at, strict=True):
        row = _row(value.path)
        if row and len(found) == 1 and len(value.verbatim) > anchors.get(row, (0, 0.0))[0]:
            word = printed.page.words[found[0].words[0]]
            anchors[row] = (len(value.verbatim), (word.box[1] + word.box[3]) / 2)
    return {row: height for row, (_, height) in anchors.items()}


def _distance(value: Value, spec: FieldSpec, anchor: float | None, printed: PagePrint) -> Callable[[Place], float]:
    """How far a place is from where the value should be, in page fractions."""
    if value.box is not None:
        hint = value.box
        return lambda place: _apart(hint, printed.box(place))
    if anchor is not None:
        return lambda place: abs((printed.box(place)[1] + printed.box(place)[3]) / 2 - anchor)
    labels = [printed.box(place) for place in _labels(spec, printed)]
    return lambda place: min((_from_label(label, printed.box(place)) for label in labels), default=0.0)


def _labels(spec: FieldSpec, printed: PagePrint) -> Iterator[Place]:
    language = printed.page.language
    for words in spec.labels.values() if language == "und" else (spec.labels.get(language, ()), spec.labels.get("en", ())):
        for label in words:
            yield from words_of(label, printed)


def _apart(one: Box, other: Box) -> float:
    """The distance between the middles of two boxes."""
    return hypot((one[0] + one[2] - other[0] - other[2]) / 2, (one[1] + one[3] - other[1] - other[3]) / 2)


def _from_label(label: Box, box: Box) -> float:
    """How far a value is from its label: right of it on its line is best, then below it; before it is bad."""
    aside, below = max(box[0] - label[2], 0.0), abs((label[1] + label[3] - box[1] - box[3]) / 2)
    wrong_side = box[2] < label[0] or box[3] < label[1]
    return 0.3 * aside + 2 * below + (1.0 if wrong_side else 0.0)
