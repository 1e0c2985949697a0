"""The live view of a run on stderr: a bar on a terminal, a line now and then elsewhere."""

import time
from collections.abc import Iterator
from concurrent.futures import Future, wait
from pathlib import PurePath
from typing import TYPE_CHECKING

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from flows.cli.common import numbered, stderr

if TYPE_CHECKING:
    from flows.cluster import Cluster
    from flows.workers import Counts

MOST_NAME = 24
"""Letters of a file's name that are shown, so that a line has room for the rest."""

POLL_S = 0.3
EVERY_S = 10.0
"""Seconds between two lines where stderr is no terminal."""


def show_progress(cluster: "Future[Cluster]", flow: "Future[Counts]", documents: int) -> None:
    """Show how far the run is, until the flow ends."""
    view = _bar if stderr.is_terminal else _lines
    view(cluster, flow, documents)


def _bar(cluster: "Future[Cluster]", flow: "Future[Counts]", documents: int) -> None:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=16),
        MofNCompleteColumn(),
        TextColumn(("document" if documents == 1 else "documents") + " · {task.fields[told]}", markup=False),
        TimeElapsedColumn(),
        TimeRemainingColumn(compact=True),
        TextColumn("left"),
        TextColumn("{task.fields[latest]}", style="dim", markup=False),
    )
    with Progress(*columns, console=stderr, transient=True) as progress:
        bar = progress.add_task("starting", total=documents, told="…", latest="")
        for done, pages, told, latest in _polled(cluster, flow):
            if done or pages:
                progress.update(bar, description="reading", completed=done, told=told, latest=latest)


def _lines(cluster: "Future[Cluster]", flow: "Future[Counts]", documents: int) -> None:
    shown = 0.0
    for done, pages, told, _ in _polled(cluster, flow):
        if (done or pages) and time.monotonic() - shown > EVERY_S:
            shown = time.monotonic()
            stderr.print(f"{done:,} of {numbered(documents, 'document')} · {told}")


def _polled(cluster: "Future[Cluster]", flow: "Future[Counts]") -> Iterator[tuple[int, int, str, str]]:
    """Documents done, pages read, those pages in words and the latest file, every POLL_S; notices are printed as they come."""
    told_of = 0
    while wait([flow], POLL_S).not_done:
        if not cluster.done():
            continue
        try:
            now = cluster.result().progress()
        except Exception:  # the view may fail while the run ends: the run itself tells what happened
            continue
        for line in now.notices[told_of:]:
            stderr.print(line)
        told_of = len(now.notices)
        # What is quarantined may never have been read as a page: a file that cannot be opened has a line in the ledger too.
        kinds = [f"{number:,} {status}" for status, number in sorted(now.counts.pages.items()) if status != "ok"]
        told = ", ".join([f"{numbered(now.pages, 'page')} read", *kinds])
        name = PurePath(now.latest).name
        yield sum(now.counts.documents.values()), now.pages, told, name if len(name) <= MOST_NAME else f"{name[:MOST_NAME]}…"
