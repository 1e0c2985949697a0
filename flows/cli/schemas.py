"""`octoglot schemas`: the schemas there are, what is in one, and whether a model can be asked for it."""

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from flows.cli.common import Format, check_format, print_json, stdout
from pipeline.errors import UsageError
from pipeline.grammar import Offence, answer_schema, check_schema, lint
from schemas.base import Schema, specs
from schemas.fields import FieldSpec
from schemas.registry import BUILT_IN, absolute, load_schema

MOST_LABELS = 60
"""Letters of a field's labels that are shown, where it has several."""


def schemas(
    action: Annotated[str, typer.Argument(help="list, show or lint")] = "list",
    name: Annotated[
        str | None, typer.Argument(help="for show and lint: a name, module:Class, or a .py file; for lint also a .json file")
    ] = None,
    grammar: Annotated[bool, typer.Option("--grammar", help="show the JSON Schema that a model answers under")] = False,
    format: Format = "table",
) -> None:
    """List the schemas, show the fields of one, or say what of one a model cannot be asked for."""
    check_format(format, "table", "json")
    if action == "list":
        _list(format)
    elif action == "show" and name:
        model = load_schema(absolute(name, Path.cwd()))
        if grammar:
            print_json(answer_schema(model, bounded=False))
        else:
            _show(model, format)
    elif action == "lint" and name:
        _lint(name, format)
    else:
        raise UsageError("say `octoglot schemas list`, `octoglot schemas show NAME` or `octoglot schemas lint NAME`")


def _list(format: str) -> None:
    rows = [
        {"name": name, "fields": len(specs(model)), "description": _first_line(model)}
        for name, model in ((name, load_schema(name)) for name in BUILT_IN)
    ]
    _print(rows, format)


def _show(model: Schema, format: str) -> None:
    if format == "json":
        print_json(model.model_json_schema())
        return
    rows = []
    for spec in specs(model):
        rows.append(_row(spec.name, spec))
        rows += [_row(f"{spec.name}[].{column.name}", column) for column in spec.columns]
    _print(rows, format, title=f"{model.schema_name}: {_first_line(model)}")


def _lint(name: str, format: str) -> None:
    offences = _offences(name)
    if format == "json" or offences:
        _print([asdict(offence) for offence in offences], format)
    else:
        print(f"ok: a model can be asked for {name}")
    if offences:
        raise typer.Exit(2)


def _offences(name: str) -> list[Offence]:
    if not name.endswith(".json"):
        return check_schema(load_schema(absolute(name, Path.cwd())))
    try:
        told = json.loads(Path(name).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise UsageError(f"{name} cannot be read: {why}", "give a file with one JSON Schema") from error
    return lint(told)


def _row(path: str, spec: FieldSpec) -> dict[str, Any]:
    return {
        "field": path,
        "kind": spec.kind.value,
        "required": "yes" if spec.required else "",
        "description": spec.description,
        "labels (first)": _some(words[0] for words in spec.labels.values() if words),
    }


def _some(labels: Iterable[str]) -> str:
    """Each label once, as many as a column has room for."""
    told = list(dict.fromkeys(labels))
    shown = told[:1]
    for label in told[1:]:
        if len(", ".join([*shown, label])) > MOST_LABELS:
            return ", ".join([*shown, "…"])
        shown.append(label)
    return ", ".join(shown)


def _print(rows: list[dict[str, Any]], format: str, title: str = "") -> None:
    if format == "json":
        print_json(rows)
        return
    table = Table(title=title or None, title_justify="left")
    for name in rows[0]:
        table.add_column(name)
    for row in rows:
        table.add_row(*(str(value) for value in row.values()))
    stdout().print(table)


def _first_line(model: Schema) -> str:
    return (model.__doc__ or "").strip().partition("\n")[0]
