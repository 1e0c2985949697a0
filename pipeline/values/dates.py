"""Reading dates from print in eight languages: no missing part is ever filled in, and no rule looks at today's date.

Day and month. `31/12/2024` and `12/31/2024` explain themselves; `03/04/2024` is day first, also in English, unless
`month_first` says otherwise: the caller knows from the page's other dates (`month_first_evidence`) or its currency.

Years. Two digits are 1970 to 2069. Thai print counts in the Buddhist era: 2567 is 2024, and so is 67; two digits under 40 are
common years there, because 2039 is too late and 1996 (2539) too early for a document. Four digits of 2400 to 2700 are Buddhist,
outside Thai print up to 2612 (2069): beyond, OCR misread them.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import date
from functools import cache, lru_cache

from babel import Locale
from rapidfuzz import fuzz

from pipeline.values.data import load_data
from pipeline.values.text import fold_traced, mend_digits
from schemas.fields import LANGUAGES

_KEPT = 4096
"""The dates of so many texts are kept: rule after rule asks for those of the same lines of a page."""
_BUDDHIST = 543
_EARLIEST, _LATEST = 1900, 2069
"""Years that a date must be of to tell in which order day and month are."""
_LATEST_ABROAD = 2612
_GAP = r"[\s.,/’'॰-]*+"
_ORDINAL = r"(?:st|nd|rd|th| ?er\b|re|[.]?[º°ª]|[.]?o(?= ))?"
_OF = r"(?:(?:days? of|dias? del mes de|dias? do mes de|de|del|d'|of|the|e)\b)?"
# Thai words as `fold_traced` leaves them.
_BE = r"(?:พ[ .]*ศ[ .]*|ค[ .]*ศ[ .]*|พุทธศักราช *|คริสตศักราช *|ปิ[ .]*|b\.?e\.?[ ]?)?"
_YEAR = r"(?P<y>\d{4}|\d{2}(?![:.,]?\d))(?!\d|[./-]\d)"
_YEAR_AFTER_DAY = _YEAR.replace(r"|\d{2}", r"|(?<![.,])\d{2}")
"""Directly behind a point or a comma two digits are cents: `May 12.50` is a price."""
_DAY = r"(?<![\d.,/])(?P<d>[0-3]?\d)"
_ISO = r"(?<!\d)(?<![A-Za-z]-)(?<!\d[./-])(?P<y>\d{4})(?P<s>[./-]) ?(?P<a>\d{1,2}) ?(?P=s) ?(?P<b>\d{1,2})(?!\d|[./-]\d)"
_NUMERIC_BEFORE = r"(?<!\d)(?<![A-Za-z]-)(?<!\d[./])(?:(?<!\d-)|(?<=\d{4}-))"
_NUMERIC_AFTER = r"(?!\d|[./,]\d|-(?!\d{1,2}[./])\d)"
_NUMERIC = _NUMERIC_BEFORE + r"(?P<a>\d{1,2}) ?(?P<s>[./-]) ?(?P<b>\d{1,2}) ?(?P=s) ?(?P<y>\d{4}|\d{2})" + _NUMERIC_AFTER
_SPACED = r"(?P<a>\d{1,2}) (?P<b>\d{1,2}) (?P<y>\d{4})"
_COMMAS = r"(?P<a>\d{1,2})[.,] ?(?P<b>\d{1,2})[.,] ?(?P<y>\d{4})"
"""OCR takes points for commas."""
_COMPACT = r"(?P<a>\d{4})(?P<b>\d{2})(?P<c>\d{2})"
_SHORT_DOTS = re.compile(r"\d\.\d{1,2}\.\d{2}|\d\d\.\d\.\d{2}")
_OF_MISREAD = r"(?:(?:de|of)\b)?\s*+"
_MISREAD = re.compile(rf"(?P<d>[0-3]?\d)[\s.]*+{_OF_MISREAD}(?P<m>[^\W\d_]{{4,}}+)[\s.,]*+{_OF_MISREAD}(?P<y>\d{{4}})")
_ALIKE = 80.0
"""How alike (0–100) an unknown word between day and year is to a month name that OCR misread."""


def parse_date(text: str, language: str = "und", month_first: bool | None = None) -> date | None:
    """The one date in `text`; weekdays, times and other words beside it do not matter.

    Args:
        text: a date as printed.
        language: ISO 639-1 of the page.
        month_first: whether the page writes the month before the day, where that is known.

    Returns:
        None where a part of it is missing, where it is no day of the calendar, or where there are two different dates.
    """
    text = mend_digits(text)
    found = {day for _, _, day in find_dates(text, language, month_first=month_first)}
    if found:
        return found.pop() if len(found) == 1 else None
    bare = fold_traced(text).text.strip(" .:,")
    if match := re.fullmatch(_SPACED, bare) or re.fullmatch(_COMMAS, bare):
        return _numeric(match, language, month_first)
    if match := re.fullmatch(_COMPACT, bare):
        year, rest = _year(match.group("a"), language == "th"), match.group("a")
        if 1900 <= year <= 2100:
            return _day(year, int(match.group("b")), int(match.group("c")))
        return _day(_year(match.group("b") + match.group("c"), language == "th"), int(rest[2:]), int(rest[:2]))
    return _misread(bare, language)


def find_dates(text: str, language: str = "und", *, month_first: bool | None = None) -> list[tuple[int, int, date]]:
    """The dates in a line or text, as (start, end, date), in order.

    Finds `2024-03-12`, `12.03.2024`, `12/3/24` and day, month name and year in their usual orders, in any of the eight
    languages. Eight digits in a row are left alone here: they are mostly numbers of something.
    """
    return list(_found(text, language, month_first))


@lru_cache(_KEPT)
def _found(text: str, language: str, month_first: bool | None) -> tuple[tuple[int, int, date], ...]:
    traced = fold_traced(text)
    if len(re.findall(r"\d", traced.text)) < 3:
        return ()
    found: list[tuple[int, int, date]] = []
    for match, day in _candidates(traced.text, language, month_first):
        start, end = traced.span(match.start(), match.end())
        year = text[slice(*traced.span(match.start("y"), match.end("y")))]
        if "m" in match.groupdict() and re.fullmatch("[๐-๓][๐-๙]", year):
            continue  # beside a Thai month Thai digits count in the Buddhist era: ๒๕ is what OCR left of a year
        if day and not any(start < other[1] and other[0] < end for other in found):
            found.append((start, end, day))
    return tuple(sorted(found))


def month_first_evidence(texts: Iterable[str]) -> bool | None:
    """What the numeric dates of a page say: True where one can only be month first, False where only day first, else None."""
    orders = set()
    for text in texts:
        for match in re.finditer(_NUMERIC, fold_traced(text).text):
            a, b, year = int(match.group("a")), int(match.group("b")), match.group("y")
            if max(a, b) <= 31 and min(a, b) <= 12 < max(a, b) and (len(year) == 2 or _likely(int(year))):
                orders.add(b > 12)
    return orders.pop() if len(orders) == 1 else None


def _likely(year: int) -> bool:
    """Whether four digits are a common year, and not figures that OCR ran together (`12/31/2532`); Thai print is day first."""
    return _EARLIEST <= year <= _LATEST


def is_ambiguous(text: str) -> bool:
    """Whether day and month of a numeric date could be swapped; with points between them the day comes first."""
    match = re.search(_NUMERIC, fold_traced(text).text)
    return bool(
        match
        and match.group("s") != "."
        and int(match.group("a")) <= 12
        and int(match.group("b")) <= 12
        and match.group("a") != match.group("b")
    )


def _candidates(text: str, language: str, month_first: bool | None) -> Iterator[tuple[re.Match[str], date | None]]:
    for match in re.finditer(_ISO, text):
        yield match, _day(_year(match.group("y"), False), int(match.group("a")), int(match.group("b")))
    for match in re.finditer(_NUMERIC, text):
        if not _SHORT_DOTS.fullmatch(match.group()) or match.group() == text.strip():
            yield match, _numeric(match, language, month_first)
    for pattern in _worded():
        for match in pattern.finditer(text):
            name = match.group("m")
            if len(match.group("y")) == 2 and match.start("m") < match.start("d") and name not in _months("en"):
                continue  # the day behind the month is English: in `Set 1 12` a set of something is counted
            thai = bool(re.search("[\u0e00-\u0e7f]", name)) or language == "th"
            yield match, _day(_year(match.group("y"), thai), _month(name), int(match.group("d")))


def _numeric(match: re.Match[str], language: str, month_first: bool | None) -> date | None:
    a, b = int(match.group("a")), int(match.group("b"))
    swapped = b > 12 or (bool(month_first) and a <= 12)
    day, month = (b, a) if swapped else (a, b)
    return _day(_year(match.group("y"), language == "th"), month, day)


def _year(digits: str, thai: bool) -> int:
    year = int(digits)
    if len(digits) == 2 and thai and year >= 40:
        return 2500 + year - _BUDDHIST
    if len(digits) == 2:
        return year + (2000 if year < 70 else 1900)
    return year - _BUDDHIST if 2400 <= year <= (2700 if thai else _LATEST_ABROAD) else year


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day) if 1850 <= year <= 2150 else None
    except ValueError:
        return None


@cache
def _worded() -> tuple[re.Pattern[str], ...]:
    names = sorted(_months(), key=len, reverse=True)
    month = rf"(?P<m>{'|'.join(map(_name_pattern, names))})"
    return (
        re.compile(rf"{_DAY}{_ORDINAL}{_GAP}{_OF}{_GAP}(?:เดิอน *)?{month}{_GAP}{_OF}{_GAP}{_BE}{_YEAR}"),
        re.compile(rf"(?<![\d.,/-])(?P<y>\d{{4}}){_GAP}{month}{_GAP}(?P<d>[0-3]?\d)(?![\d.,:/])"),
        re.compile(rf"{month}{_GAP}(?P<d>[0-3]?\d){_ORDINAL}(?!\d)[\s.,/’'-]++{_OF}{_GAP}{_YEAR_AFTER_DAY}"),
    )


def _name_pattern(name: str) -> str:
    """A month name that may have spaces and dots inside where it is Thai, and no letter around it where it is not."""
    if not "\u0e00" <= name[0] <= "\u0e7f":
        return rf"(?<![^\W\d_]){re.escape(name)}(?![^\W\d_])"
    return r"[ .]*+".join(re.escape(c) + ("?" if c in "ัิุ" and len(name) > 4 else "") for c in name)


def _month(name: str) -> int:
    """The number of a matched month name; Thai ones come back with their spaces, and sometimes without a vowel sign."""
    bare = re.sub(r"[ .]", "", name)
    known = _months().get(name) or _months().get(bare)
    return known or next(number for key, number in _months().items() if re.fullmatch(_name_pattern(key), name))


@cache
def _months(*languages: str) -> dict[str, int]:
    """Folded month name → 1..12, of `languages` or of all together: no name stands for two months."""
    extras = load_data("months.toml")
    table: dict[str, int] = {}
    for language in languages or LANGUAGES:
        names = [(number, form) for number, forms in enumerate(extras[language], 1) for form in forms.split()]
        for context in Locale(language).months.values():
            names += [(number, name) for width in ("wide", "abbreviated") for number, name in context[width].items()]
        for number, name in names:
            folded = fold_traced(name).text.strip(" .॰")
            table[folded.replace(".", "") if language == "th" else folded] = number
    return table


def _misread(text: str, language: str) -> date | None:
    """The date whose month name OCR misread, where one name of the language is alike and no other month's is."""
    match = _MISREAD.search(text)
    if not match or language not in LANGUAGES:
        return None
    printed = match.group("m")
    known = [(name, number) for name, number in _months(language).items() if len(name) >= 4]
    scores = [(fuzz.ratio(form, name), number) for form in (printed, printed.replace("rn", "m")) for name, number in known]
    months = {number for score, number in scores if score >= _ALIKE}
    return _day(_year(match.group("y"), language == "th"), months.pop(), int(match.group("d"))) if len(months) == 1 else None
