"""From a request's image to tiles, and the rules that a request must keep: one image, and as many marks in the text as images.

The image is an encoder's prompt of its own, 1601 tokens a tile, and only the cross-attention layers see it; the text
keeps its mark.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from transformers import BatchFeature, MllamaProcessor
from vllm.exceptions import VLLMValidationError
from vllm.multimodal import MultiModalKwargsItems
from vllm.multimodal.inputs import MultiModalFieldConfig
from vllm.multimodal.processing import (
    BaseDummyInputsBuilder,
    BaseProcessingInfo,
    EncDecMultiModalProcessor,
    PromptReplacement,
)

from pipeline.engines.mllama import interfaces
from pipeline.engines.mllama.version import ARCHITECTURE

IMAGE = "<|image|>"
"""The image's mark, in the chat template and in every prompt."""


class MllamaProcessingInfo(BaseProcessingInfo):
    """Numbers that vLLM plans with."""

    def __init__(self, context: Any) -> None:
        super().__init__(context)
        interfaces.around_requests(marks_are_images)

    def get_hf_processor(self, **kwargs: object) -> Any:
        """Hugging Face's; it scales an image to the best of the tile arrangements, pads it with black and cuts it."""
        return self.ctx.get_hf_processor(MllamaProcessor, **kwargs)

    def get_supported_mm_limits(self) -> Mapping[str, int | None]:
        """One image a request: vLLM's cross-attention has no mask, so text before a second image would see it."""
        return {"image": 1}

    def get_mm_max_tokens_per_item(self, seq_len: int, mm_counts: Mapping[str, int]) -> Mapping[str, int]:
        """Tokens of an image of the most tiles."""
        return {"image": self.get_hf_config().max_source_positions}

    @property
    def skip_prompt_length_check(self) -> bool:
        """The image does not count against max_model_len: it never stands among the text."""
        return True


class MllamaDummyInputs(BaseDummyInputsBuilder[MllamaProcessingInfo]):
    """The largest image, for vLLM's measurement of memory."""

    def get_dummy_text(self, mm_counts: Mapping[str, int]) -> str:
        """A mark for each image."""
        return IMAGE * mm_counts.get("image", 0)

    def get_dummy_mm_data(self, seq_len: int, mm_counts: Mapping[str, int], mm_options: Mapping[str, Any]) -> Mapping[str, Any]:
        """Images that fill two by two tiles."""
        side = 2 * self.info.get_hf_config().vision_config.image_size
        count = mm_counts.get("image", 0)
        return {"image": self._get_dummy_images(width=side, height=side, num_images=count, overrides=mm_options.get("image"))}


class MllamaMultiModalProcessor(EncDecMultiModalProcessor[MllamaProcessingInfo]):
    """Makes the encoder's prompt and its tensors; the decoder's prompt stays as it came."""

    # The prompt begins as its chat template or tokenizer has it; vLLM would put another start token before it.
    skip_decoder_start_token = True

    def create_encoder_prompt(self, prompt: list[int], mm_items: Any) -> list[int]:
        """One mark an image, to be replaced by as many as it has tokens."""
        return [self.info.get_hf_config().image_token_index] * mm_items.get_count("image", strict=False)

    def _get_hf_mm_text(self, mm_counts: Mapping[str, int]) -> str:
        # Hugging Face's processor refuses images without marks for them.
        return self.dummy_inputs.get_dummy_text(mm_counts)

    def _postprocess_hf_mm_data(
        self, mm_inputs: Mapping[str, object], hf_processor_mm_kwargs: Mapping[str, object], processed_data: BatchFeature
    ) -> BatchFeature:
        """Tiles of all images one after another, without padding tiles: 3.8 MB of zeros each on their way to the tower."""
        if "pixel_values" not in processed_data:
            return processed_data
        # Hugging Face: [batch, images, tiles, channels, pixels, pixels], the batch being one text with all the images.
        tiles, mask = processed_data["pixel_values"][0], processed_data["aspect_ratio_mask"][0].bool()
        return BatchFeature(
            {
                "tiles": tiles[mask],
                "tile_counts": mask.sum(-1),
                "aspect_ratio_ids": processed_data["aspect_ratio_ids"][0],
            }
        )

    def _get_mm_fields_config(
        self, hf_inputs: BatchFeature, hf_processor_mm_kwargs: Mapping[str, object]
    ) -> Mapping[str, MultiModalFieldConfig]:
        counts = hf_inputs.get("tile_counts", ())
        return {
            "tiles": MultiModalFieldConfig.flat_from_sizes("image", counts),
            "tile_counts": MultiModalFieldConfig.batched("image", keep_on_cpu=True),
            "aspect_ratio_ids": MultiModalFieldConfig.batched("image", keep_on_cpu=True),
        }

    def _get_prompt_updates(
        self, mm_items: Any, hf_processor_mm_kwargs: Mapping[str, object], out_mm_kwargs: MultiModalKwargsItems
    ) -> Sequence[PromptReplacement]:
        config = self.info.get_hf_config()
        mark = config.image_token_index

        def marks(image: int) -> list[int]:
            count = int(out_mm_kwargs["image"][image]["tile_counts"].data)
            return [mark] * (count * config.tokens_per_tile)

        return [PromptReplacement(modality="image", target=[mark], replacement=marks)]


def marks_are_images(model_config: Any, decoder_input: Mapping[str, Any]) -> None:
    """Raises VLLMValidationError (HTTP 400) where a prompt has not as many marks as images: an answer would ignore one."""
    if model_config.architecture != ARCHITECTURE:
        return
    mark = model_config.hf_config.image_token_index
    marks = (decoder_input.get("prompt_token_ids") or []).count(mark)
    images = len(decoder_input.get("mm_placeholders", {}).get("image", ()))
    if marks != images:
        raise VLLMValidationError(
            f"the prompt has {marks} {IMAGE} for {images} images: send as many of one as of the other, at most one"
        )
