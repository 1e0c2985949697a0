"""`octoglot sql`: a question to the results, and its answer as a table, CSV, JSON or Parquet."""

import csv
import json
import re
import sys
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Annotated, Any

import typer
from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

from flows.cli.common import Out, check_format, numbered, stderr, stdout
from pipeline import query
from pipeline.errors import UsageError

NUMBERS = ("DECIMAL", "BIGINT", "INTEGER", "HUGEINT", "DOUBLE", "FLOAT", "UBIGINT", "SMALLINT", "TINYINT")

ONE_ANSWER = ("json", "parquet")
"""Formats in which two answers, one after the other, would be nothing that a program can read."""

DESCRIBED = ("column_name", "column_type")
"""How the answer to DESCRIBE begins; a nested type there is longer than any line, and its columns have a view of their own."""

NESTED = re.compile(r"^STRUCT\(.*\)\[\]$", re.DOTALL)

PIPE_WIDTH = 120
"""Columns to which a table is held where there is no terminal."""

TOKEN = re.compile(
    r"""'(?:[^']|'')*(?:'|\Z) | "(?:[^"]|"")*(?:"|\Z) | (?P<tag>\$\w*\$).*?(?:(?P=tag)|\Z)
        | (?P<comment>--[^\n]*(?:\n|\Z) | /\*.*?(?:\*/|\Z)) | (?P<end>;) | .""",
    re.DOTALL | re.VERBOSE,
)
"""What may hide a `;` in SQL: texts, quoted names and comments; each may be open to the end."""


def sql(
    question: Annotated[
        str | None, typer.Argument(help="one SELECT; without it, questions from a prompt or a pipe, each to its ;")
    ] = None,
    out: Out = "results",
    format: Annotated[
        str, typer.Option("--format", help="table, csv, json or parquet; the last two take one question")
    ] = "table",
    timeout: Annotated[float, typer.Option("--timeout", min=0.1, help="seconds a query may take")] = 300.0,
) -> None:
    """Ask the results a question in SQL. Reads only."""
    check_format(format, "table", "csv", "json", "parquet")
    if format == "parquet" and sys.stdout.isatty():
        raise UsageError("Parquet is not for a terminal", "send it to a file: ... --format parquet > answer.parquet")
    with query.connect(out) as connection:
        if question is not None:
            _write(query.ask(connection, question, timeout, format), format)
            return
        failed = False
        for asked in _questions(format):
            try:
                _write(query.ask(connection, asked, timeout, format), format)
            except UsageError as error:
                stderr.print(f"{error.message}" + (f" → {error.next_step}" if error.next_step else ""))
                failed = True
    if failed and not sys.stdin.isatty():
        sys.exit(2)


def _questions(format: str) -> Iterable[str]:
    """Questions from the terminal or from a pipe, until the end of the input; raises UsageError where one is too many."""
    if format not in ONE_ANSWER:
        return statements(_typed() if sys.stdin.isatty() else sys.stdin)
    if sys.stdin.isatty():
        raise UsageError(f"the prompt does not answer in {format}", f'octoglot sql "SELECT ..." --format {format}')
    asked = list(statements(sys.stdin))
    if len(asked) > 1:
        raise UsageError(f"{len(asked)} questions do not go into one answer in {format}", "ask one at a time, or --format csv")
    return asked


def _typed() -> Iterator[str]:
    """The lines that are typed at the prompt."""
    import readline  # noqa: F401 - gives input() its history

    stderr.print("a SELECT ends with ; and SHOW TABLES; lists the views; Ctrl-D ends")
    line = ";"
    while True:
        try:
            line = input("octoglot> " if line.rstrip().endswith(";") else "     ...> ")
        except EOFError:
            return
        yield f"{line}\n"


def statements(lines: Iterable[str]) -> Iterator[str]:
    """Cut lines into statements, each given as soon as its `;` is there; the last may lack it."""
    held = ""
    for line in lines:
        held += line
        if ";" in line:
            *whole, held = _cut(held)
            yield from (part.strip() for part in whole if _says_something(part))
    if _says_something(held):
        yield held.strip()


def _cut(sql: str) -> list[str]:
    """The parts of `sql` between the `;` that end a statement."""
    ends = [token.end() for token in TOKEN.finditer(sql) if token["end"]]
    return [sql[start:end] for start, end in zip([0, *ends], [*ends, len(sql)], strict=True)]


def _says_something(sql: str) -> bool:
    return any(not (token["comment"] or token["end"] or token[0].isspace()) for token in TOKEN.finditer(sql))


def _write(answer: query.Answer, format: str) -> None:
    if format == "parquet":
        sys.stdout.buffer.write(answer.parquet)
    elif format == "json":
        # One row a line, exact decimals: each row is JSON as DuckDB wrote it.
        sys.stdout.write("[" + ",\n ".join(row[0] for row in answer.rows) + "]\n")
    elif format == "csv":
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(answer.columns)
        writer.writerows([_cell(value) for value in row] for row in answer.rows)
    else:
        _table(answer)


def _cell(value: Any) -> Any:
    """A value for CSV: lists and structs as JSON."""
    return _json(value) if isinstance(value, (list, tuple, dict)) else value


def _json(value: Any) -> str:
    """JSON with exact decimals, which `json` would make floats or texts."""
    if isinstance(value, (list, tuple)):
        return f"[{','.join(map(_json, value))}]"
    if isinstance(value, dict):
        return f"{{{','.join(f'{_json(str(name))}:{_json(inner)}' for name, inner in value.items())}}}"
    return f"{value:f}" if isinstance(value, Decimal) else json.dumps(value, ensure_ascii=False, default=str)


def _table(answer: query.Answer) -> None:
    """A table where it fits, else a block of lines a row."""
    cells = [[_shown(value, kind) for value, kind in zip(row, answer.types, strict=True)] for row in answer.rows]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name, kind in zip(answer.columns, answer.types, strict=True):
        table.add_column(name, justify="right" if kind.startswith(NUMBERS) else "left", no_wrap=True)
    if answer.columns[:2] == DESCRIBED:
        cells = [[name, NESTED.sub(r"STRUCT(…)[]", kind), *rest] for name, kind, *rest in cells]
    for row in cells:
        table.add_row(*row)
    console = stdout()
    width = console.width if sys.stdout.isatty() else PIPE_WIDTH
    if Measurement.get(console, console.options.update(max_width=sys.maxsize), table).maximum <= width:
        console.print(table)
    else:
        _blocks(console, answer.columns, cells, width)
    stderr.print(numbered(len(answer.rows), "row"))


def _blocks(console: Console, columns: tuple[str, ...], rows: list[list[str]], width: int) -> None:
    indent = max(map(cell_len, columns)) + 2
    for number, row in enumerate(rows, 1):
        console.out(f"── row {number:,} ".ljust(min(width, 60), "─"), highlight=False)
        for name, value in zip(columns, row, strict=True):
            padding = " " * (indent - cell_len(name) - 1)
            console.out(f"{name}:{padding}{value}".rstrip().replace("\n", "\n" + " " * indent), highlight=False)


def _shown(value: Any, kind: str) -> str:
    if value is None:
        return ""
    if kind.startswith("STRUCT(") and kind.endswith("[]"):
        return numbered(len(value), "row")
    if isinstance(value, Decimal):
        # 12.5000 is stored with four decimals; two are enough for the eye unless the others say something.
        short = value.quantize(Decimal("0.01"))
        return f"{short:f}" if short == value else f"{value.normalize():f}"
    if isinstance(value, float):
        return str(round(value, 4))
    return str(_cell(value))
