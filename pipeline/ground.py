"""Finding each value among the words of its page: where it is printed, how surely, and what its confidence is then.

A value is looked up as what it is. Amounts, numbers, percents, dates and currencies are found where the print reads as the same
typed value, so that `12.50` is never found inside `112.50`; texts and identifiers where the print is the same, else where it is
alike.

Confidence = engine × words × found × doubt:
    engine: how sure the engine is, 0.9 where it does not say;
    words: the mean OCR confidence of the words it is printed in (1 for a text layer, and where it is not found);
    found: 1 exact, 0.97 normalized, the square of the likeness for fuzzy, 0.4 not found, 0.85 no words to look in;
    doubt: 0.9 where the value has a `problem`; 0 where its print could not be read as its kind.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from math import hypot

from rapidfuzz import fuzz, process

from pipeline.records import Box, Grounding, PageWords, Typed, Value
from pipeline.values.amounts import find_amounts, parse_number, parse_percent
from pipeline.values.currencies import find_currencies
from pipeline.values.dates import find_dates, parse_date
from pipeline.values.lines import Habits, Line, bounding, habits_of, lines_of
from pipeline.values.text import fold, fold_digits, undouble
from schemas.base import Schema, spec_at
from schemas.fields import FieldSpec, Kind

_FOUND = {Grounding.EXACT: 1.0, Grounding.NORMALIZED: 0.97, Grounding.NOT_FOUND: 0.4, Grounding.NO_WORDS: 0.85}
_DOUBT = 0.9
_ALIKE = {Kind.DATE: 85.0, Kind.IDENTIFIER: 88.0, Kind.NAME: 78.0, Kind.ADDRESS: 75.0, Kind.TEXT: 80.0, Kind.CHOICE: 80.0}
"""How alike (0–100) print must be to count as the value, by kind; kinds that are missing are never found by likeness."""
_SHORTEST = 4
"""Fewer characters than this are never found by likeness."""
_TYPED = (Kind.MONEY, Kind.NUMBER, Kind.PERCENT, Kind.DATE, Kind.CURRENCY)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value is printed: the page's indices of its first and last word, how it was found, and how alike it is (0..1)."""

    first: int
    last: int
    status: Grounding
    alike: float = 1.0


class Stream:
    """A page's words as one text without spaces, that knows the word of each character."""

    def __init__(self, keys: Sequence[str]) -> None:
        """Join `keys`, what each word is folded to."""
        self.text = "".join(keys)
        self.ends = list(accumulate(map(len, keys)))
        self.starts = [end - len(key) for end, key in zip(self.ends, keys, strict=True)]
        self.word_at = [index for index, key in enumerate(keys) for _ in key]

    def find(self, needle: str) -> Iterator[tuple[int, int, str, str]]:
        """Each place of `needle`: its first and last word, and what is left of them before and after it."""
        start = self.text.find(needle)
        while start >= 0:
            end = start + len(needle)
            first, last = self.word_at[start], self.word_at[end - 1]
            yield first, last, self.text[self.starts[first] : start], self.text[end : self.ends[last]]
            start = self.text.find(needle, start + 1)

    def between(self, first: int, last: int) -> str:
        """The text of words `first` to `last`."""
        return self.text[self.starts[first] : self.ends[last]]


class PagePrint:
    """A page's words, prepared for looking things up in them.

    Attributes:
        habits: how the page writes.
        stream: the folded words; `bare` is the same with nothing but letters and digits.
    """

    def __init__(self, page: PageWords) -> None:
        """Fold the words once."""
        self.page = page
        self.lines: list[Line] = lines_of(page)
        self.habits: Habits = habits_of(page, self.lines)
        keys = [squeeze(word.text) for word in page.words]
        self.stream = Stream(keys)
        self.bare = Stream([_bare(key) for key in keys])
        self._boxes: dict[tuple[int, int], Box] = {}
        self._readings: dict[Kind, dict[Typed, list[Place]]] = {}

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
        span = (place.first, place.last)
        if span not in self._boxes:
            self._boxes[span] = bounding(self.page.words[place.first : place.last + 1])
        return self._boxes[span]

    def text(self, place: Place) -> str:
        """The print at a place."""
        return " ".join(word.text for word in self.page.words[place.first : place.last + 1])

    def confidence(self, place: Place) -> float:
        """The mean OCR confidence of a place's words, weighted by their length."""
        words = self.page.words[place.first : place.last + 1]
        letters = sum(len(word.text) for word in words) or 1
        return sum(word.confidence * len(word.text) for word in words) / letters


def ground(values: Sequence[Value], schema: Schema, words: PageWords) -> tuple[Value, ...]:
    """`values` of one page with their status, their box in the page frame and their confidence, in their order.

    Of several places with the same print a value takes the one nearest to the engine's hint; without a hint a column's value
    takes the one nearest to the rest of its row, and a field the one nearest to its label.

    Args:
        values: as `normalize` made them: `box` is a hint in the reading frame, `confidence` the engine's own.
        schema: says the kind and the labels of each path.
        words: the words of the page that the values were read on.
    """
    if not words.words:
        return tuple(_settled(value, Grounding.NO_WORDS, 1.0) for value in values)
    printed = PagePrint(words)
    places = [_places(value, spec_at(schema, value.path), printed) for value in values]
    anchors = _row_anchors(values, places, printed)
    grounded = []
    for value, found in zip(values, places, strict=True):
        if not found:
            grounded.append(_settled(replace(value, box=None), Grounding.NOT_FOUND, 1.0))
            continue
        place = min(found, key=_distance(value, spec_at(schema, value.path), anchors.get(_row(value.path)), printed))
        box = words.frame.to_page(printed.box(place))
        grounded.append(_settled(replace(value, box=box), place.status, printed.confidence(place) * place.alike**2))
    return tuple(grounded)


def squeeze(text: str) -> str:
    """`text` folded, with ASCII digits and without spaces."""
    return fold_digits(fold(undouble(text))).replace(" ", "")


def _bare(text: str) -> str:
    return "".join(filter(str.isalnum, text))


def _settled(value: Value, status: Grounding, factor: float) -> Value:
    doubt = 0.0 if value.value is None else _DOUBT if value.problem else 1.0
    confidence = value.confidence * factor * _FOUND.get(status, 1.0) * doubt
    return replace(value, status=status, confidence=round(min(max(confidence, 0.0), 1.0), 4))


def _places(value: Value, spec: FieldSpec, printed: PagePrint) -> list[Place]:
    """All places of `value`'s best status; empty where it is not printed."""
    needle = squeeze(value.verbatim)
    if not needle:
        return []
    if spec.kind in _TYPED and value.value is not None:
        typed = [_compared(place, needle, printed) for place in printed.typed(spec.kind, value.value)]
        if typed or spec.kind is not Kind.DATE:
            return _best(typed) or _best(_exact_places(needle, spec.kind, printed))
    if found := _best(_exact_places(needle, spec.kind, printed)):
        return found
    if "\n" in value.verbatim and (found := _by_lines(value.verbatim, spec.kind, printed)):
        return found
    alike = _ALIKE.get(spec.kind)
    place = _fuzzy_place(needle, alike, printed) if alike and len(needle) >= _SHORTEST else None
    if place and spec.kind is Kind.DATE and parse_date(printed.text(place), printed.habits.language):
        return []  # another date is not a misread one
    return [place] if place else []


def _best(places: Iterable[Place]) -> list[Place]:
    """The exact ones of `places` where there are any, else all."""
    found = list(places)
    return [place for place in found if place.status is Grounding.EXACT] or found


def _compared(place: Place, needle: str, printed: PagePrint) -> Place:
    """A place that was found by its typed value: exact where the print is the value's own, too."""
    return replace(place, status=Grounding.EXACT) if needle in printed.stream.between(place.first, place.last) else place


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
            yield Place(index, index, Grounding.NORMALIZED), found
        return
    for line in printed.lines:
        for start, end, value in _readings_of_line(line.text, kind, habits):
            yield Place(*line.words(start, end), Grounding.NORMALIZED), value


def _readings_of_line(text: str, kind: Kind, habits: Habits) -> Iterator[tuple[int, int, Typed]]:
    if kind is Kind.MONEY:
        for start, end, amount in find_amounts(text, habits.language, decimal=habits.decimal, bare=True):
            yield start, end, amount.value
    elif kind is Kind.DATE:
        yield from find_dates(text, habits.language, month_first=habits.month_first)
    else:
        for mark in find_currencies(text, habits.language):
            yield mark.start, mark.end, mark.code


def _exact_places(needle: str, kind: Kind, printed: PagePrint) -> Iterator[Place]:
    """The places that print `needle`, but for case and spaces; never a piece of a longer word or number.

    Identifiers and numbers that the page parts by spaces and the value does not are `normalized`, and so are identifiers that
    are the same but for their separators.
    """
    strict = kind in (Kind.IDENTIFIER, *_TYPED)
    for first, last, before, after in printed.stream.find(needle):
        if _ends_words(before, after, strict):
            yield Place(first, last, Grounding.NORMALIZED if strict and first != last else Grounding.EXACT)
    bare = _bare(needle)
    if kind is Kind.IDENTIFIER and len(bare) >= _SHORTEST:
        for first, last, before, after in printed.bare.find(bare):
            if not before and not after:
                yield Place(first, last, Grounding.NORMALIZED)


def _ends_words(before: str, after: str, strict: bool) -> bool:
    """Whether what is left of the words around a find is no part of it: `12` is a piece of `12.50`, not of `(12)`, `No:12`."""
    if not strict:
        return not before[-1:].isalnum() and not after[:1].isalnum()
    return not any(c.isalnum() for c in before.rpartition(":")[2][-2:] + after[:2])


def _fuzzy_place(needle: str, alike: float, printed: PagePrint) -> Place | None:
    """The run of whole words most like `needle`; runs are capped by characters: a word of Thai may be one letter long."""
    shortest, longest = 0.8 * len(needle), 1.25 * len(needle)
    runs = []
    stream = printed.stream
    for first, start in enumerate(stream.starts):
        for last in range(first, len(stream.ends)):
            length = stream.ends[last] - start
            if length > longest:
                break
            if length >= shortest:
                runs.append((first, last))
    texts = [stream.between(first, last) for first, last in runs]
    best = process.extractOne(needle, texts, scorer=fuzz.ratio, score_cutoff=alike)
    if best is None:
        return None
    first, last = runs[best[2]]
    return Place(first, last, Grounding.FUZZY, best[1] / 100)


def _by_lines(verbatim: str, kind: Kind, printed: PagePrint) -> list[Place]:
    """The place of a value of several lines that other print stands between: its lines are looked for one by one.

    Most of its characters must be found, in lines that follow each other down the page.
    """
    lines = [line for line in map(squeeze, verbatim.split("\n")) if line]
    found: list[Place] = []
    for line in lines:
        exact = list(_exact_places(line, kind, printed))
        fuzzy = None if exact or len(line) < _SHORTEST else _fuzzy_place(line, 85.0, printed)
        places = exact or ([fuzzy] if fuzzy else [])
        below = [place for place in places if not found or place.first > found[-1].last]
        if below:
            found.append(below[0])
    share = sum(len(printed.stream.between(place.first, place.last)) for place in found) / sum(map(len, lines))
    if share < 0.75:
        return []
    whole = len(found) == len(lines) and all(place.status is not Grounding.FUZZY for place in found)
    alike = min(share, 1.0, *(place.alike for place in found))
    return [Place(found[0].first, found[-1].last, Grounding.EXACT if whole else Grounding.FUZZY, alike)]


def _row(path: str) -> str:
    """The row that a path belongs to (`line_items[3]`), empty for a field of the document."""
    return path.rpartition(".")[0]


def _row_anchors(values: Sequence[Value], places: Sequence[list[Place]], printed: PagePrint) -> dict[str, float]:
    """The height on the page of each row, told by those of its values that are printed in one place, longest first."""
    anchors: dict[str, tuple[int, float]] = {}
    for value, found in zip(values, places, strict=True):
        row = _row(value.path)
        if row and len(found) == 1 and len(value.verbatim) > anchors.get(row, (0, 0.0))[0]:
            word = printed.page.words[found[0].first]
            anchors[row] = (len(value.verbatim), (word.box[1] + word.box[3]) / 2)
    return {row: height for row, (_, height) in anchors.items()}


def _distance(value: Value, spec: FieldSpec, anchor: float | None, printed: PagePrint) -> Callable[[Place], float]:
    """How far a place is from where the value should be, in page fractions."""
    if value.box is not None:
        hint = value.box
        return lambda place: _apart(hint, printed.box(place))
    if anchor is not None:
        return lambda place: abs((printed.box(place)[1] + printed.box(place)[3]) / 2 - anchor)
    labels = [printed.box(place) for place in _labels(spec, printed)]
    return lambda place: min((_from_label(label, printed.box(place)) for label in labels), default=0.0)


def _labels(spec: FieldSpec, printed: PagePrint) -> Iterator[Place]:
    language = printed.page.language
    for words in spec.labels.values() if language == "und" else (spec.labels.get(language, ()), spec.labels.get("en", ())):
        for label in words:
            if needle := squeeze(label):
                yield from _exact_places(needle, Kind.TEXT, printed)


def _apart(one: Box, other: Box) -> float:
    """The distance between the middles of two boxes."""
    return hypot((one[0] + one[2] - other[0] - other[2]) / 2, (one[1] + one[3] - other[1] - other[3]) / 2)


def _from_label(label: Box, box: Box) -> float:
    """How far a value is from its label: right of it on its line is best, then below it; before it is bad."""
    aside, below = max(box[0] - label[2], 0.0), abs((label[1] + label[3] - box[1] - box[3]) / 2)
    wrong_side = box[2] < label[0] or box[3] < label[1]
    return 0.3 * aside + 2 * below + (1.0 if wrong_side else 0.0)
