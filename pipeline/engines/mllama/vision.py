"""The vision tower: up to four tiles of an image to a vector a patch, in vLLM's layers: tensor parallelism splits its heads.

Meta trained it on four tiles always, the missing ones black, and on patches padded to a multiple of eight. That padding
is part of the result: a mask keeps padding from looking at padding, but what is real looks at all of it. It need not be
computed as often as it stands there, though. Padding patches begin equal and see the same, so they stay equal: one a tile
is enough. So do padding tiles, unless the checkpoint has different embeddings for them (the hub's have zeros). Each
stands once among the rows, and as often among the keys as Hugging Face has it. And with what is real in front no row
needs a mask: it looks at everything, or at the front.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import nn
from torch.nn import functional
from transformers.models.mllama.configuration_mllama import MllamaVisionConfig
from vllm.distributed import get_tensor_model_parallel_world_size
from vllm.model_executor.layers.activation import get_act_fn
from vllm.model_executor.layers.linear import ColumnParallelLinear, QKVParallelLinear, RowParallelLinear
from vllm.model_executor.layers.quantization import QuantizationConfig

MULTIPLE = 8
"""Patches of a tile were padded to a multiple of this in training."""

ROWS_AT_ONCE = 32_768
"""Rows that are encoded together, five images of four tiles: enough to fill a GPU, and vLLM may come with dozens of images."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where rows stand: patches of real tiles, then one padding patch of each tile, then patches of padding tiles."""

    tiles: int
    """Real tiles."""

    slots: int
    """Tiles that are computed, the real ones first."""

    tile_of_row: torch.Tensor
    """[rows] the tile that each row belongs to."""

    real: int
    """Rows of real tiles' patches; they come first."""

    keys: torch.Tensor
    """Rows that real rows look at, those that stand for several as often as they do."""

    @classmethod
    @lru_cache(maxsize=64)
    def of(cls, tiles: int, shared: bool, max_tiles: int, patches: int, device: torch.device) -> "Layout":
        """For an image of `tiles` tiles of `patches` patches; `shared`: one padding tile stands for all."""
        missing = max_tiles - tiles
        standing_for = missing if shared and missing else 1
        slots = tiles + (missing if standing_for == 1 else 1)
        padding = -patches % MULTIPLE
        tile = torch.arange(slots, device=device)
        rows = torch.cat([tile[:tiles].repeat_interleave(patches), tile, tile[tiles:].repeat_interleave(patches)])
        times = torch.ones_like(rows)
        real = tiles * patches
        times[real : real + slots] = padding
        times[rows >= tiles] *= standing_for
        return cls(tiles, slots, rows, real, torch.arange(len(rows), device=device).repeat_interleave(times))


class MllamaVisionAttention(nn.Module):
    """Attention among the rows of one image."""

    def __init__(self, config: MllamaVisionConfig, quant_config: QuantizationConfig | None, prefix: str) -> None:
        super().__init__()
        width, heads = config.hidden_size, config.attention_heads
        self.head_dim = width // heads
        self.heads = heads // get_tensor_model_parallel_world_size()
        self.qkv_proj = QKVParallelLinear(
            width, self.head_dim, heads, bias=False, quant_config=quant_config, prefix=f"{prefix}.qkv_proj"
        )
        self.o_proj = RowParallelLinear(width, width, bias=False, quant_config=quant_config, prefix=f"{prefix}.o_proj")

    def forward(self, rows: torch.Tensor, layout: Layout) -> torch.Tensor:
        """[images, rows, width] to the same."""
        fused, _ = self.qkv_proj(rows)
        queries, keys, values = (
            part.unflatten(-1, (self.heads, self.head_dim)).transpose(1, 2) for part in fused.chunk(3, dim=-1)
        )
        real = layout.real
        # Two attentions without a mask are faster than one with it, which no flash kernel takes.
        seen = [
            functional.scaled_dot_product_attention(queries[:, :, :real], keys[:, :, layout.keys], values[:, :, layout.keys]),
            functional.scaled_dot_product_attention(queries[:, :, real:], keys[:, :, :real], values[:, :, :real]),
        ]
        out, _ = self.o_proj(torch.cat(seen, dim=2).transpose(1, 2).flatten(-2))
        return out


class MllamaVisionMLP(nn.Module):
    """Two linear layers."""

    def __init__(self, config: MllamaVisionConfig, quant_config: QuantizationConfig | None, prefix: str) -> None:
        super().__init__()
        width, inner = config.hidden_size, config.intermediate_size
        self.activation = get_act_fn(config.hidden_act)
        self.fc1 = ColumnParallelLinear(width, inner, quant_config=quant_config, prefix=f"{prefix}.fc1")
        self.fc2 = RowParallelLinear(inner, width, quant_config=quant_config, prefix=f"{prefix}.fc2")

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """[images, rows, width] to the same."""
        inner, _ = self.fc1(rows)
        out, _ = self.fc2(self.activation(inner))
        return out


class MllamaVisionLayer(nn.Module):
    """One block; those of the global transformer weigh what they add by learnt gates."""

    def __init__(self, config: MllamaVisionConfig, gated: bool, quant_config: QuantizationConfig | None, prefix: str) -> None:
        super().__init__()
        self.self_attn = MllamaVisionAttention(config, quant_config, f"{prefix}.self_attn")
        self.mlp = MllamaVisionMLP(config, quant_config, f"{prefix}.mlp")
        self.input_layernorm = nn.LayerNorm(config.hidden_size, eps=config.norm_eps)
        self.post_attention_layernorm = nn.LayerNorm(config.hidden_size, eps=config.norm_eps)
        self.gated = gated
        if gated:
            self.gate_attn = nn.Parameter(torch.empty(1))
            self.gate_ffn = nn.Parameter(torch.empty(1))

    def forward(self, rows: torch.Tensor, layout: Layout) -> torch.Tensor:
        """[images, rows, width] to the same."""
        seen = self.self_attn(self.input_layernorm(rows), layout)
        rows = rows + (self.gate_attn.tanh() * seen if self.gated else seen)
        thought = self.mlp(self.post_attention_layernorm(rows))
        return rows + (self.gate_ffn.tanh() * thought if self.gated else thought)


class MllamaVisionEncoder(nn.Module):
    """A stack of blocks that also hands out some of what passes between them."""

    def __init__(
        self, config: MllamaVisionConfig, layers: int, gated: bool, quant_config: QuantizationConfig | None, prefix: str
    ) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            MllamaVisionLayer(config, gated, quant_config, f"{prefix}.layers.{index}") for index in range(layers)
        )

    def forward(
        self, rows: torch.Tensor, layout: Layout, chosen: Sequence[int] = ()
    ) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """What comes out of the last block; and what goes into those `chosen`, the number of blocks being that same end."""
        states = []
        for index, layer in enumerate(self.layers):
            if index in chosen:
                states.append(rows)
            rows = layer(rows, layout)
        return rows, [*states, rows] if len(self.layers) in chosen else states


class TileEmbedding(nn.Module):
    """One vector for each tile of each arrangement of tiles."""

    def __init__(self, config: MllamaVisionConfig) -> None:
        super().__init__()
        self.max_tiles = config.max_num_tiles
        self.embedding = nn.Embedding(config.max_aspect_ratio_id + 1, config.max_num_tiles * config.hidden_size)
        self.gate = nn.Parameter(torch.empty(1))

    def forward(self, aspect_ratio_ids: torch.Tensor) -> torch.Tensor:
        """[images] to [images, tiles, width]."""
        return self.gate.tanh() * self.embedding(aspect_ratio_ids).unflatten(-1, (self.max_tiles, -1))


class PositionEmbedding(nn.Module):
    """A vector for each patch of a tile, mixed by a gate with one for each patch of each tile of each arrangement."""

    def __init__(self, config: MllamaVisionConfig) -> None:
        super().__init__()
        self.max_tiles, self.patches = config.max_num_tiles, (config.image_size // config.patch_size) ** 2 + 1
        self.gate = nn.Parameter(torch.empty(1))
        self.embedding = nn.Parameter(torch.empty(self.patches, config.hidden_size))
        self.tile_embedding = nn.Embedding(
            config.max_aspect_ratio_id + 1, config.max_num_tiles * self.patches * config.hidden_size
        )

    def forward(self, aspect_ratio_ids: torch.Tensor) -> torch.Tensor:
        """[images] to [images, tiles, patches, width]."""
        of_tiles = self.tile_embedding(aspect_ratio_ids).unflatten(-1, (self.max_tiles, self.patches, -1))
        return (1 - self.gate.tanh()) * self.embedding + self.gate.tanh() * of_tiles


class MllamaVisionModel(nn.Module):
    """The tower; parameters are named as Hugging Face names them, but q, k and v are one."""

    def __init__(
        self,
        config: MllamaVisionConfig,
        quant_config: QuantizationConfig | None = None,
        prefix: str = "",
        outputs: bool = False,
    ) -> None:
        """With `outputs` it hands on what comes out of the chosen blocks, as transformers since 4.56; without, what goes in."""
        super().__init__()
        self.config = config
        self.chosen = [index + outputs for index in config.intermediate_layers_indices]
        self.patch_embedding = nn.Conv2d(
            config.num_channels, config.hidden_size, kernel_size=config.patch_size, stride=config.patch_size, bias=False
        )
        self.class_embedding = nn.Parameter(torch.empty(config.hidden_size))
        self.gated_positional_embedding = positions = PositionEmbedding(config)
        self.max_tiles, self.patches = positions.max_tiles, positions.patches
        self.pre_tile_positional_embedding = TileEmbedding(config)
        self.post_tile_positional_embedding = TileEmbedding(config)
        self.layernorm_pre = nn.LayerNorm(config.hidden_size)
        self.layernorm_post = nn.LayerNorm(config.hidden_size)
        self.transformer = MllamaVisionEncoder(config, config.num_hidden_layers, False, quant_config, f"{prefix}.transformer")
        self.global_transformer = MllamaVisionEncoder(
            config, config.num_global_layers, True, quant_config, f"{prefix}.global_transformer"
        )
        self._shared: list[bool] | None = None

    def forward(
        self, tiles: torch.Tensor, aspect_ratio_ids: Sequence[int], counts: Sequence[int], with_padding: bool = False
    ) -> list[torch.Tensor]:
        """Encode images, those of one number of tiles together.

        Args:
            tiles: [sum of counts, channels, pixels, pixels], an image's tiles one after another.
            aspect_ratio_ids: of each image, from 1; Hugging Face's numbers.
            counts: of each image, its tiles.
            with_padding: also hand out what becomes of the padding tiles.

        Returns:
            Of each image [tiles, patches, width], all its max_tiles with_padding.
        """
        cut = tiles.split(list(counts))
        groups: dict[tuple[int, bool], list[int]] = {}
        for image, (count, arrangement) in enumerate(zip(counts, aspect_ratio_ids, strict=True)):
            groups.setdefault((count, self._is_shared(arrangement)), []).append(image)
        encoded: dict[int, torch.Tensor] = {}
        for (count, shared), images in groups.items():
            layout = Layout.of(count, shared, self.max_tiles, self.patches, tiles.device)
            at_once = max(ROWS_AT_ONCE // len(layout.tile_of_row), 1)
            for some in (images[start : start + at_once] for start in range(0, len(images), at_once)):
                ids = torch.tensor([aspect_ratio_ids[image] for image in some], device=tiles.device)
                states = self._encode(torch.stack([cut[image] for image in some]), ids, layout, with_padding)
                encoded |= dict(zip(some, states, strict=True))
        return [encoded[image] for image in range(len(counts))]

    def _encode(self, tiles: torch.Tensor, ids: torch.Tensor, layout: Layout, with_padding: bool) -> torch.Tensor:
        """Images of one layout: [images, tiles, channels, pixels, pixels] to [images, tiles, patches, width]."""
        rows, states = self.transformer(self._rows(tiles, ids, layout), layout, self.chosen)
        rows = self.layernorm_post(rows) + self.post_tile_positional_embedding(ids)[:, layout.tile_of_row]
        rows, _ = self.global_transformer(rows, layout)
        # Interleaved, not one after another: the projector was trained so.
        out = torch.cat([rows, torch.stack(states, dim=-1).flatten(-2)], dim=-1)
        real = out[:, : layout.real].unflatten(1, (layout.tiles, self.patches))
        if not with_padding or layout.tiles == self.max_tiles:
            return real
        padding = out[:, layout.real + layout.slots :].unflatten(1, (-1, self.patches))
        return torch.cat([real, padding.expand(-1, self.max_tiles - layout.tiles, -1, -1)], dim=1)

    def _rows(self, tiles: torch.Tensor, ids: torch.Tensor, layout: Layout) -> torch.Tensor:
        """Patches with their embeddings, in the order of the layout."""
        images, slots = len(tiles), layout.slots
        patches = self.patch_embedding(tiles.flatten(0, 1).to(self.class_embedding.dtype)).flatten(2).transpose(1, 2)
        patches = patches.unflatten(0, (images, -1))
        # A padding tile is black, and the patch embedding has no bias.
        patches = functional.pad(patches, (0, 0, 0, 0, 0, slots - layout.tiles))
        patches = patches + self.pre_tile_positional_embedding(ids)[:, :slots, None]
        first = self.class_embedding.expand(images, slots, 1, -1)
        rows = torch.cat([first, patches], dim=2) + self.gated_positional_embedding(ids)[:, :slots]
        rows = self.layernorm_pre(rows)
        blank = rows.new_zeros(images, slots, rows.shape[-1])
        return torch.cat([rows[:, : layout.tiles].flatten(1, 2), blank, rows[:, layout.tiles :].flatten(1, 2)], dim=1)

    def _is_shared(self, arrangement: int) -> bool:
        """Whether all padding tiles of an arrangement have the same embeddings; looked up once, when the weights are there."""
        if self._shared is None:
            sizes = [0, *(height * width for height, width in self.config.supported_aspect_ratios)]
            tables = (
                self.pre_tile_positional_embedding.embedding.weight,
                self.post_tile_positional_embedding.embedding.weight,
                self.gated_positional_embedding.tile_embedding.weight,
            )
            self._shared = [
                all(_equal(table[index].unflatten(0, (self.max_tiles, -1))[size:]) for table in tables)
                for index, size in enumerate(sizes)
            ]
        return self._shared[arrangement]


def _equal(rows: torch.Tensor) -> bool:
    return bool((rows == rows[:1]).all())
