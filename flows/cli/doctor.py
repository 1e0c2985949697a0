"""`octoglot doctor`: what is there, what is missing, and the next step for each."""

import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from flows.cli.common import (
    Ask,
    BaseUrl,
    EngineName,
    Format,
    Model,
    check_format,
    packs_missing,
    print_json,
    schema_reference,
    settings_from,
    stdout,
)
from pipeline.errors import OctoglotError, UsageError
from pipeline.settings import Settings
from schemas.errors import SchemaError
from schemas.registry import absolute, load_schema

NEEDED_MB = 2000
"""Free memory and free disk under which a run is likely to fail, in 10^6 bytes."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    what: str
    ok: bool
    found: str
    next_step: str = ""


def doctor(
    engine: EngineName = None,
    model: Model = None,
    base_url: BaseUrl = None,
    schema: Annotated[str | None, typer.Option("--schema", help="a schema that the engine is to read, as in `run`")] = None,
    ask: Ask = None,
    out: Annotated[Path | None, typer.Option("--out", help="a store to look at as well")] = None,
    format: Format = "table",
) -> None:
    """Look for what a run needs. Exit code 1 when something is missing."""
    check_format(format, "table", "json")
    settings = settings_from(engine=engine, model=model, base_url=base_url)
    findings = [finding for look in LOOKS for finding in look(settings)]
    if schema:
        findings.append(_readable(schema, ask, settings))
    if out:
        findings.append(_writable("store", out))
    if format == "json":
        print_json([asdict(finding) for finding in findings])
    else:
        table = Table("", "what", "found", "next step")
        for finding in findings:
            table.add_row("ok" if finding.ok else "!!", finding.what, finding.found, finding.next_step)
        stdout().print(table)
    sys.exit(0 if all(finding.ok for finding in findings) else 1)


def _packages(settings: Settings) -> Iterator[Finding]:
    right = sys.version_info[:2] in ((3, 11), (3, 12))
    yield Finding("python", right, platform.python_version(), "" if right else "use Python 3.11 or 3.12")
    for name in ("prefect", "ray", "pypdfium2", "tesserocr", "pyarrow", "duckdb", "pydantic"):
        try:
            yield Finding(name, True, version(name))
        except PackageNotFoundError:
            yield Finding(name, False, "missing", "make setup")


def _packs(settings: Settings) -> Iterator[Finding]:
    missing, next_step = packs_missing(settings)
    yield Finding("Tesseract language packs", not missing, missing or "all", next_step)


def _engine(settings: Settings) -> Iterator[Finding]:
    from pipeline.extract import engine_facts, probe_engine

    try:
        missing = probe_engine(settings)
        facts = engine_facts(settings)
    except UsageError as error:
        missing, facts = [f"{error.message} → {error.next_step}"], {}
    yield Finding(f"engine {settings.engine}", not missing, "usable" if not missing else "not usable", "; ".join(missing))
    for what, found in facts.items():
        yield Finding(f"engine {settings.engine}: {what}", True, found)


def _machine(settings: Settings) -> Iterator[Finding]:
    yield Finding("CPU cores", True, str(os.cpu_count()))
    free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 10**6
    yield Finding("free memory", free > NEEDED_MB, f"{free:,} MB", "" if free > NEEDED_MB else "close something")
    disk = shutil.disk_usage(tempfile.gettempdir()).free // 10**6
    advice = "" if disk > NEEDED_MB else f"make room under {tempfile.gettempdir()}"
    yield Finding("free disk for temporary files", disk > NEEDED_MB, f"{disk:,} MB", advice)
    yield _writable("state folder", settings.state_dir)


def _servers(settings: Settings) -> Iterator[Finding]:
    prefect = os.environ.get("PREFECT_API_URL", "")
    yield Finding("Prefect", True, prefect or "its own local server, started for each run")
    yield Finding("Ray", True, settings.ray_address or "a private local one, started for each run")


def _readable(name: str, ask: list[str] | None, settings: Settings) -> Finding:
    """Whether the engine can read the schema; a run would refuse it before anything starts."""
    from pipeline.extract import engine_identity, settle

    try:
        found = load_schema(absolute(schema_reference(name, ask), Path.cwd()))
        engine_identity(found, settle(settings))
    except SchemaError as error:
        return Finding(f"schema {name}", False, str(error.args[0]), "see `octoglot schemas list`")
    except OctoglotError as error:
        return Finding(f"schema {name}", False, error.message, error.next_step)
    return Finding(f"schema {name}", True, f"{settings.engine} can read it")


def _writable(what: str, folder: Path) -> Finding:
    there = next(parent for parent in (folder.absolute(), *folder.absolute().parents) if parent.exists())
    ok = there.is_dir() and os.access(there, os.W_OK)
    found = f"{folder} (will be made)" if ok and there != folder.absolute() else str(folder)
    return Finding(what, ok, found, "" if ok else f"make {there} a folder that this user can write to")


LOOKS: tuple[Callable[[Settings], Iterator[Finding]], ...] = (_packages, _packs, _engine, _machine, _servers)
