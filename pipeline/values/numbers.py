"""Reading printed numbers: decimal and grouping signs by rules, not by guess.

A separator that comes once with three digits after it (`1.234`) is ambiguous. It groups where the language writes the other
sign for decimals, and it starts the decimals where the language writes it so: `1.234` is 1234 in de fr it pt es and 1.234 in en
hi th, `1,234` the other way round. Without a language, and in Spanish with a dollar or peso (Mexico writes a point, Argentina a
comma), it groups. A page's own unambiguous numbers are better evidence than its language: `decimal_sign` reads them, `decimal`
passes it on.
"""

import re
from collections.abc import Iterable
from decimal import Decimal

from pipeline.values.text import MINUS, fold_digits, fold_spaces

_COMMA = frozenset({"de", "fr", "it", "pt", "es"})
_POINT = frozenset({"en", "hi", "th"})
APOSTROPHES = "'’‘ʼ´`′"
CORE = rf"\d+(?:[.,{APOSTROPHES} ]\d+)*"
"""What a number looks like from its first to its last digit, in text with ASCII digits and plain spaces."""

_INNER_SPACE = re.compile(r"(?<=\d) ?([.,]) ?(?=\d)")
_ANY_CORE = re.compile(rf"(?<![\w.,])[{MINUS}]?\d+(?:[.,{APOSTROPHES}]\d+|[ ]\d{{3}}(?!\d))*")
_UNAMBIGUOUS = re.compile(r"(?<![\d.,/:-])(?:\d{1,3}(?:[.,]\d{3})+|\d+)([.,])\d{2}(?![\d.,/:-]|\s?%)")
_PERCENT_WORDS = "percent|prozent|pour cent|per cento|por ciento|por cento|per cento|प्रतिशत|ร้อยละ"
_PERCENT = re.compile(
    rf"(?<!\d)([{MINUS}]?\s?\d{{1,9}}(?:[.,]\d{{1,9}})?)\s?(?:%|٪|{_PERCENT_WORDS})|ร้อยละ\s?(\d{{1,9}}(?:[.,]\d{{1,9}})?)", re.I
)


def decimal_from_language(language: str) -> str:
    """The decimal sign of `language` (`.` or `,`), empty where it is not known."""
    return "," if language in _COMMA else "." if language in _POINT else ""


def decimal_sign(texts: Iterable[str], language: str = "und") -> str:
    """The decimal sign that a page's print shows: the one before two last digits in most of `texts`; else the language's."""
    signs = [m.group(1) for text in texts for m in _UNAMBIGUOUS.finditer(fold_digits(text))]
    points, commas = signs.count("."), signs.count(",")
    if points == commas:
        return decimal_from_language(language)
    return "." if points > commas else ","


def read_core(core: str, decimal: str = "") -> Decimal | None:
    """The number that `core` prints: digits with points, commas, apostrophes and spaces, no sign and nothing else.

    Args:
        core: as matched by `CORE`.
        decimal: `.` or `,` where it is known which one starts the decimals; empty groups what is ambiguous.

    Returns:
        None where the groups are not those of a number (`12.03.24`, `12 34`).
    """
    text = _INNER_SPACE.sub(r"\1", re.sub(f"[{APOSTROPHES}]", "'", core))
    if text.startswith("."):
        return Decimal(f"0{text}") if text[1:].isdigit() else None
    whole, fraction = _split(text, decimal)
    groups = re.split("[ '.,]", whole)
    if not all(group.isdigit() for group in groups) or (fraction and not fraction.isdigit()) or not _grouped(groups):
        return None
    if len(groups) > 1 and len(set(re.findall("[ '.,]", whole))) > 1:
        return None
    digits = "".join(groups)
    return Decimal(f"{digits}.{fraction}" if fraction else digits)


def parse_number(text: str, language: str = "und", *, decimal: str = "") -> Decimal | None:
    """The one number in `text`, whatever unit stands beside it (`2 Stk`, `x 3`, `1,000 kg`).

    Returns:
        None where there is no number, or more than one.
    """
    clean = fold_spaces(fold_digits(text)).strip()
    sign = decimal or decimal_from_language(language)
    whole = re.fullmatch(rf"([{MINUS}]?) ?({CORE}) ?([{MINUS}]?)", clean)
    if whole:
        value = read_core(whole.group(2), sign)
        return -value if value is not None and (whole.group(1) or whole.group(3)) else value
    found = [
        read_core(m.group().lstrip(MINUS), sign)
        for m in _ANY_CORE.finditer(re.sub(r"^[x×*@]\s?|(?<=\d)\s?[x×*@]$", "", clean, flags=re.I))
    ]
    if len(found) != 1 or found[0] is None:
        return None
    return -found[0] if re.search(rf"(?<!\w)[{MINUS}]\d", clean) else found[0]


def parse_percent(text: str, language: str = "und") -> Decimal | None:
    """A percentage in percent (`19 %` → 19); a bare number counts as one. None where there are two different ones."""
    clean = fold_spaces(fold_digits(text))
    printed = [m.group(1) or m.group(2) for m in _PERCENT.finditer(clean)]
    found = {parse_number(number, decimal="," if "," in number else ".") for number in printed}
    if found:
        return found.pop() if len(found) == 1 else None
    bare = clean.strip()
    return (
        parse_number(bare, decimal="," if "," in bare else ".")
        if re.fullmatch(r"[\d.,]+", bare)
        else parse_number(bare, language)
    )


def _split(text: str, decimal: str) -> tuple[str, str]:
    """The digits before and after the decimal sign."""
    last = max(text.rfind("."), text.rfind(","))
    if last < 0:
        return text, ""
    sign, other = text[last], "," if text[last] == "." else "."
    whole, fraction = text[:last], text[last + 1 :]
    if not fraction.isdigit():
        return text, ""
    if sign in whole:
        # The sign came before: it groups, unless OCR took a comma for a point (1.234.50).
        mistaken = len(fraction) == 2 and other not in whole and _grouped(whole.split(sign))
        return (whole, fraction) if mistaken else (text, "")
    if other in whole or "'" in whole or " " in whole or len(fraction) != 3 or len(whole) > 3:
        return whole, fraction
    if whole.startswith("0") or sign == decimal:
        return whole, fraction
    return text, ""


def _grouped(groups: list[str]) -> bool:
    """Whether the digits before the decimals are grouped by three, or as in India by two with a last three."""
    if len(groups) == 1:
        return True
    first, *middle, last = groups
    if len(last) != 3 or not 1 <= len(first) <= 3 or first.startswith("0"):
        return False
    return all(len(g) == 3 for g in middle) or (len(first) <= 2 and all(len(g) == 2 for g in middle))
