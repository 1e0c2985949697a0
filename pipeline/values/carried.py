"""Print that says that a sum is carried from one page of a table to the next."""

import tomllib
from functools import cache
from importlib import resources
from typing import Literal, NamedTuple

from pipeline.values.text import fold
from schemas.fields import LANGUAGES

_Words = tuple[str, ...]


class _Told(NamedTuple):
    """The file's words: those that say so, by language; those that may follow; and those that may name an item as well."""

    forms: dict[str, frozenset[_Words]]
    beside: frozenset[str]
    doubtful: frozenset[_Words]


def carries(text: str, language: str = "und") -> Literal["", "doubtful", "sure"]:
    """Whether `text` says that a sum is carried: in whole words, with nothing behind them but a page's number or the like.

    `doubtful` where the words name what is sold or paid as well (`Transporte`, `Report`, `Vortrag`): the figure must tell.

    Args:
        text: a row's only text.
        language: the page's; its words and the English ones count. Where it is not one of the eight, those of all do.
    """
    words, told = _words(text), _told()
    spoken = LANGUAGES if language not in LANGUAGES else (language, "en")
    for end in range(len(words), 0, -1):
        if not all(word in told.beside or word.isdigit() for word in words[end:]):
            return ""
        if any(words[:end] in told.forms[one] for one in spoken):
            return "doubtful" if words in told.doubtful else "sure"
    return ""


@cache
def _told() -> _Told:
    told = tomllib.loads(resources.files("pipeline.values").joinpath("carried.toml").read_text(encoding="utf-8"))
    return _Told(
        {language: frozenset(map(_words, told[language])) for language in LANGUAGES},
        frozenset(_words(" ".join(told["beside"]))),
        frozenset(map(_words, told["doubtful"])),
    )


def _words(text: str) -> _Words:
    return tuple(filter(None, (word.strip(".,:;()") for word in fold(text).split())))
