"""Reading who is who."""

from collections.abc import Sequence

from pipeline.engines.rules.labels import Hit
from pipeline.engines.rules.sheet import Sheet
from pipeline.records import Leaf
from schemas.fields import FieldSpec


def read_parties(sheet: Sheet, fields: Sequence[FieldSpec], hits: Sequence[Hit], taken: frozenset[int]) -> list[Leaf]:
    """Names, addresses and numbers of issuer and recipient."""
    return []
