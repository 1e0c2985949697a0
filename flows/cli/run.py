"""`octoglot run`: plans, starts Ray and Prefect side by side, shows how far it is, and says how it ended."""

import os
import platform
import secrets
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager, redirect_stdout
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

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
    Workers,
    check_format,
    numbered,
    packs_missing,
    print_json,
    schema_reference,
    settings_from,
    sql_command,
    stderr,
)
from flows.cli.plan import Prepared, describe, prepare
from flows.cli.progress import show_progress
from pipeline.errors import OctoglotError, RunError, UsageError
from schemas.base import specs
from schemas.fields import Kind

if TYPE_CHECKING:
    from flows.cluster import Cluster
    from flows.workers import Counts

STOP_S = 6.0
"""Seconds after which a run that was called off ends, whatever hangs."""

SEE = "SELECT source, page, stage, reason, next_step FROM quarantine"

MOST_SLOTS = 16
"""Engines that are handed work at a time where the GPUs decide how many there are."""

MOST_FIELDS = 4
"""Fields of a document that the queries at the end of a run show."""


@dataclass
class Halt:
    """The user's wish to end the run: the event that the run looks at, and the signal that set it."""

    stop: threading.Event = field(default_factory=threading.Event)
    signal: int = 0


class Interrupted(OctoglotError):
    """A signal ended the run: exit code 128 and its number, so 130 for Ctrl-C."""

    def __init__(self, message: str, number: int) -> None:
        super().__init__(message, "the same command carries on")
        self.exit_code = 128 + number


def run(
    sources: Sources,
    schema: SchemaName,
    ask: Ask = None,
    out: Out = "results",
    engine: EngineName = None,
    model: Model = None,
    base_url: BaseUrl = None,
    language: Language = None,
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
    settings = settings_from(
        engine=engine,
        model=model,
        base_url=base_url,
        language=language,
        words=words,
        workers=workers,
        ray_address=ray_address,
    )
    made = prepare(
        sources, schema_reference(schema, ask), out, settings, limit=limit, recursive=recursive, exclude=exclude or []
    )
    from pipeline import query, store

    store.open_store(made.root)
    query.refuse_taken_views(made.root, made.schema)
    if not made.plan.shards:
        _tell_nothing_to_do(made, format)
    _check_engine(made)
    counts, run_id = _run(made, started)
    _tell_end(made, counts, run_id, time.time() - started, format)


def _check_engine(made: Prepared) -> None:
    from pipeline.extract import probe_engine

    for missing in probe_engine(made.settings):
        what, _, step = missing.partition(" → ")
        raise UsageError(what, step or "`octoglot doctor` says what else is missing")
    if made.settings.words in ("auto", "ocr"):
        packs, next_step = packs_missing(made.settings)
        if packs:
            raise UsageError(packs, next_step)


def _run(made: Prepared, started: float) -> tuple["Counts", str]:
    from flows.quiet import set_up
    from pipeline import store
    from pipeline.extract import engine_facts, engine_identity

    run_id = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(4)}"
    record = {"run_id": run_id, "started": started, "schema": made.schema.schema_name, "plan": describe(made.plan)}
    record |= {"settings": made.settings.model_dump(mode="json"), "versions": _versions()}
    record |= {"engine": asdict(engine_identity(made.schema, made.settings)) | engine_facts(made.settings)}

    def keep(state: str) -> None:
        ended = None if state == "running" else time.time()
        store.write_run_record(made.root, run_id, record | {"state": state, "ended": ended})

    keep("running")
    state = "failed"
    try:
        with _interruptible(lambda: keep("stopped")) as halt:
            state_dir = set_up(made.settings.state_dir, made.settings.ray_address)
            stderr.print(f"{numbered(made.plan.pending, 'document')} to read; starting Ray and Prefect …")
            counts, first_page_at = _flow(made, run_id, state_dir, halt)
        state = "finished"
        record |= {"documents": counts.documents, "pages": counts.pages}
        record |= {"first_page_s": round(first_page_at - started, 2) if first_page_at else None}
    except Interrupted:
        state = "stopped"
        raise
    finally:
        keep(state)
    return counts, run_id


def _flow(made: Prepared, run_id: str, state_dir: Path, halt: Halt) -> tuple["Counts", float]:
    """Start Prefect's server, Ray and the flow side by side, and show how far they are; gives the time of the first page too.

    Ray and the flow run in threads of their own: signals reach this one, and it is never kept waiting by a call that hangs.
    """
    from flows.server import local_server

    with ExitStack() as ending:
        # Ray prints a line on stdout when a process of its dies; stdout is for data, and the ledger tells of every death.
        # It is never closed: what Ray holds of stdout asks it for a last time as the process ends.
        ending.enter_context(redirect_stdout((state_dir / "ray.log").open("a", encoding="utf-8")))
        hands = ending.enter_context(ThreadPoolExecutor(2))
        ending.enter_context(local_server(state_dir / "prefect.log"))
        cluster = hands.submit(_start_cluster, made, run_id, state_dir, halt.stop, ending)
        flow = hands.submit(_run_flow, made, run_id, cluster, halt.stop)
        try:
            show_progress(cluster, flow, made.plan.pending)
            return flow.result(), cluster.result().progress().first_page_at
        except OctoglotError as error:
            if halt.signal:
                raise Interrupted(error.message, halt.signal) from error
            raise
        finally:
            wait([cluster])  # what it has started is ended with the rest


def _start_cluster(made: Prepared, run_id: str, state_dir: Path, stop: threading.Event, ending: ExitStack) -> "Cluster":
    from flows.cluster import Cluster, ray_running, slots_of
    from flows.workers import Job

    preparers = ending.enter_context(ray_running(made.settings.ray_address, made.settings.workers))
    slots, gpus = slots_of(made.settings)
    slots = min(slots, len(made.plan.shards), preparers)  # an engine without a preparer has nothing to read
    settings = made.settings.model_copy(update={"state_dir": state_dir})  # the one that can be written to
    job = Job(run_id, made.root, made.reference, settings, preparers // slots)
    cluster = Cluster(job, workers=slots, gpus=gpus, stop=stop)
    ending.callback(cluster.close)
    return cluster


def _run_flow(made: Prepared, run_id: str, cluster: "Future[Cluster]", stop: threading.Event) -> "Counts":
    from flows.batch import Batch, run_batch
    from flows.cluster import SEATS
    from pipeline.extract import slot_gpus

    if stop.is_set():
        raise RunError("stopped before anything was read")
    # As many tasks at a time as there may be engines: Ray, which knows how many there are, is still starting.
    most = SEATS * (made.settings.slots or (MOST_SLOTS if slot_gpus(made.settings) else 1))
    batch = Batch(run_id, made.plan.shards, made.plan.attempts, cluster.result, workers=min(most, len(made.plan.shards)))
    return run_batch(batch, made.schema.schema_name, made.root)


@contextmanager
def _interruptible(note: Callable[[], None]) -> Iterator[Halt]:
    """What the first Ctrl-C or SIGTERM sets; the second one ends the process at once, as does a run that does not stop.

    Args:
        note: what is to be written down before the process ends at once.
    """
    halt = Halt()

    def leave() -> None:
        # Nothing half-written can be seen: shards are published whole. Ray and the server end with this process.
        note()
        stderr.print("octoglot: stopped at once")
        os._exit(128 + halt.signal)

    def on_signal(number: int, _: Any) -> None:
        if halt.signal:
            leave()
        halt.signal = number
        halt.stop.set()
        last_resort = threading.Timer(STOP_S, leave)
        last_resort.daemon = True
        last_resort.start()
        stderr.print("stopping; what is published stays, the same command carries on (Ctrl-C again: at once)")

    before = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield halt
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _tell_nothing_to_do(made: Prepared, format: str) -> None:
    if format == "json":
        print_json([describe(made.plan) | {"state": "nothing to do"}])
    all_of_them = "the one document was" if made.plan.found == 1 else f"all {made.plan.found:,} documents were"
    stderr.print(f"nothing to do: {all_of_them} read before into {made.root}")
    _tell_quarantined(f"{made.plan.left_alone:,} of them", made.plan.left_alone, made.root)


def _tell_end(made: Prepared, counts: "Counts", run_id: str, seconds: float, format: str) -> None:
    pages = {status: counts.pages.get(status, 0) for status in ("ok", "repaired", "skipped", "quarantined")}
    documents = sum(counts.documents.values())
    if format == "json":
        print_json(
            [
                {"run_id": run_id, "documents": documents, "pages": pages, "review": counts.review}
                | {"seconds": round(seconds, 1)}
            ]
        )
    told = ", ".join(f"{number:,} {status}" for status, number in pages.items() if number or status == "ok")
    stderr.print(f"pages: {told} — {numbered(documents, 'document')} in {seconds:.0f} s → {made.root}")
    _tell_next(made, counts)
    before = f"{numbered(made.plan.left_alone, 'document')} of earlier runs" if made.plan.left_alone else ""
    now = numbered(pages["quarantined"], "page") if pages["quarantined"] else ""
    _tell_quarantined(" and ".join(filter(None, (now, before))), pages["quarantined"] + made.plan.left_alone, made.root)


def _tell_next(made: Prepared, counts: "Counts") -> None:
    """The SQL to paste: what needs review, and a handful of columns of all that was read."""
    from pipeline.query import quoted_name

    chosen = [spec.name for spec in specs(made.schema) if spec.kind is not Kind.TABLE and spec.required]
    names = [quoted_name(name) for name in chosen or [spec.name for spec in specs(made.schema) if spec.kind is not Kind.TABLE]]
    names, view = names[:MOST_FIELDS], quoted_name(made.schema.schema_name)
    if counts.review:
        query = f"SELECT parse_filename(source) AS file, {', '.join([*names, 'review_reasons'])} FROM {view} WHERE needs_review"
        verb = "needs" if counts.review == 1 else "need"
        stderr.print(f"{counts.review:,} of {counts.usable:,} {verb} review: {sql_command(query, made.root)}")
    if counts.usable:
        query = f"SELECT {', '.join([*names, 'language', 'confidence'])} FROM {view}"
        stderr.print(f"next: {sql_command(query, made.root)}")


def _tell_quarantined(what: str, number: int, root: str) -> None:
    """End the command: exit code 3 and the SQL to paste where something that was asked for is quarantined, else 0."""
    if number:
        stderr.print(f"quarantined: {what}: {sql_command(SEE, root)}")
    sys.exit(3 if number else 0)


def _versions() -> dict[str, str]:
    packages = ("octoglot", "prefect", "ray", "pypdfium2", "tesserocr", "pyarrow", "duckdb")
    return {name: version(name) for name in packages} | {"python": platform.python_version()}
