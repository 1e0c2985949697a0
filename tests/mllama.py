"""Makes tiny checkpoints of Llama 3.2 Vision with random weights, and reads with them as Hugging Face's and Meta's code do."""

import json
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MethodType
from typing import Any, Literal

import numpy as np
import pytest
from PIL import Image

from tests.mllama_layout import ROPE, hub_name
from tests.serving import ENVIRONMENT
from tests.tiny import ENGINE, tiny_tokenizer

Code = Literal["meta", "transformers"]
"""Whose arithmetic: Meta's own, or that of transformers, which differs in two places (see Reference)."""

IMAGE = "<|image|>"

TILE = 56

SHAPES: dict[str, tuple[float, float]] = {
    "one": (0.8, 0.9),
    "two wide": (1.7, 0.8),
    "two tall": (0.8, 1.7),
    "three wide": (2.7, 0.8),
    "three tall": (0.9, 2.6),
    "four square": (1.7, 1.9),
    "four wide": (4.3, 0.9),
    "four tall": (0.8, 3.9),
}
"""Width and height of pictures, in tiles, by what Llama's image processor makes of them."""

CHAT = (
    "{{ bos_token }}{% set seen = namespace(image=false) %}"
    "{% for message in messages %}{% if message['content'] is not string %}"
    "{% for part in message['content'] %}{% if part['type'] == 'image' %}{% set seen.image = true %}{% endif %}{% endfor %}"
    "{% endif %}{% endfor %}"
    "{% for message in messages %}{% if message['role'] == 'system' and seen.image %}"
    "{{ raise_exception('Prompting with images is incompatible with system messages.') }}{% endif %}"
    "<|start_header_id|>{{ message['role'] }}<|end_header_id|>\n\n"
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<|image|>{% else %}{{ part['text'] }}{% endif %}{% endfor %}{% endif %}<|eot_id|>"
    "{% endfor %}{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}"
)
"""Llama 3.2's own template without its tools and its date."""


def picture(number: int, shape: str = "one", tile: int = TILE) -> Image.Image:
    """A picture of its own for each number: coarse noise over a colour, so that it survives being scaled."""
    width, height = (round(side * tile) for side in SHAPES[shape])
    coarse = np.random.default_rng(number).integers(0, 256, (7, 7, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)


def tiny_mllama(
    folder: Path,
    *,
    tile: int = TILE,
    patch: int = 14,
    dtype: str = "float32",
    padding: Literal["equal", "random"] = "equal",
    tied: bool = False,
    layers: int = 4,
    cross: Sequence[int] = (1, 3),
    heads: int = 4,
    kv_heads: int = 2,
    shards: int = 1,
) -> Path:
    """Write a tiny Llama 3.2 Vision into `folder` and return it; the same weights and tokens every time.

    Args:
        folder: where it goes, laid out as the hub's are: names of tensors, files of the tokenizer and of the image processor.
        tile: pixels of a tile's side.
        patch: pixels of a patch's side.
        dtype: of the tensors in the file.
        padding: whether the embeddings of tiles that a picture does not use are zero, as in the hub's, or differ.
        tied: no head of its own: the embedding's rows are the head.
        layers: of the language model.
        cross: those of them with cross-attention.
        heads: of the language model, 64 wide: vLLM's attention for CPUs takes no 16.
        kv_heads: heads that have keys.
        shards: files that the tensors are spread over.
    """
    import torch
    from transformers import MllamaForConditionalGeneration

    folder.mkdir(parents=True, exist_ok=True)
    vocabulary, ends = _write_tokenizer(folder)
    config = _config(vocabulary, ends, tile, patch)
    sizes = {"hidden_size": 64 * heads, "intermediate_size": 128 * heads, "num_hidden_layers": layers}
    counts = {"num_attention_heads": heads, "num_key_value_heads": kv_heads, "cross_attention_layers": list(cross)}
    config.text_config.update(sizes | counts | {"tie_word_embeddings": tied})
    config.update({"tie_word_embeddings": tied, "dtype": dtype})
    with torch.device("meta"):
        model = MllamaForConditionalGeneration(config)
    generator = torch.Generator().manual_seed(7)
    tensors = {
        hub_name(name): _weight(name, tensor.shape, generator).to(getattr(torch, dtype))
        for name, tensor in model.state_dict().items()
    }
    if padding == "equal":
        _zero_unused(tensors, config.vision_config.supported_aspect_ratios)
    if tied:
        del tensors["language_model.lm_head.weight"]
    config.save_pretrained(folder)
    _write_tensors(folder, tensors, shards)
    image = {"image_processor_type": "MllamaImageProcessor", "processor_class": "MllamaProcessor", "max_image_tiles": 4}
    means = {"image_mean": [0.48145466, 0.4578275, 0.40821073], "image_std": [0.26862954, 0.26130258, 0.27577711]}
    size = {"size": {"height": tile, "width": tile}, "resample": 2, "do_pad": True, "do_convert_rgb": True}
    (folder / "preprocessor_config.json").write_text(json.dumps(image | means | size, indent=1), encoding="utf-8")
    return folder


def _write_tokenizer(folder: Path) -> tuple[int, dict[str, int]]:
    """The tiny tokenizer with Llama's marks, that of an image behind the vocabulary; gives its size and the ids of marks."""
    tokenizer = tiny_tokenizer()
    marks = ["<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>", "<|python_tag|>"]
    tokenizer.add_special_tokens({"additional_special_tokens": marks, "eos_token": "<|eot_id|>"})
    vocabulary = len(tokenizer)
    tokenizer.add_special_tokens({"additional_special_tokens": [*marks, IMAGE]})
    tokenizer.chat_template = CHAT
    tokenizer.save_pretrained(folder)
    assert tokenizer.convert_tokens_to_ids(IMAGE) == vocabulary
    return vocabulary, {name: getattr(tokenizer, name) for name in ("bos_token_id", "eos_token_id", "pad_token_id")}


def _config(vocabulary: int, ends: dict[str, int], tile: int, patch: int) -> Any:
    from transformers import MllamaConfig

    vision = {
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 3,
        "num_global_layers": 2,
        "attention_heads": 4,
        "image_size": tile,
        "patch_size": patch,
        "intermediate_layers_indices": [1, 2],
        "vision_output_dim": 64 * 3,
    }
    text = {"vocab_size": vocabulary, "max_position_embeddings": 131_072, "rope_parameters": dict(ROPE), **ends}
    config = MllamaConfig(vision_config=vision, text_config=text, image_token_index=vocabulary)
    config.architectures = ["MllamaForConditionalGeneration"]
    return config


def _weight(name: str, shape: Sequence[int], generator: Any) -> Any:
    """Numbers as large as it takes for gates to stand open, and for pictures and prompts to change the answers."""
    import torch

    noise = torch.randn(shape, generator=generator)
    if "gate" in name.rsplit(".", 1)[-1]:
        return 0.6 + 0.1 * noise
    if "q_norm" in name:
        return 2 + 0.2 * noise  # sharper attention: which tile is looked at matters
    if "norm" in name and name.endswith(".weight"):
        return 1 + 0.2 * noise
    if name.endswith((".bias", "class_embedding")) or "embedding" in name:
        return 0.3 * noise
    return 0.12 * noise


def _zero_unused(tensors: dict[str, Any], aspect_ratios: Sequence[Sequence[int]]) -> None:
    """Make the embeddings of tiles that an aspect ratio leaves empty zero; the first row belongs to no picture at all."""
    for name, tensor in tensors.items():
        if name.endswith(("tile_embedding.weight", "tile_positional_embedding.embedding.weight")):
            by_tile = tensor.view(len(aspect_ratios) + 1, 4, -1)
            for row, (wide, tall) in enumerate([(0, 0), *aspect_ratios]):
                by_tile[row, wide * tall :] = 0


def _write_tensors(folder: Path, tensors: dict[str, Any], shards: int) -> None:
    from safetensors.torch import save_file

    if shards == 1:
        save_file(tensors, folder / "model.safetensors", {"format": "pt"})
        return
    where: dict[str, str] = {}
    for shard in range(shards):
        file = f"model-{shard + 1:05}-of-{shards:05}.safetensors"
        part = dict(list(tensors.items())[shard::shards])
        save_file(part, folder / file, {"format": "pt"})
        where |= dict.fromkeys(part, file)
    index = {"metadata": {"total_size": sum(tensor.nbytes for tensor in tensors.values())}, "weight_map": where}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=1), encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Ask:
    """A prompt, as text with all its marks, and the first `tokens` tokens of the answer to it."""

    prompt: str
    image: Image.Image | None = None
    tokens: int = 8


@dataclass(frozen=True, slots=True)
class Answer:
    """What is said to a prompt, token by token."""

    prompt: tuple[int, ...]
    ids: tuple[int, ...]
    logprobs: tuple[float, ...]
    """Of each token of `ids`, over the vocabulary, in float32."""

    gaps: tuple[float, ...] = ()
    """At each step, the log-probability of the likeliest token less that of the second; only of a reference."""


class Reference:
    """transformers' model; it answers one request at a time, greedily, and never ends of its own accord.

    Args:
        folder: a checkpoint.
        dtype: that it calculates in.
        reference: "transformers" is the model as it is. "meta" is patched to Meta's models/llama3/multimodal, in two places:
            text before the image looks at nothing, where here only the MLP after its looking is masked; and the tower hands on
            what goes into the chosen blocks (as transformers did until 4.54), where here it is what comes out.
    """

    def __init__(self, folder: Path, dtype: str = "float32", reference: Code = "meta") -> None:
        import torch
        from transformers import AutoProcessor, MllamaForConditionalGeneration

        self.processor = AutoProcessor.from_pretrained(folder)
        self.model = MllamaForConditionalGeneration.from_pretrained(folder, dtype=getattr(torch, dtype)).eval()
        self.model.generation_config.eos_token_id = None
        config = self.model.config
        if config.text_config.tie_word_embeddings:  # transformers has no tied head for this model
            self.model.lm_head.weight.data = self.model.model.language_model.embed_tokens.weight[
                : config.text_config.vocab_size
            ]
        if reference == "meta":
            tower = self.model.model.vision_model.transformer
            tower.forward = MethodType(_metas_tower, tower)
            for layer in config.text_config.cross_attention_layers:
                block = self.model.model.language_model.layers[layer]
                block.forward = MethodType(_metas_block, block)

    def answer(self, prompt: str | Sequence[int], image: Image.Image | None, tokens: int) -> Answer:
        """The answer's first `tokens` tokens; a text without the mark that it begins gets it, ids are taken as they are."""
        inputs = self._inputs(prompt, image)
        told = self.model.generate(
            **inputs, max_new_tokens=tokens, do_sample=False, output_logits=True, return_dict_in_generate=True
        )
        given = inputs["input_ids"].shape[1]
        logprobs = [step[0].float().log_softmax(-1) for step in told.logits]
        ids = told.sequences[0, given:].tolist()
        best = [step.topk(2).values.tolist() for step in logprobs]
        return Answer(
            tuple(inputs["input_ids"][0].tolist()),
            tuple(ids),
            tuple(step[token].item() for step, token in zip(logprobs, ids, strict=True)),
            tuple(first - second for first, second in best),
        )

    def score(self, ids: Sequence[int], image: Image.Image | None) -> list[float]:
        """The log-probability of each of `ids` but the first, after those before it; that of an image's mark is -inf."""
        logprobs = self.logits(ids, image).log_softmax(-1)
        return [float(row[token]) if token < len(row) else -math.inf for row, token in zip(logprobs, ids[1:], strict=False)]

    def logits(self, ids: Sequence[int], image: Image.Image | None) -> Any:
        """[ids, vocabulary] what is thought of the next token after each of `ids`, in float32."""
        import torch

        with torch.inference_mode():
            return self.model(**self._inputs(ids, image)).logits[0].float()

    def tiles(self, image: Image.Image) -> int:
        """How many tiles the picture is cut into."""
        return int(self.processor.image_processor(image, return_tensors="pt")["aspect_ratio_mask"].sum())

    def _inputs(self, prompt: str | Sequence[int], image: Image.Image | None) -> dict[str, Any]:
        import torch
        from transformers.models.mllama.processing_mllama import (
            convert_sparse_cross_attention_mask_to_dense,
            get_cross_attention_token_mask,
        )

        if isinstance(prompt, str):
            begun = prompt.startswith(self.processor.bos_token)
            prompt = self.processor.tokenizer.encode(prompt, add_special_tokens=not begun)
        ids = torch.tensor([list(prompt)])
        inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
        if image is None:
            return inputs
        pixels = dict(self.processor.image_processor(image, return_tensors="pt"))
        seen = [get_cross_attention_token_mask(list(prompt), self.processor.image_token_id)]
        counts = pixels.pop("num_tiles")
        mask = convert_sparse_cross_attention_mask_to_dense(seen, counts, 4, len(prompt))
        pixels["pixel_values"] = pixels["pixel_values"].to(self.model.dtype)
        return inputs | pixels | {"cross_attention_mask": torch.from_numpy(mask)}


def asks_of(count: int, start: int = 0) -> list[Ask]:
    """Questions of all kinds by turns: each shape of picture, or none; its mark first or late; long and short ones."""
    kinds = [*SHAPES, None]
    made = []
    for number in range(start, start + count):
        shape = kinds[number % len(kinds)]
        before = " ".join(f"Invoice number {word}, payable within 30 days." for word in range(number % 4))
        mark = IMAGE if shape else ""
        prompt = f"<|begin_of_text|>{before}{mark}What is the total of page {number}?" + " Thank you." * (number % 3)
        made.append(Ask(prompt, picture(number, shape) if shape else None, 4 + number * 5 % 13))
    return made


def ask_vllm(llm: Any, asks: Sequence[Ask], **params: Any) -> list[Answer]:
    """What vLLM's `LLM` says to them all at once, greedily, with the parameters of sampling changed by `params`."""
    from vllm import SamplingParams

    tokenizer = llm.get_tokenizer()
    prompts, sampling = [], []
    for ask in asks:
        image = {"multi_modal_data": {"image": ask.image}} if ask.image else {}
        prompts.append({"prompt_token_ids": tokenizer.encode(ask.prompt, add_special_tokens=False)} | image)
        sampling.append(
            SamplingParams(**{"temperature": 0, "max_tokens": ask.tokens, "logprobs": 0, "ignore_eos": True} | params)
        )
    answers = []
    for told in llm.generate(prompts, sampling, use_tqdm=False):
        ids = tuple(told.outputs[0].token_ids)
        logprobs = (step[token].logprob for step, token in zip(told.outputs[0].logprobs, ids, strict=True))
        answers.append(Answer(tuple(told.prompt_token_ids), ids, tuple(logprobs)))
    return answers


@contextmanager
def one_thread() -> Iterator[None]:
    """Keeps torch from waiting for threads of its own, on cores that others use too: models this small are slower for it.

    It stays so for the tests that come after. The pipeline sets OMP_THREAD_LIMIT for Tesseract, and with more threads than
    that vLLM's matrix product on a CPU takes minutes and leaves out rows.
    """
    import torch

    # vLLM for CPUs replaces the function.
    set_threads = torch.set_num_threads
    set_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads = set_threads


@contextmanager
def vllm_of(folder: Path, **changed: Any) -> Iterator[Any]:
    """vLLM's `LLM` in this process, started as the product starts it but for what is `changed`."""
    from vllm import LLM
    from vllm.distributed import cleanup_dist_env_and_memory

    with one_thread(), pytest.MonkeyPatch.context() as patched:
        for name, value in ENVIRONMENT.items():
            patched.setenv(name, value)
        llm = LLM(model=str(folder), **ENGINE | {"max_num_seqs": 5, "disable_log_stats": False} | changed)
        try:
            yield llm
        finally:
            llm.llm_engine.engine_core.shutdown()
            del llm
            cleanup_dist_env_and_memory()


def _metas_block(
    self: Any,
    hidden_states: Any,
    *,
    cross_attention_states: Any,
    cross_attention_mask: Any,
    full_text_row_masked_out_mask: Any,
    past_key_values: Any,
    **_: Any,
) -> Any:
    """A cross-attention layer: rows that see no image get nothing of it at all."""
    seen = full_text_row_masked_out_mask[:, 0]
    looked, _weights = self.cross_attn(
        hidden_states=self.input_layernorm(hidden_states),
        attention_mask=cross_attention_mask,
        cross_attention_states=cross_attention_states,
        past_key_values=past_key_values,
    )
    hidden_states = hidden_states + self.cross_attn_attn_gate.tanh() * (seen * looked)
    thought = self.mlp(self.post_attention_layernorm(hidden_states))
    return hidden_states + self.cross_attn_mlp_gate.tanh() * (seen * thought)


def _metas_tower(self: Any, hidden_states: Any, attention_mask: Any) -> Any:
    """The tower's first blocks: what goes into each is what is chosen from."""
    from transformers.modeling_outputs import BaseModelOutput

    states = [hidden_states]
    for layer in self.layers:
        states.append(layer(hidden_states=states[-1], attention_mask=attention_mask))
    return BaseModelOutput(last_hidden_state=states[-1], hidden_states=tuple(states))
