"""Says what the hub's checkpoints of Llama 3.2 Vision hold, name and shape of every tensor, without downloading one."""

from typing import Any, Literal

Layout = dict[str, tuple[int, ...]]
"""The shape of every tensor, by its name."""

Naming = Literal["hub", "transformers"]
"""Whose names: those of the hub's files, written at the release, or those of transformers' own modules since 4.52."""

VISION: dict[str, Any] = {
    "hidden_size": 1280,
    "intermediate_size": 5120,
    "num_hidden_layers": 32,
    "num_global_layers": 8,
    "attention_heads": 16,
    "image_size": 560,
    "patch_size": 14,
    "max_num_tiles": 4,
    "intermediate_layers_indices": [3, 7, 15, 23, 30],
    "vision_output_dim": 7680,
}
"""The vision tower of all of them: `vision_config` of config.json, as far as it tells shapes."""

ROPE = {
    "rope_type": "llama3",
    "rope_theta": 500_000.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 8192,
}


def _text(hidden: int, intermediate: int, heads: int, layers: int) -> dict[str, Any]:
    return {
        "vocab_size": 128_256,
        "hidden_size": hidden,
        "intermediate_size": intermediate,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": 8,
        "cross_attention_layers": list(range(3, layers, 5)),
        "max_position_embeddings": 131_072,
        "rope_parameters": ROPE,
        "tie_word_embeddings": False,
    }


TEXT: dict[str, dict[str, Any]] = {
    "11b": _text(hidden=4096, intermediate=14_336, heads=32, layers=40),
    "90b": _text(hidden=8192, intermediate=28_672, heads=64, layers=100),
}
"""`text_config` by size. Llama-Guard-3-11B-Vision, a finetune of the 11B, has its layout."""

PARAMETERS = {"11b": 10_670_220_835, "90b": 88_593_355_323}
"""How many numbers a checkpoint holds."""


def config_of(size: str) -> dict[str, Any]:
    """config.json of one of the hub's checkpoints: "11b" or "90b"."""
    return {
        "architectures": ["MllamaForConditionalGeneration"],
        "model_type": "mllama",
        "image_token_index": 128_256,
        "dtype": "bfloat16",
        "text_config": {"model_type": "mllama_text_model", **TEXT[size]},
        "vision_config": {"model_type": "mllama_vision_model", **VISION},
    }


def layout_of(config: dict[str, Any], naming: Naming = "hub") -> Layout:
    """Every tensor of a checkpoint with that config.json, from transformers' model, which holds them all and no more."""
    import torch
    from transformers import MllamaConfig, MllamaForConditionalGeneration

    with torch.device("meta"):
        model = MllamaForConditionalGeneration(MllamaConfig.from_dict(config))
    shapes = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    return shapes if naming == "transformers" else {hub_name(name): shape for name, shape in shapes.items()}


def hub_name(name: str) -> str:
    """The hub's name of a tensor that transformers' modules call `name`."""
    if name.startswith("model.language_model."):
        return name.replace("model.language_model.", "language_model.model.", 1)
    return f"language_model.{name}" if name.startswith("lm_head.") else name.removeprefix("model.")
