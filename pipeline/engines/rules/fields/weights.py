"""How much speaks for each candidate as the value of a field: its labels first, then its size, its place and its company."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import permutations
from typing import NamedTuple

from pipeline.engines.rules.fields.candidates import Candidate
from pipeline.engines.rules.labels import Hit
from pipeline.engines.rules.sheet import Sheet
from schemas.fields import FieldSpec, Kind

MOST = 6
"""Candidates of a field that are tried in combination."""
UNLABELLED = 0.12
"""What speaks for an amount that no label claims: an equation that holds may still lift it."""

_ONLY_ONE = 0.3
_LARGEST = 0.25
_PAID = 0.3
_UNROUNDED = 0.45
_COIN = Decimal("0.05")
"""Sums that are paid in cash are rounded to this, where they are rounded."""
_LATER = 0.1
_LATER_PAGE = 0.8

Scored = list[tuple[Candidate, float]]


class Page(NamedTuple):
    """What scores depend on beside labels.

    Attributes:
        sheet: the page.
        page_count: pages of the document: on one of several, what no label speaks for may be anything.
        numbered: rows in which a number of the document is labelled.
    """

    sheet: Sheet
    page_count: int
    numbered: frozenset[int]

    @classmethod
    def of(cls, sheet: Sheet, page_count: int, hits: Sequence[Hit]) -> "Page":
        """The page with these labels."""
        numbered = frozenset(hit.span.cell.row for hit in hits if hit.kind is Kind.IDENTIFIER and hit.name)
        return cls(sheet, page_count, numbered)


def weigh(spec: FieldSpec, candidates: Sequence[Candidate], page: Page) -> Scored:
    """The candidates of a field with their scores (0..1), best first, MOST at most."""
    scored = [(candidate, candidate.score(spec.name)) for candidate in candidates]
    if spec.kind is Kind.IDENTIFIER and page.sheet.page.page > 1:
        scored = [(candidate, _LATER_PAGE * score) for candidate, score in scored]
    elif spec.kind is Kind.MONEY:
        scored = list(_sums(spec, scored, page))
    elif spec.kind is Kind.DATE and spec.required:
        scored = list(_dates(scored, page))
    return sorted(((c, s) for c, s in scored if s > 0.05), key=lambda item: -item[1])[:MOST]


def _sums(spec: FieldSpec, scored: Scored, page: Page) -> Iterator[tuple[Candidate, float]]:
    """Amounts. The sum that every document has is its largest, or what was paid; the later one is the last word."""
    values = {candidate.key: _size(candidate) for candidate, _ in scored}
    largest = max((values[c.key] for c, s in scored if s or not c.claimed), default=Decimal())
    paid = _paid([candidate for candidate, _ in scored]) if spec.required else frozenset()
    unrounded = _unrounded(scored) if spec.required else frozenset()
    for candidate, score in scored:
        is_largest = spec.required and values[candidate.key] == largest
        if not score:
            if candidate.scores.get("", 0.0) or candidate.form < 1:
                continue
            free = is_largest and page.page_count == 1 and not candidate.claimed
            score = _ONLY_ONE if free else UNLABELLED * (1 - 0.3 * candidate.claimed)
        elif is_largest:
            score += _LARGEST * (1 - score)
        if values[candidate.key] in paid:
            score += _PAID * (1 - score)
        if values[candidate.key] in unrounded:
            score *= _UNROUNDED
        yield candidate, score + _LATER * candidate.span.cell.box[1] * (score > _ONLY_ONE)


def _paid(candidates: Sequence[Candidate]) -> frozenset[Decimal]:
    """What was paid, by the amounts that are labelled as handed over or given back: one of them, or one less another."""
    other = {_size(c) for c in candidates if c.scores.get("", 0.0) > 0.5 and c.scores[""] >= c.claimed}
    return frozenset(other | {one - less for one, less in permutations(other, 2) if one > less}) - {Decimal()}


def _unrounded(scored: Scored) -> frozenset[Decimal]:
    """Sums that another sum is the rounding of, where the rounding is printed: 71.02, beside -0.02 and 71.00."""
    steps = {_size(c) for c, _ in scored if c.scores.get("", 0.0) and 0 < _size(c) <= _COIN}
    sums = {_size(c) for c, score in scored if score}
    return frozenset(one for one in sums for other in sums if abs(one - other) in steps and one % _COIN and not other % _COIN)


def _size(candidate: Candidate) -> Decimal:
    return abs(candidate.value) if isinstance(candidate.value, Decimal) else Decimal()


def _dates(scored: Scored, page: Page) -> Iterator[tuple[Candidate, float]]:
    """A date that every document has: one that no label claims will do, best beside the number, then the first on the page."""
    days = {candidate.value for candidate, _ in scored if not candidate.claimed}
    for candidate, score in scored:
        cell = candidate.span.cell
        if not candidate.claimed and page.sheet.page.page == 1:
            score = 0.65 if cell.row in page.numbered else 0.5 if len(days) == 1 else 0.4
            score -= 0.1 * cell.box[1]
        yield candidate, score
