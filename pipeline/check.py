"""What the schema's equations say of a document, and whether a person should look at it."""

from collections.abc import Sequence

from pipeline.records import Check, Merged
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


def judge(merged: Merged, checks: Sequence[Check], schema: Schema, settings: Settings) -> tuple[float, bool]:
    """The document's confidence (0..1), and whether it needs review.

    The confidence is the least of its required fields'; 0 where one of them is missing or could not be read. Review is needed
    below `settings.review_below`, after a failed check and on any conflict.
    """
    confidence = min(_required(merged, schema), default=1.0)
    failed = any(check.passed is False for check in checks)
    return confidence, confidence < settings.review_below or failed or bool(merged.conflicts)


def _required(merged: Merged, schema: Schema) -> list[float]:
    found = {value.path: value.confidence if value.value is not None else 0.0 for value in merged.values}
    needed = [spec.name for spec in specs(schema) if spec.required]
    return [found.get(name, 0.0) for name in needed]


def _one_currency(merged: Merged, schema: Schema) -> tuple[Check, ...]:
    names = {spec.name for spec in specs(schema) if spec.kind is Kind.CURRENCY}
    document = next((str(value.value) for value in merged.values if value.path in names and value.value), "")
    own = [value for value in merged.values if value.currency]
    if not document or not own:
        return ()
    others = sorted({f"{value.path} is in {value.currency}" for value in own if value.currency != document})
    return (Check(ONE_CURRENCY, not others, "; ".join([*others, f"the document is in {document}"]) if others else ""),)
