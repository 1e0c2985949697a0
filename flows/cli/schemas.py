"""`octoglot schemas`: the schemas there are, what is in one, and whether a model can be asked for it."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table

from flows.cli.common import Ask, check_format, print_json, schema_reference, stdout
from pipeline.errors import UsageError
from pipeline.grammar import answer_schema, check_schema
from pipeline.values.arithmetic import describe
from schemas.base import Schema, specs
from schemas.errors import Offence
from schemas.fields import LANGUAGES, FieldSpec, Kind
from schemas.json_schema import file_offences, json_schema
from schemas.questions import NAME, Question
from schemas.registry import BUILT_IN, absolute, load_schema

WIDEST = 120
"""Columns of a terminal that a line of labels fills at most; how many more labels there are is told."""

PARTED = " · "


def schemas(
    action: Annotated[str, typer.Argument(help="list, show or lint")] = "list",
    name: Annotated[
        str | None, typer.Argument(help="for show and lint: a name, module:Class, or a .py, .json (JSON Schema) or .toml file")
    ] = None,
    ask: Ask = None,
    language: Annotated[str, typer.Option("--language", help="for show: labels of this language alone, all of them")] = "",
    grammar: Annotated[bool, typer.Option("--grammar", help="the JSON Schema that a model answers under, alone")] = False,
    format: Annotated[
        str, typer.Option("--format", help="table or json; for show also json-schema, to edit and use")
    ] = "table",
) -> None:
    """List the schemas, show all that one says, or say what of one cannot be used."""
    check_format(format, "table", "json", *(("json-schema",) if action == "show" else ()))
    if language and language not in LANGUAGES:
        raise UsageError(f"there are no labels in {language!r}", f"choose one of: {', '.join(LANGUAGES)}")
    if action == "list":
        _list(format)
    elif action == "show" and name:
        model = load_schema(absolute(schema_reference(name, ask), Path.cwd()))
        if grammar:
            print_json(answer_schema(model, bounded=False))
        elif format == "json-schema":
            print_json(json_schema(model))
        elif format == "json":
            print_json([_whole(model)])
        else:
            _show(model, language, stdout())
    elif action == "lint" and name:
        _lint(name, format)
    else:
        raise UsageError("say `octoglot schemas list`, `octoglot schemas show NAME` or `octoglot schemas lint NAME`")


def _list(format: str) -> None:
    rows = [_listed(name, load_schema(name)) for name in BUILT_IN]
    rows.append(_listed(NAME, Question) | {"fields": "one for each --ask"})
    _print(rows, format)


def _listed(name: str, model: Schema) -> dict[str, Any]:
    about = _first_line(model) + (" (vision engines only)" if model.needs_vision else "")
    return {"name": name, "fields": len(specs(model)), "description": about}


def _whole(model: Schema) -> dict[str, Any]:
    """All that is known of a schema, for programs."""
    return {
        "name": model.schema_name,
        "description": " ".join((model.__doc__ or "").split()),
        "needs_vision": model.needs_vision,
        "fields": [{"field": path} | asdict(spec) | {"columns": len(spec.columns)} for path, spec in _leaves(model)],
        "rules": [{"rule": describe(rule), "kind": type(rule).__name__.lower()} | asdict(rule) for rule in model.rules],
        "grammar": None if check_schema(model) else answer_schema(model, bounded=False),
        "json_schema": json_schema(model),
    }


def _show(model: Schema, language: str, console: Console) -> None:
    console.print(f"{model.schema_name}: {' '.join((model.__doc__ or '').split())}")
    if model.needs_vision:
        console.print("Only engines that see the page can read it: --engine vllm or --engine openai.")
    fields = _table("field", "kind", "required", "description")
    for path, spec in _leaves(model):
        fields.add_row(path, _kind(spec), "yes" if spec.required else "", _description(spec))
    console.print(fields)
    if model.rules:
        console.print("Rules, which hold in a sound document:")
        for rule in model.rules:
            console.print(f"  {describe(rule)}")
    _show_labels(model, language, console)
    if check_schema(model):
        console.print(f"A model cannot be asked for it: `octoglot schemas lint {model.schema_name}` says why.")
        return
    console.print("Grammar, under which a model answers (without the descriptions; --grammar prints the JSON Schema whole):")
    for line in _grammar_lines(answer_schema(model, bounded=False)["properties"], "  "):
        console.print(line, soft_wrap=True)


def _show_labels(model: Schema, language: str, console: Console) -> None:
    labelled = [(path, spec) for path, spec in _leaves(model) if spec.labels or spec.choice_words]
    if not labelled:
        return
    told = _table("labels of", "", "most telling first" if language else "most telling first (--language shows all of one)")
    rows: list[tuple[str, Mapping[str, Sequence[str]]]] = []
    for path, spec in labelled:
        rows += [(path, spec.labels), *((f"{path} = {choice}", words) for choice, words in spec.choice_words.items())]
    room = min(console.width, WIDEST) - max(len(what) for what, _ in rows) - 12
    for what, words in rows:
        for number, spoken in enumerate([one for one in LANGUAGES if words.get(one) and language in ("", one)]):
            line = PARTED.join(words[spoken]) if language else _some(words[spoken], room)
            told.add_row("" if number else what, spoken, line)
    console.print(told)


def _leaves(model: Schema) -> Iterator[tuple[str, FieldSpec]]:
    for spec in specs(model):
        yield spec.name, spec
        for column in spec.columns:
            yield f"{spec.name}[].{column.name}", column


def _kind(spec: FieldSpec) -> str:
    return f"{spec.kind} ({spec.scheme})" if spec.scheme and spec.scheme != "document_number" else spec.kind.value


def _description(spec: FieldSpec) -> str:
    choices = f"one of {', '.join(spec.choices)}" if spec.kind is Kind.CHOICE else ""
    return "; ".join(filter(None, (spec.description, choices)))


def _some(labels: Sequence[str], room: int) -> str:
    """As many labels as a line has room for, and how many more there are."""
    shown = list(labels[:1])
    for label in labels[1:]:
        if cell_len(PARTED.join([*shown, label])) > room - 4:
            return f"{PARTED.join(shown)} +{len(labels) - len(shown)}"
        shown.append(label)
    return PARTED.join(shown)


def _grammar_lines(properties: dict[str, Any], indent: str) -> Iterator[str]:
    for name, node in properties.items():
        told = {word: value for word, value in node.items() if word not in ("description", "items")}
        yield f"{indent}{name}: {json.dumps(told, ensure_ascii=False)}"
        if "items" in node:
            yield from _grammar_lines(node["items"]["properties"], f"{indent}  ")


def _lint(name: str, format: str) -> None:
    offences = _offences(name)
    if format == "json" or offences:
        _print([asdict(offence) for offence in offences], format)
    else:
        print(f"ok: a model can be asked for {name}")
    if offences:
        raise typer.Exit(2)


def _offences(name: str) -> list[Offence]:
    path = absolute(name, Path.cwd())
    return (file_offences(Path(path)) if name.endswith(".json") else []) or check_schema(load_schema(path))


def _print(rows: list[dict[str, Any]], format: str) -> None:
    if format == "json":
        print_json(rows)
        return
    table = _table(*rows[0])
    for row in rows:
        table.add_row(*(str(value) for value in row.values()))
    stdout().print(table)


def _table(*columns: str) -> Table:
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    for name in columns:
        made.add_column(name, no_wrap=name in ("field", "kind", "labels of", "name"), overflow="fold")
    return made


def _first_line(model: Schema) -> str:
    return (model.__doc__ or "").strip().partition("\n")[0]
