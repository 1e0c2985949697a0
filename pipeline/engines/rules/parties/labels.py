"""Telling which cells head a party's block, and which start with a label inside one."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from pipeline.engines.rules.labels import Hit, find_labels
from pipeline.engines.rules.parties.telling import block_labels, could_name, starts_open, tell
from pipeline.engines.rules.sheet import Cell, Sheet
from schemas.fields import FieldSpec, Kind

_WEAK = 4
"""Headings of so few letters (`To`, `Von`) are any line's words, but at the start of a row or with a colon."""
_ON_A_LINE = 1.8
"""A gap of fewer units than this is one between words."""
_ONE_BEFORE = re.compile(r"[\W_]*+(?:\w++ ?/ ?)?")
"""What may stand in front of a label: nothing but marks, or another word for the same (`Patient / Client`)."""
_THIRD = "*third"


class Head(NamedTuple):
    """The heading of a party's block.

    Attributes:
        role: whose block it is: `issuer`, `recipient`, `*third`.
        cell: where it stands; `end`: where in its text the heading ends; `colon`: whether a colon follows.
        weight: 0..1, how telling it is.
    """

    role: str
    cell: Cell
    end: int
    colon: bool
    weight: float


Labels = dict[int, tuple[str, int]]
"""By a cell's index the label that starts it, and where in its text the label ends.

The label is a field's name, a label of blocks (`*name`, `*address`, `*part`, `*other`), a heading's role, or empty for
what labels something else.
"""


def sort_labels(sheet: Sheet, fields: Sequence[FieldSpec], hits: Sequence[Hit]) -> tuple[dict[int, Head], Labels]:
    """The headings of parties' blocks by the index of their cell, and all labels that start a cell, the headings among them.

    Args:
        sheet: the page.
        fields: the fields that are a party's; the labels of a name head that party's block.
        hits: the labels of the schema's fields.
    """
    roles = {spec.name: str(spec.party) for spec in fields if spec.kind is Kind.NAME}
    numbers = {spec.name for spec in fields if spec.scheme}
    own = find_labels(sheet, [*(spec for spec in fields if spec.name in roles), *block_labels()], decoys=False)
    heads: dict[int, Head] = {}
    labels: Labels = {}
    by_cell: dict[int, list[Hit]] = {}
    for hit in [*own, *hits]:
        by_cell.setdefault(hit.span.cell.index, []).append(hit)
    for index, found in sorted(by_cell.items()):
        cell = found[0].span.cell
        first = [hit for hit in found if _ONE_BEFORE.fullmatch(cell.text[: hit.span.start])]
        if not first:
            continue
        hit = max(first, key=lambda hit: (hit.letters, hit.name.startswith("*"), hit.weight))
        party = hit.name in roles or hit.name in ("*name", "*address", "*part", _THIRD)
        if party and _goes_on_a_line(sheet, cell, labels):
            continue
        if head := _head(sheet, hit, found, roles):
            heads[index] = head
            labels[index] = (head.role, head.end)
        elif _is_label(hit, hit in own) and (hit in own or not tell(_line(sheet, cell), sheet.page.language).address):
            labels[index] = ("*other" if hit.name in numbers else "" if hit.name in roles else hit.name, hit.span.end)
    return heads, labels


def is_own(label: str) -> bool:
    """Whether a label is one that stands inside a party's block."""
    return label.startswith("*") and label != _THIRD


def _goes_on_a_line(sheet: Sheet, cell: Cell, labels: Labels) -> bool:
    """Whether a cell that looks like a label is a word of the line before it: `153 Victoria`, `Street`."""
    before = next((c for c in sheet.rows[cell.row] if c.index == cell.index - 1 and c.index not in labels), None)
    return before is not None and sheet.across(before.box, cell.box) < _ON_A_LINE and before.text[-1:].isalnum()


def _line(sheet: Sheet, cell: Cell) -> str:
    """The text of a cell, and of those that follow it closely."""
    cells = [cell]
    for following in sheet.right_of(cell):
        if sheet.across(cells[-1].box, following.box) > 2 * _ON_A_LINE:
            break
        cells.append(following)
    return " ".join(c.text for c in cells)


def _head(sheet: Sheet, hit: Hit, found: Iterable[Hit], roles: Mapping[str, str]) -> Head | None:
    """The heading that starts with `hit`, if it is one: alone in its cell, or with a colon or a name after it."""
    role = roles.get(hit.name, hit.name)
    if role not in ("issuer", "recipient", _THIRD):
        return None
    cell, end, language = hit.span.cell, hit.span.end, sheet.page.language
    if tell(hit.span.text.replace(" ", ""), language).title:
        return None  # `Facture` is a misread `Facturé à`
    for other in sorted(found, key=lambda other: other.span.start):
        joined = other.span.start >= end and not any(map(str.isalnum, cell.text[end : other.span.start]))
        if joined and other.name in (*roles, _THIRD):
            end = other.span.end
    rest = cell.text[end:]
    colon = rest.lstrip(" )")[:1] in (":", "|")  # a ruled line between two boxes is read as a stroke
    if hit.letters <= _WEAK and not colon and sheet.rows[cell.row][0] is not cell:
        return None
    if not rest.strip(" :|.,-()/") or colon:
        return Head(role, cell, end, colon, hit.weight)
    named = rest.strip(" :|.")
    if starts_open(hit.span.text) and not named[:1].islower() and could_name(named, tell(named, language)):
        return Head(role, cell, end, False, hit.weight)
    return None


def _is_label(hit: Hit, own: bool) -> bool:
    """Whether the words at the start of a cell are a label: alone, before a colon, or before digits."""
    rest = hit.span.cell.text[hit.span.end :].lstrip(" )")
    if hit.letters <= 2 and not own and rest[:1] != ":":
        return False  # `No.12, High Street`
    if not rest.strip(" :|.,-()/") or rest[:1] in (":", "|") or (rest[:1] in ".#°º/-" and hit.name not in ("*name", "*part")):
        return True
    numbered = not own or hit.name == "*other"
    return numbered and any(map(str.isdigit, rest)) and hit.letters >= 3
