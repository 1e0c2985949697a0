"""Finding the parties' tax numbers and bank accounts, and telling whose each is."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from pipeline.engines.rules.labels import Hit
from pipeline.engines.rules.parties.contacts import SURE, find_contacts
from pipeline.engines.rules.parties.telling import folded_words
from pipeline.engines.rules.sheet import Cell, Reading, Sheet, Span
from pipeline.records import Leaf, WordsFrom
from pipeline.values.dates import find_dates
from pipeline.values.identifiers import find_ibans, find_tax_ids, normal_identifier, valid
from pipeline.values.text import fold_digits, fold_traced
from schemas.fields import FieldSpec

_RANKS = {
    **dict.fromkeys(
        ("eu_vat", "gb_vat", "ch_uid", "gstin", "cnpj", "rfc", "cuit", "rut", "co_nit", "th_tin", "cif", "piva"), 5
    ),
    **{
        "pt_nif": 4,
        "labelled": 3,
        "us_ein": 3,
        "cpf": 2,
        "siren": 2,
        "siret": 2,
        "codice_fiscale": 2,
        "lesser": 1,
        "de_stnr": 1,
        "pan": 1,
    },
}
"""What is preferred where a party prints several: the number under which it owes value added tax."""
_LESSER = re.compile(r"steuer-?n|st\.?-? ?n|siren|siret|codice fiscale|cod\. ?fisc|c\.f|\bpan\b")
_TOKEN = re.compile(r"(?<![A-Za-z0-9])(?:[A-Z0-9](?:[./-]?[A-Z0-9]){6,17}|\d{1,5}(?: \d{1,5}){1,5})(?![A-Za-z0-9])")
_TO_DIGITS = str.maketrans("OQDIlSBZG", "000115826")
_TO_LETTERS = str.maketrans("0158246", "OISBZAG")
_GSTIN_TABLES: tuple[dict[int, int], ...] = (_TO_DIGITS, _TO_LETTERS, _TO_DIGITS, _TO_LETTERS, {}, str.maketrans("2", "Z"), {})
_GSTIN = re.compile(r"(?<!\w)[\dOIlSBZQD]{2}[A-Z0-9]{10}[A-Z0-9][Z2][A-Z0-9](?!\w)")
_IBAN = re.compile(r"(?<!\w)[A-Z]{2}[\dOIlSBZQD]{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?!\w)")


class Number(NamedTuple):
    """A number on the sheet.

    Attributes:
        span: where it starts; it may go on in the next cell.
        verbatim: as printed; `text`: as it is stored.
        rank: 0..5, how much it is preferred; `sound`: whether its check digits fit.
        labelled: the field whose label stands in front of it, where its form does not tell what it is.
    """

    span: Span
    verbatim: str
    text: str
    rank: int
    sound: bool
    labelled: str = ""


def read_numbers(
    sheet: Sheet, fields: Sequence[FieldSpec], hits: Sequence[Hit], taken: frozenset[int], owners: Mapping[str, frozenset[int]]
) -> list[Leaf]:
    """Tax numbers, accounts, codes of banks, e-mail addresses and telephone numbers of the parties.

    Args:
        sheet: the page.
        fields: the fields with such a scheme.
        hits: the labels of the schema's fields.
        taken: cells of line items.
        owners: by party (`issuer`, `recipient`) the cells of its block; empty for blocks that are neither's.
    """
    leaves = []
    for scheme in ("tax_id", "iban", *SURE):
        asked = [spec for spec in fields if spec.scheme == scheme]
        if not asked:
            continue
        found = list(_found(sheet, scheme, asked, hits, taken))
        owned: dict[str, list[tuple[Number, float]]] = {}
        for number in found:
            blocks = owners if scheme == "tax_id" else {role: cells for role, cells in owners.items() if role}
            role, sure = _owner(sheet, number, asked, hits, blocks)
            owned.setdefault(role, []).append((number, sure))
        theirs = {number.text for number, _ in owned.get("recipient", [])}
        for spec in asked:
            choice = [
                (number, sure)
                for number, sure in owned.get(str(spec.party), [])
                if spec.party == "recipient" or number.text not in theirs or len(owned.get("issuer", [])) == 1
            ]
            if choice:
                number, sure = max(choice, key=lambda item: (item[0].rank, item[1] > 0.9, item[0].sound, item[1]))
                sure *= SURE.get(scheme, 1.0)
                sure *= 1.0 if number.sound or number.rank >= 5 else 0.93
                leaves.append(sheet.leaf(spec.name, Reading(number.span, sure, " ".join(number.verbatim.split()))))
    return leaves


def _found(
    sheet: Sheet, scheme: str, fields: Sequence[FieldSpec], hits: Sequence[Hit], taken: frozenset[int]
) -> Iterator[Number]:
    """The numbers of `scheme` on the sheet."""
    if scheme == "tax_id":
        yield from _tax_numbers(sheet, fields, hits, taken)
    elif scheme == "iban":
        yield from _accounts(sheet, taken)
    else:
        for contact in find_contacts(sheet, scheme, fields, hits, taken):
            yield Number(contact.span, contact.span.text, contact.span.text, 5, True, contact.labelled)


def _tax_numbers(sheet: Sheet, fields: Sequence[FieldSpec], hits: Sequence[Hit], taken: frozenset[int]) -> Iterator[Number]:
    """The tax numbers by their form, and whatever stands behind, or under, a label for one."""
    seen: set[int] = set()
    misread = sheet.page.words_from is WordsFrom.OCR
    for row in sheet.rows:
        text, starts = _joined(row)
        if misread:
            text = _GSTIN.sub(_mended_gstin, text)
        for found in find_tax_ids(text, sheet.page.language):
            span = _span(row, starts, found.start, found.end)
            if span.cell.index in taken:
                continue
            seen.add(span.cell.index)
            lesser = found.form == "labelled" and _LESSER.search(fold_traced(text[max(found.start - 24, 0) : found.start]).text)
            rank = _RANKS["lesser" if lesser else found.form]
            yield Number(span, text[found.start : found.end], found.text, rank, found.valid)
    names = {spec.name for spec in fields}
    for hit in hits:
        if hit.name not in names or hit.span.cell.index in taken or hit.letters < 3:
            continue
        value = _value_of(sheet, hit)
        if value and value.cell.index not in seen:
            seen.add(value.cell.index)
            rank = _RANKS["lesser" if _LESSER.search(fold_traced(hit.span.text).text) else "labelled"]
            text = normal_identifier(value.text, "tax_id")
            yield Number(value, value.text, text, rank, bool(valid(text, "tax_id")), hit.name)


def _accounts(sheet: Sheet, taken: frozenset[int]) -> Iterator[Number]:
    for row in sheet.rows:
        text, starts = _joined(row)
        if sheet.page.words_from is WordsFrom.OCR:
            text = _IBAN.sub(_mended_iban, text)
        for start, end, iban in find_ibans(text):
            span = _span(row, starts, start, end)
            if span.cell.index not in taken:
                sound = bool(valid(iban, "iban"))
                yield Number(span, text[start:end], iban, 5 if sound else 4, sound)


def _mended_gstin(match: re.Match[str]) -> str:
    """A GSTIN with digits where digits belong, and letters where letters do, if its check digit then fits."""
    text = match.group()
    parts = (text[:2], text[2:7], text[7:11], text[11], text[12], text[13], text[14])
    mended = "".join(part.translate(table) for part, table in zip(parts, _GSTIN_TABLES, strict=True))
    return mended if valid(mended, "tax_id") else text


def _mended_iban(match: re.Match[str]) -> str:
    """An IBAN with digits for the letters that look like them, behind the country, if its check digits then fit."""
    text = match.group()
    if valid(text, "iban"):
        return text
    mended = text[:2] + text[2:].translate(_TO_DIGITS)
    return mended if valid(mended, "iban") else text


def _joined(row: Sequence[Cell]) -> tuple[str, list[int]]:
    """The text of a row, and where in it each cell starts."""
    text, starts = "", []
    for cell in row:
        text += "  " if text else ""
        starts.append(len(text))
        text += cell.text
    return text, starts


def _span(row: Sequence[Cell], starts: Sequence[int], start: int, end: int) -> Span:
    """A slice of a row as one of the cell in which it starts."""
    number = max(n for n, s in enumerate(starts) if s <= start)
    cell = row[number]
    return Span(cell, start - starts[number], min(end - starts[number], len(cell.text)))


def _value_of(sheet: Sheet, hit: Hit) -> Span | None:
    """The number behind a label in its cell, right of it, or below it."""
    cell = hit.span.cell
    places = [(cell, hit.span.end), *((c, 0) for c in list(sheet.right_of(cell))[:1])]
    places += [(c, 0) for c in list(sheet.below(cell.box, cell.row, 3.2))[:1]]
    for place, start in places:
        match = _TOKEN.search(fold_digits(place.text), start)
        if match is None or match.start() - start > 6 or sum(map(str.isdigit, match.group())) < 6:
            continue
        if not find_dates(match.group(), sheet.page.language):
            return Span(place, match.start(), match.end())
    return None


def _owner(
    sheet: Sheet, number: Number, fields: Sequence[FieldSpec], hits: Sequence[Hit], owners: Mapping[str, frozenset[int]]
) -> tuple[str, float]:
    """Whose a number is, and how sure that is: by its label, by the block it stands in or under, else the issuer's."""
    recipient = {spec.name for spec in fields if spec.party == "recipient"}
    cell = number.span.cell
    if number.labelled in recipient:
        return "recipient", 0.9
    ahead_of_it = fold_traced(cell.text[: number.span.start]).text
    if recipient and re.search(rf"(?<!\w)(?:{'|'.join(map(re.escape, folded_words('theirs')))})(?!\w)", ahead_of_it):
        return "recipient", 0.88
    for hit in hits:
        ahead = hit.span.cell.row == cell.row and hit.span.cell.box[0] <= cell.box[0] + 0.001 and hit.name in recipient
        if ahead and sheet.across(hit.span.cell.box, cell.box) < 25:
            return "recipient", 0.92
    for role, cells in owners.items():
        if cell.index in cells:
            return role, 0.93
    near = {role or "neither": _distance(sheet, cell, cells) for role, cells in owners.items()}
    if near.get("recipient", 99.0) < min(near.get("issuer", 99.0), 4.0):
        return "recipient", 0.75
    return "issuer", 0.88 if near.get("issuer", 99.0) < 6 or "recipient" in owners else 0.8


def _distance(sheet: Sheet, cell: Cell, block: frozenset[int]) -> float:
    """How far under the last line of a block in its column a cell stands, in units; much where it is not under it."""
    above = [sheet.cells[index] for index in block if sheet.cells[index].row < cell.row]
    near = [sheet.down(c.box, cell.box) for c in above if sheet.across(c.box, cell.box) < 1.0]
    return min(near, default=99.0)
