"""The side of an account that print beside an amount tells: `1.234,50 S`, `12.00 DR`, `12.00 CR`, `-12.00`."""

import re
from functools import cache
from typing import Literal, NamedTuple

from pipeline.values.data import load_data

Side = Literal["in", "out"]


class Sided(NamedTuple):
    """An amount's print without what tells its side, and that side; empty where nothing but a sign tells it."""

    text: str
    side: Side | Literal[""]


def split_side(text: str) -> Sided:
    """`text`, an amount as an account prints it, without the word or letter that tells its side."""
    clean = text.strip()
    for pattern, side in _patterns():
        if match := pattern.fullmatch(clean):
            return Sided((match.group("before") or match.group("after") or "").strip(), side)
    return Sided(clean, "")


def side_of(text: str) -> Side | Literal[""]:
    """The side that a word standing alone beside an amount tells; empty for any other word."""
    clean = text.strip(" .()")
    return next((side for side, words in _words().items() if clean in words), "")


@cache
def _words() -> dict[Side, frozenset[str]]:
    told = load_data("sides.toml")
    return {side: frozenset((*told[side]["words"], *told[side]["letters"])) for side in ("in", "out")}


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], Side], ...]:
    made: list[tuple[re.Pattern[str], Side]] = []
    for side, words in _words().items():
        either = "|".join(sorted(map(re.escape, words), key=len, reverse=True))
        long = "|".join(sorted((re.escape(word) for word in words if len(word) > 1), key=len, reverse=True))
        made.append((re.compile(rf"(?P<before>.*\d\)?) ?\(?(?:{either})\)?\.?|(?:{long})\.? ?(?P<after>.*\d.*)"), side))
    return tuple(made)
