from datetime import date
from decimal import Decimal

import pytest

from pipeline.normalize import SWAPPABLE, normalize, settle_dates, writing_of
from pipeline.records import Frame, Leaf, PageWords, Word, WordsFrom
from schemas.bank_statement import BankStatement
from schemas.identity_document import IdentityDocument
from schemas.invoice import Invoice

D = Decimal


def page_of(*lines: str, language: str = "en") -> PageWords:
    words = tuple(
        Word(text, (0.05 + 0.1 * i, 0.1 * n, 0.13 + 0.1 * i, 0.1 * n + 0.02), line=n)
        for n, line in enumerate(lines)
        for i, text in enumerate(line.split())
    )
    return PageWords(1, Frame(595, 842), words, WordsFrom.OCR, language)


def typed(path, verbatim, *lines, language="en"):
    value, *_ = normalize([Leaf(path, verbatim)], Invoice, page_of(*lines, language=language))
    return value


@pytest.mark.parametrize(
    ("path", "verbatim", "language", "expected"),
    [
        ("total", "1.234,50 €", "de", D("1234.50")),
        ("total", "1,234.50", "en", D("1234.50")),
        ("line_items[3].quantity", "2 Stk", "de", D(2)),
        ("line_items[3].tax_rate", "19 %", "de", D(19)),
        ("issue_date", "๔ มี.ค. ๖๗", "th", date(2024, 3, 4)),
        ("seller_tax_id", "USt-IdNr.: DE 136 695 976", "de", "DE136695976"),
        ("seller_iban", "DE02 1203 0000 0000 2020 51", "de", "DE02120300000000202051"),
        ("document_number", " RE  17 ", "de", "RE 17"),
        ("currency", "Euro", "it", "EUR"),
        ("seller_name", "Acme\n  GmbH", "de", "Acme GmbH"),
        ("seller_address", "Weg 1 , \n 12345  Ort", "de", "Weg 1\n12345 Ort"),
    ],
)
def test_a_leaf_becomes_its_kind(path, verbatim, language, expected):
    value = typed(path, verbatim, language=language)
    assert (value.value, value.verbatim, value.path, value.problem) == (expected, verbatim, path, "")


@pytest.mark.parametrize(
    ("path", "verbatim", "problem"),
    [
        ("total", "see below", "not an amount"),
        ("line_items[0].quantity", "some", "not a number"),
        ("line_items[0].tax_rate", "exempt", "not a percentage"),
        ("issue_date", "March 2024", "not a whole date"),
        ("currency", "EUR or USD", "not one currency"),
    ],
)
def test_print_that_cannot_be_read_is_kept_with_its_problem(path, verbatim, problem):
    value = typed(path, verbatim)
    assert (value.value, value.verbatim, value.problem) == (None, verbatim, problem)


def test_wrong_check_digits_are_told_and_kept():
    value = typed("seller_iban", "DE03 1203 0000 0000 2020 51")
    assert (value.value, value.problem) == ("DE03120300000000202051", "its check digits do not fit")


def test_the_page_decides_what_a_point_is():
    assert typed("line_items[0].quantity", "1.500", "Total 12.50", "Tax 2.10", language="de").value == D("1.500")
    assert typed("line_items[0].quantity", "1.500", "Total 12,50", language="de").value == D(1500)


def test_the_other_dates_and_the_dollar_decide_what_comes_first():
    assert typed("issue_date", "03/04/2024", "Due 12/31/2024").value == date(2024, 3, 4)
    assert typed("issue_date", "03/04/2024", "Due 31/12/2024").value == date(2024, 4, 3)
    assert typed("issue_date", "03/04/2024", "Total $12.50").value == date(2024, 3, 4)
    malaysian = typed("issue_date", "03/04/2024", "Total RM12.50")
    assert (malaysian.value, malaysian.problem) == (date(2024, 4, 3), "")
    unsure = typed("issue_date", "03/04/2024", "Total 12.50")
    assert (unsure.value, unsure.problem) == (date(2024, 4, 3), "day and month could be swapped")


def test_money_keeps_the_currency_beside_it_and_the_document_gets_it():
    values = {v.path: v for v in normalize([Leaf("total", "12.50 €")], Invoice, page_of("Total 12.50 €"))}
    assert values["total"].currency == "EUR"
    assert (values["currency"].value, values["currency"].verbatim) == ("EUR", "€")


def test_the_currency_comes_from_the_page_where_no_amount_has_one():
    values = {
        v.path: v for v in normalize([Leaf("total", "12,50")], Invoice, page_of("Alle Beträge in CHF", "12,50", language="de"))
    }
    assert (values["currency"].value, values["currency"].verbatim) == ("CHF", "CHF")


def test_a_currency_is_not_made_up():
    paths = [v.path for v in normalize([Leaf("total", "12.50")], Invoice, page_of("Total 12.50"))]
    assert paths == ["total"]
    assert normalize([], Invoice, page_of("CHF")) == ()


def test_an_own_currency_leaf_is_stronger():
    values = normalize([Leaf("currency", "CHF"), Leaf("total", "12.50 €")], Invoice, page_of("x"))
    assert [v.value for v in values if v.path == "currency"] == ["CHF"]


def test_blank_leaves_are_dropped_and_hints_and_confidence_kept():
    values = normalize(
        [Leaf("total", "  "), Leaf("total", "1.00", 0.7, (0, 0, 1, 1)), Leaf("total", "2.00")], Invoice, page_of("x")
    )
    assert [(v.box, v.confidence) for v in values] == [((0, 0, 1, 1), 0.7), (None, 0.9)]


def test_a_path_that_the_schema_lacks_is_an_error():
    with pytest.raises(KeyError):
        normalize([Leaf("nonsense", "x")], Invoice, page_of("x"))


def test_a_page_without_words_is_read_by_its_leaves():
    empty = PageWords(1, Frame(1, 1), language="de")
    values = normalize([Leaf("total", "12.50"), Leaf("net_total", "1.234")], Invoice, empty)
    assert [v.value for v in values] == [D("12.50"), D("1.234")]


def test_a_page_without_figures_has_no_currency():
    words = page_of("Skills: PHP, SQL")
    assert [value.path for value in normalize([Leaf("seller_name", "Ann")], Invoice, words)] == ["seller_name"]


def settled(*pages: tuple[list[Leaf], PageWords]) -> dict[str, tuple[object, str]]:
    """Path → value and problem, of a document with these pages."""
    values = [normalize(leaves, Invoice, words) for leaves, words in pages]
    done = settle_dates(values, [writing_of(words) for _, words in pages], Invoice)
    return {value.path: (value.value, value.problem) for page in done for value in page}


UNSURE = [Leaf("issue_date", "03/04/2024")]


def test_a_date_is_settled_by_the_dates_of_another_page():
    american, british = page_of("Due 12/31/2024"), page_of("Due 31/12/2024")
    assert settled((UNSURE, page_of("Date 03/04/2024")), ([], american))["issue_date"] == (date(2024, 3, 4), "")
    assert settled((UNSURE, page_of("Date 03/04/2024")), ([], british))["issue_date"] == (date(2024, 4, 3), "")


def test_pages_that_contradict_each_other_settle_nothing():
    pages = [([], page_of("12/31/2024")), ([], page_of("31/12/2024"))]
    assert settled((UNSURE, page_of("Date 03/04/2024")), *pages)["issue_date"] == (date(2024, 4, 3), SWAPPABLE)


def test_a_date_is_settled_by_the_country_of_another_page():
    assert settled((UNSURE, page_of("x")), ([], page_of("Springfield, IL 62701", "$12.50")))["issue_date"][0] == date(
        2024, 3, 4
    )
    assert settled((UNSURE, page_of("x")), ([], page_of("London SW1A 2AA", "£12.50")))["issue_date"][0] == date(2024, 4, 3)


def test_nothing_is_due_before_it_is_issued():
    """Only with the month first is 5 March, due 4 April, in order; nothing else on the page tells."""
    told = settled(([Leaf("issue_date", "03/05/2024"), Leaf("due_date", "04/04/2024")], page_of("x")))
    assert told["issue_date"] == (date(2024, 3, 5), "")
    both = settled(([Leaf("issue_date", "03/04/2024"), Leaf("due_date", "05/06/2024")], page_of("x")))
    assert both["issue_date"] == (date(2024, 4, 3), SWAPPABLE)


def test_what_a_page_tells_by_itself_is_not_settled_again():
    """A German page beside an American one keeps its day first."""
    german = page_of("Datum 03/04/2024", language="de")
    assert settled((UNSURE, german), ([], page_of("Due 12/31/2024")))["issue_date"] == (date(2024, 4, 3), "")


@pytest.mark.parametrize(
    ("lines", "verbatim", "expected", "currency"),
    [
        (("Acme Pty Ltd ABN 51 824 753 556", "Total $12.50"), "$12.50", "12.50", "AUD"),
        (("RFC EKU9003173C9", "Total $1,234.50"), "$1,234.50", "1234.50", "MXN"),
        (("Total $12.50",), "$12.50", "12.50", "USD"),
    ],
)
def test_the_country_says_whose_dollar_it_is(lines, verbatim, expected, currency):
    language = "es" if "RFC" in lines[0] else "en"
    values = {v.path: v for v in normalize([Leaf("total", verbatim)], Invoice, page_of(*lines, language=language))}
    assert (values["total"].value, values["total"].currency) == (D(expected), currency)
    assert values["currency"].value == currency


@pytest.mark.parametrize(
    ("prints", "debits", "amounts"),
    [
        ({"debit": ("-31.00", "-12.50", "30.00")}, ("31.00", "12.50", "-30.00"), ("-31.00", "-12.50", "30.00")),
        ({"debit": ("31.00", "12.50", "-30.00")}, ("31.00", "12.50", "-30.00"), ("-31.00", "-12.50", "30.00")),
        ({"debit": ("(31.00)", "(12.50)")}, ("31.00", "12.50"), ("-31.00", "-12.50")),
        ({"debit": ("31.00 DR", "30.00 CR")}, ("31.00", "-30.00"), ("-31.00", "30.00")),
        ({"credit": ("31.00 CR", "30.00 DR")}, ("31.00", "-30.00"), ("31.00", "-30.00")),
        ({"credit": ("31.00", "-30.00")}, ("31.00", "-30.00"), ("31.00", "-30.00")),
    ],
)
def test_a_column_of_one_side_is_positive_but_for_what_is_taken_back(prints, debits, amounts):
    (column, texts), *_ = prints.items()
    leaves = [Leaf(f"transactions[{n}].{column}", text) for n, text in enumerate(texts)]
    values = {v.path: v for v in normalize(leaves, BankStatement, page_of("Statement"))}
    assert [values[f"transactions[{n}].{column}"].value for n in range(len(texts))] == [D(one) for one in debits]
    assert [values[f"transactions[{n}].amount"].value for n in range(len(texts))] == [D(one) for one in amounts]
    assert [values[f"transactions[{n}].{column}"].verbatim for n in range(len(texts))] == list(texts)


def test_a_letter_makes_a_balance_negative_but_no_sum_of_one_side():
    leaves = [Leaf("total_debits", "1.234,50 S"), Leaf("total_credits", "12,00 H"), Leaf("closing_balance", "5,00 S")]
    values = {v.path: v.value for v in normalize(leaves, BankStatement, page_of("Auszug", language="de"))}
    assert values == {"total_debits": D("1234.50"), "total_credits": D("12.00"), "closing_balance": D("-5.00")}


def born(*pages: tuple[list[tuple[str, str]], PageWords]) -> tuple[object, str]:
    """The birth that an identity document with these pages prints, and what is wrong with it."""
    values = [normalize([Leaf(*leaf) for leaf in leaves], IdentityDocument, words) for leaves, words in pages]
    done = settle_dates(values, [writing_of(words) for _, words in pages], IdentityDocument)
    return next((value.value, value.problem) for page in done for value in page if value.path == "date_of_birth")


@pytest.mark.parametrize(
    ("birth", "others", "language", "expected"),
    [
        ("25.06.45", [("issue_date", "12.03.2019")], "de", date(1945, 6, 25)),
        ("25.06.45", [], "de", date(1945, 6, 25)),
        ("25.06.15", [("issue_date", "12.03.2019")], "de", date(2015, 6, 25)),
        ("25.06.32", [("issue_date", "12.03.24"), ("expiry_date", "11.03.34")], "de", date(1932, 6, 25)),
        ("25.06.32", [("expiry_date", "11.03.29")], "de", date(1932, 6, 25)),
        ("25.06.85", [("issue_date", "12.03.1979")], "de", date(1985, 6, 25)),
        ("25.06.2020", [("issue_date", "12.03.2019")], "de", date(2020, 6, 25)),
        ("25/06/85", [], "th", date(1942, 6, 25)),
        ("๒๕ มิ.ย. ๘๕", [], "th", date(1942, 6, 25)),
    ],
)
def test_nobody_is_born_after_the_paper_was_issued(birth: str, others: list[tuple[str, str]], language: str, expected: date):
    assert born(([("date_of_birth", birth), *others], page_of(birth, language=language))) == (expected, "")


def test_the_other_side_of_a_card_tells_the_century_of_a_birth():
    front = [("date_of_birth", "25.06.22")], page_of("25.06.22", language="de")
    back = [("issue_date", "12.03.2019")], page_of("12.03.2019", language="de")
    assert born(front, back) == (date(1922, 6, 25), "")
    assert born(front)[0] == date(2022, 6, 25)


def test_a_thai_card_in_english_counts_in_its_own_era():
    assert born(([("date_of_birth", "25/06/85")], page_of("Tel. +66 2 123 4567", "25/06/85"))) == (
        date(1942, 6, 25),
        "",
    )


def accounted(*leaves):
    told = [Leaf(f"transactions[{row}].{column}", text) for row, (column, text) in enumerate(leaves)]
    values = normalize(told, BankStatement, page_of("x", language="de"))
    columns = {name: [str(v.value) for v in values if v.path.endswith(f".{name}")] for name in ("amount", "debit", "credit")}
    return columns["debit"] + columns["credit"], columns["amount"]


def test_a_column_of_one_side_has_no_sign_but_for_what_is_on_the_other():
    told = [("debit", "12,00 S"), ("debit", "3,00 H"), ("credit", "5,00 H"), ("credit", "6,00 S"), ("credit", "7,00")]
    assert accounted(*told) == (["12.00", "-3.00", "5.00", "-6.00", "7.00"], ["-12.00", "3.00", "5.00", "-6.00", "7.00"])


def test_the_usual_sign_of_a_column_is_that_of_its_side():
    taken_back = [("debit", "31,00"), ("debit", "-30,00"), ("debit", "12,00")]
    assert accounted(*taken_back) == (["31.00", "-30.00", "12.00"], ["-31.00", "30.00", "-12.00"])
    minus = [("debit", "-31,00"), ("debit", "-30,00"), ("debit", "12,00")]
    assert accounted(*minus) == (["31.00", "30.00", "-12.00"], ["-31.00", "-30.00", "12.00"])
    assert accounted(("debit", "-50,00")) == (["50.00"], ["-50.00"])
