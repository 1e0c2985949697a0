"""That vLLM serves the tiny model as the tests of the engines need it, in process and over HTTP, and both say the same."""

import base64
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from openai import OpenAI
from PIL import Image

from tests.serving import Server
from tests.tiny import ENGINE, QUIET

pytestmark = [pytest.mark.vllm, pytest.mark.timeout(300)]

RECEIPT = {
    "type": "object",
    "properties": {
        "number": {"type": ["string", "null"], "pattern": "^[ -~]{0,12}$"},
        "currency": {"enum": ["EUR", "THB", "INR", None]},
        "lines": {"type": "array", "maxItems": 3, "items": {"type": "string", "pattern": '^[^\\x00-\\x1f"\\\\]{0,8}$'}},
    },
    "required": ["number", "currency", "lines"],
    "additionalProperties": False,
}

# Vowels and tone marks above and below, conjuncts, a joiner, digits of their own, a sign outside the basic plane.
SCRIPTS = ["ใบแจ้งหนี้ที่ ๒๕๖๗/๐๐๔๒ ฎฏฐ", "कुल देय राशि ₹ १,२८४.५० क्ष त्र", "क्‍ष", "überweisen – 12,50 €", "𑄌𑄋𑄴"]


@dataclass(frozen=True)
class Said:
    """An answer, with what tells whether two ways to ask are the same."""

    text: str
    finish: str
    prompt_tokens: int


Ask = Callable[[str, str, dict[str, Any]], Said]
"""The colour of the page, the prompt, the schema → the answer."""


@pytest.fixture(scope="module")
def in_process(checkpoint: Path) -> Iterator[Ask]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in QUIET.items():
            patch.setenv(name, value)
        from vllm import LLM, SamplingParams
        from vllm.sampling_params import StructuredOutputsParams

        llm = LLM(str(checkpoint), **ENGINE)

        def ask(colour: str, prompt: str, schema: dict[str, Any]) -> Said:
            content = [{"type": "image_pil", "image_pil": _page(colour)}, {"type": "text", "text": prompt}]
            params = SamplingParams(temperature=0, max_tokens=200, structured_outputs=StructuredOutputsParams(json=schema))
            (output,) = llm.chat([{"role": "user", "content": content}], params, use_tqdm=False)
            (said,) = output.outputs
            return Said(said.text, str(said.finish_reason), len(output.prompt_token_ids))

        yield ask
        llm.llm_engine.engine_core.shutdown()


@pytest.fixture(scope="module")
def over_http(vllm_server: Server) -> Ask:
    def ask(colour: str, prompt: str, schema: dict[str, Any]) -> Said:
        client = OpenAI(base_url=vllm_server.base_url, api_key="none", timeout=120, max_retries=0)
        png = io.BytesIO()
        _page(colour).save(png, "PNG")
        url = f"data:image/png;base64,{base64.b64encode(png.getvalue()).decode()}"
        content: Any = [{"type": "image_url", "image_url": {"url": url}}, {"type": "text", "text": prompt}]
        reply = client.chat.completions.create(
            model="tiny",
            temperature=0,
            max_tokens=200,
            messages=[{"role": "user", "content": content}],
            response_format={"type": "json_schema", "json_schema": {"name": "page", "strict": True, "schema": schema}},
        )
        (said,) = reply.choices
        assert reply.usage is not None
        return Said(said.message.content or "", said.finish_reason, reply.usage.prompt_tokens)

    return ask


@pytest.fixture(params=["in_process", "over_http"])
def ask(request: pytest.FixtureRequest) -> Ask:
    found: Ask = request.getfixturevalue(request.param)
    return found


def test_the_checkpoint_is_the_same_every_time(checkpoint: Path, tmp_path: Path) -> None:
    from tests.tiny import tiny_checkpoint

    again = tiny_checkpoint(tmp_path)
    made = {file.name: file.read_bytes() for file in checkpoint.iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= set(made)
    assert made == {file.name: file.read_bytes() for file in again.iterdir()}


def test_it_answers_in_compact_json_of_the_schema(ask: Ask) -> None:
    said = ask("white", "Read this receipt.", RECEIPT)
    value = json.loads(said.text)
    assert said.finish == "stop"
    assert [*value] == ["number", "currency", "lines"]
    assert said.text == json.dumps(value, ensure_ascii=False, separators=(",", ":"))


@pytest.mark.parametrize("string", SCRIPTS)
def test_every_script_comes_through_the_grammar_unharmed(ask: Ask, string: str) -> None:
    pattern = f"^{string.replace('.', '[.]')}$"
    forced = {"const": {"const": string}, "enum": {"enum": [string]}, "pattern": {"type": "string", "pattern": pattern}}
    schema = {"type": "object", "properties": forced, "required": [*forced], "additionalProperties": False}
    assert json.loads(ask("white", "Read.", schema).text) == dict.fromkeys(forced, string)


def test_image_and_prompt_change_the_answer(ask: Ask) -> None:
    schema = {"type": "string", "pattern": "^[ -~]{20}$"}
    said = {ask(colour, prompt, schema).text for colour in ("red", "white", "black") for prompt in ("Read this.", "ใบแจ้งหนี้")}
    assert len(said) >= 5


def test_both_ways_to_ask_say_the_same(in_process: Ask, over_http: Ask) -> None:
    question = ("red", "What was paid?", RECEIPT)
    assert in_process(*question) == over_http(*question)


def _page(colour: str) -> Image.Image:
    return Image.new("RGB", (900, 1200), colour)
