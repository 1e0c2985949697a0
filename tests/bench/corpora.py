"""Accuracy and speed over folders of documents with a truth.jsonl: `python -m tests.bench.corpora FOLDER... [--out DIR]`.

Each schema that a truth file names is run over the files that it lists, with the real command; then every page of the ledger is
counted, and the results are judged by `octoglot evaluate`. `--markdown FILE` writes the tables that the documentation has.
Pages a second are over the command's whole wall time, start of Ray and Prefect and OCR included.

A folder is known by its name: `BARS` says what must be reached there. Documents in a language outside the eight are left out.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from schemas.fields import LANGUAGES
from schemas.registry import BUILT_IN

OCTOGLOT = Path(sys.executable).with_name("octoglot")

Counts = Mapping[str, Any]
"""Measures of a group, as the JSON of `octoglot evaluate` has them."""

INVOICE = ("total", "currency", "issue_date", "document_number")
BORN_DIGITAL = ("zugferd", "gobl", "invoice2data")
SHOWN = ("total", "currency", "issue_date", "document_number", "seller_name", "net_total", "tax_total")


@dataclass(frozen=True)
class Bar:
    """What must be reached over corpora (pooled where there are several): recall of a field, or another measure by name."""

    corpora: tuple[str, ...]
    name: str
    least: float


BARS = (
    Bar(("sroie",), "total", 0.80),
    Bar(("sroie",), "issue_date", 0.88),
    Bar(("sroie",), "box precision", 0.98),
    Bar(("sroie",), "box recall", 0.80),
    *(Bar(corpora, name, 0.85) for corpora in (BORN_DIGITAL, *((one,) for one in BORN_DIGITAL)) for name in INVOICE),
    Bar(("thai_receipts",), "total", 0.90),
    Bar(("thai_receipts",), "document_number", 0.90),
    Bar(("thai_receipts",), "issue_date", 0.70),
    Bar(("brazil_fiscal",), "document_number", 0.85),
    Bar(("brazil_fiscal",), "issue_date", 0.85),
    *(Bar(("sample_data",), f"clean {language}", 0.95) for language in LANGUAGES),
    Bar(("sample_data",), "false values", 0.03),
)
"""All are least shares, but for false values, which must be fewer."""


@dataclass(frozen=True)
class Judged:
    """A corpus after its run: the report over all of it, that over its clean documents, and what the runs took."""

    name: str
    report: Mapping[str, Any]
    clean: Mapping[str, Any]
    speed: tuple[str, ...]


def main() -> None:
    """Run and judge each folder, print what was found, and hold it against the bars."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path, help="folders that hold a truth.jsonl")
    parser.add_argument("--out", type=Path, help="where results are kept (default: a temporary folder)")
    parser.add_argument("--judge-only", action="store_true", help="judge what --out holds, run nothing")
    parser.add_argument("--failures", action="store_true", help="list every value that is not right")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables for the documentation")
    told = parser.parse_args()
    console = Console(width=120, markup=False, highlight=False)
    judged = []
    with tempfile.TemporaryDirectory() as scratch:
        for folder in told.folders:
            out = ((told.out or Path(scratch)) / folder.resolve().name).resolve()
            judged.append(measure(folder.resolve(), out, Path(scratch), run=not told.judge_only))
            show(judged[-1], console, told.failures)
    console.print(as_table("bars", BARS_HEAD, bars(judged)))
    if told.markdown:
        told.markdown.write_text(markdown(judged), encoding="utf-8")


def measure(folder: Path, out: Path, scratch: Path, run: bool) -> Judged:
    """Run the folder's schemas into `out`, check the ledger, and judge the results."""
    lines = truth_of(folder)
    truth = scratch / f"{folder.name}.jsonl"
    truth.write_text("\n".join(json.dumps(line, ensure_ascii=False) for line in lines), encoding="utf-8")
    files: dict[str, list[str]] = defaultdict(list)
    for line in lines:
        files[line["schema"]].append(line["file"])
    speed = [read(folder.name, schema, paths, out) for schema, paths in files.items()] if run else []
    evaluated = ("evaluate", "--truth", str(truth), "--out", str(out), "--format", "json")
    (report,), (clean,) = (json.loads(octoglot(*evaluated, *more).stdout) for more in ((), ("--clean",)))
    return Judged(folder.name, report, clean, tuple(speed))


def truth_of(folder: Path) -> list[dict[str, Any]]:
    """The truth's lines of the built-in schemas and the eight languages, with absolute paths."""
    lines = []
    for text in (folder / "truth.jsonl").read_text(encoding="utf-8").split("\n"):
        line = json.loads(text) if text.strip() else {}
        if line.get("schema") in BUILT_IN and line.get("language") in LANGUAGES:
            boxes = line.get("boxes")
            places = {"boxes": str(folder / boxes)} if isinstance(boxes, str) else {}
            lines.append({**line, "file": str(folder / line["file"]), **places})
    return lines


def read(name: str, schema: str, paths: Sequence[str], out: Path) -> str:
    """Run a schema over files; what that took, and whether the ledger adds up."""
    started = time.monotonic()
    done = octoglot("run", "-", "--schema", schema, "--out", str(out), stdin="\n".join(paths))
    seconds = time.monotonic() - started
    if done.returncode not in (0, 3):
        sys.exit(f"octoglot run failed over {name} with exit code {done.returncode}: {done.stderr}")
    (counted,) = ask(out, f"SELECT count(*) AS pages, count(DISTINCT source) AS documents FROM pages WHERE schema = '{schema}'")
    (found,) = ask(out, f"SELECT sum(coalesce(page_count, 1)) AS pages FROM documents WHERE schema = '{schema}'")
    sound = (counted["pages"], counted["documents"]) == (found["pages"], len(set(paths)))
    pages, ledger = counted["pages"], "adds up" if sound else "DOES NOT ADD UP"
    return f"{schema}: {len(paths)} documents, {pages} pages in {seconds:.0f} s = {pages / seconds:.2f}/s; the ledger {ledger}"


def bars(judged: Sequence[Judged]) -> list[list[str]]:
    """The bars of the corpora that were judged: what was to be reached and what was."""
    rows = []
    known = {corpus.name: corpus for corpus in judged}
    for bar in BARS:
        if set(bar.corpora) <= known.keys():
            right, whole = reached([known[name] for name in bar.corpora], bar.name)
            share = right / whole if whole else 0.0
            fewer = bar.name == "false values"
            met = bool(whole) and (share < bar.least if fewer else share >= bar.least)
            goal = f"{'<' if fewer else '≥'} {bar.least:.2f}"
            rows.append(
                [" + ".join(bar.corpora), bar.name, goal, f"{share:.3f}", f"{right} of {whole}", "yes" if met else "NO"]
            )
    return rows


def reached(corpora: Sequence[Judged], name: str) -> tuple[int, int]:
    """How many of how many are as the bar wants them, over the corpora together."""
    kind, _, language = name.partition(" ")
    if kind == "clean":
        return recall(corpus.clean["by_language"].get(language) for corpus in corpora)
    overall = [corpus.report["overall"] for corpus in corpora]
    if name == "false values":
        return sum(m["false_absent"] for m in overall), sum(m["absent"] for m in overall)
    if kind == "box":
        boxes = [measures["grounding"] for measures in overall]
        right, wrong, none = (sum(box[part] for box in boxes) for part in ("right", "wrong", "none"))
        return right, right + wrong + (none if language == "recall" else 0)
    return recall(corpus.report["by_field"].get(name) for corpus in corpora)


def recall(groups: Iterable[Counts | None]) -> tuple[int, int]:
    """Right values and values in the truth, of all groups together."""
    there = [group for group in groups if group]
    right = sum(group["right"] for group in there)
    return right, right + sum(group["wrong"] + group["missed"] for group in there)


def show(corpus: Judged, console: Console, failures: bool) -> None:
    """What a corpus came to, by language and field."""
    for line in corpus.speed:
        console.print(f"{corpus.name}/{line}")
    rows = []
    for part in ("by_language", "by_field"):
        for name, m in corpus.report[part].items():
            counts = [str(m[count]) for count in ("right", "wrong", "missed", "false")]
            rows.append([name, *counts, *(fraction(m[share]) for share in ("recall", "precision", "anls"))])
    head = ["", "right", "wrong", "missed", "false", "recall", "precision", "ANLS"]
    console.print(as_table(f"{corpus.name}: {corpus.report['documents']} documents judged", head, rows))
    for failure in corpus.report["failures"] if failures else ():
        what = f"{Path(failure['file']).name}: {failure['name']} {failure['outcome']}"
        console.print(f"{what}: {failure['expected']!r} / {failure['found']!r}")
    for note in corpus.report["notes"]:
        console.print(f"note: {note}")


BARS_HEAD = ["corpus", "what", "bar", "reached", "", "met"]


def markdown(judged: Sequence[Judged]) -> str:
    """The tables of the documentation: each corpus, each language, the bars; with the command that makes them."""
    names = " ".join(corpus.name for corpus in judged)
    corpora = [
        [
            corpus.name,
            str(corpus.report["documents"]),
            *(fraction((corpus.report["by_field"].get(name) or {}).get("recall")) for name in SHOWN),
            fraction(corpus.report["overall"]["line_items"]["f1"]),
            fraction(corpus.report["overall"]["recall"]),
            fraction(corpus.report["overall"]["precision"]),
        ]
        for corpus in judged
    ]
    languages = []
    for language in LANGUAGES:
        row = [language]
        for corpus in judged:
            right, whole = recall([corpus.report["by_language"].get(language)])
            row.append(f"{right / whole:.3f} ({whole})" if whole else "–")
        languages.append(row)
    parts = [
        f"Made by `python -m tests.bench.corpora {names} --markdown FILE`, engine `ocr`.",
        "Shares of values that are right, exact after normalisation.",
        "",
        *as_markdown(["corpus", "documents", *SHOWN, "line-item F1", "all fields", "precision"], corpora),
        "",
        "By language: all fields (values in the truth).",
        "",
        *as_markdown(["", *(corpus.name for corpus in judged)], languages),
        "",
        "Against what must be reached:",
        "",
        *as_markdown(BARS_HEAD, bars(judged)),
        "",
    ]
    return "\n".join(parts)


def as_markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A table in Markdown."""
    return [f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows)]


def as_table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """A table for the terminal: text left, numbers right."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title=title, title_justify="left")
    for number, name in enumerate(head):
        table.add_column(name, justify="right" if number and name not in ("what", "met") else "left")
    for row in rows:
        table.add_row(*row)
    return table


def fraction(share: float | None) -> str:
    """Three places, or a dash."""
    return "–" if share is None else f"{share:.3f}"


def ask(out: Path, question: str) -> list[dict[str, int]]:
    """The rows that `octoglot sql` answers."""
    rows: list[dict[str, int]] = json.loads(octoglot("sql", question, "--out", str(out), "--format", "json").stdout)
    return rows


def octoglot(*words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """The real command, its output caught; one that finds bad input ends the bench."""
    done = subprocess.run([OCTOGLOT, *words], input=stdin, capture_output=True, text=True, check=False)
    if done.returncode in (1, 2):
        sys.exit(f"octoglot {words[0]}: {done.stderr}")
    return done


if __name__ == "__main__":
    main()
