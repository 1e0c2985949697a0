"""Judging results against truth: right, wrong, missed and false values, by field, language and schema.

A truth is a line of JSON: `{"file": …, "language": "de", "schema": "invoice", "fields": {…}, "absent": [names],
"line_items": [{…}]}`, `file` relative to the truth file. Values are ISO dates, decimal strings with a point, else text as
printed; a list gives several that are all right. A field in neither `fields` nor `absent` is unknown and not judged, and names
that the schema does not have are ignored.
"""

import json
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from rapidfuzz import fuzz

from pipeline.errors import UsageError
from pipeline.records import Typed, Value
from pipeline.values.arithmetic import rows
from pipeline.values.compare import key, same
from pipeline.values.text import fold_name
from schemas.base import Schema, specs
from schemas.fields import FieldSpec, Kind

_ALSO_CALLED = {"seller_iban": "iban"}
_SAME_ROW = 0.6
"""Least likeness (0..2: description and amount) of a row found to a row of the truth that it can stand for."""


class Outcome(StrEnum):
    """What became of a field: `false` is a value where the truth says that there is none."""

    RIGHT = "right"
    WRONG = "wrong"
    MISSED = "missed"
    FALSE = "false"


@dataclass(frozen=True, slots=True)
class Truth:
    """What is known of a document; see the module."""

    file: str
    schema: str
    language: str = "und"
    fields: Mapping[str, Any] = field(default_factory=dict)
    absent: tuple[str, ...] = ()
    line_items: tuple[Mapping[str, Any], ...] = ()
    clean: bool = True


@dataclass(frozen=True, slots=True)
class Judgement:
    """One field of one document: `name` is `total` or `line_items[].amount`, `expected` and `found` are for people."""

    name: str
    outcome: Outcome
    expected: str = ""
    found: str = ""


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts of outcomes, and the shares that follow from them (None where nothing was to be counted)."""

    right: int = 0
    wrong: int = 0
    missed: int = 0
    false: int = 0

    @property
    def accuracy(self) -> float | None:
        """Right values of those in the truth, exact after normalisation; also called recall."""
        return _share(self.right, self.right + self.wrong + self.missed)

    @property
    def precision(self) -> float | None:
        """Right values of those that were given and could be judged."""
        return _share(self.right, self.right + self.wrong + self.false)

    def as_dict(self) -> dict[str, Any]:
        """Counts and shares, for JSON."""
        return {**asdict(self), "accuracy": self.accuracy, "precision": self.precision}


@dataclass(frozen=True, slots=True)
class Report:
    """What `evaluate` found: documents judged and missing, tallies in all and by field, language and schema, each failure."""

    documents: int
    missing: tuple[str, ...]
    overall: Tally
    by_field: Mapping[str, Tally]
    by_language: Mapping[str, Tally]
    by_schema: Mapping[str, Tally]
    failures: tuple[tuple[str, Judgement], ...]

    def as_dict(self) -> dict[str, Any]:
        """The report for JSON; `compare` reads it back."""
        return {
            "documents": self.documents,
            "missing": list(self.missing),
            "overall": self.overall.as_dict(),
            **{
                name: {group: tally.as_dict() for group, tally in getattr(self, name).items()}
                for name in ("by_field", "by_language", "by_schema")
            },
            "failures": [{"file": file, **asdict(judgement)} for file, judgement in self.failures],
        }


TRUTH_IS = 'give a file of JSON lines such as {"file": "scans/1.pdf", "schema": "invoice", "fields": {"total": "9.50"}}'


def read_truth(path: str) -> list[Truth]:
    """The truths in a JSON-lines file, `file` made absolute.

    Raises:
        UsageError: no such file, or a line that is no truth.
    """
    file, truths = Path(path), []
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise UsageError(f"the truth file {path} cannot be read: {error.strerror}", TRUTH_IS) from error
    except UnicodeDecodeError as error:
        raise UsageError(f"the truth file {path} is not text", TRUTH_IS) from error
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                truths.append(truth_of(json.loads(line), file.parent))
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise UsageError(f"{path}, line {number} is no truth: {_why(error)}", TRUTH_IS) from error
    return truths


def _why(error: Exception) -> str:
    """What is wrong with a line, for people."""
    if isinstance(error, json.JSONDecodeError):
        return f"not JSON ({error.msg})"
    if isinstance(error, KeyError):
        return f"it lacks {error.args[0]}"
    return "a part of it is of another kind than it must be"


def truth_of(told: Mapping[str, Any], folder: Path) -> Truth:
    """The truth of one JSON object, whose `file` is relative to `folder`. Raises KeyError where `file` is missing."""
    return Truth(
        file=os.path.abspath(folder / told["file"]),  # noqa: PTH100 - resolve() would follow links, and discover does not
        schema=str(told.get("schema", "")),
        language=str(told.get("language", "und")),
        fields={name: value for name, value in told.get("fields", {}).items() if value not in (None, "", [])},
        absent=tuple(told.get("absent", ())),
        line_items=tuple(told.get("line_items") or ()),
        clean=bool(told.get("clean", True)),
    )


def judge_document(values: Sequence[Value] | Mapping[str, Typed], truth: Truth, schema: Schema) -> tuple[Judgement, ...]:
    """What became of each field of `truth` in `values` (records, or path → typed value); nothing given is all missed."""
    given = dict(values) if isinstance(values, Mapping) else {value.path: value.value for value in values}
    judged: list[Judgement] = []
    for spec in specs(schema):
        known = spec.name if spec.name in truth.fields else _ALSO_CALLED.get(spec.name, spec.name)
        if spec.kind is Kind.TABLE:
            expected = truth.fields.get(spec.name) or (truth.line_items if spec.name == "line_items" else ())
            judged += _judge_table(spec, [dict(row) for row in expected], given)
        elif known in truth.fields:
            judged.append(_judge_field(spec, spec.name, truth.fields[known], given.get(spec.name)))
        elif {spec.name, known} & set(truth.absent) and key(spec.kind, given.get(spec.name), spec.scheme) is not None:
            judged.append(Judgement(spec.name, Outcome.FALSE, "", str(given[spec.name])))
    return tuple(judged)


def evaluate(
    pairs: Iterable[tuple[Truth, Sequence[Value] | Mapping[str, Typed] | None]], schemas: Mapping[str, Schema]
) -> Report:
    """The report over documents.

    Args:
        pairs: each truth with the document's values; None for a document without a result, whose fields all count as missed.
        schemas: by name; truths of other schemas are left out.
    """
    total: Counter[Outcome] = Counter()
    groups: dict[str, dict[str, Counter[Outcome]]] = {"field": {}, "language": {}, "schema": {}}
    failures, missing, documents = [], [], 0
    for truth, values in pairs:
        if truth.schema not in schemas:
            continue
        documents += 1
        if values is None:
            missing.append(truth.file)
        for judgement in judge_document(values or {}, truth, schemas[truth.schema]):
            total[judgement.outcome] += 1
            for name, group in (("field", judgement.name), ("language", truth.language), ("schema", truth.schema)):
                groups[name].setdefault(group, Counter())[judgement.outcome] += 1
            if judgement.outcome is not Outcome.RIGHT:
                failures.append((truth.file, judgement))
    tallies = {name: {group: _tally(counts) for group, counts in sorted(found.items())} for name, found in groups.items()}
    return Report(
        documents, tuple(missing), _tally(total), tallies["field"], tallies["language"], tallies["schema"], tuple(failures)
    )


def compare(report: Report, baseline: Mapping[str, Any], tolerance: float = 0.0) -> list[str]:
    """The regressions against an earlier report (`as_dict`), a line each; empty where nothing got worse.

    Args:
        report: of now.
        baseline: of then.
        tolerance: how much a share may fall.
    """
    told, now = [], report.as_dict()
    for part, groups in (
        ("overall", [""]),
        *((name, list(baseline.get(name, {}))) for name in ("by_field", "by_language", "by_schema")),
    ):
        for group in groups:
            before = baseline[part][group] if group else baseline[part]
            after = (now[part].get(group) if group else now[part]) or {}
            for share in ("accuracy", "precision"):
                old, new = before.get(share), after.get(share)
                if old is not None and new is not None and new < old - tolerance:
                    told.append(f"{group or part}: {share} fell from {old:.3f} to {new:.3f}")
    return told


def _judge_field(spec: FieldSpec, name: str, expected: Any, found: Typed) -> Judgement:
    wanted = expected if isinstance(expected, list) else [expected]
    text = " | ".join(map(str, wanted))
    if found is None or found == "":
        return Judgement(name, Outcome.MISSED, text)
    right = any(same(spec.kind, found, _plain(value), spec.scheme) for value in wanted)
    return Judgement(name, Outcome.RIGHT if right else Outcome.WRONG, text, str(found))


def _judge_table(spec: FieldSpec, expected: Sequence[Mapping[str, Any]], given: Mapping[str, Typed]) -> list[Judgement]:
    """The cells of a table whose rows are known; rows beyond them are false in the columns that the truth speaks of."""
    if not expected:
        return []
    columns = [column for column in spec.columns if any(row.get(column.name) not in (None, "") for row in expected)]
    found = [{c.name: given.get(f"{spec.name}[{n}].{c.name}") for c in spec.columns} for n in rows(given, spec.name)]
    judged = []
    for wanted, row in _aligned(spec, expected, found):
        for column in columns:
            name = f"{spec.name}[].{column.name}"
            value = row.get(column.name) if row else None
            if wanted is None:
                if value is not None:
                    judged.append(Judgement(name, Outcome.FALSE, "", str(value)))
            elif wanted.get(column.name) not in (None, ""):
                judged.append(_judge_field(column, name, wanted[column.name], value))
    return judged


Pair = tuple[Mapping[str, Any] | None, Mapping[str, Typed] | None]


def _aligned(spec: FieldSpec, expected: Sequence[Mapping[str, Any]], found: Sequence[Mapping[str, Typed]]) -> list[Pair]:
    """Rows of the truth beside rows found, in order, so that the likeness of all pairs is greatest; the others stand alone."""
    best = [[0.0] * (len(found) + 1) for _ in range(len(expected) + 1)]
    alike = [[_likeness(spec, wanted, row) for row in found] for wanted in expected]
    for i in range(len(expected) - 1, -1, -1):
        for j in range(len(found) - 1, -1, -1):
            pair = alike[i][j] + best[i + 1][j + 1] if alike[i][j] >= _SAME_ROW else 0.0
            best[i][j] = max(best[i + 1][j], best[i][j + 1], pair)
    pairs: list[Pair] = []
    i = j = 0
    while i < len(expected) and j < len(found):
        if alike[i][j] >= _SAME_ROW and best[i][j] == alike[i][j] + best[i + 1][j + 1]:
            pairs.append((expected[i], found[j]))
            i, j = i + 1, j + 1
        elif best[i][j] == best[i + 1][j]:
            pairs.append((expected[i], None))
            i += 1
        else:
            pairs.append((None, found[j]))
            j += 1
    return [*pairs, *((wanted, None) for wanted in expected[i:]), *((None, row) for row in found[j:])]


def _likeness(spec: FieldSpec, wanted: Mapping[str, Any], row: Mapping[str, Typed]) -> float:
    """How alike two rows are, 0..2: the first text column by letters, the amounts by being the same."""
    kinds = {column.name: column.kind for column in spec.columns}
    text = next((name for name, kind in kinds.items() if kind in (Kind.TEXT, Kind.NAME)), "")
    letters = fuzz.ratio(fold_name(str(wanted.get(text) or "")), fold_name(str(row.get(text) or ""))) / 100 if text else 0.0
    money = [name for name, kind in kinds.items() if kind is Kind.MONEY and wanted.get(name) not in (None, "")]
    equal = any(same(Kind.MONEY, _plain(wanted[name]), row.get(name)) for name in money)
    return (letters if wanted.get(text) and row.get(text) else 0.0) + float(equal)


def _plain(value: Any) -> str:
    return str(value).strip()


def _tally(counts: Mapping[Outcome, int]) -> Tally:
    return Tally(*(counts.get(outcome, 0) for outcome in Outcome))


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None
