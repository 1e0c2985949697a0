"""The engines by name; each is loaded only when it is asked for."""

from importlib import import_module

from pipeline.engines.base import Engine
from pipeline.errors import UsageError

ENGINES = {
    "ocr": "pipeline.engines.ocr:OcrEngine",
    "fake": "pipeline.engines.fake:FakeEngine",
}


def engine_class(name: str) -> type[Engine]:
    """The engine called `name`; raises UsageError for an unknown one."""
    if name not in ENGINES:
        raise UsageError(f"there is no engine called {name!r}", f"choose one of: {', '.join(ENGINES)}")
    module, _, attribute = ENGINES[name].partition(":")
    found: type[Engine] = getattr(import_module(module), attribute)
    return found
