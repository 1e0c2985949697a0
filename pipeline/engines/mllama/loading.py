"""From a checkpoint's tensors to the model's: their names, and whether all are there; vLLM does not always notice."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch
from torch.nn import functional
from transformers import MllamaForConditionalGeneration
from vllm.model_executor.models.utils import WeightsMapper

Tensors = Iterable[tuple[str, torch.Tensor]]
"""A checkpoint's tensors with their names, one after another."""

HEAD = "language_model.lm_head.weight"

RENAMED = WeightsMapper(
    orig_to_new_prefix={
        "model.vision_model": "vision_model",
        "model.multi_modal_projector": "multi_modal_projector",
        "model.language_model": "language_model.model",
        "lm_head": "language_model.lm_head",
    }
)
"""From transformers 5's names to the hub's, which are the model's own."""

STACKED = WeightsMapper(
    orig_to_new_stacked={
        ".self_attn.q_proj": (".self_attn.qkv_proj", "q"),
        ".self_attn.k_proj": (".self_attn.qkv_proj", "k"),
        ".self_attn.v_proj": (".self_attn.qkv_proj", "v"),
        ".cross_attn.k_proj": (".cross_attn.kv_proj", 0),
        ".cross_attn.v_proj": (".cross_attn.kv_proj", 1),
        ".mlp.gate_proj": (".mlp.gate_up_proj", 0),
        ".mlp.up_proj": (".mlp.gate_up_proj", 1),
    }
)
"""Tensors that are parts of one here."""


def expected_shapes(config: Any) -> dict[str, tuple[int, ...]]:
    """Shape of each tensor of a checkpoint that is not quantised, by the hub's name; from Hugging Face's own model."""
    plain = MllamaForConditionalGeneration.config_class.from_dict(config.to_dict())
    plain.text_config.vocab_size = config.text_config.spoken_vocab_size
    with torch.device("meta"):
        tensors = MllamaForConditionalGeneration(plain).state_dict()
    return {RENAMED.map_name(name) or name: tuple(tensor.shape) for name, tensor in tensors.items()}


def checked(weights: Tensors, expected: Mapping[str, tuple[int, ...]], tied: bool) -> Iterator[tuple[str, torch.Tensor]]:
    """The same tensors; raises ValueError with the name of one of another shape, and at the end of one that is missing.

    Args:
        weights: a checkpoint's tensors by the hub's names.
        expected: of `expected_shapes`.
        tied: whether the head may be missing: it is the embedding then.
    """
    missing = set(expected) - ({HEAD} if tied else set())
    for name, tensor in weights:
        shape = tuple(tensor.shape)
        if shape != expected.get(name, shape):
            raise ValueError(f"the checkpoint's {name} is {list(shape)}, but by its config.json {list(expected[name])}")
        missing.discard(name)
        yield name, tensor
    if missing:
        told = ", ".join(sorted(missing)[:3])
        raise ValueError(f"the checkpoint lacks {len(missing)} tensors: {told}; download all its files")


def grown(weights: Tensors, rows: int) -> Iterator[tuple[str, torch.Tensor]]:
    """The same tensors; the head with rows of zeros up to `rows`, for the tokens that only the embedding has."""
    for name, tensor in weights:
        missing = rows - tensor.shape[0] if name == HEAD else 0
        yield name, functional.pad(tensor, (0, 0, 0, missing)) if missing > 0 else tensor
