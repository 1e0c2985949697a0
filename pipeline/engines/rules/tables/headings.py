"""Finding the heading of a table: the row of column labels, over one line or several, in any of the languages."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from math import inf
from typing import NamedTuple

from rapidfuzz import process
from rapidfuzz.distance import Levenshtein

from pipeline.engines.rules.labels import squeeze
from pipeline.engines.rules.sheet import Cell, Sheet
from pipeline.engines.rules.tables.tokens import Row, ends_of, is_rule, middle
from pipeline.records import WordsFrom
from pipeline.values.amounts import find_amounts
from schemas.fields import NUMERIC, FieldSpec, Kind

_WINDOW = 6
"""A label has this many words at most; Thai print comes in more of them."""
_THAI_WINDOW = 16
_TIGHT = 0.65
"""Words of one cell that stand closer than this, in units, are one head."""
_STACKED = 2.3
"""Lines of a heading stand at most this far from each other, in units."""
_ALIKE = 0.74
_PROSE = 90
"""A cell of more characters is no part of a heading; beside and above labels one of more than `_SHORT` is none."""
_SHORT = 14
_BESIDE = 3
"""So many labels before a sum are the heading of a table beside it."""
_SHORTEST = 4
"""Shorter labels are not looked for within other words, nor with errors in them."""


@dataclass(frozen=True, slots=True)
class Head:
    """What stands over a column.

    Attributes:
        x0, x1: its ends along the row, in units.
        text: its print.
        names: the columns of the schema that it may label, with how telling that is (0..1); empty for columns of no concern.
    """

    x0: float
    x1: float
    text: str
    names: dict[str, float]


@dataclass(frozen=True, slots=True)
class Heading:
    """A row of heads, from left to right.

    Attributes:
        first, last: the numbers of its first and last row.
        heads: what stands in it.
        limit: where something else begins to the right of it, in units.
        score: how sure it is to be a heading; more than the number of columns told.
    """

    first: int
    last: int
    heads: tuple[Head, ...]
    limit: float = inf

    @property
    def names(self) -> frozenset[str]:
        """The columns that it labels."""
        return frozenset(name for head in self.heads for name in head.names)

    @property
    def score(self) -> float:
        """How much it tells."""
        best: dict[str, float] = {}
        for head in self.heads:
            for name, weight in head.names.items():
                best[name] = max(best.get(name, 0.0), weight)
        return sum(0.5 + weight / 2 for weight in best.values())


class _Mark(NamedTuple):
    """Words `first` to `last` of a cell that are a label."""

    first: int
    last: int
    names: dict[str, float]


def find_headings(sheet: Sheet, rows: Sequence[Row], columns: Sequence[FieldSpec]) -> list[Heading]:
    """The rows that look like a heading of a table with `columns`, the most telling first.

    A heading labels two columns at least: the table's text and one of figures, or two of money and number. Rows with amounts in
    them are none.
    """
    index = _index_of(columns)
    misread = sheet.page.words_from is WordsFrom.OCR
    language = sheet.page.language
    texts = frozenset(column.name for column in columns if column.kind not in NUMERIC)
    found = []
    limits: dict[int, float] = {}
    marked: dict[int, list[tuple[Cell, list[_Mark]]]] = {}
    for number, row in enumerate(rows):
        marks = [(cell, _marks(cell.text, index, language, misread) if len(cell.text) <= _PROSE else []) for cell in row]
        marks = _without_a_sum(sheet, marks)
        if len(marks) < len(row):
            limits[number] = ends_of(sheet, row[len(marks)])[0]
        first = next((place for place, (_, one) in enumerate(marks) if one), None)
        if first is not None and _no_figures(sheet, [cell for cell, _ in marks[first:]]) and not any(map(_valued, marks)):
            beside = [(cell, one) for cell, one in marks[:first] if not _digits(cell.text) and len(cell.text) <= _SHORT]
            marked[number] = beside + marks[first:]
    for number, marks in marked.items():
        heading = replace(_heading(sheet, rows, number, marks, (index, texts)), limit=limits.get(number, inf))
        if _tells(heading, columns):
            found.append(heading)
    found.sort(key=lambda heading: (-heading.score, heading.first))
    kept: list[Heading] = []
    for heading in found:
        if all(heading.last < other.first or other.last < heading.first for other in kept):
            kept.append(heading)
    return kept


def telling_texts(columns: Sequence[FieldSpec]) -> frozenset[str]:
    """The columns of text that tell a table: those that every row has, or any where none is such."""
    texts = [column for column in columns if column.kind not in NUMERIC]
    return frozenset(column.name for column in texts if column.required) or frozenset(column.name for column in texts)


def labelled_as(text: str, columns: Sequence[FieldSpec]) -> frozenset[str]:
    """The names of the columns that all of `text` is a label of."""
    return frozenset(_index_of(columns).get(squeeze(text).text, ()))


def _index_of(columns: Sequence[FieldSpec]) -> "_Index":
    return _index(tuple((c.name, tuple((lang, tuple(words)) for lang, words in c.labels.items())) for c in columns))


def _tells(heading: Heading, columns: Sequence[FieldSpec]) -> bool:
    """Two columns at least that two heads label: text and figures, or money and numbers."""
    kinds = {column.name: column.kind for column in columns}
    heads = [head for head in heading.heads if head.names]
    if len(heads) < 2 or len(heading.names) < 2:
        return False
    told = [{kinds[name] for name in head.names} for head in heads]
    texts = telling_texts(columns)
    text = any(texts & set(head.names) for head in heads)
    counts = sum(1 for kind in told if kind & {Kind.MONEY, Kind.NUMBER})
    return (text and any(kind & set(NUMERIC) for kind in told)) or (counts >= 2 and len(heading.heads) >= 3)


def _valued(marked: tuple[Cell, list[_Mark]]) -> bool:
    """Whether a number follows a label in its cell: `Art. 4711` heads nothing."""
    cell, marks = marked
    words = cell.text.split()
    after = [word for mark in marks for word in words[mark.last + 1 : mark.last + 2]]
    return any(any(c.isdigit() for c in word) and "%" not in word for word in after)


def _without_a_sum(sheet: Sheet, marks: Sequence[tuple[Cell, list[_Mark]]]) -> list[tuple[Cell, list[_Mark]]]:
    """The cells of a row without a sum and its label at its end, where enough labels stand before them: the next table's."""
    place = next((place for place, (cell, _) in enumerate(marks) if not _no_figures(sheet, [cell])), len(marks))
    if place == len(marks) or place < 2 or sum(bool(one) for _, one in marks[: place - 1]) < _BESIDE:
        return list(marks)
    return list(marks[: place - 1])


def _no_figures(sheet: Sheet, row: Sequence[Cell]) -> bool:
    """Nothing in the cells is an amount or a longer number."""
    text = "  ".join(cell.text for cell in row)
    return _digits(text) <= 4 and not find_amounts(text, sheet.habits.language, decimal=sheet.habits.decimal)


def _digits(text: str) -> int:
    return sum(c.isdigit() for c in text)


def _heading(
    sheet: Sheet,
    rows: Sequence[Row],
    number: int,
    marks: Sequence[tuple[Cell, list[_Mark]]],
    told: "tuple[_Index, frozenset[str]]",
) -> Heading:
    """The heading whose most telling row is `number`, with the lines above and below that belong to it."""
    index, prose = told
    language, misread = sheet.page.language, sheet.page.words_from is WordsFrom.OCR
    parts = [part for cell, marked in marks for part in _parts(sheet, cell, marked)]
    first = last = number
    texts = [part for part in parts if any(name in prose for name in _names(part[2], index, language, misread))]
    for step in (-1, 1):
        row = number + step
        while 0 <= row < len(rows) and abs(row - number) <= 3:
            near = abs(middle(sheet, rows[row]) - middle(sheet, rows[row - step])) <= _STACKED
            if not near or not _belongs(sheet, rows[row], parts, texts, index):
                break
            parts = _stack(parts, [(*ends_of(sheet, cell), cell.text) for cell in rows[row]], step)
            first, last = min(first, row), max(last, row)
            row += step
    heads = [Head(x0, x1, text, _names(text, index, language, misread)) for x0, x1, text in sorted(parts)]
    return Heading(first, last, tuple(heads))


Part = tuple[float, float, str]


def _belongs(sheet: Sheet, row: Sequence[Cell], parts: Sequence[Part], texts: Sequence[Part], index: "_Index") -> bool:
    """Whether a neighbouring row is one more line of the heading: short words over or under heads or between them.

    A text under the head of the texts is the first row of the table, unless it is a label as well.
    """
    left, right = min(part[0] for part in parts), max(part[1] for part in parts)
    for cell in row:
        x0, x1 = ends_of(sheet, cell)
        if squeeze(cell.text).text in index:
            continue
        if any(c.isdigit() or c == ":" for c in cell.text) or len(cell.text) > _SHORT or _over((x0, x1), texts):
            return False
        if not _over((x0, x1), parts) and not left - 1 <= x0 <= x1 <= right + 1:
            return False
    return True


def _over(ends: tuple[float, float], parts: Sequence[Part]) -> list[int]:
    """The indexes of the parts that lie over a stretch of the row."""
    return [i for i, (x0, x1, _) in enumerate(parts) if x0 < ends[1] and ends[0] < x1]


def _stack(parts: Sequence[Part], others: Sequence[Part], step: int) -> list[Part]:
    """`parts` with the print of another line above (-1) or below (1) joined to those that it stands over."""
    made = list(parts)
    for x0, x1, text in others:
        over = _over((x0, x1), made)
        if not over:
            made.append((x0, x1, text))
            continue
        best = max(over, key=lambda i: min(x1, made[i][1]) - max(x0, made[i][0]))
        a, b, old = made[best]
        made[best] = (min(a, x0), max(b, x1), f"{text} {old}" if step < 0 else f"{old} {text}")
    return made


def _parts(sheet: Sheet, cell: Cell, marks: Sequence[_Mark]) -> Iterator[Part]:
    """The heads in one cell: each label, and what stands between labels; words close to a label belong to it."""
    words = sheet.page.words[cell.first : cell.first + len(cell.starts)]
    scale = sheet.aspect / sheet.unit
    starts = {mark.first: mark.last for mark in marks}
    groups: list[tuple[int, int, bool]] = []
    word = 0
    ruled = False
    while word < len(words):
        if is_rule(words[word].text):
            ruled, word = True, word + 1
            continue
        last = starts.get(word, word)
        label = word in starts
        if groups and not ruled:
            first, before, marked = groups[-1]
            gap = (words[word].box[0] - words[before].box[2]) * scale
            if (not label and (gap <= _TIGHT or words[word].text[0] in "([%/")) or (label and not marked and gap <= 0.0):
                groups[-1] = (first, last, marked or label)
                word = last + 1
                continue
        groups.append((word, last, label))
        ruled, word = False, last + 1
    for first, last, _ in groups:
        end = len(cell.text) if last + 1 == len(cell.starts) else cell.starts[last + 1]
        yield words[first].box[0] * scale, words[last].box[2] * scale, cell.text[cell.starts[first] : end].strip("|¦_ ")


_Index = dict[str, dict[str, tuple[float, str]]]
"""Squeezed label → column → (weight, language)."""


@cache
def _index(columns: tuple[tuple[str, tuple[tuple[str, tuple[str, ...]], ...]], ...]) -> _Index:
    index: _Index = {}
    for name, told in columns:
        for language, words in told:
            for position, word in enumerate(words):
                weight = 1.0 - 0.5 * position / len(words)
                held = index.setdefault(squeeze(word).text, {})
                if name not in held or held[name][0] < weight:
                    held[name] = (weight, language)
    index.pop("", None)
    return index


def _marks(text: str, index: _Index, language: str, misread: bool) -> list[_Mark]:
    """The labels in a cell, the longest first; none overlap."""
    words = [squeeze(word).text for word in text.split()]
    thai = any("\u0e00" <= c <= "\u0e7f" for c in text)
    found: list[tuple[int, _Mark]] = []
    for first in range(len(words)):
        joined = ""
        for last in range(first, min(len(words), first + (_THAI_WINDOW if thai else _WINDOW))):
            joined += words[last]
            names = index.get(joined) if words[first] and words[last] else None
            if names:
                found.append((len(joined), _Mark(first, last, _weighed(names, language, 1.0))))
        if words[first] and (within := _within(words[first], index, misread)):
            found.append((0, _Mark(first, first, _weighed(within[0], language, within[1]))))
    kept: list[_Mark] = []
    for _, mark in sorted(found, key=lambda item: -item[0]):
        if all(mark.last < other.first or other.last < mark.first for other in kept):
            kept.append(mark)
    return sorted(kept)


def _within(word: str, index: _Index, misread: bool) -> tuple[dict[str, tuple[float, str]], float] | None:
    """What a word is a label of that ends with one (`Zeilenbetrag`), or that OCR misread; with how sure that is."""
    for start in range(1, len(word) - _SHORTEST):
        if (names := index.get(word[start:])) is not None:
            return names, 0.75
    if misread and len(word) > _SHORTEST:
        best = process.extractOne(word, index.keys(), scorer=Levenshtein.normalized_similarity, score_cutoff=_ALIKE)
        if best is not None and len(best[0]) > _SHORTEST:
            return index[best[0]], 0.9 * best[1]
    return None


def _weighed(names: dict[str, tuple[float, str]], language: str, sure: float) -> dict[str, float]:
    return {name: weight * sure * (1.0 if spoken in (language, "en") else 0.9) for name, (weight, spoken) in names.items()}


def _names(text: str, index: _Index, language: str, misread: bool) -> dict[str, float]:
    """What a whole head labels: a label that is all of it tells most, one at its start more than one at its end."""
    best: dict[str, float] = {}
    whole = squeeze(text).text
    if whole in index:
        best = _weighed(index[whole], language, 1.0)
    size = len(text.split())
    for mark in _marks(text, index, language, misread):
        share = (mark.last - mark.first + 1) / size
        for name, weight in mark.names.items():
            best[name] = max(best.get(name, 0.0), weight * (0.6 + 0.3 * share))
    return best
