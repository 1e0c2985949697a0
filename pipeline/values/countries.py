"""The country that a page shows, and what it decides beside the language: decimal sign, and the order of day and month."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from babel import Locale, UnknownLocaleError
from babel.languages import get_territory_language_info

from pipeline.values.data import load_data
from pipeline.values.forms import spell_forms
from pipeline.values.identifiers import find_ibans, find_tax_ids, tax_country
from pipeline.values.phones import country_of_code
from schemas.fields import LANGUAGES

_LEAST = 1.5
_AHEAD = 0.5
_LONG_ENOUGH = 11
"""Letters and digits of a tax number whose form counts without sound check digits: `RO00123` is the number of a receipt."""
_DIGITS = re.compile(r"\d(?:\W?\d){5}")
_ABROAD = re.compile(r"(?<![\w+])(?:\+|00(?=[1-9]))(\d[\d ()./-]{6,}\d)")


def country_of(texts: Sequence[str], language: str = "und", currencies: Iterable[str] = (), *, dollar: str = "") -> str:
    """The country (ISO 3166 alpha 2) that a page's own print speaks for; empty where it does not, or for two alike.

    Forms of tax numbers, IBANs, telephone prefixes, post codes, the currency, words such as `Sdn Bhd` and names of countries
    each have a weight that the countries they speak of share.

    Args:
        texts: the page's lines.
        language: of the page; a country that speaks it is a little likelier.
        currencies: ISO 4217 codes that are printed beside its amounts.
        dollar: what the bare `$` beside its amounts would be by its language, where there is one.
    """
    table = _table()
    score: Counter[str] = Counter()
    own = table["currency"]
    evidence = [("currency", Counter(own[code] for code in currencies if code in own))]
    evidence.append(("dollar", Counter([own[dollar]] if dollar in own else [])))
    for kind, found in (*evidence, *_evidence(texts, language)):
        for country, count in found.items():
            score[country] += table["weight"][kind] * count / found.total()
    for country in score:
        if language in _spoken(country):
            score[country] += table["weight"]["official"]
    (first, most), (_, second) = [*score.most_common(2), ("", 0.0), ("", 0.0)][:2]
    return first if most >= _LEAST and most - second >= _AHEAD else ""


def decimal_from(language: str, country: str = "") -> str:
    """The decimal sign that CLDR has for a language in a country (`.` or `,`); empty where the two do not say.

    Spanish without a country is silent: Mexico writes a point, Spain a comma. English with a comma (South Africa, Germany's
    letters in English) is not what is printed there mostly: English always has a point.
    """
    if language == "en":
        return "."
    if language not in LANGUAGES or (language == "es" and not country):
        return ""
    locale = _locale(language, country) or _locale(language, "")
    return str(locale.number_symbols["latn"]["decimal"]) if locale else ""


def month_first_in(language: str, country: str = "") -> bool | None:
    """Whether dates in figures have the month first; None where it cannot be known: in English without a country."""
    tag, dates = f"{language}-{country}", _table()["dates"]
    if tag in dates["month_first"]:
        return True
    return None if tag in dates["either"] or (not country and language in ("en", "und")) else False


def _evidence(texts: Sequence[str], language: str) -> Iterable[tuple[str, Counter[str]]]:
    """What speaks for which countries in the print itself, by kind."""
    long = [text for text in texts if _DIGITS.search(text)]
    numbers = (found for text in long for found in find_tax_ids(text, language))
    told = (tax_country(found) for found in numbers if found.valid or len(found.text) >= _LONG_ENOUGH)
    yield "tax_id", Counter(filter(None, told))
    yield "iban", Counter(iban[:2] for text in long for _, _, iban in find_ibans(text))
    abroad = (country_of_code(match.group(1)) for text in long for match in _ABROAD.finditer(text))
    yield "phone", Counter(filter(None, abroad))
    whole = "\n".join(texts)
    codes: Counter[str] = Counter()
    for country, pattern in _postcodes().items():
        codes[country] = len(pattern.findall(whole))
    yield "postcode", +codes
    folded = spell_forms(whole).casefold()
    for kind in ("word", "name"):
        pattern, countries = _words(kind, language)
        yield kind, Counter(countries[word] for word in set(pattern.findall(folded)))


@cache
def _table() -> dict[str, Any]:
    return load_data("countries.toml")


@cache
def _postcodes() -> Mapping[str, re.Pattern[str]]:
    return {country: re.compile(pattern) for country, pattern in _table()["postcode"].items()}


@cache
def _words(kind: str, language: str) -> tuple[re.Pattern[str], Mapping[str, str]]:
    """Words of a country's own, or names of countries: how to find them, and whose they are."""
    told: dict[str, str] = {}
    if kind == "name":
        for spoken in {language, "en"} & set(LANGUAGES):
            names = Locale(spoken).territories
            told |= {names[country].casefold(): country for country in _table()["named"].split() if country in names}
    for country, words in _table()["words" if kind == "word" else "names"].items():
        told |= {word: country for word in words}
    longest = sorted(told, key=len, reverse=True)
    return re.compile(rf"(?<![^\W_])(?:{'|'.join(map(re.escape, longest))})(?![^\W_])"), told


@cache
def _spoken(country: str) -> frozenset[str]:
    """The official languages of a country."""
    info = get_territory_language_info(country)
    return frozenset(language for language, about in info.items() if about.get("official_status"))


@cache
def _locale(language: str, country: str) -> Locale | None:
    try:
        return Locale(language, country or None)
    except UnknownLocaleError:
        return None
