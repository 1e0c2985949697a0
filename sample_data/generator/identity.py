"""Passports and identity cards of people who do not exist, with right machine-readable zones, and how they are written."""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from importlib import import_module
from random import Random
from typing import Any

from sample_data.generator import draw
from sample_data.generator.drawn import Drawn, Words, style_of, words_of
from sample_data.generator.mrz import card_zone, passport_zone
from sample_data.generator.paper import Habits, Item, Style, item
from sample_data.generator.places import Place

SCHEMA = "identity_document"
_TRIES = 200_000
_IN_ZONE = ("surname", "given_names", "nationality", "date_of_birth", "sex", "expiry_date", "personal_number")
"""What a zone says too, so that no such field is absent where there is one."""

_LETTERS = str.maketrans({"ß": "ss", "ẞ": "SS", "Ä": "AE", "Ö": "OE", "Ü": "UE", "Ñ": "N", "Ø": "OE", "Æ": "AE"})


class IdentityWords(Words):
    """What the documents of a country look like.

    Attributes:
        kind: `passport` or `identity_card`.
        code: the country's code in the machine-readable zone; empty where there is no zone.
        state, title: what stands at its head; `second` is the title in other languages.
        specimen: what is printed across it.
        number, personal: pictures of its number and of the holder's own.
        number_check, personal_check: modules of python-stdnum that know their check digits; empty where they have none.
        sexes, nations, titles: how a sex is printed, a nationality, and what stands before a full name.
        latin: names in Latin letters, where both are printed.
        births, offices: places of birth, and who issues.
        years: how long it is valid.
        pattern: CLDR pattern of its dates.
        upper: names and places are in capitals.
        front, back: what is printed, key and label.
        small: a line of small print.
        unknown: fields of which nobody can say whether it tells them.
    """

    kind: str
    code: str = ""
    state: str
    title: str
    second: str = ""
    specimen: str
    number: str
    personal: str = ""
    number_check: str = ""
    personal_check: str = ""
    sexes: Mapping[str, str]
    nations: Mapping[str, str]
    titles: Mapping[str, str] = {}
    surnames: tuple[str, ...]
    given: Mapping[str, tuple[str, ...]]
    latin: Mapping[str, str] = {}
    births: tuple[str, ...] = ()
    offices: tuple[str, ...] = ()
    years: int = 10
    pattern: str
    upper: bool = True
    front: tuple[tuple[str, str], ...]
    back: tuple[tuple[str, str], ...] = ()
    small: str = ""
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True)
class IdentityLayout:
    """A way to set an identity document: the `kind` that it is for."""

    kind: str


def drawn(
    place: Place, layout: IdentityLayout, traits: Sequence[str], habits: Habits, random: Random, *, held_out: bool = False
) -> Drawn:
    """An identity document of the place."""
    words = words_of(IdentityWords, SCHEMA, place.language, place.country)
    style = style_of(place, words, Habits(words.pattern, habits.native, habits.layered), random)
    said = _said(place, words, random)
    printed = _printed(place, words, said, style, random)
    paper = {
        **style.look,
        "state": item(words.state, "issuing_country"),
        "title": item(words.title, "document_type"),
        "second": words.second,
        "specimen": words.specimen,
        "front": [{**printed[key], "label": label, "key": key} for key, label in words.front],
        "back": [{**printed[key], "label": label, "key": key} for key, label in words.back],
        "zone": item(said["mrz"].split("\n"), "mrz") if said["mrz"] else "",
        "code": words.code,
        "small": words.small,
        "page": "",
    }
    return Drawn(paper, said, {}, _IN_ZONE if said["mrz"] else words.unknown)


def _said(place: Place, words: IdentityWords, random: Random) -> dict[str, Any]:
    sex = random.choice("FM")
    surname = random.choice(words.surnames)
    given = " ".join(random.sample(words.given[sex], random.choice((1, 2)) if words.code else 1))
    issued = draw.day(random)
    born = issued - timedelta(days=random.randint(19 * 366, 62 * 365))
    expires = _years_on(issued, words.years)
    said: dict[str, Any] = {
        "document_type": words.kind,
        "document_number": _number(words.number, words.number_check, random),
        "surname": words.latin.get(surname, surname),
        "given_names": words.latin.get(given, given),
        "full_name": " ".join(part for part in (words.titles.get(sex, ""), given, surname) if part),
        "nationality": words.nations[sex],
        "date_of_birth": born,
        "sex": sex,
        "place_of_birth": random.choice(words.births) if words.births else None,
        "issue_date": issued,
        "expiry_date": expires,
        "issuing_country": words.state,
        "issuing_authority": random.choice(words.offices) if words.offices else None,
        "personal_number": _number(words.personal, words.personal_check, random) if words.personal else None,
        "address": _address(place, random),
        "mrz": None,
    }
    if words.code:
        zone = passport_zone if words.kind == "passport" else card_zone
        names = (_plain(surname), _plain(given))
        said["mrz"] = zone(words.code, names, said["document_number"], (born, expires), sex, said["personal_number"] or "")
    return said


def _years_on(day: date, years: int) -> date:
    """The day before the same one so many years on."""
    eve = day - timedelta(days=1)
    return eve.replace(year=eve.year + years, day=28 if (eve.month, eve.day) == (2, 29) else eve.day)


def _address(place: Place, random: Random) -> str:
    code, city = random.choice(place.cities)
    told = {"street": random.choice(place.streets), "no": random.randint(1, 148), "zip": code, "city": city}
    return "\n".join(line.format(**told) for line in place.address)


def _number(pattern: str, check: str, random: Random) -> str:
    """A number like the pattern, right by its check digits where it has any."""
    valid = import_module(check).is_valid if check else bool
    for _ in range(_TRIES):
        number = draw.picture(pattern, random)
        if valid(number):
            return number
    raise ValueError(f"no number like {pattern} is valid for {check}")


def _plain(name: str) -> str:
    """A name as a machine-readable zone has it: capital letters without marks, `<` between its parts."""
    bare = unicodedata.normalize("NFKD", name.upper().translate(_LETTERS)).encode("ascii", "ignore").decode()
    return "".join(letter if letter.isalpha() else "<" for letter in bare if letter != "'")


def _printed(place: Place, words: IdentityWords, said: Mapping[str, Any], style: Style, random: Random) -> dict[str, Item]:
    """What can be printed, by key; some keys are no fields."""
    shown: dict[str, Item] = {}
    for name, value in said.items():
        if isinstance(value, date):
            day = style.hand.day(value)
            shown[name] = item(day.upper() if words.upper else day, name)
            shown[f"{name}_en"] = item(f"{value.day} {value:%b}. {value.year}", name)
        elif value and name == "address":
            shown[name] = item(value.split("\n"), name)
        elif value:
            upper = words.upper and name in ("surname", "given_names", "place_of_birth", "issuing_authority", "nationality")
            shown[name] = item(value.upper() if upper else value, name)
    shown["sex"] = item(words.sexes[said["sex"]], "sex")
    shown["origin"] = item(said["place_of_birth"] or "")
    shown["type"] = item("P")
    shown["code"] = item(words.code.replace("<", "") or place.country)
    shown["height"] = item(f"{random.randint(152, 194)} cm")
    shown["parent"] = item(f"{random.choice(words.given['M'])} {said['surname']}")
    return shown
