"""Llama 3.2 Vision behind vLLM's own server: chats at once have the references' answers, and what it cannot answer is a 400."""

import asyncio
import base64
import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.mllama import SHAPES, Answer, Reference, one_thread, picture, tiny_mllama
from tests.serving import Server, openai_server
from tests.test_mllama_parity import SCHEMA, WITHIN, guided

openai = pytest.importorskip("openai")

pytestmark = [pytest.mark.vllm, pytest.mark.timeout(300)]

Message = dict[str, Any]

TOKENS = 10


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_mllama(tmp_path_factory.mktemp("mllama"))


@pytest.fixture(scope="module")
def server(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with openai_server(folder, tmp_path_factory.mktemp("server") / "server.log") as server:
        yield server


@pytest.fixture(scope="module")
def reference(folder: Path) -> Iterator[Reference]:
    with one_thread():
        yield Reference(folder)


def user(*parts: str | Image.Image) -> Message:
    """A turn of the user; pictures without loss, as those given to the reference."""
    return {"role": "user", "content": [part_of(part) for part in parts]}


def part_of(part: str | Image.Image) -> dict[str, Any]:
    if isinstance(part, str):
        return {"type": "text", "text": part}
    file = io.BytesIO()
    part.save(file, "PNG")
    return {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"}}


def ask(server: Server, chats: Sequence[Sequence[Message]], **told: Any) -> list[Any]:
    """All chats at once; a refusal comes back as what it is."""
    extra = {"return_token_ids": True, "ignore_eos": True} | told.pop("extra_body", {})
    plain: dict[str, Any] = {"model": "tiny", "temperature": 0, "max_tokens": TOKENS, "logprobs": True, "extra_body": extra}

    async def go() -> list[Any]:
        async with openai.AsyncOpenAI(base_url=server.base_url, api_key="none", max_retries=0, timeout=120) as client:
            asked = (client.chat.completions.create(messages=chat, **plain | told) for chat in chats)
            return await asyncio.gather(*asked, return_exceptions=True)

    return asyncio.run(go())


def answer_of(told: Any) -> Answer:
    assert not isinstance(told, BaseException), told
    choice = told.choices[0]
    logprobs = tuple(token.logprob for token in choice.logprobs.content)
    return Answer(tuple(told.prompt_token_ids), tuple(choice.token_ids), logprobs)


def rendered(reference: Reference, chat: Sequence[Message]) -> tuple[int, ...]:
    """The prompt by the checkpoint's template."""

    def plain(part: dict[str, Any]) -> dict[str, Any]:
        return {"type": "image"} if part["type"] == "image_url" else part

    turns = [
        {**turn, "content": turn["content"] if isinstance(turn["content"], str) else [plain(part) for part in turn["content"]]}
        for turn in chat
    ]
    text = reference.processor.apply_chat_template(turns, add_generation_prompt=True)
    return tuple(reference.processor.tokenizer.encode(text, add_special_tokens=False))


def chats_of(count: int) -> list[tuple[list[Message], Image.Image | None]]:
    """Chats of all kinds by turns: the picture first, last, in an earlier turn, or none; and it, to tell the reference."""
    made: list[tuple[list[Message], Image.Image | None]] = []
    for number in range(count):
        image, told = picture(number, [*SHAPES][number % len(SHAPES)]), f"What is the total of page {number}?"
        kinds: list[tuple[list[Message], Image.Image | None]] = [
            ([user(image, told)], image),
            ([user("This is an invoice. ", image, told)], image),
            ([user(image, "Read it."), {"role": "assistant", "content": "11.88"}, user(told)], image),
            ([{"role": "system", "content": "Be brief."}, user(told)], None),
            ([user(told + " ", image)], image),
        ]
        made.append(kinds[number % len(kinds)])
    return made


def test_20_chats_at_once_have_the_references_answers(server: Server, reference: Reference) -> None:
    chats = chats_of(20)
    for (chat, image), told in zip(chats, ask(server, [chat for chat, _ in chats]), strict=True):
        answer = answer_of(told)
        assert answer.prompt == rendered(reference, chat)
        expected = reference.answer(answer.prompt, image, TOKENS)
        assert answer.ids == expected.ids, chat
        assert answer.logprobs == pytest.approx(expected.logprobs, abs=WITHIN)


def test_json_by_a_schema(server: Server, reference: Reference) -> None:
    images = [picture(number, shape) for number, shape in enumerate(("one", "three tall", "four square", "two wide"))]
    form = {"type": "json_schema", "json_schema": {"name": "slip", "schema": SCHEMA, "strict": True}}
    chats = [[user(image, "Read it.")] for image in images]
    told = ask(server, chats, response_format=form, max_tokens=200, extra_body={"ignore_eos": False})
    for image, each in zip(images, told, strict=True):
        answer = answer_of(each)
        assert [*json.loads(each.choices[0].message.content)] == ["number", "paid"]
        logprobs = guided(reference, answer, image)
        assert answer.ids == tuple(logprobs.argmax(-1).tolist())
        assert answer.logprobs == pytest.approx(logprobs.amax(-1).tolist(), abs=WITHIN)


def test_log_probabilities_of_a_prompt_with_an_image(server: Server, reference: Reference) -> None:
    image = picture(1, "two wide")
    (told,) = ask(server, [[user(image, "Total?")]], extra_body={"prompt_logprobs": 1})
    prompt = answer_of(told).prompt
    given = [step[str(token)]["logprob"] for step, token in zip(told.prompt_logprobs[1:], prompt[1:], strict=True)]
    # JSON has no infinity: vLLM says -9999 where the mark of the image stands, which can never be said.
    expected = [max(score, -9999.0) for score in reference.score(prompt, image)]
    assert given == pytest.approx(expected, abs=WITHIN)
    assert expected.count(-9999.0) == 1


ONE, TWO = picture(1), picture(2)


@pytest.mark.parametrize(
    ("chat", "said"),
    [
        ([user(ONE, TWO, "Compare them.")], "1 image"),
        ([user(ONE, "Read it."), {"role": "assistant", "content": "1"}, user(TWO, "And this?")], "1 image"),
        ([user("Read <|image|> please.")], "<|image|>"),
        ([user(ONE, "Read <|image|> please.")], "<|image|>"),
        ([{"role": "system", "content": "Be brief."}, user(ONE, "Read it.")], "incompatible with system messages"),
        ([user(ONE, "Thank you. " * 9000)], "8192"),
    ],
    ids=["two images", "two turns with an image", "a mark, no image", "two marks, one image", "system", "too long"],
)
def test_what_it_cannot_answer_is_refused_in_one_line(server: Server, chat: list[Message], said: str) -> None:
    (refused,) = ask(server, [chat])
    assert isinstance(refused, openai.BadRequestError), refused
    assert said in refused.body["message"] and "\n" not in refused.body["message"].strip()
    assert answer_of(ask(server, [[user(ONE, "Read it.")]])[0]).ids  # it lives on


def test_a_mark_in_a_completion_is_refused(server: Server) -> None:
    client = openai.OpenAI(base_url=server.base_url, api_key="none", max_retries=0)
    with client, pytest.raises(openai.BadRequestError, match=r"<\|image\|>"):
        client.completions.create(model="tiny", prompt="Read <|image|> please.", max_tokens=4)


def test_a_completion_of_text_alone_is_the_references(server: Server, reference: Reference) -> None:
    prompt = "Invoice number INV-2024-0137 dated"
    with openai.OpenAI(base_url=server.base_url, api_key="none", max_retries=0) as client:
        extra = {"return_token_ids": True, "ignore_eos": True}
        told = client.completions.create(model="tiny", prompt=prompt, max_tokens=TOKENS, temperature=0, extra_body=extra)
    expected = reference.answer(prompt, None, TOKENS)
    assert (tuple(told.choices[0].prompt_token_ids), tuple(told.choices[0].token_ids)) == (expected.prompt, expected.ids)
