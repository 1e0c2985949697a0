"""`octoglot sql`: a question to the results, and its answer as a table, CSV, JSON or Parquet."""

import csv
import json
import sys
from decimal import Decimal
from typing import Annotated, Any

import typer
from rich import box
from rich.table import Table

from flows.cli.common import Out, check_format, stderr, stdout
from pipeline import query
from pipeline.errors import UsageError

NUMBERS = ("DECIMAL", "BIGINT", "INTEGER", "HUGEINT", "DOUBLE", "FLOAT", "UBIGINT", "SMALLINT", "TINYINT")


def sql(
    question: Annotated[str | None, typer.Argument(help="one SELECT; without it, a prompt")] = None,
    out: Out = "results",
    format: Annotated[str, typer.Option("--format", help="table, csv, json or parquet")] = "table",
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
        for asked in _prompt():
            try:
                _write(query.ask(connection, asked, timeout, format), format)
            except UsageError as error:
                stderr.print(f"{error.message}" + (f" → {error.next_step}" if error.next_step else ""))


def _prompt() -> Any:
    """Questions from the terminal, or one a line from a pipe, until the end of the input."""
    if sys.stdin.isatty():
        import readline  # noqa: F401 - gives input() its history

        stderr.print("one SELECT a line; SHOW TABLES lists the views; Ctrl-D ends")
    while True:
        try:
            asked = input("octoglot> " if sys.stdin.isatty() else "").strip().rstrip(";")
        except EOFError:
            return
        if asked:
            yield asked


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
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name, kind in zip(answer.columns, answer.types, strict=True):
        table.add_column(name, justify="right" if kind.startswith(NUMBERS) else "left", overflow="fold")
    for row in answer.rows:
        table.add_row(*(_shown(value) for value in row))
    stdout().print(table)
    stderr.print(f"{len(answer.rows):,} rows" if len(answer.rows) != 1 else "1 row")


def _shown(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, Decimal):
        # 12.5000 is stored with four decimals; two are enough for the eye unless the others say something.
        short = value.quantize(Decimal("0.01"))
        return f"{short:f}" if short == value else f"{value.normalize():f}"
    if isinstance(value, float):
        return str(round(value, 4))
    return str(value)
