"""The print of a sheet as blocks: lines that stand close together in a column, with the labels that stand in and over them."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import islice
from statistics import median
from typing import NamedTuple

from pipeline.engines.rules.labels import Hit
from pipeline.engines.rules.parties.labels import Head, is_own, sort_labels
from pipeline.engines.rules.parties.telling import Telling, is_salutation, tell
from pipeline.engines.rules.sheet import Cell, Sheet, Span
from pipeline.records import Box
from schemas.fields import FieldSpec

_JOINED, _JOINED_ON_SLIPS = 2.5, 8.0
"""A gap of fewer units than this may lie within a line of a block, where no label follows it; slips have one column only."""
_NEAR = 2.8
"""A line of a block is at most so many units under the one before it; more where the whole page is set wider."""
_BELOW_NAME = 1.0
"""How much farther the line below the first may be: names are set apart."""
_INDENT = 4.0
_RIGHT = 28.0
"""A value is at most so many units to the right of its label."""


class Piece(NamedTuple):
    """A line of a block: its text, its box, its row, the indexes of its cells, and how surely its words were read (0..1)."""

    text: str
    box: Box
    row: int
    cells: tuple[int, ...]
    clarity: float = 1.0


class Item(NamedTuple):
    """A line of a block with the label in front of it (`*name`, `*address`, `*part`, `*other`), if there is one."""

    label: str
    piece: Piece


class Blocks:
    """A sheet with its headings and labels found, ready to be read block by block.

    Attributes:
        heads: the headings of parties' blocks by the index of their cell.
        slip: whether it is one that names its issuer only, in one column: a till receipt.
        labels: whatever label starts a cell, by the cell's index: the field's name, the block label, or empty for a decoy.
    """

    def __init__(self, sheet: Sheet, fields: Sequence[FieldSpec], hits: Sequence[Hit], taken: frozenset[int]) -> None:
        """Find and sort the labels.

        Args:
            sheet: the page.
            fields: the fields that are a party's; the labels of a name head that party's block.
            hits: the labels of the schema's fields.
            taken: cells of line items; no block holds them.
        """
        self.sheet, self._taken = sheet, taken
        self._lines_of_row: dict[int, tuple[Piece, ...]] = {}
        self.slip = not any(spec.party == "recipient" for spec in fields)
        self.heads, self.labels = sort_labels(sheet, fields, hits)
        pitches = [sheet.down(a[0].box, b[0].box) for a, b in zip(sheet.rows, sheet.rows[1:], strict=False) if a and b]
        self._near = max(_NEAR, 1.6 * median([p for p in pitches if 0.8 < p < 4.0] or [0.0]))

    def tell(self, piece: Piece) -> Telling:
        """What a line says."""
        return tell(piece.text, self.sheet.page.language)

    @cached_property
    def pieces(self) -> tuple[Piece, ...]:
        """The lines of print that no label starts, in reading order."""
        return tuple(line for row in self.sheet.rows if row for line in self._lines(row) if line.cells[0] not in self.labels)

    @cached_property
    def salutations(self) -> tuple[Piece, ...]:
        """Those of `pieces` that are a salutation."""
        return tuple(piece for piece in self.pieces if is_salutation(piece.text))

    def piece(self, cell: Cell, start: int = 0) -> Piece:
        """The line that begins with `cell`, at the character `start` of it, and holds the cells close to its right."""
        cells = [cell]
        for following in self.sheet.right_of(cell):
            closed = following.index in self._taken or following.index in self.labels
            if closed or self.sheet.across(cells[-1].box, following.box) > (_JOINED_ON_SLIPS if self.slip else _JOINED):
                break
            cells.append(following)
        box = self.sheet.box(Span(cell, start, len(cell.text)))
        words = self.sheet.page.words[cell.first : cells[-1].first + len(cells[-1].starts)]
        text = " ".join([cell.text[start:].strip(), *(c.text for c in cells[1:])])
        whole = (box[0], min(box[1], cells[-1].box[1]), cells[-1].box[2], max(box[3], cells[-1].box[3]))
        clarity = sum(word.confidence * len(word.text) for word in words) / max(sum(len(word.text) for word in words), 1)
        return Piece(text, whole, cell.row, tuple(c.index for c in cells), clarity)

    def under(self, head: Head) -> list[Item]:
        """The lines of the block that `head` heads: after it, to its right, or below it."""
        cell = head.cell
        if self._is_form(cell):
            return self.form(cell)
        return [*self._column(head), *self._beside(cell)]

    def _column(self, head: Head) -> list[Item]:
        cell = head.cell
        if rest := cell.text[head.end :].strip(" :|.,-/"):
            start = self.piece(cell, cell.text.find(rest, head.end))
            return self.block(start, cell.box)
        right, below = self._right(cell), self._below(cell)
        if below is None and (labelled := self._labelled_below(cell)):
            return self.block(labelled, cell.box)
        if right and (not below or (head.colon and self.sheet.across(cell.box, right.box) < 12)):
            return self.block(right, cell.box)
        return self.block(below, cell.box) if below else []

    def _beside(self, cell: Cell) -> list[Item]:
        """What stands in the row of a heading, and under it, with labels of its own: `Cliente` … `NIF`."""
        items = []
        for following in self.sheet.right_of(cell):
            if following.index in self.heads:
                break
            items += self._labelled_value(following)
        return [item for item in items if item.label == "*other"]

    def block(self, start: Piece, heading: Box | None = None, near: float = 0.0) -> list[Item]:
        """The lines that stand under `start` in its column, `start` first; those with labels may stand under `heading`.

        Args:
            start: the first line.
            heading: the box of the block's heading, where it has one.
            near: how far apart the lines may be, in units, where that is more than what the page does elsewhere.
        """
        label, _ = self.labels.get(start.cells[0], ("", 0))
        items, last, pending = [Item(label if is_own(label) else "", start)], start, ""
        edges = [start.box, *([heading] if heading else [])]
        for row in self.sheet.rows[start.row + 1 :]:
            if not row or self.sheet.down(last.box, row[0].box) <= 0:
                continue
            near = max(near, self._near) + (_BELOW_NAME if len(items) == 1 and not heading else 0.0)
            if self.sheet.down(last.box, row[0].box) > self._reach(last, row[0].box, near) + 1:
                break
            line = next((p for p in self._lines(row) if self._continues(last, edges, p, near)), None)
            if line is None:
                continue
            cell = self.sheet.cells[line.cells[0]]
            label, end = self.labels.get(cell.index, ("", 0))
            foreign = cell.index in self.labels and not is_own(label)
            if cell.index in self.heads or (foreign and not self.slip) or (heading is None and is_salutation(line.text)):
                break
            if foreign:
                if any(self.tell(item.piece).address for item in items):
                    break
                label, end = "*other", 0
            rest = cell.text[end:].strip(" :|.,-")
            value = self.piece(cell, cell.text.find(rest, end)) if rest else self._right(cell)
            if value is None:
                pending, last = label, line
                continue
            items.append(Item(label or pending, value))
            pending, last = "", value
        return items

    def _lines(self, row: Sequence[Cell]) -> tuple[Piece, ...]:
        """The lines of a row, from left to right; a label starts one. Each row is read once, however many blocks look at it."""
        if row[0].row not in self._lines_of_row:
            made: list[Piece] = []
            for cell in row:
                if (not made or cell.index > made[-1].cells[-1]) and cell.index not in self._taken and _says(cell.text):
                    made.append(self.piece(cell))
            self._lines_of_row[row[0].row] = tuple(made)
        return self._lines_of_row[row[0].row]

    def _continues(self, last: Piece, edges: Sequence[Box], line: Piece, near: float) -> bool:
        """Whether a line is the next one of the block that `last` is of."""
        if self.sheet.down(last.box, line.box) > self._reach(last, line.box, near):
            return False
        return self.aligned(last.box, line.box) or any(
            self.aligned(edge, line.box) if number == 0 else self._flush(edge, line.box) for number, edge in enumerate(edges)
        )

    def form(self, cell: Cell) -> list[Item]:
        """The values in the rows under a heading, with their labels: right of them, or below them.

        A line without a label that starts a row counts as well; a label that comes again starts the next party's block.
        """
        beside = self._right(cell)
        items = [Item("", beside)] if beside else []
        left, right = self._limits(cell)
        used = set(beside.cells) if beside else set[int]()
        last, seen = cell.box, set[str]()
        for row in self.sheet.rows[cell.row :]:
            inside = [
                c for c in row if left <= (c.box[0] + c.box[2]) / 2 <= right and c.index > cell.index and c.index not in used
            ]
            inside = [c for c in inside if c.index not in self._taken]
            if not inside:
                continue
            names = {self.labels[c.index][0] for c in inside if c.index in self.labels}.intersection(("*name", "*address"))
            if inside[0].index in self.heads or seen & names or self.sheet.down(last, inside[0].box) > 2 * self._near:
                break
            seen |= names
            found = [item for c in inside for item in self._labelled_value(c)]
            if not found and self._free(inside[0]):
                found = [Item("", self.piece(inside[0]))]
            used.update(index for item in found for index in item.piece.cells)
            items += found
            last = inside[0].box
        return items

    def aligned(self, one: Box, other: Box) -> bool:
        """Whether two boxes above each other are set flush left, centred or flush right."""
        if self.slip or self.sheet.across(one, other) > 0:
            return self.sheet.across(one, other) <= 0
        scale = self.sheet.aspect / self.sheet.unit
        left, right = abs(one[0] - other[0]) * scale, abs(one[2] - other[2]) * scale
        centre = abs(one[0] + one[2] - other[0] - other[2]) / 2 * scale
        return left <= 1.2 or right <= 0.8 or centre <= 1.5

    def _flush(self, one: Box, other: Box) -> bool:
        return abs(one[0] - other[0]) * self.sheet.aspect / self.sheet.unit <= 1.2

    def _heads(self, heading: Box, box: Box) -> bool:
        """Whether what stands below a heading is set under it: flush, centred, or a little indented."""
        indent = (box[0] - heading[0]) * self.sheet.aspect / self.sheet.unit
        return self.aligned(heading, box) or -1.2 <= indent <= _INDENT or box[0] <= heading[0]

    def _reach(self, last: Piece, box: Box, near: float) -> float:
        taller = (last.box[3] - last.box[1] + box[3] - box[1]) / 2 / self.sheet.unit
        return max(self._near, near) + max(taller - 1.2, 0.0)

    def _is_form(self, cell: Cell) -> bool:
        """Whether what stands under a heading is labels with values of their own, side by side or one below the other."""
        left, right = self._limits(cell)
        rows = ([c for c in row if left <= (c.box[0] + c.box[2]) / 2 <= right] for row in self.sheet.rows[cell.row + 1 :])
        under = list(islice((row for row in rows if row and self.sheet.down(cell.box, row[0].box) > 0.8), 2))
        near = [row[0] for row in under if self.sheet.down(cell.box, row[0].box) < 2 * self._near]
        return bool(near) and (
            self._bare(near[0]) or (len(near) > 1 and not self._flush(cell.box, near[0].box) and self._bare(near[1]))
        )

    def _bare(self, cell: Cell) -> bool:
        """Whether a cell is nothing but a label of a party's block."""
        label, end = self.labels.get(cell.index, ("", 0))
        return is_own(label) and not cell.text[end:].strip(" :|.,-()/")

    def _labelled_value(self, cell: Cell) -> list[Item]:
        label, end = self.labels.get(cell.index, ("", 0))
        if not is_own(label):
            return []
        if rest := cell.text[end:].strip(" :|.,-()/"):
            return [Item(label, self.piece(cell, cell.text.find(rest, end)))]
        value = self._right(cell) or self._below(cell)
        if value is None:
            return []
        more = self.block(value)[1:] if label in ("*address", "*name") else []
        plain = [item for item in _until_label(more) if not self._left_is_label(item.piece)]
        return [Item(label, value), *(Item("", item.piece) for item in plain)]

    def _left_is_label(self, piece: Piece) -> bool:
        row = self.sheet.rows[piece.row]
        before = [c for c in row if c.index < piece.cells[0]]
        return bool(before) and before[-1].index in self.labels

    def _limits(self, cell: Cell) -> tuple[float, float]:
        """The sides of what a heading heads: up to the next heading in its row; a band across the page heads all."""
        if len(self.sheet.rows[cell.row]) == 1 and abs(cell.box[0] + cell.box[2] - 1) < 0.15:
            return 0.0, 1.0
        slack = 1.5 * self.sheet.unit / self.sheet.aspect
        following = [c for c in self.sheet.right_of(cell) if c.index in self.heads]
        return cell.box[0] - slack, (following[0].box[0] - slack if following else 1.0)

    def _right(self, cell: Cell) -> Piece | None:
        """What stands right of a label on its line, if it can be its value."""
        following = next((c for c in self.sheet.right_of(cell) if _says(c.text)), None)
        if following is None or not self._free(following) or self.sheet.across(cell.box, following.box) > _RIGHT:
            return None
        return self.piece(following)

    def _below(self, cell: Cell) -> Piece | None:
        """What stands under a label, flush with it, if it can be its value."""
        for below in self.sheet.below(cell.box, cell.row, self._near + 1):
            if self._heads(cell.box, below.box):
                return self.piece(below) if self._free(below) else None
        return None

    def _labelled_below(self, cell: Cell) -> Piece | None:
        """The line under a heading, where it starts with a label of the block and its value: `GLN 4000001123452`."""
        for below in self.sheet.below(cell.box, cell.row, self._near + 1):
            if self._heads(cell.box, below.box):
                label, end = self.labels.get(below.index, ("", 0))
                rest = below.text[end:].strip(" :|.,")
                return self.piece(below, below.text.find(rest, end)) if is_own(label) and rest else None
        return None

    def _free(self, cell: Cell) -> bool:
        """Whether a cell can be a value: no label, no table, no title."""
        if cell.index in self._taken or cell.index in self.labels or cell.index in self.heads:
            return False
        told = tell(cell.text, self.sheet.page.language)
        return not (told.title or told.prose) and _says(cell.text)


def _until_label(items: Sequence[Item]) -> Iterator[Item]:
    for item in items:
        if item.label:
            return
        yield item


def _says(text: str) -> bool:
    """Whether there is a letter or a digit in it."""
    return any(map(str.isalnum, text))
