"""The engines by name; each is loaded only when it is asked for."""

from importlib import import_module

from pipeline.engines.base import Engine
from pipeline.errors import UsageError

ENGINES = {
    "ocr": "pipeline.engines.ocr:OcrEngine",
    "vllm": "pipeline.engines.vllm:VllmEngine",
    "openai": "pipeline.engines.openai:OpenAIEngine",
    "fake": "pipeline.engines.fake:FakeEngine",
}


def engine_class(name: str) -> type[Engine]:
    """The engine called `name`, or one of the user's as `module:Class`; raises UsageError for an unknown one."""
    module, colon, attribute = ENGINES.get(name, name).partition(":")
    try:
        if colon:
            found: type[Engine] = getattr(import_module(module), attribute)
            return found
    except (ImportError, AttributeError) as error:
        raise UsageError(f"the engine {name} cannot be loaded: {error}", "give the name of one, or MODULE:CLASS") from error
    raise UsageError(f"there is no engine called {name!r}", f"choose one of: {', '.join(ENGINES)}, or give MODULE:CLASS")
