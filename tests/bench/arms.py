"""The two arms of the saturation bench: the whole pipeline, and a bare `LLM.chat` over pages that are prepared before."""

import os
import shutil
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from itertools import count
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Protocol

import psutil

from pipeline import run, store
from pipeline.records import Shard
from schemas.registry import load_schema
from tests.bench.work import SCHEMA, Answer, Answers, Page, Turn, Work, grammar, name_of, pages_of, source_of

REPO = Path(__file__).parents[2]

MODEL = "VLLM::Worker"
"""What vLLM calls the process that holds the model."""

OFFLINE = {"HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1"}


class Arm(Protocol):
    """A way to read documents; made with the work, with nothing left to load after its first reading."""

    def read(self, paths: Sequence[str]) -> Turn:
        """Read the documents, and say how long that took."""

    def close(self) -> None:
        """Give back what it holds."""


class Pipeline:
    """A Worker, its preparers and the store, over a local Ray; one shard a reading."""

    def __init__(self, work: Work) -> None:
        from flows.quiet import set_up

        set_up(Path(work.scratch) / "state", "")
        from flows.cluster import Cluster, ray_running, slots_of
        from flows.workers import Job

        self._settings = work.settings
        self._root = str(Path(work.scratch) / "store")
        self._numbers = count()
        self._ending = ExitStack()
        preparers = self._ending.enter_context(ray_running("", work.preparers))
        store.open_store(self._root)
        job = Job("bench", self._root, SCHEMA, self._settings, preparers)
        self._cluster = Cluster(job, 1, slots_of(self._settings)[1])

    def read(self, paths: Sequence[str]) -> Turn:
        """A shard from its first file to its publication; nothing is left of earlier readings."""
        shutil.rmtree(Path(self._root) / "cache", ignore_errors=True)
        shard = Shard(next(self._numbers), tuple(source_of(path) for path in paths))
        spent, started = model_cpu_s(), time.perf_counter()
        counts = self._cluster.read_shard(shard, {})
        seconds, spent = time.perf_counter() - started, model_cpu_s() - spent
        if not counts.pages.keys() <= {"ok", "repaired"}:
            raise SystemExit(f"not every page was read: {counts.pages}; raise --answer-tokens")
        return Turn(seconds, {name: answer for path in paths for name, answer in self._answers(path).items()}, spent)

    def close(self) -> None:
        """Close the engine, and Ray after it."""
        self._cluster.close()
        self._ending.close()

    def _answers(self, path: str) -> Answers:
        """What the store keeps of a document's answers."""
        found = run.survey(source_of(path), self._settings)
        key = run.keys(load_schema(SCHEMA), self._settings).answer
        spans = run.page_ranges(found.page_count, self._settings.range_pages)
        kept = [a for span in spans for a in store.read_answers(self._root, found.content_id, key, span[0], span[-1])]
        return {name_of(path, a.page): Answer(a.tokens_in, a.tokens_out, a.raw, a.asks) for a in kept}


class Bare:
    """vLLM's own `LLM`, with the arguments of the pipeline's engine; a whole list of pages a reading."""

    def __init__(self, work: Work) -> None:
        from vllm import LLM

        from pipeline.engines.vllm import sampling

        self._work = work
        self._params = sampling(grammar())
        self._params.max_tokens = work.answer_tokens
        self._llm = LLM(**engine_arguments(work))
        self._pages: dict[Sequence[str], Any] = {}

    def read(self, paths: Sequence[str]) -> Turn:
        """One call over pages that are prepared before the clock starts."""
        pages = self._pages[paths] = self._pages.get(paths) or list(pages_of(paths, self._work.settings))
        chats: list[Any] = [chat(page) for page in pages]
        spent, started = model_cpu_s(), time.perf_counter()
        outputs = self._llm.chat(chats, self._params, use_tqdm=False)
        seconds, spent = time.perf_counter() - started, model_cpu_s() - spent
        answers = {
            page.name: Answer(len(output.prompt_token_ids or ()), len(output.outputs[0].token_ids), output.outputs[0].text)
            for page, output in zip(pages, outputs, strict=True)
        }
        return Turn(seconds, answers, spent)

    def close(self) -> None:
        """End the engine's core."""
        self._llm.llm_engine.engine_core.shutdown()


def chat(page: Page) -> list[dict[str, Any]]:
    """The page as vLLM is asked for it in process, as the pipeline's engine does."""
    content = [{"type": "image_pil", "image_pil": page.image}, {"type": "text", "text": page.prompt}]
    return [{"role": "user", "content": content}]


def engine_arguments(work: Work) -> dict[str, Any]:
    """vLLM's arguments as the pipeline's engine gives them."""
    from pipeline.engines.fit import engine_args, fit, visible_gpus
    from pipeline.engines.profiles import profile_for
    from pipeline.engines.vllm import GUIDED

    profile = profile_for(work.model, work.profiles)
    return {**engine_args(profile, fit(profile, visible_gpus())), **GUIDED}


def model_cpu_s() -> float:
    """CPU seconds so far of the processes under this one that hold the model."""
    seconds = 0.0
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            if any(MODEL in told for told in (process.name(), *process.cmdline())):
                times = process.cpu_times()
                seconds += times.user + times.system
    return seconds


def serve(kind: type[Arm], work: Work, log: str, line: Connection) -> None:
    """In a process of its own: make an arm, warm it up, and read the timed documents as often as `line` says so."""
    with Path(log).open("wb") as file:
        for stream in (1, 2):
            os.dup2(file.fileno(), stream)
    bind(work.core)
    arm = kind(work)
    try:
        arm.read(work.warm_up)
        line.send(None)
        while line.recv():
            line.send(arm.read(work.timed))
    finally:
        arm.close()


def bind(core: int | None) -> None:
    """Set up this process and those that it will start: offline, and with `core` for the model alone."""
    os.environ.update(OFFLINE)
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(REPO), os.environ.get("PYTHONPATH")]))
    if core is not None:
        os.environ["VLLM_CPU_OMP_THREADS_BIND"] = str(core)
        others = os.sched_getaffinity(0) - {core}
        os.sched_setaffinity(0, others)
