"""Drawing lots: pictures of numbers, numbers with right check digits, prices, dates."""

import string
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from importlib import import_module
from random import Random

from stdnum import iban as iban_numbers

from sample_data.generator.places import Bank, Place

_CONSONANTS = "BCDFGHJKLMNPRSTVWZ"
_TRIES = 200_000
_FIRST, _DAYS = date(2023, 1, 9), 1000
CENT = Decimal("0.01")


def picture(pattern: str, random: Random) -> str:
    """`pattern` with each `#` a digit, each `@` a capital letter and each `*` either."""
    alphabets = {"#": string.digits, "@": _CONSONANTS, "*": string.digits + _CONSONANTS}
    return "".join(random.choice(alphabets[c]) if c in alphabets else c for c in pattern)


def tax_id(place: Place, random: Random) -> str:
    """A tax number of the place, as printed, with right check digits."""
    valid = import_module(place.tax_id.check).is_valid
    for _ in range(_TRIES):
        number = picture(place.tax_id.pattern, random)
        if valid(number):
            return number
    raise ValueError(f"no number like {place.tax_id.pattern} is valid for {place.tax_id.check}")


def iban(bank: Bank, random: Random) -> str:
    """An IBAN at the bank, in groups of four, right by the checks of its country too."""
    for _ in range(_TRIES):
        bban = picture(bank.bban, random)
        number = bank.country + iban_numbers.calc_check_digits(f"{bank.country}00{bban}") + bban
        if iban_numbers.is_valid(number):
            return str(iban_numbers.format(number))
    raise ValueError(f"no account like {bank.bban} is valid in {bank.country}")


def price(usual: Decimal, place: Place, random: Random) -> Decimal:
    """A price near a usual one: odd cents for small ones, rounder the higher it is."""
    value = usual * place.scale * Decimal(random.randint(70, 140)) / 100
    step = Decimal("0.01") if value < 5 else Decimal("0.05") if value < 30 else Decimal("0.5") if value < 200 else Decimal(5)
    return to_step(value, max(step, place.step))


def to_step(value: Decimal, step: Decimal) -> Decimal:
    """`value` at the nearest multiple of `step`, with two decimals."""
    return ((value / step).quantize(Decimal(1), ROUND_HALF_UP) * step).quantize(CENT)


def cents(value: Decimal) -> Decimal:
    """`value` with two decimals, halves away from zero, as bills are rounded."""
    return value.quantize(CENT, ROUND_HALF_UP)


def day(random: Random) -> date:
    """A day of issue."""
    return _FIRST + timedelta(days=random.randrange(_DAYS))
