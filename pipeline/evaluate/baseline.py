"""Two reports beside each other: what changed, by group, and which of it is a regression.

A regression is a fall of precision, recall, line-item F1 or the precision or recall of boxes, or a rise of the rate of false
values, by more than the tolerance. In a small group one value weighs more than any sensible tolerance, and one value is noise
(another reading of a smudge): so a change of a single value never counts, unless the tolerance is 0.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.errors import UsageError
from pipeline.evaluate.report import FORMAT, GROUPS

BASELINE_IS = "give what `octoglot evaluate --format json` wrote, of this version"

_DIGITS = 1e-4
"""What rounding of the shares can feign."""


@dataclass(frozen=True, slots=True)
class Change:
    """A share that is another than it was.

    Attributes:
        part: `overall`, or `language`, `field` …
        group: within the part; empty overall.
        measure: which share, as `recall`.
        then, now: its values.
        worse: it changed for the worse.
        regression: and by more than tolerance and noise.
    """

    part: str
    group: str
    measure: str
    then: float
    now: float
    worse: bool
    regression: bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """What changed against a baseline, regressions first, and what cannot be compared, in sentences."""

    changes: tuple[Change, ...]
    notes: tuple[str, ...]

    @property
    def regressions(self) -> tuple[Change, ...]:
        """The changes that are regressions."""
        return tuple(change for change in self.changes if change.regression)


def compare(report: Mapping[str, Any], baseline: Any, tolerance: float = 0.0) -> Comparison:
    """The report of now against that of an earlier run, both as `Report.as_dict` has them.

    Args:
        report: of now.
        baseline: of then; it may lie in a list, as the command prints it.
        tolerance: how much a share may get worse; see the module for small groups.

    Raises:
        UsageError: the baseline is no such report.
    """
    before = checked(baseline)
    changes = list(_changes("overall", "", report["overall"], before["overall"], tolerance))
    for part in GROUPS:
        groups = before[f"by_{part}"]
        for group, now in report[f"by_{part}"].items():
            if group in groups:
                changes += _changes(part, group, now, groups[group], tolerance)
    changes.sort(key=lambda change: (not change.regression, not change.worse))
    return Comparison(tuple(changes), tuple(_notes(report, before)))


def checked(baseline: Any) -> Mapping[str, Any]:
    """The report that a baseline holds. Raises UsageError."""
    told = baseline[0] if isinstance(baseline, list) and len(baseline) == 1 else baseline
    parts = ("overall", "files", *(f"by_{part}" for part in GROUPS))
    if not isinstance(told, dict) or told.get("format") != FORMAT or not set(parts) <= told.keys():
        raise UsageError("the baseline is no report of an evaluation", BASELINE_IS)
    return told


def _changes(part: str, group: str, now: Mapping[str, Any], then: Mapping[str, Any], tolerance: float) -> Iterator[Change]:
    after = dict(_shares(now))
    for measure, (old, _, sign) in _shares(then):
        new, whole, _ = after[measure]
        if old is None or new is None or abs(new - old) < _DIGITS:
            continue
        fall = sign * (old - new)
        bound = max(tolerance, 1 / whole) if tolerance else 0.0
        yield Change(part, group, measure, old, new, fall > 0, fall > bound + _DIGITS)


def _shares(measures: Mapping[str, Any]) -> Iterator[tuple[str, tuple[float | None, int, int]]]:
    """Each share that is compared: its value, of how many, and 1 where more is better or -1 where less is."""
    given = measures["right"] + measures["wrong"] + measures["false"]
    expected = measures["right"] + measures["wrong"] + measures["missed"]
    cells, boxes = measures["line_items"]["cells"], measures["grounding"]
    yield "precision", (measures["precision"], max(given, 1), 1)
    yield "recall", (measures["recall"], max(expected, 1), 1)
    # A cell counts twice in F1: once as expected, once as given.
    twice = sum(cells.values()) + cells["right"] + cells["wrong"]
    yield "line-item F1", (measures["line_items"]["f1"], max(twice // 2, 1), 1)
    yield "false values", (measures["false_rate"], max(measures["absent"], 1), -1)
    yield "box precision", (boxes["precision"], max(boxes["right"] + boxes["wrong"], 1), 1)
    yield "box recall", (boxes["recall"], max(boxes["right"] + boxes["wrong"] + boxes["none"], 1), 1)


def _notes(now: Mapping[str, Any], then: Mapping[str, Any]) -> Iterator[str]:
    """What of the two runs is not the same work."""
    here = {(row["file"], row["schema"]) for row in now["files"]}
    there = {(row["file"], row["schema"]) for row in then["files"]}
    if gone := there - here:
        yield f"the baseline judged {_documents(len(gone))} that this run does not"
    if new := here - there:
        yield f"this run judges {_documents(len(new))} that the baseline does not"
    for part in GROUPS:
        lost = sorted(set(then[f"by_{part}"]) - set(now[f"by_{part}"]))
        if lost:
            yield f"only the baseline has the {part.replace('_', ' ')} {', '.join(lost[:5])}{', …' if len(lost) > 5 else ''}"


def _documents(number: int) -> str:
    return f"{number:,} document{'' if number == 1 else 's'}"
