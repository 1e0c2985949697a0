"""A page's words as lines of text that know their words, and the habits of writing that the page shows."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from pipeline.records import Box, PageWords, Word, around
from pipeline.values.amounts import decimal_sign, find_amounts
from pipeline.values.currencies import find_currencies
from pipeline.values.dates import month_first_evidence

_WIDE = 1.2
"""A gap between words wider than this many times their height parts columns; it becomes two spaces."""


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
    """How a page writes: language, decimal sign (or empty), month before day (None: unknown), ISO 4217 currency (or empty)."""

    language: str
    decimal: str
    month_first: bool | None
    currency: str


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
    """What the page's own print says of how it writes; its language where the print is silent.

    The order of day and month comes from its dates; English that counts in US dollars writes the month first, other English
    does not. The currency is the one beside most amounts, else the one named most.
    """
    texts = [line.text for line in lines or lines_of(page)]
    decimal = decimal_sign(texts, page.language)
    amounts = [amount for text in texts for _, _, amount in find_amounts(text, page.language, decimal=decimal)]
    beside = Counter(amount.currency for amount in amounts if amount.currency)
    named = beside or Counter(mark.code for text in texts for mark in find_currencies(text, page.language) if mark.code)
    currency = named.most_common(1)[0][0] if named else ""
    month_first = month_first_evidence(texts)
    # `Lot $319` is a misread S319: a price has cents.
    cents = any(a.currency == "USD" and a.value.as_tuple().exponent == -2 for a in amounts)
    if month_first is None and page.language == "en" and currency == "USD" and cents:
        month_first = True
    return Habits(page.language, decimal, month_first, currency)


def bounding(words: Iterable[Word]) -> Box:
    """The box around `words`."""
    return around(word.box for word in words)
