"""What vLLM must know of the checkpoint before it loads it, and what it is refused to do with it."""

from typing import Any

from transformers import MllamaConfig as HuggingFaceConfig
from vllm.model_executor.models.config import VerifyAndUpdateConfig

REFERENCES = ("meta", "transformers")
"""Whose arithmetic to follow, where Meta's code and Hugging Face's differ; see README.md beside this file."""

EXTRA_ROWS = 8
"""Rows that the embedding has beyond the vocabulary; the first is the mark of an image, `<|image|>`."""


class MllamaConfig(HuggingFaceConfig):
    """transformers' configuration, with what vLLM's scheduler, cache and sampler go by.

    Hugging Face treats the model as a decoder that looks at an image. In vLLM, what is looked at by cross-attention
    has a cache of its own only in encoder-decoder models, so it is one here.
    """

    reference: str = "meta"

    def __post_init__(self, **kwargs: Any) -> None:
        super().__post_init__(**kwargs)
        self.is_encoder_decoder = True
        text, vision = self.text_config, self.vision_config
        # The mark's id is the size of the vocabulary: vLLM would refuse it, or read past the logits when it is asked for
        # log-probabilities of a prompt. A configuration is copied by way of its constructor, so this must be done once only.
        if not hasattr(text, "spoken_vocab_size"):
            text.spoken_vocab_size = text.vocab_size
            text.vocab_size += EXTRA_ROWS
        patches = (vision.image_size // vision.patch_size) ** 2
        self.tokens_per_tile = patches + 1
        # vLLM captures CUDA graphs for requests that look at this many tokens.
        self.max_source_positions = vision.max_num_tiles * self.tokens_per_tile


class Limits(VerifyAndUpdateConfig):
    """Refuses at the start what would crash, or answer wrongly, at the first request."""

    @staticmethod
    def verify_and_update_config(vllm_config: Any) -> None:
        """Raises ValueError, in one line with the names of the settings, for what this model cannot do on vLLM.

        Chunked prefill is not among them: vLLM switches it off for encoder-decoder models by itself, and says so.
        """
        model, parallel = vllm_config.model_config, vllm_config.parallel_config
        asked = {
            "--enable-prefix-caching": vllm_config.cache_config.enable_prefix_caching,
            "--enable-lora": vllm_config.lora_config,
            "--speculative-config": vllm_config.speculative_config,
            "--pipeline-parallel-size": parallel.pipeline_parallel_size > 1,
            "--enable-mm-embeds": model.multimodal_config.enable_mm_embeds,
            "--limit-mm-per-prompt image 0": not model.multimodal_config.get_limit_per_prompt("image"),
        }
        if refused := [name for name, is_asked in asked.items() if is_asked]:
            raise ValueError(f"Llama 3.2 Vision cannot be served with {', '.join(refused)}: leave that out")
        config, parts = model.hf_config, parallel.tensor_parallel_size
        kv_heads, tower_heads = config.text_config.num_key_value_heads, config.vision_config.attention_heads
        if kv_heads % parts or tower_heads % parts:
            told = f"it must divide the model's {kv_heads} key heads and its tower's {tower_heads} heads"
            raise ValueError(f"Llama 3.2 Vision cannot be served with --tensor-parallel-size {parts}: {told}")
        if config.reference not in REFERENCES:
            raise ValueError(f"--hf-overrides reference {config.reference!r} is none of {', '.join(REFERENCES)}")
