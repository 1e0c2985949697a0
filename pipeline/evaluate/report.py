"""The report over all documents of a truth: measures by group, calibration, review, and every value that is not right.

As JSON (`Report.as_dict`; `octoglot evaluate --format json` prints it in an array), an object:

| key | what it holds |
|---|---|
| `format` | 1; a change of what is here raises it |
| `documents`, `missing` | how many truths were judged; the files that have no result, whose values all count as missed |
| `overall` | the measures of everything |
| `by_schema`, `by_language`, `by_field`, `by_doc_type`, `by_engine` | group → its measures |
| `calibration` | a tenth of confidence a row: `from, to, values, confidence` (mean), `right` (share) |
| `review` | `documents` that were read, `faulty` ones (anything wrong, missed or false), and `sent, caught, sent_share, caught_share`: as the results send them to review (`needs_review`), `by_reason` for it, and were it done `by_confidence` alone, `below` a threshold |
| `files` | a document a row: `file, schema, language, doc_type, engine, status, confidence, needs_review`, and counts of outcomes |
| `failures` | every value that is not right: `file, schema, name, outcome, expected, found, anls, path, confidence, page, box, placed` |
| `misplaced` | right values whose box is not where the truth says, likewise |
| `notes` | what the user should know of the truth and the results, in sentences |
| `comparison` | from the command, with `--baseline`: `changes`, each `part, group, measure, then, now, worse, regression`, and `notes` |

Measures are counts (`documents, right, wrong, missed, false, absent, false_absent`) and shares, null where there is nothing to
count: `precision` (right of given), `recall` (right of those in the truth, exact after normalisation), `f1`, `exact_match`
(fields exactly as told, absent ones included), `anls` (average normalised Levenshtein similarity), `false_rate` (absent fields
with a value), `ece` (expected calibration error), `line_items` (`expected, found, paired, right` rows of all tables, `row_f1` of
whole rows, outcomes of `cells` and their `f1`, rows paired by Hungarian matching) and `grounding` (of right values whose place
the truth knows: boxes `right`, `wrong`, `none`; `precision`, `recall`).
"""  # noqa: E501 - a table

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from pipeline.errors import DocumentError
from pipeline.evaluate.judging import Judgement, Outcome, Placed, judge
from pipeline.evaluate.measures import Group, Measures, Reviewable, calibration, review
from pipeline.evaluate.placing import place, spots_of
from pipeline.evaluate.results import READ, Found
from pipeline.evaluate.truth import Spot, Truth
from pipeline.images import ImageFileDocument
from pipeline.settings import Settings
from schemas.base import Schema

FORMAT = 1
GROUPS = ("schema", "language", "field", "doc_type", "engine")
"""What results are told by."""

NOT_READ = "(not in the results)"
UNNAMED = "(none)"

Size = Callable[[str], tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Document:
    """A truth, the result that was judged (None: there is none), the judgements, and where the truth's values stand."""

    truth: Truth
    found: Found | None
    judgements: tuple[Judgement, ...]
    spots: Mapping[str, tuple[Spot, ...]] = field(default_factory=dict)

    @property
    def failures(self) -> tuple[Judgement, ...]:
        """What is not right."""
        return tuple(judgement for judgement in self.judgements if judgement.outcome is not Outcome.RIGHT)

    def as_dict(self) -> dict[str, Any]:
        """The document for JSON, its outcomes counted."""
        outcomes = [judgement.outcome for judgement in self.judgements]
        return {
            **{name: getattr(self.truth, name) for name in ("file", "schema", "language", "doc_type")},
            "engine": self.found.engine if self.found else None,
            "status": self.found.status.value if self.found else None,
            "confidence": self.found.confidence if self.found else None,
            "needs_review": self.found.needs_review if self.found else None,
            **{outcome.value: outcomes.count(outcome) for outcome in Outcome},
        }


@dataclass(frozen=True, slots=True)
class Report:
    """What `evaluate` found; see the module for its JSON."""

    judged: tuple[Document, ...]
    overall: Measures
    groups: Mapping[str, Mapping[str, Measures]]
    review: Mapping[str, Any]
    notes: tuple[str, ...] = ()

    @property
    def documents(self) -> int:
        """How many truths were judged."""
        return len(self.judged)

    @property
    def missing(self) -> tuple[str, ...]:
        """Files without a result."""
        return tuple(document.truth.file for document in self.judged if document.found is None)

    @property
    def failures(self) -> tuple[tuple[Document, Judgement], ...]:
        """Every value that is not right, with its document."""
        return tuple((document, judgement) for document in self.judged for judgement in document.failures)

    @property
    def misplaced(self) -> tuple[tuple[Document, Judgement], ...]:
        """Right values in a wrong place."""
        return tuple((d, judgement) for d in self.judged for judgement in d.judgements if judgement.placed is Placed.WRONG)

    def as_dict(self) -> dict[str, Any]:
        """The report for JSON; `compare` reads it back."""
        return {
            "format": FORMAT,
            "documents": self.documents,
            "missing": list(self.missing),
            "overall": self.overall.as_dict(),
            **{f"by_{name}": {group: measures.as_dict() for group, measures in self.groups[name].items()} for name in GROUPS},
            "calibration": calibration(self.overall),
            "review": dict(self.review),
            "files": [document.as_dict() for document in self.judged],
            "failures": [_named(document, judgement) for document, judgement in self.failures],
            "misplaced": [_named(document, judgement) for document, judgement in self.misplaced],
            "notes": list(self.notes),
        }


def image_size(path: str) -> tuple[float, float]:
    """Width and height of a one-page image, in pixels as a viewer shows it. Raises DocumentError."""
    image = ImageFileDocument(path, Settings())
    try:
        frame = image.page(1).frame
        return frame.width, frame.height
    finally:
        image.close()


def evaluate(
    pairs: Iterable[tuple[Truth, Found | None]],
    schemas: Mapping[str, Schema],
    notes: Sequence[str] = (),
    size: Size = image_size,
) -> Report:
    """The report over documents.

    Args:
        pairs: each truth with the document's result; None for a document without one, whose fields all count as missed.
        schemas: by name; truths of other schemas are left out.
        notes: what there is to say of the truth already.
        size: tells an image's pixels, where a truth's places are told in them.
    """
    everything, groups = Group(), {name: dict[str, Group]() for name in GROUPS}
    documents: list[Document] = []
    unplaced: list[str] = []
    for truth, found in pairs:
        if truth.schema not in schemas:
            continue
        schema = schemas[truth.schema]
        judged = judge(found.values if found else (), truth, schema)
        spots: Mapping[str, tuple[Spot, ...]] = {}
        try:
            spots = spots_of(truth, schema, partial(size, truth.file))
        except DocumentError:
            unplaced.append(truth.file)
        judgements = place(judged.judgements, spots, schema, lines=bool(truth.lines_file))
        number = len(documents)
        documents.append(Document(truth, found, judgements, spots))
        keys = {
            "schema": truth.schema,
            "language": truth.language,
            "doc_type": truth.doc_type or UNNAMED,
            "engine": found.engine if found else NOT_READ,
        }
        whole = [everything, *(groups[name].setdefault(key, Group()) for name, key in keys.items())]
        absent = judged.absent if found and found.status in READ else ()
        for group in whole:
            group.documents.add(number)
            group.judgements.extend(judgements)
            group.absent += len(absent)
            for rows in judged.rows.values():
                group.rows += rows
        for judgement in judgements:
            group = groups["field"].setdefault(judgement.name, Group())
            group.documents.add(number)
            group.judgements.append(judgement)
        for name in absent:
            group = groups["field"].setdefault(name, Group())
            group.documents.add(number)
            group.absent += 1
    return Report(
        tuple(documents),
        everything.measures(),
        {name: {key: group.measures() for key, group in sorted(found.items())} for name, found in groups.items()},
        review([_reviewable(document) for document in documents if document.found and document.found.status in READ]),
        (*notes, *_notes(documents, unplaced)),
    )


def _reviewable(document: Document) -> Reviewable:
    assert document.found
    return Reviewable(document.found.confidence, bool(document.failures), document.found.review_reasons)


def _notes(documents: Sequence[Document], unplaced: Sequence[str]) -> list[str]:
    """What people should know of the results, in sentences."""
    notes = []
    missing = [document for document in documents if document.found is None]
    if missing:
        notes.append(
            f"{_are(missing)} not in the results, and all that the truth has of them counts as missed: {_some(missing)}"
        )
    lost = [document for document in documents if document.found and document.found.quarantined]
    if lost:
        verb = "has" if len(lost) == 1 else "have"
        notes.append(f"{_documents(lost)} {verb} quarantined pages, and what stands there counts as missed: {_some(lost)}")
    changed = [document for document in documents if document.found and document.found.changed]
    if changed:
        verb = "has" if len(changed) == 1 else "have"
        notes.append(f"{_documents(changed)} {verb} changed since being read; run again before believing: {_some(changed)}")
    again = [document for document in documents if document.found and document.found.other_engines]
    if again:
        verb = "was" if len(again) == 1 else "were"
        earlier = sorted({engine for document in again if document.found for engine in document.found.other_engines})
        notes.append(f"{_documents(again)} {verb} also read by {', '.join(earlier)}; only the latest result of each is judged")
    if unplaced:
        count = f"{len(unplaced)} image{'' if len(unplaced) == 1 else 's'}"
        names = ", ".join(Path(file).name for file in unplaced[:3])
        notes.append(f"the places of values are not judged in {count} that cannot be opened: {names}")
    return notes


def _documents(documents: Sequence[Document]) -> str:
    return f"{len(documents):,} document{'' if len(documents) == 1 else 's'}"


def _are(documents: Sequence[Document]) -> str:
    return f"{_documents(documents)} {'is' if len(documents) == 1 else 'are'}"


def _some(documents: Sequence[Document]) -> str:
    names = [Path(document.truth.file).name for document in documents[:3]]
    return ", ".join(names) + (", …" if len(documents) > 3 else "")


def _named(document: Document, judgement: Judgement) -> dict[str, Any]:
    return {"file": document.truth.file, "schema": document.truth.schema, **asdict(judgement)}
