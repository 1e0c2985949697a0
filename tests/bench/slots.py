"""What the pipeline itself costs, and where slots starve: `python -m tests.bench.slots [--slots 1 2 4 8] [--out FILE]`.

The real Cluster, Workers, preparers and store, over a local Ray, with engines that only wait and pages rendered before. Half of
the pages, about, lie in documents of one page, the rest in documents of 16; shards are of 200 documents. What is counted begins
when every slot has published a shard and ends when the first slot finds no more work: neither start nor end is in it, but the
seams between shards are. On a machine of few cores the milliseconds a page mean more than the pages a second.
"""

import argparse
import json
import os
import re
import sys
import tempfile
import threading
import time
from collections import defaultdict
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

import psutil
from rich import box
from rich.console import Console
from rich.table import Table

from flows.quiet import set_up
from pipeline import store
from pipeline.records import Shard, Source
from pipeline.settings import Settings
from tests.bench import waiting

DOCUMENTS, LONG, LONG_PAGES = 200, 12, 16
"""Documents of a shard, how many of them are long, and the pages of a long one."""

PAGES = DOCUMENTS - LONG + LONG * LONG_PAGES

KINDS = ("driver", "Worker", "Preparer", "Scoreboard", "Ray")
"""Of processes: the command's own, ours by the class of their actor, and everything else that Ray runs."""


@dataclass
class Measured:
    """One run over some slots: CPU in milliseconds a page and memory (of their own, MB) by kind of process."""

    slots: int
    preparers: int
    pages: int
    seconds: float
    pages_s: float
    of_ideal: float
    cpu_ms: dict[str, float]
    memory_mb: dict[str, float]
    store: dict[str, float]
    load: tuple[float, float]


@dataclass
class Watch:
    """Looks at the processes under this one, again and again."""

    peaks: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    over: threading.Event = field(default_factory=threading.Event)

    def cpu(self) -> dict[str, float]:
        """CPU seconds so far, by kind."""
        seconds: dict[str, float] = defaultdict(float)
        for process in processes():
            with suppress(psutil.Error):
                times = process.cpu_times()
                seconds[kind(process)] += times.user + times.system
        return seconds

    def memory(self) -> None:
        """Keep the most memory that any process of a kind has; pages of Ray's store, which all share, are left out."""
        while not self.over.wait(1):
            for process in processes():
                with suppress(psutil.Error):
                    had = process.memory_info()
                    name = kind(process)
                    self.peaks[name] = max(self.peaks[name], (had.rss - had.shared) / 1e6)


def main() -> None:
    """Measure each number of slots, print a table and write it down."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slots", type=int, nargs="+", default=[1, 2, 4, 8], help="engines at a time")
    parser.add_argument("--preparers", type=int, default=1, help="preparers a slot")
    parser.add_argument("--pages", type=int, default=4 * PAGES, help=f"pages a slot; shards are of {PAGES}, at least 4 a slot")
    parser.add_argument("--cores", type=int, nargs="+", help="cores that everything is bound to")
    parser.add_argument("--out", type=Path, help="a JSON file for the figures")
    told = parser.parse_args()
    if told.cores:
        psutil.Process().cpu_affinity(told.cores)
    out = told.out and told.out.absolute()
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH")]))
    with tempfile.TemporaryDirectory() as state:
        set_up(Path(state), "")
        done: list[Measured] = []
        for slots in told.slots:
            done.append(measure(slots, told.preparers, max(-(-told.pages // PAGES), 4)))
            Console(width=140).print(table(done))
            if out:
                figures = {"rate": waiting.rate(), "cores": told.cores, "runs": [asdict(run) for run in done]}
                out.write_text(json.dumps(figures, indent=1))
        os.chdir("/")  # the folder is about to go


def measure(slots: int, preparers: int, shards_a_slot: int) -> Measured:
    """Run `shards_a_slot` shards for each of the slots, and count between the first seams and the first seat without work."""
    from flows.cluster import SEATS, Cluster, ray_running
    from flows.workers import Acts, Job

    total = slots * shards_a_slot
    settings = Settings(engine="tests.bench.waiting:WaitingEngine", words="none", slots=slots)
    watch = Watch()
    with (
        tempfile.TemporaryDirectory() as root,
        ray_running("", slots * preparers),
        ThreadPoolExecutor(slots * SEATS + 1) as pool,
    ):
        store.open_store(root)
        job = Job("bench", root, "invoice", settings, preparers, Acts(waiting.survey, waiting.prepare))
        cluster = Cluster(job, workers=slots)
        pool.submit(watch.memory)
        try:
            shards = [pool.submit(cluster.read_shard, shard(number), {}) for number in range(total)]
            until(shards, slots)
            began, cpu, pages = time.monotonic(), watch.cpu(), cluster.progress().pages
            until(shards, total - slots * SEATS + 1)
            ended, spent, read = time.monotonic(), watch.cpu(), cluster.progress().pages - pages
            for done in shards:
                assert sum(done.result().pages.values()) == PAGES
            held = in_store()
        finally:
            cluster.stop.set()
            watch.over.set()
    pages_s = read / (ended - began)
    return Measured(
        slots=slots,
        preparers=preparers,
        pages=read,
        seconds=round(ended - began, 2),
        pages_s=round(pages_s, 2),
        of_ideal=round(pages_s / (slots * waiting.rate()), 3),
        cpu_ms={name: round(1000 * (spent[name] - cpu[name]) / read, 2) for name in KINDS},
        memory_mb={name: round(watch.peaks[name]) for name in KINDS},
        store=held,
        load=os.getloadavg()[:2],
    )


def shard(number: int) -> Shard:
    """A shard of documents that are nowhere: their names say how many pages they have."""
    long = {round((place + 0.5) * DOCUMENTS / LONG) for place in range(LONG)}
    names = [f"/nowhere/{number:03}/{place:03}-{LONG_PAGES if place in long else 1}" for place in range(DOCUMENTS)]
    return Shard(number, tuple(Source(name, 1, "1") for name in names))


def until(shards: list["Future[object]"], number: int) -> None:
    """Wait until so many of the shards are published; raises what made one fail."""
    while sum(done.done() for done in shards) < number:
        for done in wait(shards, timeout=0.05, return_when=FIRST_COMPLETED).done:
            done.result()
        time.sleep(0.05)


def processes() -> list[psutil.Process]:
    """This process and all under it."""
    mine = psutil.Process()
    return [mine, *mine.children(recursive=True)]


def kind(process: psutil.Process) -> str:
    """One of KINDS: Ray writes the class of an actor into its process's title."""
    if process.pid == os.getpid():
        return "driver"
    told = re.match(r"ray::(\w+)", " ".join(process.cmdline()))
    return told[1] if told and told[1] in KINDS else "Ray"


def in_store() -> dict[str, float]:
    """MB and objects that Ray's store has spilled to disk so far; there should be none."""
    import ray
    from ray._private.internal_api import memory_summary

    told = memory_summary(ray.get_runtime_context().gcs_address, stats_only=True)
    spilled = re.search(r"Spilled (\d+) MiB, (\d+) objects", told)
    return dict(zip(("spilled_mb", "spilled_objects"), map(float, spilled.groups() if spilled else (0, 0)), strict=True))


def table(done: list[Measured]) -> Table:
    """The figures, a row for each number of slots."""
    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("slots", "pages/s", "of ideal", "CPU ms/page", *KINDS, "driver MB", "Worker MB", "spilled MB", "load"):
        shown.add_column(name, justify="right")
    for run in done:
        cpu = [f"{ms:.2f}" for ms in (sum(run.cpu_ms.values()), *run.cpu_ms.values())]
        memory = [f"{mb:.0f}" for mb in (run.memory_mb["driver"], run.memory_mb["Worker"], run.store["spilled_mb"])]
        shown.add_row(str(run.slots), f"{run.pages_s:.1f}", f"{run.of_ideal:.1%}", *cpu, *memory, f"{run.load[0]:.1f}")
    return shown


if __name__ == "__main__":
    sys.exit(main())
