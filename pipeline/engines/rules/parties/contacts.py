"""Finding the parties' bank codes, e-mail addresses and telephone numbers."""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from pipeline.engines.rules.labels import Hit
from pipeline.engines.rules.sheet import Cell, Sheet, Span
from pipeline.values.text import fold_digits
from schemas.fields import FieldSpec

_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)*\.[A-Za-z]{2,}(?![\w@])")
_BIC = re.compile(r"(?<![A-Za-z0-9])[A-Z]{4} ?[A-Z]{2} ?[A-Z0-9]{2} ?(?:[A-Z0-9]{3})?(?![A-Za-z0-9])")
_PHONE = re.compile(r"(?<![\w/.-])[+(]?\d[\d()/. -]{5,20}\d(?![\w-])")
_LEAST_DIGITS, _MOST_DIGITS = 7, 15
_NEAR = 4
"""A value stands at most so many characters behind its label."""
SURE = {"email": 0.93, "bic": 0.93, "phone": 0.88}


class Contact(NamedTuple):
    """A value on the sheet, and the field whose label stands in front of it; empty where its form tells what it is."""

    span: Span
    labelled: str = ""


def find_contacts(
    sheet: Sheet, scheme: str, fields: Sequence[FieldSpec], hits: Sequence[Hit], taken: frozenset[int]
) -> Iterator[Contact]:
    """The values of `scheme`: e-mail addresses by their form, codes of banks and numbers of telephones at their labels."""
    if scheme == "email":
        for cell in sheet.cells:
            for match in _EMAIL.finditer(cell.text) if cell.index not in taken else ():
                yield Contact(Span(cell, match.start(), match.end()))
        return
    pattern = _BIC if scheme == "bic" else _PHONE
    names = {spec.name for spec in fields}
    for hit in hits:
        if hit.name not in names or hit.span.cell.index in taken:
            continue
        for place, start in _places(sheet, hit):
            found = pattern.search(fold_digits(place.text), start)
            if found and found.start() - start <= _NEAR and _sound(found.group(), scheme):
                yield Contact(Span(place, found.start(), found.end()), hit.name)
                break


def _places(sheet: Sheet, hit: Hit) -> list[tuple[Cell, int]]:
    """Where the value of a label can stand: behind it, right of it, or under it."""
    cell = hit.span.cell
    right = [(other, 0) for other in list(sheet.right_of(cell))[:1]]
    below = [(other, 0) for other in list(sheet.below(cell.box, cell.row, 3.2))[:1]]
    return [(cell, hit.span.end), *right, *below]


def _sound(text: str, scheme: str) -> bool:
    if scheme != "phone":
        return len(text.replace(" ", "")) in (8, 11)
    return _LEAST_DIGITS <= sum(map(str.isdigit, text)) <= _MOST_DIGITS
