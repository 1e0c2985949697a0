"""An engine for tests: reads `field_name: value` lines, and fails in the ways that it is told to on the page."""

import asyncio
import os

from pipeline.engines.base import Engine, PageRequest
from pipeline.errors import DocumentError, EngineDied, Reason, RunError
from pipeline.records import Identity, Leaf, PageAnswer
from pipeline.settings import Settings
from schemas.base import Schema, specs
from schemas.fields import Kind


class FakeEngine(Engine):
    """Copies what stands behind `name:` on a line; `FAULT-KILL`, `-DEAD`, `-HANG`, `-INVALID` and `-STOP` do what they say."""

    def __init__(self, schema: Schema, settings: Settings) -> None:
        super().__init__(schema, settings)
        self._names = [spec.name for spec in specs(schema) if spec.kind is not Kind.TABLE]

    @staticmethod
    def identity(schema: Schema, settings: Settings) -> Identity:
        """It never changes."""
        return Identity(revision="1")

    async def read(self, request: PageRequest) -> PageAnswer:
        """The leaves that stand on the page as `name: value`."""
        page = request.prepared
        lines: dict[int, list[str]] = {}
        for word in page.words.words if page.words else ():
            lines.setdefault(word.line, []).append(word.text)
        text = [" ".join(words) for words in lines.values()]
        await self._obey(" ".join(text))
        pairs = [line.partition(":") for line in text]
        leaves = [Leaf(name.strip(), value.strip(), 1.0) for name, _, value in pairs if name.strip() in self._names]
        return PageAnswer(page.page, tuple(leaves), raw="\n".join(text))

    async def _obey(self, text: str) -> None:
        if "FAULT-KILL" in text:
            os.abort()
        if "FAULT-DEAD" in text:
            raise EngineDied("the page asked the engine to die")
        if "FAULT-HANG" in text:
            await asyncio.sleep(3600)
        if "FAULT-INVALID" in text:
            raise DocumentError(Reason.ANSWER_INVALID, "the page asked for an invalid answer")
        if "FAULT-STOP" in text:
            raise RunError("the page asked the run to stop")
