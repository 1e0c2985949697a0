"""How often a model is asked, and what becomes of answers that are not sound; the answers are written by hand."""

import asyncio
import json
from typing import Any

import numpy as np
import pytest

from pipeline.engines.base import PageRequest
from pipeline.engines.guided import REPEATED, Ask, Completion, GuidedReader, identity_of
from pipeline.errors import Reason
from pipeline.records import Frame, PageAnswer, PageWords, PreparedPage, Word, WordsFrom
from pipeline.settings import Settings
from schemas.invoice import Invoice
from schemas.receipt import Receipt

GOOD = Completion(json.dumps({"total": "3,20"}), "stop", tokens_in=100, tokens_out=7)
CUT = Completion('{"total":"3,', "length", tokens_in=100, tokens_out=64)
ECHO = Completion('{"properties":{}}', "stop", tokens_in=100, tokens_out=9)
LOOP = Completion('{"total":"0000', "repetition", tokens_in=100, tokens_out=50)
WHITE = Completion(" \n\t" * 20, "length", tokens_in=100, tokens_out=64)


class Recorded:
    """A model whose answers are known; keeps what it was asked."""

    def __init__(self, *answers: Completion) -> None:
        self.answers = list(answers)
        self.asks: list[Ask] = []
        self.pictures = 0

    async def picture(self, image: Any) -> Any:
        self.pictures += 1
        return ("picture", image.shape)

    async def complete(self, ask: Ask) -> Completion:
        self.asks.append(ask)
        return self.answers.pop(0)


def read(model: Recorded) -> PageAnswer:
    words = PageWords(1, Frame(100, 100), (Word("3,20", (0.1, 0.1, 0.2, 0.12)),), WordsFrom.OCR, "de")
    page = PreparedPage(1, words, np.zeros((20, 10, 3), np.uint8))
    reader = GuidedReader(model, Receipt, Settings(engine="vllm", answer_tokens=64))
    return asyncio.run(reader.read(PageRequest("d", 1, page)))


def test_a_sound_answer_is_asked_for_once() -> None:
    model = Recorded(GOOD)
    answer = read(model)
    assert [(leaf.path, leaf.verbatim) for leaf in answer.leaves] == [("total", "3,20")]
    assert (answer.asks, answer.tokens_in, answer.tokens_out, answer.raw) == (1, 100, 7, GOOD.text)
    assert (model.asks[0].most_tokens, model.asks[0].picture) == (64, ("picture", (20, 10, 3)))


@pytest.mark.parametrize(
    ("first", "room", "says"),
    [(CUT, 128, ""), (WHITE, 128, ""), (ECHO, 64, "there is no field 'properties'"), (LOOP, 64, REPEATED)],
    ids=["cut", "white", "echo", "loop"],
)
def test_an_answer_that_is_not_sound_is_asked_for_once_more(first: Completion, room: int, says: str) -> None:
    model = Recorded(first, GOOD)
    answer = read(model)
    assert answer.problem is None and len(answer.leaves) == 1
    assert (answer.asks, answer.tokens_in, answer.tokens_out) == (2, 200, first.tokens_out + 7)
    assert model.asks[1].most_tokens == room
    assert (says in model.asks[1].prompt) and (("was not right" in model.asks[1].prompt) == bool(says))
    assert model.pictures == 1


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        ((CUT, CUT), Reason.ANSWER_CUT),
        ((ECHO, ECHO), Reason.ANSWER_INVALID),
        ((LOOP, LOOP), Reason.ANSWER_INVALID),
        ((ECHO, CUT), Reason.ANSWER_CUT),
        ((CUT, ECHO), Reason.ANSWER_INVALID),
    ],
)
def test_after_the_second_the_page_has_a_problem_and_its_raw_answer(answers: tuple[Completion, ...], reason: Reason) -> None:
    answer = read(Recorded(*answers))
    assert answer.problem is not None and answer.problem.reason is reason
    assert (answer.leaves, answer.asks, answer.raw) == ((), 2, answers[1].text)


def test_what_a_model_answers_depends_on_model_prompt_grammar_and_room() -> None:
    base = Settings(engine="vllm")
    told = [
        identity_of("m", "1", Invoice, base),
        identity_of("n", "1", Invoice, base),
        identity_of("m", "2", Invoice, base),
        identity_of("m", "1", Receipt, base),
        identity_of("m", "1", Invoice, base, "of a profile"),
        identity_of("m", "1", Invoice, base.model_copy(update={"prompt_tokens": 99})),
        identity_of("m", "1", Invoice, base.model_copy(update={"image_px": 560})),
    ]
    assert len({identity.fingerprint for identity in told}) == len(told)
    same = base.model_copy(
        update={"answer_tokens": 99, "answer_timeout_s": 1.0, "requests": 3, "slots": 2, "base_url": "http://other/v1"}
    )
    assert identity_of("m", "1", Invoice, same) == told[0]
