"""What a document of the newer types says and how it is written, and the words that each country's papers are made of."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from random import Random
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict

from sample_data.generator.paper import Habits, Style, styled
from sample_data.generator.places import Place, laid_over, read_data

_W = TypeVar("_W", bound="Words")
_HOLE = re.compile(r"\{([a-z_.]+)\}")


class Told(BaseModel):
    """Something that the data say."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Words(Told):
    """What papers of one type are made of in a country; `labels` as in Place."""

    labels: Mapping[str, tuple[str, ...]] = {}


@dataclass(frozen=True)
class Drawn:
    """A document.

    Attributes:
        paper: what its layout prints.
        known: value of each field of its schema; None for what it does not say.
        tables: rows of each of its tables, likewise.
        unknown: fields of which nobody can say whether the document tells them.
    """

    paper: Mapping[str, Any]
    known: Mapping[str, Any]
    tables: Mapping[str, Sequence[Mapping[str, Any]]]
    unknown: tuple[str, ...] = ()


@cache
def words_of(model: type[_W], schema: str, language: str, country: str, *, held_out: bool = False) -> _W:
    """The words of `data/<schema>/<language>.toml` for a country, those of held-out layouts laid over them on request."""
    told = read_data(schema, f"{language}.toml")
    if held_out:
        told = laid_over(told, read_data("held_out", schema, f"{language}.toml"))
    countries = told.pop("countries", {})
    return model.model_validate(laid_over(told, countries.get(country, {})))


def style_of(place: Place, words: Words, habits: Habits, random: Random) -> Style:
    """Habits drawn for a paper of the place that calls things as `words` do."""
    style = styled(place, ("total",), habits, random)
    labels = {key: random.choice(ways) for key, ways in words.labels.items()}
    return Style(style.hand, labels, style.sign, {**style.look, "values": {}})


def filled(text: str, values: Mapping[str, Any]) -> list[Any]:
    """`text` in parts: what stands between its `{holes}`, and for each hole its item (or, where that is text, the text)."""
    parts = _HOLE.split(text)
    return [part if index % 2 == 0 else values[part] for index, part in enumerate(parts) if part]
