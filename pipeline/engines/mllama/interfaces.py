"""Every name of vLLM's inside that the plugin touches beside those that all models use, and the guard over its version.

Each use stands in a function here, with its reason. REQUIRED names them all, so that a vLLM which has changed one is
refused by name.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, wraps
from importlib import import_module
from typing import Any

import torch
from vllm.logger import init_logger

from pipeline.engines.mllama.version import TESTED, is_tested, vllm_version

# As one of vLLM's own modules, or vLLM's logging would not show it.
logger = init_logger("vllm.plugins.mllama")


@dataclass(frozen=True, slots=True)
class Required:
    """One name of vLLM's inside, and the parameters or fields that are used of it."""

    module: str
    name: str
    parts: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"

    def wrong(self) -> str:
        """What is wrong with it in the vLLM that is installed; empty if nothing."""
        try:
            found: Any = import_module(self.module)
            for part in self.name.split("."):
                found = getattr(found, part)
        except (ImportError, AttributeError):
            return f"{self} is gone"
        missing = [part for part in self.parts if part not in _parts(found)]
        return f"{self} has no {', '.join(missing)}" if missing else ""


REQUIRED = (
    Required("vllm.transformers_utils.config", "_CONFIG_REGISTRY"),
    Required("vllm.model_executor.models.config", "MODELS_CONFIG_MAP"),
    Required("vllm.model_executor.models.config", "VerifyAndUpdateConfig.verify_and_update_config", ("vllm_config",)),
    Required("vllm.forward_context", "ForwardContext", ("attn_metadata", "skip_compiled")),
    Required("vllm.model_executor.layers.attention", "CrossAttention", ("num_heads", "head_size", "scale", "cache_config")),
    Required("vllm.multimodal.processing", "EncDecMultiModalProcessor.create_encoder_prompt", ("prompt", "mm_items")),
    Required("vllm.v1.attention.backend", "CommonAttentionMetadata", ("encoder_seq_lens", "encoder_seq_lens_cpu")),
    Required("vllm.v1.engine.input_processor", "InputProcessor._validate_model_input", ("prompt_input", "prompt_type")),
    Required("vllm.v1.worker.gpu_model_runner", "GPUModelRunner._execute_mm_encoder", ("scheduler_output",)),
    Required("vllm.v1.core.sched.output", "SchedulerOutput", ("scheduled_encoder_inputs",)),
)
"""What a vLLM must have; only looked at where its version is not a tested one."""


def wrong() -> list[str]:
    """What the vLLM that is installed lacks of REQUIRED, in words."""
    return [told for required in REQUIRED if (told := required.wrong())]


def usable() -> bool:
    """Whether the plugin works with this vLLM, as far as can be told; logs where it was not tested, and what is missing."""
    if is_tested():
        return True
    tested = " or ".join(TESTED)
    if changed := wrong():
        told = "Llama 3.2 Vision is not available: vLLM %s has changed what octoglot's plugin needs: %s. Install vLLM %s."
        logger.error(told, vllm_version(), "; ".join(changed), tested)
        return False
    logger.warning("octoglot's plugin for Llama 3.2 Vision was tested with vLLM %s, not with %s.", tested, vllm_version())
    return True


def add_model(architecture: str, reference: str) -> None:
    """Tell vLLM's registry (public) of a model class, as MODULE:CLASS."""
    from vllm import ModelRegistry

    ModelRegistry.register_model(architecture, reference)


def add_config(model_type: str, config: type) -> None:
    """Have vLLM read config.json of this model type with `config`; there is no public way to replace transformers'."""
    from vllm.transformers_utils.config import _CONFIG_REGISTRY

    _CONFIG_REGISTRY[model_type] = config


def add_limits(architecture: str, limits: type) -> None:
    """Have vLLM ask `limits.verify_and_update_config` once its whole configuration is known, before anything is loaded."""
    from vllm.model_executor.models.config import MODELS_CONFIG_MAP

    MODELS_CONFIG_MAP[architecture] = limits


@dataclass(frozen=True, slots=True)
class Requests:
    """The requests of one step as a cross-attention layer sees them, on the device, so that CUDA graphs can use it."""

    starts: torch.Tensor
    """[requests + 1] the row at which each request's tokens begin, and the end of the last."""

    image_tokens: torch.Tensor
    """[requests] image tokens that each may look at; 0 without an image."""

    most_image_tokens: int
    """The largest of them, or a bound; 0 when no request of the step has an image."""

    written: int
    """Image tokens whose keys and values this step puts into the cache."""


def requests_of(layer: str) -> Requests | None:
    """What the layer of that name works on in this step; None while vLLM measures memory, when there is nothing to look at."""
    from vllm.forward_context import get_forward_context

    metadata = get_forward_context().attn_metadata
    if not isinstance(metadata, dict) or layer not in metadata:
        return None
    step = metadata[layer]
    return Requests(step.query_start_loc, step.seq_lens, step.max_seq_len, step.slot_mapping.shape[0])


def run_uncompiled() -> None:
    """Run this step's layers as they are written instead of as they were compiled.

    What was compiled always has the cross-attention layers, and of attention to nothing at all vLLM's kernels promise nothing.
    """
    from vllm.forward_context import get_forward_context

    get_forward_context().skip_compiled = True


@lru_cache(maxsize=1)
def around_encoder(arrange: Callable[[Any, Any], None]) -> None:
    """Call `arrange(runner, scheduler_output)` before the runner of an encoder-decoder model encodes images; once a process."""
    from vllm.v1.worker.gpu_model_runner import GPUModelRunner

    encode = GPUModelRunner._execute_mm_encoder

    @wraps(encode)
    def arranged(self: Any, scheduler_output: Any) -> Any:
        if self.model_config.is_encoder_decoder:
            arrange(self, scheduler_output)
        return encode(self, scheduler_output)

    GPUModelRunner._execute_mm_encoder = arranged


@lru_cache(maxsize=1)
def around_requests(check: Callable[[Any, Any], None]) -> None:
    """Call `check(model_config, decoder_input)` for each request before it reaches the engine; once a process."""
    from vllm.v1.engine.input_processor import InputProcessor

    validate = InputProcessor._validate_model_input

    @wraps(validate)
    def checked(self: Any, prompt_input: Any, prompt_type: str) -> None:
        if prompt_type == "decoder":
            check(self.model_config, prompt_input)
        validate(self, prompt_input, prompt_type)

    InputProcessor._validate_model_input = checked


def _parts(found: Any) -> set[str]:
    """Names of parameters of a function, or of a class's constructor and fields."""
    names = set(getattr(found, "__dataclass_fields__", ())) | set(getattr(found, "__annotations__", ()))
    try:
        return names | set(inspect.signature(found).parameters)
    except (TypeError, ValueError):
        return names
