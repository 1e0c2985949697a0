"""Where the value of a label can stand: behind it, to its right, or below it; the nearer, the likelier."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from pipeline.engines.rules.labels import Hit
from pipeline.engines.rules.sheet import Cell, Sheet, Span
from pipeline.records import Box
from schemas.fields import Kind

BEHIND, RIGHT, BELOW = 1.0, 0.95, 0.8
"""How likely the value stands there, where it could stand anywhere."""

_REACH = 4.0
_COLUMN_REACH = 16.0
_FADE = 0.88
_FAR = 50.0
_GENERIC = 6
_NUMBERED_TITLE = 0.85
"""What a short label tells behind another label of its field: `Rechnung des Versicherers Nr.`"""
_OF_A_PARTY = 0.5
"""What it tells right under the label of a party: the number of the customer, not of the document."""


class Slot(NamedTuple):
    """A place where a label's value can stand, and how likely it stands there (0..1).

    Attributes:
        span: the print there.
        near: the likelihood, that of the label included.
        below: the label's box where the place is below it: what stands under the label itself is likelier than what is beside.
        apart: how wide the gap to the right is, 0..1: at 1 it could be another column of the page.
    """

    span: Span
    near: float
    below: Box | None = None
    apart: float = 0.0


class Neighbourhood:
    """The labels of a sheet, and the slots of each."""

    def __init__(self, sheet: Sheet, hits: Sequence[Hit]) -> None:
        """Sort the labels by cell."""
        self.sheet = sheet
        self._by_cell: dict[int, list[Hit]] = defaultdict(list)
        for hit in hits:
            self._by_cell[hit.span.cell.index].append(hit)
        self._right = max((cell.box[2] for cell in sheet.cells), default=1.0)

    def slots(self, hit: Hit, *, column: bool = False) -> Iterator[Slot]:
        """The slots of a label, likeliest first.

        Args:
            hit: the label.
            column: the value is a sum: go on down the column below the label, as under the heading of a table of sums.
        """
        cell = hit.span.cell
        trust = _NUMBERED_TITLE if self._numbers_a_title(hit) else hit.weight * self._standing(hit)
        behind = Span(cell, hit.span.end, self._next_label(hit))
        if _translates(behind.text):
            behind = Span(cell, len(cell.text), len(cell.text))
        if any(c.isalnum() for c in behind.text):
            yield Slot(behind, trust * BEHIND)
        if behind.end == len(cell.text):
            for place, right in enumerate(self.sheet.right_of(cell)):
                if self.labelled(right):
                    break
                far = min(max(self.sheet.across(cell.box, right.box), 0.0) / _FAR, 1.0)
                # Sums stand at the right edge, however far from their labels.
                near = _FADE**place * (BEHIND if column else RIGHT * (1 - 0.3 * far))
                yield Slot(Span(right, 0, len(right.text)), trust * near, apart=far)
        yield from self._below(hit, trust, column)

    def labelled(self, cell: Cell) -> bool:
        """Whether the cell starts with a label of its own."""
        return any(hit.span.start <= 1 for hit in self._by_cell.get(cell.index, ()))

    def _below(self, hit: Hit, trust: float, column: bool) -> Iterator[Slot]:
        box = self._column(hit)
        near, row = BELOW, -1
        for cell in self.sheet.below(box, hit.span.cell.row, _COLUMN_REACH if column else _REACH):
            if row >= 0 and cell.row != row:
                if not column:
                    return
                near *= _FADE
            elif row < 0 and self.sheet.down(box, cell.box) > _REACH:
                return
            row = cell.row
            if self.labelled(cell):
                return
            yield Slot(Span(cell, 0, len(cell.text)), trust * near, box)

    def _column(self, hit: Hit) -> Box:
        """What lies below a label: the label's width, and in a row of labels all up to the next one, as in boxes of a form."""
        box, cell = self.sheet.box(hit.span), hit.span.cell
        others = [other for other in self.sheet.rows[cell.row] if other is not cell]
        if hit.span.start > 1 or hit.span.end < len(cell.text) - 1 or not any(map(self.labelled, others)):
            return box
        right = min((other.box[0] for other in self.sheet.right_of(cell)), default=self._right)
        return (box[0], box[1], max(box[2], right - 0.005), box[3])

    def _next_label(self, hit: Hit) -> int:
        """Where the next label in the cell starts."""
        starts = [other.span.start for other in self._by_cell[hit.span.cell.index] if other.span.start >= hit.span.end]
        return min(starts, default=len(hit.span.cell.text))

    def _numbers_a_title(self, hit: Hit) -> bool:
        """Whether a short label follows another one of its field, in its cell or the one before: `Handelsrechnung  Nr.`."""
        if hit.letters > _GENERIC or hit.kind is not Kind.IDENTIFIER:
            return False
        row = self.sheet.rows[hit.span.cell.row]
        left = [cell for cell in row if cell.index == hit.span.cell.index - 1] if hit.span.start <= 1 else [hit.span.cell]
        return any(
            other.name == hit.name
            and other.letters > _GENERIC
            and (other.span.cell is not hit.span.cell or other.span.end <= hit.span.start)
            for cell in left
            for other in self._by_cell.get(cell.index, ())
        )

    def _under_a_party(self, hit: Hit) -> bool:
        """Whether the print right above a label is the label of a party (`Verkäufer:`)."""
        row = hit.span.cell.row
        above = [
            cell for cell in (self.sheet.rows[row - 1] if row else []) if self.sheet.across(cell.box, hit.span.cell.box) < 0
        ]
        return any(
            other.kind is Kind.NAME and other.span.start <= 1 for cell in above for other in self._by_cell.get(cell.index, ())
        )

    def _standing(self, hit: Hit) -> float:
        """1 for a label that starts its cell, follows another label or a colon; less in a sentence, least for a single word."""
        before = hit.span.cell.text[: hit.span.start]
        ends = [other.span.end for other in self._by_cell[hit.span.cell.index] if other.span.end <= hit.span.start]
        rest = before[max(ends, default=0) :].strip()
        generic = hit.letters <= _GENERIC and hit.kind is Kind.IDENTIFIER
        if not any(c.isalpha() for c in rest) or rest[-1] in ":|/":
            return _OF_A_PARTY if generic and self._under_a_party(hit) else 1.0
        if generic:
            return 0.4  # `Ursprungsbeleg-Nr.` is another number
        if len(rest.split()) <= 2:
            return 0.8
        return 0.75 if " " in hit.span.text else 0.4


def _translates(text: str) -> bool:
    """Whether what stands behind a label is the label in another language: `Surname / Nom`."""
    bare = text.strip()
    return (
        bare.startswith(("/", "|", "•")) and bare[1:].strip()[:1].isalpha() and not any(c.isdigit() or c == ":" for c in bare)
    )
