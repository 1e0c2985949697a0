"""Finding a machine readable zone (ICAO 9303: TD1, TD2, TD3) in noisy text, and mending it by its check digits."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

from pipeline.values.mrz import fits

_FILLERS = str.maketrans({"«": "<<", "‹": "<", "{": "<", "(": "<", "[": "<", "€": "<", "£": "<", "¢": "<", "~": "", "|": ""})
_NO_MARK = re.compile(r"[^A-Z0-9<]")
_TO_DIGIT = str.maketrans("OQDUILZSGBTA", "000011256874")
_TO_LETTER = str.maketrans("01256874", "OIZSGBTA")
_SWAPS = {
    "0": "OQD",
    "O": "0",
    "Q": "0",
    "D": "0",
    "1": "IL",
    "I": "1",
    "L": "1",
    "2": "Z",
    "Z": "2",
    "5": "S",
    "S": "5",
    "6": "G",
    "G": "6",
    "8": "B",
    "B": "8",
    "7": "T",
    "T": "7",
    "4": "A",
    "A": "4",
}
_MOST_SWAPS = 2
_OFF = 5
"""So many characters too few or too many a line may have: OCR miscounts its fillers."""
_SHAPES = ((2, 44), (2, 36), (3, 30))
_LOOSE = 18
"""The same for a line with a long run of fillers, and for the line of names, whose fillers OCR may not read at all."""
_RUN = 7


class Field(NamedTuple):
    """A part of the zone that a check digit speaks for: its line, where it starts and ends; the digit follows."""

    line: int
    start: int
    end: int


_CHECKED = {
    44: {
        "document_number": Field(1, 0, 9),
        "date_of_birth": Field(1, 13, 19),
        "expiry_date": Field(1, 21, 27),
        "personal_number": Field(1, 28, 42),
    },
    36: {"document_number": Field(1, 0, 9), "date_of_birth": Field(1, 13, 19), "expiry_date": Field(1, 21, 27)},
    30: {"document_number": Field(0, 5, 14), "date_of_birth": Field(1, 0, 6), "expiry_date": Field(1, 8, 14)},
}
_DIGITS = ("date_of_birth", "expiry_date")
_ISSUER = Field(0, 2, 5)
_NATION = {44: Field(1, 10, 13), 36: Field(1, 10, 13), 30: Field(1, 15, 18)}
_SEX = {44: Field(1, 20, 21), 36: Field(1, 20, 21), 30: Field(1, 7, 8)}
_NAMES = {44: Field(0, 5, 44), 36: Field(0, 5, 36), 30: Field(2, 0, 30)}


@dataclass(frozen=True, slots=True)
class Zone:
    """A machine readable zone.

    Attributes:
        first: the number of the row in which it starts.
        lines: its two or three lines, mended.
        sound: the parts whose check digit fits.
    """

    first: int
    lines: tuple[str, ...]
    sound: frozenset[str]


def find_zone(rows: Sequence[str]) -> Zone | None:
    """The machine readable zone among the rows of a page; None where two or three lines do not look like one."""
    clean = [_cleaned(row) for row in rows]
    best: Zone | None = None
    most = (0, 0)
    for first in range(len(rows)):
        for count, size in _SHAPES:
            lines = clean[first : first + count]
            if len(lines) < count or not all(_could_be(line, n, size) for n, line in enumerate(lines)):
                continue
            found = _mended(first, lines, size)
            if found is None:
                continue
            off = sum(abs(len(line) - size) for n, line in enumerate(lines) if _NAMES[size].line != n)
            if best is None or (len(found.sound), -off) > most:
                best, most = found, (len(found.sound), -off)
    return best


def _cleaned(row: str) -> str:
    """A row as the zone would print it: fillers that OCR took for other signs, small letters among them, are fillers."""
    text = unicodedata.normalize("NFKC", row.replace("«", "<<")).translate(_FILLERS).replace(" ", "")
    if sum(c.isupper() or c.isdigit() or c == "<" for c in text) < 0.6 * len(text):
        return ""
    # The print has no small letters: a small k, c, e or s beside a filler is one itself.
    before = ""
    while before != text:
        before = text
        text = re.sub(r"(?<=<)[kcesx]|[kcesx](?=[<kcesx])", "<", text)
    if text.count("<") > _RUN:
        text = re.sub(r"(?<=<<)[KCLESX]{1,3}(?=<<|$)", lambda m: "<" * len(m.group()), text)
    return _NO_MARK.sub("", text.upper())


def _could_be(line: str, number: int, size: int) -> bool:
    """Whether a line may be the zone's line `number`, of `size` characters."""
    names = _NAMES[size].line == number
    if names and not re.search(r"[A-Z]<", line):
        return False
    run = max((len(m.group()) for m in re.finditer("<+", line)), default=0)
    off = _LOOSE if names or run >= _RUN else _OFF
    return len(line) > _RUN and abs(len(line) - size) <= off


def _mended(first: int, lines: Sequence[str], size: int) -> Zone | None:
    """The zone with lines of the right length and parts that fit their check digits; None where too little fits."""
    if not re.match(r"[PIACVD1][A-Z<0-9]", lines[0]):
        return None
    best: tuple[int, tuple[str, ...], frozenset[str]] | None = None
    for fitted in _fitted(lines, size):
        mended, sound = list(fitted), set()
        for name, place in _CHECKED[size].items():
            line = mended[place.line]
            text, digit = line[place.start : place.end], line[place.end].translate(_TO_DIGIT)
            right = _repaired(text, digit, digits=name in _DIGITS)
            if right is not None:
                if right.strip("<"):
                    sound.add(name)
                mended[place.line] = (
                    line[: place.start] + right + (line[place.end] if digit == "<" else digit) + line[place.end + 1 :]
                )
        if best is None or len(sound) > len(best[2]):
            best = len(sound), tuple(mended), frozenset(sound)
    if best is None or len(best[2] & {"document_number", *_DIGITS}) < 2:
        return None
    return Zone(first, tuple(_lettered(line, number, size) for number, line in enumerate(best[1])), best[2])


def _fitted(lines: Sequence[str], size: int) -> Iterator[list[str]]:
    """The lines at the right length: fillers added or dropped where most of them stand, or at the end."""
    yield [_to_length(line, size, at_end=False) for line in lines]
    yield [_to_length(line, size, at_end=True) for line in lines]


def _to_length(line: str, size: int, *, at_end: bool) -> str:
    if len(line) == size:
        return line
    runs = sorted(re.finditer(r"<+", line), key=lambda m: -len(m.group()))
    if at_end or not runs:
        return line[:size].ljust(size, "<")
    start, end = runs[0].span()
    missing = size - len(line)
    if missing > 0:
        return line[:end] + "<" * missing + line[end:]
    drop = min(-missing, end - start - 1)
    return (line[: end - drop] + line[end:])[:size].ljust(size, "<")


def _repaired(text: str, digit: str, *, digits: bool) -> str | None:
    """`text` so that its check digit fits, with as few swaps of look-alikes as it takes; None where none does."""
    if digits:
        text = text.translate(_TO_DIGIT)
        if not text.isdigit():
            return None
    if digit == "<" and not text.strip("<"):
        return text
    if not digit.isdigit():
        return None
    if fits(text + digit):
        return text
    if digits:
        return None
    places = [place for place, character in enumerate(text) if character in _SWAPS]
    for count in range(1, _MOST_SWAPS + 1):
        for chosen in combinations(places, count):
            for swap in range(max(len(_SWAPS[text[place]]) for place in chosen)):
                tried = list(text)
                for place in chosen:
                    options = _SWAPS[text[place]]
                    tried[place] = options[min(swap, len(options) - 1)]
                if fits("".join(tried) + digit):
                    return "".join(tried)
    return None


def _lettered(line: str, number: int, size: int) -> str:
    """The line with letters where only letters may be: names, states."""
    for place in (_NAMES[size], _ISSUER, _NATION[size], _SEX[size]):
        if place.line == number:
            line = line[: place.start] + line[place.start : place.end].translate(_TO_LETTER) + line[place.end :]
    return line
