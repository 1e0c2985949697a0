"""The whole model as vLLM runs it: tower, projector and language model."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from vllm.config import VllmConfig
from vllm.model_executor.layers.linear import ReplicatedLinear
from vllm.model_executor.layers.logits_processor import LogitsProcessor
from vllm.model_executor.layers.vocab_parallel_embedding import ParallelLMHead
from vllm.model_executor.models.interfaces import SupportsMultiModal
from vllm.model_executor.models.utils import AutoWeightsLoader, maybe_prefix
from vllm.multimodal import MULTIMODAL_REGISTRY

from pipeline.engines.mllama import interfaces
from pipeline.engines.mllama.decoder import MllamaTextModel
from pipeline.engines.mllama.loading import RENAMED, STACKED, Tensors, checked, expected_shapes, grown
from pipeline.engines.mllama.processor import IMAGE, MllamaDummyInputs, MllamaMultiModalProcessor, MllamaProcessingInfo
from pipeline.engines.mllama.rows import early_rows, looking_rows
from pipeline.engines.mllama.runner import in_batch_order
from pipeline.engines.mllama.vision import MllamaVisionModel


class MllamaForCausalLM(nn.Module):
    """The language model with its head; a module of its own so that names are those of the checkpoint."""

    def __init__(self, *, vllm_config: VllmConfig, prefix: str = "") -> None:
        super().__init__()
        config = vllm_config.model_config.hf_config.text_config
        self.model = MllamaTextModel(vllm_config=vllm_config, prefix=maybe_prefix(prefix, "model"))
        self.lm_head = ParallelLMHead(
            config.vocab_size, config.hidden_size, quant_config=vllm_config.quant_config, prefix=maybe_prefix(prefix, "lm_head")
        )
        if config.tie_word_embeddings:
            self.lm_head = self.lm_head.tie_weights(self.model.embed_tokens)


@MULTIMODAL_REGISTRY.register_processor(MllamaMultiModalProcessor, info=MllamaProcessingInfo, dummy_inputs=MllamaDummyInputs)
class MllamaForConditionalGeneration(nn.Module, SupportsMultiModal):
    """Llama 3.2 11B and 90B Vision, and Llama Guard 3 11B Vision."""

    packed_modules_mapping = {
        "qkv_proj": ["q_proj", "k_proj", "v_proj"],
        "kv_proj": ["k_proj", "v_proj"],
        "gate_up_proj": ["gate_proj", "up_proj"],
    }

    hf_to_vllm_mapper = RENAMED | STACKED

    @classmethod
    def get_placeholder_str(cls, modality: str, i: int) -> str | None:
        """What stands for an image in a chat whose template does not say."""
        return IMAGE if modality == "image" else None

    def __init__(self, *, vllm_config: VllmConfig, prefix: str = "") -> None:
        super().__init__()
        self.config = config = vllm_config.model_config.hf_config
        quant_config = vllm_config.quant_config
        self.is_loaded = False
        self.as_transformers = config.reference == "transformers"
        with self._mark_tower_model(vllm_config, "image"):
            self.vision_model = MllamaVisionModel(
                config.vision_config, quant_config, maybe_prefix(prefix, "vision_model"), outputs=self.as_transformers
            )
            self.multi_modal_projector = ReplicatedLinear(
                config.vision_config.vision_output_dim,
                config.text_config.hidden_size,
                quant_config=quant_config,
                prefix=maybe_prefix(prefix, "multi_modal_projector"),
            )
        with self._mark_language_model(vllm_config):
            self.language_model = MllamaForCausalLM(vllm_config=vllm_config, prefix=maybe_prefix(prefix, "language_model"))
        self.logits_processor = LogitsProcessor(config.text_config.vocab_size)
        first = min(config.text_config.cross_attention_layers)
        self.cross_layer = self.language_model.model.layers[first].cross_attn.attn.layer_name
        interfaces.around_encoder(in_batch_order)

    def embed_multimodal(self, *, tiles: torch.Tensor, tile_counts: Any, aspect_ratio_ids: Any) -> Sequence[torch.Tensor]:
        """Of each image [tiles x 1601, width]; where early rows look at padding tiles (transformers), these come last."""
        counts, arrangements = _numbers(tile_counts), _numbers(aspect_ratio_ids)
        encoded = self.vision_model(tiles, arrangements, counts, with_padding=self.as_transformers)
        sizes = [image.shape[0] * image.shape[1] for image in encoded]
        projected, _ = self.multi_modal_projector(torch.cat([image.flatten(0, 1) for image in encoded]))
        return projected.split(sizes)

    def embed_input_ids(self, input_ids: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        """[rows] to [rows, width]; images are never among the rows."""
        return self.language_model.model.embed_tokens(input_ids)

    def forward(
        self,
        input_ids: torch.Tensor,
        positions: torch.Tensor,
        intermediate_tensors: Any = None,
        inputs_embeds: torch.Tensor | None = None,
        encoder_outputs: Sequence[torch.Tensor] | None = None,
        **_: Any,
    ) -> torch.Tensor:
        """One step: [rows] of all requests to [rows, width]."""
        requests = interfaces.requests_of(self.cross_layer)
        if requests is not None and requests.most_image_tokens == 0:
            interfaces.run_uncompiled()
            nowhere = torch.zeros_like(input_ids, dtype=torch.bool)
            return self.language_model.model(input_ids, positions, nowhere, text_only=True)
        states, early = (torch.cat(list(encoder_outputs)) if encoder_outputs else None), None
        if requests is None:
            looking = torch.ones_like(input_ids, dtype=torch.bool)
        else:
            looking = looking_rows(input_ids, positions, requests, self.config.image_token_index)
            if encoder_outputs and self.as_transformers:
                early = early_rows(looking, positions, requests, encoder_outputs)
            written = 0 if states is None else len(states if early is None else early.cached)
            if written != requests.written:
                # Better no answer than one that looks at another's image.
                raise RuntimeError(f"{written} image tokens were encoded for {requests.written} places in the cache")
        return self.language_model.model(input_ids, positions, looking, states, early)

    def compute_logits(self, hidden_states: torch.Tensor) -> torch.Tensor | None:
        """[rows, width] to [rows, vocabulary]; what no head was trained for can never be said."""
        logits = self.logits_processor(self.language_model.lm_head, hidden_states)
        if logits is not None:
            logits[..., self.config.text_config.spoken_vocab_size :] = -torch.inf
        return logits

    def load_weights(self, weights: Tensors) -> set[str]:
        """From the hub's names, or transformers 5's; raises ValueError with a tensor that is missing or of another shape.

        One that is quantised has other tensors, of which vLLM knows; and later calls may bring only some, to replace them.
        """
        named = RENAMED.apply(weights)
        if not self.is_loaded and getattr(self.config, "quantization_config", None) is None:
            named = checked(named, expected_shapes(self.config), self.config.text_config.tie_word_embeddings)
        loaded = AutoWeightsLoader(self).load_weights(STACKED.apply(grown(named, self.config.text_config.vocab_size)))
        self.is_loaded = True
        return loaded


def _numbers(values: Any) -> list[int]:
    """Of one tensor for the batch, or of a list of them, whichever vLLM made."""
    return [int(value) for part in values for value in part.flatten()]
