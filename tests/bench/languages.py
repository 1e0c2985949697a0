"""How often a page's language is told right: `python -m tests.bench.languages FOLDER... [--markdown] [--workers N]`.

Each folder holds a truth.jsonl whose lines name a `file` and its `language`. Its pages are read as the pipeline reads them,
by text layer or OCR, and what the words stage says is compared. A page counts where its true text (`text`, else the `boxes`,
else the words that were read) has a hundred letters or more. `und` for a page in one of the eight languages is wrong; for a
document in a ninth it is right. Prints accuracy by language, a table of confusions, and the pages that are wrong. The truth
names one language a document; a page of it that is in another counts as wrong here.
"""

import argparse
import csv
import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from pipeline import run
from pipeline.errors import DocumentError
from pipeline.language import document_language
from pipeline.records import Source
from pipeline.settings import Settings
from schemas.fields import LANGUAGES

LEAST_LETTERS = 100
SETTINGS = Settings()


@dataclass(frozen=True)
class Told:
    """What was said of a page, or of a whole document (page 0): the true language and the one that was told."""

    file: str
    page: int
    truth: str
    told: str


def main() -> None:
    """Read the folders' documents, and print what was told of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path, help="folders that hold a truth.jsonl")
    parser.add_argument("--markdown", action="store_true", help="print the tables for a document")
    parser.add_argument("--workers", type=int, default=2, help="processes that read documents")
    given = parser.parse_args()
    console = Console(width=120)
    pages: list[Told] = []
    documents: list[Told] = []
    for folder in given.folders:
        rows = [json.loads(line) for line in (folder / "truth.jsonl").read_text(encoding="utf-8").splitlines() if line.strip()]
        with ProcessPoolExecutor(given.workers) as pool:
            found = [told for some in pool.map(partial(read, folder.resolve()), rows) for told in some]
        own = [told for told in found if told.page]
        console.print(f"{folder.name}: {sum(map(right, own))} of {len(own)} pages")
        pages += own
        documents += [told for told in found if not told.page]
    style = box.MARKDOWN if given.markdown else box.SIMPLE_HEAD
    console.print(confusions("pages", pages, style))
    console.print(confusions("documents", documents, style))
    for told in pages:
        if not right(told):
            console.print(f"{told.file}, page {told.page}: {told.told}, not {told.truth}", soft_wrap=True)


def right(told: Told) -> bool:
    """Whether the true language was told; of a ninth one `und` is."""
    return told.told == (told.truth if told.truth in LANGUAGES else "und")


def read(folder: Path, row: dict[str, Any]) -> list[Told]:
    """What is told of a document's pages that have enough letters, and of the document."""
    if row.get("language") is None:
        return []
    path = folder / row["file"]
    source = Source(str(path), path.stat().st_size, "")
    try:
        count = run.survey(source, SETTINGS).page_count
    except DocumentError:
        return []
    true = letters(true_text(folder, row))
    found, spoken = [], []
    for prepared in run.prepare(source, range(1, count + 1), "und", SETTINGS, need_images=False):
        if prepared.words is None:
            continue
        read_letters = letters(" ".join(word.text for word in prepared.words.words))
        spoken.append((prepared.words.language, read_letters))
        if (true or read_letters) >= LEAST_LETTERS:
            found.append(Told(row["file"], prepared.page, row["language"], prepared.words.language))
    if found:
        found.append(Told(row["file"], 0, row["language"], document_language(spoken)))
    return found


def true_text(folder: Path, row: dict[str, Any]) -> str:
    """What is printed on the document's one page, where the truth has it."""
    if row.get("text"):
        return str(row["text"])
    boxes = row.get("boxes")
    if isinstance(boxes, str) and (folder / boxes).exists():
        with (folder / boxes).open(encoding="utf-8", errors="replace", newline="") as lines:
            return " ".join(",".join(line[8:]) for line in csv.reader(lines))
    return ""


def letters(text: str) -> int:
    """How many letters there are."""
    return sum(c.isalpha() for c in text)


def confusions(what: str, told: list[Told], style: box.Box) -> Table:
    """How often each language was told as which."""
    cells: dict[str, Counter[str]] = defaultdict(Counter)
    for one in told:
        cells[one.truth][one.told] += 1
    columns = [*LANGUAGES, "und"]
    table = Table(box=style, title=f"{what}: {sum(map(right, told))} of {len(told)} right = {share(told)}", pad_edge=False)
    for name in ("truth \\ told", *columns, "accuracy"):
        table.add_column(name, justify="left" if "truth" in name else "right")
    for truth in ordered(cells):
        own = [one for one in told if one.truth == truth]
        table.add_row(truth, *(str(cells[truth][column] or "·") for column in columns), share(own))
    return table


def ordered(cells: dict[str, Counter[str]]) -> Iterator[str]:
    """The eight languages first, in the project's order."""
    yield from (language for language in LANGUAGES if language in cells)
    yield from sorted(cells.keys() - set(LANGUAGES))


def share(told: list[Told]) -> str:
    """The share that is right."""
    return f"{sum(map(right, told)) / len(told):.3f}" if told else "–"


if __name__ == "__main__":
    main()
