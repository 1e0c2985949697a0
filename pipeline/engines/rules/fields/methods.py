"""The means of payment on a slip: its word opens a line with what was paid, or with the number of a card."""

import re
import unicodedata
from collections.abc import Iterator, Sequence

from pipeline.engines.rules.fields.terms import words_of_payment
from pipeline.engines.rules.labels import squeeze
from pipeline.engines.rules.sheet import Cell, Reading, Sheet, Span
from pipeline.records import Leaf
from pipeline.values.amounts import find_amounts
from schemas.fields import FieldSpec, Kind

_NAME = "payment_method"
_PAID = "total"
_SURE = 0.85
_REST = re.compile(r"[\s:.,*xX#•\d-]*(?:(?:[A-Z]{3}|[€$£₹฿])[\s\d.,*-]*)?")
"""What may follow the word in its cell: the number of a card, an amount."""


def with_method(sheet: Sheet, fields: Sequence[FieldSpec], leaves: Sequence[Leaf], taken: frozenset[int]) -> list[Leaf]:
    """`leaves` with the means of payment, below the sum that was paid; cash, which has fields of its own, is none."""
    asked = any(spec.name == _NAME and spec.kind is Kind.TEXT for spec in fields)
    paid = next((leaf.box for leaf in leaves if leaf.path == _PAID), None)
    if not asked or paid is None or any(leaf.path == _NAME for leaf in leaves):
        return list(leaves)
    found = next((span for span in _methods(sheet, taken) if sheet.box(span)[1] > paid[1]), None)
    return [*leaves, sheet.leaf(_NAME, Reading(found, _SURE, found.text))] if found else list(leaves)


def _methods(sheet: Sheet, taken: frozenset[int]) -> Iterator[Span]:
    words = sorted((squeeze(word).text for word in words_of_payment("method", sheet.page.language)), key=len, reverse=True)
    for cell in sheet.cells:
        if cell.index in taken:
            continue
        squeezed = squeeze(cell.text)
        word = next((w for w in words if squeezed.text.startswith(w) and len(w) in squeezed.edges), None)
        if word is None:
            continue
        start, end = squeezed.origin.span(0, len(word))
        while unicodedata.category(cell.text[end : end + 1] or " ") == "Mn":
            end += 1  # a mark that folding dropped
        span = Span(cell, start, end)
        if _REST.fullmatch(cell.text[span.end :]) and _has_amount(sheet, cell, span.end):
            yield span


def _has_amount(sheet: Sheet, cell: Cell, start: int) -> bool:
    """Whether an amount stands behind a word, or right of it."""
    texts = [cell.text[start:], *(right.text for right in list(sheet.right_of(cell))[:1])]
    return any(find_amounts(text, sheet.habits.language, decimal=sheet.habits.decimal) for text in texts)
