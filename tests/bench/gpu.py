"""Models of full size for the saturation bench on a GPU: all that a folder must hold but the weights, which vLLM makes up."""

import json
from itertools import product
from pathlib import Path
from typing import Any

from tests.tiny import tiny_tokenizer

QWEN3_VL_8B: dict[str, Any] = {
    "architectures": ["Qwen3VLForConditionalGeneration"],
    "model_type": "qwen3_vl",
    "dtype": "bfloat16",
    "tie_word_embeddings": False,
    "text_config": {
        "model_type": "qwen3_vl_text",
        "vocab_size": 151_936,
        "hidden_size": 4096,
        "intermediate_size": 12_288,
        "num_hidden_layers": 36,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "head_dim": 128,
        "max_position_embeddings": 262_144,
        "rope_parameters": {
            "rope_type": "default",
            "rope_theta": 5_000_000,
            "mrope_interleaved": True,
            "mrope_section": [24, 20, 20],
        },
    },
    "vision_config": {
        "model_type": "qwen3_vl_vision",
        "depth": 27,
        "hidden_size": 1152,
        "intermediate_size": 4304,
        "num_heads": 16,
        "patch_size": 16,
        "spatial_merge_size": 2,
        "temporal_patch_size": 2,
        "out_hidden_size": 4096,
        "num_position_embeddings": 2304,
        "deepstack_visual_indexes": [8, 16, 24],
    },
}

LLAMA_11B: dict[str, Any] = {
    "architectures": ["MllamaForConditionalGeneration"],
    "model_type": "mllama",
    "dtype": "bfloat16",
    "text_config": {
        "model_type": "mllama_text_model",
        "vocab_size": 128_256,
        "hidden_size": 4096,
        "intermediate_size": 14_336,
        "num_hidden_layers": 40,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "cross_attention_layers": [3, 8, 13, 18, 23, 28, 33, 38],
        "max_position_embeddings": 131_072,
        "rope_parameters": {
            "rope_type": "llama3",
            "rope_theta": 500_000,
            "factor": 8.0,
            "low_freq_factor": 1.0,
            "high_freq_factor": 4.0,
            "original_max_position_embeddings": 8192,
        },
    },
    "vision_config": {
        "model_type": "mllama_vision_model",
        "hidden_size": 1280,
        "intermediate_size": 5120,
        "num_hidden_layers": 32,
        "num_global_layers": 8,
        "attention_heads": 16,
        "vision_output_dim": 7680,
        "image_size": 560,
        "patch_size": 14,
        "max_num_tiles": 4,
        "intermediate_layers_indices": [3, 7, 15, 23, 30],
    },
}

QWEN_IMAGE = {
    "image_processor_type": "Qwen2VLImageProcessor",
    "processor_class": "Qwen3VLProcessor",
    "patch_size": 16,
    "temporal_patch_size": 2,
    "merge_size": 2,
    "size": {"shortest_edge": 65_536, "longest_edge": 16_777_216},
    "image_mean": [0.5, 0.5, 0.5],
    "image_std": [0.5, 0.5, 0.5],
}

LLAMA_IMAGE = {
    "image_processor_type": "MllamaImageProcessor",
    "processor_class": "MllamaProcessor",
    "max_image_tiles": 4,
    "size": {"height": 560, "width": 560},
    "image_mean": [0.48145466, 0.4578275, 0.40821073],
    "image_std": [0.26862954, 0.26130258, 0.27577711],
}

QWEN_MARKS = ("<|vision_start|>", "<|image_pad|>", "<|vision_end|>", "<|video_pad|>")

TURN = (
    "{% for message in messages %}<|start|>{{ message['role'] }}\n"
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}IMAGE{% else %}{{ part['text'] }}{% endif %}{% endfor %}{% endif %}<end_of_utterance>\n"
    "{% endfor %}{% if add_generation_prompt %}<|start|>assistant\n{% endif %}"
)


def qwen3_vl_8b(folder: Path) -> Path:
    """Write what Qwen3-VL-8B's folder holds beside its weights, with the made-up tokenizer."""
    ids = _write_tokenizer(
        folder, QWEN3_VL_8B["text_config"]["vocab_size"], QWEN_MARKS, TURN.replace("IMAGE", "".join(QWEN_MARKS[:3]))
    )
    start, image, end, video = (ids[mark] for mark in QWEN_MARKS)
    marks = {"vision_start_token_id": start, "image_token_id": image, "vision_end_token_id": end, "video_token_id": video}
    _write(folder / "config.json", QWEN3_VL_8B | marks | _ends(ids))
    _write(folder / "preprocessor_config.json", QWEN_IMAGE)
    _write(folder / "video_preprocessor_config.json", QWEN_IMAGE | {"video_processor_type": "Qwen3VLVideoProcessor"})
    return folder


def llama_11b(folder: Path) -> Path:
    """Write what Llama 3.2 11B Vision's folder holds beside its weights; the image's mark stands behind the vocabulary."""
    vocabulary = LLAMA_11B["text_config"]["vocab_size"]
    template = "<|begin_of_text|>" + TURN.replace("IMAGE", "<|image|>")
    ids = _write_tokenizer(folder, vocabulary + 1, ("<|python_tag|>", "<|image|>"), template)
    text = LLAMA_11B["text_config"] | _ends(ids) | {"pad_token_id": ids["<pad>"]}
    _write(folder / "config.json", LLAMA_11B | {"text_config": text, "image_token_index": vocabulary})
    _write(folder / "preprocessor_config.json", LLAMA_IMAGE)
    return folder


DIMS = {"11b": ("llama-3.2-11b-vision", llama_11b), "qwen3-vl-8b": ("qwen3-vl-8b", qwen3_vl_8b)}
"""Of models: their profile, and what writes their folder."""


def served() -> str:
    """The first of DIMS that the vLLM here serves, perhaps by a plugin."""
    from vllm import ModelRegistry
    from vllm.plugins import load_general_plugins

    load_general_plugins()
    known = ModelRegistry.get_supported_archs()
    return "11b" if LLAMA_11B["architectures"][0] in known else "qwen3-vl-8b"


def profile_of(dims: str, folder: Path) -> tuple[str, str]:
    """The name of a profile whose weights are made up, and the file it stands in; the folder is written."""
    name, write = DIMS[dims]
    folder.mkdir(parents=True)
    write(folder)
    profiles = folder.with_suffix(".toml")
    profiles.write_text(
        f'["{name}"]\nmodel = {json.dumps(str(folder))}\nengine = {{ load_format = "dummy" }}\n', encoding="utf-8"
    )
    return name, str(profiles)


def _write_tokenizer(folder: Path, size: int, marks: tuple[str, ...], template: str) -> dict[str, int]:
    """The tiny tokenizer with pairs of its tokens as new ones until there are `size`, `marks` the last; gives all ids."""
    from tokenizers import AddedToken, Tokenizer
    from transformers import PreTrainedTokenizerFast

    tiny = tiny_tokenizer()
    told = json.loads(tiny.backend_tokenizer.to_str())
    vocabulary, merges = told["model"]["vocab"], told["model"]["merges"]
    special = {token["content"] for token in told["added_tokens"]}
    parts = [token for token in vocabulary if token not in special]
    marks = ("<|start|>", *marks)
    for left, right in product(parts, parts):
        if len(vocabulary) == size - len(marks):
            break
        if left + right not in vocabulary:
            vocabulary[left + right] = len(vocabulary)
            merges.append([left, right])
    wide = Tokenizer.from_str(json.dumps(told))
    wide.add_special_tokens([AddedToken(mark, special=True) for mark in marks])
    names = {"bos_token": tiny.bos_token, "eos_token": tiny.eos_token, "pad_token": tiny.pad_token}
    whole = PreTrainedTokenizerFast(tokenizer_object=wide, **names, clean_up_tokenization_spaces=False)
    whole.chat_template = template
    whole.save_pretrained(folder)
    return dict(whole.get_vocab())


def _ends(ids: dict[str, int]) -> dict[str, int]:
    return {"bos_token_id": ids["<|begin_of_text|>"], "eos_token_id": ids["<end_of_utterance>"]}


def _write(path: Path, told: dict[str, Any]) -> None:
    path.write_text(json.dumps(told, indent=1), encoding="utf-8")
