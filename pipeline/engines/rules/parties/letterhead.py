"""Finding the parties that no label names: the issuer by its letterhead, the recipient by the place of its address."""

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import NamedTuple

from pipeline.engines.rules.parties.blocks import Blocks, Piece
from pipeline.engines.rules.parties.party import Party, party_of, trimmed
from pipeline.engines.rules.parties.telling import could_name, is_salutation, is_suffix, letters_of, tell
from pipeline.engines.rules.sheet import Cell
from pipeline.values.text import fold_name

_TRIES = 40
"""So many lines at most are tried as the first one of a party's block."""
_TOP = 0.42
"""Letterheads and address windows lie above this fraction of the page's height."""
_FOOT = 0.8
_WINDOW = 5.5
"""Lines in an address window may stand so many units apart."""
_CERTAIN = 0.93
"""A name under a heading that is less sure than this has to be surer than the letterhead."""
_LEAST = 2.0
"""The score that a line needs to be the issuer's name."""
_STRONG = 2.4
"""With this score a line in the upper part is a letterhead, or an addressee; the highest of them is the letterhead."""
_LEAST_LATER = 4.5
"""The same on later pages, which may have no letterhead."""
_PITCH = 2.2
"""Lines of an address are at most so many units apart."""
_PARTS = re.compile(r"\s+[-–—|·•●*∙,]+\s*|\s*[|·•●∙]+\s*|,\s+")


class Sender(NamedTuple):
    """A name and an address on one line, as over an address window: `Firma · Straße 1 · 12345 Ort`."""

    name: Piece
    address: tuple[Piece, ...]


def find_by_place(
    blocks: Blocks, labelled: Mapping[str, Party], others: frozenset[int], wanted: Collection[str]
) -> dict[str, Party]:
    """The parties of `labelled`, and those in `wanted` that are missing there, by where they stand and what they look like.

    Args:
        blocks: the sheet.
        labelled: the parties that have a heading.
        others: cells of blocks that are neither party's.
        wanted: `issuer`, `recipient`.
    """
    parties = dict(labelled)
    sender = _sender(blocks, others | _cells(parties))
    if "recipient" in wanted and "recipient" not in parties and (found := _under_sender(blocks, sender, others, parties)):
        parties["recipient"] = found
    if "issuer" in wanted:
        issuer = parties.get("issuer")
        if issuer is None or issuer.sure < _CERTAIN:
            rival = _letterhead(blocks, sender, others | _cells({r: p for r, p in parties.items() if r != "issuer"}))
            issuer = max(filter(None, (issuer, rival)), key=lambda party: party.sure, default=None)
        if issuer is not None:
            parties["issuer"] = _with_address(blocks, issuer, sender, others | _cells(parties))
    if (
        "recipient" in wanted
        and "recipient" not in parties
        and (found := _addressee(blocks, others | _cells(parties), parties))
    ):
        parties["recipient"] = found
    return parties


def _cells(parties: Mapping[str, Party]) -> frozenset[int]:
    return frozenset().union(*(party.cells for party in parties.values())) if parties else frozenset()


def _sender(blocks: Blocks, closed: frozenset[int]) -> Sender | None:
    """The first line that holds a name and an address, all of it."""
    for row in blocks.sheet.rows:
        if row and _TOP < row[0].box[1] < _FOOT:
            continue
        for run in _runs(blocks, row):
            if any(cell.index in closed for cell in run):
                continue
            whole = blocks.piece(run[0])
            text = " ".join(cell.text for cell in run)
            parts = [part.strip() for part in _PARTS.split(text) if part.strip(" .,")]
            told = [tell(part, blocks.sheet.page.language) for part in parts]
            if len(parts) < 3 or not could_name(parts[0], told[0]) or told[0].address:
                continue
            last = max((n for n, t in enumerate(told) if t.address or (n > 1 and t.number and not t.contact)), default=0)
            housed = any(t.street for t in told[1:]) or any(map(str.isdigit, " ".join(parts[1:last])))
            rest = tell(" ".join(parts[1:]), blocks.sheet.page.language)
            placed = any(t.place for t in told[1:]) or rest.place or (rest.street and told[0].company)
            if housed and placed and not any(t.prose or t.dated or t.contact for t in told[: last + 1]):
                first = next(n for n, part in enumerate(parts) if n and (told[n].address or any(map(str.isdigit, part))))
                name = whole._replace(text=parts[0], cells=tuple(cell.index for cell in run))
                last = max(last, min(len(parts) - 1, first + 1))
                return Sender(name, tuple(whole._replace(text=part) for part in parts[first : last + 1]))
    return None


def _runs(blocks: Blocks, row: Sequence[Cell]) -> list[list[Cell]]:
    """The cells of a row in runs: the marks between the parts of a sender line may stand wide apart."""
    runs: list[list[Cell]] = []
    for cell in row:
        if runs and blocks.sheet.across(runs[-1][-1].box, cell.box) < 4:
            runs[-1].append(cell)
        else:
            runs.append([cell])
    return runs


def _under_sender(blocks: Blocks, sender: Sender | None, others: frozenset[int], parties: Mapping[str, Party]) -> Party | None:
    """The block in the address window, below the small line with the sender's address."""
    if sender is None or sender.name.box[1] > _TOP or blocks.sheet.page.page > 1:
        return None
    closed = others | _cells(parties)
    for cell in blocks.sheet.below(sender.name.box, sender.name.row, 12):
        if cell.index in closed or cell.index in blocks.labels or cell.box[0] - sender.name.box[0] > 0.12:
            continue
        start = blocks.piece(cell)
        if not could_name(start.text, blocks.tell(start)) and not is_salutation(start.text):
            return None
        party = party_of(blocks, blocks.block(start, near=_WINDOW), 0.88)
        return party if party and party.address and _differs(party, sender.name) else None
    return None


def _differs(party: Party, name: Piece) -> bool:
    return fold_name(party.name[0].text) != fold_name(name.text)


def _letterhead(blocks: Blocks, sender: Sender | None, closed: frozenset[int]) -> Party | None:
    """The issuer, by the line that looks most like a letterhead."""
    outer = [piece for piece in blocks.pieces if blocks.slip or piece.box[1] < _TOP or piece.box[3] > _FOOT]
    pieces = [piece for piece in outer if not closed.intersection(piece.cells)]
    said = Counter(fold_name(trimmed(piece).text) for piece in outer)
    best, best_score = None, _LEAST if blocks.sheet.page.page == 1 else _LEAST_LATER
    highest = sender.name if sender and sender.name.box[1] < _TOP else None
    end = _end_of_head(blocks, pieces) if blocks.slip else len(blocks.sheet.rows)
    for number, piece in enumerate(pieces):
        told = blocks.tell(piece)
        if not could_name(piece.text, told) or is_salutation(piece.text):
            continue
        if sender and set(piece.cells) & set(sender.name.cells):
            continue
        score = _score(blocks, piece, pieces[number + 1 :]) + min(said[fold_name(trimmed(piece).text)] - 1, 1) * 1.0
        score += 2.0 if sender and fold_name(sender.name.text) == fold_name(piece.text) else 0.0
        score -= 2.5 if piece.row > end else 0.0
        score -= 4.0 if _is_addressed(blocks, piece) else 0.0
        if score >= _STRONG and piece.box[1] < _TOP and not blocks.slip and blocks.sheet.page.page == 1:
            highest = highest or piece
            full = _over_address(blocks, piece, pieces[number + 1 :])
            score += (4.0 if full else 3.0) if blocks.sheet.down(highest.box, piece.box) < 1.5 else 0.0
        if score > best_score:
            best, best_score = piece, score
    if sender and (best is None or best_score < 5.5) and sender.name.box[1] < _TOP:
        sure = 0.85 if tell(sender.name.text, "und").company else 0.75
        return Party((sender.name,), sender.address, sure, sure, frozenset(sender.name.cells))
    if best is None:
        return None
    items = blocks.block(best)
    party = party_of(blocks, items, min(0.95, 0.5 + 0.06 * best_score))
    if party and (above := _above(blocks, pieces, best)):
        party = replace(party, name=(trimmed(above), *party.name))
    return party and replace(party, cells=party.cells.difference(closed))


def _is_addressed(blocks: Blocks, piece: Piece) -> bool:
    """Whether a salutation stands right above a line: it is an address to send to."""
    return any(
        0.5 < blocks.sheet.down(above.box, piece.box) < 3 and blocks.aligned(above.box, piece.box)
        for above in blocks.salutations
    )


def _end_of_head(blocks: Blocks, pieces: Sequence[Piece]) -> int:
    """The row at which a slip's letterhead ends: with the first title, date, price or field below something like a name."""
    first = next((p.row for p in pieces if could_name(p.text, blocks.tell(p))), 0)
    told = ((piece, blocks.tell(piece)) for piece in pieces)
    ends = [piece.row for piece, t in told if t.title or t.dated or t.priced]
    ends += [blocks.sheet.cells[index].row for index, (name, _) in blocks.labels.items() if not name.startswith("*")]
    return min((row for row in ends if row > first), default=len(blocks.sheet.rows))


def _above(blocks: Blocks, pieces: Sequence[Piece], piece: Piece) -> Piece | None:
    """The line that the name begins on, where `piece` only ends it, or where both are set in large print."""
    before = [p for p in pieces if 0.5 < blocks.sheet.down(p.box, piece.box) < 4 and blocks.aligned(p.box, piece.box)]
    if not before or before[-1].clarity < 0.6 or not could_name(before[-1].text, blocks.tell(before[-1])):
        return None
    above = before[-1]
    sizes = [_height(blocks, p) for p in (above, piece)]
    large = (
        above.text.isupper() == piece.text.isupper()
        and min(sizes) > 1.3
        and max(sizes) < 1.25 * min(sizes)
        and not blocks.tell(above).legal
    )
    close = blocks.sheet.down(above.box, piece.box) < 1.5 * max(sizes)
    return above if is_suffix(piece.text, blocks.tell(piece)) or (large and close) else None


def _height(blocks: Blocks, piece: Piece) -> float:
    """How high the print of a line is, in units."""
    cells = [blocks.sheet.cells[index] for index in piece.cells]
    words = [word for cell in cells for word in blocks.sheet.page.words[cell.first : cell.first + len(cell.starts)]]
    return max(word.box[3] - word.box[1] for word in words) / blocks.sheet.unit


def _score(blocks: Blocks, piece: Piece, following: Sequence[Piece]) -> float:
    """How much a line looks like the name over a letterhead."""
    told = blocks.tell(piece)
    height = _height(blocks, piece)
    middle = (piece.box[1] + piece.box[3]) / 2
    score = 3.0 * told.legal + 1.5 * (told.trade and not told.legal)
    score += min(max(height - 1.15, 0.0) * 2.0, 1.5)
    if middle < _TOP:
        score += 2.0 * (1 - middle / _TOP) + (0.5 if blocks.slip else 0.0)
    elif middle > _FOOT:
        score += 0.3
    else:
        score -= 1.0
    score += 1.5 * _over_address(blocks, piece, following)
    text = trimmed(piece).text
    letters = letters_of(text)
    score -= 1.0 * (letters < 5) + 1.0 * piece.text.islower() + 2.0 * (told.person and not told.company)
    score -= 3.0 * max(0.75 - piece.clarity, 0.0)
    return score - 1.5 * (letters < 0.6 * len(text.replace(" ", "")))


def _over_address(blocks: Blocks, piece: Piece, following: Sequence[Piece]) -> bool:
    """Whether the next line under `piece` is one of an address; on slips a register number may stand there as well."""
    below = next((p for p in following if blocks.aligned(piece.box, p.box)), None)
    if below is None or blocks.sheet.down(piece.box, below.box) > 4.5 + _height(blocks, piece):
        return False
    told = blocks.tell(below)
    return told.address or (blocks.slip and told.number)


def _with_address(blocks: Blocks, issuer: Party, sender: Sender | None, closed: frozenset[int]) -> Party:
    """The issuer with an address from elsewhere on the page, where its own block holds none or one that stands far below."""
    shut = closed - issuer.cells
    near = bool(issuer.address) and blocks.sheet.down(issuer.name[-1].box, issuer.address[0].box) <= _PITCH
    if not near and (beside := _beside(blocks, issuer.name[-1], shut)):
        name_cells = frozenset(cell for piece in issuer.name for cell in piece.cells)
        return replace(issuer, address=beside, address_sure=0.8, cells=name_cells.union(*(p.cells for p in beside)))
    if issuer.address:
        return issuer
    name = fold_name(issuer.name[0].text)
    if sender and (fold_name(sender.name.text) in name or name in fold_name(sender.name.text)):
        return replace(issuer, address=sender.address, address_sure=0.85, cells=issuer.cells | set(sender.name.cells))
    others = (
        piece
        for piece in blocks.pieces
        if not shut.intersection(piece.cells)
        and piece.cells[0] != issuer.name[0].cells[0]
        and fold_name(trimmed(piece).text) == name
    )
    for piece in islice(others, _TRIES):
        again = party_of(blocks, blocks.block(piece), 0.85)
        if again and again.address:
            return replace(issuer, address=again.address, address_sure=0.8, cells=issuer.cells | again.cells)
    return issuer


def _beside(blocks: Blocks, name: Piece, closed: frozenset[int]) -> tuple[Piece, ...]:
    """The address in the other corner of a letterhead: lines right of the name, from its own line down."""
    lines: list[Piece] = []
    for piece in blocks.pieces:
        if piece.box[0] <= name.box[2] or closed.intersection(piece.cells) or name.box[1] > _TOP:
            continue
        if abs(blocks.sheet.down((lines[-1] if lines else name).box, piece.box)) > (_PITCH if lines else 1.0):
            continue
        if not blocks.tell(piece).address:
            break
        lines.append(piece)
    return tuple(lines) if _is_address(blocks, lines) else ()


def _addressee(blocks: Blocks, closed: frozenset[int], parties: Mapping[str, Party]) -> Party | None:
    """The recipient by what is left: a name over an address in the upper part of the first page that is not the issuer's."""
    if blocks.sheet.page.page > 1:
        return None
    issuer = parties.get("issuer")
    if issuer is None or not issuer.name:
        return None
    names = (
        piece
        for piece in blocks.pieces
        if piece.box[1] <= _TOP
        and not closed.intersection(piece.cells)
        and (could_name(piece.text, blocks.tell(piece)) or is_salutation(piece.text))
    )
    for piece in islice(names, _TRIES):
        items = blocks.block(piece)
        party = party_of(blocks, items, 0.72)
        if (
            party
            and _is_address(blocks, party.address)
            and all(_differs(party, part) for part in issuer.name)
            and not closed.intersection(party.cells)
        ):
            return party
    return None


def _is_address(blocks: Blocks, lines: Sequence[Piece]) -> bool:
    told = [blocks.tell(piece) for piece in lines]
    return any(t.place for t in told) and (any(t.street for t in told) or len(lines) > 1)
