"""Contracts: prose in which names, dates, terms and sums stand, and how that is written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from sample_data.generator import draw, parties
from sample_data.generator.drawn import Drawn, Told, Words, filled, style_of, words_of
from sample_data.generator.paper import Habits, Item, Style, item
from sample_data.generator.parties import Party
from sample_data.generator.places import Place

SCHEMA = "contract"


class Clause(Told):
    """A numbered part: its title, and its paragraphs with `{holes}`."""

    title: str
    text: tuple[str, ...]


class Side(Told):
    """A party: its role, whether it is a `company` or a `person`, and how it is introduced, with `{holes}`."""

    role: str
    kind: str
    text: str


class Agreement(Told):
    """One contract.

    Attributes:
        title: its type.
        only: countries where it is used; none: all.
        objects: what it is about.
        number: a picture of its number; empty where it has none.
        clause: how a clause's number and title are written.
        opening: paragraphs before the parties; `between` and `and_` stand around them.
        terms: ways to say how long it runs, and the months that is (0: for good).
        notice, renewal, payment, law, court: ways to say these; what is before a `|` can be left out.
        sums: least and most of the sum a month (or of the whole, where there is no `each`), in steps of five.
        whole: the value is the sum of all months, which stands beside that of one (`{monthly}`).
        unknown: fields of which nobody can say whether the contract tells them.
        closing: the last paragraph.
        dates: the CLDR pattern of dates in the prose.
    """

    title: str
    only: tuple[str, ...] = ()
    objects: tuple[str, ...]
    number: str = ""
    number_label: str = ""
    clause: str
    opening: tuple[str, ...]
    sides: tuple[Side, Side]
    and_: str = ""
    terms: tuple[tuple[str, int], ...]
    notice: tuple[str, ...]
    renewal: tuple[str, ...]
    payment: tuple[str, ...]
    law: tuple[str, ...]
    court: tuple[str, ...]
    sums: tuple[int, int]
    whole: bool = False
    unknown: tuple[str, ...] = ()
    clauses: tuple[Clause, ...]
    closing: str
    dates: str
    signed: str = ""


class ContractWords(Words):
    """The contracts of a language; `more` are clauses that long ones have before their last."""

    agreements: tuple[Agreement, ...]
    more: tuple[Clause, ...]


@dataclass(frozen=True)
class ContractLayout:
    """A way to set a contract; `table`: the parties stand in a table."""

    table: bool = False


def drawn(
    place: Place, layout: ContractLayout, traits: Sequence[str], habits: Habits, random: Random, *, held_out: bool = False
) -> Drawn:
    """A contract of the place for a layout."""
    words = words_of(ContractWords, SCHEMA, place.language, place.country)
    told = random.choice([one for one in words.agreements if not one.only or place.country in one.only])
    clauses = (*told.clauses[:-1], *words.more, told.clauses[-1]) if "two_pages" in traits else told.clauses
    style = style_of(place, words, Habits(told.dates, habits.native, habits.layered), random)
    sides = [_side(place, side, random) for side in told.sides]
    one = draw.cents(Decimal(random.randint(*told.sums) * 5) * place.scale)
    said = _said(place, told, sides, one, random)
    rows = [
        {
            "role": side.role,
            "name": party.name,
            "address": "\n".join(party.address),
            "representative": party.contact if side.kind == "company" else None,
            "tax_id": party.tax_id,
        }
        for side, party in zip(told.sides, sides, strict=True)
    ]
    holes = {
        "monthly": style.hand.amount(one, signed=True),
        **_holes(said, style),
        **_others(place, told, said, sides, style, random),
    }
    paper = {
        **style.look,
        "title": item(told.title, "contract_type"),
        "number": {**item(said["contract_number"], "contract_number"), "label": told.number_label} if told.number else "",
        "opening": [filled(text, holes) for text in told.opening],
        "sides": [
            _introduced(index, side, party, place) for index, (side, party) in enumerate(zip(told.sides, sides, strict=True))
        ],
        "and": told.and_,
        "clauses": [
            {"title": told.clause.format(n=number, title=clause.title), "text": [filled(text, holes) for text in clause.text]}
            for number, clause in enumerate(clauses, 1)
        ],
        "closing": filled(told.closing, holes),
        "signatures": [{"role": side.role, "name": party.name} for side, party in zip(told.sides, sides, strict=True)],
        "table": layout.table,
        "labels": style.labels,
        "page": style.labels["page"],
    }
    return Drawn(paper, said, {"parties": rows}, told.unknown)


def _side(place: Place, side: Side, random: Random) -> Party:
    if side.kind == "company":
        return parties.company(place, random.choice(place.trades[random.choice(("service", "goods"))].words), random)
    return parties.freelancer(place, random)


def _said(place: Place, told: Agreement, sides: Sequence[Party], one: Decimal, random: Random) -> dict[str, Any]:
    signed = draw.day(random)
    start = (signed + timedelta(days=random.randint(12, 40))).replace(day=1)
    start = start if start > signed else _later(start, 1)
    term, months = random.choice(told.terms)
    town = _town(sides[0], place)
    return {
        "contract_type": told.title,
        "contract_number": draw.picture(told.number.replace("{y}", str(signed.year + place.calendar)), random) or None,
        "signature_date": signed,
        "effective_date": start,
        "end_date": _later(start, months) - timedelta(days=1) if months else None,
        "term": term,
        "notice_period": random.choice(told.notice),
        "renewal": random.choice(told.renewal),
        "contract_value": one * months if told.whole and months else one,
        "currency": place.currency,
        "payment_terms": random.choice(told.payment),
        "governing_law": _ways(random.choice(told.law)),
        "jurisdiction": _ways(random.choice(told.court).format(town=town)),
    }


def _ways(text: str) -> list[str]:
    """What is printed, and the same without the words before `|`, which is as right."""
    _, bar, short = text.partition("|")
    return [text.replace("|", ""), *([short] if bar else [])]


def _later(day: date, months: int) -> date:
    """The same day of a month so many months on; `day` is a first."""
    year, month = divmod(day.month - 1 + months, 12)
    return day.replace(year=day.year + year, month=month + 1)


def _town(party: Party, place: Place) -> str:
    """The town of an address, without its code."""
    return next(city for _, city in place.cities if any(city in line for line in party.address)).split(",")[0]


def _holes(said: Mapping[str, Any], style: Style) -> dict[str, Any]:
    """An item for each field that the prose can state."""
    holes: dict[str, Any] = {}
    for name, value in said.items():
        if isinstance(value, date):
            holes[name] = item(style.hand.day(value), name)
        elif isinstance(value, Decimal):
            holes[name] = item(style.hand.amount(value, signed=True), name, "currency")
        elif value is not None:
            holes[name] = item(value[0] if isinstance(value, list) else str(value), name)
    return holes


def _others(
    place: Place, told: Agreement, said: Mapping[str, Any], sides: Sequence[Party], style: Style, random: Random
) -> dict[str, Any]:
    """What the prose says besides: no field's values, some of them like one."""
    worth = said["contract_value"]
    small = draw.cents(worth / random.choice((10, 12, 20)))
    return {
        "small_sum": style.hand.amount(small, signed=True),
        "object": random.choice(told.objects),
        "town": _town(sides[0], place),
        "place": ", ".join(sides[1].address),
        "days": str(random.choice((7, 10, 14, 30))),
    }


def _introduced(index: int, side: Side, party: Party, place: Place) -> dict[str, Any]:
    here = f"parties[{index}]"
    parts: dict[str, Item] = {
        "role": item(side.role, f"{here}.role"),
        "name": item(party.name, f"{here}.name"),
        "address": item(party.address, f"{here}.address"),
    }
    if side.kind == "company":
        parts["representative"] = item(party.contact, f"{here}.representative")
        if party.tax_id:
            parts["tax_id"] = {**item(party.tax_id, f"{here}.tax_id"), "label": place.tax_id.label[0]}
    return {"parts": parts, "text": filled(side.text, parts)}
