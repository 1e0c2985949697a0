"""The store: publishes a shard as one Parquet file in one atomic step, and keeps the words and answers that were paid for."""

import gzip
import json
import os
import uuid
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import TypeAdapter

from pipeline import layout
from pipeline.arrow import row_of, shard_schema
from pipeline.errors import UsageError
from pipeline.records import DocumentResult, PageAnswer, PageWords
from schemas.base import Schema

T = TypeVar("T")

_WORDS = TypeAdapter(list[PageWords])
_ANSWERS = TypeAdapter(list[PageAnswer])


def open_store(root: str) -> None:
    """Make the folder of a store, or see that it can be written to; raises UsageError."""
    if "://" in root:
        raise UsageError(f"{root} is not a local folder", "octoglot writes to local folders so far: give one with --out")
    folder = Path(root)
    try:
        for room in ("", layout.SHARDS, layout.RUNS, layout.WORDS, layout.ANSWERS):
            (folder / room).mkdir(parents=True, exist_ok=True)
            probe = folder / room / f".{uuid.uuid4().hex}.part"
            probe.touch()
            probe.unlink()
    except OSError as error:
        raise UsageError(
            f"cannot write to {error.filename or root}: {error.strerror}", "give another folder with --out"
        ) from error


def publish_shard(root: str, run_id: str, index: int, schema: Schema, results: Sequence[DocumentResult]) -> Path:
    """Write the shard whole or not at all, and return its path.

    A shard that is published already stays as it is: a Worker may die between publishing and saying so, and a reader that has
    seen a file's footer may still be reading its rows. Paths hold the run, so no other run means the same file.
    """
    path = Path(root) / layout.shard(schema.schema_name, run_id, index)
    if path.exists():
        return path
    table = _table(results, schema, run_id)
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    _publish(path, sink.getvalue())
    return path


def try_row(result: DocumentResult, schema: Schema) -> None:
    """Make the document's row and drop it; raises whatever publishing its shard would raise because of it."""
    _table([result], schema, "")


def _table(results: Sequence[DocumentResult], schema: Schema, run_id: str) -> pa.Table:
    return pa.Table.from_pylist([row_of(result, schema, run_id) for result in results], schema=shard_schema(schema))


def write_run_record(root: str, run_id: str, record: Mapping[str, Any]) -> None:
    """Keep what there is to know of a run: settings, versions, plan, counts."""
    text = json.dumps(record, ensure_ascii=False, indent=1, default=str)
    _publish(Path(root) / layout.run_record(run_id), text.encode())


def read_words(root: str, content_id: str, key: str, first: int, last: int) -> list[PageWords]:
    """The words of pages `first` to `last` that an earlier run has read; pages may be missing."""
    return _load(Path(root) / layout.words(content_id, key, first, last), _WORDS)


def write_words(root: str, content_id: str, key: str, first: int, last: int, pages: Sequence[PageWords]) -> None:
    """Keep the words of pages `first` to `last`."""
    _keep(Path(root) / layout.words(content_id, key, first, last), _WORDS, list(pages))


def read_answers(root: str, content_id: str, key: str, first: int, last: int) -> list[PageAnswer]:
    """The answers for pages `first` to `last` that an earlier run has bought; pages may be missing."""
    return _load(Path(root) / layout.answers(content_id, key, first, last), _ANSWERS)


def write_answers(root: str, content_id: str, key: str, first: int, last: int, pages: Sequence[PageAnswer]) -> None:
    """Keep the answers for pages `first` to `last`."""
    _keep(Path(root) / layout.answers(content_id, key, first, last), _ANSWERS, list(pages))


def _load(path: Path, adapter: TypeAdapter[list[T]]) -> list[T]:
    """What the cache holds; a file that is absent or damaged holds nothing, and costs the work it would have saved."""
    try:
        return adapter.validate_json(gzip.decompress(path.read_bytes()))
    except (OSError, EOFError, ValueError, zlib.error):
        return []


def _keep(path: Path, adapter: TypeAdapter[list[T]], pages: list[T]) -> None:
    _publish(path, gzip.compress(adapter.dump_json(pages), compresslevel=3, mtime=0), lasting=False)


def _publish(path: Path, content: Any, lasting: bool = True) -> None:
    """Put the whole content at `path` in one step.

    The name while writing ends in `.part`: DuckDB's globs match hidden names too. With `lasting`, file and folder are flushed
    to the disk, so that a power cut cannot leave a name without its content; the caches can do without.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
    try:
        with part.open("wb") as file:
            file.write(content)
            if lasting:
                file.flush()
                os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    if lasting:
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
