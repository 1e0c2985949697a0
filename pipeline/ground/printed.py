"""A page's print, prepared for looking things up in it: as runs of letters that know their words, in two orders of reading."""

import re
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import accumulate
from math import ceil, floor

import numpy as np
import numpy.typing as npt

from pipeline.records import Box, Grounding, PageWords, Typed
from pipeline.values.amounts import find_amounts, parse_amount, parse_number, parse_percent
from pipeline.values.currencies import find_currencies
from pipeline.values.dates import find_dates, parse_date
from pipeline.values.lines import Habits, Line, bounding, habits_of, lines_of
from pipeline.values.text import fold, fold_digits, fold_name, fold_traced, undouble
from schemas.fields import Kind

Numbers = npt.NDArray[np.int64]

_CONFUSED = str.maketrans("oilszgb", "0115268")
"""Letters that OCR takes for digits, and the other way round."""

_SPACED = re.compile(r"(?<!\d)(?<!\d )\d\d \d\d \d{4}(?!\d)(?! \d)")
"""A date as passports print it: too much like other numbers to be found where none is looked for."""

_TORN = re.compile(r"(?<![\w.,])\d[\d.,']*[.,] \d\d(?![\d.,]| ?[^\W\d])")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value is printed: the page's indices of its words, how it was found, and how alike it is (0..1).

    `currency` is the one that is printed beside an amount.
    """

    words: tuple[int, ...]
    status: Grounding
    alike: float = 1.0
    currency: str = ""


@dataclass(frozen=True, slots=True)
class Find:
    """A needle in a stream: positions of its first and last word there, and what is left of them before and after it."""

    first: int
    last: int
    before: str
    after: str


class Stream:
    """Words of a page in some order as one text without spaces, that knows the word of each character."""

    def __init__(self, keys: Sequence[str], order: Sequence[int]) -> None:
        """Join `keys`, what each word of `order` (indices on the page) is folded to."""
        self.order = order
        self.text = "".join(keys)
        self.ends = list(accumulate(map(len, keys)))
        self.starts = [end - len(key) for end, key in zip(self.ends, keys, strict=True)]
        self._word_at = [index for index, key in enumerate(keys) for _ in key]
        self._seen: dict[str, Numbers] = {}

    def find(self, needle: str, text: str = "") -> Iterator[Find]:
        """Each place of `needle`, in `text` where that is the stream's own text with other letters in the same places."""
        text = text or self.text
        start = text.find(needle) if needle else -1
        while start >= 0:
            end = start + len(needle)
            first, last = self._word_at[start], self._word_at[end - 1]
            yield Find(first, last, text[self.starts[first] : start], text[end : self.ends[last]])
            start = text.find(needle, start + 1)

    def runs(self, shortest: float, longest: float) -> tuple[Numbers, Numbers]:
        """All runs of words of so many characters: the positions of their first and of their last words."""
        starts, ends = np.array(self.starts, dtype=np.int64), np.array(self.ends, dtype=np.int64)
        from_ = np.searchsorted(ends, starts + ceil(shortest), "left")
        counts = np.searchsorted(ends, starts + floor(longest), "right") - from_
        firsts = np.repeat(np.arange(len(starts)), counts)
        within = np.arange(len(firsts)) - np.repeat(np.cumsum(counts) - counts, counts)
        return firsts, from_[firsts] + within

    def shared(self, needle: str, firsts: Numbers, lasts: Numbers) -> Numbers:
        """How many of the needle's characters each run of words has, in any order: it can be alike by no more than these."""
        starts, ends = np.array(self.starts, dtype=np.int64)[firsts], np.array(self.ends, dtype=np.int64)[lasts]
        shared = np.zeros(len(firsts), dtype=np.int64)
        for character, count in Counter(needle).items():
            if character not in self._seen:
                self._seen[character] = np.concatenate(([0], np.cumsum(self._codes == ord(character))))
            seen = self._seen[character]
            shared += np.minimum(seen[ends] - seen[starts], count)
        return shared

    def words(self, first: int, last: int) -> tuple[int, ...]:
        """The page's indices of the words at positions `first` to `last`."""
        return tuple(self.order[first : last + 1])

    def between(self, first: int, last: int) -> str:
        """The text of the words at positions `first` to `last`."""
        return self.text[self.starts[first] : self.ends[last]]

    @cached_property
    def _codes(self) -> Numbers:
        return np.array([ord(character) for character in self.text], dtype=np.int64)

    @cached_property
    def unconfused(self) -> str:
        """The text with the letters that OCR takes for digits as those digits."""
        return unconfused(self.text)


class PagePrint:
    """A page's words, prepared for looking things up in them.

    Attributes:
        lines: its lines in reading order.
        habits: how it writes.
        found: the places of what was looked for.
    """

    def __init__(self, page: PageWords) -> None:
        """Fold the words once."""
        self.page = page
        self.lines: list[Line] = lines_of(page)
        self.habits: Habits = habits_of(page, self.lines)
        self.found: dict[Hashable, list[Place]] = {}
        self._readings: dict[Kind, dict[Typed, list[Place]]] = {}
        self._boxes: dict[tuple[int, ...], Box] = {}

    @cached_property
    def streams(self) -> tuple[Stream, ...]:
        """The words as printed but for case and spaces: line by line, and where that differs column by column."""
        return self._streams([squeeze(word.text) for word in self.page.words])

    @cached_property
    def bare(self) -> tuple[Stream, ...]:
        """The same without accents and with nothing but letters and digits."""
        return self._streams([bare(word.text) for word in self.page.words])

    @cached_property
    def loose(self) -> Stream:
        """The words line by line without the marks that OCR mixes up: for labels."""
        return Stream([loosen(word.text) for word in self.page.words], range(len(self.page.words)))

    def typed(self, kind: Kind, value: Typed) -> list[Place]:
        """The places whose print reads as `value`; a page is read once for each kind."""
        if kind not in self._readings:
            read: dict[Typed, list[Place]] = defaultdict(list)
            for place, found in _readings(self, kind):
                read[found].append(place)
            self._readings[kind] = read
        return self._readings[kind].get(value, [])

    def box(self, place: Place) -> Box:
        """The box around a place, in the reading frame."""
        if place.words not in self._boxes:
            self._boxes[place.words] = bounding(self.page.words[index] for index in place.words)
        return self._boxes[place.words]

    def text(self, place: Place) -> str:
        """The print at a place."""
        return " ".join(self.page.words[index].text for index in place.words)

    def confidence(self, place: Place) -> float:
        """The mean OCR confidence of a place's words, weighted by their length."""
        words = [self.page.words[index] for index in place.words]
        letters = sum(len(word.text) for word in words) or 1
        return sum(word.confidence * len(word.text) for word in words) / letters

    @cached_property
    def line_height(self) -> float:
        """The height of a usual word, as a fraction of the page."""
        heights = sorted(word.box[3] - word.box[1] for word in self.page.words)
        return max(heights[len(heights) // 2], 1e-4)

    def _streams(self, keys: Sequence[str]) -> tuple[Stream, ...]:
        reading = Stream(keys, range(len(keys)))
        order = self._by_columns
        return (reading,) if order is None else (reading, Stream([keys[index] for index in order], order))

    @cached_property
    def _by_columns(self) -> list[int] | None:
        """The words column by column: a block of print is read to its end before the one beside it. None: it is one column."""
        cells = [cell for line in self.lines for cell in _cells(line)]
        if len(cells) == len(self.lines):
            return None
        boxes = [bounding(self.page.words[first : last + 1]) for first, last in cells]
        columns: list[list[int]] = []
        for number, box in enumerate(boxes):
            open_ = [column for column in columns[-40:] if _continues(boxes[column[-1]], box)]
            if open_:
                min(open_, key=lambda column: abs(boxes[column[-1]][0] - box[0])).append(number)  # noqa: B023 - used at once
            else:
                columns.append([number])
        return [index for column in columns for cell in column for index in range(cells[cell][0], cells[cell][1] + 1)]


def squeeze(text: str) -> str:
    """`text` folded, with ASCII digits and without spaces."""
    return fold_digits(fold(undouble(text))).replace(" ", "")


@lru_cache(maxsize=8192)
def bare(text: str) -> str:
    """`text` folded, without accents, spaces and punctuation; empty where nothing else is in it."""
    return fold_name(text) if any(map(str.isalnum, text)) else ""


@lru_cache(maxsize=8192)
def loosen(text: str) -> str:
    """`text` folded, without spaces, Latin accents and the marks of Thai and Devanagari that OCR mixes up."""
    return fold_traced(undouble(text)).text.replace(" ", "")


def unconfused(text: str) -> str:
    """`text` with the letters that OCR takes for digits as those digits."""
    return text.translate(_CONFUSED)


def _cells(line: Line) -> Iterator[tuple[int, int]]:
    """The first and last word of each piece of a line, where wide gaps part it."""
    first = 0
    for number in range(1, len(line.starts) + 1):
        if number == len(line.starts) or line.text[line.starts[number] - 2 : line.starts[number]] == "  ":
            yield line.first + first, line.first + number - 1
            first = number


def _continues(above: Box, box: Box) -> bool:
    """Whether a piece of print goes on below another: close under it, and one over the other."""
    height = max(above[3] - above[1], box[3] - box[1])
    if not 0.3 * height < box[1] - above[1] < 2.6 * height:
        return False
    shared = min(above[2], box[2]) - max(above[0], box[0])
    return shared > 0.5 * min(above[2] - above[0], box[2] - box[0])


def _readings(printed: PagePrint, kind: Kind) -> Iterator[tuple[Place, Typed]]:
    """What the page's print reads as, as values of `kind`; numbers and percents word by word."""
    habits = printed.habits
    if kind in (Kind.NUMBER, Kind.PERCENT):
        for index, word in enumerate(printed.page.words):
            text = word.text.strip(" .,:;")
            number = kind is Kind.NUMBER
            found = (
                parse_number(text, habits.language, decimal=habits.decimal) if number else parse_percent(text, habits.language)
            )
            if found is not None:
                yield Place((index,), Grounding.NORMALIZED), found
        return
    for line in printed.lines:
        for start, end, value, currency in _readings_of_line(line.text, kind, habits):
            first, last = line.words(start, end)
            yield Place(tuple(range(first, last + 1)), Grounding.NORMALIZED, currency=currency), value


def _readings_of_line(text: str, kind: Kind, habits: Habits) -> Iterable[tuple[int, int, Typed, str]]:
    if kind is Kind.MONEY:
        found = find_amounts(text, habits.language, decimal=habits.decimal, bare=True)
        whole = [(a, b, amount.value, amount.currency) for a, b, amount in found if not _torn(text, a, b)]
        return whole + list(_mended(text, habits))
    if kind is Kind.DATE:
        dates = find_dates(text, habits.language, month_first=habits.month_first)
        apart = [(m.start(), m.end(), parse_date(m.group(), habits.language)) for m in _SPACED.finditer(text)]
        return [(start, end, day, "") for start, end, day in [*dates, *apart] if day]
    return [(mark.start, mark.end, mark.code, "") for mark in find_currencies(text, habits.language)]


def _torn(text: str, start: int, end: int) -> bool:
    """Whether a number is a piece of one that OCR tore at its decimal sign: the 7 and the 80 of `7. 80`."""
    whole = text[start:end].isdigit()
    return whole and bool(re.search(r"\d[.,] ?$", text[:start]) or re.match(r" ?[.,] ?\d\d(?!\d)", text[end:]))


def _mended(text: str, habits: Habits) -> Iterator[tuple[int, int, Typed, str]]:
    """The amounts that OCR tore at their decimal sign, where no word follows: in `Pos. 1, 20 St` are two numbers."""
    for match in _TORN.finditer(text):
        if amount := parse_amount(match.group().replace(" ", ""), habits.language, decimal=habits.decimal):
            yield match.start(), match.end(), amount.value, amount.currency
