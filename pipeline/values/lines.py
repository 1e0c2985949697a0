"""A page's words as lines of text that know their words, and the habits of writing that the page shows."""

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby

from pipeline.records import Box, PageWords, Word, around
from pipeline.values.amounts import EITHER_SIGN, decimal_sign, find_amounts
from pipeline.values.countries import country_of, decimal_from, month_first_in
from pipeline.values.currencies import dollar_in, find_currencies
from pipeline.values.dates import month_first_evidence
from pipeline.values.numbers import decimal_from_language

_WIDE = 1.2
"""A gap between words wider than this many times their height parts columns; it becomes two spaces."""


_DOLLARS = re.compile(r"(?<![^\W\d_])\$ ?[-(]?\d[\d., ]*[.,]\d\d(?!\d)")
"""A price in dollars of somebody: `Lot $319` is a misread S319, a price has cents."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of print.

    Attributes:
        text: its words, one space between them, two where columns part.
        first: the index on the page of its first word.
        starts: where in `text` each of its words starts.
    """

    text: str
    first: int
    starts: tuple[int, ...]

    def words(self, start: int, end: int) -> tuple[int, int]:
        """The page's indices of the first and the last word that characters `start` to `end` (not included) touch."""
        return (
            self.first + bisect_right(self.starts, start) - 1,
            self.first + bisect_right(self.starts, max(end - 1, start)) - 1,
        )


@dataclass(frozen=True, slots=True)
class Habits:
    """How a page writes; what is not known is empty.

    Attributes:
        language: ISO 639-1, or `und`.
        decimal: its decimal sign: what its numbers show, else what its country and language write.
        month_first: whether dates in figures have the month first; None where neither its dates nor its country tell.
        currency: ISO 4217, beside most of its amounts.
        country: ISO 3166 alpha 2, of who wrote it.
        dollar: what a bare `$` is (ISO 4217).
    """

    language: str
    decimal: str
    month_first: bool | None
    currency: str
    country: str = ""
    dollar: str = ""


def lines_of(page: PageWords) -> list[Line]:
    """The lines of `page` in reading order."""
    width, height = page.frame.upright
    lines, position = [], 0
    for _, group in groupby(page.words, key=lambda word: word.line):
        words = list(group)
        text, starts = "", []
        for before, word in zip([None, *words], words, strict=False):
            if before is not None:
                text += "  " if (word.box[0] - before.box[2]) * width > _WIDE * (word.box[3] - word.box[1]) * height else " "
            starts.append(len(text))
            text += word.text
        lines.append(Line(text, position, tuple(starts)))
        position += len(words)
    return lines


def habits_of(page: PageWords, lines: Sequence[Line] | None = None) -> Habits:
    """What the page's own print (or `lines`, where it has no words) says of how it writes; else its country and language.

    The one place where conventions are decided. Decimal sign: its numbers, else country and language. Day and month: its dates,
    else country and language; in euros the day comes first. Currency: the one beside most amounts, else the one named most.
    """
    return _habits_of_page(page) if page.words else _habits(page.language, [line.text for line in lines or ()])


@lru_cache(maxsize=8)
def _habits_of_page(page: PageWords) -> Habits:
    """Asked for by the engine, the normalisation and the grounding of a page in turn."""
    return _habits(page.language, [line.text for line in lines_of(page)])


def _habits(language: str, texts: Sequence[str]) -> Habits:
    shown = decimal_sign(texts)
    amounts = [
        amount
        for text in texts
        for _, _, amount in find_amounts(text, language, decimal=shown or decimal_from_language(language), country="ZZ")
    ]
    beside = Counter(amount.currency for amount in amounts if amount.currency)
    named = beside or Counter(mark.code for text in texts for mark in find_currencies(text, language, "ZZ") if mark.code)
    dollars = sum(bool(_DOLLARS.search(text)) for text in texts)
    usual = habits_in(language, country_of(texts, language, named, dollar=dollar_in(language) if dollars else ""))
    if dollars and usual.dollar:
        named = beside + Counter({usual.dollar: dollars})
    currency = named.most_common(1)[0][0] if named else ""
    decimal = shown or usual.decimal
    if not decimal and language == "es" and not dollars and (not currency or currency not in EITHER_SIGN):
        decimal = ","
    month_first = month_first_evidence(texts)
    if month_first is None:
        month_first = False if usual.month_first is None and currency == "EUR" else usual.month_first
    return Habits(language, decimal, month_first, currency, usual.country, usual.dollar)


def habits_in(language: str, country: str) -> Habits:
    """The habits of a language in a country, where no page says otherwise."""
    decimal, dollar = decimal_from(language, country), dollar_in(language, country)
    return Habits(language, decimal, month_first_in(language, country), "", country, dollar)


def bounding(words: Iterable[Word]) -> Box:
    """The box around `words`."""
    return around(word.box for word in words)
