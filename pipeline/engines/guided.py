"""How a model is asked for a page, whichever engine holds it: one ask, a second where the first is not sound, never a third."""

import hashlib
import json
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

from pipeline.engines.answer import Piece, read_answer
from pipeline.engines.base import PageRequest
from pipeline.errors import Reason
from pipeline.grammar import answer_schema
from pipeline.prompts import Prompts
from pipeline.records import Identity, PageAnswer, Problem
from pipeline.settings import Settings
from schemas.base import Schema

DECODING_VERSION = 1
"""Counted up with each change of this module, of `answer` or of an engine that gives other answers: they are bought anew."""

MORE_ROOM = 2
"""How many times the room of the first ask the second has, where the first was cut off."""

ASKS = 2

FORMS = (False, True)
"""Of the grammar, for `Ask.bounded`: the first ask's and the second's."""

REPETITION = {"min_pattern_size": 1, "max_pattern_size": 64, "min_count": 24}
"""When vLLM ends an answer as repeating itself: 1 to 64 tokens 24 times on end. A table may well hold ten equal rows."""

REPEATED = "it repeated itself without end"


@dataclass(frozen=True, slots=True)
class Ask:
    """One request: prompt, picture as the engine wants it, most tokens of the answer, form of the grammar (see FORMS)."""

    prompt: str
    picture: Any
    most_tokens: int
    bounded: bool = False


@dataclass(frozen=True, slots=True)
class Completion:
    """What came back: the text as it is, why it ended, its tokens with their log-probabilities, and what was used."""

    text: str
    finish: Literal["stop", "length", "repetition"]
    pieces: tuple[Piece, ...] = ()
    tokens_in: int = 0
    tokens_out: int = 0


class Model(Protocol):
    """What an engine does for the reader below: greedy decoding under a form of `answer_schema`, with log-probabilities."""

    async def picture(self, image: Any) -> Any:
        """The page's image, RGB of uint8 (height, width, 3), in the form in which asks carry it; called once a page."""

    async def complete(self, ask: Ask) -> Completion:
        """One answer. Raises DocumentError for this page alone, RunError when nothing works, EngineDied."""


class GuidedReader:
    """Reads pages of one schema with a model."""

    def __init__(self, model: Model, schema: Schema, settings: Settings) -> None:
        self._model = model
        self._schema = schema
        self._room = settings.answer_tokens
        self._prompts = _prompts(schema, settings)

    async def read(self, request: PageRequest) -> PageAnswer:
        """The answer for a page.

        An answer that was cut off is asked for again with more room, one that is not sound with its errors named; the grammar
        of the second ask bounds every string, which is slower, but ends a loop within one value. If the second is no better,
        the page's problem says so and `raw` holds what the model wrote: it is never mended into a row.
        """
        page, words = request.prepared.page, request.prepared.words
        assert words is not None
        picture = await self._model.picture(request.prepared.image)
        errors: tuple[str, ...] = ()
        before, room, tokens_in, tokens_out = "", self._room, 0, 0
        for ask in range(1, ASKS + 1):
            prompt = self._prompts.page(words, request.page_count, errors, before)
            given = await self._model.complete(Ask(prompt, picture, room, bounded=ask > 1))
            tokens_in, tokens_out = tokens_in + given.tokens_in, tokens_out + given.tokens_out
            answer = PageAnswer(page, raw=given.text, asks=ask, tokens_in=tokens_in, tokens_out=tokens_out)
            if given.finish == "length":
                problem = Problem("extract", Reason.ANSWER_CUT, f"the answer did not end within {room:,} tokens")
                errors, before, room = (), "", room * MORE_ROOM
                continue
            reading = read_answer(given.text, self._schema, given.pieces) if given.finish == "stop" else None
            if reading and not reading.errors:
                return replace(answer, leaves=reading.leaves)
            errors, before = reading.errors if reading else (REPEATED,), given.text
            problem = Problem("extract", Reason.ANSWER_INVALID, f"asked {ask} times, the answer is not sound: {errors[0]}")
        return replace(answer, problem=problem)


def identity_of(model: str, revision: str, schema: Schema, settings: Settings, more: str = "") -> Identity:
    """What the answers of a model under this schema and these settings, and `more` of its own, depend on; loads no weights."""
    told = json.dumps([answer_schema(schema, bounded=bounded) for bounded in FORMS], ensure_ascii=False)
    parts = (told, str(settings.image_px), str(DECODING_VERSION), more)
    decoding = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
    return Identity(model, revision, _prompts(schema, settings).fingerprint(), decoding)


def _prompts(schema: Schema, settings: Settings) -> Prompts:
    return Prompts(schema, settings.wording, settings.prompt_tokens)
