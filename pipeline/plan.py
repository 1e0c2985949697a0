"""Deciding what is to be done: an anti-join of what was found with what the store holds. Opens no document."""

import glob
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from pipeline import layout
from pipeline.errors import ADVICE, Severity, UsageError
from pipeline.records import Discovery, Keys, Shard, Source
from pipeline.settings import Settings

RETRYABLE = tuple(reason.value for reason, advice in ADVICE.items() if advice.severity is not Severity.PERMANENT)

_STATES = """
WITH known AS (
    SELECT document_id, size, version, result_key, attempt,
           len(list_filter(pages, lambda p: p.status = 'quarantined')) AS quarantined,
           len(list_filter(pages, lambda p: p.status = 'quarantined' AND list_contains($retryable, p.reason))) AS retryable
    FROM read_parquet($glob, union_by_name = true, hive_partitioning = false)
    SEMI JOIN found USING (document_id)
    QUALIFY row_number() OVER (PARTITION BY document_id ORDER BY extracted_at DESC, run_id DESC) = 1
)
SELECT CASE WHEN known.document_id IS NULL THEN 'new'
            WHEN known.size <> found.size OR known.version <> found.version THEN 'changed'
            WHEN known.result_key <> $key THEN 'outdated'
            WHEN known.retryable > 0 AND known.attempt < $attempts THEN 'retry'
            WHEN known.quarantined > 0 THEN 'left_alone'
            ELSE 'done' END AS state,
       known.attempt
FROM found LEFT JOIN known USING (document_id)
ORDER BY found.position
"""

# What came out of the cache took no time to prepare, and says nothing of what reading takes.
_PACE = """
SELECT avg(seconds.prepare + seconds.extract + seconds.finish)
FROM read_parquet($glob, union_by_name = true, hive_partitioning = false)
WHERE words_key = $words AND engine = $engine AND seconds.prepare > 0
"""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run would do.

    Attributes:
        shards: what is to be read, in shards bounded by files and bytes, in order of path.
        attempts: by document_id, the number of the coming try, where it is not the first.
        found, found_bytes: all that the command names.
        done: documents that the store holds already.
        left_alone: documents with quarantined pages that would fail again, or have failed often enough.
        pending, pending_bytes: documents to read now.
        seconds: what reading them takes by what such documents took before; None where nothing was read so before.
    """

    shards: tuple[Shard, ...]
    attempts: dict[str, int]
    found: int
    found_bytes: int
    done: int
    left_alone: int
    pending: int
    pending_bytes: int
    seconds: float | None


def plan(discovery: Discovery, root: str, schema: str, keys: Keys, settings: Settings, limit: int | None = None) -> Plan:
    """Compare what was found with the latest rows of `schema` in the store at `root`.

    A document is done when its latest row has its path, size, time and result key; a quarantined one is tried again while its
    reason is retryable and `settings.retryable_attempts` is not reached.

    Args:
        discovery: what was found.
        root: the store; need not exist.
        schema: the schema's name.
        keys: what the work depends on.
        settings: bounds of a shard, and of attempts.
        limit: read this many at most, the first by path.

    Raises:
        UsageError: the store holds a file that is not a shard.
    """
    sources = discovery.sources
    states = _states(sources, root, schema, keys, settings)
    todo = [
        (sources[position], attempt) for position, (state, attempt) in enumerate(states) if state not in ("done", "left_alone")
    ][:limit]
    kinds = [state for state, _ in states]
    pace = _pace(root, schema, keys, settings) if todo else None
    return Plan(
        shards=tuple(_shards([source for source, _ in todo], settings)),
        attempts={source.document_id: attempt for source, attempt in todo if attempt > 1},
        found=len(sources),
        found_bytes=_bytes(sources),
        done=kinds.count("done"),
        left_alone=kinds.count("left_alone"),
        pending=len(todo),
        pending_bytes=_bytes([source for source, _ in todo]),
        seconds=None if pace is None else pace * len(todo) / (settings.workers or os.cpu_count() or 1),
    )


def _states(sources: Sequence[Source], root: str, schema: str, keys: Keys, settings: Settings) -> list[tuple[str, int]]:
    """For each source what is known of it, and the number of its coming try."""
    shards = _shards_of(root, schema)
    if not shards:
        return [("new", 1)] * len(sources)
    import pyarrow as pa  # takes a while to load, and a first run does not need it

    found = pa.table(
        {
            "position": pa.array(range(len(sources)), pa.int64()),
            "document_id": pa.array([source.document_id for source in sources], pa.string()),
            "size": pa.array([source.size for source in sources], pa.int64()),
            "version": pa.array([source.version for source in sources], pa.string()),
        }
    )
    told: dict[str, Any] = {"glob": shards, "retryable": list(RETRYABLE)}
    told |= {"key": keys.result, "attempts": settings.retryable_attempts}
    with duckdb.connect() as connection:
        connection.register("found", found)
        try:
            rows = connection.execute(_STATES, told).fetchall()
        except duckdb.Error as error:
            why = str(error).partition("\n")[0]
            raise UsageError(f"the results in {root} cannot be read: {why}", "was a shard changed by hand?") from error
    return [(state, attempt + 1 if state == "retry" else 1) for state, attempt in rows]


def _pace(root: str, schema: str, keys: Keys, settings: Settings) -> float | None:
    """Seconds of one core that a document took on average, when it was read in the same way."""
    shards = _shards_of(root, schema)
    if not shards:
        return None
    with duckdb.connect() as connection:
        told = {"glob": shards, "words": keys.words, "engine": settings.engine}
        try:
            ((pace,),) = connection.execute(_PACE, told).fetchall()
        except duckdb.Error:  # the shards of an older octoglot may lack what is asked for
            return None
    return None if pace is None else float(pace)


def _shards_of(root: str, schema: str) -> str:
    """The glob of what a schema has in the store; empty where it has nothing."""
    folder = Path(root) / layout.SHARDS / f"schema={schema}"
    return f"{glob.escape(str(folder))}/*/*.parquet" if any(folder.glob("*/*.parquet")) else ""


def _shards(sources: Sequence[Source], settings: Settings) -> Iterator[Shard]:
    """Cut a list into shards; the cut depends on the list and the bounds alone."""
    held: list[Source] = []
    index, size = 0, 0
    for source in sources:
        size += max(source.size, 0)
        if held and (len(held) == settings.shard_files or size > settings.shard_mb * 10**6):
            yield Shard(index, tuple(held))
            held, index, size = [], index + 1, max(source.size, 0)
        held.append(source)
    if held:
        yield Shard(index, tuple(held))


def _bytes(sources: Sequence[Source]) -> int:
    return sum(max(source.size, 0) for source in sources)
