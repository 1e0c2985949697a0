"""`octoglot run`: plans, starts Ray and Prefect side by side, shows how far it is, and says how it ended."""

import os
import platform
import secrets
import signal
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, redirect_stdout
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.cli.common import (
    EngineName,
    Exclude,
    Format,
    Limit,
    Out,
    Recursive,
    SchemaName,
    Sources,
    WordsMode,
    Workers,
    check_format,
    print_json,
    settings_from,
    stderr,
)
from flows.cli.plan import Prepared, describe, prepare
from flows.cli.progress import show_progress
from pipeline.errors import UsageError

if TYPE_CHECKING:
    from flows.cluster import Cluster
    from flows.workers import Counts

SEE = "SELECT source, page, stage, reason, next_step FROM quarantine"


def run(
    sources: Sources,
    schema: SchemaName,
    out: Out = Path("results"),
    engine: EngineName = None,
    words: WordsMode = None,
    workers: Workers = None,
    ray_address: Annotated[str | None, typer.Option("--ray-address", help="a Ray cluster to join")] = None,
    limit: Limit = None,
    recursive: Recursive = True,
    exclude: Exclude = None,
    format: Format = "table",
) -> None:
    """Read documents into typed rows. The same command again does only what is not done yet."""
    check_format(format, "table", "json")
    started = time.time()
    settings = settings_from(engine=engine, words=words, workers=workers, ray_address=ray_address)
    made = prepare(sources, schema, out, settings, limit=limit, recursive=recursive, exclude=exclude or [])
    from pipeline import store

    store.open_store(made.root)
    if not made.plan.shards:
        _tell_nothing_to_do(made, format)
    _check_engine(made)
    counts, run_id = _run(made, started)
    _tell_end(made, counts, run_id, time.time() - started, format)


def _check_engine(made: Prepared) -> None:
    from pipeline.words import missing_packs

    from pipeline.extract import probe_engine

    missing = probe_engine(made.settings)
    if made.settings.words in ("auto", "ocr"):
        missing += missing_packs(made.settings)
    if missing:
        raise UsageError(missing[0], "`octoglot doctor` says what else is missing")


def _run(made: Prepared, started: float) -> tuple["Counts", str]:
    from pipeline import store

    run_id = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(2)}"
    record = {"run_id": run_id, "started": started, "schema": made.schema.schema_name, "plan": describe(made.plan)}
    record |= {"settings": made.settings.model_dump(mode="json"), "versions": _versions()}
    store.write_run_record(made.root, run_id, record | {"state": "running"})
    state = "failed"
    try:
        with _interruptible() as stop:
            counts = _flow(made, run_id, stop)
        state = "finished"
        record |= {"documents": counts.documents, "pages": counts.pages}
    finally:
        store.write_run_record(made.root, run_id, record | {"state": state, "ended": time.time()})
    return counts, run_id


def _flow(made: Prepared, run_id: str, stop: threading.Event) -> "Counts":
    """Start Ray in a thread while Prefect starts in this one, and run the flow."""
    from flows.quiet import set_up

    set_up(made.settings.state_dir, made.settings.ray_address)
    stderr.print(f"{made.plan.pending:,} documents to read; starting Ray and Prefect …")
    with ThreadPoolExecutor(1) as starter, ExitStack() as quiet:
        cluster = starter.submit(_start_cluster, made, run_id, stop)
        try:
            from flows.batch import Batch, run_batch

            # Ray prints a line on stdout when a process of its dies; stdout is for data, and the ledger tells of every death.
            log = quiet.enter_context((made.settings.state_dir / "ray.log").open("a", encoding="utf-8"))
            quiet.enter_context(redirect_stdout(log))
            batch = Batch(run_id, made.plan.shards, made.plan.attempts, cluster.result, workers=1)
            with show_progress(cluster, made.plan.pending):
                return run_batch(batch, made.schema.schema_name, made.root)
        finally:
            _end_ray(cluster)


def _start_cluster(made: Prepared, run_id: str, stop: threading.Event) -> "Cluster":
    from flows.cluster import Cluster, start_ray
    from flows.workers import Job

    cores = start_ray(made.settings.ray_address)
    preparers = made.settings.workers or cores
    job = Job(run_id, made.root, made.reference, made.settings, preparers)
    return Cluster(job, workers=1, stop=stop)


def _end_ray(cluster: "Future[Cluster]") -> None:
    if cluster.exception() is None:
        import ray

        ray.shutdown()


@contextmanager
def _interruptible() -> Iterator[threading.Event]:
    """An event that the first Ctrl-C sets; the second one ends the process at once."""
    stop = threading.Event()

    def on_signal(*_: Any) -> None:
        if stop.is_set():
            # Nothing half-written can be seen: shards are published whole.
            os._exit(130)
        stop.set()
        stderr.print("stopping; what is published stays, the same command carries on (Ctrl-C again: at once)")

    before = signal.signal(signal.SIGINT, on_signal)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)


def _tell_nothing_to_do(made: Prepared, format: str) -> None:
    left = made.plan.left_alone
    if format == "json":
        print_json([describe(made.plan) | {"state": "nothing to do"}])
    stderr.print(f"nothing to do: all {made.plan.found:,} documents were read before into {made.root}")
    if left:
        stderr.print(f'{left:,} of them are quarantined and stay so: octoglot sql "{SEE}" --out {made.root}')
    sys.exit(3 if left else 0)


def _tell_end(made: Prepared, counts: "Counts", run_id: str, seconds: float, format: str) -> None:
    pages = {status: counts.pages.get(status, 0) for status in ("ok", "repaired", "skipped", "quarantined")}
    documents = sum(counts.documents.values())
    quarantined = pages["quarantined"] or made.plan.left_alone
    if format == "json":
        print_json([{"run_id": run_id, "documents": documents, "pages": pages, "seconds": round(seconds, 1)}])
    told = ", ".join(f"{number:,} {status}" for status, number in pages.items() if number or status == "ok")
    stderr.print(f"pages: {told} — {documents:,} documents in {seconds:.0f} s → {made.root}")
    if quarantined:
        stderr.print(f'quarantined: octoglot sql "{SEE}" --out {made.root}')
    stderr.print(f'next: octoglot sql "SELECT * FROM {made.schema.schema_name}" --out {made.root}')
    sys.exit(3 if quarantined else 0)


def _versions() -> dict[str, str]:
    packages = ("octoglot", "prefect", "ray", "pypdfium2", "tesserocr", "pyarrow", "duckdb")
    return {name: version(name) for name in packages} | {"python": platform.python_version()}
