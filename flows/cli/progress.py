"""The live view of a run on stderr: a bar on a terminal, a line now and then elsewhere."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import PurePath
from typing import TYPE_CHECKING

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from flows.cli.common import stderr

if TYPE_CHECKING:
    from flows.cluster import Cluster

EVERY_S = 10.0
"""Seconds between two lines where stderr is no terminal."""


@contextmanager
def show_progress(cluster: "Future[Cluster]", documents: int) -> Iterator[None]:
    """Show how far the run is, for as long as the block runs."""
    ended = threading.Event()
    view = _bar if stderr.is_terminal else _lines
    thread = threading.Thread(target=view, args=(cluster, documents, ended), daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(timeout=5)


def _bar(cluster: "Future[Cluster]", documents: int, ended: threading.Event) -> None:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("documents · {task.fields[pages]} pages · {task.fields[told]}"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[latest]}"),
    )
    with Progress(*columns, console=stderr, transient=True) as progress:
        bar = progress.add_task("starting", total=documents, pages=0, told="…", latest="")
        for done, pages, told, latest in _polled(cluster, ended, 0.3):
            progress.update(bar, description="reading", completed=done, pages=pages, told=told, latest=latest)


def _lines(cluster: "Future[Cluster]", documents: int, ended: threading.Event) -> None:
    shown = 0.0
    for done, pages, told, _ in _polled(cluster, ended, 0.3):
        first = pages and not shown
        if first or time.monotonic() - shown > EVERY_S:
            shown = time.monotonic()
            stderr.print(f"{done:,} of {documents:,} documents · {pages:,} pages · {told}")


def _polled(cluster: "Future[Cluster]", ended: threading.Event, every: float) -> Iterator[tuple[int, int, str, str]]:
    """Documents done, pages read, statuses in words and the latest file, as often as `every` seconds."""
    while not ended.wait(every):
        if not cluster.done():
            continue
        try:
            now = cluster.result().progress()
        except Exception:  # the view may fail while the run ends: the run itself tells what happened
            return
        told = ", ".join(f"{number} {status}" for status, number in sorted(now.counts.pages.items()))
        yield sum(now.counts.documents.values()), now.pages, told or "…", PurePath(now.latest).name
