from decimal import Decimal

import pytest

from pipeline.normalize import normalize
from pipeline.records import Frame, Leaf, PageWords
from pipeline.values.arithmetic import judge, line_holds
from schemas.bank_statement import BankStatement
from schemas.base import Product, Running, Sum

D = Decimal
RUNNING = Running("transactions", "balance", "amount", start="opening_balance")
LINE = Product("line_items", "amount", ("quantity", "unit_price"), discount="discount")


def statement(*rows, start="100.00"):
    values = {"opening_balance": D(start)}
    for number, (amount, balance) in enumerate(rows):
        values[f"transactions[{number}].amount"] = D(amount)
        if balance:
            values[f"transactions[{number}].balance"] = D(balance)
    return values


def test_a_running_balance_holds_over_rows_that_print_none():
    assert judge(RUNNING, statement(("-30.00", None), ("5.00", "75.00"), ("-80.00", "-5.00"))).passed is True


def test_a_running_balance_names_the_row_that_breaks_it_and_goes_on_from_there():
    verdict = judge(RUNNING, statement(("-30.00", "70.00"), ("1.00", "77.00"), ("3.00", "80.00")))
    assert (verdict.passed, verdict.message) == (False, "row 2: 70.00 + 1.00 is not 77.00")


def test_the_latest_entry_may_come_first():
    assert judge(RUNNING, statement(("3.00", "74.00"), ("1.00", "71.00"), ("-30.00", "70.00"))).passed is True


def test_without_a_start_or_balances_nothing_is_judged():
    rows = statement(("-30.00", "70.00"))
    assert judge(RUNNING, {path: value for path, value in rows.items() if "[" in path}).passed is None
    assert judge(RUNNING, statement(("1.00", None))).passed is None


def test_a_missing_amount_is_passed_over_not_taken_for_nothing():
    rows = statement(("-30.00", "70.00"), ("1.00", "72.00"), ("3.00", "75.00"))
    del rows["transactions[1].amount"]
    assert judge(RUNNING, rows).passed is True


@pytest.mark.parametrize(("amount", "passed"), [("19.00", True), ("20.00", True), ("18.00", False)])
def test_a_line_may_be_less_by_its_discount(amount, passed):
    row = {"quantity": D(2), "unit_price": D(10), "discount": D(5), "amount": D(amount)}
    assert judge(LINE, {f"line_items[0].{name}": value for name, value in row.items()}).passed is passed


def signed(**columns):
    leaves = [Leaf(f"transactions[0].{name}", text, box=(0.1, 0.1, 0.2, 0.2)) for name, text in columns.items()]
    made = normalize(leaves, BankStatement, PageWords(3, Frame(1, 1), language="en"))
    return [value for value in made if value.path == "transactions[0].amount"]


def test_money_out_in_its_own_column_makes_a_negative_amount_in_the_same_place():
    (value,) = signed(debit="12.50")
    assert (value.value, value.verbatim, value.page, value.box) == (D("-12.50"), "12.50", 3, (0.1, 0.1, 0.2, 0.2))
    assert [value.value for value in signed(credit="3.00", debit="0.00")] == [D("3.00")]


def test_an_amount_that_is_printed_stands_and_two_sides_make_none():
    assert [value.value for value in signed(debit="12.50", amount="-12.50")] == [D("-12.50")]
    assert signed(debit="12.50", credit="12.50") == []


@pytest.mark.parametrize(
    ("result", "quantity", "price", "holds"),
    [
        ("10.00", "3", "3.33", True),
        ("10.02", "3", "3.33", False),
        ("55.46", "20", "2.77", True),
        ("55.66", "20", "2.77", False),
        ("20.00", "2", "10", True),
        ("20.50", "2", "10", False),
        ("9.00", "2", "5.00", False),
    ],
)
def test_a_printed_price_may_be_rounded(result, quantity, price, holds):
    assert line_holds(D(result), D(quantity), D(price)) is holds


def test_lines_with_tax_add_up_to_the_total_instead():
    lines = Sum("net_total", ("line_items[].amount",), instead=("total",))
    values = {"net_total": D("100.00"), "total": D("119.00"), "line_items[0].amount": D("119.00")}
    assert judge(lines, values).passed is True
    assert judge(lines, {**values, "line_items[0].amount": D("120.00")}).passed is False
    assert judge(lines, {**values, "total": None}).passed is False
