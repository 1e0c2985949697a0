"""Identifiers of every scheme: finding bank accounts and tax numbers, writing each one way, and what check digits say."""

import re
import unicodedata
from functools import cache
from importlib import import_module
from typing import Any, NamedTuple

from pipeline.values.data import load_data
from pipeline.values.mrz import mrz_lines, read_mrz
from pipeline.values.phones import normal_phone, valid_phone
from pipeline.values.text import MINUS, fold_digits

SCHEMES = ("tax_id", "iban", "bic", "phone", "email", "mrz")
"""Those that have a writing of their own, and something that tells right from wrong."""

_IBAN_START = re.compile(r"(?<![A-Z0-9])[A-Z]{2}\d{2}(?=[ .-]?[A-Z0-9]{4})")
_IBAN_GROUP = re.compile(r"[ .-]?([A-Z0-9]{1,4})")
_TAX_SUFFIX = re.compile(r"(?<=\d)(?:MWST|TVA|IVA)$")
_EMAIL = re.compile(r"[a-z0-9][\w.+%'-]*@(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,24}")
_MIN_IBAN = 15
_MIN_DIGITS = 5


class TaxId(NamedTuple):
    """A tax number in print: its place, its normal text, its form (`eu_vat`, `cnpj` …), and what the check digits say."""

    start: int
    end: int
    text: str
    form: str
    valid: bool


def find_ibans(text: str) -> list[tuple[int, int, str]]:
    """The IBANs in a line, as (start, end, IBAN without spaces). Wrong check digits do not matter: see `valid`."""
    clean, found = _capitals(text), []
    position = 0
    while start := _IBAN_START.search(clean, position):
        length = _iban_lengths().get(start.group()[:2])
        end = _iban_end(clean, start.start(), length) if length else None
        position = end or start.end()
        if end:
            found.append((start.start(), end, re.sub("[^A-Z0-9]", "", clean[start.start() : end])))
    return found


def find_tax_ids(text: str, language: str = "und") -> list[TaxId]:
    """The tax numbers in a line, in order: EU VAT ids and those of Switzerland, Brazil, India, Thailand, Mexico and others.

    A form that could be any number (11 digits in Italy) counts behind a label (`P.IVA`), else only in its language and with
    sound check digits; a telling form counts always. IBANs are left out.
    """
    clean = _capitals(text)
    for start, end, _ in find_ibans(clean):
        clean = clean[:start] + "_" * (end - start) + clean[end:]
    found: list[TaxId] = []
    for form in _forms():
        languages = form.get("languages")
        if not form.get("find", True) or (languages and language not in languages):
            continue
        for match in _compiled(form["pattern"]).finditer(clean):
            if any(match.start() < other.end and other.start < match.end() for other in found):
                continue
            normal = normal_identifier(match.group(), "tax_id")
            sound = _sound(form["check"], normal)
            if sound or form.get("telling"):
                found.append(TaxId(match.start(), match.end(), normal, form["name"], sound))
    for match in _labelled().finditer(clean):
        start, end = match.span("number")
        enough = sum(c.isdigit() for c in match.group("number")) >= _MIN_DIGITS
        if enough and not any(start < other.end and other.start < end for other in found):
            normal = normal_identifier(match.group("number"), "tax_id")
            found.append(TaxId(start, end, normal, "labelled", bool(valid(normal, "tax_id"))))
    return sorted(found)


def tax_country(tax_id: TaxId) -> str:
    """The country (ISO 3166 alpha 2) whose tax number it is; empty where its form does not tell."""
    if tax_id.form == "eu_vat":
        return {"EL": "GR", "XI": "GB"}.get(tax_id.text[:2], tax_id.text[:2])
    return next((str(form.get("country", "")) for form in _forms() if form["name"] == tax_id.form), "")


def normal_identifier(text: str, scheme: str = "", country: str = "") -> str:
    """`text` as an identifier is stored.

    Args:
        text: as printed.
        scheme: `iban`, `tax_id` and `bic` lose every separator and are put in capitals, `phone` becomes E.164 where its country
            is known, `email` loses its capitals, `mrz` is its lines in capitals; others keep their print with spaces folded to
            one and hyphens made plain.
        country: of the page (ISO 3166 alpha 2), for telephone numbers.
    """
    if scheme == "mrz":
        return "\n".join(mrz_lines(unicodedata.normalize("NFKC", text)))
    clean = " ".join(re.sub(f"[{MINUS}]", "-", fold_digits(unicodedata.normalize("NFKC", text))).split())
    if scheme == "phone":
        return normal_phone(clean, country)
    if scheme == "email":
        return _email(clean)
    if scheme == "bic":
        bare = re.sub(rf"^(?:{_table()['before']['bic']})+(?=[A-Z])", "", clean.upper())
        return re.sub("[^A-Z0-9]", "", bare)
    if scheme not in ("iban", "tax_id"):
        return clean.strip(" :;,")
    bare = re.sub(r"^.*:(?=[^:]*\d)", "", clean).upper()
    if scheme == "iban":
        found = find_ibans(bare)
        return found[0][2] if len(found) == 1 else re.sub("[^A-Z0-9]", "", bare)
    bare = re.sub(r"[^A-ZÑ&0-9]", "", _before_tax_id().sub("", bare))
    return _TAX_SUFFIX.sub("", bare)


def valid(text: str, scheme: str, country: str = "") -> bool | None:
    """What the check digits of an identifier say, or its form where it has none: evidence, never a reason to reject.

    Args:
        text: the identifier, in any writing.
        scheme: `iban`, `tax_id`, `bic`, `phone`, `email`, `mrz`.
        country: of the page, for telephone numbers.

    Returns:
        None for other schemes and for forms that have no check digits known here.
    """
    normal = normal_identifier(text, scheme, country)
    if not normal or scheme not in SCHEMES:
        return None
    if scheme == "iban":
        return _iban_sound(normal)
    if scheme == "bic":
        return _sound("stdnum.bic", normal)
    if scheme == "phone":
        return valid_phone(normal, country)
    if scheme == "email":
        return bool(_EMAIL.fullmatch(normal))
    if scheme == "mrz":
        zone = read_mrz(normal)
        return not zone.wrong if zone else None
    forms = [form for form in _forms() if re.fullmatch(form.get("bare", form["pattern"]), normal)]
    if any(_sound(form["check"], normal) for form in forms):
        return True
    printed = _before_tax_id().sub("", _capitals(text).strip(" :;,.")).strip()
    if any(form.get("telling") and _compiled(form["pattern"]).fullmatch(printed) for form in _forms()):
        return False  # printed in a form that no other number has
    # Digits alone may be a number of a form that is not known here.
    return False if any(form.get("telling") for form in forms) and not normal.isdigit() else None


def _email(text: str) -> str:
    """The address in `text` without capitals; OCR puts spaces around the sign and the points."""
    joined = re.sub(r"\s*@\s*", "@", text.lower())
    found = re.search(r"(?<![\w.+%'-])[\w.+%'-]++@[\w-]+(?: \. ?[\w-]+|\.[\w-]+)*", joined)
    return found.group().replace(" ", "") if found else text.strip(" :;,")


def _iban_end(text: str, start: int, length: int) -> int | None:
    """Where the IBAN of `length` characters that starts at `start` ends; a shorter one ends with its last group of digits.

    Only the bank's own group may be letters alone, unless the check digits are sound: the next word is mostly a BIC.
    """
    for any_letters in (True, False):
        count, end = 4, start + 4
        while count < length and (match := _IBAN_GROUP.match(text, end)):
            if match.group(1).isalpha() and count > 4 and not any_letters:
                break
            count, end = count + len(match.group(1)), match.end()
        end, count = end - max(count - length, 0), min(count, length)
        if re.match("[A-Z0-9]", text[end : end + 1]):
            continue
        if (count == length and _iban_sound(text[start:end])) or (not any_letters and count >= _MIN_IBAN):
            return end
    return None


def _iban_sound(text: str) -> bool:
    """Whether the check digits fit. A country's own (`check_country`) would refuse banks that stdnum's lists do not have."""
    from stdnum.iban import is_valid

    return bool(is_valid(text, check_country=False))


def _capitals(text: str) -> str:
    """`text` in capitals with ASCII digits, as long as before."""
    if text.isascii():
        return text.upper()
    return "".join(c.upper() if len(c.upper()) == 1 else c for c in re.sub(f"[{MINUS}\u00a0\u202f]", _plain, fold_digits(text)))


def _plain(match: re.Match[str]) -> str:
    return " " if match.group().isspace() else "-"


@cache
def _iban_lengths() -> dict[str, int]:
    """The length of an IBAN by country, from stdnum's copy of the SWIFT registry."""
    from stdnum.iban import _ibandb  # its one table of structures

    lengths: dict[str, int] = {}
    for first in "ABCDEFGHIJKLMNOPQRSTUVWXYZ":
        for second in "ABCDEFGHIJKLMNOPQRSTUVWXYZ":
            _, info = _ibandb.info(first + second)[0]
            if "bban" in info:
                lengths[first + second] = 4 + sum(int(n) for n in re.findall(r"(\d+)!?[nac]", info["bban"]))
    return lengths


@cache
def _labelled() -> re.Pattern[str]:
    """A tax number behind its label on the same line, `(ES)` or `No.` between them; neither an amount nor a date."""
    labels = "|".join(re.escape(label) for label in sorted(_table()["labels"], key=len, reverse=True))
    return re.compile(
        rf"(?<![A-Z0-9])(?:{labels})(?:[ .:#º°-]|\b(?:NR|NO|N|NUM|NUMBER|NUMMER|REG|ID|IDNR)\b|\([A-Z]{{2}}\))*"
        r"(?!\d[\d.]*\.\d\d(?!\w)|\d{1,2}([./-])\d{1,2}\1\d{2,4}(?!\w))"
        r"(?P<number>[A-Z0-9](?:[./-]?[A-Z0-9]){6,17}|\d{1,5}(?: \d{1,5}){1,5})(?![A-Z0-9_])"
    )


@cache
def _before_tax_id() -> re.Pattern[str]:
    """A label in front of a tax number, and what links it; without a number behind it is the number's own letters."""
    labels = "|".join(re.escape(label) for label in sorted(_table()["labels"], key=len, reverse=True))
    return re.compile(rf"^(?:(?:{labels})(?=[ .:#º°-])(?:[ .:#º°-]|(?:NR|NO|N)\b)*+)(?=.*\d)")


@cache
def _forms() -> list[dict[str, Any]]:
    return list(_table()["tax_id"])


@cache
def _table() -> dict[str, Any]:
    return load_data("identifiers.toml")


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![A-Z0-9/_])(?<![A-Z0-9][.-])(?:{pattern})(?![A-Z0-9_]|[./-]\d)")


def _sound(check: str, text: str) -> bool:
    return bool(import_module(check).is_valid(text))
