"""Reading a table of rows."""

from typing import NamedTuple

from pipeline.engines.rules.sheet import Sheet
from pipeline.records import Leaf
from schemas.fields import FieldSpec


class Table(NamedTuple):
    """The rows of a table as leaves, and the indexes of the cells that heading and rows take up."""

    leaves: tuple[Leaf, ...] = ()
    cells: frozenset[int] = frozenset()


def read_table(sheet: Sheet, spec: FieldSpec) -> Table:
    """The rows of the table `spec` on the sheet."""
    return Table()
