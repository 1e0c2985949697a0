"""Choices that no label stands before: the title of a document says what sort of document it is."""

import re
from collections.abc import Iterator, Sequence

from pipeline.engines.rules.fields.readers import choice_words
from pipeline.engines.rules.sheet import Reading, Sheet, Span
from pipeline.records import Leaf
from pipeline.values.text import fold_traced
from schemas.fields import FieldSpec, Kind

_SHORTEST = 4
"""Shorter words could be anything where no label stands before them."""
_FILLS = 0.5
"""A title fills so much of its cell, else it is a word in a sentence."""
_SURE, _BESIDE = 0.88, 0.7


def read_choices(sheet: Sheet, fields: Sequence[FieldSpec], leaves: Sequence[Leaf], taken: frozenset[int]) -> list[Leaf]:
    """The choice fields that `leaves` lack, from the print itself: of the words for a choice the largest, then the first.

    Only on the first page: later ones speak of other documents.
    """
    if sheet.page.page > 1:
        return []
    told = {leaf.path for leaf in leaves}
    made = []
    for spec in fields:
        if spec.kind is not Kind.CHOICE or spec.name in told:
            continue
        found = sorted(_words(sheet, spec, taken), key=lambda item: (-round(item[0], 1), item[1].cell.index))
        if found:
            height, span = found[0]
            made.append(sheet.leaf(spec.name, Reading(span, _SURE if height > 1 else _BESIDE, span.text)))
    return made


def _words(sheet: Sheet, spec: FieldSpec, taken: frozenset[int]) -> Iterator[tuple[float, Span]]:
    """Words for a choice that stand as a title does, with how large they are printed, in units."""
    words = choice_words(spec)
    longest = max((len(word) for word, _ in words), default=0) / _FILLS
    for cell in sheet.cells:
        if cell.index in taken or len(cell.text) > longest:
            continue
        folded = fold_traced(cell.text)
        for word, _ in words:
            if len(word) < _SHORTEST:
                break
            match = re.search(rf"(?<!\w){re.escape(word)}(?!\w)", folded.text)
            if match and len(word) >= _FILLS * len(folded.text):
                span = Span(cell, *folded.span(*match.span()))
                box = sheet.box(span)
                yield sheet.height(box), span
                break
