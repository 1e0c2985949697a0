"""A party as its block tells it: which lines are its name, which its address."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pipeline.engines.rules.parties.blocks import Blocks, Item, Piece
from pipeline.engines.rules.parties.telling import could_name, is_salutation, is_suffix, tell

_BARE: Final = re.compile(r"^[\W_]+|[\s,;:|]+$")


@dataclass(frozen=True)
class Party:
    """Who was found: the lines of name and address, how sure each is (0..1), and the cells of the whole block."""

    name: tuple[Piece, ...]
    address: tuple[Piece, ...]
    sure: float
    address_sure: float
    cells: frozenset[int]


def party_of(blocks: Blocks, items: Sequence[Item], trust: float) -> Party | None:
    """The party that a block's lines tell of, or None where no line can be its name.

    Args:
        blocks: the sheet.
        items: the lines of the block.
        trust: how sure it is that the block is this party's, 0..1.
    """
    cells = frozenset(cell for item in items for cell in item.piece.cells)
    name, rest = _name(blocks, items)
    address = _address(blocks, rest)
    if not name:
        return None
    told = [blocks.tell(piece) for piece in name]
    beside = any(item.label == "*other" or blocks.tell(item.piece).number for item in items)
    backed = any(t.company or t.person for t in told) or bool(address) or beside
    clear = min(piece.clarity for piece in name) > 0.6
    sure = trust * (1.0 if backed else 0.85) * (1.0 if clear else 0.7)
    whole = any(blocks.tell(piece).place for piece in address) and len(address) < 6
    return Party(name, address, sure, trust * (0.93 if whole else 0.75), cells)


def trimmed(piece: Piece) -> Piece:
    """A line without the marks that OCR, or the typesetter, put around it, and without a register number in brackets."""
    text = re.sub(r"\s*\((?:Co\.? ?(?:Reg)?[^)]*|[A-Z]{0,3}\d{4,}[ -]*\w{0,2}\s*)[)}\]]?.*$", "", piece.text)
    return piece._replace(text=_BARE.sub("", text) or piece.text)


def joined_name(blocks: Blocks, pieces: Sequence[Piece]) -> tuple[Piece, ...]:
    """The lines at the start of `pieces` that are one name: the first, and what only ends it (`TRADING`, `GmbH & Co. KG`)."""
    name = [pieces[0]]
    for piece in pieces[1:3]:
        told = blocks.tell(piece)
        if not (could_name(piece.text, told) and is_suffix(piece.text, told)):
            break
        name.append(piece)
    return tuple(trimmed(piece) for piece in name)


def _name(blocks: Blocks, items: Sequence[Item]) -> tuple[tuple[Piece, ...], list[Item]]:
    """The lines of the name, and the lines that are left for the address."""
    labelled = next((n for n, item in enumerate(items) if item.label == "*name"), None)
    if labelled is not None and could_name(
        items[labelled].piece.text, tell(items[labelled].piece.text, "und")._replace(dated=False)
    ):
        return _name_by_label(blocks, items, labelled)
    names: list[int] = []
    for number, item in enumerate(items):
        told = blocks.tell(item.piece)
        if item.label and not names:
            continue
        if item.label or (told.address and not told.company):
            break
        if could_name(item.piece.text, told) and not is_salutation(item.piece.text):
            names.append(number)
        elif names:
            break
    if not names:
        return (), list(items)
    first = names[0]
    company = next((n for n in names[:3] if blocks.tell(items[n].piece).legal), None)
    if company is not None and (
        blocks.tell(items[first].piece).person or not is_suffix(items[company].piece.text, blocks.tell(items[company].piece))
    ):
        first = company
    name = joined_name(blocks, [items[n].piece for n in names if n >= first])
    return name, list(items[first + len(name) :])


def _name_by_label(blocks: Blocks, items: Sequence[Item], place: int) -> tuple[tuple[Piece, ...], list[Item]]:
    """The name behind its own label, with the lines around it that have no label and are of it."""
    name = [items[place].piece]
    following = place + 1
    while following < len(items) and not items[following].label:
        told = blocks.tell(items[following].piece)
        if told.address or not could_name(items[following].piece.text, told):
            break
        name.append(items[following].piece)
        following += 1
    before = items[place - 1] if place else None
    if before and not before.label and place > 1 and could_name(before.piece.text, blocks.tell(before.piece)):
        name.insert(0, before.piece)  # a label stands in the middle of the two lines that it labels
    return tuple(trimmed(piece) for piece in name), list(items[following:])


def _address(blocks: Blocks, items: Sequence[Item]) -> tuple[Piece, ...]:
    """The lines of the address: behind their label, else those below the name that tell of a place."""
    labelled = next((n for n, item in enumerate(items) if item.label == "*address"), None)
    if labelled is not None:
        lines = [items[labelled].piece]
        for item in items[labelled + 1 :]:
            if item.label not in ("", "*part") or (
                not item.label and blocks.tell(item.piece).beside and not blocks.tell(item.piece).address
            ):
                if item.label:
                    continue
                break
            lines.append(item.piece)
        return tuple(_clean(piece) for piece in lines)
    return address_in(blocks, [item.piece for item in _unlabelled(items)])


def _unlabelled(items: Sequence[Item]) -> list[Item]:
    """The lines up to the first with a label that is no part of an address."""
    kept: list[Item] = []
    for item in items:
        if item.label not in ("", "*part", "*address"):
            if any(not other.label for other in kept):
                break
            continue
        kept.append(item)
    return kept


def address_in(blocks: Blocks, pieces: Sequence[Piece]) -> tuple[Piece, ...]:
    """The lines of `pieces` that are an address; empty where none tells of a street or a place.

    Lines of numbers and contacts in front of it are passed over, those after it end it.
    """
    lines: list[Piece] = []
    certain = 0
    for piece in pieces:
        told = blocks.tell(piece)
        if told.address:
            lines.append(piece)
            certain = len(lines)
        elif told.beside or is_salutation(piece.text):
            if certain:
                break
            lines.clear()
        elif certain or any(map(str.isdigit, piece.text)):
            lines.append(piece)
        else:
            lines.clear()  # a person, a trade name: what comes before the street
    return tuple(_clean(piece) for piece in _within(blocks, lines, certain))


def _within(blocks: Blocks, lines: Sequence[Piece], certain: int) -> Sequence[Piece]:
    """The lines up to the last certain one, and one more where the town may stand on a line of its own."""
    if not certain:
        return ()
    if any(blocks.tell(piece).place for piece in lines[:certain]):
        more = lines[certain : certain + 1]
        pitch = blocks.sheet.down(lines[certain - 2].box, lines[certain - 1].box) if certain > 1 else 2.0
        more = [p for p in more if blocks.sheet.down(lines[certain - 1].box, p.box) <= 1.3 * pitch]
        near = [p for p in more if p.text.replace(" ", "").replace(".", "").isalpha() and len(p.text.split()) <= 2]
        return [*lines[:certain], *near]
    return lines[: certain + 1]


def _clean(piece: Piece) -> Piece:
    return piece._replace(text=piece.text.strip(" ,;|"))
