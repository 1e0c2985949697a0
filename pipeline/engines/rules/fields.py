"""Reading the fields of a document."""

from collections.abc import Sequence

from pipeline.engines.rules.labels import Hit
from pipeline.engines.rules.sheet import Sheet
from pipeline.records import Leaf
from schemas.base import Schema


def read_fields(sheet: Sheet, schema: Schema, hits: Sequence[Hit], taken: frozenset[int], page_count: int) -> list[Leaf]:
    """Every field that is no table and no party's."""
    return []
