"""For each field of a document the values that it could have, with how much speaks for each."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from pipeline.engines.rules.fields.nearby import Neighbourhood
from pipeline.engines.rules.fields.readers import Found, read
from pipeline.engines.rules.fields.unlabelled import title_hits, unknown_hits
from pipeline.engines.rules.labels import Hit
from pipeline.engines.rules.sheet import Sheet, Span
from pipeline.records import Typed
from pipeline.values.arithmetic import sum_holds
from schemas.fields import FieldSpec, Kind

Key = tuple[int, int]
"""A place on the sheet: the index of a cell and a start in it."""

_ASIDE = 0.7
"""What is left for a value that stands beside the column of the label above it."""
_STANDS_FOR = 0.6
_COLUMN = 0.6
"""What is left for values under one label that do not add up: it is the heading of a column."""


class Ties(NamedTuple):
    """How the labels of some fields speak of others.

    Attributes:
        asides: fields that no document must have.
        equal: field → the one that it equals where nothing else is printed: what is due, of the total.
    """

    asides: frozenset[str] = frozenset()
    equal: Mapping[str, str] = {}

    def told_by(self, name: str) -> Iterator[tuple[str, float]]:
        """The fields that a label of `name` speaks for, or against (empty), and how much."""
        yield name, 1.0
        if name in self.asides:
            yield "", 1.0
        if name in self.equal:
            yield self.equal[name], _STANDS_FOR


@dataclass(frozen=True, slots=True)
class Candidate:
    """A value on the sheet, and what its labels say: `scores` by field name, the best of each, `""` for decoys."""

    span: Span
    value: Typed
    form: float
    scores: dict[str, float] = field(default_factory=dict)
    labels: dict[str, Key] = field(default_factory=dict)

    @property
    def key(self) -> Key:
        """Where it stands."""
        return _key(self.span)

    def score(self, name: str) -> float:
        """How much speaks for it as the value of `name`: what a label of something else claims more strongly counts less."""
        own = self.scores.get(name, 0.0)
        rival = self.scores.get("", 0.0)
        return own if own >= rival else own * 0.4

    @property
    def claimed(self) -> float:
        """How strongly any label claims it."""
        return max(self.scores.values(), default=0.0)


def find_candidates(
    sheet: Sheet, fields: Sequence[FieldSpec], hits: Sequence[Hit], taken: frozenset[int], ties: Ties
) -> dict[Kind, list[Candidate]]:
    """The candidates of each kind among `fields`: all amounts and dates of the sheet, and what stands at labels of the others.

    Args:
        sheet: the page.
        fields: the scalar fields that are looked for.
        hits: the labels on the sheet, decoys among them.
        taken: cells that belong to a table; neither labels nor values are looked for there.
        ties: which fields no document must have, what they label is a decoy for the others; and which stand for one another.
    """
    free = [
        hit
        for hit in (*hits, *title_hits(sheet, fields, hits), *unknown_hits(sheet, fields, hits))
        if hit.span.cell.index not in taken
    ]
    around = Neighbourhood(sheet, free)
    by_name = {spec.name: spec for spec in fields}
    examples = {spec.kind: spec for spec in reversed(fields)}
    found: dict[Kind, dict[tuple[int, int, int], Candidate]] = defaultdict(dict)
    readings = _Readings(sheet)
    for kind in {spec.kind for spec in fields} & {Kind.MONEY, Kind.DATE}:
        spec = next(spec for spec in fields if spec.kind is kind)
        for cell in sheet.cells:
            if cell.index not in taken:
                for value in readings.of(Span(cell, 0, len(cell.text)), spec):
                    found[kind][value.span.place] = Candidate(*value)
    for hit in free:
        labelled = by_name.get(hit.name) if hit.name else examples.get(hit.kind)
        if labelled is None:
            continue
        for value, near in _values(readings, around, hit, labelled, taken):
            candidate = found[labelled.kind].setdefault(value.span.place, Candidate(*value))
            score = near * value.form
            for name, share in ties.told_by(hit.name):
                if score * share > candidate.scores.get(name, 0.0):
                    candidate.scores[name] = score * share
                    candidate.labels[name] = _key(hit.span)
    return {kind: list(candidates.values()) for kind, candidates in found.items()}


class _Readings:
    """What the print of each place can be read as, read once: many labels may speak of one place."""

    def __init__(self, sheet: Sheet) -> None:
        self.sheet = sheet
        self._known: dict[tuple[int, int, int, str], tuple[Found, ...]] = {}

    def of(self, span: Span, spec: FieldSpec) -> tuple[Found, ...]:
        """The values of a place under a field."""
        key = (*span.place, spec.name)
        if key not in self._known:
            self._known[key] = tuple(read(span, spec, self.sheet.habits))
        return self._known[key]


def _values(
    readings: _Readings, around: Neighbourhood, hit: Hit, spec: FieldSpec, taken: frozenset[int]
) -> Iterator[tuple[Found, float]]:
    """The values at a label, with how near each is; below it only where nothing of the kind stands beside it."""
    sheet, money = readings.sheet, spec.kind is Kind.MONEY
    beside: list[tuple[Found, float]] = []
    below: list[tuple[Found, float]] = []
    near_by = False
    for slot in around.slots(hit, column=money):
        if slot.span.cell.index in taken:
            continue
        if slot.below and near_by:
            break
        values = readings.of(slot.span, spec)
        if not slot.below:
            beside += [(value, slot.near) for value in values]
            near_by = near_by or any(value.form > 0.5 and (money or slot.apart < 0.5) for value in values)
            continue
        if not values and money:
            break
        below += [
            (value, slot.near * (1.0 if sheet.across(slot.below, sheet.box(value.span)) < 0.5 else _ASIDE)) for value in values
        ]
    yield from _with_their_sum(below) if money else below
    # In a row of sums (base, rate, tax) the last is the one that the label means.
    best = max((near for _, near in beside), default=0.0)
    for place, (value, near) in enumerate(reversed(beside) if money else beside):
        yield value, (best if money else near) * (1.0 if place == 0 else 0.85)


def _with_their_sum(column: Sequence[tuple[Found, float]]) -> Iterator[tuple[Found, float]]:
    """The values under a heading; where the last is the sum of those above it, it is the one that is meant."""
    *above, last = [value.value for value, _ in column] or [None]
    terms = [value for value in above if isinstance(value, Decimal)]
    summed = len(terms) > 1 and isinstance(last, Decimal) and sum_holds(last, terms)
    best = max((near for _, near in column), default=0.0)
    for place, (value, near) in enumerate(column):
        yield value, (best if place == len(above) else 0.5 * near) if summed else near * (_COLUMN if terms else 1.0)


def _key(span: Span) -> Key:
    return (span.cell.index, span.start)
