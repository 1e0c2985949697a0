"""What a number of judgements comes to: precision, recall and the rest, calibration of confidence, and what review catches."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from pipeline.evaluate.judging import Judgement, Outcome, Placed, RowCount

BINS = 10
THRESHOLDS = tuple(step / 20 for step in range(21))


def share(part: float, whole: float) -> float | None:
    """`part` of `whole`, to four places; None of nothing."""
    return round(part / whole, 4) if whole else None


def as_share(share: float | None) -> str:
    """A share as people read it: `0.912`, a dash where there is none."""
    return "–" if share is None else f"{share:.3f}"


def as_percent(share: float | None) -> str:
    """A share as people read it: `91.2%`, a dash where there is none."""
    return "–" if share is None else f"{share:.1%}"


def f1(right: int, expected: int, found: int) -> float | None:
    """The harmonic mean of precision and recall."""
    return share(2 * right, expected + found)


@dataclass(frozen=True, slots=True)
class Measures:
    """The counts of a group of values, and the shares that follow from them; a share of nothing is None.

    Attributes:
        documents: how many the values are of.
        right, wrong, missed, false: outcomes; `false` has the values on absent fields and the cells of rows too many.
        absent, false_absent: fields that the truth calls absent, and those of them that have a value.
        alike: the sum of the values' ANLS.
        rows: of all tables together.
        cells: right, wrong, missed and false cells of tables; they are among the outcomes above.
        placed_right, placed_wrong, placed_none: right values whose place the truth knows, by whether their box is right.
        surety: for each tenth of confidence: values, sum of their confidences, right ones.
    """

    documents: int = 0
    right: int = 0
    wrong: int = 0
    missed: int = 0
    false: int = 0
    absent: int = 0
    false_absent: int = 0
    alike: float = 0.0
    rows: RowCount = RowCount()
    cells: tuple[int, int, int, int] = (0, 0, 0, 0)
    placed_right: int = 0
    placed_wrong: int = 0
    placed_none: int = 0
    surety: tuple[tuple[int, float, int], ...] = ((0, 0.0, 0),) * BINS

    @property
    def expected(self) -> int:
        """Values in the truth."""
        return self.right + self.wrong + self.missed

    @property
    def precision(self) -> float | None:
        """Right values of those that were given and could be judged."""
        return share(self.right, self.right + self.wrong + self.false)

    @property
    def recall(self) -> float | None:
        """Right values, exact after normalisation, of those in the truth."""
        return share(self.right, self.expected)

    @property
    def f1(self) -> float | None:
        """Of precision and recall."""
        return f1(self.right, self.expected, self.right + self.wrong + self.false)

    @property
    def exact_match(self) -> float | None:
        """Fields that are exactly as the truth has them, its absent ones included, of all that it speaks of."""
        return share(self.right + self.absent - self.false_absent, self.expected + self.absent)

    @property
    def anls(self) -> float | None:
        """Average normalised Levenshtein similarity over values in the truth and false ones."""
        return share(self.alike, self.expected + self.false)

    @property
    def false_rate(self) -> float | None:
        """Absent fields that have a value."""
        return share(self.false_absent, self.absent)

    @property
    def item_f1(self) -> float | None:
        """F1 over the cells of tables, rows paired by Hungarian matching (what DocILE calls line item recognition)."""
        right, wrong, missed, false = self.cells
        return f1(right, right + wrong + missed, right + wrong + false)

    @property
    def row_f1(self) -> float | None:
        """F1 over whole rows: only one with every known cell right counts."""
        return f1(self.rows.right, self.rows.expected, self.rows.found)

    @property
    def box_precision(self) -> float | None:
        """Right boxes of those given, for right values whose place the truth knows."""
        return share(self.placed_right, self.placed_right + self.placed_wrong)

    @property
    def box_recall(self) -> float | None:
        """Right values with a right box, of those whose place the truth knows."""
        return share(self.placed_right, self.placed_right + self.placed_wrong + self.placed_none)

    @property
    def ece(self) -> float | None:
        """Expected calibration error: how far confidence and share of right values are apart, over tenths of confidence."""
        apart = sum(abs(right - sure) for _, sure, right in self.surety)
        return share(apart, sum(count for count, _, _ in self.surety))

    def as_dict(self) -> dict[str, Any]:
        """Counts and shares, for JSON."""
        right, wrong, missed, false = self.cells
        return {
            **{name: getattr(self, name) for name in ("documents", "right", "wrong", "missed", "false")},
            **{name: getattr(self, name) for name in ("precision", "recall", "f1", "exact_match", "anls")},
            **{name: getattr(self, name) for name in ("absent", "false_absent", "false_rate")},
            "line_items": {
                **{name: getattr(self.rows, name) for name in ("expected", "found", "paired", "right")},
                "row_f1": self.row_f1,
                "cells": {"right": right, "wrong": wrong, "missed": missed, "false": false},
                "f1": self.item_f1,
            },
            "grounding": {
                **{"right": self.placed_right, "wrong": self.placed_wrong, "none": self.placed_none},
                **{"precision": self.box_precision, "recall": self.box_recall},
            },
            "ece": self.ece,
        }


@dataclass
class Group:
    """Gathers what `Measures` counts."""

    documents: set[int] = field(default_factory=set)
    judgements: list[Judgement] = field(default_factory=list)
    absent: int = 0
    rows: RowCount = RowCount()

    def measures(self) -> Measures:
        """What was gathered, counted."""
        outcomes = Counter(judgement.outcome for judgement in self.judgements)
        cells = Counter(judgement.outcome for judgement in self.judgements if "[" in judgement.name)
        placed = Counter(judgement.placed for judgement in self.judgements)
        false_absent = outcomes[Outcome.FALSE] - cells[Outcome.FALSE]
        return Measures(
            documents=len(self.documents),
            **{outcome.value: outcomes[outcome] for outcome in Outcome},
            absent=self.absent,
            false_absent=false_absent,
            alike=sum(judgement.anls for judgement in self.judgements),
            rows=self.rows,
            cells=(cells[Outcome.RIGHT], cells[Outcome.WRONG], cells[Outcome.MISSED], cells[Outcome.FALSE]),
            placed_right=placed[Placed.RIGHT],
            placed_wrong=placed[Placed.WRONG],
            placed_none=placed[Placed.NONE],
            surety=_surety(self.judgements),
        )


def _surety(judgements: Iterable[Judgement]) -> tuple[tuple[int, float, int], ...]:
    counts, sums, right = [0] * BINS, [0.0] * BINS, [0] * BINS
    for judgement in judgements:
        if judgement.confidence is not None:
            tenth = min(int(judgement.confidence * BINS), BINS - 1)
            counts[tenth] += 1
            sums[tenth] += judgement.confidence
            right[tenth] += judgement.outcome is Outcome.RIGHT
    return tuple(zip(counts, sums, right, strict=True))


def calibration(measures: Measures) -> list[dict[str, Any]]:
    """The reliability of confidence, a tenth of it a row; tenths without a value are left out."""
    return [
        {
            "from": tenth / BINS,
            "to": (tenth + 1) / BINS,
            "values": count,
            "confidence": share(sure, count),
            "right": share(right, count),
        }
        for tenth, (count, sure, right) in enumerate(measures.surety)
        if count
    ]


@dataclass(frozen=True, slots=True)
class Reviewable:
    """A document that was read: its confidence, whether anything in it is not right, and why a person should look at it."""

    confidence: float
    faulty: bool
    reasons: tuple[str, ...] = ()


def review(documents: Sequence[Reviewable]) -> dict[str, Any]:
    """What share of documents goes to review and what share of the faulty ones is among them.

    As the results have it (`needs_review`), for each sort of reason (`conflict` of `conflict: total`), and were documents sent
    by their confidence alone, below each threshold.
    """
    faulty = sum(document.faulty for document in documents)

    def told(sent: Sequence[Reviewable]) -> dict[str, Any]:
        caught = sum(document.faulty for document in sent)
        return {
            "sent": len(sent),
            "caught": caught,
            "sent_share": share(len(sent), len(documents)),
            "caught_share": share(caught, faulty),
        }

    return {
        "documents": len(documents),
        "faulty": faulty,
        "needs_review": told([document for document in documents if document.reasons]),
        "by_reason": {
            sort: told([document for document in documents if sort in map(_sort, document.reasons)])
            for sort in sorted({_sort(reason) for document in documents for reason in document.reasons})
        },
        "by_confidence": [
            {"below": below, **told([document for document in documents if document.confidence < below])}
            for below in THRESHOLDS
        ],
    }


def _sort(reason: str) -> str:
    return reason.partition(":")[0]
