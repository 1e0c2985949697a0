"""Llama 3.2 Vision for today's vLLM, as a plugin: vLLM calls `register` in each of its processes.

It stands alone: nothing here imports the rest of octoglot, and it works with `vllm serve` and `LLM(...)` by itself.
"""


def register() -> None:
    """Make vLLM know the architecture, its configuration and its limits; where vLLM has changed too much, only say so."""
    from pipeline.engines.mllama import interfaces

    if not interfaces.usable():
        return
    from pipeline.engines.mllama.config import Limits, MllamaConfig
    from pipeline.engines.mllama.version import ARCHITECTURE

    interfaces.add_model(ARCHITECTURE, "pipeline.engines.mllama.model:MllamaForConditionalGeneration")
    interfaces.add_config(MllamaConfig.model_type, MllamaConfig)
    interfaces.add_limits(ARCHITECTURE, Limits)
