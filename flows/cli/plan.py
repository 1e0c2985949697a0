"""`octoglot plan`: what a run would do, found out without opening a document."""

import math
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flows.cli.common import (
    Ask,
    BaseUrl,
    EngineName,
    Exclude,
    Format,
    Language,
    Limit,
    Model,
    Out,
    Recursive,
    SchemaName,
    Sources,
    WordsMode,
    check_format,
    print_json,
    schema_reference,
    settings_from,
    stderr,
)
from pipeline import discover as discovery
from pipeline import plan as planning
from pipeline.settings import Settings
from schemas.base import Schema
from schemas.registry import absolute, load_schema

TOLD = ("model", "licence", "CPU cores")
"""Of an engine's facts, those that matter when a run is planned."""

START_S = 10
"""Seconds that Ray and Prefect take to start, about."""


@dataclass(frozen=True)
class Prepared:
    """All that a run needs to know before it starts."""

    reference: str
    schema: Schema
    settings: Settings
    root: str
    plan: planning.Plan


def plan(
    sources: Sources,
    schema: SchemaName,
    ask: Ask = None,
    out: Out = "results",
    engine: EngineName = None,
    model: Model = None,
    base_url: BaseUrl = None,
    language: Language = None,
    words: WordsMode = None,
    limit: Limit = None,
    recursive: Recursive = True,
    exclude: Exclude = None,
    format: Format = "table",
) -> None:
    """Say what a run would do: files, bytes, what is done already, and how long the rest may take. Touches nothing."""
    from pipeline.extract import engine_facts

    check_format(format, "table", "json")
    settings = settings_from(engine=engine, model=model, base_url=base_url, language=language, words=words)
    made = prepare(
        sources, schema_reference(schema, ask), out, settings, limit=limit, recursive=recursive, exclude=exclude or []
    ).plan
    told = describe(made)
    facts = {what: found for what, found in engine_facts(settings).items() if what in TOLD}
    if format == "json":
        print_json([told | {what.lower().replace(" ", "_"): found for what, found in facts.items()}])
        return
    for name, value in told.items():
        if name == "estimated_seconds":
            print(
                f"{'estimated time':22} {_about(value):>14}" + (f" (the start of some {START_S} s included)" if value else "")
            )
        else:
            print(f"{name.replace('_', ' '):22} {value:>14,}")
    for what, found in facts.items():
        print(f"{what:22} {found}")
    if not made.shards:
        stderr.print("nothing to do")


def prepare(
    sources: list[str],
    reference: str,
    out: str,
    settings: Settings,
    *,
    limit: int | None,
    recursive: bool,
    exclude: list[str],
) -> Prepared:
    """Find the files and plan their shards; raises UsageError and SchemaError, opens no document."""
    from pipeline.extract import settle
    from pipeline.run import keys

    settings = settle(settings)
    reference = absolute(reference, Path.cwd())
    schema = load_schema(reference)
    root = out if "://" in out else os.path.abspath(out)  # noqa: PTH100 - resolve() would follow links
    found = discovery.discover(sources, recursive=recursive, exclude=exclude, stdin=sys.stdin, leave_out=root)
    made = planning.plan(found, root, schema.schema_name, keys(schema, settings), settings, limit)
    return Prepared(reference, schema, settings, root, made)


def describe(made: planning.Plan) -> dict[str, Any]:
    """The plan in numbers, by name."""
    return {
        "documents_found": made.found,
        "bytes_found": made.found_bytes,
        "done_already": made.done,
        "quarantined_before": made.left_alone,
        "to_read": made.pending,
        "bytes_to_read": made.pending_bytes,
        "shards": len(made.shards),
        "estimated_seconds": _estimate(made),
    }


def _estimate(made: planning.Plan) -> float | None:
    """Seconds that a run will take, with its start, as the store's own runs took; None where it holds none."""
    if not made.pending:
        return 0.0
    return None if made.seconds is None else round(START_S + made.seconds, 1)


def _about(seconds: float | None) -> str:
    """A time as people say it: nobody knows it to the second."""
    if seconds is None:
        return "not known yet"
    if not seconds:
        return "none"
    if seconds < 55:
        return f"about {math.ceil(seconds / 10) * 10} s"
    minutes = round(seconds / 60)
    return f"about {minutes} min" if minutes < 90 else f"about {seconds / 3600:.1f} h"
