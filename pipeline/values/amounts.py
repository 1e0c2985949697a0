"""Reading amounts of money from print: sign, digits, currency; one that fills a text, or all of those in a line."""

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import cache, lru_cache
from typing import Any

from pipeline.values.currencies import Mark, currency_of, find_currencies, one_code
from pipeline.values.data import load_data
from pipeline.values.identifiers import find_ibans
from pipeline.values.numbers import APOSTROPHES, decimal_from_language, decimal_sign, parse_number, parse_percent, read_core
from pipeline.values.text import MINUS, fold_digits, fold_spaces, mend_digits

__all__ = ["Amount", "currency_of", "decimal_sign", "find_amounts", "parse_amount", "parse_number", "parse_percent"]

_KEPT = 4096
"""The amounts of so many texts are kept: rule after rule asks for those of the same lines of a page."""
_X = "\ue000"
"""Stands for each character of a currency while amounts are looked for; `_` for what is known to be something else."""

_LOOSE = rf"\d+(?:(?:[{APOSTROPHES} ]| ?[.,] ?)\d+)*"
_GLUED = rf"\d+(?:[.,{APOSTROPHES}]\d+)*"
_SPACED = rf"[1-9]\d{{0,2}}(?: \d{{3}})+(?:[.,]\d+)?(?! ?\d)|{_GLUED}"
_TORN = r"\d{1,3}(?:, ?\d{2,3})*, \d{3}\.\d{2}|\d{1,3}, \d{2,3}(?:, ?\d{2,3})*,\d{3}\.\d{2}"
"""A number that OCR put spaces into behind its commas: `1,26, 800.00`, `12, 38,150.00`."""
_CENTS_APART = rf"(?:(?<={_X})|(?<={_X} ))\d[\d,.]*[.,] \d{{2}}(?![\d.,])"

_CENTS_BEHIND = rf"\d{{1,6}}(?:[. ]\d{{3}})*{_X}\d{{2}}(?![\d.,])(?! ?{_X})"
"""The sign of the currency in the place of the comma: `12€50`."""
_NO_UNITS = rf"(?<={_X})\.\d{{2}}(?!\d)"

_SPACES_GROUP = frozenset({"fr", "es", "pt", "und"})
EITHER_SIGN = frozenset({"", "MXN", "USD", "PEN", "GTQ", "HNL", "NIO", "DOP"})
"""Currencies that are written with a decimal point in Spanish, or by both habits."""

_NOT_MONEY = tuple(
    re.compile(pattern)
    for pattern in (
        r"(?<!\d)\d{1,2}:\d{2}(?::\d{2})?(?!\d)",
        r"(?<!\d)\d{1,4}([/.-])\d{1,2}\1\d{2,4}(?!\d)",
        r"(?:\+|(?<![\w.,'’])(?<!\d )00)\d[\d ()./-]{7,}\d|(?<!\d)(?:\d{2}[ .]){4}\d{2}(?!\d)|\(\d{2,5}\) ?\d[\d -]{4,}\d",
    )
)
"""Times, dates and phone numbers."""


_BILLIONS = re.compile(r"[.,]\dB(?!\w)")
_TAXED = re.compile(r"\d[.,]\d\d[A-Z]$")
"""A letter glued to the cents tells the tax: no digit that OCR misread."""


@dataclass(frozen=True, slots=True)
class Amount:
    """A sum of money: its signed value, and its ISO 4217 currency where one is printed beside it, else empty."""

    value: Decimal
    currency: str = ""


def parse_amount(text: str, language: str = "und", *, decimal: str = "", country: str = "") -> Amount | None:
    """The amount that `text` prints.

    Reads decimal comma and point, grouping by point, comma, apostrophe or space, by three or as in India, digits of every
    script, a minus before or after, parentheses, `CR`, words that multiply (`1.5 lakh`, `2 Mio.`), cents apart (`12 € 50`),
    letters that OCR took for digits, and a currency before, after or glued on. See `numbers` for `1.234`.

    Args:
        text: an amount as printed; other words may stand beside it as long as it is the only amount.
        language: ISO 639-1 of the page.
        decimal: the page's decimal sign where it is known (`decimal_sign`), stronger than the language.
        country: of the page (ISO 3166 alpha 2) where it is known: whose a bare `$` is.

    Returns:
        None where there is no amount, or more than one.
    """
    clean = fold_spaces(fold_digits(text)).strip(" *=~:#")
    if language == "es":
        clean = re.sub(r"(?<=\d)['’](?=\d\d(?!\d))", ",", clean)  # 12'50, as it is written by hand
    marks = find_currencies(clean, language, country)
    line, sign = re.sub(" +", " ", _veiled(clean, marks)), _decimal(language, decimal, marks)
    for form in ("loose", "coins"):
        whole = _pattern(form, language).fullmatch(line)
        value = _value(whole, sign, language) if whole else None
        if whole and value is not None:
            return Amount(-value if _negative(whole) else value, one_code(clean, marks))
    if marks and _BILLIONS.search(clean):
        return None  # `$1.5B`: billions, or 1.58 that OCR misread
    mended = mend_digits(text)
    if mended != text and not _TAXED.search(clean):
        return parse_amount(mended, language, decimal=decimal, country=country)
    for bare in (False, True):
        if found := find_amounts(text, language, decimal=decimal, country=country, bare=bare):
            return found[0][2] if len({amount for _, _, amount in found}) == 1 else None
    # A sign that is not known here, glued on: `Q12.50`.
    bare_text = re.sub(r"(?<!\w)[^\W\d_]{1,4}\.?(?=\d)", " ", text)
    return parse_amount(bare_text, language, decimal=decimal) if bare_text != text and _has_cents(bare_text) else None


def find_amounts(
    text: str, language: str = "und", *, decimal: str = "", country: str = "", bare: bool = False
) -> list[tuple[int, int, Amount]]:
    """The amounts in a line of print, as (start, end, amount) with start and end of sign, digits and currency in `text`.

    A number counts when a currency stands beside it, when it has two decimals, or when its digits are grouped. Pieces of longer
    numbers, dates, times, percentages, phone numbers and IBANs never count.

    Args:
        text: one line.
        language: ISO 639-1 of the page.
        decimal: the page's decimal sign where it is known.
        country: of the page (ISO 3166 alpha 2) where it is known: whose a bare `$` is.
        bare: take bare numbers (`12`, `1,5`) as well.
    """
    return list(_found(text, language, decimal, country, bare))


@lru_cache(_KEPT)
def _found(text: str, language: str, decimal: str, country: str, bare: bool) -> tuple[tuple[int, int, Amount], ...]:
    line = _masked(text)
    if not re.search(r"\d", line):
        return ()
    marks = find_currencies(line, language, country)
    sign = _decimal(language, decimal, marks)
    line = _veiled(line, marks)
    # Between two numbers a currency could belong to either. Where the line's last one stands before a number, all of them do
    # (`2 EUR 5,00 EUR 7,00`), else behind (`5,00 EUR 7,00 EUR`).
    in_front = bool(marks) and re.match(rf" ?[{MINUS}]? ?\d", line[marks[-1].end :])
    spaced = "spaced" if language in _SPACES_GROUP else "glued"
    found, starts = [], [mark.start for mark in marks]
    for match in _pattern(f"{spaced}, currency in front" if in_front else spaced, language).finditer(line):
        value = _value(match, sign, language)
        if value is None:
            continue
        currency = one_code(text, marks[bisect_left(starts, match.start()) : bisect_left(starts, match.end())])
        money = currency or match.group("pre") or match.group("post") or match.group("none")
        if bare or money or _looks_like_money(match.group("core"), value):
            found.append((match.start(), match.end(), Amount(-value if _negative(match) else value, currency)))
    return tuple(found)


def _has_cents(text: str) -> bool:
    return bool(re.search(r"\d[.,]\d\d(?!\d)", fold_digits(text)))


def _value(match: re.Match[str], sign: str, language: str) -> Decimal | None:
    """The number of a matched amount, without its sign."""
    parts = match.groupdict()
    core = parts["core"]
    if _X in core:
        core = core.replace(_X, "," if sign == "," else ".")
    value = read_core(core, sign)
    if value is None:
        return None
    if parts.get("scale"):
        value *= _scales(language)[parts["scale"].casefold()] if len(parts["scale"]) > 1 else _words()["short"][parts["scale"]]
    cents = parts.get("cents") or parts.get("small")
    return value + Decimal(cents) / 100 if cents else value


@cache
def _pattern(form: str, language: str) -> re.Pattern[str]:
    """How an amount looks in a veiled text: `loose` and `coins` for a whole text, `glued` and `spaced` within a line."""
    minus, post = f"[{MINUS}]", rf"(?: ?(?P<post>{_X}+))?"
    none = rf"(?P<none>[.,] ?{minus}{{1,2}}|/ ?-)?"  # no cents, as in `50.-`, `50,--` and India's `50/-`
    pre = rf"(?:(?P<pre>{_X}++(?: {_X}++)*+)[*=: ]*+)?"
    words = sorted(_scales(language), key=len, reverse=True)
    # Alone, `1.5M` fills a text or is the size of something; a B may be an 8 that OCR misread.
    bare = "[kKM]" if form == "loose" else "(?!)"
    short = rf"(?(pre)[{''.join(_words()['short'])}]|{bare})(?<=\d.)(?<![.,]\d\d.)(?<![.,]\dB)(?!\w)"
    scale = (
        rf"(?: ?(?P<scale>(?i:{'|'.join(map(re.escape, words))})(?![^\W\d_])|[{''.join(_words()['glued'])}](?={_X})|{short})"
        rf"(?: (?:{_any(_words()['words']['of'])})(?={_X}))?)"
    )
    if form == "coins":
        unit = rf" ?(?:{_any(_words()['words']['cents'])})"
        return re.compile(
            rf"(?P<m1>{minus} ?)?(?P<core>{_GLUED}|[1-9]\d{{0,2}}(?: \d{{3}})+) ?"
            rf"(?:{_X} ?(?P<cents>\d\d)|{_X}+ ?(?:(?:{_any(_words()['words']['and'])}) )?(?P<small>\d\d?){unit})",
            re.I,
        )
    if form == "loose":
        return re.compile(
            rf"(?P<open>\( ?)?(?P<m1>{minus} ?)?\+?{pre}(?P<m2>{minus} ?)?(?P<p2>\()?"
            rf"(?P<core>{_NO_UNITS}|{_LOOSE}){none}{scale}?(?P<m3> ?{minus})?{post}(?P<m4> ?{minus})?"
            rf"(?: ?\))*(?: ?(?P<credit>C[Rr])\.?| ?D[Rr]\.?| ?\+)?(?: ?{_X}+)?"
        )
    if form.endswith("in front"):
        post = rf"(?: ?(?P<post>{_X}+)(?!{_X}| ?{minus}? ?\d))?"
    core = f"{_CENTS_BEHIND}|{_NO_UNITS}|{_CENTS_APART}|{_TORN}|{_SPACED if form.startswith('spaced') else _GLUED}"
    apart = rf"(?<![^\s(:*={_X}_])"
    trail = rf"{minus}(?! ?\d|\w)"
    # What may not follow: more of a longer number, a percent sign, a word; one capital may (a tax letter, as in `5,00A`),
    # but not one of size.
    ends = rf"(?![\d_‰°²³]| ?%|[./,:]\d|{minus}\d|[^\W\d_]{{2}}|[^\W\d_A-Z]|(?<![.,]\d\d)[KMB](?!\w))"
    return re.compile(
        rf"(?P<open>\( ?)?(?P<m1>{apart}{minus}(?=[\d{_X}])|^ *{minus} |{apart}{minus} (?={_X}))?{pre}(?P<m2>{minus})?"
        rf"(?P<p2>\()?(?<![\w.,/#])(?<!\w{minus})(?P<core>{core}){none}(?(none)|(?:{scale}|{ends}))(?P<m3>{trail})?{post}(?P<m4>{trail})?"
        rf"(?(p2)\)|)(?(open) ?\)|)(?: ?(?P<credit>C[Rr])\b)?(?! ?%)"
    )


def _negative(match: re.Match[str]) -> bool:
    parts = match.groupdict()
    return any(parts.get(name) for name in ("open", "p2", "m1", "m2", "m3", "m4", "credit"))


def _looks_like_money(core: str, value: Decimal) -> bool:
    """Two decimals, or digits grouped by something else than a space; no superfluous zero in front."""
    if re.match(r"0\d", core):
        return False
    grouped = (
        value == value.to_integral_value()
        and re.search(rf"\d[.,{APOSTROPHES}]\d{{3}}$", core)
        and value.as_tuple().exponent == 0
    )
    return bool(grouped or re.search(r"[.,]\d{2}$", core))


def _decimal(language: str, decimal: str, marks: list[Mark]) -> str:
    if decimal or language != "es":
        return decimal or decimal_from_language(language)
    return "" if any(mark.code in EITHER_SIGN for mark in marks) else ","


@cache
def _words() -> dict[str, Any]:
    return load_data("amounts.toml")


@cache
def _scales(language: str) -> dict[str, int]:
    """What multiplies a number, in `language` and in English."""
    told = _words()["scale"]
    both = {**told["en"], **told.get(language, {})}
    return both | {unicodedata.normalize("NFC", word): factor for word, factor in both.items()}


def _any(words: Iterable[str]) -> str:
    return "|".join(map(re.escape, sorted(words, key=len, reverse=True)))


def _veiled(line: str, marks: list[Mark]) -> str:
    for mark in marks:
        line = line[: mark.start] + _X * (mark.end - mark.start) + line[mark.end :]
    # Swiss francs without francs: in `CHF -.50` the dash is no minus.
    return re.sub(rf"(?<={_X})( ?)[{MINUS}](?=\.\d\d(?!\d))", r"\g<1>0", line)


def _masked(text: str) -> str:
    """`text` with ASCII digits and plain spaces, and `_` for each character of a date, time, phone number or IBAN."""
    line = fold_spaces(fold_digits(text))
    for start, end, _ in find_ibans(line):
        line = line[:start] + "_" * (end - start) + line[end:]
    for pattern in _NOT_MONEY:
        line = pattern.sub(lambda m: "_" * len(m.group()), line)
    return line
