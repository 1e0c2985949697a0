from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from pipeline.check import ONE_CURRENCY, check, judge, weigh
from pipeline.records import Check, Conflict, Grounding, Merged, Value
from pipeline.settings import Settings
from schemas.identity_document import IdentityDocument
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
    assert checks[-1] == Check(ONE_CURRENCY, False, "net_total is in USD; the document is in EUR", ("net_total",))


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


def sure(merged, schema=Invoice):
    return {v.path: v.confidence for v in weigh(merged, check(merged, schema), schema).values}


def test_what_an_equation_confirms_is_surer_and_what_it_contradicts_less():
    before = {v.path: v.confidence for v in SOUND.values}
    after = sure(SOUND)
    assert all(after[path] > before[path] for path in ("total", "net_total", "tax_total", "line_items[0].quantity"))
    assert {path: after[path] for path in ("document_number", "seller_name", "issue_date")} == {
        "document_number": 0.95,
        "seller_name": 0.85,
        "issue_date": 0.9,  # any later day would have been due later
    }
    wrong = sure(changed("tax_total", value=D("2.90")))
    assert wrong["total"] < 0.9 and wrong["tax_total"] < 0.9
    assert wrong["net_total"] == 0.9  # its own lines confirm it


def test_lines_that_do_not_add_up_are_doubted_and_their_sum_is_not():
    lost = Merged(
        tuple(replace(v, value=D("20.00")) if v.path == "net_total" else v for v in SOUND.values if v.path != "total")
    )
    after = sure(lost)
    assert after["net_total"] == 0.9
    assert after["line_items[0].amount"] < 0.95


def test_a_product_that_fails_speaks_of_its_row_only():
    row = [replace(v, path=v.path.replace("[0]", "[1]")) for v in SOUND.values if "[0]" in v.path]
    row = [replace(v, value=D(3)) if v.path.endswith("quantity") else v for v in row]
    (found,) = [c for c in check(Merged((*SOUND.values, *row)), Invoice) if "×" in c.rule]
    assert found.passed is False
    assert {path.partition(".")[0] for path in found.paths} == {"line_items[1]"}


def identifier(path, verbatim):
    return Merged((*SOUND.values, replace(value(path, verbatim), verbatim=verbatim)))


@pytest.mark.parametrize(
    ("path", "verbatim", "passed", "review"),
    [
        ("seller_iban", "DE89 3704 0044 0532 0130 00", True, False),
        ("seller_iban", "DE89 3704 0044 0532 0130 01", False, True),
        ("seller_tax_id", "DE136695976", True, False),
        ("seller_tax_id", "DE136695977", False, False),
        ("seller_bic", "COBADEFFXXX", True, False),
    ],
)
def test_check_digits_are_data_and_only_wrong_ibans_ask_for_review(path, verbatim, passed, review):
    merged = identifier(path, verbatim)
    checks = check(merged, Invoice)
    (found,) = [c for c in checks if c.rule == f"checksum of {path}"]
    assert (found.passed, bool(found.message)) == (passed, not passed)
    reasons = judge(merged, checks, Invoice, SETTINGS)[1]
    assert reasons == ((f"check failed: checksum of {path}",) if review else ())
    before = next(v.confidence for v in merged.values if v.path == path)
    assert (sure(merged)[path] > before) is passed
    assert (sure(merged)[path] < before) is review


ZONE = "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL898902C36UTO7408122F1204159ZE184226B<<<<<10"


@pytest.mark.parametrize(
    ("path", "typed", "passed"),
    [
        ("document_number", "L898902C3", True),
        ("document_number", "L898902C4", False),
        ("date_of_birth", date(1974, 8, 12), True),
        ("date_of_birth", date(1974, 12, 8), False),
        ("surname", "Eriksson", True),
        ("surname", "Svensson-Lund", False),
        ("given_names", "Anna Maria Sofia", True),
        ("sex", "F", True),
    ],
)
def test_a_machine_readable_zone_is_held_against_the_print(path, typed, passed):
    merged = Merged((value(path, typed), replace(value("mrz", ZONE), verbatim=ZONE)))
    checks = {c.rule: c for c in check(merged, IdentityDocument)}
    assert checks["checksum of mrz"].passed is True
    assert checks[f"{path} as in mrz"].passed is passed
    assert (
        f"check failed: {path} as in mrz" in judge(merged, list(checks.values()), IdentityDocument, SETTINGS)[1]
    ) is not passed


def test_a_zone_that_is_misread_says_nothing_of_that_field():
    zone = ZONE.replace("L898902C3", "L898902G3")
    merged = Merged((value("document_number", "L898902C3"), replace(value("mrz", zone), verbatim=zone)))
    checks = {c.rule: c.passed for c in check(merged, IdentityDocument)}
    assert checks["checksum of mrz"] is False
    assert "document_number as in mrz" not in checks


def test_a_conflict_that_a_check_or_a_wide_margin_settles_asks_for_no_review():
    def reasons(path, lost):
        kept = next(v for v in SOUND.values if v.path == path)
        merged = Merged(SOUND.values, (Conflict(path, kept, replace(kept, confidence=lost)),))
        return judge(merged, check(merged, Invoice), Invoice, SETTINGS)[1]

    assert reasons("document_number", 0.9) == ("conflict: document_number",)
    assert reasons("document_number", 0.6) == ()
    assert reasons("total", 0.9) == ()
