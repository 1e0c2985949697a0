"""What of a bare engine's speed the pipeline leaves: `python -m tests.bench.engine_saturation [--gpu] [--out FILE]`.

Two arms read the same pages with the real vLLM, in turns: the pipeline (rendering, words from the text layer, Ray, store), and
`LLM.chat` over pages and prompts that were prepared before. Both are warm and have the same model, engine arguments, prompts
and images; the tokens are compared. The pipeline's clock runs from a shard's first file to its publication, the bare engine's
from the first prompt to the last answer. On a machine that others use too, the ratio of a round means more than pages a second.

Without --gpu a small model of random weights has one core for itself in both arms, everything else has the others. With --gpu
a model of full size and made-up weights (Llama 3.2 11B Vision where vLLM serves it, else Qwen3-VL-8B) has a GPU; as that holds
one engine only, an arm ends before the other begins. The form with --gpu has not been run yet: of it, the model's folder, its
profile and the engine's arguments are tested.
"""

import argparse
import json
import multiprocessing
import os
import platform
import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from rich import box
from rich.console import Console
from rich.table import Table

from tests.bench.arms import Arm, Bare, Pipeline, serve
from tests.bench.gpu import DIMS, profile_of, served
from tests.bench.peers import RayData, RunBatch
from tests.bench.work import Answers, Turn, Work, write_documents
from tests.tiny import tiny_checkpoint

ARMS: dict[str, type[Arm]] = {"bare": Bare, "pipeline": Pipeline}

PEERS: dict[str, type[Arm]] = {"vllm run-batch": RunBatch, "Ray Data LLM": RayData}
"""They load anew for each reading, so they have one turn each, after the others."""

WARM_UP = {"cpu": 16, "gpu": 128}
"""Pages that each arm reads before the clock runs: two full batches."""

PAGES = {"cpu": 48, "gpu": 768}
"""Pages of a turn where nobody says."""

CLOSE_S = 60
"""Seconds that an arm may take to end by itself."""


@dataclass(frozen=True)
class Row:
    """One turn of an arm.

    Attributes:
        again: pages that were asked for twice, as only the pipeline does.
        equal: pages with the same answer in both arms.
        load: of the machine, in the last minute of the turn.
        model_cpu_s: CPU seconds of the model's process; 0: not known.
    """

    arm: str
    round: int
    pages: int
    seconds: float
    tokens_in: int
    tokens_out: int
    again: int
    equal: int
    load: float
    model_cpu_s: float

    @property
    def pages_s(self) -> float:
        return self.pages / self.seconds


class Running:
    """An arm in a process of its own, from warm to closed."""

    def __init__(self, name: str, work: Work) -> None:
        self._name = name
        self._log = Path(work.scratch) / f"{name}.log"
        context = multiprocessing.get_context("spawn")
        self._line, theirs = context.Pipe()
        self._process = context.Process(target=serve, args=((ARMS | PEERS)[name], work, str(self._log), theirs))
        self._process.start()
        theirs.close()

    def __enter__(self) -> Self:
        self._hear()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._process.is_alive():
            self._line.send(False)
            self._process.join(CLOSE_S)
        self._process.terminate()

    def turn(self) -> Turn:
        """Have it read the timed documents."""
        self._line.send(True)
        told: Turn = self._hear()
        return told

    def _hear(self) -> Any:
        try:
            return self._line.recv()
        except EOFError:
            self._process.join()
            tail = self._log.read_text("utf-8", "replace").strip().splitlines()[-12:]
            sys.exit("\n".join([f"the arm {self._name} has ended; the last lines of its log:", *tail]))


def main() -> None:
    """Let the arms read in turns, print a table, and write it down."""
    told = parser().parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        scratch = (told.scratch or Path(temporary)).absolute()
        work = on_gpu(told, scratch) if told.gpu else on_cpu(told, scratch)
        rows, bare = measure(work, told.rounds, together=not told.gpu)
        rows += list(measure_peers(work, bare)) if told.peers else []
    report(
        rows,
        told.out,
        model=work.model if told.gpu else f"Idefics3, {told.width} x {told.layers}",
        answer_tokens=told.answer_tokens,
    )


def parser() -> argparse.ArgumentParser:
    """What the bench can be told."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--pages", type=int, help=f"pages a turn; default: {PAGES['cpu']}, with --gpu {PAGES['gpu']}")
    made.add_argument("--each", type=int, default=8, help="pages of a document")
    made.add_argument("--rounds", type=int, default=5, help="turns of each arm")
    made.add_argument("--answer-tokens", type=int, default=1500, help="tokens of an answer, at most")
    made.add_argument("--core", type=int, help="the model's core; default: the last one that there is")
    made.add_argument("--width", type=int, default=384, help="of the small model, a multiple of 128")
    made.add_argument("--layers", type=int, default=6, help="of the small model")
    made.add_argument("--gpu", action="store_true", help="a model of full size on a GPU")
    made.add_argument("--model-dims", choices=[*DIMS], help="with --gpu: whose size; default: the first that vLLM serves")
    made.add_argument("--peers", action="store_true", help="vllm run-batch and Ray Data LLM as well")
    made.add_argument("--scratch", type=Path, help="an empty folder that is kept, for logs, documents and store")
    made.add_argument("--out", type=Path, help="a JSON file for the figures")
    return made


def on_cpu(told: argparse.Namespace, scratch: Path) -> Work:
    """The work for a small model with a core of its own."""
    model = tiny_checkpoint(scratch / "model", width=told.width, layers=told.layers)
    core = max(os.sched_getaffinity(0)) if told.core is None else told.core
    return _work(told, scratch, WARM_UP["cpu"], told.pages or PAGES["cpu"], model=str(model), core=core, preparers=1)


def on_gpu(told: argparse.Namespace, scratch: Path) -> Work:
    """The work for a model of full size, with as many preparers as there are cores."""
    model, profiles = profile_of(told.model_dims or served(), scratch / "model")
    return _work(told, scratch, WARM_UP["gpu"], told.pages or PAGES["gpu"], model=model, profiles=profiles)


def _work(told: argparse.Namespace, scratch: Path, warm_up: int, timed: int, **about: Any) -> Work:
    return Work(
        answer_tokens=told.answer_tokens,
        scratch=str(scratch),
        warm_up=tuple(write_documents(scratch / "warm-up", warm_up, told.each, seed=1)),
        timed=tuple(write_documents(scratch / "timed", timed, told.each, seed=2)),
        **about,
    )


def measure(work: Work, rounds: int, together: bool) -> tuple[list[Row], Answers]:
    """The arms in turns; who begins changes from round to round. Gives their turns, and the answers of the bare engine.

    Args:
        work: what they read.
        rounds: turns of each.
        together: both stay loaded; else one ends before the other begins.
    """
    rows = []
    with ExitStack() as at_the_end:
        loaded = {name: at_the_end.enter_context(Running(name, work)) for name in ARMS} if together else {}
        for number in range(rounds):
            turns = {}
            for name in list(ARMS) if number % 2 else list(reversed(ARMS)):
                if together:
                    turns[name] = loaded[name].turn()
                else:
                    with Running(name, work) as arm:
                        turns[name] = arm.turn()
            equal = agree(turns["bare"].answers, turns["pipeline"].answers)
            rows += [row(name, number, turn, equal) for name, turn in turns.items()]
            print(*(f"{one.arm}: {one.pages_s:.3f} pages/s" for one in rows[-2:]), sep=", ", file=sys.stderr, flush=True)
    return rows, turns["bare"].answers


def measure_peers(work: Work, bare: Answers) -> Iterator[Row]:
    """A turn of each; one that cannot run here says why on stderr."""
    for name in PEERS:
        try:
            with Running(name, work) as peer:
                turn = peer.turn()
            yield row(name, 0, turn, agree(bare, turn.answers))
        except SystemExit as error:
            print(error, file=sys.stderr)


def agree(bare: Answers, pipeline: Answers) -> int:
    """See that both arms were asked the same; ends the bench where not. Gives the number of pages with equal answers.

    Not all are: in a batch of other pages sums are rounded otherwise, and with random weights the next token may hang on that.
    """
    if bare.keys() != pipeline.keys():
        sys.exit(f"the arms did not read the same pages: {sorted(bare.keys() ^ pipeline.keys())}")
    once = [name for name in bare if pipeline[name].asks == 1]
    if other := [name for name in once if bare[name].tokens_in != pipeline[name].tokens_in]:
        told = f"page {other[0]}: {bare[other[0]].tokens_in} tokens bare, {pipeline[other[0]].tokens_in} in the pipeline"
        sys.exit(f"{len(other)} of {len(bare)} pages had other prompts: {told}")
    return sum(bare[name] == pipeline[name] for name in once)


def row(arm: str, number: int, turn: Turn, equal: int) -> Row:
    """The turn in figures."""
    answers = turn.answers.values()
    return Row(
        arm=arm,
        round=number,
        pages=len(answers),
        seconds=round(turn.seconds, 3),
        tokens_in=sum(answer.tokens_in for answer in answers),
        tokens_out=sum(answer.tokens_out for answer in answers),
        again=sum(answer.asks > 1 for answer in answers),
        equal=equal,
        load=round(os.getloadavg()[0], 2),
        model_cpu_s=round(turn.model_cpu_s, 2),
    )


def report(rows: list[Row], out: Path | None, **about: Any) -> None:
    """Print the rows and what they come to, and write them down."""
    about |= {"machine": machine()} | summary(rows)
    Console(width=140).print(table(rows), json.dumps(about, ensure_ascii=False))
    if out:
        out.write_text(json.dumps(about | {"rows": [asdict(one) for one in rows]}, indent=1, ensure_ascii=False))


def summary(rows: list[Row]) -> dict[str, Any]:
    """The pipeline's share of what the bare engine does: pages and tokens a second, and tokens a CPU second of the model.

    The last one too depends on what else runs, a little less than the others: a model that waits for work spins.
    """
    told: dict[str, Any] = {}
    for what, amount, time in (
        ("pages", "pages", "seconds"),
        ("tokens", "tokens_out", "seconds"),
        ("tokens_of_model", "tokens_out", "model_cpu_s"),
    ):
        rate = {(one.arm, one.round): getattr(one, amount) / getattr(one, time) for one in rows if one.arm in ARMS}
        rounds = [rate["pipeline", number] / rate["bare", number] for number in sorted({one.round for one in rows})]
        told[what] = {"median": round(statistics.median(rounds), 3), "by_round": [round(ratio, 3) for ratio in rounds]}
    return told


def machine() -> str:
    """What the figures were taken on."""
    from pipeline.engines.fit import visible_gpus

    names = [line.partition(":")[2].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line]
    gpus = ", ".join(f"{gpu.name} {gpu.memory_gb:.0f} GB" for gpu in visible_gpus()) or "no GPU"
    return f"{os.cpu_count()} x {names[0] if names else platform.machine()}, {gpus}"


def table(rows: list[Row]) -> Table:
    """A row a turn."""
    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in (
        "round",
        "arm",
        "pages",
        "seconds",
        "pages/s",
        "tokens in",
        "tokens out",
        "tokens out/s",
        "again",
        "equal",
        "load",
    ):
        shown.add_column(name, justify="left" if name == "arm" else "right")
    for one in rows:
        figures = (f"{one.pages_s:.3f}", f"{one.tokens_in:,}", f"{one.tokens_out:,}", f"{one.tokens_out / one.seconds:.0f}")
        first = (str(one.round + 1), one.arm, str(one.pages), f"{one.seconds:.1f}")
        shown.add_row(*first, *figures, str(one.again), str(one.equal), f"{one.model_cpu_s:.1f}", f"{one.load:.1f}")
    return shown


if __name__ == "__main__":
    main()
