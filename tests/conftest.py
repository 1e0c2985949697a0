"""What several tests share: results to publish, and a model."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pipeline.records import DocumentResult, Grounding, Keys, LedgerRow, Source, Status, Value
from tests.serving import Server, openai_server

Made = Callable[..., DocumentResult]


@pytest.fixture
def made() -> Made:
    """Makes a result for an invoice at a path; any part can be told."""

    def make(uri: str, **told: Any) -> DocumentResult:
        base: dict[str, Any] = {
            "source": Source(uri, 10, "1"),
            "schema": "invoice",
            "engine": "ocr",
            "keys": Keys("w" * 16, "a" * 16, "r" * 16),
            "status": Status.OK,
            "pages": (LedgerRow(1, Status.OK, language="th"),),
            "content_id": "c" * 64,
            "page_count": 1,
            "language": "th",
            "confidence": 0.9,
            "values": (Value("total", "1,50", Decimal("1.50"), 1, Grounding.EXACT, (0.1, 0.2, 0.3, 0.4), 0.9),),
        }
        return DocumentResult(**{**base, **told})

    return make


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny vision model of random weights that vLLM serves."""
    from tests.tiny import tiny_checkpoint

    return tiny_checkpoint(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def vllm_server(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """vLLM's own server with that model, called `tiny`; a test that kills it starts it again."""
    with openai_server(checkpoint, tmp_path_factory.mktemp("server") / "server.log") as server:
        yield server
