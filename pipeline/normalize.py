"""From print to typed values: each leaf that an engine copied is read as its field's kind, by the habits of its page."""

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from pipeline.records import Leaf, PageWords, Typed, Value
from pipeline.values.amounts import parse_amount, parse_number, parse_percent
from pipeline.values.choices import choice_of
from pipeline.values.currencies import currency_of, find_currencies
from pipeline.values.dates import is_ambiguous, parse_date
from pipeline.values.identifiers import normal_identifier, valid
from pipeline.values.lines import Habits, Line, habits_of, lines_of
from pipeline.values.sides import split_side
from schemas.base import Running, Schema, Signed, spec_at, specs
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
    for spec in specs(schema):
        if spec.kind is Kind.CURRENCY and not any(value.path == spec.name and value.value for value in values):
            values += _missing_currency(spec, values, habits, texts, words.page)
    return tuple(values)


def _value(leaf: Leaf, spec: FieldSpec, habits: Habits, page: int, sided: bool = False) -> Value:
    on_a_side = sided and spec.kind is Kind.MONEY
    reading = read_sided(leaf.verbatim, spec, habits) if on_a_side else read(leaf.verbatim, spec, habits)
    return Value(
        path=leaf.path,
        verbatim=leaf.verbatim,
        value=reading.value,
        page=page,
        box=leaf.box,
        confidence=0.9 if leaf.confidence is None else leaf.confidence,
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
        code = currency_of(text, habits.language, habits.dollar)
        return Reading(code or None, "" if code else "not one currency")
    if spec.kind is Kind.CHOICE:
        choice = choice_of(text, spec, habits.language)
        return Reading(choice or None, "" if choice else "not one of the choices")
    if spec.kind is Kind.ADDRESS:
        return Reading("\n".join(filter(None, (" ".join(line.split()).strip(" ,;") for line in text.splitlines()))))
    return Reading(" ".join(text.split()))


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
    amount = parse_amount(text, habits.language, decimal=habits.decimal, dollar=habits.dollar)
    return Reading(amount.value, "", amount.currency) if amount else Reading(None, "not an amount")


def _read_date(text: str, habits: Habits) -> Reading:
    day = parse_date(text, habits.language, habits.month_first)
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
        for m in find_currencies(text, habits.language, habits.dollar)
        if m.code == code
    )
    return [Value(spec.name, next(marks, code), code, page, confidence=0.9 if beside else 0.8)]
