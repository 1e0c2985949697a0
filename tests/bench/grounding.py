"""Grounding against boxes that people drew: `python -m tests.bench.grounding FOLDER... [--words DIR] [--failures]`.

The values are the truth's own, in the truth's own writing (ISO dates, decimal points): none was made from the words, and they
come without a place and without a confidence, as a vision model would give them. They are looked up in octoglot's own words,
and each box is held against the truth's: a CSV of lines and their text (as in SROIE), or a box a field in fractions of a page.
Then wrong values are planted: another document's, one digit changed, two swapped, a day off, a piece, another currency. None
of them may be found; those that the page happens to print as well are left out.

Recall counts values whose boxes are known, whether OCR could read them or not; precision counts boxes that were given.
"""

import argparse
import json
import pickle
import random
import re
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from PIL import Image
from rapidfuzz import fuzz
from rich.console import Console

from pipeline import run
from pipeline.ground import ground
from pipeline.normalize import normalize
from pipeline.records import Box, Grounding, Leaf, PageWords, Source, Survey, Value, around
from pipeline.settings import Settings
from pipeline.values.amounts import find_amounts
from pipeline.values.dates import find_dates
from pipeline.values.text import fold_name
from schemas.base import Schema, spec_at
from schemas.fields import FieldSpec, Kind
from schemas.registry import load_schema

FIELDS = ("seller_name", "seller_address", "issue_date", "total")
FOUND = (Grounding.EXACT, Grounding.NORMALIZED, Grounding.FUZZY)


@dataclass(frozen=True)
class Line:
    """A line of print that a person boxed, in fractions of its page."""

    text: str
    box: Box


@dataclass(frozen=True)
class Document:
    """A document with its truth, its words and what is known of boxes.

    Attributes:
        lines: all of its print, where the truth has that.
        boxes: where each field is printed; several boxes a place for a value of several lines, each place alone enough.
    """

    name: str
    language: str
    schema: Schema
    fields: dict[str, str]
    pages: tuple[PageWords, ...]
    lines: tuple[Line, ...]
    boxes: dict[str, list[tuple[int, Box]]]


def main() -> None:
    """Measure each folder and print a table for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path, help="folders that hold a truth.jsonl with boxes")
    parser.add_argument("--words", type=Path, help="where words are kept between runs, a pickle a folder")
    parser.add_argument("--failures", action="store_true", help="list every wrong box, missed value and false find")
    told = parser.parse_args()
    for folder in told.folders:
        measure([*documents(folder.resolve(), told.words)], folder.name, told.failures)


def measure(found: Sequence[Document], title: str, failures: bool) -> None:
    """Print precision and recall of right values and the rate of false finds of planted ones."""
    console = Console(width=120, highlight=False)
    tally: dict[str, Counter[str]] = defaultdict(Counter)
    planted: dict[str, Counter[str]] = defaultdict(Counter)
    told: list[str] = []
    seconds, count = 0.0, 0
    for document in found:
        started = time.perf_counter()
        values = grounded(document, document.fields)
        seconds, count = seconds + time.perf_counter() - started, count + len(document.fields) * len(document.pages)
        told += judge(document, values, tally)
        told += plant(document, found, planted)
    console.print(f"[bold]{title}[/bold]: {len(found)} documents, {1000 * seconds / max(count, 1):.2f} ms a value")
    for name, counts in tally.items():
        right_, wrong, missed = counts["right"], counts["wrong"], counts["missed"]
        shares = f"precision {right_ / max(right_ + wrong, 1):.3f}  recall {right_ / max(counts.total(), 1):.3f}"
        console.print(f"  {name:28} {shares}  ({right_} right, {wrong} wrong, {missed} missed)", markup=False)
    console.print("  planted wrong values that were found:")
    for sort, counts in planted.items():
        console.print(f"  {sort:40} {counts['found']:4} of {counts.total():4} = {counts['found'] / counts.total():.3f}")
    for line in told if failures else ():
        console.print(line, markup=False, soft_wrap=True)


def judge(document: Document, values: dict[str, Value], tally: dict[str, Counter[str]]) -> Iterator[str]:
    """Count what became of the values whose boxes are known; tell of those that are not right."""
    for name, places in document.boxes.items():
        value, outcome = values.get(name), "missed"
        if value and value.status in FOUND:
            outcome = "right" if right(value, places) else "wrong"
            if name == "total" and (own := total_lines(document, places)):
                tally["total, on its own line"]["right" if right(value, own) else "wrong"] += 1
        for group in ("all", f"in {document.language}", re.sub(r"\[\d+\]", "[]", name)):
            tally[group][outcome] += 1
        if outcome != "right":
            found = f"{value.status} p{value.page} {value.box}" if value else "nowhere"
            yield f"{document.name}: {name} {outcome}: {document.fields[name]!r} {found} {places[0]}"


def plant(document: Document, others: Sequence[Document], planted: dict[str, Counter[str]]) -> Iterator[str]:
    """Count the wrong values that are found; tell of each."""
    for sort, name, wrong in plants(document, others):
        (value,) = grounded(document, {name: wrong}).values()
        for group in (sort, "all"):
            planted[group]["found" if value.status in FOUND else "not found"] += 1
        if value.status in FOUND:
            yield f"{document.name}: planted {name} ({sort}) {wrong!r} for {document.fields[name]!r}: {value.status}"


def documents(folder: Path, kept: Path | None) -> Iterator[Document]:
    """The documents of a folder whose boxes are known."""
    told = [json.loads(line) for line in (folder / "truth.jsonl").read_text(encoding="utf-8").splitlines() if line.strip()]
    told = [line for line in told if line.get("boxes") and line.get("schema")]
    store = kept / f"{str(folder).strip('/').replace('/', '_')}.pkl" if kept else None
    words: dict[str, Any] = pickle.loads(store.read_bytes()) if store and store.exists() else {}
    for line in told:
        file = str(folder / line["file"])
        if file not in words:
            words[file] = read(file)
        pages = tuple(page for page in words[file][1] if isinstance(page, PageWords))
        schema = load_schema(line["schema"])
        fields = dict(leaves(line["fields"], schema))
        if isinstance(line["boxes"], str):
            lines = tuple(boxed_lines(folder / line["boxes"], folder / line["file"]))
            fields = {name: fields[name] for name in FIELDS if name in fields}
            boxes = {name: [(1, b) for b in holding(lines, spec_at(schema, name), value)] for name, value in fields.items()}
        else:
            lines = ()
            boxes = {name: [(p["page"], tuple(p["box"])) for p in line["boxes"].get(name, ())] for name in fields}
        # The truth tells of some prints of the currency only.
        known = {name: places for name, places in boxes.items() if places and name != "currency"}
        yield Document(Path(file).name, line.get("language", "und"), schema, fields, pages, lines, known)
    if store:
        store.parent.mkdir(parents=True, exist_ok=True)
        store.write_bytes(pickle.dumps(words))


def read(file: str) -> tuple[Survey, list[PageWords | None]]:
    """A document's pages as octoglot reads them."""
    source, settings = Source(file, 1, "1"), Settings()
    survey = run.survey(source, settings)
    pages = run.prepare(source, range(1, survey.page_count + 1), "und", settings, False)
    return survey, [page.words for page in pages]


def leaves(fields: dict[str, Any], schema: Schema) -> Iterator[tuple[str, str]]:
    """The values of the truth that the schema knows, cells of tables among them."""
    for name, value in fields.items():
        if name in schema.model_fields and isinstance(value, str):
            yield name, value
        elif name in schema.model_fields:
            for number, row in enumerate(value):
                for column, cell in row.items() if isinstance(row, dict) else ():
                    if isinstance(cell, str):
                        yield f"{name}[{number}].{column}", cell


def boxed_lines(file: Path, image: Path) -> Iterator[Line]:
    """The lines of a CSV: eight numbers (corners in pixels), then the text."""
    with Image.open(image) as opened:
        width, height = opened.size
    for row in file.read_text(encoding="utf-8", errors="replace").splitlines():
        parts = row.split(",", 8)
        if len(parts) == 9 and all(re.fullmatch(r"-?\d+", part.strip()) for part in parts[:8]):
            xs, ys = [int(part) / width for part in parts[0:8:2]], [int(part) / height for part in parts[1:8:2]]
            yield Line(parts[8], (min(xs), min(ys), max(xs), max(ys)))


def holding(lines: Sequence[Line], spec: FieldSpec, value: str) -> list[Box]:
    """The boxes of the lines that hold `value`, by the truth's own text; lines that hold it together make one box."""
    if spec.kind is Kind.DATE:
        return [line.box for line in lines if value in {str(day) for _, _, day in find_dates(line.text, "en")}]
    if spec.kind is Kind.MONEY:
        wanted = Decimal(value)
        return [line.box for line in lines if wanted in {a.value for _, _, a in find_amounts(line.text, "en", bare=True)}]
    wanted_text, found = fold_name(value), []
    for first in range(len(lines)):
        joined = ""
        for last in range(first, min(first + 8, len(lines))):
            joined += fold_name(lines[last].text)
            if wanted_text in joined or fuzz.ratio(wanted_text, joined) >= 92:
                if not any(box == lines[last].box for box in found):
                    found.append(around(line.box for line in lines[first : last + 1]))
                break
            if len(joined) > 1.3 * len(wanted_text):
                break
    # A run that starts too early holds it as well; the shortest one is the place.
    return sorted(found, key=lambda box: box[3] - box[1])[:1] if spec.kind is Kind.ADDRESS else _shortest(found)


def _shortest(found: list[Box]) -> list[Box]:
    """The boxes that hold no other one of them."""
    return [box for box in found if not any(other != box and _share(other, box) > 0.9 for other in found)]


def total_lines(document: Document, places: Sequence[tuple[int, Box]]) -> list[tuple[int, Box]]:
    """Those of the places of a total that stand beside the word for it, by the truth's text."""
    words = ("TOTAL", "AMOUNT DUE", "NETT", "ROUND", "GRAND")
    labels = [
        line.box for line in document.lines if any(w in line.text.upper() for w in words) and "SUB" not in line.text.upper()
    ]
    return [(page, box) for page, box in places if any(label[1] < (box[1] + box[3]) / 2 < label[3] for label in labels)]


def grounded(document: Document, fields: dict[str, str]) -> dict[str, Value]:
    """The values of `fields` as they are found in the document: on the page where they are found best."""
    best: dict[str, Value] = {}
    for page in document.pages:
        # An engine reads page by page: it gives a row on the page where that stands.
        there = {name for name in fields if "[" not in name or any(at == page.page for at, _ in document.boxes.get(name, ()))}
        leaves = [Leaf(name, value) for name, value in fields.items() if name in there]
        for value in ground(normalize(leaves, document.schema, page), document.schema, page):
            if value.path in fields and value.confidence > (best[value.path].confidence if value.path in best else -1.0):
                best[value.path] = value
    return best


def right(value: Value, places: Sequence[tuple[int, Box]]) -> bool:
    """Whether a box is the box of the print: half of it lies in that, and it holds the middle or half of that."""
    box = value.box
    if box is None:
        return False
    for page, place in places:
        grown = (place[0] - 0.005, place[1] - 0.005, place[2] + 0.005, place[3] + 0.005)
        if page == value.page and _share(box, grown) >= 0.5 and (place[3] - place[1]) < 2.5 * (box[3] - box[1]):
            return True
    return False


def _share(one: Box, other: Box) -> float:
    """How much of `one` lies in `other`."""
    width, height = min(one[2], other[2]) - max(one[0], other[0]), min(one[3], other[3]) - max(one[1], other[1])
    return max(width, 0.0) * max(height, 0.0) / max((one[2] - one[0]) * (one[3] - one[1]), 1e-9)


def plants(document: Document, others: Sequence[Document]) -> Iterator[tuple[str, str, str]]:
    """Wrong values for the document's fields that its pages do not print: sort, field, value."""
    chance = random.Random(document.name)
    strangers = chance.sample([other for other in others if other is not document and other.schema is document.schema], k=3)
    for name, value in document.fields.items():
        if "[" in name:
            continue
        spec = spec_at(document.schema, name)
        foreign = [("another document's", other.fields[name]) for other in strangers if name in other.fields]
        for sort, wrong in [*foreign, *_near(spec, value, chance)]:
            if wrong != value and not _prints(document, spec, wrong):
                yield f"{spec.kind.value}: {sort}", name, wrong


def _near(spec: FieldSpec, value: str, chance: random.Random) -> Iterator[tuple[str, str]]:
    places = [index for index, letter in enumerate(value) if letter.isdigit()]
    if spec.kind is Kind.DATE:
        day = date.fromisoformat(value)
        yield "a day off", str(day + timedelta(days=1))
        yield "a year off", str(date(day.year + 1, day.month, min(day.day, 28)))
        if day.day <= 12 and day.day != day.month:
            yield "day and month swapped", str(date(day.year, day.day, day.month))
        return
    if places and spec.kind in (Kind.MONEY, Kind.IDENTIFIER, Kind.ADDRESS):
        for at in chance.sample(places, k=min(3, len(places))):
            yield "one digit changed", value[:at] + str((int(value[at]) + chance.randint(1, 9)) % 10) + value[at + 1 :]
        for one, other in zip(places, places[1:], strict=False):
            if value[one] != value[other] and other == one + 1:
                yield "two digits swapped", value[:one] + value[other] + value[one] + value[other + 1 :]
                break
    if spec.kind is Kind.MONEY:
        yield "a piece: without its first digit", value[1:].lstrip(".,")
        yield "a piece: without its last digit", value[:-1].rstrip(".,")
        yield "one digit more", f"1{value}"
        yield "ten times as much", f"{Decimal(value) * 10:.2f}"
        yield "the other sign", f"-{value}"
        yield "another currency", f"JPY {value}"
    if spec.kind is Kind.IDENTIFIER and len(value) > 4:
        yield "a piece", value[:-2]
    if spec.kind in (Kind.NAME, Kind.TEXT) and len(value.split()) > 2:
        yield "its words in another order", " ".join(reversed(value.split()))


def _prints(document: Document, spec: FieldSpec, wrong: str) -> bool:
    """Whether the document prints the wrong value as well, by the truth's own text where there is one."""
    texts = [line.text for line in document.lines] or [
        " ".join(word.text for word in page.words if word.line == number)
        for page in document.pages
        for number in {word.line for word in page.words}
    ]
    language = document.pages[0].language if document.pages else "und"
    if spec.kind is Kind.DATE:
        return any(wrong == str(day) for text in texts for _, _, day in find_dates(text, language))
    if spec.kind is Kind.MONEY:
        if wrong.startswith("JPY"):
            return any(re.search("JPY|¥", text) for text in texts)
        if not re.fullmatch(r"-?\d+(\.\d+)?", wrong):
            return True  # no amount at all
        amount = Decimal(wrong)
        return any(amount == a.value for text in texts for _, _, a in find_amounts(text, language, bare=True))
    return fold_name(wrong) in fold_name(" ".join(texts))


if __name__ == "__main__":
    main()
