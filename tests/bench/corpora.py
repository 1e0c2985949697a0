"""Accuracy and speed over folders of documents with a truth.jsonl: `python -m tests.bench.corpora FOLDER... [--out DIR]`.

Each schema that a truth file names is run over the files that it lists, with the real command; then every page of the ledger is
counted, and the results are judged. Accuracy is exact match after normalisation; pages a second are over the command's whole
wall time, start of Ray and Prefect and OCR included.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

OCTOGLOT = Path(sys.executable).with_name("octoglot")


def main() -> None:
    """Run and judge each folder, and print a table for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path, help="folders that hold a truth.jsonl")
    parser.add_argument("--out", type=Path, help="where results are kept (default: a temporary folder)")
    parser.add_argument("--failures", action="store_true", help="list every value that is not right")
    told = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        for folder in told.folders:
            measure(folder.resolve(), (told.out or Path(scratch)) / folder.resolve().name, told.failures)


def measure(folder: Path, out: Path, failures: bool) -> None:
    """Run the folder's schemas into `out`, check the ledger, print accuracy and speed."""
    truth = folder / "truth.jsonl"
    files: dict[str, list[Path]] = defaultdict(list)
    for line in truth.read_text(encoding="utf-8").splitlines():
        document = json.loads(line)
        if document.get("schema") in ("invoice", "receipt"):
            files[document["schema"]].append(folder / document["file"])
    console = Console(width=120)
    for schema, paths in files.items():
        started = time.monotonic()
        done = octoglot("run", "-", "--schema", schema, "--out", str(out), stdin="\n".join(map(str, paths)))
        seconds = time.monotonic() - started
        if done.returncode not in (0, 3):
            sys.exit(f"octoglot run failed over {folder} with exit code {done.returncode}: {done.stderr}")
        (counted,) = ask(
            out, f"SELECT count(*) AS pages, count(DISTINCT source) AS documents FROM pages WHERE schema = '{schema}'"
        )
        (found,) = ask(out, f"SELECT sum(coalesce(page_count, 1)) AS pages FROM documents WHERE schema = '{schema}'")
        sound = (counted["pages"], counted["documents"]) == (found["pages"], len(paths))
        console.print(
            f"{folder.name}/{schema}: {len(paths)} documents, {counted['pages']} pages in {seconds:.1f} s "
            f"= {counted['pages'] / seconds:.2f} pages/s; the ledger {'adds up' if sound else 'DOES NOT ADD UP'}"
        )
    done = octoglot("evaluate", "--truth", str(truth), "--out", str(out), "--format", "json")
    (report,) = json.loads(done.stdout)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title=f"{folder.name}: {report['documents']} documents judged")
    for name in ("", "right", "wrong", "missed", "false", "accuracy", "precision"):
        table.add_column(name, justify="left" if not name else "right")
    for group in ("by_language", "by_field"):
        for name, tally in report[group].items():
            shares = [f"{tally[share]:.3f}" if tally[share] is not None else "–" for share in ("accuracy", "precision")]
            table.add_row(name, *(str(tally[count]) for count in ("right", "wrong", "missed", "false")), *shares)
        table.add_section()
    console.print(table)
    for failure in report["failures"] if failures else ():
        console.print(
            f"{Path(failure['file']).name}: {failure['name']} {failure['outcome']}: "
            f"{failure['expected']!r} / {failure['found']!r}"
        )


def ask(out: Path, question: str) -> list[dict[str, int]]:
    """The rows that `octoglot sql` answers."""
    rows: list[dict[str, int]] = json.loads(octoglot("sql", question, "--out", str(out), "--format", "json").stdout)
    return rows


def octoglot(*words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """The real command, its output caught."""
    return subprocess.run([OCTOGLOT, *words], input=stdin, capture_output=True, text=True, check=False)


if __name__ == "__main__":
    main()
