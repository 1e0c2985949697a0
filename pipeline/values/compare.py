"""When two values are the same: exactly, after writing both in one way."""

import re
from datetime import date
from decimal import Decimal, InvalidOperation

from pipeline.records import Typed
from pipeline.values.amounts import parse_amount, parse_number, parse_percent
from pipeline.values.currencies import currency_of
from pipeline.values.dates import parse_date
from pipeline.values.identifiers import normal_identifier
from pipeline.values.text import fold, fold_name
from schemas.fields import Kind

_EU = re.compile("AT|BE|BG|CY|CZ|DE|DK|EE|EL|ES|FI|FR|GB|HR|HU|IE|IT|LT|LU|LV|MT|NL|PL|PT|RO|SE|SI|SK|XI")

_LONG_BIC = 11
_LOCAL, _CODE = 6, 4
"""Digits of a telephone number without its country, at least, and of what may stand before them, at most (`+39 0`)."""


def same(kind: Kind, a: Typed, b: Typed, scheme: str = "") -> bool:
    """Whether `a` and `b` say the same as values of `kind`.

    Money, numbers, percents and dates are compared exactly as typed values. Names, addresses and texts without case, spaces,
    punctuation and Latin accents. Identifiers without separators; a tax number also without the country in front where only one
    of the two has it, a telephone number likewise, a BIC without the `XXX` of a head office, and a number of digits alone also
    without zeros in front (`000.000.002` is document 2).

    Args:
        kind: what sort of value both are.
        a: typed, or text: numbers with a decimal point, dates as ISO, else as printed.
        b: likewise.
        scheme: the identifier's sort.
    """
    left, right = key(kind, a, scheme), key(kind, b, scheme)
    if left is None or right is None:
        return False
    if scheme == "tax_id" and isinstance(left, str) and isinstance(right, str) and left != right:
        return _without_country(left) == right or left == _without_country(right)
    if scheme == "phone" and isinstance(left, str) and isinstance(right, str):
        return _same_phone(left, right)
    return left == right


def key(kind: Kind, value: Typed, scheme: str = "") -> Typed:
    """What `same` compares: equal for equal values; None for nothing and for what is no value of `kind`."""
    if value is None or value == "":
        return None
    if kind in (Kind.MONEY, Kind.NUMBER, Kind.PERCENT):
        return _decimal(kind, value)
    if kind is Kind.DATE:
        return value if isinstance(value, date) else _date(str(value))
    text = str(value)
    if kind is Kind.IDENTIFIER:
        bare = re.sub(r"[^\w]|_", "", normal_identifier(text, scheme).upper()) or fold(text)
        if scheme == "bic" and len(bare) == _LONG_BIC:
            bare = bare.removesuffix("XXX")
        return (bare.lstrip("0") or "0") if bare.isdigit() and scheme not in ("tax_id", "iban") else bare
    if kind is Kind.CURRENCY:
        return currency_of(text) or text.strip().upper()
    return fold_name(text)


def _decimal(kind: Kind, value: Typed) -> Decimal | None:
    try:
        return Decimal(str(value))
    except InvalidOperation:
        pass
    if kind is Kind.PERCENT:
        return parse_percent(str(value))
    if kind is Kind.NUMBER:
        return parse_number(str(value))
    amount = parse_amount(str(value))
    return amount.value if amount else None


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return parse_date(text)


def _same_phone(one: str, other: str) -> bool:
    """Whether the digits are the same but for the code of a country in front of one of them, and the zero that it replaces."""
    short, long = sorted((one, other), key=len)
    return long.endswith(short) and (len(long) == len(short) or (len(short) >= _LOCAL and len(long) - len(short) <= _CODE))


def _without_country(tax_id: str) -> str:
    return tax_id[2:] if _EU.match(tax_id) else tax_id
