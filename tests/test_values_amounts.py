from decimal import Decimal

import pytest
from babel.numbers import format_currency, format_decimal
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.values.amounts import (
    Amount,
    currency_of,
    decimal_sign,
    find_amounts,
    parse_amount,
    parse_number,
    parse_percent,
)
from pipeline.values.currencies import find_currencies
from pipeline.values.numbers import read_core

LOCALES = [
    "en_US",
    "en_GB",
    "en_IN",
    "de_DE",
    "de_CH",
    "de_AT",
    "fr_FR",
    "fr_CH",
    "it_IT",
    "pt_BR",
    "pt_PT",
    "es_ES",
    "es_MX",
    "hi_IN",
    "th_TH",
]


@pytest.mark.parametrize(
    ("text", "language", "value", "currency"),
    [
        ("1234.50", "en", "1234.50", ""),
        ("1,234.50", "en", "1234.50", ""),
        ("1.234,50", "de", "1234.50", ""),
        ("1 234,50 €", "fr", "1234.50", "EUR"),
        ("1\u202f234,50\u00a0€", "fr", "1234.50", "EUR"),
        ("1’234.50 CHF", "de", "1234.50", "CHF"),
        ("CHF 1'234.50", "de", "1234.50", "CHF"),
        ("CHF 50.-", "de", "50", "CHF"),
        ("Fr. 50.–", "de", "50", "CHF"),
        ("50,-- €", "de", "50", "EUR"),
        ("₹1,73,456.50", "hi", "173456.50", "INR"),
        ("Rs. 1,500/-", "en", "1500", "INR"),
        ("Rs.500", "en", "500", "INR"),
        ("१,२३,४५६.५० रुपये", "hi", "123456.50", "INR"),
        ("๑,๒๓๔.๕๐ บาท", "th", "1234.50", "THB"),
        ("฿1,234.50", "th", "1234.50", "THB"),
        ("RM31.60", "en", "31.60", "MYR"),
        ("RM53. 60", "en", "53.60", "MYR"),
        ("RM 53 .60", "en", "53.60", "MYR"),
        ("R$ 1.234,56", "pt", "1234.56", "BRL"),
        ("US$ 5.00", "es", "5.00", "USD"),
        ("$5.00", "en", "5.00", "USD"),
        ("$5.00", "es", "5.00", ""),
        ("$1,234", "es", "1234", ""),
        ("USD $ 1,234.00", "es", "1234.00", "USD"),
        ("12,50-", "de", "-12.50", ""),
        ("-12,50", "de", "-12.50", ""),
        ("− 529,87 €", "de", "-529.87", "EUR"),
        ("-$5.00", "en", "-5.00", "USD"),
        ("$-5.00", "en", "-5.00", "USD"),
        ("(1,234.50)", "en", "-1234.50", ""),
        ("($1,234.50)", "en", "-1234.50", "USD"),
        ("$(1,234.50)", "en", "-1234.50", "USD"),
        ("100.00 CR", "en", "-100.00", ""),
        ("100.00 Dr", "en", "100.00", ""),
        ("EUR *12,50", "de", "12.50", "EUR"),
        ("Total 12,50 EUR", "de", "12.50", "EUR"),
        ("12,50 A", "de", "12.50", ""),
        ("1.234.50", "de", "1234.50", ""),
        ("0,123", "de", "0.123", ""),
        ("0.05", "de", "0.05", ""),
        ("1.234", "de", "1234", ""),
        ("1.234", "en", "1.234", ""),
        ("1,234", "en", "1234", ""),
        ("1,234", "de", "1.234", ""),
        ("1.234", "und", "1234", ""),
        ("1234.567", "de", "1234.567", ""),
        ("100", "en", "100", ""),
        ("1950 บาท", "th", "1950", "THB"),
    ],
)
def test_an_amount_is_read_as_its_language_writes_it(text, language, value, currency):
    assert parse_amount(text, language) == Amount(Decimal(value), currency)


@pytest.mark.parametrize(
    "text",
    ["", "Total", "12.03.2024", "12 34", "1.2345,50", "12,50 13,50", "DE02 1203 0000 0000 2020 51", "19 %", "²", "12:30"],
)
def test_what_is_not_one_amount_is_none(text):
    assert parse_amount(text, "de") is None


def test_the_page_is_stronger_than_its_language():
    assert parse_amount("1.234", "de", decimal=".") == Amount(Decimal("1.234"))
    assert decimal_sign(["12.50", "1,234.00", "7,5"], "de") == "."
    assert decimal_sign(["12,50 %", "Datum 12.03.2024"], "fr") == ","
    assert decimal_sign(["nothing"], "und") == ""


@pytest.mark.parametrize(
    ("line", "language", "expected"),
    [
        ("2 EUR 5,00 EUR 7,00", "de", ["EUR 5,00", "EUR 7,00"]),
        ("5,00 EUR 7,00 EUR", "de", ["5,00 EUR", "7,00 EUR"]),
        ("12 March 2024 EUR 50", "en", ["EUR 50"]),
        ("Total EUR 100,00 (incl. 19,00 EUR)", "de", ["EUR 100,00", "19,00 EUR"]),
        ("19,00% 12,50 A", "de", ["12,50"]),
        ("MwSt 19,00 % 12,50A", "de", ["12,50"]),
        ("Tel. +49 30 1234567 am 12.03.2024 10:30", "de", []),
        ("DE02 1203 0000 0000 2020 51 Betrag -12,50 €", "de", ["-12,50 €"]),
        ("01 23 45 67 89", "fr", []),
        ("total 1 234,50", "fr", ["1 234,50"]),
        ("123 456 Stk", "fr", []),
        ("Total RM53. 60", "en", ["RM53. 60"]),
        ("Total:50.00", "en", ["50.00"]),
        ("3 x 2.50 7.50", "en", ["2.50", "7.50"]),
        ("(12.50) 12.50- -3.00", "en", ["(12.50)", "12.50-", "-3.00"]),
        ("v1.23.45 A-123.50 5kg 1,5 kg", "en", []),
        ("500/- only", "en", ["500/-"]),
        ("112.50", "en", ["112.50"]),
        ("2024-03-12 5.00-7.00", "en", []),
        ("1,234 pcs", "en", ["1,234"]),
        ("1,000 kg", "de", []),
        ("ราคา ๑,๒๓๔.๕๐ บาท", "th", ["๑,๒๓๔.๕๐ บาท"]),
        ("Rent May 12.50", "en", ["12.50"]),
    ],
)
def test_amounts_in_a_line_are_whole_and_nothing_else(line, language, expected):
    assert [line[start:end].strip() for start, end, _ in find_amounts(line, language)] == expected


def test_bare_numbers_only_when_asked():
    assert find_amounts("7 items", "en") == []
    assert [a.value for _, _, a in find_amounts("7 items", "en", bare=True)] == [Decimal(7)]


@pytest.mark.parametrize(
    ("text", "language", "code"),
    [
        ("€", "de", "EUR"),
        ("Betrag in EUR", "de", "EUR"),
        ("Euro", "it", "EUR"),
        ("$", "en", "USD"),
        ("$", "pt", "BRL"),
        ("$", "es", ""),
        ("$", "und", ""),
        ("S$", "en", "SGD"),
        ("US$", "es", "USD"),
        ("บาท", "th", "THB"),
        ("रु.", "hi", "INR"),
        ("EUR / USD", "en", ""),
        ("EUROPE", "en", ""),
        ("TOP ALL", "en", ""),
        ("FORMAT", "en", ""),
    ],
)
def test_a_currency_is_its_code_or_nothing(text, language, code):
    assert currency_of(text, language) == code


@pytest.mark.parametrize(
    ("text", "language", "value"),
    [
        ("2 Stk", "de", "2"),
        ("1,000 kg", "de", "1.000"),
        ("1,000 kg", "en", "1000"),
        ("x 3", "en", "3"),
        ("3x", "en", "3"),
        ("10.00 h", "en", "10.00"),
        ("-2", "en", "-2"),
        ("๓ ชิ้น", "th", "3"),
        ("2,5", "fr", "2.5"),
    ],
)
def test_a_number_is_read_beside_its_unit(text, language, value):
    assert parse_number(text, language) == Decimal(value)


@pytest.mark.parametrize("text", ["", "none", "2 of 3", "12.03.2024"])
def test_no_number_or_two_are_none(text):
    assert parse_number(text, "en") is None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("19 %", "19"),
        ("19,00%", "19.00"),
        ("7.5 % USt", "7.5"),
        ("18", "18"),
        ("10,5", "10.5"),
        ("CGST @ 9%", "9"),
        ("9% 9%", "9"),
    ],
)
def test_a_percentage_is_in_percent(text, value):
    assert parse_percent(text, "de") == Decimal(value)


def test_two_different_percentages_are_none():
    assert parse_percent("7% 19%") is None


@pytest.mark.parametrize("core", ["12.03.24", "1.23,456,78", "1'23", "1.2345,6", "0.123.456", "1,23.456,7"])
def test_groups_that_are_none_are_refused(core):
    assert read_core(core) is None


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(LOCALES), st.decimals("-99999999.99", "99999999.99", places=2))
def test_what_babel_prints_is_read_back(locale, value):
    language = locale[:2]
    printed = format_decimal(value, format="#,##,##0.00" if locale.endswith("IN") else "#,##0.00", locale=locale)
    assert parse_amount(printed, language) == Amount(value)
    with_currency = format_currency(value, "EUR", locale=locale)
    assert parse_amount(with_currency, language) == Amount(value, "EUR")
    found = find_amounts(f"Summe: {with_currency}", language)
    if locale[:2] not in ("de", "it") or " " not in with_currency.replace("\u00a0", " ")[:-2]:
        assert [amount for _, _, amount in found] == [Amount(value, "EUR")]


def test_the_end_of_a_bic_is_no_currency() -> None:
    assert find_currencies("SWIFT HELADEF1GEL") == []
    assert [mark.code for mark in find_currencies("100GEL")] == ["GEL"]


def test_a_baht_sign_that_ocr_took_for_a_letter() -> None:
    assert [mark.code for mark in find_currencies("รวม 18,432.90 B", "th")] == ["THB"]
    assert find_currencies("Total 18,432.90 B", "en") == []
    assert parse_amount("18,432.90 B", "th") == Amount(Decimal("18432.90"), "THB")


@pytest.mark.parametrize(
    ("text", "value"),
    [("64, 200.00", "64200"), ("1,26, 800.00", "126800"), ("12, 38,150.00", "1238150"), ("रु, 14, 61, 017.00", "1461017")],
)
def test_spaces_that_ocr_puts_behind_the_commas_of_a_number(text: str, value: str) -> None:
    assert [amount.value for _, _, amount in find_amounts(text, "hi")] == [Decimal(value)]


def test_a_list_of_numbers_stays_a_list() -> None:
    assert [amount.value for _, _, amount in find_amounts("12, 50.00, 200.00", "en")] == [Decimal("50.00"), Decimal("200.00")]


@pytest.mark.parametrize(
    ("text", "language", "amount"),
    [
        ("EUR 1.000.000.000,00", "de", Amount(Decimal("1000000000.00"), "EUR")),
        ("EUR 12.000.500.000,00", "de", Amount(Decimal("12000500000.00"), "EUR")),
        ("R$ 1.001.234.567,89", "pt", Amount(Decimal("1001234567.89"), "BRL")),
        ("1 000 000 000,00 EUR", "fr", Amount(Decimal("1000000000.00"), "EUR")),
    ],
)
def test_thousands_of_millions_are_no_phone_numbers(text: str, language: str, amount: Amount) -> None:
    assert [found for _, _, found in find_amounts(text, language)] == [amount]
    assert find_amounts("0049 30 1234567", language) == []


def test_a_word_that_is_a_currency_in_one_language_is_none_in_another() -> None:
    assert [mark.code for mark in find_currencies("cinco mil reais", "pt")] == ["BRL"]
    assert find_currencies("the real price", "en") == []


@pytest.mark.parametrize(
    ("text", "value", "currency"),
    [
        ("USD 1.5M", "1500000", "USD"),
        ("$2K", "2000", "USD"),
        ("Rs.500K", "500000", "INR"),
        ("EUR 3B", "3000000000", "EUR"),
        ("250K", "250000", ""),
        ("5.00M", "5.00", ""),
        ("5.00B", "5.00", ""),
        ("$5.00B", "5.00", "USD"),
    ],
)
def test_a_letter_of_size_multiplies_and_one_behind_cents_tells_the_tax(text: str, value: str, currency: str) -> None:
    assert parse_amount(text, "en") == Amount(Decimal(value), currency)


def test_billions_that_may_be_a_misread_eight_are_no_amount() -> None:
    assert parse_amount("$1.5B", "en") is None
    assert find_amounts("raised $1.5B in May", "en") == []
    assert [a.value for _, _, a in find_amounts("raised $1.5M in May", "en")] == [Decimal(1_500_000)]
    assert find_amounts("5M cable", "en", bare=True) == []


@pytest.mark.parametrize(
    ("text", "language", "code"),
    [
        ("$5 CAD", "en", "CAD"),
        ("CAD $5.00", "fr", "CAD"),
        ("$ 100 MXN", "en", "MXN"),
        ("$5 EUR", "en", ""),
        ("US$5 CAD", "en", ""),
    ],
)
def test_a_code_tells_whose_dollar_a_bare_sign_beside_it_is(text: str, language: str, code: str) -> None:
    amount = parse_amount(text, language)
    assert amount and amount.currency == code
    assert currency_of(text, language) == code
    assert [found.currency for _, _, found in find_amounts(text, language)] == [code]
