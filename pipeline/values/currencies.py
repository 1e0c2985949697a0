"""Which currency a sign, code or word stands for."""

import re
from collections.abc import Iterable
from functools import cache
from typing import Any, NamedTuple

from pipeline.values.data import load_data
from pipeline.values.text import fold

_MARKS = "[\u0900-\u0903\u093a-\u094f\u0e31\u0e34-\u0e3a\u0e47-\u0e4e]"
"""Vowel signs and tone marks of Devanagari and Thai: a word goes on with one."""


_THAI_THOUSANDS = ("ร้อย", "พัน", "หมื่น", "แสน", "ล้าน")


class Mark(NamedTuple):
    """A currency in print: where it stands and its ISO 4217 code, empty where the sign is anyone's."""

    start: int
    end: int
    code: str


def find_currencies(text: str, language: str = "und", country: str = "") -> list[Mark]:
    """The currency signs, codes and words in `text`, in order.

    A sign counts wherever it stands, `RM` and codes also glued to digits (`RM31.60`), words only as whole words. A bare `$` is
    that of the page's country (ISO 3166 alpha 2) where it is known, else of the language (`dollar_in`); in the country `ZZ` it
    is nobody's. Letters such as `Q` and `R` are signs in their own country alone.
    """
    found = [Mark(m.start(), m.end(), _code(m.group(), language, country)) for m in _pattern(language, country).finditer(text)]
    for sign, code in _table()["misread"].get(language, {}).items():
        found += [Mark(m.start("sign"), m.end("sign"), code) for m in _misread(sign).finditer(text)]
    return sorted(found)


def currency_of(text: str, language: str = "und", country: str = "") -> str:
    """The ISO 4217 code of the one currency in `text`; empty where there is none, several, or only a sign that is anyone's."""
    marks = find_currencies(text, language, country)
    return one_code(text, marks) if all(mark.code for mark in marks) else ""


def one_code(text: str, marks: Iterable[Mark]) -> str:
    """The currency that the `marks` of one amount in `text` tell, where they tell one.

    A bare `$` beside a dollar or peso with its own code tells nothing: `$5 CAD` is Canadian in any country.
    """
    told = [mark for mark in marks if mark.code]
    others = {mark.code for mark in told if text[mark.start : mark.end] != "$"}
    codes = others if others and others <= _dollars() else {mark.code for mark in told}
    return codes.pop() if len(codes) == 1 else ""


def dollar_in(language: str, country: str = "") -> str:
    """What a bare `$` is: the country's own, else USD in en de fr it hi th and BRL in pt; anyone's in Spanish, so empty."""
    own = _table()["own"].get(country, {})
    return str(own["$"] if "$" in own else _table()["dollar"].get(language, ""))


@cache
def _table() -> dict[str, Any]:
    return load_data("currencies.toml")


@cache
def _dollars() -> frozenset[str]:
    """The currencies that are printed as `$` somewhere."""
    table = _table()
    told = [*table["dollar"].values(), *(signs["$"] for signs in table["own"].values() if "$" in signs)]
    return frozenset(filter(None, [*told, *(code for sign, code in table["signs"].items() if "$" in sign and code != "$")]))


@cache
def _words(language: str) -> dict[str, str]:
    """The words that are a currency in any language, and in this one."""
    return {**_table()["words"], **_table()["words_of"].get(language, {})}


@cache
def _pattern(language: str, country: str) -> re.Pattern[str]:
    table = _table()
    signs = sorted({**table["signs"], **table["own"].get(country, {})}, key=len, reverse=True)
    words = sorted(_words(language), key=len, reverse=True)
    letter = r"[^\W\d_]"  # of signs such as RM, too, none may be a piece of a longer word; digits may touch them
    sign = [
        (rf"(?<!{letter})" if s[0].isalpha() else "") + re.escape(s) + (rf"(?!{letter})" if s[-1].isalpha() else "")
        for s in signs
    ]
    # Not at the end of a BIC such as HELADEF1GEL, nor of a company's name.
    codes = ["".join(f"(?<!(?i:{before}))" for before in table["not_behind"].get(c, ())) + c for c in table["codes"].split()]
    code = rf"(?<!{letter})(?<!{letter}\d)(?:{'|'.join(codes)})(?!{letter})"
    # Thai has no spaces: `2 ล้านบาทถ้วน`, but บทบาท is no money.
    before, behind = rf"(?:(?<!{letter})|{'|'.join(f'(?<={word})' for word in _THAI_THOUSANDS)})", "(?=ถ้วน)"
    word = rf"{before}(?i:{'|'.join(map(re.escape, words))})(?:(?!{letter}|{_MARKS})|{behind})"
    return re.compile("|".join([*sign, code, word]))


@cache
def _misread(sign: str) -> re.Pattern[str]:
    return re.compile(rf"(?<=[.,]\d\d)(?: ?(?P<sign>{re.escape(sign)}))(?!\w)")


def _code(mark: str, language: str, country: str) -> str:
    table = _table()
    if mark == "$":
        return dollar_in(language, country)
    own = table["own"].get(country, {}).get(mark) or table["signs"].get(mark) or _words(language).get(fold(mark))
    return str(own or mark)
