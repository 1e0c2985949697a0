"""Print that repeats itself, as rules, leaders and broken text layers do, is read as quickly as any other."""

import pytest

from pipeline.values.amounts import find_amounts, parse_amount, parse_number, parse_percent
from pipeline.values.compare import same
from pipeline.values.countries import country_of
from pipeline.values.currencies import find_currencies
from pipeline.values.dates import find_dates, parse_date
from pipeline.values.identifiers import SCHEMES, find_ibans, find_tax_ids, normal_identifier, valid
from pipeline.values.phones import normal_phone
from pipeline.values.sides import split_side
from pipeline.values.text import mend_digits
from schemas.fields import Kind

pytestmark = pytest.mark.timeout(60)
"""A reader that goes back and forth needs years for these, not seconds."""

WORDS = ("word ", "a", "Tel./", "& ", "$", "$ ", "Euro ", "EUR", "May ", "12 May ", "มี ", "พ . ", "VAT NO ", "K ")
SIGNS = (". ", ".", ", ", "-", " - ", " ", "'", "(", "( -", "<")
FIGURES = ("1 ", "1,", "1.", "12 ", "1O", "1-", "1/", "+1 ", "A1", "DE12 ", "a.", "a@a.", ":")


@pytest.mark.parametrize("piece", WORDS + SIGNS + FIGURES)
def test_no_repeated_print_holds_a_reader_up(piece: str) -> None:
    for text in (piece * 600, "12 " + piece * 600 + " 5.00", piece * 600 + "x"):
        for language in ("en", "th", "es"):
            found = find_amounts(text, language) + find_dates(text, language)
            assert all(0 <= start < end <= len(text) for start, end, _ in found)
            (
                parse_amount(text, language),
                parse_date(text, language),
                parse_number(text, language),
                parse_percent(text, language),
            )
            find_currencies(text, language), find_tax_ids(text, language), country_of([text], language)
        find_ibans(text), split_side(text)
        for scheme in ("", "document_number", *SCHEMES):
            assert valid(normal_identifier(text, scheme), scheme) in (True, False, None)


def test_a_sentence_in_the_place_of_a_phone_number_stays_a_sentence() -> None:
    sentence = "please call our reception for the number"
    assert normal_phone(sentence) == sentence
    assert same(Kind.IDENTIFIER, sentence, sentence, "phone")
    assert normal_phone("Tel./Fax: +49 30 1234567") == "+49301234567"
    assert normal_phone("(Phone & Fax +49 30 1234567") == "+49301234567"


def test_a_row_of_currencies_is_no_amount() -> None:
    assert parse_amount("Euro " * 8 + "total", "de") is None
    assert parse_amount("$" * 24, "en") is None
    assert [amount.currency for _, _, amount in find_amounts("EUR EUR EUR 5.00", "en")] == ["EUR"]


def test_amounts_without_an_end_are_all_found() -> None:
    assert len(find_amounts("5 $ " * 5000, "en")) == 5000
    assert mend_digits("1O" * 20000 + "x") == "1O" * 20000 + "x"


def test_leaders_between_a_number_and_a_price_make_no_date() -> None:
    assert find_dates("Kaffee 12 " + ". " * 400 + " 5.00") == []
    assert find_dates("2567 ก" + " ." * 4000 + " 12", "th") == []
    assert parse_date("12 . . . . . May . . . . . 2024") is not None
