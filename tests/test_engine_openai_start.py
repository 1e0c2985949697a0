"""The OpenAI-compatible engine before it reads: settings, probe, identity, and the request that shows what is refused."""

import asyncio

import pytest

from pipeline.engines.openai import OpenAIEngine
from pipeline.errors import RunError, UsageError
from tests import faulty
from tests.faulty import Fault, Faulty
from tests.test_engine_openai import Slip, server, settings_for

__all__ = ["server"]

pytestmark = pytest.mark.timeout(60)

STARTS: dict[str, tuple[list[Fault], str]] = {
    "schema": ([faulty.status(400, "Invalid schema:\n  pattern")], "refuses the schema slip: 400 Invalid schema: pattern$"),
    "images": ([faulty.status(422, "tiny is not a multimodal model")], "422 tiny is not a multimodal model$"),
    "key": ([faulty.status(401, "no such key")], "fails at the first request: 401 no such key$"),
    "choked": ([faulty.status(500)] * 2, "fails at the first request: 500 it said no$"),
    "reset": ([faulty.reset], "fails at the first request: "),
    "never done": ([faulty.late(30)], "did not compile the grammar in 0.5 s$"),
    "a login page": ([faulty.page(b"<html>log in</html>", kind="text/html")], "fails at the first request: .*log in"),
}


@pytest.mark.parametrize("case", STARTS)
def test_a_server_that_does_not_take_the_schema_stops_the_run_before_the_first_page(server: Faulty, case: str) -> None:
    server.faults, expected = STARTS[case]
    with pytest.raises(RunError, match=expected) as caught:
        asyncio.run(OpenAIEngine(Slip, settings_for(server.base_url, compile_timeout_s=0.5)).start())
    assert ("api_key" if case == "key" else " ") in caught.value.next_step
    assert "\n" not in caught.value.message
    assert len(server.asked) <= 2
    assert not server.faults


@pytest.mark.parametrize(
    ("told", "message", "step"),
    [
        ({"base_url": ""}, "has no server", "--base-url http"),
        ({"base_url": "127.0.0.1:8000"}, "cannot use", "--base-url http"),
        ({"base_url": "ftp://server/v1"}, "cannot use", "--base-url http"),
        ({"base_url": "http://me:secret@127.0.0.1/v1"}, "cannot use", "api_key"),
        ({"base_url": "http://127.0.0.1/v1?key=secret"}, "cannot use", "api_key"),
        ({"api_key": "sk-secret\nX: y"}, "no key has", "line breaks"),
        ({"base_url": "http://server.example/v1", "api_key": "k"}, "key would go to server.example in clear", "https://"),
        ({"model": ""}, "needs a model", "the server has tiny"),
        ({"model": "", "base_url": "http://127.0.0.1:9/v1"}, "needs a model", "by which the server calls it"),
    ],
)
def test_settings_that_cannot_work_are_refused_at_once(server: Faulty, told: dict[str, str], message: str, step: str) -> None:
    settings = settings_for(**{"base_url": server.base_url, **told})
    with pytest.raises(UsageError, match=message) as caught:
        OpenAIEngine(Slip, settings)
    assert step in caught.value.next_step
    assert OpenAIEngine.probe(settings) == [f"{caught.value.message} → {caught.value.next_step}"]
    assert "secret" not in str(OpenAIEngine.probe(settings))


def test_the_probe_says_what_the_server_lacks(server: Faulty) -> None:
    def probe(**told: str) -> list[str]:
        return OpenAIEngine.probe(settings_for(**{"base_url": server.base_url, **told}))

    assert probe() == []
    assert probe(model="other") == [f"the server at {server.base_url} does not serve other → --model NAME: it has tiny"]
    (gone,) = probe(base_url="http://127.0.0.1:9/v1")
    assert "no server at http://127.0.0.1:9/v1" in gone
    server.down = 401
    (refused,) = probe()
    assert "api_key" in refused
    server.down = 404  # it does not tell what it has: the first request will show it
    assert probe() == []


def test_the_key_of_the_answers_knows_the_model_and_not_the_server() -> None:
    here, there = (settings_for(f"http://{host}/v1") for host in ("127.0.0.1:1", "localhost:2"))
    first = OpenAIEngine.identity(Slip, here)
    assert first == OpenAIEngine.identity(Slip, there)
    assert first == OpenAIEngine.identity(Slip, here.model_copy(update={"requests": 3}))
    for update in ({"model": "other"}, {"revision": "2"}, {"image_px": 99}):
        assert first != OpenAIEngine.identity(Slip, here.model_copy(update=update))
