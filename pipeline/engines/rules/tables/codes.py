"""Numbers of articles that are printed with their label in the text of a row: `Art. 4711`, `GTIN: 4012345001235`."""

from collections.abc import Sequence
from typing import NamedTuple

from pipeline.engines.rules.labels import squeeze
from pipeline.engines.rules.tables.columns import TableLine
from pipeline.engines.rules.tables.headings import labelled_as
from pipeline.engines.rules.tables.tokens import Token, words_of
from pipeline.engines.rules.tables.wraps import ROW_LINES, GridRow
from schemas.fields import FieldSpec, Kind

_LONGEST = 24


class Code(NamedTuple):
    """A number in the text: the line it stands on, the column of the schema that it is of, and its print."""

    line: TableLine
    name: str
    token: Token


def code_of(cell: Sequence[Token], columns: Sequence[FieldSpec]) -> tuple[str, Token] | None:
    """The column and the value of a cell that is a label of a number and the number, and nothing else."""
    identifiers = [column for column in columns if column.kind is Kind.IDENTIFIER]
    if not identifiers or len(cell) < 2 or not any(c.isdigit() for c in cell[-1].text) or len(cell[-1].text) > _LONGEST:
        return None
    label = words_of(cell[:-1])
    if any(c.isdigit() for c in squeeze(label).text):
        return None
    names = labelled_as(label, identifiers)
    return (min(names), cell[-1]) if names else None


def part_codes(lines: Sequence[TableLine], columns: Sequence[FieldSpec]) -> tuple[list[TableLine], list[Code]]:
    """The lines without cells that are codes, and the codes."""
    kept: list[TableLine] = []
    codes: list[Code] = []
    for line in lines:
        found = [code_of(cell, columns) for cell in line.cells]
        codes += [Code(line, *code) for code in found if code is not None]
        cells = tuple(cell for cell, code in zip(line.cells, found, strict=True) if code is None)
        if cells:
            kept.append(line._replace(cells=cells))
    return kept, codes


def give_codes(rows: Sequence[GridRow], codes: Sequence[Code]) -> None:
    """Give each code to the row on whose lines it stands, else to the one above it, or below it where the first opens them."""
    below = bool(rows and codes) and codes[0].line.y < rows[0].lines[0].y - ROW_LINES / 4
    for line, name, token in codes:
        inside = [row for row in rows if any(one.row == line.row for one in row.lines)]
        under = [row for row in rows if 0 < row.lines[0].y - line.y <= 2 * ROW_LINES]
        above = [row for row in reversed(rows) if 0 < line.y - row.lines[0].y <= 3 * ROW_LINES]
        for row in (*inside, *(under if below else above))[:1]:
            row.codes.setdefault(name, token)
