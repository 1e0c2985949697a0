"""Choosing among candidates: one value a field, so that labels, places and the schema's own equations agree best."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import combinations, product

from pipeline.engines.rules.fields.candidates import Candidate, find_candidates
from pipeline.engines.rules.fields.weights import MOST, UNLABELLED, Page, Scored, weigh
from pipeline.engines.rules.labels import Hit
from pipeline.engines.rules.sheet import Reading, Sheet
from pipeline.records import Leaf, Typed
from pipeline.values.arithmetic import SUM_TOLERANCE, judge, sum_holds
from schemas.base import Order, Rule, Schema, Sum, specs
from schemas.fields import Kind

_COMBINATIONS = 20_000
"""So many are tried at most: the more fields equations tie, the fewer candidates of each."""
_TIED = 14
"""So many fields at most are chosen together; the others go by their own scores."""
_LEAST = 0.3
_TELLING = 0.4
_HOLDS = 0.5
_HOLDS_BY_NOTHING = 0.15
_FAILS = 0.45


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
    page = Page.of(sheet, page_count, hits)
    leaves = []
    for kind in dict.fromkeys(spec.kind for spec in fields):
        own = [spec for spec in fields if spec.kind is kind]
        scored = {spec.name: weigh(spec, candidates.get(kind, []), page) for spec in own}
        chosen = _combine(scored, [rule for rule in schema.rules if _speaks_of(rule, scored)])
        for name, (candidate, score) in chosen.items():
            leaves.append(sheet.leaf(name, Reading(candidate.span, _sure(score), candidate.span.text)))
    return leaves


def _sure(score: float) -> float:
    """How often a value with this score is right, as measured: hardly more than every second below 0.4, nine in ten above."""
    return min(0.8 + 0.2 * score, 0.96) if score >= _TELLING else 0.6


def _combine(scored: Mapping[str, Scored], rules: Sequence[Rule]) -> dict[str, tuple[Candidate, float]]:
    """One candidate a field or none, so that scores and rules add up to the most."""
    names = [name for name, found in scored.items() if found]
    tied = [name for name in names if any(name in _terms(rule) for rule in rules)][:_TIED]
    most_of_each = max(count for count in range(1, MOST + 1) if count == 1 or (count + 1) ** len(tied) <= _COMBINATIONS)
    best: dict[str, tuple[Candidate, float]] = {}
    most = float("-inf")
    for combination in product(*([*scored[name][:most_of_each], None] for name in tied)):
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
    worth = sum(score - UNLABELLED - 0.01 for _, score in chosen.values())
    held: set[str] = set()
    for rule in rules:
        passed = judge(rule, values).passed
        if passed is False:
            worth -= _FAILS
        elif isinstance(rule, Sum) and (passed or _holds_in_parts(rule, values, scored)):
            if any(_is_nothing(values.get(part)) for part in rule.parts):
                worth += _HOLDS_BY_NOTHING
                continue
            worth += _HOLDS
            held |= _terms(rule)
    sure = {name: (c, max(s, min(0.6 + s, 0.97)) if name in held else s) for name, (c, s) in chosen.items()}
    return worth, sure


def _is_nothing(value: Typed) -> bool:
    """Whether a term is so small that any two equal numbers would make the sum hold."""
    return isinstance(value, Decimal) and abs(value) <= 2 * SUM_TOLERANCE


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
