from datetime import date
from decimal import Decimal

import pytest

from pipeline.values.arithmetic import describe, judge, product_holds, sum_holds
from pipeline.values.compare import same
from schemas.base import Order, Product, Sum
from schemas.fields import Kind

D = Decimal


@pytest.mark.parametrize(
    ("kind", "one", "other", "scheme"),
    [
        (Kind.MONEY, D("12.5"), "12.50", ""),
        (Kind.NUMBER, D("1"), "1.0", ""),
        (Kind.DATE, date(2024, 3, 12), "2024-03-12", ""),
        (Kind.DATE, "12.03.2024", "2024-03-12", ""),
        (Kind.NAME, "ACME GmbH & Co. KG", "Acme GmbH & Co KG", ""),
        (Kind.ADDRESS, "Weg 1\n12345 Ort", "Weg 1, 12345 ORT", ""),
        (Kind.CURRENCY, "€", "EUR", ""),
        (Kind.IDENTIFIER, "000.000.002", "2", "document_number"),
        (Kind.IDENTIFIER, "RE 2024/17", "re-2024-17", "document_number"),
        (Kind.IDENTIFIER, "FR44732829320", "44732829320", "tax_id"),
        (Kind.IDENTIFIER, "DE 123 456 789", "DE123456789", "tax_id"),
        (Kind.IDENTIFIER, "DE02 1203 0000", "DE0212030000", "iban"),
    ],
)
def test_the_same(kind, one, other, scheme):
    assert same(kind, one, other, scheme)
    assert same(kind, other, one, scheme)


@pytest.mark.parametrize(
    ("kind", "one", "other", "scheme"),
    [
        (Kind.MONEY, D("12.50"), D("-12.50"), ""),
        (Kind.MONEY, D("12.50"), "12.51", ""),
        (Kind.DATE, date(2024, 3, 12), "2024-12-03", ""),
        (Kind.NAME, "ACME", "ACMA", ""),
        (Kind.NAME, None, "ACME", ""),
        (Kind.MONEY, None, None, ""),
        (Kind.MONEY, "no amount", "no amount", ""),
        (Kind.IDENTIFIER, "FR44732829320", "IT44732829320", "tax_id"),
        (Kind.IDENTIFIER, "02", "2", "tax_id"),
        (Kind.IDENTIFIER, "A02", "A2", "document_number"),
    ],
)
def test_not_the_same(kind, one, other, scheme):
    assert not same(kind, one, other, scheme)


def test_sums_hold_but_for_a_rounding():
    assert sum_holds(D("71.00"), [D("67.00"), D("4.02")])
    assert not sum_holds(D("71.00"), [D("67.00"), D("4.03")])


@pytest.mark.parametrize(
    ("result", "one", "other", "holds"),
    [
        ("10.00", "3", "3.333", True),
        ("9.99", "3", "3.333", True),
        ("10.01", "3", "3.333", False),
        ("260", "10", "26", True),
        ("261", "10", "26", False),
        ("-5.00", "-1", "5", True),
    ],
)
def test_products_are_rounded_or_cut_to_what_is_printed(result, one, other, holds):
    assert product_holds(D(result), D(one), D(other)) is holds


SUM = Sum("total", ("net", "tax", "tip"), optional=("tip",))
COLUMN = Sum("net", ("items[].amount",))
LESS = Sum("due", ("total",), less=("paid",))
PRODUCT = Product("items", "amount", ("quantity", "price"))
ORDER = Order("issued", "due")


@pytest.mark.parametrize(
    ("rule", "values", "passed"),
    [
        (SUM, {"total": D(12), "net": D(10), "tax": D(2)}, True),
        (SUM, {"total": D(13), "net": D(10), "tax": D(2), "tip": D(1)}, True),
        (SUM, {"total": D(13), "net": D(10), "tax": D(2)}, False),
        (SUM, {"total": D(12), "net": D(10)}, None),
        (SUM, {"net": D(10), "tax": D(2)}, None),
        (COLUMN, {"net": D(3), "items[0].amount": D(1), "items[1].amount": D(2)}, True),
        (COLUMN, {"net": D(3), "items[0].amount": D(1), "items[1].amount": None}, None),
        (COLUMN, {"net": D(3), "items[0].amount": D(1), "items[1].name": "x"}, None),
        (COLUMN, {"net": D(3)}, None),
        (LESS, {"due": D(7), "total": D(10), "paid": D(3)}, True),
        (LESS, {"due": D(7), "total": D(10), "paid": D(-3)}, True),
        (LESS, {"due": D(-7), "total": D(-10), "paid": D(3)}, True),
        (LESS, {"due": D(13), "total": D(10), "paid": D(3)}, False),
        (LESS, {"due": D(7), "total": D(10)}, None),
        (PRODUCT, {"items[0].amount": D(6), "items[0].quantity": D(2), "items[0].price": D(3)}, True),
        (PRODUCT, {"items[0].amount": D(7), "items[0].quantity": D(2), "items[0].price": D(3)}, False),
        (PRODUCT, {"items[0].amount": D(7), "items[0].quantity": D(2)}, None),
        (ORDER, {"issued": date(2024, 1, 1), "due": date(2024, 1, 1)}, True),
        (ORDER, {"issued": date(2024, 1, 2), "due": date(2024, 1, 1)}, False),
        (ORDER, {"issued": date(2024, 1, 2)}, None),
    ],
)
def test_a_rule_holds_fails_or_cannot_be_judged(rule, values, passed):
    verdict = judge(rule, values)
    assert verdict.passed is passed
    assert bool(verdict.message) is (passed is False)


def test_rules_describe_themselves():
    assert [describe(rule) for rule in (SUM, PRODUCT, ORDER)] == [
        "total = net + tax + tip",
        "items[].amount = quantity × price",
        "issued ≤ due",
    ]


@pytest.mark.parametrize(
    ("a", "b", "scheme", "expected"),
    [
        ("+49301234567", "030 / 123 45 67", "phone", True),
        ("+390272001234", "02 7200 1234", "phone", True),
        ("+5511912345678", "(11) 91234-5678", "phone", True),
        ("+49 (0)30 1234567", "+49301234567", "phone", True),
        ("+49301234567", "+41301234567", "phone", False),
        ("030 1234567", "030 1234568", "phone", False),
        ("+49301234567", "234567", "phone", False),
        ("COBADEFF", "COBADEFFXXX", "bic", True),
        ("COBADEFF", "COBADEFF500", "bic", False),
        ("Info@Example.com", "info@example.com", "email", True),
    ],
)
def test_identifiers_of_a_scheme_are_compared_as_it_is_written(a: str, b: str, scheme: str, expected: bool) -> None:
    assert same(Kind.IDENTIFIER, a, b, scheme) is same(Kind.IDENTIFIER, b, a, scheme) is expected
