"""Bank statements: what they say, with balances that add up, and how that is written."""

import calendar
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any, NamedTuple

from sample_data.generator import draw, parties
from sample_data.generator.drawn import Drawn, Words, filled, style_of, words_of
from sample_data.generator.paper import Habits, Item, Style, item
from sample_data.generator.parties import Party
from sample_data.generator.places import Place

SCHEMA = "bank_statement"
_NONE = Decimal(0)


class Business(NamedTuple):
    """Something that is booked: its lines of text, `in` or `out`, least and most amount, a picture of its reference."""

    text: str
    way: str
    least: Decimal
    most: Decimal
    reference: str


class BankWords(Words):
    """What statements are made of.

    Attributes:
        banks: names of banks that do not exist.
        number: a picture of a statement's number; `{y}` and `{m}` are filled in.
        account: a picture of an account's number, where there are no IBANs.
        bic: likewise of the bank's BIC; empty where statements give none.
        letters: for money out (and overdrawn) and for money in, where amounts carry letters.
        signs: ways to show which way money went that are usual here, see `SIGNS`.
        entries: what is booked; `{month}`, `{name}` and `{surname}` are filled in.
    """

    banks: tuple[str, ...]
    number: str
    account: str
    bic: str = ""
    letters: tuple[str, str] = ("-", "")
    signs: tuple[str, ...]
    entries: tuple[Business, ...]


SIGNS = ("columns", "minus_front", "minus_back", "letters", "parentheses")
"""Two columns; one with `-5.00`, `5.00-`, `5.00 DR` or `(5.00)` for money out."""


@dataclass(frozen=True)
class Entry:
    """One entry: `amount` is negative for money out, `balance` is after it."""

    booked: date
    valued: date
    text: tuple[str, ...]
    reference: str
    amount: Decimal
    balance: Decimal


@dataclass(frozen=True)
class Statement:
    """What a statement says; `iban` None where accounts have a `number` alone."""

    place: Place
    number: str
    issued: date
    start: date
    end: date
    bank: Party
    bic: str
    holder: Party
    iban: str | None
    account: str
    opening: Decimal
    entries: tuple[Entry, ...]

    @property
    def closing(self) -> Decimal:
        """The balance after the last entry."""
        return self.entries[-1].balance

    def total(self, sign: int) -> Decimal:
        """All money in (1) or out (-1), without a sign."""
        return sum((abs(entry.amount) for entry in self.entries if entry.amount * sign > 0), _NONE)


@dataclass(frozen=True)
class BankLayout:
    """A way to set a statement.

    Attributes:
        columns: of its entries; `money` is what SIGNS says.
        capacity: entries that fit on its first page and on those after it.
        usual: least and most entries of a statement of one page.
    """

    columns: tuple[str, ...]
    capacity: tuple[int, int]
    usual: tuple[int, int] = (8, 12)


def statement(place: Place, words: BankWords, traits: Sequence[str], count: int, random: Random) -> Statement:
    """A month of an account of the place with so many entries."""
    first = draw.day(random).replace(day=1)
    last = first.replace(day=calendar.monthrange(first.year, first.month)[1])
    opening = draw.cents(Decimal(random.randint(40_000, 480_000)) / 100 * place.scale * _dear(words))
    if "overdrawn" in traits:
        opening = draw.cents(-opening / 20)
    surname = random.choice(place.surnames)
    person = parties.freelancer(place, random)
    bank = parties.company(place, "", random, tax_id=False)
    account = parties.account(place, random)
    return Statement(
        place=place,
        number=draw.picture(words.number.format(y=first.year + place.calendar, m=first.month), random),
        issued=last + timedelta(days=random.randint(0, 2)),
        start=first,
        end=last,
        bank=Party(random.choice(words.banks), bank.address, None, bank.phone, bank.email, bank.register, surname),
        bic=account.bic or draw.picture(words.bic, random),
        holder=person,
        iban=account.iban,
        account=draw.picture(words.account, random),
        opening=opening,
        entries=_entries(place, words, opening, (first, last), count, random),
    )


def _dear(words: BankWords) -> Decimal:
    """How much higher sums are than in euros, by what the dearest entry costs."""
    return max(Decimal(1), max(business.most for business in words.entries) / 4000)


def _entries(
    place: Place, words: BankWords, opening: Decimal, period: tuple[date, date], count: int, random: Random
) -> tuple[Entry, ...]:
    chosen = random.sample(words.entries, min(count, len(words.entries)))
    small = [business for business in words.entries if business.most < _dear(words) * 300]
    chosen += random.choices(small, k=count - len(chosen))
    days = sorted(random.randrange((period[1] - period[0]).days + 1) for _ in chosen)
    made, balance = [], opening
    for business, day in zip(random.sample(chosen, len(chosen)), days, strict=True):
        span = (int(business.least * 100), int(business.most * 100))
        amount = draw.cents(Decimal(random.randint(*span)) / 100 * place.scale)
        amount = draw.to_step(amount, place.step) * (1 if business.way == "in" else -1)
        balance += amount
        booked = period[0] + timedelta(days=day)
        valued = min(booked + timedelta(days=random.choice((0, 0, 0, 1, 2))), period[1])
        told = business.text.replace("{name}", f"{random.choice(place.given)} {random.choice(place.surnames)}")
        told = draw.picture(told.replace("{surname}", random.choice(place.surnames)), random)
        told = told.upper() if business.text.format(name="", surname="").isupper() else told
        reference = draw.picture(business.reference or "########", random)
        made.append(Entry(booked, valued, tuple(told.split("|")), reference, amount, balance))
    return tuple(made)


def drawn(
    place: Place, layout: BankLayout, traits: Sequence[str], habits: Habits, random: Random, *, held_out: bool = False
) -> Drawn:
    """A statement of the place for a layout; one of the traits is of SIGNS."""
    words = words_of(BankWords, SCHEMA, place.language, place.country, held_out=held_out)
    pages = 3 if "three_pages" in traits else 1
    count = layout.capacity[0] + layout.capacity[1] + random.randint(3, 7) if pages > 1 else random.randint(*layout.usual)
    said = statement(place, words, traits, count, random)
    style = style_of(place, words, habits, random)
    sign = next(trait for trait in traits if trait in SIGNS)
    writer = _Writer(said, style, sign, words.letters, layout)
    return Drawn(writer.paper(random), _known(said), {"transactions": [_row(entry) for entry in said.entries]})


def _known(said: Statement) -> dict[str, Any]:
    return {
        "statement_number": said.number,
        "issue_date": said.issued,
        "period_start": said.start,
        "period_end": said.end,
        "bank_name": said.bank.name,
        "bank_address": "\n".join(said.bank.address),
        "bank_bic": said.bic,
        "account_holder": said.holder.name,
        "account_holder_address": "\n".join(said.holder.address),
        "account_iban": said.iban,
        "account_number": said.account,
        "currency": said.place.currency,
        "opening_balance": said.opening,
        "closing_balance": said.closing,
        "total_credits": said.total(1),
        "total_debits": said.total(-1),
    }


def _row(entry: Entry) -> dict[str, Any]:
    out = entry.amount < 0
    return {
        "booking_date": entry.booked,
        "value_date": entry.valued,
        "description": "\n".join(entry.text),
        "reference": entry.reference,
        "debit": -entry.amount if out else None,
        "credit": None if out else entry.amount,
        "amount": entry.amount,
        "balance": entry.balance,
    }


@dataclass(frozen=True)
class _Writer:
    """How one statement is written."""

    said: Statement
    style: Style
    sign: str
    letters: tuple[str, str]
    layout: BankLayout

    def paper(self, random: Random) -> dict[str, Any]:
        said, style, labels = self.said, self.style, self.style.labels
        named = random.random() < 0.6
        columns = [key for part in self.layout.columns for key in self._columns(part)]
        info = [
            style.pair("number", item(said.number, "statement_number")),
            style.pair("issued", item(style.hand.day(said.issued), "issue_date")),
            self._period(),
        ]
        return {
            **style.look,
            "title": labels["title"],
            "bank": item(said.bank.name, "bank_name"),
            "bank_address": item(said.bank.address, "bank_address"),
            "contact": [style.pair("phone", item(said.bank.phone))],
            "holder": style.pair("holder", item(said.holder.name, "account_holder")),
            "holder_address": item(said.holder.address, "account_holder_address"),
            "info": info if random.random() < 0.7 else info[2:] + info[:2],
            "account": self._account(named=named),
            "columns": [self._head(key, named=named) for key in columns],
            "chunks": self._chunks(columns),
            "opening": style.pair("opening", item(self._balance(said.opening), "opening_balance")),
            "closing": style.pair("closing", item(self._balance(said.closing), "closing_balance")),
            "totals": [
                style.pair("credits", item(style.hand.amount(said.total(1)), "total_credits")),
                style.pair("debits", item(style.hand.amount(said.total(-1)), "total_debits")),
            ],
            "carried": {"out": labels["carried_out"], "in": labels["carried_in"]},
            "note": labels["note"],
            "page": labels["page"],
        }

    def _columns(self, key: str) -> tuple[str, ...]:
        return ("debit", "credit") if key == "money" and self.sign == "columns" else ("amount",) if key == "money" else (key,)

    def _head(self, key: str, *, named: bool) -> dict[str, Any]:
        """The head of a column; it names the currency where the account's lines do not."""
        label, currency = self.style.labels[f"col_{key}"], self.said.place.currency
        told = key in ("amount", "debit", "credit") and not named
        return {"key": key, "label": item(f"{label} {currency}", "currency") if told else item(label)}

    def _period(self) -> Item:
        start = item(self.style.hand.day(self.said.start), "period_start")
        end = item(self.style.hand.day(self.said.end), "period_end")
        return {
            **item(""),
            "label": self.style.labels["period"],
            "parts": filled(self.style.labels["from_to"], {"start": start, "end": end}),
        }

    def _account(self, *, named: bool) -> list[Item]:
        said, style = self.said, self.style
        rows = [style.pair("iban", item(said.iban, "account_iban"))] if said.iban else []
        if not said.iban:
            rows.append(style.pair("account", item(said.account, "account_number")))
        if said.bic:
            rows.append(style.pair("bic", item(said.bic, "bank_bic")))
        return rows + ([style.pair("currency", item(said.place.currency, "currency"))] if named else [])

    def _chunks(self, columns: Sequence[str]) -> list[dict[str, Any]]:
        """The entries page by page; a page that others follow ends with the balance so far, which the next one starts with."""
        entries, chunks, start = self.said.entries, list[dict[str, Any]](), 0
        while start < len(entries):
            end = min(start + self.layout.capacity[1 if chunks else 0], len(entries))
            rows = [[self._cell(index, key) for key in columns] for index in range(start, end)]
            chunks.append(
                {
                    "rows": rows,
                    "in": self._balance(entries[start - 1].balance) if start else "",
                    "out": self._balance(entries[end - 1].balance) if end < len(entries) else "",
                }
            )
            start = end
        return chunks

    def _cell(self, index: int, key: str) -> Item:
        entry, hand, here = self.said.entries[index], self.style.hand, f"transactions[{index}]"
        out = entry.amount < 0
        if key in ("debit", "credit"):
            mine = out == (key == "debit")
            return item(hand.amount(abs(entry.amount)), f"{here}.{key}", f"{here}.amount") if mine else item("")
        cells = {
            "booking_date": lambda: item(hand.day(entry.booked), f"{here}.booking_date"),
            "value_date": lambda: item(hand.day(entry.valued), f"{here}.value_date"),
            "description": lambda: item(entry.text, f"{here}.description"),
            "reference": lambda: item(entry.reference, f"{here}.reference"),
            "amount": lambda: item(self._signed(entry.amount), f"{here}.amount"),
            "balance": lambda: item(self._balance(entry.balance), f"{here}.balance"),
        }
        return cells[key]()

    def _signed(self, value: Decimal) -> str:
        """An amount as this statement shows which way it went."""
        plain, out = self.style.hand.amount(abs(value)), value < 0
        if self.sign == "letters":
            return f"{plain}\u00a0{self.letters[0 if out else 1]}".strip()
        ways: Mapping[str, str] = {"minus_back": f"{plain}-", "parentheses": f"({plain})"}
        return ways.get(self.sign, f"-{plain}") if out else f"{plain}+" if self.sign == "minus_back" else plain

    def _balance(self, value: Decimal) -> str:
        return self._signed(value)
