"""The shape of a shard: Arrow types that come from the schema, never from the data, and a document's row in that shape."""

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import MAX_PREC, Context, Decimal
from typing import Any

import pyarrow as pa

from pipeline.records import Check, Conflict, DocumentResult, LedgerRow, Status, Typed, Value
from schemas.base import Schema, spec_at, specs
from schemas.fields import FieldSpec, Kind
from schemas.json_schema import json_schema

DIGITS = 20
"""Digits of a decimal, those after the point included."""

PERCENT_SCALE = 4

_FIELD = pa.struct(
    [
        ("path", pa.string()),
        ("verbatim", pa.string()),
        ("value", pa.string()),
        ("status", pa.string()),
        ("page", pa.int32()),
        *((edge, pa.float64()) for edge in ("x0", "y0", "x1", "y1")),
        ("confidence", pa.float64()),
        ("problem", pa.string()),
        ("currency", pa.string()),
    ]
)
_PAGE = pa.struct(
    [
        ("page", pa.int32()),
        ("status", pa.string()),
        ("stage", pa.string()),
        ("reason", pa.string()),
        ("message", pa.string()),
        ("next_step", pa.string()),
        ("language", pa.string()),
        ("words_from", pa.string()),
    ]
)
_CHECK = pa.struct([("rule", pa.string()), ("passed", pa.bool_()), ("message", pa.string())])
_CONFLICT = pa.struct(
    [
        ("path", pa.string()),
        ("kept", pa.string()),
        ("kept_page", pa.int32()),
        ("lost", pa.string()),
        ("lost_page", pa.int32()),
        ("lost_confidence", pa.float64()),
    ]
)
_RAW = pa.struct([("page", pa.int32()), ("text", pa.string())])
_SECONDS = pa.struct([(act, pa.float64()) for act in ("prepare", "extract", "finish")])


COLUMNS: list[tuple[str, pa.DataType]] = [
    ("document_id", pa.string()),
    ("content_id", pa.string()),
    ("source", pa.string()),
    ("size", pa.int64()),
    ("version", pa.string()),
    ("run_id", pa.string()),
    ("extracted_at", pa.timestamp("us", tz="UTC")),
    ("schema", pa.string()),
    ("engine", pa.string()),
    ("words_key", pa.string()),
    ("answer_key", pa.string()),
    ("result_key", pa.string()),
    ("attempt", pa.int32()),
    ("status", pa.string()),
    ("language", pa.string()),
    ("page_count", pa.int32()),
    ("confidence", pa.float64()),
    ("needs_review", pa.bool_()),
    ("review_reasons", pa.list_(pa.string())),
    ("fields", pa.list_(_FIELD)),
    ("pages", pa.list_(_PAGE)),
    ("checks", pa.list_(_CHECK)),
    ("conflicts", pa.list_(_CONFLICT)),
    ("seconds", _SECONDS),
    ("tokens_in", pa.int64()),
    ("tokens_out", pa.int64()),
    *((name, pa.string()) for name in ("model", "revision", "prompt")),
    ("raw_answers", pa.list_(_RAW)),
]
"""The columns of a shard, beside `record`: its typed values."""


def common_schema() -> pa.Schema:
    """The columns of a shard that every schema shares."""
    return pa.schema(COLUMNS)


def shard_schema(schema: Schema) -> pa.Schema:
    """The columns of a shard of `schema`; the JSON Schema lies in the metadata, so that a store explains itself."""
    columns = [*COLUMNS, ("record", record_type(schema))]
    told = json.dumps(json_schema(schema), ensure_ascii=False)
    return pa.schema(columns, metadata={"octoglot.schema": schema.schema_name, "octoglot.json_schema": told})


def record_type(schema: Schema) -> pa.DataType:
    """The struct of a document's typed values; a row of a table also says its page."""
    fields: list[tuple[str, pa.DataType]] = []
    for spec in specs(schema):
        if spec.kind is Kind.TABLE:
            row = [("page", pa.int32()), *((column.name, _leaf_type(column)) for column in spec.columns)]
            fields.append((spec.name, pa.list_(pa.struct(row))))
        else:
            fields.append((spec.name, _leaf_type(spec)))
    return pa.struct(fields)


def row_of(result: DocumentResult, schema: Schema, run_id: str, at: datetime | None = None) -> dict[str, Any]:
    """One document as a row of `shard_schema(schema)`."""
    return {
        "document_id": result.source.document_id,
        "content_id": result.content_id,
        "source": storable(result.source.uri),
        "size": result.source.size,
        "version": result.source.version,
        "run_id": run_id,
        "extracted_at": at or datetime.now(UTC),
        "schema": result.schema,
        "engine": result.engine,
        "words_key": result.keys.words,
        "answer_key": result.keys.answer,
        "result_key": result.keys.result,
        "attempt": result.attempt,
        "status": result.status.value,
        "language": result.language,
        "page_count": result.page_count,
        "confidence": result.confidence,
        "needs_review": result.needs_review,
        "review_reasons": [storable(reason) for reason in result.review_reasons],
        "record": None if result.status in (Status.QUARANTINED, Status.SKIPPED) else record_of(result.values, schema),
        "fields": [_field(value, spec_at(schema, value.path)) for value in result.values],
        "pages": [_page(row) for row in result.pages],
        "checks": [_check(check) for check in result.checks],
        "conflicts": [_conflict(conflict) for conflict in result.conflicts],
        "seconds": {act: result.seconds.get(act, 0.0) for act in ("prepare", "extract", "finish")},
        "tokens_in": result.tokens_in,
        "tokens_out": result.tokens_out,
        "model": result.made_by.model or None,
        "revision": result.made_by.revision or None,
        "prompt": result.made_by.prompt or None,
        "raw_answers": [{"page": page, "text": storable(text)} for page, text in result.raw_answers],
    }


def record_of(values: Sequence[Value], schema: Schema) -> dict[str, Any]:
    """The typed record that `values` make; what is missing, or does not fit its column, is None."""
    record: dict[str, Any] = {spec.name: [] if spec.kind is Kind.TABLE else None for spec in specs(schema)}
    for value in values:
        spec = spec_at(schema, value.path)
        typed = value.value if _fits(value.value, spec) else None
        if isinstance(typed, str):
            typed = storable(typed)
        elif isinstance(typed, Decimal):
            # Zeros beyond the column's scale go; `_fits` has seen that nothing else does.
            typed = typed.quantize(Decimal(1).scaleb(-_scale(spec)), context=Context(prec=MAX_PREC))
        name, _, column = value.path.partition(".")
        if not column:
            record[name] = typed
            continue
        name, _, number = name.rstrip("]").partition("[")
        rows = record[name]
        rows.extend({} for _ in range(int(number) + 1 - len(rows)))
        rows[int(number)].update({"page": value.page, column: typed})
    return record


def storable(text: str) -> str:
    """Text that Parquet can hold: what is not UTF-8 in a name is written out (a backslash and `udcff`), NUL characters go."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "")


def _leaf_type(spec: FieldSpec) -> pa.DataType:
    if spec.kind in (Kind.MONEY, Kind.NUMBER):
        return pa.decimal128(DIGITS, spec.scale)
    if spec.kind is Kind.PERCENT:
        return pa.decimal128(DIGITS, PERCENT_SCALE)
    return pa.date32() if spec.kind is Kind.DATE else pa.string()


def _scale(spec: FieldSpec) -> int:
    return PERCENT_SCALE if spec.kind is Kind.PERCENT else spec.scale


def _fits(typed: Typed, spec: FieldSpec) -> bool:
    """Whether the value can be stored in its column as it is: nothing is rounded silently."""
    if spec.kind in (Kind.MONEY, Kind.NUMBER, Kind.PERCENT):
        if not isinstance(typed, Decimal) or not typed.is_finite():
            return False
        _, digits, exponent = typed.as_tuple()
        assert isinstance(exponent, int)
        # By hand: Decimal.normalize would round to the 28 digits of its context.
        print_ = "".join(map(str, digits))
        zeros = len(print_) - len(print_.rstrip("0"))
        whole = len(print_.lstrip("0")) + exponent
        return typed == 0 or (-(exponent + zeros) <= _scale(spec) and whole <= DIGITS - _scale(spec))
    if spec.kind is Kind.DATE:
        return isinstance(typed, date)
    return isinstance(typed, str)


def _field(value: Value, spec: FieldSpec) -> dict[str, Any]:
    problem = value.problem
    if value.value is not None and not _fits(value.value, spec):
        problem = problem or f"does not fit the column of {spec.name}"
    x0, y0, x1, y1 = value.box or (None,) * 4
    return {
        "path": value.path,
        "verbatim": storable(value.verbatim),
        "value": None if value.value is None else storable(_text(value.value)),
        "status": value.status.value,
        "page": value.page,
        "x0": x0,
        "y0": y0,
        "x1": x1,
        "y1": y1,
        "confidence": value.confidence,
        "problem": problem or None,
        "currency": value.currency or None,
    }


def _page(row: LedgerRow) -> dict[str, Any]:
    return {
        "page": row.page,
        "status": row.status.value,
        "stage": row.stage or None,
        "reason": row.reason.value if row.reason else None,
        "message": storable(row.message) or None,
        "next_step": row.next_step or None,
        "language": row.language,
        "words_from": row.words_from.value,
    }


def _check(check: Check) -> dict[str, Any]:
    return {"rule": check.rule, "passed": check.passed, "message": storable(check.message)}


def _conflict(conflict: Conflict) -> dict[str, Any]:
    return {
        "path": conflict.path,
        "kept": storable(_text(conflict.kept.value)),
        "kept_page": conflict.kept.page,
        "lost": storable(_text(conflict.lost.value)),
        "lost_page": conflict.lost.page,
        "lost_confidence": conflict.lost.confidence,
    }


def _text(typed: Typed) -> str:
    return f"{typed:f}" if isinstance(typed, Decimal) else str(typed or "")
