"""What the subcommands share: their options, the settings they make, and how they print."""

import json
import os
import shlex
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from pydantic_settings import SettingsError
from rich.console import Console

from pipeline.errors import UsageError
from pipeline.settings import Settings
from schemas import questions
from schemas.registry import VIEW_COLUMNS

Sources = Annotated[list[str], typer.Argument(help="folders, files or globs; - reads a list of files from stdin")]
SchemaName = Annotated[
    str, typer.Option("--schema", help="a built-in schema, module:Class, a .py or JSON Schema file, or a .toml of questions")
]
Ask = Annotated[
    list[str] | None,
    typer.Option("--ask", help="for --schema question: a question, or NAME=QUESTION; repeatable, each becomes a column"),
]
Out = Annotated[str, typer.Option("--out", help="the folder that holds the results")]
Recursive = Annotated[bool, typer.Option("--recursive/--no-recursive", help="go into the folders of a folder")]
Exclude = Annotated[list[str] | None, typer.Option("--exclude", help="leave out files that match this glob; repeatable")]
Limit = Annotated[int | None, typer.Option("--limit", min=1, help="read this many documents at most")]
EngineName = Annotated[str | None, typer.Option("--engine", help="what reads the pages: ocr (the default), vllm or openai")]
Model = Annotated[str | None, typer.Option("--model", help="a model profile, a model id, a folder, or the server's name of it")]
BaseUrl = Annotated[str | None, typer.Option("--base-url", help="the server of --engine openai, as http://127.0.0.1:8000/v1")]
Language = Annotated[str | None, typer.Option("--language", help="what all pages are in, as de; default: the words tell")]
WordsMode = Annotated[str | None, typer.Option("--words", help="auto, text-layer, ocr or none")]
Workers = Annotated[int | None, typer.Option("--workers", min=1, help="processes that read pages; default: one a core")]
Format = Annotated[str, typer.Option("--format", help="table or json")]

PATHS = ("profiles", "wording", "tessdata")
"""Settings that are paths."""

stderr = Console(stderr=True, highlight=False, soft_wrap=True, markup=False, emoji=False)


def numbered(number: int, noun: str) -> str:
    """`1 page`, `2,000 pages`."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def sql_command(query: str, out: str) -> str:
    """The command that asks a query, to be pasted into a shell."""
    escaped = query.replace('"', '\\"')
    return f'octoglot sql "{escaped}" --out {shlex.quote(out)}'


def packs_missing(settings: Settings) -> tuple[str, str]:
    """What is missing of Tesseract's language packs and the next step; empty where all are there."""
    from pipeline.words import missing_packs

    lines = missing_packs(settings)
    folder = Path(settings.tessdata)
    if not lines:
        return "", ""
    if settings.tessdata and not any(folder.glob("*.traineddata")):
        why = "holds no language packs" if folder.is_dir() else "is not there"
        return f"the folder {folder} {why}", "set tessdata to the folder of *.traineddata, or leave it empty"
    packages = [line.rpartition(" ")[2] for line in lines]
    names = ", ".join(package.removeprefix("tesseract-ocr-") for package in packages)
    return f"Tesseract lacks {numbered(len(lines), 'pack')}: {names}", f"apt-get install {' '.join(packages)}"


def settings_from(**flags: Any) -> Settings:
    """The settings that flags, environment, octoglot.toml and defaults add up to; raises UsageError."""
    given = {name: value for name, value in flags.items() if value is not None}
    if given.get("base_url") and not given.get("engine"):
        given["engine"] = "openai"  # only that engine has a server
    for name in os.environ:
        if name.startswith("OCTOGLOT_") and name.removeprefix("OCTOGLOT_").lower() not in Settings.model_fields:
            raise UsageError(f"there is no setting {name}", "README.md lists them; a misspelt one would be lost")
    try:
        settings = Settings(**given)
        # The run's processes work in another folder: what is a path here must be one there.
        paths = {name: getattr(settings, name) for name in PATHS}
        folder = {"model": settings.model} if settings.engine == "vllm" and Path(settings.model).expanduser().is_dir() else {}
        absolute = {name: str(Path(path).expanduser().absolute()) for name, path in {**paths, **folder}.items() if path}
        settings = settings.model_copy(update=absolute)
        if settings.engine == "ocr" and (settings.model or settings.base_url):
            what = f"the model {settings.model}" if settings.model else f"the server {settings.base_url}"
            raise UsageError(f"the engine ocr has no use for {what}", "--engine vllm, or --engine openai with --base-url")
        return settings
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise UsageError(f"setting {name}: {first['msg']}", "see `octoglot run --help` and octoglot.toml") from error
    except (SettingsError, ValueError) as error:
        raise UsageError(f"the settings cannot be read: {error}", "mend octoglot.toml or OCTOGLOT_*") from error


def stdout() -> Console:
    """Where tables go. A pipe has no width of its own: nothing may be cut off there."""
    return Console(markup=False, emoji=False, highlight=False, width=None if sys.stdout.isatty() else 400)


def schema_reference(name: str, ask: list[str] | None) -> str:
    """The reference of the schema that a command names, with the questions in it."""
    if name != questions.NAME:
        if ask:
            raise UsageError(f"the schema {name} takes no questions", f"--ask goes with --schema {questions.NAME}")
        return name
    return questions.reference_of(ask or [], taken=VIEW_COLUMNS)


def check_format(format: str, *allowed: str) -> None:
    """Refuse a format that the command does not know."""
    if format not in allowed:
        raise UsageError(f"there is no format {format!r}", f"choose one of: {', '.join(allowed)}")


def print_json(rows: Any) -> None:
    """A JSON array on stdout, for programs."""
    json.dump(rows, sys.stdout, ensure_ascii=False, indent=2, default=str)
    sys.stdout.write("\n")
