"""The Ray side of a run: starts or joins Ray, lends Workers to whoever has a shard, and outlives their deaths."""

import contextlib
import os
import queue
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import ray
from ray.exceptions import RayActorError, RayTaskError

from flows.preparers import actor
from flows.scoreboard import Counts, Scoreboard
from flows.workers import Job, Orders, Worker
from pipeline.errors import OctoglotError, RunError
from pipeline.extract import slot_gpus
from pipeline.records import Shard
from pipeline.settings import Settings

SEATS = 2
"""Shards that a Worker reads at a time: while the last pages of one are in the engine's batch, the next fills it up."""

CLOSE_S = 5.0
"""Seconds that engines may take to close, before they are ended with Ray."""

STORE_MB, IMAGES_MB = 512, 24
"""Memory of a local Ray's store, at least; and for each preparer, what its IMAGES_AHEAD and the one on its way take."""

QUIET: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}


@dataclass(frozen=True)
class Progress:
    """How far a run has come: counts by status, pages read, the latest document, the time of the first page, all notices."""

    counts: Counts
    pages: int
    latest: str
    first_page_at: float
    notices: list[str]


class Stopped(OctoglotError):
    """The user called the run off: exit code 130."""

    exit_code = 130


@contextlib.contextmanager
def ray_running(address: str, workers: int) -> Iterator[int]:
    """Join the cluster at `address`, or run a private local Ray without a dashboard, for as long as the block runs.

    Yields:
        How many preparers it has room for: `workers`, or one a core where that is 0; on a cluster, no more than it has cores.

    Raises:
        RunError: Ray does not come up.
    """
    with contextlib.ExitStack() as ending:
        try:
            if address:
                ray.init(address=address, **QUIET)
            else:
                # Ray's sockets lie in its folder, and a socket's path may have 107 bytes: the default folder may be too long.
                folder = ending.enter_context(
                    tempfile.TemporaryDirectory(prefix="octoglot-", dir="/tmp", ignore_cleanup_errors=True)
                )
                # Page images are taken out of the store as they come: a small one will do. Cores: as Ray counts them.
                size = max(STORE_MB, IMAGES_MB * (workers or os.cpu_count() or 1)) * 1024**2
                local: dict[str, Any] = {"object_store_memory": size, "num_cpus": workers or None, "_temp_dir": folder}
                ray.init(address="local", include_dashboard=False, **local, **QUIET)
        except Exception as error:
            where = f"join Ray at {address}" if address else "start a local Ray"
            raise RunError(f"cannot {where}: {error}", "`octoglot doctor` looks for the cause") from error
        ending.callback(ray.shutdown)
        cores = max(int(ray.cluster_resources().get("CPU", 1)), 1)  # type: ignore[no-untyped-call]
        yield min(workers or cores, cores)


def slots_of(settings: Settings) -> tuple[int, int]:
    """Engines that run at a time on the Ray that is up, and the GPUs of each.

    Raises:
        RunError: there are fewer GPUs than one engine takes.
    """
    nodes = [int(node["Resources"].get("GPU", 0)) for node in ray.nodes() if node["Alive"]]  # type: ignore[no-untyped-call]
    there = sum(nodes)
    # How many an engine takes depends on their memory, which only their own machine knows.
    far = settings.ray_address and there
    gpus = ray.get(ray.remote(num_gpus=1)(_slot_gpus_there).remote(settings)) if far else slot_gpus(settings)
    if not gpus:
        return settings.slots or 1, 0
    fitting = sum(node // gpus for node in nodes)  # an engine's GPUs are those of one machine
    slots = min(settings.slots or fitting, fitting)
    if not slots:
        raise RunError(
            f"an engine takes {gpus} GPUs of one machine, Ray has {' + '.join(map(str, nodes))}",
            "choose another profile with --model, or add GPUs",
        )
    return slots, gpus


def _slot_gpus_there(settings: Settings) -> int:
    """As `slot_gpus`, by all GPUs of the machine that Ray chose, not only the one that it lent."""
    os.environ.pop("CUDA_VISIBLE_DEVICES", None)
    return slot_gpus(settings)


class Slot:
    """The place of one Worker: it is lent to SEATS shards at a time, or to one alone, and a dead Worker is replaced in it."""

    def __init__(self, hire: Callable[[], Any], stop: threading.Event) -> None:
        self._hire = hire
        self._stop = stop
        self._turn = threading.Condition()
        self._lent = 0
        self._alone = False
        self.worker = hire()

    @contextlib.contextmanager
    def lend(self, alone: bool) -> Iterator[Any]:
        """The Worker, with nobody beside where `alone` is set: whoever kills it then is known; raises Stopped."""
        with self._turn:
            self._wait_for(lambda: not self._alone)
            self._alone = alone  # from here on nobody new comes in
            self._wait_for(lambda: not (alone and self._lent))
            self._lent += 1
            worker = self.worker
        try:
            yield worker
        finally:
            with self._turn:
                self._lent -= 1
                self._alone = self._alone and not alone
                self._turn.notify_all()

    def bury(self, worker: Any) -> None:
        """Put another in the place of a Worker that is dead; the first of those it was lent to does it."""
        with self._turn:
            if worker is self.worker:
                self.worker = self._hire()

    def _wait_for(self, free: Callable[[], bool]) -> None:
        while not free():
            if self._stop.is_set():
                raise Stopped("stopped before all shards were read")
            self._turn.wait(0.5)


@dataclass
class Cluster:
    """The Ray side of a run: Workers to lend, each with an engine of `gpus` GPUs, and the scoreboard they write on."""

    job: Job
    workers: int
    gpus: int = 0
    stop: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._board = actor(Scoreboard, cpus=0).remote()
        self._slots = [Slot(self._hire, self.stop) for _ in range(self.workers)]
        self._free: queue.Queue[Slot] = queue.Queue()
        for slot in self._slots * SEATS:
            self._free.put(slot)

    def progress(self) -> Progress:
        """What the scoreboard says now."""
        return Progress(*ray.get(self._board.progress.remote(), timeout=5))

    def close(self) -> None:
        """Have the Workers close their engines."""
        closing = [slot.worker.close.remote() for slot in self._slots]
        ray.wait(closing, num_returns=len(closing), timeout=CLOSE_S)

    def read_shard(self, shard: Shard, attempts: dict[str, int]) -> Counts:
        """Have a Worker read and publish the shard, whatever dies on the way; raises RunError, Stopped."""
        slot = self._lend()
        orders = Orders(attempts={s.document_id: attempts[s.document_id] for s in shard.sources if s.document_id in attempts})
        deaths_alone = 0
        try:
            while True:
                with slot.lend(alone=bool(orders.alone)) as worker:
                    try:
                        return self._wait(worker.run_shard.remote(shard, orders))
                    except RayTaskError as error:
                        raise _told(error, shard) from error
                    except RayActorError as error:
                        slot.bury(worker)
                        suspects = ray.get(self._board.in_flight.remote(shard.index))
                        deaths_alone = 0 if suspects else deaths_alone + 1
                        if deaths_alone == 2:
                            raise RunError(f"a Worker dies before it reads anything: {error}", "octoglot doctor") from error
                        orders = _after_death(orders, suspects)
        finally:
            self._free.put(slot)

    def _hire(self) -> Any:
        worker = actor(Worker, cpus=0, gpus=self.gpus).remote(self.job, self._board)
        worker.ready.remote()
        return worker

    def _lend(self) -> Slot:
        while not self.stop.is_set():
            with contextlib.suppress(queue.Empty):
                return self._free.get(timeout=0.5)
        raise Stopped("stopped before all shards were read")

    def _wait(self, reference: Any) -> Counts:
        while not self.stop.is_set():
            done, _ = ray.wait([reference], timeout=0.5)
            if done:
                counts: Counts = ray.get(reference)
                return counts
        raise Stopped("stopped before all shards were read")


def _told(error: RayTaskError, shard: Shard) -> OctoglotError:
    """What a Worker says of a shard that it could not finish."""
    cause = error.cause
    if isinstance(cause, OctoglotError):
        return cause
    why = cause if isinstance(cause, OSError) else repr(cause)
    return RunError(f"shard {shard.index} failed: {why}", "mend that; the same command carries on")


def _after_death(orders: Orders, suspects: dict[str, Any]) -> Orders:
    """Who was in flight is suspect and goes alone; who was alone when the Worker died again is condemned."""
    guilty = {d: found for d, found in suspects.items() if d in orders.alone}
    condemned = {**orders.condemned, **guilty}
    alone = (orders.alone | set(suspects)) - set(condemned)
    return Orders(orders.attempts, frozenset(alone), condemned)
