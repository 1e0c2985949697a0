"""How a document's content is written: labels chosen, values as text, ready for a layout.

Every printed value carries the names of the schema's fields that it states, and a layout marks them where it prints them:
what is on the page is known because it was set there, not because it was meant to be.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from sample_data.generator.places import Place
from sample_data.generator.writing import Hand

Item = dict[str, Any]
"""What a layout prints: `value` (text, or a list of lines), `fields` that it states, mostly with a `label`.

`also` are fields that it states and whose marks are left out of the print: a mark parts a run of letters, and documents that
others have measured with are to keep their pixels. `labelled` are those that the label states.
"""

_LATIN = ("Liberation Sans", "Liberation Serif", "DejaVu Sans", "Noto Sans", "Noto Serif", "Liberation Sans Narrow")
_FONTS = {
    "hi": ("Noto Sans Devanagari", "Noto Serif Devanagari", "Lohit Devanagari"),
    "th": ("Garuda", "Loma", "Laksaman", "Umpush", "Norasi", "Kinnari"),
}
# PDFium reads back every word set in these; of other Devanagari fonts it loses letters.
_LAYERED = {"hi": ("Noto Sans Devanagari",)}
_MONO = {"hi": ("Noto Sans Devanagari", "Lohit Devanagari"), "th": ("Garuda", "Loma")}
_PEN = {"hi": ("Lohit Devanagari",), "th": ("Purisa",)}
_ACCENTS = ("#1f4e79", "#7a1f2b", "#1e6b45", "#5b3a86", "#b3541e", "#23626b", "#333333")


@dataclass(frozen=True)
class Habits:
    """What is told a paper: its date pattern, whether it writes the digits of its script, whether its text layer is kept."""

    dates: str
    native: bool = False
    layered: bool = False


@dataclass(frozen=True)
class Style:
    """One paper's habits: how it writes, what it calls things, where it puts the currency, how it looks."""

    hand: Hand
    labels: Mapping[str, str]
    sign: str
    look: Mapping[str, Any]

    def money(self, value: Any, where: str, *fields: str, also: Sequence[str] = ()) -> Item:
        """An amount at a place of the paper (`line`, `sum`, `total`), with its currency where this paper puts one."""
        order = ("total", "sum", "line")
        signed = self.sign in order and order.index(where) <= order.index(self.sign)
        return item(self.hand.amount(value, signed=signed), *fields, *(("currency",) if signed else ()), also=also)

    def pair(self, key: str, printed: Item, **filled: str) -> Item:
        """`printed` with the label that this paper has for `key`."""
        return {**printed, "label": self.labels[key].format(**filled), "key": key}


def item(value: str | Sequence[str], *fields: str, also: Sequence[str] = ()) -> Item:
    """What a layout prints of `value`, the fields that it states, and those that it states `also` (see Item)."""
    told = {"value": value if isinstance(value, str) else list(value), "fields": list(fields), "label": "", "key": ""}
    return {**told, "also": list(also)}


def tax_row(printed: Item, index: int, *, rated: bool, based: bool) -> Item:
    """A tax's amount as row `index` of the schema's taxes, whose label states the rate or the base or both."""
    told = [f"taxes[{index}].{name}" for name, is_told in (("rate", rated), ("base", based)) if is_told]
    return {**printed, "also": [*printed["also"], f"taxes[{index}].amount"], "labelled": told}


def styled(place: Place, signs: Sequence[str], habits: Habits, random: Random) -> Style:
    """Habits drawn for a paper of the place.

    Args:
        place: where it is from.
        signs: where its currency may stand: on `total` alone, on each `sum` too, on each `line` too, in a `note`, in a `label`.
        habits: what is not left to chance.
        random: the lots.
    """
    latin = random.choice(_LATIN)
    fonts, monos, pens = ({**own, **_LAYERED} if habits.layered else own for own in (_FONTS, _MONO, _PEN))
    native = random.choice(fonts.get(place.language, (latin,)))
    mono = random.choice(monos.get(place.language, ("Liberation Mono", "DejaVu Sans Mono")))
    look = {
        "font": [native, latin, "DejaVu Sans"],
        "mono": [mono, "Liberation Mono", "DejaVu Sans"],
        "pen": [*pens.get(place.language, ("Purisa",)), "DejaVu Sans"],
        "accent": random.choice(_ACCENTS),
        "ink": random.choice(("#b3202c", "#1d3f8f", "#5a2d82")),
        "paper": place.paper,
        "lang": place.language,
    }
    hand = Hand(place, random.choice(place.money), habits.dates, random.choice("’'"), habits.native)
    labels = {key: random.choice(ways) for key, ways in place.labels.items()}
    return Style(hand, labels, random.choice(signs), look)
