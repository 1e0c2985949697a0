"""Judging one document's values against its truth: right, wrong, missed and false values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any

from rapidfuzz.distance import Levenshtein

from pipeline.errors import UsageError
from pipeline.evaluate.pairing import pair
from pipeline.evaluate.truth import Truth
from pipeline.records import Box, Grounding, Typed, Value
from pipeline.values.arithmetic import rows
from pipeline.values.compare import key, same
from schemas.base import Schema, specs
from schemas.fields import NUMERIC, FieldSpec, Kind

_ALSO_CALLED = {"seller_iban": "iban"}
_ALIKE = 0.5
"""ANLS counts what is less alike as not alike at all."""


class Outcome(StrEnum):
    """What became of a field: `false` is a value where the truth says that there is none."""

    RIGHT = "right"
    WRONG = "wrong"
    MISSED = "missed"
    FALSE = "false"


class Placed(StrEnum):
    """Where a value's box lies, judged by the truth: `none` is a value without a box, empty that it cannot be judged."""

    RIGHT = "right"
    WRONG = "wrong"
    NONE = "none"
    UNKNOWN = ""


@dataclass(frozen=True, slots=True)
class Judgement:
    """One field of one document.

    Attributes:
        name: `total` or `line_items[].amount`.
        outcome: what became of it.
        expected, found: for people; several right values are parted by ` | `.
        anls: how alike found and expected are, 0..1 (average normalised Levenshtein similarity; under 0.5 counts as 0).
        path: the value in the results, with the number of its row; empty where there is none.
        confidence: the value's; None where there is no value, or none is known.
        page, box: where the value was found, in the page frame.
        placed: whether that place is right.
    """

    name: str
    outcome: Outcome
    expected: str = ""
    found: str = ""
    anls: float = 0.0
    path: str = ""
    confidence: float | None = None
    page: int | None = None
    box: Box | None = None
    placed: Placed = Placed.UNKNOWN


@dataclass(frozen=True, slots=True)
class RowCount:
    """Rows of a table: in the truth, found, found that stand for one of the truth, and of these with every known cell right."""

    expected: int = 0
    found: int = 0
    paired: int = 0
    right: int = 0

    def __add__(self, other: "RowCount") -> "RowCount":
        return RowCount(
            self.expected + other.expected, self.found + other.found, self.paired + other.paired, self.right + other.right
        )


@dataclass(frozen=True, slots=True)
class Judged:
    """What a document's values are worth: a judgement a field, the absent fields that were asked for, the rows by table."""

    judgements: tuple[Judgement, ...]
    absent: tuple[str, ...] = ()
    rows: Mapping[str, RowCount] = field(default_factory=dict)


def judge_document(values: Sequence[Value] | Mapping[str, Typed], truth: Truth, schema: Schema) -> tuple[Judgement, ...]:
    """What became of each field of `truth` in `values` (records, or path → typed value); nothing given is all missed."""
    return judge(values, truth, schema).judgements


def judge(values: Sequence[Value] | Mapping[str, Typed], truth: Truth, schema: Schema) -> Judged:
    """All that is to be said of a document's values; see `Judged`."""
    if isinstance(values, Mapping):
        given = {path: _Given(value) for path, value in values.items()}
    else:
        given = {value.path: _Given(value.value, value) for value in values}
    judged: list[Judgement] = []
    absent: list[str] = []
    counts: dict[str, RowCount] = {}
    for spec in specs(schema):
        known = spec.name if spec.name in truth.fields else _ALSO_CALLED.get(spec.name, spec.name)
        told_absent = bool({spec.name, known} & set(truth.absent))
        found = given.get(spec.name, _NOTHING)
        if spec.kind is Kind.TABLE:
            expected = truth.fields.get(spec.name) or (truth.line_items if spec.name == "line_items" else ())
            told = [row for row in _rows(expected, spec, truth) if any(_known(row, column.name) for column in spec.columns)]
            if told:
                cells, counts[spec.name] = _judge_table(spec, told, given)
                judged += cells
            elif told_absent:
                absent.append(spec.name)
                if number := len(rows(given, spec.name)):
                    judged.append(Judgement(spec.name, Outcome.FALSE, "", f"{number} rows"))
        elif known in truth.fields:
            judged.append(_judge_field(spec, spec.name, truth.fields[known], found))
        elif told_absent:
            absent.append(spec.name)
            if key(spec.kind, found.typed, spec.scheme) is not None:
                judged.append(_told(Judgement(spec.name, Outcome.FALSE, "", str(found.typed)), found))
    return Judged(tuple(judged), tuple(absent), counts)


def anls(expected: str, found: str) -> float:
    """How alike two texts are, 0..1, as ANLS has it: case and white space do not count, less than half alike is 0."""
    alike = Levenshtein.normalized_similarity(" ".join(expected.lower().split()), " ".join(found.lower().split()))
    return alike if alike >= _ALIKE else 0.0


@dataclass(frozen=True, slots=True)
class _Given:
    """A value of the results: typed, and its record where there is one."""

    typed: Typed = None
    record: Value | None = None


_NOTHING = _Given()


def _told(judgement: Judgement, given: _Given) -> Judgement:
    """The judgement with what the value's record says of path, place and confidence."""
    if (value := given.record) is None:
        return judgement
    grounded = value.status not in (Grounding.NOT_FOUND, Grounding.NO_WORDS) and value.box is not None
    page, box = (value.page, value.box) if grounded else (None, None)
    return replace(judgement, path=value.path, confidence=value.confidence, page=page, box=box)


def _judge_field(spec: FieldSpec, name: str, expected: Any, given: _Given) -> Judgement:
    wanted = options(expected)
    text = " | ".join(wanted)
    if given.typed is None or given.typed == "":
        return Judgement(name, Outcome.MISSED, text)
    right = any(same(spec.kind, given.typed, value, spec.scheme) for value in wanted)
    alike = max((anls(_plain(spec, value), _plain(spec, given.typed)) for value in wanted), default=0.0)
    outcome = Outcome.RIGHT if right else Outcome.WRONG
    return _told(Judgement(name, outcome, text, str(given.typed), round(alike, 4)), given)


def _judge_table(
    spec: FieldSpec, expected: Sequence[Mapping[str, Any]], given: Mapping[str, _Given]
) -> tuple[list[Judgement], RowCount]:
    """The cells of a table whose rows are known; rows beyond them are false in the columns that the truth speaks of."""
    columns = [column for column in spec.columns if any(_known(row, column.name) for row in expected)]
    found = [
        {column.name: given.get(f"{spec.name}[{number}].{column.name}", _NOTHING) for column in spec.columns}
        for number in rows(given, spec.name)
    ]
    pairs = pair(
        columns,
        [{c.name: options(row[c.name]) for c in columns if _known(row, c.name)} for row in expected],
        [{name: cell.typed for name, cell in row.items()} for row in found],
    )
    judged: list[Judgement] = []
    right = 0
    for i, wanted in enumerate(expected):
        row = found[pairs[i]] if i in pairs else {}
        cells = [
            _judge_field(column, f"{spec.name}[].{column.name}", wanted[column.name], row.get(column.name, _NOTHING))
            for column in columns
            if _known(wanted, column.name)
        ]
        right += all(cell.outcome is Outcome.RIGHT for cell in cells)
        judged += cells
    for j in sorted(set(range(len(found))) - set(pairs.values())):
        for column in columns:
            cell = found[j][column.name]
            if cell.typed is not None:
                judged.append(_told(Judgement(f"{spec.name}[].{column.name}", Outcome.FALSE, "", str(cell.typed)), cell))
    return judged, RowCount(len(expected), len(found), len(pairs), right)


def _rows(expected: Any, spec: FieldSpec, truth: Truth) -> list[dict[str, Any]]:
    """The rows that the truth has of a table."""
    if not isinstance(expected, list | tuple) or not all(isinstance(row, Mapping) for row in expected):
        what = f"the truth of {truth.file} has something else than rows under {spec.name}"
        raise UsageError(what, 'write a list of rows, as [{"description": "Pen", "amount": "4.00"}]')
    return [dict(row) for row in expected]


def _known(row: Mapping[str, Any], column: str) -> bool:
    return row.get(column) not in (None, "", [])


def options(expected: Any) -> list[str]:
    """The values that are right, as text, of what a truth has for a field."""
    return [str(value).strip() for value in (expected if isinstance(expected, list) else [expected])]


def _plain(spec: FieldSpec, value: Typed) -> str:
    """A value as text that is equal for equal numbers, dates and identifiers; other values as they are."""
    typed = key(spec.kind, value, spec.scheme) if spec.kind in (*NUMERIC, Kind.DATE, Kind.IDENTIFIER) else value
    if isinstance(typed, Decimal):
        return f"{typed.normalize():f}" if typed.is_finite() else str(typed)
    return typed.isoformat() if isinstance(typed, date) else str(value if typed is None else typed)
