"""`octoglot evaluate`: the results against what is known to be true."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from flows.cli.common import Format, Out, check_format, numbered, print_json, stderr
from pipeline import query
from pipeline.errors import UsageError
from pipeline.evaluate import Report, Tally, Truth, evaluate, read_truth
from pipeline.records import Typed
from schemas.base import Schema, spec_at
from schemas.fields import Kind
from schemas.registry import BUILT_IN, load_schema

GROUPS = ("schema", "language", "field")

Pairs = Iterator[tuple[Truth, Mapping[str, Typed] | None]]


def evaluate_command(
    truth: Annotated[Path, typer.Option("--truth", help="JSON lines: file, schema, language, fields, absent")],
    out: Out = "results",
    clean: Annotated[bool, typer.Option("--clean", help="only documents that the truth does not call unclean")] = False,
    failures: Annotated[bool, typer.Option("--failures", help="list every value that is not right")] = False,
    schema: Annotated[list[str] | None, typer.Option("--schema", help="a schema of your own; repeatable")] = None,
    by: Annotated[list[str] | None, typer.Option("--by", help="schema, language or field; repeatable; all unless told")] = None,
    format: Format = "table",
) -> None:
    """Compare the results with the truth: exact after normalisation, by schema, language and field."""
    check_format(format, "table", "json")
    for group in by or ():
        if group not in GROUPS:
            raise UsageError(f"results are not told by {group!r}", f"choose from: {', '.join(GROUPS)}")
    schemas = {model.schema_name: model for model in map(load_schema, [*BUILT_IN, *(schema or [])])}
    truths = [line for line in read_truth(str(truth)) if line.schema in schemas and (line.fields or line.absent)]
    truths = [line for line in truths if line.clean or not clean]
    report = evaluate(_pairs(out, truths, schemas), schemas)
    if format == "json":
        print_json([report.as_dict()])
        return
    _show(report, by or GROUPS)
    if failures:
        _show_failures(report)
    if report.missing:
        more = ", …" if len(report.missing) > 3 else ""
        verb = "is" if len(report.missing) == 1 else "are"
        number = numbered(len(report.missing), "document")
        stderr.print(f"{number} of the truth {verb} not in {out}: {', '.join(report.missing[:3])}{more}")


def _pairs(out: str, truths: list[Truth], schemas: Mapping[str, Schema]) -> Pairs:
    """Each truth with the values that the store holds for its document; None where the document was never read."""
    from pipeline.arrow import storable  # pyarrow takes a while to load

    with query.connect(out) as connection:
        known = query.ask(connection, "SELECT source, schema FROM documents").rows
        rows = query.ask(connection, "SELECT source, schema, path, value FROM fields WHERE value IS NOT NULL").rows
    found: dict[tuple[str, str], dict[str, Typed]] = {(source, name): {} for source, name in known}
    for source, name, path, value in rows:
        if name in schemas:
            found[source, name][path] = _typed(value, spec_at(schemas[name], path).kind)
    for line in truths:
        yield line, found.get((storable(line.file), line.schema))


def _typed(text: str, kind: Kind) -> Typed:
    if kind in (Kind.MONEY, Kind.NUMBER, Kind.PERCENT):
        return Decimal(text)
    return date.fromisoformat(text) if kind is Kind.DATE else text


def _show(report: Report, groups: Sequence[str]) -> None:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("", "right", "wrong", "missed", "false", "accuracy", "precision"):
        table.add_column(name, justify="left" if not name else "right")
    told = {"schema": report.by_schema, "language": report.by_language, "field": report.by_field}
    for group in groups:
        for name, tally in told[group].items():
            table.add_row(name, *_numbers(tally))
        table.add_section()
    table.add_row(f"all ({numbered(report.documents, 'document')})", *_numbers(report.overall))
    Console(width=100).print(table)


def _numbers(tally: Tally) -> list[str]:
    counts = [str(number) for number in (tally.right, tally.wrong, tally.missed, tally.false)]
    return counts + ["–" if share is None else f"{share:.3f}" for share in (tally.accuracy, tally.precision)]


def _show_failures(report: Report) -> None:
    table = Table("file", "field", "", "expected", "found", box=box.SIMPLE_HEAD, pad_edge=False)
    for file, judged in report.failures:
        table.add_row(Path(file).name, judged.name, judged.outcome.value, judged.expected, judged.found)
    Console(width=160, markup=False).print(table)
