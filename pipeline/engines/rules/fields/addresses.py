"""Addresses that a label stands before: they go on over the lines below."""

from collections.abc import Sequence

from pipeline.engines.rules.captions import likely_caption
from pipeline.engines.rules.labels import Hit
from pipeline.engines.rules.sheet import Cell, Sheet
from pipeline.records import Leaf, around
from pipeline.values.dates import find_dates
from schemas.fields import FieldSpec, Kind

_STEP = 2.3
"""The next line of an address stands at most so far below, in units, and starts at most `_EDGE` beside it."""
_EDGE = 0.9
_MOST = 3
_LIKELY = 0.75


def with_whole_addresses(sheet: Sheet, fields: Sequence[FieldSpec], leaves: Sequence[Leaf], hits: Sequence[Hit]) -> list[Leaf]:
    """`leaves`, the addresses of no party among them with the lines that they go on over."""
    names = {spec.name for spec in fields if spec.kind is Kind.ADDRESS and not spec.party}
    labelled = {hit.span.cell.index for hit in hits if hit.name and hit.span.start <= 1}
    return [_whole(sheet, leaf, labelled) if leaf.path in names else leaf for leaf in leaves]


def _whole(sheet: Sheet, leaf: Leaf, labelled: set[int]) -> Leaf:
    if leaf.box is None or "\n" in leaf.verbatim:
        return leaf
    lines, boxes = [leaf.verbatim], [leaf.box]
    for cell in sheet.cells:
        down = sheet.down(boxes[-1], cell.box)
        beside = abs(cell.box[0] - leaf.box[0]) * sheet.aspect / sheet.unit
        if not 0.5 < down <= _STEP or beside > _EDGE:
            continue
        if len(lines) > _MOST or cell.index in labelled or _ends(sheet, cell):
            break
        lines.append(cell.text)
        boxes.append(cell.box)
    return Leaf(leaf.path, "\n".join(lines), leaf.confidence, around(boxes))


def _ends(sheet: Sheet, cell: Cell) -> bool:
    """Whether a line is none of an address: a caption, a date, a line for machines."""
    language = sheet.page.language
    return (
        ":" in cell.text
        or "<" in cell.text
        or likely_caption(cell.text, language) >= _LIKELY
        or bool(find_dates(cell.text, language))
    )
