"""Choosing among candidates: one value a field, so that labels, places and the schema's own equations agree best."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import combinations, product

from pipeline.engines.rules.fields.candidates import Candidate, Ties, find_candidates
from pipeline.engines.rules.fields.methods import with_method
from pipeline.engines.rules.fields.shares import with_shares
from pipeline.engines.rules.fields.terms import with_terms
from pipeline.engines.rules.fields.weights import MOST, UNLABELLED, Page, Scored, weigh
from pipeline.engines.rules.labels import Hit
from pipeline.engines.rules.sheet import Reading, Sheet
from pipeline.records import Leaf, Typed
from pipeline.values.amounts import parse_amount
from pipeline.values.arithmetic import SUM_TOLERANCE, judge, sum_holds
from schemas.base import Order, Rule, Schema, Sum, specs
from schemas.fields import FieldSpec, Kind

_COMBINATIONS = 20_000
"""So many are tried at most: the more fields equations tie, the fewer candidates of each."""
_TIED = 14
"""So many fields at most are chosen together; the others go by their own scores."""
_LEAST = 0.3
_CENTS = Decimal("0.5")
"""Sums of a few cents hold by chance."""
_ASIDE = 0.5
"""What speaks at least for a field that no document must have."""
_ASIDE_KINDS = (Kind.MONEY, Kind.DATE, Kind.IDENTIFIER)
_TELLING = 0.4
_HOLDS = 0.5
_HOLDS_BY_NOTHING = 0.15
_FAILS = 0.45
_ONE_PRINT = 0.25
"""What it costs that one print is the earlier and the later date: a label of a period has both behind it."""


def read_fields(
    sheet: Sheet, schema: Schema, hits: Sequence[Hit], taken: frozenset[int], page_count: int, rows: Sequence[Leaf] = ()
) -> list[Leaf]:
    """Every field of `schema` that is neither a table nor a party's, as far as the sheet shows it.

    Args:
        sheet: the page.
        schema: whose rules weigh the candidates.
        hits: the labels on the sheet.
        taken: cells that belong to a table.
        page_count: pages of the document: on one of several, what no label speaks for may be anything.
        rows: the rows of the tables on the page: a sum that they add up to is likelier.
    """
    fields = [spec for spec in specs(schema) if spec.kind is not Kind.TABLE and not spec.party]
    ties = _ties(fields, schema.rules)
    asides = ties.asides
    candidates = find_candidates(sheet, fields, hits, taken, ties)
    page = Page.of(sheet, page_count, hits, asides)._replace(columns=_column_sums(sheet, schema, rows))
    leaves = []
    for kind in dict.fromkeys(spec.kind for spec in fields):
        own = [spec for spec in fields if spec.kind is kind]
        scored = {spec.name: weigh(spec, candidates.get(kind, []), page) for spec in own}
        aside = _best_asides({name: found for name, found in scored.items() if name in asides})
        core = {name: found for name, found in scored.items() if name not in asides}
        rules = [rule for rule in schema.rules if _speaks_of(rule, core, asides)]
        chosen = _combine(_shortened(core, rules), rules, aside) | aside
        for name, (candidate, score) in chosen.items():
            leaves.append(sheet.leaf(name, Reading(candidate.span, _sure(score), candidate.span.text)))
    leaves = with_method(sheet, fields, with_terms(sheet, fields, leaves, taken), taken)
    return with_shares(sheet, schema, taken, rows, leaves)


def _sure(score: float) -> float:
    """How often a value with this score is right, as measured: hardly more than every second below 0.4, nine in ten above."""
    return min(0.8 + 0.2 * score, 0.96) if score >= _TELLING else 0.6


def _ties(fields: Sequence[FieldSpec], rules: Sequence[Rule]) -> Ties:
    """Which fields no document must have, nor others depend on; and which equal another by a rule of the schema."""
    firsts: dict[tuple[Kind, str], str] = {}
    for spec in sorted(fields, key=lambda spec: not spec.required):
        firsts.setdefault((spec.kind, spec.scheme), spec.name)
    core = {spec.name for spec in fields if spec.required} | set(firsts.values())
    for rule in rules:
        if isinstance(rule, Sum):
            core |= {rule.total} if rule.less else {rule.total, *rule.parts} - {*rule.optional}
        elif isinstance(rule, Order) and {rule.earlier, rule.later} & core:
            core |= {rule.earlier, rule.later}
    asides = frozenset(spec.name for spec in fields if spec.kind in _ASIDE_KINDS and spec.name not in core)
    equal = {
        rule.total: part
        for rule in rules
        if isinstance(rule, Sum) and rule.less
        for part in rule.parts
        if part in core and part not in rule.optional
    }
    return Ties(asides, equal)


def _best_asides(scored: Mapping[str, Scored]) -> dict[str, tuple[Candidate, float]]:
    """The best candidate of each such field, if a label speaks for it; a place is that of the field whose label tells most."""
    best: dict[str, tuple[Candidate, float]] = {}
    used: set[tuple[int, int]] = set()
    offers = ((name, *item) for name, found in scored.items() for item in found)
    for name, candidate, score in sorted(offers, key=lambda offer: -offer[2]):
        if score >= _ASIDE and name in candidate.scores and name not in best and candidate.key not in used:
            best[name] = candidate, score
            used.add(candidate.key)
    return best


def _column_sums(sheet: Sheet, schema: Schema, rows: Sequence[Leaf]) -> dict[str, frozenset[Decimal]]:
    """What the rows of the tables on the page add up to, by the field that a rule says is their sum."""
    sums: dict[str, frozenset[Decimal]] = {}
    columns = [
        (rule.total, *part.split("[]."))
        for rule in schema.rules
        if isinstance(rule, Sum)
        for part in rule.parts
        if "[]." in part
    ]
    for name, table, column in columns:
        printed = [row.verbatim for row in rows if row.path.startswith(f"{table}[") and row.path.endswith(f".{column}")]
        amounts = [parse_amount(text, sheet.habits.language, decimal=sheet.habits.decimal) for text in printed]
        values = [amount.value for amount in amounts if amount]
        if printed and len(values) == len(printed):
            sums[name] = sums.get(name, frozenset()) | {sum(values, Decimal())}
    return sums


def _shortened(scored: Mapping[str, Scored], rules: Sequence[Rule]) -> dict[str, Scored]:
    """MOST candidates of each field: of those that no label claims first what makes a sum of labelled ones hold."""
    wanted: dict[str, set[Decimal]] = {}
    for rule in rules:
        if not isinstance(rule, Sum) or len(rule.parts) != 2 or not {rule.total, *rule.parts} <= set(scored):
            continue
        told = {name: _amounts(scored[name]) for name in (rule.total, *rule.parts)}
        one, other = rule.parts
        wanted.setdefault(rule.total, set()).update(a + b for a in told[one] for b in told[other])
        wanted.setdefault(one, set()).update(a - b for a in told[rule.total] for b in told[other])
        wanted.setdefault(other, set()).update(a - b for a in told[rule.total] for b in told[one])
    return {
        name: sorted(found, key=lambda item: (item[1] < _LEAST and item[0].value not in wanted.get(name, ()), -item[1]))[:MOST]
        for name, found in scored.items()
    }


def _amounts(found: Scored) -> list[Decimal]:
    """The amounts that something speaks for."""
    return [c.value for c, score in found[:MOST] if score >= _LEAST and isinstance(c.value, Decimal)]


def _combine(
    scored: Mapping[str, Scored], rules: Sequence[Rule], aside: Mapping[str, tuple[Candidate, float]]
) -> dict[str, tuple[Candidate, float]]:
    """One candidate a field or none, so that scores and rules add up to the most; `aside` are chosen already."""
    names = [name for name, found in scored.items() if found]
    tied = [name for name in names if any(name in _terms(rule) for rule in rules)][:_TIED]
    most_of_each = max(count for count in range(1, MOST + 1) if count == 1 or (count + 1) ** len(tied) <= _COMBINATIONS)
    best: dict[str, tuple[Candidate, float]] = {}
    most = float("-inf")
    for combination in product(*([*scored[name][:most_of_each], None] for name in tied)):
        chosen = {name: item for name, item in zip(tied, combination, strict=True) if item}
        if not _may_stand_together(chosen):
            continue
        worth, sure = _worth(chosen, rules, scored, aside)
        if worth > most:
            most, best = worth, sure
    for name in names:
        if name not in tied and scored[name]:
            best[name] = scored[name][0]
    return {name: item for name, item in best.items() if item[1] >= _LEAST}


def _worth(
    chosen: Mapping[str, tuple[Candidate, float]],
    rules: Sequence[Rule],
    scored: Mapping[str, Scored],
    aside: Mapping[str, tuple[Candidate, float]],
) -> tuple[float, dict[str, tuple[Candidate, float]]]:
    """What a combination is worth, and how sure each of its values is in it."""
    values: dict[str, Typed] = {name: candidate.value for name, (candidate, _) in (*aside.items(), *chosen.items())}
    worth = sum(score - UNLABELLED - 0.01 for _, score in chosen.values())
    held: set[str] = set()
    for rule in rules:
        passed = judge(rule, values).passed
        if isinstance(rule, Order) and _one_print(rule, chosen):
            worth -= _ONE_PRINT
        if passed is False:
            worth -= _FAILS
        elif isinstance(rule, Sum) and (passed or _holds_in_parts(rule, values, scored)):
            if _is_nothing(values.get(rule.total), _CENTS) or any(_is_nothing(values.get(part)) for part in rule.parts):
                worth += _HOLDS_BY_NOTHING
                continue
            worth += _HOLDS
            held |= _terms(rule)
    sure = {name: (c, max(s, min(0.6 + s, 0.97)) if name in held else s) for name, (c, s) in chosen.items()}
    return worth, sure


def _one_print(rule: Order, chosen: Mapping[str, tuple[Candidate, float]]) -> bool:
    """Whether both dates of an order are the same print."""
    earlier, later = chosen.get(rule.earlier), chosen.get(rule.later)
    return earlier is not None and later is not None and earlier[0].key == later[0].key


def _is_nothing(value: Typed, least: Decimal = 2 * SUM_TOLERANCE) -> bool:
    """Whether a term is so small that any two equal numbers would make the sum hold."""
    return isinstance(value, Decimal) and abs(value) <= least


def _holds_in_parts(rule: Sum, values: Mapping[str, Typed], scored: Mapping[str, Scored]) -> bool:
    """Whether the one term that is missing is printed in parts: a tax for each rate, and no sum of them."""
    missing = [part for part in rule.parts if part not in values]
    total = values.get(rule.total)
    if len(missing) != 1 or not isinstance(total, Decimal):
        return False
    known = [value for part in rule.parts if isinstance(value := values.get(part), Decimal)]
    offers = [c for c, _ in scored.get(missing[0], ()) if c.scores.get(missing[0], 0.0) >= _TELLING]
    parts = [c.value for c in offers if isinstance(c.value, Decimal)]
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
        return {rule.total, *rule.parts, *rule.less}
    return {rule.earlier, rule.later} if isinstance(rule, Order) else set()


def _speaks_of(rule: Rule, scored: Mapping[str, Scored], asides: frozenset[str]) -> bool:
    terms = _terms(rule) - asides
    return bool(terms) and all(term in scored for term in terms)
