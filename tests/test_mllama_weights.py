"""That the plugin loads what the hub's checkpoints of Llama 3.2 Vision hold: every tensor, whole, and nothing in silence."""

import json
import math
import os
import random
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.mllama import tiny_mllama
from tests.mllama_layout import PARAMETERS, TEXT, Layout, Naming, config_of, hub_name, layout_of
from tests.serving import ENVIRONMENT
from tests.tiny import ENGINE

# Before anything imports vLLM or torch.
os.environ.update(ENVIRONMENT)

pytestmark = [pytest.mark.vllm, pytest.mark.timeout(300)]

FUSED = {"qkv_proj": ("q_proj", "k_proj", "v_proj"), "kv_proj": ("k_proj", "v_proj"), "gate_up_proj": ("gate_proj", "up_proj")}
"""What vLLM computes at once, and what it is in the checkpoint."""

LAYER, CROSS, TOWER = "language_model.model.layers.0", "language_model.model.layers.1", "vision_model.transformer.layers.0"

SHARED_OUT = re.compile(r"_proj\.weight$|\.fc[12]\.weight$|\.fc1\.bias$|embed_tokens|lm_head")
"""Tensors that are cut into parts under tensor parallelism; each process has the others whole."""

VOCABULARY = 128_320
"""Rows of the embedding and of the head in vLLM: the 128,264 of the embedding, filled up to a multiple of 64."""

Tensors = Mapping[str, Any]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_mllama(tmp_path_factory.mktemp("mllama"))


@pytest.fixture(scope="module")
def groups(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """vLLM's groups of processes, with this one alone in them; where an engine of this process has made them, they stay."""
    from vllm.config import VllmConfig, set_current_vllm_config
    from vllm.distributed import init_distributed_environment, initialize_model_parallel, parallel_state

    if parallel_state.model_parallel_is_initialized():
        yield
        return
    meeting = f"file://{tmp_path_factory.mktemp('groups') / 'store'}"
    with set_current_vllm_config(VllmConfig()):
        init_distributed_environment(world_size=1, rank=0, local_rank=0, distributed_init_method=meeting, backend="gloo")
        initialize_model_parallel()
    yield
    parallel_state.destroy_model_parallel()
    parallel_state.destroy_distributed_environment()


@contextmanager
def configured(folder: Path, *, rank: int = 0, **arguments: Any) -> Iterator[Any]:
    """vLLM's configuration for a checkpoint, and its settings around it, in process `rank` of tensor_parallel_size."""
    from vllm.config import set_current_vllm_config
    from vllm.distributed import get_tp_group
    from vllm.engine.arg_utils import EngineArgs
    from vllm.model_executor.layers.rotary_embedding import _ROPE_DICT

    config = EngineArgs(str(folder), skip_tokenizer_init=True, **(ENGINE | arguments)).create_engine_config()
    group = get_tp_group()
    group.world_size, group.rank_in_group = config.parallel_config.tensor_parallel_size, rank
    try:
        with set_current_vllm_config(config):
            yield config
    finally:
        group.world_size, group.rank_in_group = 1, 0
        _ROPE_DICT.clear()  # tables on the meta device, which the next model of these sizes would take


@contextmanager
def built(folder: Path, device: str = "meta", **arguments: Any) -> Iterator[tuple[Any, Any]]:
    """The plugin's model before it has weights, and vLLM's configuration; `arguments` as for `configured`."""
    import torch
    from vllm.model_executor.model_loader.utils import initialize_model
    from vllm.utils.torch_utils import set_default_torch_dtype

    with configured(folder, **arguments) as config:
        with set_default_torch_dtype(config.model_config.dtype), torch.device(device):
            model = initialize_model(vllm_config=config)
        yield model, config


def on_meta(layout: Layout) -> Iterable[tuple[str, Any]]:
    """The tensors of a checkpoint but for their numbers, in the disorder that several files can have."""
    import torch

    for name in random.Random(7).sample(sorted(layout), len(layout)):
        yield name, torch.empty(layout[name], device="meta")


def only_config(folder: Path, size: str) -> Path:
    (folder / "config.json").write_text(json.dumps(config_of(size)), encoding="utf-8")
    return folder


def tensors_of(folder: Path) -> dict[str, Any]:
    from safetensors.torch import load_file

    return {name: tensor for file in sorted(folder.glob("*.safetensors")) for name, tensor in load_file(file).items()}


def rewritten(source: Path, folder: Path, tensors: Tensors, **config: Any) -> Path:
    """A checkpoint like `source` with other tensors, and with these keys changed in its config.json."""
    from safetensors.torch import save_file

    shutil.copytree(source, folder, ignore=shutil.ignore_patterns("*.safetensors*"))
    save_file(dict(tensors), folder / "model.safetensors", {"format": "pt"})
    told = json.loads((source / "config.json").read_text(encoding="utf-8"))
    (folder / "config.json").write_text(json.dumps(told | config), encoding="utf-8")
    return folder


def parts_of(parameter: str) -> Sequence[str]:
    """The checkpoint's tensors that a parameter of the plugin's model is made of."""
    *module, last = parameter.split(".")
    if module[-1:] and module[-1] in FUSED:
        return [".".join([*module[:-1], part, last]) for part in FUSED[module[-1]]]
    return [parameter]


@pytest.mark.parametrize(("size", "tensors"), [("11b", 906), ("90b", 1494)])
@pytest.mark.parametrize("naming", ["hub", "transformers"])
def test_layout_has_as_many_parameters_as_the_hub_says(size: str, tensors: int, naming: Naming) -> None:
    layout = layout_of(config_of(size), naming)
    assert len(layout) == tensors
    assert sum(map(math.prod, layout.values())) == PARAMETERS[size]


def test_transformers_reads_and_writes_the_hubs_names(tiny: Path, tmp_path: Path) -> None:
    from transformers import MllamaForConditionalGeneration

    model, told = MllamaForConditionalGeneration.from_pretrained(tiny, output_loading_info=True)
    assert not any(told.values()), told
    model.save_pretrained(tmp_path)
    layout = layout_of(json.loads((tiny / "config.json").read_text(encoding="utf-8")))
    assert {name: tuple(tensor.shape) for name, tensor in tensors_of(tmp_path).items()} == layout


@pytest.mark.usefixtures("groups")
@pytest.mark.parametrize("naming", ["hub", "transformers"])
@pytest.mark.parametrize("size", list(TEXT))
def test_every_tensor_of_the_real_checkpoint_has_its_place(size: str, naming: Naming, tmp_path: Path) -> None:
    layout = layout_of(config_of(size), naming)
    with built(only_config(tmp_path, size)) as (model, _):
        loaded = model.load_weights(on_meta(layout))
        parameters = dict(model.named_parameters())
    assert loaded == parameters.keys()
    assert {part for name in parameters for part in parts_of(name)} == {
        hub_name(name) if naming == "transformers" else name for name in layout
    }
    rows = TEXT[size]["vocab_size"]
    added = (VOCABULARY - rows) + (VOCABULARY - rows - 8)
    assert sum(map(_count, parameters.values())) == PARAMETERS[size] + added * TEXT[size]["hidden_size"]


@pytest.mark.usefixtures("groups")
@pytest.mark.parametrize(("size", "processes"), [("11b", 2), ("11b", 4), ("11b", 8), ("90b", 4), ("90b", 8)])
def test_processes_share_the_model_out(size: str, processes: int, tmp_path: Path) -> None:
    layout = layout_of(config_of(size))
    width = TEXT[size]["hidden_size"]
    padded = {name: (VOCABULARY, width) if "embed_tokens" in name or "lm_head" in name else layout[name] for name in layout}
    share = sum(math.prod(shape) // (processes if SHARED_OUT.search(name) else 1) for name, shape in padded.items())
    for rank in (0, processes - 1):
        with built(only_config(tmp_path, size), rank=rank, tensor_parallel_size=processes) as (model, _):
            assert model.load_weights(on_meta(layout)) == dict(model.named_parameters()).keys()
            assert sum(map(_count, model.parameters())) == share


@pytest.mark.usefixtures("groups")
@pytest.mark.parametrize("processes", [3, 16])
def test_processes_that_cannot_share_it_out_are_refused(processes: int, tmp_path: Path) -> None:
    with (
        pytest.raises(ValueError, match=f"tensor.parallel.size.*{processes}|{processes}.*tensor.parallel.size"),
        built(only_config(tmp_path, "11b"), tensor_parallel_size=processes),
    ):
        pass


@pytest.mark.usefixtures("groups")
@pytest.mark.parametrize("naming", ["hub", "transformers"])
@pytest.mark.parametrize(("shards", "tied"), [(1, False), (3, False), (1, True), (3, True)])
def test_every_number_is_where_it_belongs(shards: int, tied: bool, naming: Naming, tmp_path: Path) -> None:
    import torch

    source = tiny_mllama(tmp_path / "hub", shards=shards, tied=tied, padding="random")
    tensors = tensors_of(source)
    folder = source
    if naming == "transformers":
        names = {hub_name(name): name for name in layout_of(_config(source), "transformers")}
        folder = rewritten(source, tmp_path / "transformers", {names[name]: tensor for name, tensor in tensors.items()})
    with built(folder, "cpu") as (model, config):
        _fill(model, torch.nan)
        _load(model, config)
        for name, parameter in model.named_parameters():
            expected = torch.cat([tensors[part] for part in parts_of(name)])
            assert torch.equal(parameter[: len(expected)], expected), name
            assert parameter.isfinite().all(), name
        assert (model.language_model.lm_head.weight is model.language_model.model.embed_tokens.weight) == tied


WHOLE = [
    "language_model.model.norm.weight",
    "language_model.model.embed_tokens.weight",
    "language_model.lm_head.weight",
    f"{LAYER}.mlp.down_proj.weight",
    f"{CROSS}.cross_attn_attn_gate",
    f"{TOWER}.self_attn.o_proj.weight",
    f"{TOWER}.mlp.fc1.bias",
    "vision_model.gated_positional_embedding.tile_embedding.weight",
    "multi_modal_projector.weight",
]
"""Tensors that are parameters of the plugin's model as they are."""

PARTS = [
    f"{LAYER}.self_attn.k_proj.weight",
    f"{LAYER}.mlp.up_proj.weight",
    f"{CROSS}.cross_attn.v_proj.weight",
    f"{TOWER}.self_attn.q_proj.weight",
]
"""Tensors that are parts of one."""


@pytest.mark.usefixtures("groups")
@pytest.mark.parametrize("name", [*WHOLE, *PARTS])
def test_missing_tensor_is_named(name: str, tiny: Path, tmp_path: Path) -> None:
    tensors = tensors_of(tiny)
    del tensors[name]
    with built(rewritten(tiny, tmp_path / "broken", tensors), "cpu") as (model, config), pytest.raises(ValueError, match=name):
        _load(model, config)


@pytest.mark.usefixtures("groups")
@pytest.mark.parametrize("change", [-1, 1], ids=["too short", "too long"])
@pytest.mark.parametrize("name", [*WHOLE, *PARTS])
def test_tensor_of_another_shape_is_named(name: str, change: int, tiny: Path, tmp_path: Path) -> None:
    tensors = tensors_of(tiny)
    rows, *rest = tensors[name].shape
    tensors[name] = tensors[name].new_zeros([rows + change, *rest])
    with built(rewritten(tiny, tmp_path / "broken", tensors), "cpu") as (model, config), pytest.raises(ValueError, match=name):
        _load(model, config)


@pytest.mark.usefixtures("groups")
@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("language_model.model.layers.9.mlp.down_proj.weight", "language_model.model.layers.9"),
        (f"{CROSS}.self_attn.q_proj.weight", f"{CROSS}.self_attn"),
        ("vision_model.head.weight", "vision_model.head"),
    ],
)
def test_tensor_without_a_place_is_named(name: str, told: str, tiny: Path, tmp_path: Path) -> None:
    tensors = tensors_of(tiny)
    tensors[name] = tensors[f"{LAYER}.mlp.down_proj.weight"].clone()
    with built(rewritten(tiny, tmp_path / "broken", tensors), "cpu") as (model, config), pytest.raises(ValueError, match=told):
        _load(model, config)


@pytest.mark.usefixtures("groups")
@pytest.mark.parametrize(
    ("ignored", "left_alone"),
    [
        ([], r"nothing"),
        (["re:vision_model.*", "re:multi_modal_projector.*"], r"vision_model|multi_modal_projector"),
        (
            ["*.cross_attn.*", f"{LAYER}.self_attn.[qkv]_proj", f"{LAYER}.mlp.gate_up_proj"],
            r"cross_attn|model\.layers\.0\..*(qkv|gate_up)_proj$",
        ),
    ],
    ids=["all", "tower", "by layer"],
)
def test_layers_are_quantised_on_loading_but_for_those_named(ignored: list[str], left_alone: str, tiny: Path) -> None:
    quantised = {"quantization": "fp8_per_channel", "quantization_config": {"ignore": ignored}}
    with configured(tiny, dtype="bfloat16", **quantised) as config:
        layers = _layers(config)
        tensors = tensors_of(tiny)
        for name, layer in layers.items():
            assert _is_small(layer) == (re.search(left_alone, name) is None), name
            assert _error(name, layer, tensors) < 0.06, name


@pytest.mark.usefixtures("groups")
@pytest.mark.parametrize(
    "naming",
    [
        "hub",
        "transformers",
    ],
)
@pytest.mark.parametrize("kind", ["int8", "float8_e4m3fn"])
def test_checkpoint_that_was_quantised_before(kind: str, naming: Naming, tiny: Path, tmp_path: Path) -> None:
    """As llm-compressor writes it: by its example for this model, or with every layer named that is left alone."""
    import torch

    tensors, small, told = tensors_of(tiny), {}, "int" if kind == "int8" else "float"
    for name, tensor in tensors.items():
        if re.search(r"language_model.*_proj\.weight$", name):
            most = 127 if kind == "int8" else torch.finfo(torch.float8_e4m3fn).max
            scale = tensor.abs().amax(1, keepdim=True) / most
            low = (tensor / scale).round() if kind == "int8" else tensor / scale
            small[name], small[f"{name}_scale"] = low.to(getattr(torch, kind)), scale
            tensors[name] = small[name].float() * scale
        else:
            small[name] = tensor
    alone = ["re:.*lm_head", "re:multi_modal_projector.*", "re:vision_model.*"]
    if naming == "transformers":
        names = {hub_name(name): name for name in layout_of(_config(tiny), "transformers")}
        kept = re.compile(r"(vision_model.*(_proj|\.fc[12])|multi_modal_projector|lm_head)\.weight$")
        alone = [name.removesuffix(".weight") for name in names.values() if kept.search(name)]
        small = {names[name.removesuffix("_scale")] + "_scale" * name.endswith("_scale"): small[name] for name in small}
    numbers = {"num_bits": 8, "type": told, "symmetric": True}
    scheme = {
        "targets": ["Linear"],
        "weights": numbers | {"strategy": "channel", "dynamic": False},
        "input_activations": numbers | {"strategy": "token", "dynamic": True},
    }
    written = {
        "quant_method": "compressed-tensors",
        "format": f"{told}-quantized",
        "config_groups": {"group_0": scheme},
        "ignore": alone,
    }
    folder = rewritten(tiny, tmp_path / "small", small, quantization_config=written)
    with configured(folder, dtype="bfloat16") as config:
        for name, layer in _layers(config).items():
            assert _is_small(layer) == name.startswith("language_model"), name
            assert _error(name, layer, tensors) < 0.04, name


def _config(folder: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    return told


def _count(parameter: Any) -> int:
    return int(parameter.numel())


def _fill(model: Any, number: float) -> None:
    for parameter in model.parameters():
        parameter.data.fill_(number)


def _load(model: Any, config: Any) -> None:
    """As vLLM does it, its check for what was not loaded included."""
    from vllm.model_executor.model_loader import get_model_loader

    get_model_loader(config.load_config).load_weights(model, config.model_config)


def _layers(config: Any) -> dict[str, Any]:
    """Linear layers of the model that vLLM loads, ready to be used, by name."""
    from vllm.model_executor.layers.linear import LinearBase
    from vllm.model_executor.model_loader import get_model

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("torch.accelerator.empty_cache", lambda: None)  # as vLLM's runner for CPUs does
        model = get_model(vllm_config=config)
    return {name: layer for name, layer in model.named_modules() if isinstance(layer, LinearBase)}


def _is_small(layer: Any) -> bool:
    from vllm.model_executor.layers.linear import UnquantizedLinearMethod

    return not isinstance(layer.quant_method, UnquantizedLinearMethod)


def _error(name: str, layer: Any, tensors: Tensors) -> float:
    """How far what a layer computes is from what the checkpoint's tensors say, as a share of it."""
    import torch

    weight = torch.cat([tensors[part] for part in parts_of(f"{name}.weight")]).float()
    rows = torch.randn(64, weight.shape[1], generator=torch.Generator().manual_seed(7)).bfloat16()
    layer.bias, layer.skip_bias_add = None, True
    exact = rows.float() @ weight.T
    return float((layer(rows)[0].float() - exact).norm() / exact.norm())
