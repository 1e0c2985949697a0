"""Choosing among candidates: one value a field, so that labels, places and the schema's own equations agree best."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import combinations, product
from typing import NamedTuple

from pipeline.engines.rules.candidates import Candidate, find_candidates
from pipeline.engines.rules.labels import Hit
from pipeline.engines.rules.sheet import Reading, Sheet
from pipeline.records import Leaf, Typed
from pipeline.values.arithmetic import judge, sum_holds
from schemas.base import Order, Rule, Schema, Sum, specs
from schemas.fields import FieldSpec, Kind

_MOST = 6
"""Candidates of a field that are tried in combination."""

_LEAST = 0.3
_HOLDS = 0.5
_FAILS = 0.45
_UNLABELLED = 0.12
_LARGEST = 0.25
_LATER = 0.1

Choice = dict[str, Candidate]


def read_fields(sheet: Sheet, schema: Schema, hits: Sequence[Hit], taken: frozenset[int], page_count: int) -> list[Leaf]:
    """Every field of `schema` that is neither a table nor a party's, as far as the sheet shows it.

    Args:
        sheet: the page.
        schema: whose rules weigh the candidates.
        hits: the labels on the sheet.
        taken: cells that belong to a table.
        page_count: pages of the document: on one of several, what no label speaks for may be anything.
    """
    fields = [spec for spec in specs(schema) if spec.kind is not Kind.TABLE and not spec.party]
    candidates = find_candidates(sheet, fields, hits, taken)
    page = _Page(sheet, page_count, frozenset(hit.span.cell.row for hit in hits if hit.kind is Kind.IDENTIFIER and hit.name))
    leaves = []
    for kind in dict.fromkeys(spec.kind for spec in fields):
        own = [spec for spec in fields if spec.kind is kind]
        scored = {spec.name: _scored(spec, candidates.get(kind, []), page) for spec in own}
        chosen = _combine(scored, [rule for rule in schema.rules if _speaks_of(rule, scored)])
        for name, (candidate, score) in chosen.items():
            leaves.append(sheet.leaf(name, Reading(candidate.span, min(score, 0.98), candidate.span.text)))
    return leaves


Scored = list[tuple[Candidate, float]]


class _Page(NamedTuple):
    """What scores depend on beside labels: the sheet, pages of the document, rows in which a number of its own is labelled."""

    sheet: Sheet
    page_count: int
    numbered: frozenset[int]


def _scored(spec: FieldSpec, candidates: Sequence[Candidate], page: _Page) -> Scored:
    """The candidates of a field with their scores, best first."""
    scored = [(candidate, candidate.score(spec.name)) for candidate in candidates]
    if spec.kind is Kind.IDENTIFIER and page.sheet.page.page > 1:
        scored = [(candidate, 0.8 * score) for candidate, score in scored]
    elif spec.kind is Kind.MONEY:
        scored = list(_weighed_sums(spec, scored, page.page_count))
    elif spec.kind is Kind.DATE and spec.required:
        scored = list(_weighed_dates(scored, page))
    return sorted(((c, s) for c, s in scored if s > 0.05), key=lambda item: -item[1])[:_MOST]


def _weighed_sums(spec: FieldSpec, scored: Scored, page_count: int) -> Iterator[tuple[Candidate, float]]:
    """Sums: what no label claims may still make an equation hold; the largest is likelier the total, the later the last word."""
    free = [c for c, s in scored if s or not c.claimed]
    largest = max((abs(c.value) for c in free if not isinstance(c.value, str) and c.value is not None), default=None)  # type: ignore[arg-type]
    for candidate, score in scored:
        if not score:
            if candidate.claimed or candidate.form < 1:
                continue
            score = _UNLABELLED
            if spec.required and page_count == 1 and abs(candidate.value) == largest:  # type: ignore[arg-type]
                score = _LEAST
        elif spec.required and abs(candidate.value) == largest:  # type: ignore[arg-type]
            score += _LARGEST * (1 - score)
        yield candidate, score + _LATER * candidate.span.cell.box[1] * (score > _LEAST)


def _weighed_dates(scored: Scored, page: _Page) -> Iterator[tuple[Candidate, float]]:
    """A date that every document has: one that no label claims will do, best beside the number, then the first on the page."""
    days = {candidate.value for candidate, _ in scored if not candidate.claimed}
    for candidate, score in scored:
        cell = candidate.span.cell
        if not candidate.claimed and page.sheet.page.page == 1:
            score = 0.65 if cell.row in page.numbered else 0.5 if len(days) == 1 else 0.4
            score -= 0.1 * cell.box[1]
        yield candidate, score


def _combine(scored: Mapping[str, Scored], rules: Sequence[Rule]) -> dict[str, tuple[Candidate, float]]:
    """One candidate a field or none, so that scores and rules add up to the most."""
    names = [name for name, found in scored.items() if found]
    tied = [name for name in names if any(name in _terms(rule) for rule in rules)]
    best: dict[str, tuple[Candidate, float]] = {}
    most = float("-inf")
    for combination in product(*([*scored[name], None] for name in tied)):
        chosen = {name: item for name, item in zip(tied, combination, strict=True) if item}
        if not _may_stand_together(chosen):
            continue
        worth, sure = _worth(chosen, rules, scored)
        if worth > most:
            most, best = worth, sure
    for name in names:
        if name not in tied and scored[name]:
            best[name] = scored[name][0]
    return {name: item for name, item in best.items() if item[1] >= _LEAST}


def _worth(
    chosen: Mapping[str, tuple[Candidate, float]], rules: Sequence[Rule], scored: Mapping[str, Scored]
) -> tuple[float, dict[str, tuple[Candidate, float]]]:
    """What a combination is worth, and how sure each of its values is in it."""
    values: dict[str, Typed] = {name: candidate.value for name, (candidate, _) in chosen.items()}
    worth = sum(score - _UNLABELLED - 0.01 for _, score in chosen.values())
    held: set[str] = set()
    for rule in rules:
        passed = judge(rule, values).passed
        if passed is False:
            worth -= _FAILS
        elif isinstance(rule, Sum) and (passed or _holds_in_parts(rule, values, scored)):
            worth += _HOLDS
            held |= _terms(rule)
    sure = {name: (c, max(s, min(0.6 + s, 0.97)) if name in held else s) for name, (c, s) in chosen.items()}
    return worth, sure


def _holds_in_parts(rule: Sum, values: Mapping[str, Typed], scored: Mapping[str, Scored]) -> bool:
    """Whether the one term that is missing is printed in parts: a tax for each rate, and no sum of them."""
    missing = [part for part in rule.parts if part not in values]
    total = values.get(rule.total)
    if len(missing) != 1 or not isinstance(total, Decimal):
        return False
    known = [value for part in rule.parts if isinstance(value := values.get(part), Decimal)]
    parts = [c.value for c, _ in scored.get(missing[0], ()) if c.scores.get(missing[0]) and isinstance(c.value, Decimal)]
    return len(known) == len(rule.parts) - 1 and any(
        sum_holds(total, [*known, *some]) for count in (2, 3) for some in combinations(parts, count) if all(some)
    )


def _may_stand_together(chosen: Mapping[str, tuple[Candidate, float]]) -> bool:
    """A place on the page is one field's, unless one label is both fields' (`Total due`)."""
    used: dict[tuple[int, int], str] = {}
    for name, (candidate, _) in chosen.items():
        other = used.setdefault(candidate.key, name)
        if other != name and candidate.labels.get(name) != candidate.labels.get(other, ()):
            return False
    return True


def _terms(rule: Rule) -> set[str]:
    if isinstance(rule, Sum):
        return {rule.total, *rule.parts}
    return {rule.earlier, rule.later} if isinstance(rule, Order) else set()


def _speaks_of(rule: Rule, scored: Mapping[str, Scored]) -> bool:
    terms = _terms(rule)
    return bool(terms) and all(term in scored for term in terms)
