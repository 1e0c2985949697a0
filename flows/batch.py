"""The Prefect flow of a batch: plan the shards, hand them to Workers, report. It knows nothing of documents."""

import contextlib
import os
import shlex
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from prefect import flow, task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.task_runners import ThreadPoolTaskRunner

from flows.cluster import Cluster, Stopped
from flows.workers import Counts
from pipeline.errors import OctoglotError, RunError
from pipeline.records import Shard

MOST_TASKS = 200
"""Prefect tasks in a run, at most: a task takes a range of shards."""


@dataclass(frozen=True)
class Batch:
    """What the flow is to do: shards, and by document_id the number of the try where it is not the first."""

    run_id: str
    shards: tuple[Shard, ...]
    attempts: dict[str, int]
    cluster: Callable[[], Cluster]
    workers: int


_batch: ContextVar[Batch] = ContextVar("batch")


@contextlib.contextmanager
def handed(batch: Batch) -> Iterator[None]:
    """Hand the flow what cannot travel as a parameter: a plan that is already made, and live Workers."""
    token = _batch.set(batch)
    try:
        yield
    finally:
        _batch.reset(token)


@task(retries=0, cache_policy=NO_CACHE, persist_result=False)
def read_shards(batch: Batch, first: int, last: int) -> Counts:
    """Read and publish the shards with numbers `first` to `last`."""
    counts = Counts()
    try:
        for shard in batch.shards:
            if first <= shard.index <= last:
                counts.merge(batch.cluster().read_shard(shard, batch.attempts))
    except OctoglotError:
        # What fails a whole shard (a full disk, an engine that is gone) would fail the next one too.
        batch.cluster().stop.set()
        raise
    return counts


@flow(
    name="octoglot-batch",
    flow_run_name="{schema} {run_id}",
    retries=0,
    persist_result=False,
    validate_parameters=False,
)
def octoglot_batch(run_id: str, schema: str, out: str) -> Counts:
    """Hand ranges of shards to Workers, and write what came of it as an artifact."""
    batch = _batch.get()
    started = time.time()
    ranges = shard_ranges(batch.shards)
    futures = [
        read_shards.with_options(task_run_name=_name(first, last, len(batch.shards))).submit(batch, first, last)
        for first, last in ranges
    ]
    total = Counts()
    failures = []
    for future in futures:
        try:
            total.merge(future.result())
        except OctoglotError as error:
            failures.append(error)
    create_markdown_artifact(_report(run_id, schema, out, total, time.time() - started), key="octoglot-batch")
    if failures:
        # Tasks that were stopped because another failed have nothing to tell.
        raise next((error for error in failures if not isinstance(error, Stopped)), failures[0])
    return total


def run_batch(batch: Batch, schema: str, out: str) -> Counts:
    """Run the flow in this thread, with as many tasks at a time as there are Workers; raises RunError, Stopped."""
    runner: Any = ThreadPoolTaskRunner(max_workers=max(batch.workers, 1))
    try:
        with handed(batch):
            counts: Counts = octoglot_batch.with_options(task_runner=runner)(batch.run_id, schema, out)
    except OctoglotError:
        raise
    except Exception as error:
        api = os.environ.get("PREFECT_API_URL", "")
        message = f"Prefect cannot run the flow: {type(error).__name__}: {error}"
        raise RunError(message, f"is there a Prefect server at {api}? PREFECT_API_URL names it") from error
    return counts


def shard_ranges(shards: tuple[Shard, ...]) -> list[tuple[int, int]]:
    """First and last shard of each task: as even as can be, MOST_TASKS at most."""
    if not shards:
        return []
    step = -(-len(shards) // MOST_TASKS)
    indexes = [shard.index for shard in shards]
    groups = [indexes[i : i + step] for i in range(0, len(indexes), step)]
    return [(group[0], group[-1]) for group in groups]


def _name(first: int, last: int, number: int) -> str:
    """Shards by their numbers from 1, as people count."""
    return f"shard {first + 1} of {number}" if first == last else f"shards {first + 1} to {last + 1} of {number}"


def _report(run_id: str, schema: str, out: str, total: Counts, seconds: float) -> str:
    """The run in Markdown: what became of documents and pages, and where to look next."""
    statuses = sorted(total.documents.keys() | total.pages.keys())
    rows = [f"| {status} | {total.documents.get(status, 0):,} | {total.pages.get(status, 0):,} |" for status in statuses]
    table = "\n".join(["| | documents | pages |", "|---|---:|---:|", *rows])
    number = sum(total.documents.values())
    look = f'octoglot sql "SELECT * FROM quarantine" --out {shlex.quote(out)}'
    return f"# {schema}: run {run_id}\n\n{number:,} documents in {seconds:.0f} s into `{out}`\n\n{table}\n\n`{look}`\n"
