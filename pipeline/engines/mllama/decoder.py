"""The language model: Llama's layers, and between them those that look at the image by cross-attention.

Rows of all requests of a step lie one after another, as vLLM has it: some look at their image, some have none, and some
stand before its mark.
"""

from typing import Any

import torch
from torch import nn
from torch.nn import functional
from vllm.compilation.decorators import support_torch_compile
from vllm.config import CacheConfig, VllmConfig
from vllm.distributed import get_tensor_model_parallel_world_size
from vllm.model_executor.layers.attention import CrossAttention
from vllm.model_executor.layers.layernorm import RMSNorm
from vllm.model_executor.layers.linear import ColumnParallelLinear, MergedColumnParallelLinear, RowParallelLinear
from vllm.model_executor.layers.quantization import QuantizationConfig
from vllm.model_executor.layers.vocab_parallel_embedding import VocabParallelEmbedding
from vllm.model_executor.models.llama import LlamaDecoderLayer, LlamaMLP

from pipeline.engines.mllama.rows import Early


class MllamaCrossAttention(nn.Module):
    """Rows look at the tokens of their image, all of them: neither a mask nor a rotation."""

    def __init__(
        self, config: Any, cache_config: CacheConfig | None, quant_config: QuantizationConfig | None, prefix: str
    ) -> None:
        super().__init__()
        parts, width = get_tensor_model_parallel_world_size(), config.hidden_size
        heads, kv_heads = config.num_attention_heads, config.num_key_value_heads
        self.head_dim = width // heads
        self.heads, self.kv_heads = heads // parts, kv_heads // parts
        self.q_proj = ColumnParallelLinear(width, width, bias=False, quant_config=quant_config, prefix=f"{prefix}.q_proj")
        self.kv_proj = MergedColumnParallelLinear(
            width, [kv_heads * self.head_dim] * 2, bias=False, quant_config=quant_config, prefix=f"{prefix}.kv_proj"
        )
        self.o_proj = RowParallelLinear(width, width, bias=False, quant_config=quant_config, prefix=f"{prefix}.o_proj")
        self.q_norm = RMSNorm(self.head_dim, eps=config.rms_norm_eps)
        self.k_norm = RMSNorm(self.head_dim, eps=config.rms_norm_eps)
        self.attn = CrossAttention(
            self.heads,
            self.head_dim,
            self.head_dim**-0.5,
            num_kv_heads=self.kv_heads,
            cache_config=cache_config,
            quant_config=quant_config,
            prefix=f"{prefix}.attn",
        )

    def forward(self, rows: torch.Tensor, states: torch.Tensor | None, early: Early | None) -> torch.Tensor:
        """[rows, width] to the same; what it is for rows without an image is not defined.

        Args:
            rows: the text.
            states: [image tokens, width] of images that come in this step; all others' keys and values are in the cache.
            early: rows that look at padding tiles too.
        """
        queries, _ = self.q_proj(rows)
        queries = self.q_norm(queries.unflatten(-1, (self.heads, self.head_dim)))
        if states is None:
            seen = self.attn(queries.flatten(-2), None, None)
        else:
            keys, values = self._keys_values(states)
            into_cache = slice(None) if early is None else early.cached
            seen = self.attn(queries.flatten(-2), keys[into_cache].flatten(-2), values[into_cache].flatten(-2))
            for text, image in () if early is None else early.spans:
                seen[text] = self._look(queries[text], keys[image], values[image])
        out, _ = self.o_proj(seen)
        return out

    def _keys_values(self, states: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        fused, _ = self.kv_proj(states)
        keys, values = (part.unflatten(-1, (self.kv_heads, self.head_dim)) for part in fused.chunk(2, dim=-1))
        return self.k_norm(keys.contiguous()), values

    def _look(self, queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
        """[rows, heads, head_dim] at [tokens, kv_heads, head_dim], without the cache."""
        queries, keys, values = (part.transpose(0, 1)[None] for part in (queries, keys, values))
        return functional.scaled_dot_product_attention(queries, keys, values, enable_gqa=True)[0].transpose(0, 1).flatten(-2)


class MllamaCrossAttentionLayer(nn.Module):
    """Cross-attention and a feed-forward part, both weighed by learnt gates."""

    def __init__(self, vllm_config: VllmConfig, config: Any, prefix: str) -> None:
        super().__init__()
        quant_config = vllm_config.quant_config
        self.cross_attn = MllamaCrossAttention(config, vllm_config.cache_config, quant_config, f"{prefix}.cross_attn")
        self.mlp = LlamaMLP(
            config.hidden_size, config.intermediate_size, config.hidden_act, quant_config=quant_config, prefix=f"{prefix}.mlp"
        )
        self.input_layernorm = RMSNorm(config.hidden_size, eps=config.rms_norm_eps)
        self.post_attention_layernorm = RMSNorm(config.hidden_size, eps=config.rms_norm_eps)
        self.cross_attn_attn_gate = nn.Parameter(torch.empty(1))
        self.cross_attn_mlp_gate = nn.Parameter(torch.empty(1))

    def forward(
        self, rows: torch.Tensor, looking: torch.Tensor, states: torch.Tensor | None, early: Early | None
    ) -> torch.Tensor:
        """[rows, width] to the same; a row that looks at nothing stays as it is.

        It is chosen, not multiplied by zero: attention to nothing may be anything, not-a-number included.
        """
        seen = rows + self.cross_attn_attn_gate.tanh() * self.cross_attn(self.input_layernorm(rows), states, early)
        thought = seen + self.cross_attn_mlp_gate.tanh() * self.mlp(self.post_attention_layernorm(seen))
        unseeing = rows if early is None else torch.where(early.rows[:, None], seen, rows)
        return torch.where(looking[:, None], thought, unseeing)


@support_torch_compile(dynamic_arg_dims={"input_ids": 0, "positions": -1, "looking": 0})
class MllamaTextModel(nn.Module):
    """All layers; vLLM compiles it for steps without new images, and captures it in CUDA graphs for steps that only decode."""

    def __init__(self, *, vllm_config: VllmConfig, prefix: str = "") -> None:
        super().__init__()
        config = vllm_config.model_config.hf_config.text_config
        self.embed_tokens = VocabParallelEmbedding(config.vocab_size, config.hidden_size, quant_config=vllm_config.quant_config)
        self.crossing = frozenset(config.cross_attention_layers)
        self.layers = nn.ModuleList(
            MllamaCrossAttentionLayer(vllm_config, config, f"{prefix}.layers.{index}")
            if index in self.crossing
            else LlamaDecoderLayer(vllm_config, f"{prefix}.layers.{index}", config)
            for index in range(config.num_hidden_layers)
        )
        self.norm = RMSNorm(config.hidden_size, eps=config.rms_norm_eps)

    def forward(
        self,
        input_ids: torch.Tensor,
        positions: torch.Tensor,
        looking: torch.Tensor,
        states: torch.Tensor | None = None,
        early: Early | None = None,
        text_only: bool = False,
    ) -> torch.Tensor:
        """[rows] to [rows, width].

        Args:
            input_ids: tokens of all requests.
            positions: of each in its request.
            looking: whether a row looks at an image.
            states: [image tokens, width] of new images, in the order of the requests.
            early: rows before their image's mark, where these look too.
            text_only: no row looks at an image: leave the cross-attention layers out.
        """
        rows, residual = self.embed_tokens(input_ids), None
        for index, layer in enumerate(self.layers):
            if index not in self.crossing:
                rows, residual = layer(positions, rows, residual)
            elif not text_only:
                whole = rows if residual is None else rows + residual
                rows, residual = layer(whole, looking, states, early), None
        return self.norm(rows) if residual is None else self.norm(rows, residual)[0]
