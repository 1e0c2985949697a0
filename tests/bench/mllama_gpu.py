"""Pages a second of Llama 3.2 11B Vision on a GPU, without its weights: `python -m tests.bench.mllama_gpu`.

vLLM makes the weights up, in the 11B's geometry; every page is a random image of four tiles and an answer of fixed length, so
that what is timed is arithmetic and scheduling. Each setting runs in a process of its own: one that does not fit costs only
itself. `--tiny` runs the same code on a CPU with a tiny model, to see that it works; its figures mean nothing.

A setting's pages all come at once, four times as many as fit the batch, and are timed to the last token: the batch fills and
drains once. `to first` is the same with answers of one token: tower, projector and prompt alone. Reading an image into tiles
happens on CPU cores before that, and is told apart (`image ms`, one core).
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import uuid
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from tests.bench.engine_saturation import machine
from tests.bench.gpu import profile_of
from tests.tiny import QUIET

IMAGE_TOKENS = 6404
"""Of four tiles."""

LENGTHS = {"floor": (400, 250), "p50": (1337, 326), "p95": (1775, 528)}
"""Tokens of prompt and answer: those that the floor is for, and those of `python -m tests.bench.lengths` over sample_data/."""

FLOOR_MS = (40, 55)
"""A page on one H200 at the lengths `floor`: 32 TFLOP, the tower behind the decoding or before it; calculated."""


@dataclass(frozen=True)
class Setting:
    """What is varied."""

    lengths: str
    max_num_seqs: int
    images_a_step: int
    """How many images fit the budget of one step; vLLM encodes no more of them between two tokens of the others."""

    tiny: bool = False


@dataclass(frozen=True)
class Row:
    """What came of it; seconds are the machine's."""

    setting: Setting
    pages: int
    pages_s: float
    ms_a_page: float
    to_first_ms: float
    image_ms: float
    kv_blocks: int


def main() -> None:
    """Run the settings one after the other, and print what they took."""
    told = parser().parse_args()
    if told.one:
        print(json.dumps(asdict(measure(Setting(**json.loads(told.one))))))
        return
    if not told.tiny and not gpu():
        print("no GPU is visible: run it on a machine with one, or with --tiny to see that it works", file=sys.stderr)
        raise SystemExit(2)
    settings = [Setting(*each, tiny=told.tiny) for each in product(told.lengths, told.max_num_seqs, told.images_a_step)]
    rows, lost = [], []
    for setting in settings:
        row = alone(setting)
        (rows if isinstance(row, Row) else lost).append(row)
    console = Console(width=128)
    console.print(table(rows))
    for line in lost:
        console.print(line, style="red")
    about = {"machine": machine(), "gpu": gpu(), "floor_ms": FLOOR_MS, "rows": [asdict(row) for row in rows]}
    if told.out:
        told.out.write_text(json.dumps(about, indent=1))
    console.print(f"{about['machine']}; {about['gpu'] or 'CPU'}; floor at {LENGTHS['floor']}: {FLOOR_MS} ms a page on one H200")
    raise SystemExit(0 if rows else 1)


def parser() -> argparse.ArgumentParser:
    """What the bench can be told."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--lengths", nargs="+", choices=LENGTHS, default=[*LENGTHS])
    made.add_argument("--max-num-seqs", type=int, nargs="+", default=[32, 64, 128, 256], help="pages at once")
    made.add_argument("--images-a-step", type=int, nargs="+", default=[1, 2, 4], help="the encoder's budget of one step")
    made.add_argument("--tiny", action="store_true", help="on a CPU, with a tiny model")
    made.add_argument("--out", type=Path, help="a JSON file for the figures")
    made.add_argument("--one", help=argparse.SUPPRESS)
    return made


def gpu() -> str:
    """Its name; empty without one."""
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else ""


def alone(setting: Setting) -> Row | str:
    """The setting in a process of its own; or why it came to nothing."""
    command = [sys.executable, "-m", __spec__.name, "--one", json.dumps(asdict(setting))]
    told = subprocess.run(command, capture_output=True, text=True, env=os.environ | QUIET)
    if told.returncode:
        errors = [line for line in (told.stdout + told.stderr).splitlines() if "Error" in line]
        return f"{setting}: {errors[-1][-300:] if errors else f'ended with {told.returncode}'}"
    row = json.loads(next(line for line in told.stdout.splitlines() if line.startswith('{"setting"')))  # among vLLM's lines
    return Row(**{**row, "setting": Setting(**row["setting"])})


def measure(setting: Setting) -> Row:
    """Read the setting's pages, once to the first token and once to the last."""
    from vllm import LLM

    with tempfile.TemporaryDirectory() as scratch:
        llm = LLM(**engine(setting, Path(scratch)))
    prompt, answer = (8, 4) if setting.tiny else LENGTHS[setting.lengths]
    count = 4 * setting.max_num_seqs
    started = time.perf_counter()
    pages = [page(llm, number, prompt) for number in range(count)]
    image_ms = (time.perf_counter() - started) / count * 1e3
    read(llm, pages[: setting.max_num_seqs], answer)  # to warm up
    first, whole = read(llm, pages, 1), read(llm, pages, answer)
    blocks = llm.llm_engine.vllm_config.cache_config.num_gpu_blocks or 0
    return Row(
        setting, count, round(count / whole, 2), round(whole / count * 1e3, 1), round(first / count * 1e3, 1), image_ms, blocks
    )


def engine(setting: Setting, scratch: Path) -> dict[str, Any]:
    """vLLM's arguments: those of the product's profile, and what the setting varies."""
    if setting.tiny:
        from tests.mllama import tiny_mllama
        from tests.tiny import ENGINE

        folder = tiny_mllama(scratch / "tiny")
        return ENGINE | {"model": str(folder), "max_num_seqs": setting.max_num_seqs, "kv_cache_memory_bytes": 2**28}
    from pipeline.engines.fit import engine_args, fit, visible_gpus
    from pipeline.engines.profiles import profile_for
    from pipeline.engines.vllm import GUIDED

    profile = profile_for(*profile_of("11b", scratch / "11b"))
    budget = max(profile.max_model_len, setting.images_a_step * IMAGE_TOKENS)
    varied = {"max_num_seqs": setting.max_num_seqs, "max_num_batched_tokens": budget, "enforce_eager": False}
    return engine_args(profile, fit(profile, visible_gpus())) | GUIDED | varied


def page(llm: Any, number: int, prompt: int) -> Any:
    """A page of its own, its image cut into tiles as vLLM's front does it."""
    import numpy as np
    from PIL import Image

    random = np.random.default_rng(number)
    config = llm.llm_engine.model_config.hf_config
    side = 2 * config.vision_config.image_size
    image = Image.fromarray(random.integers(0, 256, (side, side, 3), dtype=np.uint8))
    text = random.integers(300, config.text_config.spoken_vocab_size, prompt - 1).tolist()
    asked = {"prompt_token_ids": [*text[:5], config.image_token_index, *text[5:]], "multi_modal_data": {"image": image}}
    (ready,) = llm.llm_engine.renderer.render_cmpl([parsed(llm, asked)], llm.llm_engine.renderer.default_cmpl_tok_params)
    return ready


def parsed(llm: Any, asked: dict[str, Any]) -> Any:
    """The prompt in the form that vLLM's renderer takes."""
    from vllm.renderers.inputs.preprocess import parse_model_prompt

    return parse_model_prompt(llm.llm_engine.model_config, asked)


def read(llm: Any, pages: list[Any], tokens: int) -> float:
    """Seconds from the first page's coming to the last one's last token."""
    from vllm import SamplingParams

    engine, params = llm.llm_engine, SamplingParams(temperature=0, max_tokens=tokens, ignore_eos=True)
    started = time.perf_counter()
    for page in pages:
        engine.add_request(uuid.uuid4().hex, page, params)
    lengths = []
    while engine.has_unfinished_requests():
        lengths += [len(told.outputs[0].token_ids) for told in engine.step() if told.finished]
    seconds = time.perf_counter() - started
    if lengths != [tokens] * len(pages):
        raise SystemExit(f"answers of {sorted(set(lengths))} tokens in place of {len(pages)} of {tokens}")
    return seconds


def table(rows: list[Row]) -> Table:
    """A row a setting."""
    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in (
        "lengths",
        "pages at once",
        "images a step",
        "pages",
        "pages/s",
        "ms a page",
        "to first ms",
        "image ms",
        "KV blocks",
    ):
        shown.add_column(name, justify="right")
    for row in rows:
        varied = (row.setting.lengths, row.setting.max_num_seqs, row.setting.images_a_step)
        figures = (row.pages, row.pages_s, row.ms_a_page, row.to_first_ms, f"{row.image_ms:.1f}", row.kv_blocks)
        shown.add_row(*map(str, varied + figures))
    return shown


if __name__ == "__main__":
    main()
