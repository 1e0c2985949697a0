"""What the care taken in OCR costs and brings: `python -m tests.bench.ocr FOLDER... [--pages N]`.

Each folder holds a truth.jsonl. The first page of every scan in it is read twice in this process: as the pipeline does, and
with one reading alone (dark grounds left as they are, no line read again, no sign told by its ink). For both the share of the
truth's values that stand in the words, and the CPU time, as a ratio: on a busy machine seconds say little.
"""

import argparse
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

from pipeline import words
from pipeline.errors import DocumentError
from pipeline.language import identify
from pipeline.pages import Pixels
from pipeline.render import is_blank, open_document
from pipeline.settings import Settings
from pipeline.tesseract import Token

FIELDS = ("total", "issue_date", "document_number", "seller_name", "tax_total", "net_total")
SETTINGS = Settings(words="ocr")


@dataclass
class Arm:
    """One way to read: CPU seconds, and by field how many values were in the words, of how many."""

    seconds: float = 0.0
    found: dict[str, int] = field(default_factory=dict)
    asked: dict[str, int] = field(default_factory=dict)

    def count(self, text: str, truth: Mapping[str, Any]) -> None:
        """Count what of a document's truth stands in the text of its first page."""
        verbatim = truth.get("verbatim") or {}
        for name in FIELDS:
            value = verbatim.get(name) or (truth["fields"].get(name) if name != "issue_date" else None)
            if value:
                self.asked[name] = self.asked.get(name, 0) + 1
                self.found[name] = self.found.get(name, 0) + (bare(str(value)) in bare(text))


def main() -> None:
    """Read the folders in both ways, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path, help="folders that hold a truth.jsonl")
    parser.add_argument("--pages", type=int, default=1000, help="so many documents of a folder, at most")
    told = parser.parse_args()
    for folder in told.folders:
        once, full = compare(folder, truths(folder)[: told.pages])
        ratio = full.seconds / max(once.seconds, 1e-9)
        print(f"{folder.name}: {once.seconds:.1f} s of CPU for one reading, {ratio:.2f} times that with all care")
        for name, asked in full.asked.items():
            shares = [arm.found.get(name, 0) / asked for arm in (once, full)]
            print(f"  {name:16} of {asked:4}: one reading {shares[0]:.3f}, with all care {shares[1]:.3f}")


def compare(folder: Path, told: Sequence[Mapping[str, Any]]) -> tuple[Arm, Arm]:
    """The documents read once, and with all care; the arms take turns, so that both see the same machine."""
    once, full = Arm(), Arm()
    for truth in told:
        for arm in (once, full):
            with plain() if arm is once else everything():
                started = time.process_time()
                text = first_page(folder / truth["file"])
                arm.seconds += time.process_time() - started
            arm.count(text, truth)
    return once, full


def first_page(path: Path) -> str:
    """The words of a document's first page, as the pipeline reads them; nothing where it cannot be opened."""
    try:
        with open_document(str(path), SETTINGS) as document:
            view = document.page(1)
            if is_blank(view, SETTINGS):
                return ""
            draft = words.draft(view, "und", SETTINGS)
            page = words.finish(view, 1, draft, identify(draft.words, "und"), SETTINGS)
    except DocumentError:
        return ""
    return " ".join(word.text for word in page.words)


@contextmanager
def plain() -> Iterator[None]:
    """One reading of each page, and nothing else."""

    def ground(image: Pixels, preview: Pixels) -> Pixels:
        return image

    def tokens(image: Pixels, tokens: Sequence[Token], *_: Any, **__: Any) -> list[Token]:
        return list(tokens)

    with patch.multiple(words, light_ground=ground, read_again=tokens, with_baht_signs=tokens):
        yield


@contextmanager
def everything() -> Iterator[None]:
    """All that the pipeline does."""
    yield


def truths(folder: Path) -> list[dict[str, Any]]:
    """The lines of a truth file that tell fields of an image, or of a PDF."""
    lines = (folder / "truth.jsonl").read_text(encoding="utf-8").splitlines()
    return [told for line in lines if line.strip() and (told := json.loads(line)).get("fields")]


def bare(text: str) -> str:
    """Letters and digits alone, for comparing."""
    return "".join(c for c in text.casefold() if c.isalnum())


if __name__ == "__main__":
    main()
