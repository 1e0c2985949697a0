"""The number that stands under a document's title, whatever the title says: large print, and a number right below it."""

import re
from collections.abc import Iterator, Sequence

from pipeline.engines.rules.labels import Hit
from pipeline.engines.rules.sheet import Cell, Sheet, Span
from pipeline.values.dates import find_dates
from schemas.fields import FieldSpec

_LARGE = 1.15
"""Print so many times as high as usual may be a title."""
_HEAD = 0.35
"""Titles stand in this part of the page."""
_LETTERS = 4
_WORDS = 8
_NEAR = 2.5
_FLUSH = 1.5
_WEIGHT = 0.5
"""What a title tells that no label says: any label of the number tells more."""
_NUMBER = re.compile(r"(?=.*\d)(?:[A-Z]{1,5} )?[A-Z0-9][A-Z0-9./_-]{1,30}")


def title_hits(sheet: Sheet, fields: Sequence[FieldSpec], hits: Sequence[Hit]) -> Iterator[Hit]:
    """The titles over a number as if they were labels of the document's number, on the first page."""
    spec = next((spec for spec in fields if spec.scheme == "document_number" and spec.required), None)
    if spec is None or sheet.page.page != 1:
        return
    labelled = {hit.span.cell.index for hit in hits}
    for cell in sheet.cells:
        if cell.index not in labelled and _is_title(sheet, cell) and _numbered(sheet, cell):
            yield Hit(spec.name, spec.kind, Span(cell, 0, len(cell.text)), _WEIGHT, sum(map(str.isalpha, cell.text)))


def _is_title(sheet: Sheet, cell: Cell) -> bool:
    """Whether print is large, at the head of the page, and words only."""
    high = cell.box[3] - cell.box[1] >= _LARGE * sheet.unit and cell.box[3] <= _HEAD
    words = cell.text.split()
    plain = not any(c.isdigit() or c in ":@" for c in cell.text)
    return high and plain and len(words) <= _WORDS and sum(map(str.isalpha, cell.text)) >= _LETTERS


def _numbered(sheet: Sheet, cell: Cell) -> bool:
    """Whether a number, and nothing but it, stands right under `cell`, at its edge."""
    below = next(iter(sheet.below(cell.box, cell.row, _NEAR)), None)
    if below is None or abs(below.box[0] - cell.box[0]) * sheet.aspect / sheet.unit > _FLUSH:
        return False
    return _NUMBER.fullmatch(below.text) is not None and not find_dates(below.text, sheet.habits.language)
