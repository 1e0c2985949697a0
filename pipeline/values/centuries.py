"""The century of years in two digits, where a document's rules of time tell it: nobody is born after the paper was issued."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date

from pipeline.records import Value
from pipeline.values.text import fold_digits
from schemas.base import Order, Rule

_TOO_LATE = 2040
"""No document that can be read was issued so late; what came before its issue did not happen then, either."""

_ISSUED = "issue_date"


def settle_centuries(pages: Sequence[tuple[Value, ...]], rules: Iterable[Rule]) -> list[tuple[Value, ...]]:
    """`pages` with those dates a hundred years earlier that print two digits for a year and else came too late.

    Too late is after a date that a rule (or two, one after the other) says is later, and, before the issue of the document,
    whatever is later than any document.

    Args:
        pages: the values of each page of a document.
        rules: those of its schema.
    """
    orders = [rule for rule in rules if isinstance(rule, Order)]
    dates: dict[str, date] = {}
    for page in pages:
        for value in page:
            if isinstance(value.value, date):
                dates.setdefault(value.path, value.value)
    return [tuple(_settled(value, orders, dates) for value in page) for page in pages]


def _settled(value: Value, orders: Sequence[Order], dates: Mapping[str, date]) -> Value:
    day = value.value
    if not isinstance(day, date) or day.year < 2000 or re.search(r"\d{4}", fold_digits(value.verbatim)):
        return value
    later = _later(value.path, orders)
    limits = [dates[name] for name in later if name in dates]
    if (_ISSUED in later and day.year >= _TOO_LATE) or any(day > limit for limit in limits):
        try:
            return replace(value, value=day.replace(year=day.year - 100))
        except ValueError:  # 29 February 1900
            return value
    return value


def _later(name: str, orders: Sequence[Order]) -> set[str]:
    """The fields that the rules put behind `name`, also by way of another one."""
    found: set[str] = set()
    ahead = {name}
    while ahead:
        ahead = {order.later for order in orders if order.earlier in ahead} - found - {name}
        found |= ahead
    return found
