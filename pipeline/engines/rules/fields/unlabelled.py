"""Numbers of documents that no label tells: right under a title, whatever it says, or beside the date."""

import re
from collections.abc import Iterator, Sequence

from pipeline.engines.rules.labels import Hit
from pipeline.engines.rules.sheet import LARGE, Cell, Sheet, Span
from pipeline.values.dates import find_dates
from schemas.fields import FieldSpec

_HEAD = 0.35
"""Titles stand in this part of the page."""
_LETTERS = 4
_WORDS = 8
_NEAR = 2.5
_FLUSH = 1.5
_WEIGHT = 0.5
"""What a title tells that no label says: any label of the number tells more."""
_TELLING = 0.9
"""Where a label of the field that weighs more is on the page, none is unknown."""
_UNKNOWN = 0.45
_BESIDE_DATE = 3
_PAIR = re.compile(r"([^\W\d][^:\d@]{1,30}?)\s*[:#.]\s*([A-Z0-9][A-Z0-9/_-]{4,20})")
_CAPTION = re.compile(r"[^\W\d][^\d@,]{1,28}[:#.]?")
_MIXED = re.compile(
    r"(?=.{3,52}$)(?=(?:.*\d){3})(?!\+|.*\d{2,}[ /]\d{2,}[ /]\d{2,}$)[A-Z]{0,6}[-/ ]?[A-Z0-9]{1,10}(?:[-/_][A-Z0-9]{1,10}){0,3}"
)
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
    high = sheet.height(cell.box) >= LARGE and cell.box[3] <= _HEAD
    words = cell.text.split()
    plain = not any(c.isdigit() or c in ":@" for c in cell.text)
    return high and plain and len(words) <= _WORDS and sum(map(str.isalpha, cell.text)) >= _LETTERS


def _numbered(sheet: Sheet, cell: Cell) -> bool:
    """Whether a number, and nothing but it, stands right under `cell`, at its edge."""
    below = next(iter(sheet.below(cell.box, cell.row, _NEAR)), None)
    if below is None or abs(below.box[0] - cell.box[0]) * sheet.aspect / sheet.unit > _FLUSH:
        return False
    return _NUMBER.fullmatch(below.text) is not None and not find_dates(below.text, sheet.habits.language)


def unknown_hits(sheet: Sheet, fields: Sequence[FieldSpec], hits: Sequence[Hit]) -> Iterator[Hit]:
    """Labels that no list has, before what can hardly be but the document's number: beside its date, on the first page."""
    spec = next((spec for spec in fields if spec.scheme == "document_number"), None)
    if spec is None or sheet.page.page != 1 or any(hit.name == spec.name and hit.weight > _TELLING for hit in hits):
        return
    labelled = {hit.span.cell.index for hit in hits}
    dated = {cell.row for cell in sheet.cells if find_dates(cell.text, sheet.habits.language)}
    for cell in sheet.cells:
        if cell.index in labelled or not any(abs(cell.row - row) <= _BESIDE_DATE for row in dated):
            continue
        inside = _PAIR.fullmatch(cell.text)
        right = next(iter(sheet.right_of(cell)), None)
        caption = _CAPTION.fullmatch(cell.text) is not None
        apart = caption and right is not None and right.index not in labelled
        below = next(iter(sheet.below(cell.box, cell.row, _NEAR)), None) if caption else None
        if inside and _is_number(sheet, inside.group(2)):
            yield Hit(spec.name, spec.kind, Span(cell, 0, inside.end(1)), _UNKNOWN, inside.end(1))
        elif (apart and right is not None and _is_number(sheet, right.text)) or (
            below is not None and below.index not in labelled and _is_number(sheet, below.text)
        ):
            yield Hit(spec.name, spec.kind, Span(cell, 0, len(cell.text)), _UNKNOWN, len(cell.text))


def _is_number(sheet: Sheet, text: str) -> bool:
    """Whether print has the form of a document's number: several digits with letters or separators, and no date."""
    mixed = any(c in "-/" for c in text) or any(c.isalpha() for c in text)
    return mixed and _MIXED.fullmatch(text) is not None and not find_dates(text, sheet.habits.language)
