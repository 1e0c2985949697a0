"""Where on its pages a document prints each value: asked of the typesetter, then seen as its look shows the pages."""

import io
from collections.abc import Iterator
from typing import Any, NamedTuple

import pikepdf
from numpy.random import Generator

from sample_data.generator.layouts import SetDocument
from sample_data.generator.looks import LOOKS

_LINE_GAP = 1.3
"""How far down the next line of a value may start, in heights of a line."""

Corners = tuple[float, float, float, float]


class _Printed(NamedTuple):
    """A value where it is printed: its number and fields, its page (from 1), its box in page fractions from the top left."""

    number: str
    fields: tuple[str, ...]
    page: int
    box: Corners


def boxes_of(document: SetDocument, look: str, lots: Generator) -> dict[str, list[dict[str, Any]]] | None:
    """Page and box of each place where a field is printed, by field; None where nobody knows how the look has moved the print.

    Args:
        document: as it was printed.
        look: what became of it.
        lots: those that its file is made with, from their start.
    """
    shown = LOOKS[look]
    pages = document.pages(shown.dpi) if shown.lens else []
    if shown.moved or len(pages) > 1:
        return None
    shape = pages[0].shape if pages else ()
    lens = shown.lens(shape, lots) if shown.lens else None
    found: dict[str, list[dict[str, Any]]] = {}
    for printed in _joined(document):
        seen = lens.box(printed.box, shape) if lens else _turned(printed.box, shown.quarters)
        box = [round(min(max(side, 0.0), 1.0), 4) for side in seen]
        for name in printed.fields:
            found.setdefault(name, []).append({"page": 1 + (printed.page - 1) * shown.sides, "box": box})
    return found


def _joined(document: SetDocument) -> list[_Printed]:
    """The values with their lines put together."""
    joined: list[_Printed] = []
    for line in _lines(document):
        last = joined[-1] if joined else None
        height = line.box[3] - line.box[1]
        if last and last[:3] == line[:3] and 0 < line.box[3] - last.box[3] < _LINE_GAP * height * 1.5:
            box = (min(last.box[0], line.box[0]), last.box[1], max(last.box[2], line.box[2]), line.box[3])
            joined[-1] = last._replace(box=box)
        else:
            joined.append(line)
    return joined


def _lines(document: SetDocument) -> Iterator[_Printed]:
    """Every line of every value, in the order of the print."""
    with pikepdf.open(io.BytesIO(document.linked)) as pdf:
        for page, sheet in enumerate(pdf.pages, 1):
            width, height = float(sheet.mediabox[2]), float(sheet.mediabox[3])
            for link in sheet.get("/Annots", []):
                _, number, fields = str(link.A.URI).split(":", 2)
                x0, y0, x1, y1 = (float(side) for side in link.Rect)
                box = (x0 / width, 1 - y1 / height, x1 / width, 1 - y0 / height)
                yield _Printed(number, tuple(fields.split("+")), page, box)


def _turned(box: Corners, quarters: int) -> Corners:
    """The box on the page turned to the right by so many quarters."""
    for _ in range(quarters):
        x0, y0, x1, y1 = box
        box = (1 - y1, x0, 1 - y0, x1)
    return box
