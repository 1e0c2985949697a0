"""What a store holds for the documents of a truth: the latest result of each, with its values as records."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from pipeline import query
from pipeline.evaluate.truth import Truth
from pipeline.records import Grounding, Status, Typed, Value
from schemas.base import Schema, spec_at
from schemas.fields import NUMERIC, Kind

READ = (Status.OK, Status.REPAIRED, Status.PARTIAL)
"""How a document ends that has values."""

_COLUMNS = "path, verbatim, value, status, page, x0, y0, x1, y1, confidence, problem, currency"


@dataclass(frozen=True, slots=True)
class Found:
    """The latest result of a document under a schema.

    Attributes:
        engine: what read it.
        status: how it ended.
        confidence, review_reasons: as `check` judged.
        quarantined: pages that could not be read.
        values: what was read.
        other_engines: engines of earlier results, which are not judged.
        changed: the file is another than the one that was read.
    """

    engine: str
    status: Status
    confidence: float
    review_reasons: tuple[str, ...] = ()
    quarantined: int = 0
    values: tuple[Value, ...] = ()
    other_engines: tuple[str, ...] = ()
    changed: bool = False

    @property
    def needs_review(self) -> bool:
        """Whether a person should look at it."""
        return bool(self.review_reasons)


def read_results(root: str, truths: Sequence[Truth], schemas: Mapping[str, Schema]) -> list[Found | None]:
    """The result of each truth's document in the store at `root`; None for one that was never read.

    Raises:
        UsageError: there is no store.
    """
    from pipeline.arrow import storable  # pyarrow takes a while to load

    keys = [(storable(truth.file), truth.schema) for truth in truths]
    wanted = f"source IN ({', '.join(query.quoted(source) for source in sorted({'', *(source for source, _ in keys)}))})"
    with query.connect(root) as connection:
        heads = query.ask(
            connection,
            "SELECT source, schema, engine, status, confidence, review_reasons, size, version,"
            f" len(list_filter(pages, lambda p: p.status = 'quarantined')) FROM store.latest WHERE {wanted}",
        ).rows
        rows = query.ask(connection, f"SELECT source, schema, {_COLUMNS} FROM fields WHERE {wanted}").rows
        engines = _engines(connection, {schema for _, schema, *_ in heads}, wanted)
    values: dict[tuple[str, str], list[Value]] = {}
    for source, name, *told in rows:
        if name in schemas and (value := _value(told, schemas[name])) is not None:
            values.setdefault((source, name), []).append(value)
    results = {
        (source, name): Found(
            engine or "",
            Status(status),
            confidence or 0.0,
            tuple(reasons or ()),
            quarantined or 0,
            tuple(values.get((source, name), ())),
            tuple(sorted(engines.get((source, name), set()) - {engine})),
            _changed(source, size, version),
        )
        for source, name, engine, status, confidence, reasons, size, version, quarantined in heads
    }
    return [results.get(key) for key in keys]


def _changed(source: str, size: int, version: str) -> bool:
    """Whether the file has another size or time than when it was read; one that is gone tells nothing."""
    try:
        told = Path(source).stat()
    except (OSError, ValueError):
        return False
    return (told.st_size, str(told.st_mtime_ns)) != (size, version)


def _engines(connection: Any, schemas: Iterable[str], wanted: str) -> dict[tuple[str, str], set[str]]:
    """Every engine that ever read a document under a schema."""
    engines: dict[tuple[str, str], set[str]] = {}
    for name in sorted(schemas):
        rows = query.ask(connection, f'SELECT DISTINCT source, engine FROM store."{name}" WHERE {wanted}').rows
        for source, engine in rows:
            engines.setdefault((source, name), set()).add(engine)
    return engines


def _value(told: Sequence[Any], schema: Schema) -> Value | None:
    """The record of a row of `fields`; None where the schema was changed since and has no such field."""
    path, verbatim, value, status, page, x0, y0, x1, y1, confidence, problem, currency = told
    try:
        typed = None if value is None else _typed(value, spec_at(schema, path).kind)
    except (KeyError, ValueError, ArithmeticError):
        return None
    return Value(
        path,
        verbatim or "",
        typed,
        page or 0,
        Grounding(status),
        None if x0 is None else (x0, y0, x1, y1),
        confidence or 0.0,
        problem or "",
        currency or "",
    )


def _typed(text: str, kind: Kind) -> Typed:
    if kind in NUMERIC:
        return Decimal(text)
    return date.fromisoformat(text) if kind is Kind.DATE else text
