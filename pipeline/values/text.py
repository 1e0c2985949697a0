"""Folding of printed text, so that print, OCR and truth can be compared: Unicode, digits, spaces, Thai and Devanagari marks."""

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

MINUS = "-\u2010\u2011\u2012\u2013\u2014\u2212\ufe63\uff0d"
"""Everything that is printed for a minus or a hyphen."""

_IGNORED = dict.fromkeys(map(ord, "\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"))
_THAI_ABOVE = str.maketrans("ีึื", "ิิิ")
_THAI_TONES = dict.fromkeys(range(0x0E47, 0x0E4F))
_THAI_DOUBLED = re.compile("([ก-ฮ][ัิ-ฺ็-๎]+)([^ัิ-ฺ็-๎\\s])\\1(?!\\2)")
_THAI_SILENT = re.compile("([ก-ฮ][ิ-ู]?\u0e4c)\\1+")
_LOOKALIKE = re.compile(r"(?:(?<!\w)[OolISBZ]|(?<!\d)\d)[\dOolISBZ.,/'’-]{0,60}(?!\w)")
_DIGIT_OF = str.maketrans("OolISBZ", "0011582")
_THAI_SPACED = re.compile("(?<=[\u0e00-\u0e7f.])[ \u00a0]+(?=[\u0e00-\u0e7f.])")


def fold(text: str) -> str:
    """`text` in NFKC without case: all white space single spaces, nothing invisible. Accents stay."""
    return " ".join(unicodedata.normalize("NFKC", text.translate(_IGNORED)).casefold().split())


def fold_digits(text: str) -> str:
    """`text` with every decimal digit of any script as its ASCII digit; as long as before.

    Only the category Nd counts: superscripts and circled numbers are no digits of a number.
    """
    if text.isascii():
        return text
    return "".join(str(unicodedata.decimal(c)) if unicodedata.category(c) == "Nd" else c for c in text)


def fold_spaces(text: str) -> str:
    """`text` with each white space character (no-break, thin, narrow …) as a plain space; as long as before."""
    return re.sub(r"\s", " ", text) if text.isascii() else "".join(" " if c.isspace() else c for c in text)


def mend_digits(text: str) -> str:
    """`text` with the letters that OCR took for digits (`12,5O`, `l2/03/2O24`) as digits, in words that are mostly digits.

    For text that is known to be a number or a date and cannot be read as it is; as long as before.
    """
    return _LOOKALIKE.sub(lambda m: m.group().translate(_DIGIT_OF) if _mostly_digits(m.group()) else m.group(), text)


def fold_name(text: str) -> str:
    """What is left of a name when case, accents of Latin letters, spaces and punctuation do not count.

    Vowel signs and tone marks of Thai and Devanagari count: they are letters there.
    """
    folded = "".join(map(_bare, fold(undouble(text))))
    return "".join(c for c in fold_digits(folded) if unicodedata.category(c)[0] in "LNM") or fold(text)


def undouble(text: str) -> str:
    """`text` without the doubled clusters that some PDF text layers have in Thai: `ทั้งทั้สิ้นสิ้` → `ทั้งสิ้น`.

    A cluster is dropped where it comes again after one letter and that letter does not: real repetitions stay. A silent letter
    is never written twice: `สวัสดิ์ดิ์` → `สวัสดิ์`.
    """
    return text if text.isascii() else _THAI_SILENT.sub(r"\1", _THAI_DOUBLED.sub(r"\1\2", text))


def join_thai(text: str) -> str:
    """`text` without the spaces inside Thai print that OCR puts there: `พ. ค .` → `พ.ค.`, `มกราค ม` → `มกราคม`."""
    return _THAI_SPACED.sub("", text)


class Traced(NamedTuple):
    """Folded text that knows where it came from: `origin[i]` is the index in the source of folded character i, and one more."""

    text: str
    origin: tuple[int, ...]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The source's slice for folded characters `start` to `end` (not included)."""
        return self.origin[start], (self.origin[end - 1] + 1 if end > start else self.origin[start])


def fold_traced(text: str) -> Traced:
    """`text` folded for finding words in it: no case, no Latin accents, ASCII digits, plain spaces.

    Thai loses its tone marks, and its vowels above a letter become one; Devanagari loses its dots: OCR mixes them up.
    """
    letters: list[str] = []
    origin: list[int] = []
    for index, character in enumerate(text):
        folded = _traced_character(character)
        letters.append(folded)
        origin.extend([index] * len(folded))
    return Traced("".join(letters), (*origin, len(text)))


def _mostly_digits(word: str) -> bool:
    digits, letters = sum(c.isdigit() for c in word), sum(c.isalpha() for c in word)
    return 0 < letters <= digits and not word.endswith("o")  # an ordinal: 1o de maio


@lru_cache(maxsize=4096)
def _traced_character(character: str) -> str:
    if character.isspace():
        return " "
    folded = fold_digits(unicodedata.normalize("NFKC", character).casefold().translate(_IGNORED))
    return "".join(map(_bare, folded)).translate(_THAI_ABOVE).translate(_THAI_TONES).replace("\u093c", "")


@lru_cache(maxsize=4096)
def _bare(character: str) -> str:
    """The character without accents, where it is Latin; nothing for an accent that stands alone."""
    if "\u0300" <= character <= "\u036f":
        return ""
    base = unicodedata.normalize("NFD", character)
    return base[0] if len(base) > 1 and base[0] < "\u0250" else character
