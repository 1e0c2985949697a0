from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from pipeline.check import ONE_CURRENCY, check, judge
from pipeline.records import Check, Conflict, Grounding, Merged, Value
from pipeline.settings import Settings
from schemas.invoice import Invoice

D = Decimal
SETTINGS = Settings(review_below=0.8)


def value(path, typed, confidence=0.9, currency=""):
    return Value(path, str(typed), typed, 1, Grounding.EXACT, None, confidence, "", currency)


SOUND = Merged(
    (
        value("document_number", "RE-1", 0.95),
        value("issue_date", date(2024, 1, 1)),
        value("due_date", date(2024, 1, 31), 0.1),
        value("seller_name", "ACME", 0.85),
        value("currency", "EUR"),
        value("net_total", D("10.00")),
        value("tax_total", D("1.90")),
        value("total", D("11.90"), currency="EUR"),
        value("line_items[0].description", "Pen", 0.3),
        value("line_items[0].quantity", D(4)),
        value("line_items[0].unit_price", D("2.50")),
        value("line_items[0].amount", D("10.00")),
    )
)


def changed(path, **changes):
    return Merged(tuple(replace(v, **changes) if v.path == path else v for v in SOUND.values))


def passed(merged):
    return {c.rule: c.passed for c in check(merged, Invoice)}


def test_a_sound_document_passes_every_rule():
    assert passed(SOUND) == {
        "total = net_total + tax_total": True,
        "net_total = line_items[].amount + charge_total − allowance_total": True,
        "tax_total = taxes[].amount": None,
        "amount_due = total + rounding_amount − prepaid_amount": None,
        "period_start ≤ period_end": None,
        "line_items[].amount = quantity × unit_price": True,
        "issue_date ≤ due_date": True,
        ONE_CURRENCY: True,
    }
    assert judge(SOUND, check(SOUND, Invoice), Invoice, SETTINGS) == (0.85, ())


@pytest.mark.parametrize(
    ("path", "wrong", "rule", "message"),
    [
        ("total", D("12.90"), "total = net_total + tax_total", "total is 12.90, the parts add up to 11.90"),
        ("line_items[0].quantity", D(5), "line_items[].amount = quantity × unit_price", "row 1: 5 × 2.50 is not 10.00"),
        ("due_date", date(2023, 1, 1), "issue_date ≤ due_date", "issue_date 2024-01-01 is after due_date 2023-01-01"),
    ],
)
def test_a_broken_rule_is_told_and_sent_to_review(path, wrong, rule, message):
    merged = changed(path, value=wrong)
    checks = check(merged, Invoice)
    assert [(c.rule, c.message) for c in checks if c.passed is False] == [(rule, message)]
    assert judge(merged, checks, Invoice, SETTINGS) == (0.85, (f"check failed: {rule}",))


def test_a_rule_with_a_missing_term_is_not_judged():
    merged = Merged(tuple(v for v in SOUND.values if v.path not in ("tax_total", "due_date") and "[" not in v.path))
    assert set(passed(merged).values()) == {None, True}
    assert passed(merged)[ONE_CURRENCY] is True
    assert judge(merged, check(merged, Invoice), Invoice, SETTINGS) == (0.85, ())


def test_another_currency_is_flagged():
    checks = check(changed("net_total", currency="USD"), Invoice)
    assert checks[-1] == Check(ONE_CURRENCY, False, "net_total is in USD; the document is in EUR")


def test_without_currencies_there_is_nothing_to_say_of_them():
    assert ONE_CURRENCY not in passed(changed("total", currency=""))


def test_a_missing_or_unreadable_required_field_gives_nothing():
    missing = Merged(tuple(v for v in SOUND.values if v.path != "seller_name"))
    assert judge(missing, (), Invoice, SETTINGS) == (0.0, ("missing: seller_name",))
    assert judge(changed("issue_date", value=None), (), Invoice, SETTINGS) == (0.0, ("unreadable: issue_date",))
    missing = ("document_number", "issue_date", "seller_name", "total")
    assert judge(Merged(), check(Merged(), Invoice), Invoice, SETTINGS) == (0.0, tuple(f"missing: {name}" for name in missing))


def test_review_below_the_setting_and_on_conflicts():
    assert judge(SOUND, (), Invoice, Settings(review_below=0.86)) == (0.85, ("low confidence: seller_name",))
    split = Merged(SOUND.values, (Conflict("total", SOUND.values[0], SOUND.values[1]),) * 2)
    assert judge(split, (), Invoice, SETTINGS) == (0.85, ("conflict: total",))


def test_a_date_that_may_be_two_is_told():
    unsure = changed("issue_date", problem="day and month could be swapped")
    assert judge(unsure, (), Invoice, SETTINGS) == (0.85, ("ambiguous date: issue_date",))
    assert judge(changed("due_date", problem="day and month could be swapped"), (), Invoice, SETTINGS) == (0.85, ())
