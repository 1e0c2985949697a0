"""The OpenAI-compatible engine before servers that fail in every way: what is the page's fault, the run's, the server's."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import cv2
import numpy as np
import pytest

from pipeline.engines.base import PageRequest
from pipeline.engines.guided import REPETITION
from pipeline.engines.openai import OpenAIEngine
from pipeline.errors import DocumentError, Reason, RunError
from pipeline.grammar import answer_schema
from pipeline.records import Frame, PageAnswer, PageWords, PreparedPage, Word
from pipeline.settings import Settings
from schemas.base import DocumentSchema
from tests import faulty
from tests.faulty import Fault, Faulty

pytestmark = pytest.mark.timeout(60)


class Slip(DocumentSchema):
    """A slip of paper."""

    number: str | None = None
    total: Decimal | None = None


SOUND = '{"number":"A-7","total":"1,50"}'

IMAGE = np.random.default_rng(7).integers(0, 255, (40, 30, 3), dtype=np.uint8)

Given = PageAnswer | DocumentError


@pytest.fixture
def server() -> Iterator[Faulty]:
    with Faulty(answer=SOUND) as proxy:
        yield proxy


def settings_for(base_url: str, **told: Any) -> Settings:
    return Settings(**{"engine": "openai", "model": "tiny", "base_url": base_url, "server_wait_s": 5.0, **told})


@asynccontextmanager
async def started(settings: Settings, notices: list[str] | None = None) -> AsyncIterator[OpenAIEngine]:
    engine = OpenAIEngine(Slip, settings)
    engine.notice = (notices if notices is not None else []).append
    await engine.start()
    try:
        yield engine
    finally:
        engine.close()


def request(text: str = "page", number: int = 1) -> PageRequest:
    words = PageWords(number, Frame(100, 100), (Word(text, (0.1, 0.1, 0.3, 0.2)),), language="en")
    return PageRequest("d" * 16, 1, PreparedPage(number, words, IMAGE))


async def given(engine: OpenAIEngine, *texts: str) -> list[Given]:
    """What the pages with these texts give, all at once."""
    answers = await asyncio.gather(*(engine.read(request(text)) for text in texts), return_exceptions=True)
    assert all(isinstance(answer, PageAnswer | DocumentError) for answer in answers), answers
    return answers  # type: ignore[return-value]


def read(proxy: Faulty, faults: Sequence[Fault] = (), **told: Any) -> Given:
    """What a page gives to which, after the start, these faults happen."""

    async def go() -> Given:
        async with started(settings_for(proxy.base_url, **told)) as engine:
            proxy.faults, proxy.asked = list(faults), []
            (answer,) = await given(engine, "page")
            return answer

    return asyncio.run(go())


def values(answer: Given) -> dict[str, str]:
    assert isinstance(answer, PageAnswer), answer
    assert answer.problem is None, answer.problem
    return {leaf.path: leaf.verbatim for leaf in answer.leaves}


def test_a_request_carries_picture_prompt_and_grammar_and_no_key_of_the_environment(
    server: Faulty, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-someone-else")
    answer = read(server, answer_tokens=77)
    assert values(answer) == {"number": "A-7", "total": "1,50"}
    (asked,) = server.asked
    assert (asked["model"], asked["temperature"], asked["max_tokens"], asked["logprobs"]) == ("tiny", 0, 77, True)
    told = asked["response_format"]["json_schema"]
    assert (told["strict"], told["schema"]) == (True, answer_schema(Slip, bounded=False))
    assert "page" in faulty.prompt_of(asked)
    picture = cv2.imdecode(np.frombuffer(faulty.picture_of(asked), np.uint8), cv2.IMREAD_COLOR_RGB)
    assert np.array_equal(picture, IMAGE)
    assert set(server.keys) == {"Bearer none"}


def test_a_server_on_this_machine_is_not_looked_for_behind_a_proxy(server: Faulty, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert values(read(server)) == {"number": "A-7", "total": "1,50"}


def test_the_key_goes_to_the_server(server: Faulty) -> None:
    read(server, api_key="sk-1")
    assert set(server.keys) == {"Bearer sk-1"}


@pytest.mark.parametrize(("owner", "expected"), [("vllm", REPETITION), ("llamacpp", None)])
def test_vllm_alone_is_asked_to_watch_for_repetitions(owner: str, expected: Any) -> None:
    with Faulty(answer=SOUND, models={"tiny": owner}) as server:
        read(server)
        assert server.asked[0].get("repetition_detection") == expected


def test_confidences_come_from_the_bytes_of_the_tokens(server: Faulty) -> None:
    """Half letters are told as `bytes:\\xe0` by one server and as U+FFFD by another."""
    text = '{"number":"ก7","total":null}'
    thai = "ก".encode()
    parts = [b'{"number":"', thai[:2], thai[2:], b'7"', b',"total":null}']
    logprobs = [-1.0, -0.1, -0.2, -0.3, -1.0]
    tokens = [
        {"token": f"bytes:{part!r}", "bytes": list(part), "logprob": logprob, "top_logprobs": []}
        for part, logprob in zip(parts, logprobs, strict=True)
    ]
    answer = read(server, [faulty.answer(text, tokens=tokens)])
    assert isinstance(answer, PageAnswer)
    (leaf,) = answer.leaves
    assert leaf.verbatim == "ก7"
    assert leaf.confidence == pytest.approx(np.exp(-1.6))
    assert (answer.tokens_in, answer.tokens_out) == (100, 10)


@pytest.mark.parametrize("parameter", ["logprobs", "seed", "temperature"])
def test_what_a_server_does_not_know_it_is_not_asked(server: Faulty, parameter: str) -> None:
    server.faults = [faulty.status(400, f"Unsupported parameter: {parameter}")]

    async def go() -> None:
        async with started(settings_for(server.base_url)) as engine:
            (answer,) = await given(engine, "page")
            assert values(answer) == {"number": "A-7", "total": "1,50"}

    asyncio.run(go())
    # The first form is asked for twice, the second once, and the page once.
    assert [parameter in asked for asked in server.asked] == [True, False, False, False]


def test_a_server_that_knows_the_room_by_its_new_name_is_told_it_so(server: Faulty) -> None:
    told = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
    server.faults = [faulty.status(400, told)]
    answer = read(server)
    assert values(answer) == {"number": "A-7", "total": "1,50"}


TRANSIENT: dict[str, list[Fault]] = {
    "429": [faulty.status(429)] * 3,
    "500": [faulty.status(500)] * 5,
    "502, then 503": [faulty.status(502), faulty.status(503)],
    "reset": [faulty.reset],
    "cut off": [faulty.cut_off],
    "late": [faulty.late(30)],
}


@pytest.mark.parametrize("fault", TRANSIENT)
def test_a_passing_fault_costs_nothing(server: Faulty, fault: str) -> None:
    answer = read(server, TRANSIENT[fault], answer_timeout_s=2.0)
    assert values(answer) == {"number": "A-7", "total": "1,50"}
    assert isinstance(answer, PageAnswer)
    assert answer.asks == 1
    assert len(server.asked) == len(TRANSIENT[fault]) + 1


LASTING: dict[str, tuple[list[Fault], Reason, str]] = {
    "400": ([faulty.status(400, "the prompt is\ntoo long")], Reason.ENGINE_REFUSED, "400 the prompt is too long"),
    "413": ([faulty.page(b"<html>too large</html>", 413, "text/html")], Reason.ENGINE_REFUSED, "413 <html>too large</html>"),
    "422": ([faulty.status(422)], Reason.ENGINE_REFUSED, "422 it said no"),
    "429": ([faulty.status(429)] * 6, Reason.ENGINE_FAILED, "429 it said no"),
    "500": ([faulty.status(500)] * 6, Reason.ENGINE_FAILED, "500 it said no"),
    "502 to 504": (
        [faulty.status(503)] * 5 + [faulty.status(502)] + [faulty.status(504)] * 6,
        Reason.ENGINE_FAILED,
        "went away twice with this page in hand: 504 it said no",
    ),
    "reset": ([faulty.reset] * 2, Reason.ENGINE_FAILED, "went away twice"),
    "cut off": ([faulty.cut_off] * 2, Reason.ENGINE_FAILED, "went away twice"),
    "late": ([faulty.late(30)] * 2, Reason.TIMEOUT, "answer_timeout_s = 2 s, 2 times"),
    "bad UTF-8": (
        [faulty.page(b'{"choices": [{"message": {"content": "\xe0\xb8"}}]}')],
        Reason.ENGINE_FAILED,
        "cannot be read",
    ),
    "no JSON": ([faulty.page(b"{")], Reason.ENGINE_FAILED, "cannot be read"),
    "a login page": ([faulty.page(b"<html>log in</html>", kind="text/html")], Reason.ENGINE_FAILED, "log in"),
    "no choices": ([faulty.page(b'{"choices": []}')], Reason.ENGINE_FAILED, "holds no choice"),
    "aborted": ([faulty.answer("", "abort")], Reason.ENGINE_FAILED, "'abort'"),
    "filtered": ([faulty.answer("", "content_filter")], Reason.ENGINE_REFUSED, "content filter"),
    "refused": ([faulty.answer(None, refusal="I cannot\nread it")], Reason.ENGINE_REFUSED, "I cannot read it"),
}


@pytest.mark.parametrize("fault", LASTING)
def test_a_lasting_fault_costs_the_page_and_no_more(server: Faulty, fault: str) -> None:
    faults, reason, told = LASTING[fault]

    async def go() -> None:
        async with started(settings_for(server.base_url, answer_timeout_s=2.0)) as engine:
            server.faults = list(faults)
            error, answer = [(await given(engine, text))[0] for text in ("first", "second")]
            assert isinstance(error, DocumentError)
            assert error.reason is reason
            assert told in error.message
            assert "\n" not in error.message
            assert values(answer) == {"number": "A-7", "total": "1,50"}
            assert not engine.lost
            assert not server.faults

    asyncio.run(go())


@pytest.mark.parametrize(("code", "step"), [(401, "api_key"), (403, "--model"), (404, "--base-url")])
def test_what_every_page_would_meet_with_stops_the_run(server: Faulty, code: int, step: str) -> None:
    async def go() -> None:
        async with started(settings_for(server.base_url, api_key="sk-1234")) as engine:
            server.faults = [faulty.status(code, "bad: sk-1234")]
            with pytest.raises(RunError, match=rf"{code} bad: \*\*\*$") as caught:
                await engine.read(request())
            assert step in caught.value.next_step

    asyncio.run(go())


ECHO = json.dumps(answer_schema(Slip))
SPACES = '{"number":' + " " * 60

UNSOUND: dict[str, tuple[Fault, Reason]] = {
    "the schema itself": (faulty.answer(ECHO), Reason.ANSWER_INVALID),
    "white space": (faulty.answer(SPACES, "length"), Reason.ANSWER_CUT),
    "white space that ended": (faulty.answer(SPACES), Reason.ANSWER_INVALID),
    "cut at most_tokens": (faulty.answer(SOUND[:-4], "length"), Reason.ANSWER_CUT),
    "over and over": (faulty.answer(SOUND[:-4] + "0" * 60, "repetition"), Reason.ANSWER_INVALID),
    "nothing": (faulty.answer(None), Reason.ANSWER_INVALID),
}


@pytest.mark.parametrize("case", UNSOUND)
def test_an_unsound_answer_is_asked_for_once_more(server: Faulty, case: str) -> None:
    fault, reason = UNSOUND[case]
    mended = read(server, [fault])
    assert values(mended) == {"number": "A-7", "total": "1,50"}
    assert isinstance(mended, PageAnswer)
    assert (mended.asks, mended.tokens_in, mended.tokens_out) == (2, 200, 20)
    rooms = [asked["max_tokens"] for asked in server.asked]
    assert rooms == ([2048, 4096] if reason is Reason.ANSWER_CUT else [2048, 2048])
    assert faulty.picture_of(server.asked[0]) == faulty.picture_of(server.asked[1])
    lost = read(server, [fault, fault])
    assert isinstance(lost, PageAnswer)
    assert lost.problem is not None
    assert (lost.problem.reason, lost.leaves, len(server.asked)) == (reason, (), 2)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ('{"number":"A\x01-\x7f7","total":null}', "A - 7"),
        ('{"number":"A\\u0000-7","total":null}', "A -7"),
        ('{"number":"A\\ud83d-7","total":null}', "A\ufffd-7"),
        ('{"number":"A\ud83d-7","total":null}', "A\ufffd-7"),
    ],
    ids=["control characters", "escaped NUL", "escaped half letter", "half letter"],
)
def test_what_no_file_takes_is_taken_out(server: Faulty, written: str, expected: str) -> None:
    answer = read(server, [faulty.answer(written)])
    assert values(answer) == {"number": expected}
    assert isinstance(answer, PageAnswer)
    answer.raw.encode("utf-8")


def test_a_server_that_dies_is_waited_for_and_the_page_that_kills_it_is_found(server: Faulty) -> None:
    """Six pages are in flight when one kills the server; they are read, it is not, and it dies with nobody else in hand."""
    server.by_text = {"KILLER": faulty.dying(0.4), "GOOD": faulty.late(0.3)}
    names = ["GOOD1", "GOOD2", "KILLER", "GOOD3", "GOOD4", "GOOD5"]
    notices: list[str] = []

    async def go() -> list[Given]:
        async with started(settings_for(server.base_url), notices) as engine:
            first = given(engine, *names)
            later = asyncio.create_task(_after(0.2, lambda: given(engine, "later1", "later2")))
            return [*await first, *await later]

    answers = asyncio.run(go())
    killer = answers.pop(names.index("KILLER"))
    assert isinstance(killer, DocumentError)
    assert killer.reason is Reason.ENGINE_FAILED
    assert "went away twice with this page in hand" in killer.message
    assert [values(answer) for answer in answers] == [{"number": "A-7", "total": "1,50"}] * 7
    assert [line.rpartition(" is ")[2][:4] for line in notices] == ["gone", "back", "gone", "back"]


def test_a_server_that_answers_503_to_everything_is_waited_for(server: Faulty) -> None:
    notices: list[str] = []

    async def go() -> list[Given]:
        async with started(settings_for(server.base_url), notices) as engine:
            server.down = 503
            threading.Timer(0.8, lambda: setattr(server, "down", 0)).start()
            return await given(engine, "a", "b", "c")

    assert [values(answer) for answer in asyncio.run(go())] == [{"number": "A-7", "total": "1,50"}] * 3
    assert len(notices) == 2


def test_a_server_that_is_gone_for_good_costs_the_pages_in_hand_and_says_so(server: Faulty) -> None:
    notices: list[str] = []

    async def go() -> None:
        async with started(settings_for(server.base_url, server_wait_s=0.6), notices) as engine:
            server.by_text = {"STALLED": faulty.late(30)}
            pages = asyncio.create_task(given(engine, *["STALLED"] * 3))
            await asyncio.sleep(0.2)
            await asyncio.to_thread(server.die)
            told = f"the server at {server.base_url} was gone for 0.6 s"
            for error in [*await pages, *await given(engine, "later")]:
                assert isinstance(error, DocumentError)
                assert (error.reason, error.message) == (Reason.ENGINE_FAILED, told)
            assert engine.lost == told
            await asyncio.to_thread(server.start)
            (late,) = await given(engine, "later still")
            assert isinstance(late, DocumentError)  # what is lost stays so: the next run starts afresh
        async with started(settings_for(server.base_url)) as engine:
            assert not engine.lost
            (answer,) = await given(engine, "later")
            assert values(answer) == {"number": "A-7", "total": "1,50"}

    asyncio.run(go())
    assert len(notices) == 2
    assert notices[-1].endswith("given up")


async def _after(seconds: float, what: Callable[[], Any]) -> Any:
    await asyncio.sleep(seconds)
    return await what()
