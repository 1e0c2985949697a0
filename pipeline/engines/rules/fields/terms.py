"""The line that says when and how an invoice is to be paid: a sentence, with its label or without one."""

import re
from collections.abc import Iterator, Sequence
from functools import cache

from pipeline.engines.rules.sheet import Cell, Reading, Sheet, Span
from pipeline.records import Leaf
from pipeline.values.data import load_data
from pipeline.values.text import fold
from schemas.fields import FieldSpec, Kind

NAME = "payment_terms"
_SURE = 0.85
_LONGEST = 160


def with_terms(sheet: Sheet, fields: Sequence[FieldSpec], leaves: Sequence[Leaf], taken: frozenset[int]) -> list[Leaf]:
    """`leaves` with the terms of payment: a sentence that says them takes the place of a piece of it that a label told."""
    spec = next((spec for spec in fields if spec.name == NAME and spec.kind is Kind.TEXT), None)
    found = next(_sentences(sheet, taken), None) if spec else None
    if spec is None or found is None:
        return list(leaves)
    told = next((leaf for leaf in leaves if leaf.path == NAME), None)
    if told is not None and told.verbatim not in found.text:
        return list(leaves)
    kept = [leaf for leaf in leaves if leaf.path != NAME]
    return [*kept, sheet.leaf(NAME, Reading(found, _SURE, found.text))]


def _sentences(sheet: Sheet, taken: frozenset[int]) -> Iterator[Span]:
    """The cells that are such a line, without a label in front."""
    pay, terms = (words_of_payment(sort, sheet.page.language) for sort in ("pay", "term"))
    within = re.compile(
        rf"\d+ ?(?:{'|'.join(map(re.escape, terms))})|(?:{'|'.join(re.escape(term) for term in terms if len(term) > 5)})"
    )
    for cell in sheet.cells:
        if cell.index in taken or not 8 <= len(cell.text) <= _LONGEST:
            continue
        text = fold(cell.text)
        if any(word in text for word in pay) and within.search(text):
            yield _behind_label(cell)


def _behind_label(cell: Cell) -> Span:
    label = re.match(r"[^:\d]{3,40}:\s*", cell.text)
    start = label.end() if label and label.end() < len(cell.text) else 0
    return Span(cell, start, len(cell.text))


@cache
def words_of_payment(sort: str, language: str) -> tuple[str, ...]:
    """The words of a sort in the data, of a language and of English, folded."""
    told: dict[str, dict[str, list[str]]] = load_data("terms.toml", "pipeline.engines.rules.fields")
    return tuple(fold(word) for spoken in dict.fromkeys((language, "en")) for word in told[sort].get(spoken, ()))
