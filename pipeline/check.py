"""What a document says against itself: equations, check digits, machine readable zone; and whether a person should look."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date

from rapidfuzz import fuzz

from pipeline.records import Check, Conflict, Merged, Value
from pipeline.settings import Settings
from pipeline.values.arithmetic import describe
from pipeline.values.arithmetic import judge as judge_rule
from pipeline.values.compare import same
from pipeline.values.identifiers import valid
from pipeline.values.mrz import but_for_century, read_mrz
from pipeline.values.text import fold_name
from schemas.base import Order, Rule, Schema, Signed, spec_at, specs, terms
from schemas.fields import Kind

ONE_CURRENCY = "one currency"
CHECKSUM = "checksum of "

_CHECKED = ("iban", "tax_id", "bic", "mrz")
"""Schemes whose check digits are judged. Telephone numbers and e-mail addresses have none."""
_GRAVE = ("iban", "mrz")
"""Schemes whose wrong check digits a person should see. Tax numbers fail on sound documents: where their form was mistaken."""
_ZONE = ("document_number", "date_of_birth", "sex", "expiry_date", "surname", "given_names")
"""Fields that a machine readable zone repeats."""
_ZONE_ALIKE = 75.0
"""How alike (0–100) a name must be to that of a zone, which knows no accents and cuts long ones."""

_HELD = 0.5
"""What is left of the doubt in a figure that an equation confirms."""
_FAILED = 0.85
"""What is left of the confidence in a value of a check that fails, where no other confirms it."""
_SURE = 0.15
"""Two readings as close as this are a conflict that no confidence settles."""


def check(merged: Merged, schema: Schema) -> tuple[Check, ...]:
    """What holds in a document and what does not, in this order.

    A check for each rule of the schema; one that all amounts are in the document's currency, where an amount has its own
    printed beside it; one for each identifier that has check digits; and one for each field that a machine readable zone
    repeats.
    """
    values = {value.path: value.value for value in merged.values}
    checks = []
    for rule in schema.rules:
        if not isinstance(rule, Signed):
            verdict = judge_rule(rule, values)
            paths = tuple(_paths(rule, values, verdict.rows if verdict.passed is False else ()))
            checks.append(Check(describe(rule), verdict.passed, verdict.message, paths))
    return (*checks, *_one_currency(merged, schema), *_checksums(merged, schema), *_zone(merged, schema))


def weigh(merged: Merged, checks: Sequence[Check], schema: Schema) -> Merged:
    """`merged` with confidences that know the checks: what one confirms is surer, what fails less, where none confirms it.

    A sum over the rows of a table that fails lowers the rows only: mostly one of them is missing.
    """
    weak = {describe(rule) for rule in schema.rules if isinstance(rule, Order)}
    held = {path for one in checks if one.passed and one.rule not in weak for path in one.paths}
    failed = {path for one in checks if one.passed is False and _tells(one, schema) for path in _doubtful(one)}
    values = []
    for value in merged.values:
        sure = value.confidence
        if value.path in held and value.value is not None:
            sure = 1 - (1 - sure) * _HELD if value.path not in failed else sure
        elif value.path in failed:
            sure *= _FAILED
        values.append(replace(value, confidence=round(sure, 4)))
    return Merged(tuple(values), merged.conflicts)


def judge(merged: Merged, checks: Sequence[Check], schema: Schema, settings: Settings) -> tuple[float, tuple[str, ...]]:
    """The document's confidence (0..1), and why a person should look at it: nothing where nobody need.

    The confidence is the least of its required fields'; 0 where one of them is missing or could not be read. The reasons are
    `missing: F`, `unreadable: F`, `low confidence: F` and `ambiguous date: F` of required fields, `check failed: RULE` and
    `conflict: F`, in this order, each once. A conflict is none where a check confirms the value that was kept, or where that is
    much surer.
    """
    found = {value.path: value for value in merged.values}
    needed = [spec.name for spec in specs(schema) if spec.required]
    confidence = min((_confidence(found.get(name)) for name in needed), default=1.0)
    reasons = [reason for name in needed if (reason := _doubt(name, found.get(name), settings.review_below))]
    reasons += [f"check failed: {check.rule}" for check in checks if check.passed is False and _tells(check, schema)]
    held = {path for one in checks if one.passed for path in one.paths}
    reasons += [f"conflict: {one.path}" for one in merged.conflicts if one.path not in held and _open(one)]
    return confidence, tuple(dict.fromkeys(reasons))


def _tells(check: Check, schema: Schema) -> bool:
    """Whether a person should see that a check fails."""
    return not check.rule.startswith(CHECKSUM) or spec_at(schema, check.paths[0]).scheme in _GRAVE


def _doubtful(check: Check) -> tuple[str, ...]:
    rows = tuple(path for path in check.paths if "[" in path)
    return rows or check.paths


def _open(conflict: Conflict) -> bool:
    return conflict.lost.confidence > conflict.kept.confidence - _SURE


def _confidence(value: Value | None) -> float:
    return value.confidence if value and value.value is not None else 0.0


def _doubt(name: str, value: Value | None, least: float) -> str:
    """What is wrong with the value of a required field, if anything is."""
    if value is None:
        return f"missing: {name}"
    if value.value is None:
        return f"unreadable: {name}"
    if isinstance(value.value, date) and value.problem:
        return f"ambiguous date: {name}"
    return f"low confidence: {name}" if value.confidence < least else ""


def _paths(rule: Rule, values: Mapping[str, object], rows: Sequence[int]) -> Iterator[str]:
    """The values that a rule speaks of; of its table's rows only those in `rows`, where there are some."""
    for term in terms(rule):
        table, brackets, column = term.partition("[].")
        if not brackets:
            yield from (path for path in values if path == term)
        else:
            ends = tuple(f"[{row}].{column}" for row in rows) or f"].{column}"
            yield from (path for path in values if path.startswith(f"{table}[") and path.endswith(ends))


def _one_currency(merged: Merged, schema: Schema) -> Iterator[Check]:
    names = {spec.name for spec in specs(schema) if spec.kind is Kind.CURRENCY}
    document = next((value for value in merged.values if value.path in names and value.value), None)
    own = [value for value in merged.values if value.currency]
    if document and own:
        code = str(document.value)
        wrong = [value for value in own if value.currency != code]
        others = sorted({f"{value.path} is in {value.currency}" for value in wrong})
        message = "; ".join([*others, f"the document is in {code}"]) if others else ""
        yield Check(ONE_CURRENCY, not others, message, tuple(value.path for value in wrong))


def _checksums(merged: Merged, schema: Schema) -> Iterator[Check]:
    for value in merged.values:
        spec = spec_at(schema, value.path)
        if spec.scheme not in _CHECKED or value.value is None:
            continue
        sound = valid(value.verbatim, spec.scheme)
        if sound is not None:
            message = "" if sound else f"the check digits of {value.value} do not fit"
            yield Check(f"{CHECKSUM}{value.path}", sound, message, (value.path,))


def _zone(merged: Merged, schema: Schema) -> Iterator[Check]:
    """What a machine readable zone says of the fields that it repeats, where its own check digits fit."""
    kinds = {spec.name: spec for spec in specs(schema)}
    zone = next((v for v in merged.values if v.path in kinds and kinds[v.path].scheme == "mrz" and v.value), None)
    says = read_mrz(str(zone.value)) if zone else None
    if not zone or not says:
        return
    found = {value.path: value for value in merged.values if value.value is not None}
    for name in _ZONE:
        told, printed = getattr(says, name), found.get(name)
        if name in says.wrong or not told or printed is None:
            continue
        spec = kinds[name]
        fits = same(spec.kind, told, printed.value, spec.scheme)
        if name == "date_of_birth":
            fits = but_for_century(told, printed.value)
        if spec.kind is Kind.NAME:
            mine, its = fold_name(str(told)), fold_name(str(printed.value))
            fits = not its.isascii() or its.startswith(mine) or fuzz.ratio(mine, its) >= _ZONE_ALIKE
        message = "" if fits else f"{name} is {printed.value}, the zone says {told}"
        yield Check(f"{name} as in {zone.path}", fits, message, (name,))
