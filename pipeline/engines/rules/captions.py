"""Words that forms and cards ask with, and the boxes that they have ticked: what is rather a caption than a value."""

import re
from collections.abc import Sequence
from functools import cache

from pipeline.engines.rules.labels import squeeze
from pipeline.values.data import load_data
from pipeline.values.dates import find_dates
from pipeline.values.text import fold, fold_digits

_LONGEST_LABEL = 90
_PROSE_WORDS = 12
_NUMBERED = re.compile(r"^(?:\(?\d{1,2}[.)]|[A-Za-z][.)]|[IVX]{1,4}[.)])\s*")


def is_caption(text: str) -> bool:
    """Whether `text` is, word for word, what forms ask with."""
    return squeeze(text).text in _captions()


def likely_caption(text: str, language: str) -> float:
    """How much `text` looks like a label, 0..1, by its words and signs; a half where nothing tells."""
    clean = text.strip()
    bare = fold(_NUMBERED.sub("", clean)).strip(" .:*()_")
    if clean.endswith((":", "：")):
        return 1.0
    if not any(c.isalpha() for c in clean) or "@" in clean or "www." in clean:
        return 0.02
    if find_dates(clean, language):
        return 0.05
    whole = squeeze(bare).text
    if whole in _captions():
        return 0.9
    digits = sum(c.isdigit() for c in fold_digits(_NUMBERED.sub("", clean)))
    if clean.endswith("?"):
        return 0.85
    if not digits and "/" in bare and any(is_caption(part) for part in bare.split("/")):
        return 0.8  # in two languages
    words = bare.split()
    if len(words) > _PROSE_WORDS or len(clean) > _LONGEST_LABEL:
        return 0.1
    if clean.startswith("(") and clean.endswith(")") and not digits:
        return 0.75
    if _opens(words, language) and not digits:
        return 0.75
    if digits:
        return 0.15
    return 0.45


def _opens(words: Sequence[str], language: str) -> bool:
    """Whether the first words, or the last, are those that forms ask with."""
    if language == "th":
        joined = squeeze("".join(words)).text
        return any(joined.startswith(label) for label in _captions() if len(label) > 3)
    runs = [words[:size] for size in range(1, min(len(words), 4))] + [words[-1:]]
    return len(words) < 7 and any(squeeze(" ".join(run)).text in _captions() for run in runs)


def under_a_line(text: str) -> bool:
    """Whether a caption stands under what it asks for: those in brackets do, and what names a signature."""
    if text.startswith("(") or text.rstrip().endswith(":"):
        return text.startswith("(")
    key = squeeze(text).text
    return any(key.startswith(word) for word in _signed())


def boxes_in(text: str) -> list[tuple[int, int, bool]]:
    """The boxes to tick in a line, with start, end and whether each is ticked: `☒`, `[x]`, `( )`, `[ ]`."""
    found = []
    for match in _box_pattern().finditer(text):
        sign = match.group().strip()
        found.append((match.start(), match.end(), _boxes().get(sign.lower(), len(re.sub(r"[\s\[\](){}|_-]", "", sign)) > 0)))
    return found


@cache
def _captions() -> frozenset[str]:
    told: dict[str, list[str]] = _told()["labels"]
    return frozenset(squeeze(word).text for words in told.values() for word in words) - {""}


@cache
def _signed() -> frozenset[str]:
    told: dict[str, list[str]] = _told()["signed"]
    return frozenset(squeeze(word).text for words in told.values() for word in words)


@cache
def _boxes() -> dict[str, bool]:
    told: dict[str, list[str]] = _told()["boxes"]
    return {word.lower(): sort == "ticked" for sort, words in told.items() for word in words}


@cache
def _box_pattern() -> re.Pattern[str]:
    signs = "".join(re.escape(word) for word in _boxes() if len(word) == 1)
    brackets = r"(?<!\w)(?:\[ ?[xX✓✔×*_-]? ?\]|\( ?[xX✓✔×*_-]? ?\)|\| ?[xX] ?\|)"
    return re.compile(f"[{signs}]|{brackets}")


@cache
def _told() -> dict[str, dict[str, list[str]]]:
    return load_data("captions.toml", "pipeline.engines.rules")
