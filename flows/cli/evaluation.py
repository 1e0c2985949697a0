"""How `octoglot evaluate` shows a report: a summary, a table for each sort of group, and what changed."""

from collections.abc import Callable, Sequence
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from flows.cli.common import numbered, stderr
from pipeline.evaluate import Comparison, Measures, Report, as_percent, as_share

WIDTH = 100

USUAL = ("schema", "language", "field", "doc_type", "engine")
MOST = 30
"""Fields that are told without being asked for: of several schemas there are too many to be looked at."""


def summary(report: Report) -> None:
    """What it all comes to, in half a dozen lines."""
    all_, sent = report.overall, report.review["needs_review"]
    table = Table(box=None, show_header=False, pad_edge=False, title_justify="left", title_style="bold")
    for style in ("bold", "", "dim"):
        table.add_column(style=style)
    shares = f"precision {as_share(all_.precision)}  recall {as_share(all_.recall)}  F1 {as_share(all_.f1)}"
    table.add_row("values", shares, f"{all_.right:,} of {all_.expected:,} are right")
    others = f"{all_.wrong:,} wrong, {all_.missed:,} missed, {all_.false:,} false"
    table.add_row("", f"exact match {as_share(all_.exact_match)}  ANLS {as_share(all_.anls)}", others)
    if all_.rows.expected:
        rows = f"{all_.rows.right:,} of {all_.rows.expected:,} rows are right, {all_.rows.found:,} found"
        table.add_row("line items", f"F1 {as_share(all_.item_f1)} of cells, {as_share(all_.row_f1)} of whole rows", rows)
    if all_.absent:
        table.add_row(
            "absent fields", f"{as_percent(all_.false_rate)} have a value", f"{all_.false_absent:,} of {all_.absent:,}"
        )
    if placed := all_.placed_right + all_.placed_wrong + all_.placed_none:
        told = f"precision {as_share(all_.box_precision)}  recall {as_share(all_.box_recall)}"
        table.add_row("boxes", told, f"{placed:,} right values whose place is known")
    if all_.ece is not None:
        table.add_row("confidence", f"off by {as_share(all_.ece)} (expected calibration error)", "")
    if report.review["documents"]:
        caught = f", {as_percent(sent['caught_share'])} of the faulty ones" if report.review["faulty"] else "; none is faulty"
        counts = f"{sent['sent']:,} of {report.review['documents']:,}; {sent['caught']:,} of {report.review['faulty']:,} faulty"
        table.add_row("review", f"{as_percent(sent['sent_share'])} of documents{caught}", counts)
    console = Console(width=WIDTH, markup=False, highlight=False)
    console.print(f"{numbered(report.documents, 'document')} judged", style="bold")
    console.print(table)


def groups(report: Report, asked: Sequence[str] | None) -> None:
    """A table for each sort of group that was asked for, else for each that there is more than one of."""
    usual = [part for part in USUAL if len(report.groups[part]) > 1]
    if not asked and len(report.groups["field"]) > MOST:
        usual.remove("field")
        stderr.print(f"there are {len(report.groups['field'])} fields: --by field lists them")
    for part in asked or usual:
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        table.add_column(part.replace("_", " "), overflow="fold")
        for name in ("right", "wrong", "missed", "false", "precision", "recall", "exact", "ANLS", "items F1"):
            if name != "items F1" or part != "field":
                table.add_column(name, justify="right", no_wrap=True)
        for name, measures in report.groups[part].items():
            table.add_row(name, *_numbers(measures), *([] if part == "field" else [as_share(measures.item_f1)]))
        Console(width=WIDTH, markup=False).print(table)
        if asked:
            Console(width=WIDTH, markup=False).print(_more(report, part))


def _more(report: Report, part: str) -> Table:
    """What else there is to know of a sort of group; a column for each measure that any of them has."""
    told: dict[str, Callable[[Measures], str]] = {
        "documents": lambda m: f"{m.documents:,}",
        "F1": lambda m: as_share(m.f1),
        "row F1": lambda m: as_share(m.row_f1),
        "absent": lambda m: f"{m.absent:,}" if m.absent else "–",
        "false rate": lambda m: as_share(m.false_rate),
        "box prec.": lambda m: as_share(m.box_precision),
        "box recall": lambda m: as_share(m.box_recall),
        "ECE": lambda m: as_share(m.ece),
    }
    rows = {name: {column: tell(m) for column, tell in told.items()} for name, m in report.groups[part].items()}
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column(part.replace("_", " "), overflow="fold")
    columns = [column for column in told if any(row[column] != "–" for row in rows.values())]
    for column in columns:
        table.add_column(column, justify="right", no_wrap=True)
    for name, row in rows.items():
        table.add_row(name, *(row[column] for column in columns))
    return table


def failures(report: Report) -> None:
    """Every value that is not right."""
    table = Table("file", "field", "", "expected", "found", box=box.SIMPLE_HEAD, pad_edge=False)
    for document, judged in report.failures:
        table.add_row(Path(document.truth.file).name, judged.name, judged.outcome.value, judged.expected, judged.found)
    Console(width=160, markup=False).print(table)


def comparison(told: Comparison) -> None:
    """What changed against the baseline, regressions first."""
    console = Console(width=WIDTH, markup=False)
    if not told.changes:
        console.print("nothing changed against the baseline")
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title="against the baseline", title_justify="left")
    table.add_column("group", overflow="fold")
    for name in ("measure", "then", "now", "change", ""):
        table.add_column(name, justify="left" if name in ("measure", "") else "right", no_wrap=True)
    for change in told.changes:
        verdict = "regression" if change.regression else "worse, within bounds" if change.worse else "better"
        name = f"{change.part.replace('_', ' ')} {change.group}".strip()
        numbers = (f"{change.then:.3f}", f"{change.now:.3f}", f"{change.now - change.then:+.3f}")
        table.add_row(name, change.measure, *numbers, verdict, style="bold" if change.regression else None)
    console.print(table)


def regressed(told: Comparison, baseline: Path | None) -> str:
    """The regressions in one line."""
    worst = [
        f"{change.group or change.part}: {change.measure} {change.then:.3f} → {change.now:.3f}"
        for change in told.regressions[:3]
    ]
    more = ", …" if len(told.regressions) > 3 else ""
    return f"{numbered(len(told.regressions), 'regression')} against {baseline}: {', '.join(worst)}{more}"


def _numbers(measures: Measures) -> list[str]:
    counts = [f"{number:,}" for number in (measures.right, measures.wrong, measures.missed, measures.false)]
    return counts + [as_share(x) for x in (measures.precision, measures.recall, measures.exact_match, measures.anls)]
