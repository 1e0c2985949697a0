"""What CLDR prints for each language in each of its countries reads back, by the habits of that country."""

from datetime import date
from decimal import Decimal

import pytest
from babel.dates import format_date
from babel.numbers import format_currency, format_decimal, format_percent, get_territory_currencies
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.normalize import SWAPPABLE, read
from pipeline.values.lines import habits_in
from pipeline.values.text import fold_digits, fold_spaces, mend_digits
from schemas.fields import FieldSpec, Kind

COUNTRIES = {
    "en": "US GB IN CA AU NZ IE ZA SG MY HK PH KE NG PK",
    "de": "DE AT CH LI LU BE IT",
    "fr": "FR BE CH CA LU MC SN CI MA",
    "it": "IT CH SM VA",
    "pt": "BR PT AO MZ",
    "es": "ES MX AR CL CO PE US UY EC VE DO GT CR PA PR BO PY HN NI SV CU",
    "hi": "IN",
    "th": "TH",
}
LOCALES = [(language, country) for language, countries in COUNTRIES.items() for country in countries.split()]
EITHER = {("es", "US"), ("es", "PA"), ("en", "CA")}
"""Where both orders of day and month are in print, whatever CLDR has: such dates are flagged."""

MONEY, NUMBER, PERCENT, DATE = (FieldSpec("x", kind) for kind in (Kind.MONEY, Kind.NUMBER, Kind.PERCENT, Kind.DATE))
CENTS = st.decimals("-99999999.99", "99999999.99", places=2)


@pytest.mark.parametrize(("language", "country"), LOCALES)
def test_every_day_of_a_year_reads_back_in_every_width(language: str, country: str) -> None:
    habits = habits_in(language, country)
    for month in range(1, 13):
        for number in (1, month, 17, 28):
            day = date(2024, month, number)
            for width in ("short", "medium", "long", "full"):
                found = read(format_date(day, width, locale=f"{language}_{country}"), DATE, habits)
                if found.problem == SWAPPABLE and (language, country) in EITHER:
                    assert found.value in (day, date(2024, number, month))
                else:
                    assert (found.value, found.problem) == (day, "")


@pytest.mark.parametrize("native", ["deva", "thai"])
def test_dates_in_native_digits_read_back(native: str) -> None:
    language, zero = {"deva": ("hi", 0x966), "thai": ("th", 0xE50)}[native]
    for width in ("short", "medium", "long", "full"):
        printed = format_date(date(2024, 9, 12), width, locale=language)
        digits = "".join(chr(zero + int(c)) if c.isdigit() else c for c in printed)
        assert read(digits, DATE, habits_in(language, "")).value == date(2024, 9, 12)


@pytest.mark.parametrize(("language", "country"), LOCALES)
@settings(max_examples=25, deadline=None)
@given(value=CENTS, foreign=st.sampled_from(["EUR", "USD", "GBP", "CHF"]), form=st.sampled_from(["standard", "accounting"]))
def test_amounts_read_back_with_their_currency(language: str, country: str, value: Decimal, foreign: str, form: str) -> None:
    habits = habits_in(language, country)
    for currency in (get_territory_currencies(country)[0], foreign):
        printed = format_currency(value, currency, locale=f"{language}_{country}", format_type=form)
        found = read(printed, MONEY, habits)
        # CLDR rounds what has no cents: yens, guaraníes, Chilean and Colombian pesos.
        assert isinstance(found.value, Decimal)
        assert found.value == value or (
            found.value == found.value.to_integral_value() and abs(found.value - value) <= Decimal("0.5")
        )
        assert found.currency == currency


@pytest.mark.parametrize(("language", "country"), LOCALES)
@settings(max_examples=25, deadline=None)
@given(value=st.decimals("-999999999", "999999999", places=2), places=st.integers(0, 3))
def test_numbers_and_percentages_read_back(language: str, country: str, value: Decimal, places: int) -> None:
    habits = habits_in(language, country)
    locale = f"{language}_{country}"
    rounded = round(value, places)
    printed = format_decimal(rounded, format="#,##,##0." + "0" * places if country == "IN" else None, locale=locale)
    assert read(printed, NUMBER, habits).value == rounded
    share = round(abs(value) % 100, 1)
    percent = format_percent(share / 100, locale=locale, decimal_quantization=False)
    assert read(percent, PERCENT, habits).value == share


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60))
def test_folding_that_must_keep_places_keeps_them(text: str) -> None:
    assert len(fold_digits(text)) == len(fold_spaces(text)) == len(mend_digits(text)) == len(text)
