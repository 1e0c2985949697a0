"""The plugin's vision tower against Hugging Face's, and what a page costs in arithmetic: `python -m tests.bench.mllama_tower`.

Both towers have the geometry of Llama 3.2 11B Vision's but for the number of blocks, and the same random weights; embeddings of
tiles that an image does not use are zero, as in the hub's checkpoints. They encode the same images in turns, in one process; a
third arm is the plugin's with one computation for each padding tile instead of one for all. They run on a GPU where there is
one, else on the CPU; no engine of vLLM is needed. On a machine that others use too, a round's ratio means more than seconds.

The arithmetic is that of matrix products (two operations for a multiplication and an addition), counted from the configuration.
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from tests.bench.engine_saturation import machine
from tests.bench.gpu import LLAMA_11B
from tests.mllama_layout import VISION
from tests.tiny import QUIET

# torch, transformers and vLLM are imported in the functions, after the environment is set.

ARRANGEMENTS = {1: 1, 2: 5, 3: 7, 4: 6}
"""An id of an arrangement of so many tiles: 1 x 1, 2 and 3 above each other, 2 x 2."""

PADDED = 1608
"""Patches of a tile as Hugging Face computes them: 40 x 40, one for the whole tile, and seven of padding."""

TOLERANCE = {"torch.float32": 1e-4, "torch.bfloat16": 0.1}
"""The largest difference between two arms' results, as a share of the largest value, that rounding explains."""

Encode = Callable[[], Any]
"""Encodes the images once, and gives what becomes of their real tiles: [images, tiles, patches, width]."""


@dataclass(frozen=True)
class Row:
    """Median seconds of an arm for the images, and medians of each round's ratio to the plugin's."""

    tiles: int
    arm: str
    seconds: float
    times_the_plugin: float
    difference: float
    """From Hugging Face's result, at most."""

    largest: float
    """Of Hugging Face's result."""


def main() -> None:
    """Time the arms, and print what they take and what a page costs."""
    told = parser().parse_args()
    os.environ.update(QUIET)
    # The pipeline sets it for Tesseract; with more OpenMP threads than it allows, vLLM's matrix product on a CPU is wrong.
    os.environ.pop("OMP_THREAD_LIMIT", None)
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    dtype = told.dtype or ("bfloat16" if device == "cuda" else "float32")
    with distributed(device), torch.inference_mode(), torch.device(device):
        torch.set_default_dtype(getattr(torch, dtype))
        towers = Towers(vision_config(told.layers, told.global_layers), told.images)
        rows = [row for tiles in told.tiles for row in measure(towers.arms(tiles), tiles, told.rounds)]
    about = {
        "machine": machine(),
        "dtype": dtype,
        "images": told.images,
        "rounds": told.rounds,
        "torch threads": torch.get_num_threads(),
    }
    about |= {"blocks": told.layers, "global blocks": told.global_layers}
    costs = {tiles: page_tflop(tiles, told.prompt, told.answer) for tiles in (1, 2, 3, 4)}
    Console(width=128).print(table(rows), cost_table(costs, told.prompt, told.answer), json.dumps(about))
    if told.out:
        told.out.write_text(json.dumps(about | {"rows": [asdict(row) for row in rows], "tflop_a_page": costs}, indent=1))


def parser() -> argparse.ArgumentParser:
    """What the bench can be told."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--layers", type=int, default=4, help="blocks before the global ones; the 11B has 32")
    made.add_argument("--global-layers", type=int, default=1, help="the 11B has 8")
    made.add_argument("--tiles", type=int, nargs="+", choices=ARRANGEMENTS, default=[*ARRANGEMENTS], help="of an image")
    made.add_argument("--images", type=int, default=1, help="encoded at once")
    made.add_argument("--rounds", type=int, default=5, help="turns of each arm, after one that is not counted")
    made.add_argument("--dtype", choices=("float32", "bfloat16"), help="default: bfloat16 on a GPU, else float32")
    made.add_argument("--prompt", type=int, default=400, help="tokens of a page's prompt, for the arithmetic")
    made.add_argument("--answer", type=int, default=250, help="tokens of its answer, for the arithmetic")
    made.add_argument("--out", type=Path, help="a JSON file for the figures")
    return made


def vision_config(layers: int, global_layers: int) -> Any:
    """The 11B's tower with other numbers of blocks."""
    from transformers.models.mllama.configuration_mllama import MllamaVisionConfig

    chosen = [index for index in VISION["intermediate_layers_indices"] if index < layers] or [layers - 1]
    about = {"num_hidden_layers": layers, "num_global_layers": global_layers, "intermediate_layers_indices": chosen}
    return MllamaVisionConfig(**{**VISION, **about, "vision_output_dim": VISION["hidden_size"] * (1 + len(chosen))})


@contextmanager
def distributed(device: str) -> Iterator[None]:
    """A group of one process, which vLLM's parallel layers ask for."""
    from vllm.config import VllmConfig, set_current_vllm_config
    from vllm.distributed import cleanup_dist_env_and_memory, init_distributed_environment, initialize_model_parallel

    with tempfile.TemporaryDirectory() as folder, set_current_vllm_config(VllmConfig()):
        backend = "nccl" if device == "cuda" else "gloo"
        init_distributed_environment(1, 0, f"file://{folder}/meeting", 0, backend)
        initialize_model_parallel(1)
        try:
            yield
        finally:
            cleanup_dist_env_and_memory()


class Towers:
    """Hugging Face's tower and the plugin's twice, with the same weights; made on the default device, in the default dtype."""

    def __init__(self, config: Any, images: int) -> None:
        """Args: config: of the tower; images: that are encoded at once."""
        from transformers.models.mllama.modeling_mllama import MllamaVisionModel

        self._config, self._images = config, images
        self._reference = MllamaVisionModel(config).eval()
        fill(self._reference)
        self._plugin, self._unshared = (plugin_tower(self._reference, shared) for shared in (True, False))

    def arms(self, tiles: int) -> dict[str, Encode]:
        """What encodes random images of so many tiles, by the name of the arm."""
        import torch

        images, most, px = self._images, self._config.max_num_tiles, self._config.image_size
        pixels = torch.randn(images, tiles, 3, px, px, generator=torch.Generator().manual_seed(tiles), device="cpu").to(
            self._reference.device, self._reference.dtype
        )
        padded = torch.nn.functional.pad(pixels, (0, 0) * 3 + (0, most - tiles))[:, None]
        ids = torch.full((images, 1), ARRANGEMENTS[tiles])
        mask = (torch.arange(most) < tiles).expand(images, 1, most).long()

        def reference() -> Any:
            return self._reference(padded, ids, mask).last_hidden_state[:, 0, :tiles]

        def plugin(tower: Any) -> Any:
            return torch.stack(tower(pixels.flatten(0, 1), [ARRANGEMENTS[tiles]] * images, [tiles] * images))

        arms = {"plugin": lambda: plugin(self._plugin), "Hugging Face": reference}
        return arms | ({"plugin, each padding tile by itself": lambda: plugin(self._unshared)} if most - tiles > 1 else {})


def fill(tower: Any) -> None:
    """Random weights of usual size, open gates, and zeros for the embeddings of tiles that an arrangement leaves empty."""
    import torch

    for name, parameter in tower.named_parameters():
        if "gate" in name.rpartition(".")[2]:
            parameter.fill_(0.5)
        elif "norm" not in name:
            parameter.copy_(
                0.02 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(len(name)), device="cpu")
            )
    tables = (
        tower.pre_tile_positional_embedding.embedding,
        tower.post_tile_positional_embedding.embedding,
        tower.gated_positional_embedding.tile_embedding,
    )
    for table in tables:
        by_tile = table.weight.unflatten(1, (tower.config.max_num_tiles, -1))
        for arrangement, (height, width) in enumerate([(0, 0), *tower.config.supported_aspect_ratios]):
            by_tile[arrangement, height * width :] = 0


def plugin_tower(reference: Any, shared: bool) -> Any:
    """The plugin's tower with the weights of Hugging Face's; not `shared`: every padding tile is computed."""
    import torch
    from vllm.model_executor.layers.quantization.base_config import QuantizeMethodBase

    from pipeline.engines.mllama.vision import MllamaVisionModel

    tower = MllamaVisionModel(reference.config, outputs=True).eval()
    weights = {name: tensor for name, tensor in reference.state_dict().items()}
    for name in [name for name in weights if "q_proj" in name]:
        parts = [weights.pop(name.replace("q_proj", f"{part}_proj")) for part in "qkv"]
        weights[name.replace("q_proj", "qkv_proj")] = torch.cat(parts)
    tower.load_state_dict(weights)
    if not shared:
        tower._shared = [False] * (len(reference.config.supported_aspect_ratios) + 1)
    else:
        assert tower._is_shared(1), "embeddings of padding tiles are zero, yet the tower does not share them"
    for layer in tower.modules():
        if isinstance(method := getattr(layer, "quant_method", None), QuantizeMethodBase):
            method.process_weights_after_loading(layer)  # on a CPU: into the form that its matrix product takes
    return tower


def measure(arms: dict[str, Encode], tiles: int, rounds: int) -> Iterator[Row]:
    """The arms in turns; who begins changes from round to round."""
    outcomes = {name: encode() for name, encode in arms.items()}
    expected = outcomes["Hugging Face"].float()
    most = TOLERANCE[str(outcomes["plugin"].dtype)] * expected.abs().max()
    for name, outcome in outcomes.items():
        if not (outcome.float() - expected).abs().max() <= most:
            raise SystemExit(f"{name} does not give what Hugging Face's tower gives for {tiles} tiles: its time means nothing")
    seconds: dict[str, list[float]] = {name: [] for name in arms}
    for number in range(rounds):
        for name in list(arms) if number % 2 else list(reversed(arms)):
            seconds[name].append(timed(arms[name]))
    for name, times in seconds.items():
        yield Row(
            tiles,
            name,
            round(statistics.median(times), 4),
            round(statistics.median(one / plugin for one, plugin in zip(times, seconds["plugin"], strict=True)), 3),
            (outcomes[name].float() - expected).abs().max().item(),
            expected.abs().max().item(),
        )


def timed(encode: Encode) -> float:
    """Seconds until its result is there."""
    import torch

    torch.accelerator.synchronize() if torch.cuda.is_available() else None
    started = time.perf_counter()
    encode()
    torch.accelerator.synchronize() if torch.cuda.is_available() else None
    return time.perf_counter() - started


def page_tflop(tiles: int, prompt: int, answer: int) -> dict[str, float]:
    """10^12 operations of a page with the 11B, by part.

    Args:
        tiles: of its image.
        prompt: tokens of text before the answer.
        answer: tokens of the answer.

    Returns:
        `tower` as the plugin computes it, `tower_of_hf` as Hugging Face does, `image` (projector, and keys and values for
        cross-attention), `prefill` and `decode`.
    """
    text = LLAMA_11B["text_config"]
    width, inner, image = text["hidden_size"], text["intermediate_size"], tiles * (PADDED - 7)
    keys = text["num_key_value_heads"] * width // text["num_attention_heads"]
    cross = len(text["cross_attention_layers"])
    own = text["num_hidden_layers"] - cross
    mlp = 3 * width * inner
    token = own * (2 * width * width + 2 * width * keys + mlp) + cross * (2 * width * width + mlp)
    seen = 2 * width * cross * image
    """Multiplications of a token of text: weights, and attention to the image."""
    before = own * 2 * width
    tower, of_hf = tower_products(tiles)
    projected = image * (VISION["vision_output_dim"] * width + cross * 2 * width * keys)
    prefill = prompt * (token + seen + before * prompt / 2) + width * text["vocab_size"]
    decode = answer * (token + seen + before * (prompt + answer / 2) + width * text["vocab_size"])
    parts = {"tower": tower, "tower_of_hf": of_hf, "image": projected, "prefill": prefill, "decode": decode}
    return {name: round(2 * products / 1e12, 2) for name, products in parts.items()}


def tower_products(tiles: int) -> tuple[float, float]:
    """Multiplications of the tower for an image: the plugin's, with all padding tiles as one, and Hugging Face's."""
    width, blocks = VISION["hidden_size"], VISION["num_hidden_layers"] + VISION["num_global_layers"]
    weights = 4 * width * width + 2 * width * VISION["intermediate_size"]
    most, patches = VISION["max_num_tiles"], PADDED - 7
    slots = min(tiles + 1, most)
    real, rest = tiles * patches, slots + (slots - tiles) * patches
    # Real rows look at every row, as often as it stands for one; the rest at real rows only.
    plugin = blocks * ((real + rest) * weights + 2 * width * (real * most * PADDED + rest * real))
    embedding = 3 * VISION["patch_size"] ** 2 * width * (patches - 1)
    of_hf = blocks * most * PADDED * (weights + 2 * width * most * PADDED)
    return plugin + tiles * embedding, of_hf + most * embedding


def table(rows: list[Row]) -> Table:
    """A row an arm and number of tiles."""
    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("tiles", "arm", "seconds", "times the plugin's", "difference at most", "of values up to"):
        shown.add_column(name, justify="left" if name == "arm" else "right")
    for row in rows:
        figures = (f"{row.seconds:.3f}", f"{row.times_the_plugin:.2f}", f"{row.difference:.1e}", f"{row.largest:.1f}")
        shown.add_row(str(row.tiles), row.arm, *figures)
    return shown


def cost_table(costs: dict[int, dict[str, float]], prompt: int, answer: int) -> Table:
    """A row a number of tiles: TFLOP of each part, and the tower's share."""
    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False, title=f"TFLOP a page, {prompt} tokens in, {answer} out")
    for name in ("tiles", "tower", "tower of HF", "image", "prefill", "decode", "page", "tower's share"):
        shown.add_column(name, justify="right")
    for tiles, parts in costs.items():
        page = sum(parts.values()) - parts["tower_of_hf"]
        shown.add_row(str(tiles), *(f"{part:.1f}" for part in parts.values()), f"{page:.1f}", f"{parts['tower'] / page:.0%}")
    return shown


if __name__ == "__main__":
    main()
