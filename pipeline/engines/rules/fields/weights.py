"""How much speaks for each candidate as the value of a field: its labels first, then its size, its place and its company."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
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
_KEPT = 0.8
"""What speaks for an amount that is what was handed over less what was given back, though no label claims it."""
_UNROUNDED = 0.45
_ROUNDED = 0.97
_ROUNDING = ("round", "rund", "arrond", "arrot", "arred", "redond", "पूर", "राउ", "ปัด")
"""How words for rounding begin, in the eight languages."""
_ADDS_UP = 0.35
_COIN = Decimal("0.05")
"""Sums that are paid in cash are rounded to this, where they are rounded."""
_SENTENCE = 5
"""An amount beside so many words in one cell stands in a sentence."""
_LATER = 0.1
_LATER_PAGE = 0.8

Scored = list[tuple[Candidate, float]]


class Page(NamedTuple):
    """What scores depend on beside labels.

    Attributes:
        sheet: the page.
        page_count: pages of the document: on one of several, what no label speaks for may be anything.
        numbered: rows in which a number of the document is labelled.
        columns: by field what the rows of a table add up to, where that is its sum.
        rounds: whether sums are said to be rounded.
    """

    sheet: Sheet
    page_count: int
    numbered: frozenset[int]
    rounds: bool
    columns: Mapping[str, frozenset[Decimal]] = {}

    @classmethod
    def of(cls, sheet: Sheet, page_count: int, hits: Sequence[Hit], asides: frozenset[str]) -> "Page":
        """The page with these labels; `asides` are fields that no document must have."""
        others = asides | {""}
        numbered = frozenset(h.span.cell.row for h in hits if h.kind is Kind.IDENTIFIER and h.name not in others)
        rounds = any(h.kind is Kind.MONEY and h.name in others and h.span.text.casefold().startswith(_ROUNDING) for h in hits)
        return cls(sheet, page_count, numbered, rounds)


def weigh(spec: FieldSpec, candidates: Sequence[Candidate], page: Page) -> Scored:
    """The candidates of a field with their scores (0..1), best first."""
    scored = [(candidate, candidate.score(spec.name)) for candidate in candidates]
    if spec.kind is Kind.IDENTIFIER and page.sheet.page.page > 1:
        scored = [(candidate, _LATER_PAGE * score) for candidate, score in scored]
    elif spec.kind is Kind.MONEY:
        scored = list(_sums(spec, scored, page))
    elif spec.kind is Kind.DATE and spec.required:
        scored = list(_dates(scored, page))
    return sorted(((c, s) for c, s in scored if s > 0.05), key=lambda item: -item[1])


def _sums(spec: FieldSpec, scored: Scored, page: Page) -> Iterator[tuple[Candidate, float]]:
    """Amounts. The sum that every document has is its largest, or what was paid; the later one is the last word."""
    values = {candidate.key: _size(candidate) for candidate, _ in scored}
    largest = max((values[c.key] for c, s in scored if s or not (c.claimed or _in_prose(c))), default=Decimal())
    handed = _handed([candidate for candidate, _ in scored]) if spec.required else frozenset()
    kept = frozenset(one - less for one, less in permutations(handed, 2) if one > less)
    exact, rounded = _rounded(scored) if spec.required and page.rounds else (frozenset(), {})
    for candidate, score in scored:
        size = values[candidate.key]
        is_largest = spec.required and size == largest
        if not score and size not in rounded:
            form = 0.5 if size in kept else 1.0
            if candidate.scores.get("", 0.0) or candidate.form < form or _in_prose(candidate):
                continue
            free = is_largest and page.page_count == 1 and not candidate.claimed
            score = _ONLY_ONE if free else UNLABELLED * (1 - 0.3 * candidate.claimed)
            # Two amounts are hardly ever apart by a third, but for small ones.
            score = max(score, _KEPT) if size in kept and size not in handed else score
        elif is_largest:
            score += _LARGEST * (1 - score)
        score = max(score, _ROUNDED * rounded.get(size, 0.0))
        if size in kept or size in handed:
            score += _PAID * (1 - score)
        if size in exact:
            score *= _UNROUNDED
        if not spec.required and candidate.value in page.columns.get(spec.name, ()):
            score += _ADDS_UP * (1 - score)
        yield candidate, score + _LATER * candidate.span.cell.box[1] * (score > _ONLY_ONE)


def _handed(candidates: Sequence[Candidate]) -> frozenset[Decimal]:
    """The amounts that are labelled as handed over or given back: what was paid is one of them, or one less another."""
    return frozenset(_size(c) for c in candidates if c.scores.get("", 0.0) > 0.5 and c.scores[""] >= c.claimed) - {Decimal()}


def _rounded(scored: Scored) -> tuple[frozenset[Decimal], dict[Decimal, float]]:
    """Sums that are printed rounded as well (71.02, beside 71.00), and what speaks for the rounded ones: as much."""
    sums: dict[Decimal, float] = {}
    for candidate, score in scored:
        sums[_size(candidate)] = max(score, sums.get(_size(candidate), 0.0))
    exact: set[Decimal] = set()
    rounded: dict[Decimal, float] = {}
    coins = [one for one in sums if not one % _COIN]
    for one, score in sums.items():
        for other in coins if score and one > 2 * _COIN and one % _COIN else ():
            if abs(one - other) < _COIN:
                exact.add(one)
                rounded[other] = max(score, rounded.get(other, 0.0))
    return frozenset(exact), rounded


def _in_prose(candidate: Candidate) -> bool:
    """Whether a candidate stands in a sentence."""
    return _is_prose(candidate.span.cell.text)


@lru_cache(1024)
def _is_prose(text: str) -> bool:
    return sum(word.isalpha() for word in text.split()) >= _SENTENCE


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
