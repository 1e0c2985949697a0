"""From print to typed values: each leaf that an engine copied is read as its field's kind, by the habits of its page."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from pipeline.records import Leaf, PageWords, Typed, Value
from pipeline.values.amounts import parse_amount, parse_number, parse_percent
from pipeline.values.arithmetic import judge, rows
from pipeline.values.centuries import settle_centuries
from pipeline.values.choices import choice_of
from pipeline.values.currencies import currency_of, find_currencies
from pipeline.values.dates import is_ambiguous, month_first_evidence, parse_date
from pipeline.values.forms import spell_forms
from pipeline.values.identifiers import normal_identifier, valid
from pipeline.values.lines import Habits, Line, habits_of, lines_of
from pipeline.values.sides import split_side
from schemas.base import Order, Running, Schema, Signed, spec_at, specs, terms
from schemas.fields import NUMERIC, FieldSpec, Kind

SWAPPABLE = "day and month could be swapped"
"""The problem of a date in figures whose order neither its page nor its document tells."""

DIGITS_WRONG = "its check digits do not fit"
_WRONG = {"phone": "not a number of its country's plan", "email": "not a whole address", "bic": "not a BIC"}


class Reading(NamedTuple):
    """A printed value as its type, why it is none or doubtful, and the currency beside it."""

    value: Typed
    problem: str = ""
    currency: str = ""


@dataclass(frozen=True, slots=True)
class Writing:
    """What a page shows of how its document is written.

    Attributes:
        letters: how many are on it.
        dated: whether its dates in figures have the month first; None where they do not tell.
        usual: the same, as its country and language have it.
    """

    letters: int
    dated: bool | None
    usual: bool | None


def writing_of(words: PageWords) -> Writing:
    """What `words` show of how the document is written."""
    dated = month_first_evidence(line.text for line in lines_of(words))
    return Writing(sum(c.isalpha() for word in words.words for c in word.text), dated, habits_of(words).month_first)


def settle_dates(pages: Sequence[tuple[Value, ...]], writings: Iterable[Writing], schema: Schema) -> list[tuple[Value, ...]]:
    """`pages` with those dates decided whose own page did not tell the century, or which is day and which is month.

    The document's other dates decide, then the country of its other pages, then the schema's rules of time (a document is not
    due before it is issued). Where none does, the day comes first and the problem stays.

    Args:
        pages: the values of each page of a document.
        writings: what each page shows.
        schema: with its rules.
    """
    pages = settle_centuries(pages, schema.rules)
    if not any(value.problem == SWAPPABLE for page in pages for value in page):
        return list(pages)
    shown = list(writings)
    orders = [{order for order in told if order is not None} for told in ((w.dated for w in shown), (w.usual for w in shown))]
    told = next((order for order in orders if order), set())
    month_first = told.pop() if len(told) == 1 else None if told else _order_by_rules(pages, schema)
    if month_first is None:
        return list(pages)
    return [tuple(_settled(value, month_first) for value in page) for page in pages]


def _order_by_rules(pages: Sequence[tuple[Value, ...]], schema: Schema) -> bool | None:
    """The one order of day and month with which the schema's rules of time hold; None where both do, or neither."""
    rules = [rule for rule in schema.rules if isinstance(rule, Order)]
    sound = []
    for month_first in (False, True):
        read: Mapping[str, Typed] = {v.path: _settled(v, month_first).value for page in reversed(pages) for v in reversed(page)}
        if all(judge(rule, read).passed is not False for rule in rules):
            sound.append(month_first)
    return sound[0] if len(sound) == 1 else None


def _settled(value: Value, month_first: bool) -> Value:
    if value.problem != SWAPPABLE or not isinstance(value.value, date):
        return value
    day = value.value
    return replace(value, value=day.replace(month=day.day, day=day.month) if month_first else day, problem="")


def normalize(leaves: Sequence[Leaf], schema: Schema, words: PageWords) -> tuple[Value, ...]:
    """The leaves of one page as typed values, in their order.

    Print that cannot be read as its kind keeps its place with `value` None and a `problem`. A currency field that no leaf fills
    is filled from the sign beside the amounts, else from the one that the page names.

    Args:
        leaves: what the engine copied; blank ones are dropped.
        schema: says the kind of each path.
        words: the page's words; their language and habits decide between `1.234` and `1,234`, and between day and month.

    Returns:
        Values without grounding: `box` is still the engine's hint in the reading frame, `confidence` the engine's own (0.9
        where it has none).

    Raises:
        KeyError: a path that the schema does not have.
    """
    lines = lines_of(words)
    texts = [line.text for line in lines]
    habits = habits_of(words, lines or [Line(leaf.verbatim, 0, (0,)) for leaf in leaves])
    sided = any(isinstance(rule, Signed | Running) for rule in schema.rules)
    values = [_value(leaf, spec_at(schema, leaf.path), habits, words.page, sided) for leaf in leaves if leaf.verbatim.strip()]
    if sided:
        values = _one_sided(values, schema)
    for rule in schema.rules:
        if isinstance(rule, Signed):
            values += _signed(rule, values)
    for spec in specs(schema):
        if spec.kind is Kind.CURRENCY and not any(value.path == spec.name and value.value for value in values):
            values += _missing_currency(spec, values, habits, texts, words.page)
    return tuple(values)


def _one_sided(values: Sequence[Value], schema: Schema) -> list[Value]:
    """`values` with the amounts of columns that hold money out, or in, positive: below zero there is what was taken back.

    A letter beside an amount tells; where none does, the sign that is usual in the column says nothing. Beside an amount that
    no rule speaks of, as the sum of such a column, a letter says nothing either.
    """
    ruled = {path for rule in schema.rules for path in terms(rule)}
    own: dict[str, str] = {}
    for rule in schema.rules:
        if isinstance(rule, Signed):
            own |= {f"{rule.table}[].{rule.plus}": "in", f"{rule.table}[].{rule.minus}": "out"}
    plain: dict[str, list[Decimal]] = defaultdict(list)
    for value in values:
        if isinstance(value.value, Decimal) and not split_side(value.verbatim).side:
            plain[_column(value.path)].append(value.value)
    usual = {column for column, found in plain.items() if sum(one < 0 for one in found) * 2 > len(found)}
    made = []
    for value in values:
        column, amount, side = _column(value.path), value.value, split_side(value.verbatim).side
        if isinstance(amount, Decimal) and side and (column in own or column not in ruled):
            amount = abs(amount) if side == own.get(column, side) else -abs(amount)
        elif isinstance(amount, Decimal) and column in own and column in usual:
            amount = -amount
        made.append(replace(value, value=amount))
    return made


def _column(path: str) -> str:
    """The path without the number of its row: `transactions[].debit`."""
    return re.sub(r"\[\d+\]", "[]", path)


def _signed(rule: Signed, values: Sequence[Value]) -> list[Value]:
    """The signed amounts of rows that print money in and money out in columns of their own; nothing where both are filled."""
    made = []
    found = {value.path: value for value in values if isinstance(value.value, Decimal)}
    for row in rows(found, rule.table):
        plus, minus, read_ = (found.get(f"{rule.table}[{row}].{name}") for name in (rule.plus, rule.minus, rule.result))
        filled = [one for one in (plus, minus) if one and one.value]
        if read_ is None and len(filled) == 1 and isinstance(filled[0].value, Decimal):
            amount = -filled[0].value if filled[0] is minus else filled[0].value
            made.append(replace(filled[0], path=f"{rule.table}[{row}].{rule.result}", value=amount))
    return made


def _value(leaf: Leaf, spec: FieldSpec, habits: Habits, page: int, sided: bool = False) -> Value:
    on_a_side = sided and spec.kind is Kind.MONEY
    reading = read_sided(leaf.verbatim, spec, habits) if on_a_side else read(leaf.verbatim, spec, habits)
    return Value(
        path=leaf.path,
        verbatim=leaf.verbatim,
        value=reading.value,
        page=page,
        box=leaf.box,
        # A sentence has many wordings: how likely this one was says nothing of whether it is right.
        confidence=0.9 if leaf.confidence is None or spec.written else leaf.confidence,
        problem=reading.problem,
        currency=reading.currency,
    )


def read(text: str, spec: FieldSpec, habits: Habits) -> Reading:
    """`text` as a value of the field's kind."""
    if spec.kind in NUMERIC:
        return _read_number(text, spec.kind, habits)
    if spec.kind is Kind.DATE:
        return _read_date(text, habits)
    if spec.kind is Kind.IDENTIFIER:
        normal = normal_identifier(text, spec.scheme, habits.country)
        wrong = valid(text, spec.scheme, habits.country) is False
        return Reading(
            normal or None, _WRONG.get(spec.scheme, DIGITS_WRONG) if wrong else "" if normal else "not an identifier"
        )
    if spec.kind is Kind.CURRENCY:
        code = currency_of(text, habits.language, habits.country)
        return Reading(code or None, "" if code else "not one currency")
    if spec.kind is Kind.CHOICE:
        choice = choice_of(text, spec, habits.language)
        return Reading(choice or None, "" if choice else "not one of the choices")
    if spec.kind is Kind.ADDRESS:
        return Reading("\n".join(filter(None, (" ".join(line.split()).strip(" ,;") for line in text.splitlines()))))
    plain = " ".join(text.split())
    return Reading(spell_forms(plain) if spec.kind is Kind.NAME else plain)


def read_sided(text: str, spec: FieldSpec, habits: Habits) -> Reading:
    """An amount of an account, where a word or letter beside it tells whether it is held or owed (`1.234,50 S`, `12.00 DR`)."""
    bare, side = split_side(text)
    reading = read(bare, spec, habits)
    if not side or not isinstance(reading.value, Decimal):
        return reading
    return reading._replace(value=-abs(reading.value) if side == "out" else abs(reading.value))


def _read_number(text: str, kind: Kind, habits: Habits) -> Reading:
    if kind is Kind.PERCENT:
        percent = parse_percent(text, habits.language)
        return Reading(percent, "" if percent is not None else "not a percentage")
    if kind is Kind.NUMBER:
        number = parse_number(text, habits.language, decimal=habits.decimal)
        return Reading(number, "" if number is not None else "not a number")
    amount = parse_amount(text, habits.language, decimal=habits.decimal, country=habits.country)
    return Reading(amount.value, "", amount.currency) if amount else Reading(None, "not an amount")


def _read_date(text: str, habits: Habits) -> Reading:
    # English papers of Thailand count in the Buddhist era, too: 67 is 2024.
    figures = habits.country == "TH" and not any(c.isascii() and c.isalpha() for c in text)
    day = parse_date(text, "th" if figures else habits.language, habits.month_first)
    if day is None:
        return Reading(None, "not a whole date")
    return Reading(day, SWAPPABLE if habits.month_first is None and is_ambiguous(text) else "")


def _missing_currency(spec: FieldSpec, values: Sequence[Value], habits: Habits, texts: Sequence[str], page: int) -> list[Value]:
    """The currency field that no leaf fills, from the signs beside the amounts; nothing where there is no sign at all."""
    if not any(isinstance(value.value, Decimal) for value in values):
        return []  # a page without figures speaks of a currency for another reason
    beside = Counter(value.currency for value in values if value.currency)
    code = beside.most_common(1)[0][0] if beside else habits.currency
    if not code or not values:
        return []
    prints = [value.verbatim for value in values if value.currency == code] + list(texts)
    marks = (
        text[m.start : m.end]
        for text in prints
        for m in find_currencies(text, habits.language, habits.country)
        if m.code == code
    )
    return [Value(spec.name, next(marks, code), code, page, confidence=0.9 if beside else 0.8)]
