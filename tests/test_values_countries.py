"""Which country a page shows, and what that decides."""

import pytest

from pipeline.records import Frame, PageWords, Word, WordsFrom
from pipeline.values.countries import country_of, decimal_from, month_first_in
from pipeline.values.currencies import dollar_in
from pipeline.values.lines import habits_of


@pytest.mark.parametrize(
    ("lines", "language", "country"),
    [
        (["USt-IdNr. DE136695976"], "de", "DE"),
        (["UID ATU13585627", "Wien"], "de", "AT"),
        (["CHE-107.787.577 MWST", "8001 Zürich"], "de", "CH"),
        (["IBAN CH93 0076 2011 6238 5295 7"], "fr", "CH"),
        (["Tel. +55 11 2345-6789"], "pt", "BR"),
        (["NIF 501964843", "1000-205 Lisboa"], "pt", "PT"),
        (["RFC: EKU9003173C9"], "es", "MX"),
        (["GSTIN 27AAPFU0939F1ZV"], "en", "IN"),
        (["Kuala Lumpur", "ACME SDN BHD"], "en", "MY"),
        (["100 Main St", "Springfield, IL 62701"], "en", "US"),
        (["10 Downing St", "London SW1A 2AA"], "en", "GB"),
        (["Ottawa ON K1A 0B1", "Canada"], "en", "CA"),
        (["ราคา 100 บาท"], "th", "TH"),
        (["USt-IdNr. DE136695976", "IBAN FR76 3000 6000 0112 3456 7890 189"], "de", "DE"),
        (["IBAN DE02 1203 0000 0000 2020 51", "IBAN FR76 3000 6000 0112 3456 7890 189"], "und", ""),
        (["Total 12.50"], "en", ""),
        (["Order RO00123"], "en", ""),
        ([], "en", ""),
    ],
)
def test_a_page_shows_its_country_by_what_only_it_prints(lines: list[str], language: str, country: str) -> None:
    assert country_of(lines, language) == country


def test_a_currency_is_evidence_the_euro_is_none() -> None:
    assert country_of(["1.00"], "en", ["MYR"]) == "MY"
    assert country_of(["1.00"], "en", ["EUR"]) == ""
    assert country_of(["VAT GB980780684", "London SW1A 2AA"], "en", ["USD"]) == "GB"


@pytest.mark.parametrize(
    ("language", "country", "sign"),
    [
        ("de", "", ","),
        ("de", "CH", "."),
        ("de", "PL", ","),
        ("es", "", ""),
        ("es", "MX", "."),
        ("es", "AR", ","),
        ("en", "DE", "."),
    ],
)
def test_the_decimal_sign_is_the_language_s_in_its_country(language: str, country: str, sign: str) -> None:
    assert decimal_from(language, country) == sign


@pytest.mark.parametrize(
    ("language", "country", "first"),
    [
        ("en", "US", True),
        ("en", "GB", False),
        ("en", "CA", None),
        ("en", "", None),
        ("und", "", None),
        ("und", "DE", False),
        ("es", "US", None),
        ("es", "MX", False),
    ],
)
def test_the_month_comes_first_in_few_countries(language: str, country: str, first: bool | None) -> None:
    assert month_first_in(language, country) is first


def test_a_dollar_is_the_country_s() -> None:
    assert (dollar_in("en", "CA"), dollar_in("es", "MX"), dollar_in("de", "DE")) == ("CAD", "MXN", "USD")
    assert (dollar_in("es"), dollar_in("pt"), dollar_in("en", "ZZ")) == ("", "BRL", "")


def page(*lines: str, language: str) -> PageWords:
    words = tuple(
        Word(text, (0.05 + 0.1 * i, 0.1 * n, 0.13 + 0.1 * i, 0.1 * n + 0.02), line=n)
        for n, line in enumerate(lines)
        for i, text in enumerate(line.split())
    )
    return PageWords(1, Frame(595, 842), words, WordsFrom.OCR, language)


def test_habits_are_what_the_page_shows_before_what_its_country_does() -> None:
    swiss = habits_of(page("CHE-107.787.577", "1.500", language="de"))
    assert (swiss.country, swiss.decimal, swiss.month_first) == ("CH", ".", False)
    assert habits_of(page("CHE-107.787.577", "Total 12,50", language="de")).decimal == ","
    mexican = habits_of(page("RFC EKU9003173C9", "$ 1,234.50", language="es"))
    assert (mexican.decimal, mexican.currency, mexican.dollar) == (".", "MXN", "MXN")
    assert habits_of(page("Total 5 EUR", language="en")).month_first is False
    assert habits_of(page("ACME SDN BHD", "12.50", language="en")).currency == ""
