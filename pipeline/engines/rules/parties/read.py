"""Reading who issued a document and to whom: names, addresses and numbers of the two parties."""

from collections.abc import Mapping, Sequence

from pipeline.engines.rules.labels import Hit
from pipeline.engines.rules.parties.blocks import Blocks
from pipeline.engines.rules.parties.labels import Head
from pipeline.engines.rules.parties.letterhead import find_by_place
from pipeline.engines.rules.parties.numbers import read_numbers
from pipeline.engines.rules.parties.party import Party, party_of
from pipeline.engines.rules.sheet import Sheet
from pipeline.records import Leaf, around
from schemas.fields import FieldSpec, Kind


def read_parties(sheet: Sheet, fields: Sequence[FieldSpec], hits: Sequence[Hit], taken: frozenset[int]) -> list[Leaf]:
    """Names, addresses, tax numbers and accounts of issuer and recipient.

    Args:
        sheet: the page.
        fields: the fields that are a party's.
        hits: the labels of all the schema's fields on the sheet.
        taken: indexes of the cells of line items, which are left out.

    Returns:
        At most one leaf a field; none where nothing tells.
    """
    if not fields or not sheet.cells:
        return []
    blocks = Blocks(sheet, fields, hits, taken)
    parties, others = _by_heading(blocks)
    parties = find_by_place(blocks, parties, others, frozenset(str(spec.party) for spec in fields))
    leaves = [leaf for spec in fields if (leaf := _leaf(spec, parties))]
    numbers = [spec for spec in fields if spec.scheme]
    owners = {role: party.cells for role, party in parties.items()}
    return leaves + read_numbers(sheet, numbers, hits, taken, {**owners, "": others})


def _by_heading(blocks: Blocks) -> tuple[dict[str, Party], frozenset[int]]:
    """The parties whose blocks have a heading, and the cells of blocks that are neither's."""
    parties: dict[str, Party] = {}
    others: set[int] = set()
    for head in sorted(blocks.heads.values(), key=lambda head: head.cell.index):
        items = blocks.under(head)
        party = party_of(blocks, items, _trust(head))
        if head.role not in ("issuer", "recipient"):
            whole = party is not None and bool(party.address)  # below the heading of a bank the issuer's numbers go on
            kept = [item.piece for item in items if whole or not (item.label or blocks.tell(item.piece).number)]
            others.update(cell for piece in kept for cell in piece.cells)
        elif party and party.sure > (parties[head.role].sure + 0.1 if head.role in parties else 0.0):
            parties[head.role] = party
        elif party:
            others.update(party.cells)
    return parties, frozenset(others.difference(*(party.cells for party in parties.values())))


def _trust(head: Head) -> float:
    """How sure a block under a heading is that party's: telling labels more, those that could be a word of any line less."""
    return 0.8 + 0.15 * head.weight


def _leaf(spec: FieldSpec, parties: Mapping[str, Party]) -> Leaf | None:
    party = parties.get(str(spec.party))
    if party is None or spec.kind not in (Kind.NAME, Kind.ADDRESS):
        return None
    pieces = party.name if spec.kind is Kind.NAME else party.address
    if not pieces:
        return None
    text = (" " if spec.kind is Kind.NAME else "\n").join(piece.text for piece in pieces)
    sure = party.sure if spec.kind is Kind.NAME else party.address_sure
    return Leaf(spec.name, text, round(sure, 3), around(piece.box for piece in pieces))
