"""Finding a schema's labels on a sheet, also where OCR misread them; the longest label that fits a place has it."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import NamedTuple

from rapidfuzz.distance import Levenshtein

from pipeline.engines.rules.sheet import Sheet, Span
from pipeline.records import WordsFrom
from pipeline.values.data import load_data
from pipeline.values.text import Traced, fold_traced
from schemas.fields import FieldSpec, Kind

_FUZZY_FROM = 6
"""Shorter labels are not looked for with errors in them."""
_COMPOUND, _IN_COMPOUND = 9, 0.85
"""Labels of as many letters also end a longer German word (`Mietrechnung Nr.`), and tell a little less there."""
_ALONE = "|"
"""Stands behind a decoy that is never the first part of another label: `Série` beside `Número` in a row of boxes."""
_ALIKE = 0.8
_ALIKE_ENOUGH = 0.88
"""How alike a label must be to take the place of a shorter one that is spelt right (`Invoice Datc`)."""


class Hit(NamedTuple):
    """A label on the sheet.

    Attributes:
        name: the field that it labels; empty for a decoy, which labels something that the schema does not ask for.
        kind: what sort of value it labels.
        span: where it stands.
        weight: 0..1, how telling it is: the first of a field's labels are, the last could be many things.
        letters: how many letters and digits it has.
    """

    name: str
    kind: Kind
    span: Span
    weight: float
    letters: int


class _Label(NamedTuple):
    name: str
    kind: Kind
    text: str
    weight: float
    alone: bool = False


_NUMBER_AFTER = re.compile(r"[-/_][A-Za-z]*\d")
_NUMBER_BEFORE = re.compile(r"\d[-/_]$")

_Match = tuple[_Label, int, int, float]
"""A label, where it starts and ends in squeezed text, and its weight there."""


def find_labels(sheet: Sheet, fields: Iterable[FieldSpec], *, decoys: bool = True) -> list[Hit]:
    """The labels of `fields` on the sheet, in reading order; a place may be labelled for several fields by the same words.

    Args:
        sheet: the page.
        fields: fields of a schema, or the columns of a table.
        decoys: whether what usually stands beside such values, and is none of them (order date, change given), takes its place
            away from shorter labels within it (`Date`).
    """
    labels = _labels(tuple((spec.name, spec.kind, spec.labels) for spec in map(_Frozen, fields)), sheet.page.language, decoys)
    misread = sheet.page.words_from is WordsFrom.OCR
    hits: list[Hit] = []
    for cell in sheet.cells:
        squeezed = squeeze(cell.text)
        found = list(_exact(squeezed, labels, compounds=sheet.page.language == "de"))
        if misread:
            found += _fuzzy(squeezed, labels, found)
        for label, start, end, weight in _compounds(_longest(found)):
            span = _with_marks(Span(cell, *squeezed.origin.span(start, end)))
            if not _within_number(span):
                hits.append(Hit(label.name, label.kind, span, weight, end - start))
    return hits


class Squeezed(NamedTuple):
    """Text folded and without anything but letters, digits and `# %`.

    Attributes:
        text: the characters.
        origin: where each came from.
        edges: the positions at which a word, or a run of digits, starts or ends.
    """

    text: str
    origin: Traced
    edges: frozenset[int]


def squeeze(text: str) -> Squeezed:
    """`text` without spaces and punctuation, so that `N. º fattura`, `Nº FATTURA` and `N.fattura` are alike."""
    folded = fold_traced(text)
    letters: list[str] = []
    origin: list[int] = []
    edges: set[int] = {0}
    before = ""
    for position, character in enumerate(folded.text):
        if not _counts(character):
            edges.add(len(letters))
            before = ""
            continue
        if before and _sort(before) != _sort(character):
            edges.add(len(letters))
        letters.append(character)
        origin.append(folded.origin[position])
        before = character
    edges.add(len(letters))
    return Squeezed("".join(letters), Traced("".join(letters), (*origin, len(text))), frozenset(edges))


def _counts(character: str) -> bool:
    return character.isalnum() or character in "#%" or "\u0900" <= character <= "\u0e7f"


def _sort(character: str) -> int:
    """Thai has no spaces: a word may end at any letter, which each being of a sort of its own says."""
    if "\u0e00" <= character <= "\u0e7f":
        return ord(character)
    return 0 if character.isdigit() else 1


def _exact(squeezed: Squeezed, labels: Sequence[_Label], *, compounds: bool) -> Iterator[_Match]:
    for label in labels:
        start = squeezed.text.find(label.text)
        while start >= 0:
            end = start + len(label.text)
            if end in squeezed.edges:
                if start in squeezed.edges:
                    yield label, start, end, label.weight
                elif compounds and len(label.text) >= _COMPOUND and squeezed.text[start - 1].isalpha():
                    yield label, start, end, label.weight * _IN_COMPOUND
            start = squeezed.text.find(label.text, start + 1)


def _fuzzy(squeezed: Squeezed, labels: Sequence[_Label], found: Sequence[_Match]) -> list[_Match]:
    """Labels at the head of a cell that are spelt a little wrong there."""
    exact = max((end for _, start, end, _ in found if start == 0), default=0)
    least = _ALIKE_ENOUGH if exact else _ALIKE
    best: list[tuple[float, _Match]] = []
    for label in labels:
        size = len(label.text)
        if size < max(_FUZZY_FROM, exact + 3) or len(squeezed.text) < size - 1:
            continue
        for end in (size, size - 1, size + 1):
            if end not in squeezed.edges:
                continue
            alike = Levenshtein.normalized_similarity(label.text, squeezed.text[:end], score_cutoff=least)
            if alike:
                best.append((alike, (label, 0, end, label.weight * alike)))
    most = max((alike for alike, _ in best), default=0.0)
    return [match for alike, match in best if alike == most]


def _longest(found: Sequence[_Match]) -> list[_Match]:
    """Of overlapping finds the longest; the same place may be found for several fields, once for each."""
    kept: list[_Match] = []
    for item in sorted(found, key=lambda item: (item[1] - item[2], -item[3])):
        label, start, end, _ = item
        over = [other for other in kept if other[1] < end and start < other[2]]
        if all(other[1:3] == (start, end) and other[0][:2] != label[:2] for other in over):
            kept.append(item)
    return sorted(kept, key=lambda item: item[1])


def _with_marks(span: Span) -> Span:
    """The span with the tone marks and vowel signs behind it, which folding drops."""
    end = span.end
    while end < len(span.cell.text) and unicodedata.category(span.cell.text[end]).startswith("M"):
        end += 1
    return Span(span.cell, span.start, end)


def _within_number(span: Span) -> bool:
    """Whether the find is a piece of a number, as in `GST/24/0098`."""
    text = span.cell.text
    return bool(_NUMBER_AFTER.match(text, span.end) or _NUMBER_BEFORE.search(text[: span.start]))


def _compounds(found: Sequence[_Match]) -> list[_Match]:
    """The finds of a cell; what follows a decoy at once is a part of it: `HRB Nr.` is no number of the document."""
    made: list[_Match] = []
    for label, start, end, weight in found:
        before = [
            other
            for other in made
            if other[2] == start and not other[0].name and not other[0].alone and other[0].kind is label.kind
        ]
        made.append((label._replace(name=""), start, end, 1.0) if before else (label, start, end, weight))
    return made


class _Frozen:
    """A field's name, kind and labels in a form that can be a key."""

    def __init__(self, spec: FieldSpec) -> None:
        self.name, self.kind = spec.name, spec.kind
        self.labels = tuple((language, tuple(words)) for language, words in spec.labels.items())


@cache
def _labels(
    fields: tuple[tuple[str, Kind, tuple[tuple[str, tuple[str, ...]], ...]], ...], language: str, decoys: bool
) -> tuple[_Label, ...]:
    """The labels to look for: those of the page's language and of English, all where the language is not known."""
    made: dict[tuple[str, Kind, str], _Label] = {}
    for name, kind, told in fields:
        for spoken, words in told:
            if language not in ("und", spoken) and spoken != "en":
                continue
            for place, word in enumerate(words):
                text = squeeze(word).text
                weight = (1.0 - 0.5 * place / len(words)) * (1.0 if spoken == language else 0.9)
                if text:
                    made.setdefault((name, kind, text), _Label(name, kind, text, weight))
    asked = {label.text for label in made.values()}
    for kind, word in _decoys(language) if decoys else ():
        text = squeeze(word).text
        if text not in asked:
            made["", kind, text] = _Label("", kind, text, 1.0, word.endswith(_ALONE))
    return tuple(made.values())


@cache
def _decoys(language: str) -> tuple[tuple[Kind, str], ...]:
    told: dict[str, dict[str, list[str]]] = load_data("decoys.toml", "pipeline.engines.rules")
    return tuple(
        (Kind(kind), word)
        for kind, languages in told.items()
        for spoken, words in languages.items()
        if language in ("und", spoken) or spoken == "en"
        for word in words
    )
