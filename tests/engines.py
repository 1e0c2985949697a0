"""Engines that tests name as `tests.engines:CLASS`: the fake one, with what only some engines do."""

import asyncio
from dataclasses import replace
from pathlib import Path

from pipeline.engines.base import PageRequest
from pipeline.engines.fake import FakeEngine
from pipeline.errors import DocumentError, Reason
from pipeline.records import PageAnswer
from pipeline.settings import Settings
from schemas.base import Schema


def _says(request: PageRequest, word: str) -> bool:
    return any(said.text == word for said in request.prepared.words.words) if request.prepared.words else False


class TalkingEngine(FakeEngine):
    """Obeys `GIVE-NOTICE`, `GET-LOST` (it cannot go on) and `TOO-MUCH` (a count that no column takes)."""

    async def read(self, request: PageRequest) -> PageAnswer:
        if _says(request, "GIVE-NOTICE"):
            self.notice(f"page {request.prepared.page} has a notice")
        if _says(request, "GET-LOST"):
            self.lost = "the engine is lost"
            raise DocumentError(Reason.INTERNAL, self.lost)
        answer = await super().read(request)
        return replace(answer, tokens_in=2**70) if _says(request, "TOO-MUCH") else answer


class GatedEngine(FakeEngine):
    """Answers nothing before the file that the setting `model` names is there."""

    needs_images = True
    max_in_flight = 3

    def __init__(self, schema: Schema, settings: Settings) -> None:
        super().__init__(schema, settings)
        self._gate = Path(settings.model)

    async def read(self, request: PageRequest) -> PageAnswer:
        while not self._gate.exists():
            await asyncio.sleep(0.05)
        return await super().read(request)


class SeeingEngine(FakeEngine):
    """Looks at pages, as those do that read what the schemas `caption` and `question` ask."""

    needs_images = True
