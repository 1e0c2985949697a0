"""Telephone numbers: one writing (E.164), whether the numbering plan knows them, and the country of a prefix."""

import re

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberFormat

_LABEL = re.compile(r"^[^\w&]*+(?:(?:[^\W\d_]++[.:/]*+|&)\s*+)++(?=[+\d]|\(\+?\d)")
"""Words in front: `Tel.:`, `Fone`, `Tel./Fax`. Nothing is given back: a sentence without a number must not take an age."""


def normal_phone(text: str, country: str = "") -> str:
    """`text` (ASCII digits) as E.164 (`+49301234567`) where its country is printed or given, else as printed.

    Args:
        text: a telephone number, a label may stand in front.
        country: ISO 3166 alpha 2, of the page.
    """
    bare = _LABEL.sub("", text).strip(" .,;:")
    number = _parsed(bare, country)
    return phonenumbers.format_number(number, PhoneNumberFormat.E164) if number else bare


def valid_phone(text: str, country: str = "") -> bool | None:
    """Whether the numbering plan has such a number; None where its country is not known."""
    number = _parsed(text, country)
    return phonenumbers.is_valid_number(number) if number else None


def country_of_code(digits: str) -> str:
    """The country that a number in international writing (without the plus) is of; empty where that does not tell one."""
    number = _parsed("+" + digits, "")
    if number is None:
        return ""
    region = phonenumbers.region_code_for_number(number)
    if region:
        return str(region)
    regions = phonenumbers.region_codes_for_country_code(number.country_code or 0)
    return str(regions[0]) if len(regions) == 1 else ""


def _parsed(text: str, country: str) -> PhoneNumber | None:
    try:
        return phonenumbers.parse(text[:80], country or None)
    except NumberParseException:
        return None
