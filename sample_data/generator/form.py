"""Filled-in forms: pairs of a label and what somebody wrote or ticked, among others that were left empty."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from random import Random
from typing import Any

from sample_data.generator import draw, parties
from sample_data.generator.drawn import Drawn, Told, Words, style_of, words_of
from sample_data.generator.paper import Habits, Item, Style, item
from sample_data.generator.parties import Party
from sample_data.generator.places import Place

SCHEMA = "form"


class Section(Told):
    """A part of a form: `entries` are label, kind (see `_Writer.value`) and how many twelfths of a line it takes."""

    title: str
    entries: tuple[tuple[str, str, int], ...]


class Form(Told):
    """One form.

    Attributes:
        only: the countries that have it; none: all.
        number: a picture of its number.
        hint: what it says to whoever fills it in.
        sign: what stands under the line where that is signed.
    """

    title: str
    only: tuple[str, ...] = ()
    number_label: str
    number: str
    hint: str = ""
    sign: str = ""
    sections: tuple[Section, ...]


class FormWords(Words):
    """The forms of a country."""

    forms: tuple[Form, ...]


@dataclass(frozen=True)
class FormLayout:
    """A way to set a form; `boxes` are how it prints an empty box and a ticked one."""

    boxes: tuple[str, str] = ("☐", "☒")


def drawn(
    place: Place, layout: FormLayout, traits: Sequence[str], habits: Habits, random: Random, *, held_out: bool = False
) -> Drawn:
    """A form of the place for a layout."""
    words = words_of(FormWords, SCHEMA, place.language, place.country, held_out=held_out)
    form = random.choice([one for one in words.forms if not one.only or place.country in one.only])
    style = style_of(place, words, habits, random)
    number = draw.picture(form.number, random)
    writer = _Writer(
        place,
        style,
        layout,
        parties.freelancer(place, random),
        parties.company(place, random.choice(place.trades["service"].words), random),
        random,
    )
    sections = [writer.section(section) for section in form.sections]
    paper = {
        **style.look,
        "title": item(form.title, "title"),
        "number": {**item(number, "form_number"), "label": form.number_label},
        "hint": form.hint,
        "sign": form.sign,
        "sections": sections,
        "page": "",
    }
    return Drawn(paper, {"title": form.title, "form_number": number}, {"entries": writer.rows})


class _Writer:
    """Fills a form in; keeps what it wrote in `rows`."""

    def __init__(self, place: Place, style: Style, layout: FormLayout, person: Party, company: Party, random: Random) -> None:
        self.place, self.style, self.layout, self.random = place, style, layout, random
        self.person, self.company = person, company
        self.rows: list[dict[str, Any]] = []

    def section(self, told: Section) -> dict[str, Any]:
        """A section for the layout; only what is filled in is a row."""
        first = len(self.rows)
        entries = [self.entry(label, kind, span, told.title) for label, kind, span in told.entries]
        marks = [f"entries[{index}].section" for index in range(first, len(self.rows))]
        return {"title": item(told.title, *marks), "entries": entries}

    def entry(self, label: str, kind: str, span: int, section: str) -> dict[str, Any]:
        """A label with its value, its choices, or a box to tick."""
        name, _, told = kind.partition(":")
        here = f"entries[{len(self.rows)}]"
        made: dict[str, Any] = {"label": item(label), "value": item(""), "choices": [], "box": "", "span": span}
        if name == "choice":
            options = told.split("|")
            chosen = self.random.choice(options)
            made["choices"] = [self._option(option, here, chosen=option == chosen) for option in options]
            return self._kept(made, here, label, chosen, section)
        if name == "check":
            ticked = told == "yes" or self.random.random() < 0.5
            made["box"] = item(self.layout.boxes[ticked], *([f"{here}.value"] if ticked else []))
            return self._kept(made, here, label, "x", section) if ticked else made
        text = self.value(name, told)
        if not text:
            return made
        made["value"] = item(text, f"{here}.value")
        return self._kept(made, here, label, text, section)

    def _option(self, option: str, here: str, *, chosen: bool) -> dict[str, Item]:
        return {"box": item(self.layout.boxes[chosen]), "text": item(option, *([f"{here}.value"] if chosen else []))}

    def _kept(self, made: dict[str, Any], here: str, label: str, value: str, section: str) -> dict[str, Any]:
        made["label"] = item(label, f"{here}.label")
        self.rows.append({"label": label, "value": value, "section": section})
        return made

    def value(self, kind: str, told: str) -> str:
        """What is written beside a label of this kind; nothing for `empty`, and sometimes nothing for `maybe:text|text`."""
        random, hand, person = self.random, self.style.hand, self.person
        given, _, surname = person.name.partition(" ")
        if kind == "money":
            least, most = map(int, told.split("|"))
            return hand.amount(Decimal(random.randint(least, most) * 5))
        made: dict[str, Callable[[], str]] = {
            "empty": lambda: "",
            "full_name": lambda: person.name,
            "given": lambda: given,
            "surname": lambda: surname,
            "other_name": lambda: f"{random.choice(self.place.given)} {random.choice(self.place.surnames)}",
            "birth": lambda: hand.day(draw.day(random) - timedelta(days=random.randint(7500, 24000))),
            "date": lambda: hand.day(draw.day(random)),
            "address": lambda: ", ".join(person.address),
            "street": lambda: person.address[0],
            "town": lambda: person.address[1],
            "phone": lambda: person.phone,
            "email": lambda: person.email,
            "company": lambda: self.company.name,
            "tax_id": lambda: self.company.tax_id or "",
            "account": lambda: parties.account(self.place, random).iban or draw.picture("##########", random),
            "number": lambda: draw.picture(told, random),
            "text": lambda: random.choice(told.split("|")),
            "maybe": lambda: random.choice(("", *told.split("|"))),
        }
        return made[kind]()
