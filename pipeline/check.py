"""What the schema's equations say of a document, and whether a person should look at it."""

from collections.abc import Sequence
from datetime import date

from pipeline.records import Check, Merged, Value
from pipeline.settings import Settings
from pipeline.values.arithmetic import describe
from pipeline.values.arithmetic import judge as judge_rule
from schemas.base import Schema, specs
from schemas.fields import Kind

ONE_CURRENCY = "one currency"


def check(merged: Merged, schema: Schema) -> tuple[Check, ...]:
    """A check for each rule of the schema, in order, and one that all amounts are in the document's currency.

    The last is there only where an amount has its currency printed beside it and the schema has a field for the document's.
    """
    values = {value.path: value.value for value in merged.values}
    checks = []
    for rule in schema.rules:
        verdict = judge_rule(rule, values)
        checks.append(Check(describe(rule), verdict.passed, verdict.message))
    return (*checks, *_one_currency(merged, schema))


def judge(merged: Merged, checks: Sequence[Check], schema: Schema, settings: Settings) -> tuple[float, tuple[str, ...]]:
    """The document's confidence (0..1), and why a person should look at it: nothing where nobody need.

    The confidence is the least of its required fields'; 0 where one of them is missing or could not be read. The reasons are
    `missing: F`, `unreadable: F`, `low confidence: F` and `ambiguous date: F` of required fields, `check failed: RULE` and
    `conflict: F`, in this order, each once.
    """
    found = {value.path: value for value in merged.values}
    needed = [spec.name for spec in specs(schema) if spec.required]
    confidence = min((_confidence(found.get(name)) for name in needed), default=1.0)
    reasons = [reason for name in needed if (reason := _doubt(name, found.get(name), settings.review_below))]
    reasons += [f"check failed: {check.rule}" for check in checks if check.passed is False]
    reasons += [f"conflict: {conflict.path}" for conflict in merged.conflicts]
    return confidence, tuple(dict.fromkeys(reasons))


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


def _one_currency(merged: Merged, schema: Schema) -> tuple[Check, ...]:
    names = {spec.name for spec in specs(schema) if spec.kind is Kind.CURRENCY}
    document = next((str(value.value) for value in merged.values if value.path in names and value.value), "")
    own = [value for value in merged.values if value.currency]
    if not document or not own:
        return ()
    others = sorted({f"{value.path} is in {value.currency}" for value in own if value.currency != document})
    return (Check(ONE_CURRENCY, not others, "; ".join([*others, f"the document is in {document}"]) if others else ""),)
