"""A report as one page of HTML: numbers, plots, and the worst documents with pictures of where their values stand.

The page is whole in itself, runs nothing and asks for nothing: its policy forbids scripts and the network. All that comes from
documents, file names and truth is hostile and escaped by the template.
"""

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from pipeline.errors import UsageError
from pipeline.evaluate import plots
from pipeline.evaluate.baseline import Comparison
from pipeline.evaluate.crops import FOUND, TRUE, Drawer, Mark, Picture, Shot, drawer
from pipeline.evaluate.judging import Judgement, Outcome, Placed
from pipeline.evaluate.measures import as_percent, as_share
from pipeline.evaluate.report import GROUPS, Document, Report
from pipeline.settings import Settings

ROWS = 12
"""Values shown of a document, at most: a table that was misread has hundreds of wrong cells."""
OPEN = 25
"""Groups of a table that is shown at once; a longer one is folded."""
SPOTS = 3
"""Places of the truth that are drawn for a value, at most: a total is often printed again and again."""
LETTERS = 240
"""Letters shown of a value, at most."""


@dataclass(frozen=True, slots=True)
class Row:
    """A value that is not right, or not where it should be, as the page shows it."""

    judgement: Judgement
    verdict: str
    picture: Picture | None


@dataclass(frozen=True, slots=True)
class Shown:
    """A document as the page shows it: its first page small, its rows, and how many there are beyond them."""

    document: Document
    thumb: Picture | None
    rows: tuple[Row, ...]
    more: int


def write_page(
    path: Path, report: Report, *, truth: str, out: str, worst: int = 12, comparison: Comparison | None = None
) -> None:
    """Write the report to `path`, with the `worst` documents; raises UsageError where that cannot be written."""
    if not path.parent.is_dir():  # said before the pictures are drawn, which takes a while
        raise UsageError(f"cannot write to {path}: there is no folder {path.parent}", "give another file with --html")
    with drawer(Settings()) as draw:
        shown = [_shown(document, draw) for document in worst_of(report, worst)]
    text = _template().render(
        told=report.as_dict(),
        truth=truth,
        out=out,
        parts=[part for part in GROUPS if len(report.groups[part]) > 1 or part == "field"],
        most=OPEN,
        comparison=comparison,
        plots=_plots(report),
        shown=shown,
        legend=any(document.document.spots for document in shown),
    )
    try:
        path.write_bytes(text.encode("utf-8", "backslashreplace"))
    except OSError as error:
        raise UsageError(f"cannot write to {path}: {error.strerror}", "give another file with --html") from error


def worst_of(report: Report, number: int) -> list[Document]:
    """The documents that were read and have the most that is not right, those with wrong values before those with gaps."""

    def badness(document: Document) -> tuple[int, int]:
        wrong = sum(judgement.outcome in (Outcome.WRONG, Outcome.FALSE) for judgement in document.failures)
        return (len(_troubles(document)), wrong)

    read = [document for document in report.judged if document.found and _troubles(document)]
    return sorted(read, key=badness, reverse=True)[:number]


def _troubles(document: Document) -> list[Judgement]:
    """What the page shows of a document: values that are not right or in a wrong place, then those that were missed."""
    shown = [j for j in document.judgements if j.outcome is not Outcome.RIGHT or j.placed is Placed.WRONG]
    return sorted(shown, key=lambda judgement: judgement.outcome is Outcome.MISSED)


def _shown(document: Document, draw: Drawer) -> Shown:
    """The document with its pictures."""
    troubles = _troubles(document)
    rows = troubles[:ROWS]
    marks = [_marks(judgement, document) for judgement in rows]
    first = tuple(mark for judgement in rows for mark in _marks(judgement, document).get(1, ()))
    shots = [Shot(1, first, whole=True)]
    places: list[int | None] = []
    for told in marks:
        page = min(told, default=None)
        places.append(None if page is None else len(shots))
        if page is not None:
            shots.append(Shot(page, told[page]))
    made = draw.draw(document.truth.file, shots)
    pictures = [None if place is None else made[place] for place in places]
    return Shown(
        document,
        made[0],
        tuple(Row(j, _verdict(j), picture) for j, picture in zip(rows, pictures, strict=True)),
        len(troubles) - len(rows),
    )


def _marks(judgement: Judgement, document: Document) -> dict[int, tuple[Mark, ...]]:
    """The boxes to draw for a value, by page: where it was found, and where the truth says that it is."""
    boxes: list[tuple[int, Mark]] = []
    if judgement.page and judgement.box:
        boxes.append((judgement.page, Mark(judgement.box, FOUND)))
    boxes += [(spot.page, Mark(spot.box, TRUE)) for spot in document.spots.get(judgement.name, ())[:SPOTS]]
    return {page: tuple(mark for number, mark in boxes if number == page) for page, _ in boxes}


def _verdict(judgement: Judgement) -> str:
    return "misplaced" if judgement.outcome is Outcome.RIGHT else judgement.outcome.value


def _plots(report: Report) -> Iterator[tuple[str, str, Markup]]:
    """A heading, what is to be seen, and the plot."""
    told = report.as_dict()
    if told["calibration"]:
        yield (
            "Is the confidence true?",
            "A bar is a tenth of confidence, its height the share of values that are right, the number how many there are. "
            "On the dashed line confidence says what is true; the thin line shows how far it is off.",
            Markup(plots.reliability(told["calibration"])),
        )
    if report.review["faulty"]:
        yield (
            "What does review catch?",
            "The line is review by confidence alone, from the least sure document on; the diamond is review as the results "
            "have it (needs_review). The dashed line is review of documents drawn by lot.",
            Markup(plots.review(report.review)),
        )


@cache
def _template() -> Any:
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters.update(share=as_share, percent=as_percent, clip=_clip, data=_data, number="{:,}".format, name=_name)
    return environment.from_string(resources.files("pipeline.evaluate").joinpath("page.jinja").read_text(encoding="utf-8"))


def _clip(text: str) -> str:
    return text if len(text) <= LETTERS else f"{text[:LETTERS]}…"


def _name(file: str) -> str:
    return Path(file).name


def _data(picture: Picture) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(picture.jpeg).decode()}"
