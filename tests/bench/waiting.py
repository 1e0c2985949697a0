"""An engine that only waits, as if a GPU read, and acts that hand out pages rendered before: the rest is the pipeline."""

import asyncio
import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from pipeline.engines.base import Engine, PageRequest
from pipeline.records import Frame, Identity, Leaf, PageAnswer, PageWords, PreparedPage, Source, Survey
from pipeline.settings import Settings
from schemas.base import Schema

RATE = "OCTOGLOT_BENCH_RATE"
"""The variable of the environment that says how many pages a second an engine reads; 18 where it is not set."""

BATCH = 64
"""Pages that are read side by side: each takes as long as the engine takes to begin so many."""

HEIGHT, WIDTH = 1120, 792

SAID = {
    "seller_name": "Nordlicht Handels GmbH",
    "seller_address": "Hafenstraße 12, 20457 Hamburg",
    "seller_tax_id": "DE123456789",
    "buyer_name": "Example & Sons Ltd",
    "document_number": "RE-2026-00417",
    "issue_date": "14.03.2026",
    "due_date": "28.03.2026",
    "currency": "EUR",
    "net_total": "1.250,00",
    "tax_total": "237,50",
    "total": "1.487,50",
} | {
    f"line_items[{row}].{name}": said
    for row in range(3)
    for name, said in {"description": "Kabel, 3 m", "quantity": "10", "unit_price": "41,67", "amount": "416,67"}.items()
}
"""What every page says, whatever is on it."""


def rate() -> float:
    """Pages a second that an engine reads."""
    return float(os.environ.get(RATE, "18"))


class WaitingEngine(Engine):
    """Begins a page every 1/rate s, has BATCH of them side by side, and burns no CPU. It reads at its rate while it is fed."""

    needs_images = True
    max_in_flight = BATCH + 8

    def __init__(self, schema: Schema, settings: Settings) -> None:
        super().__init__(schema, settings)
        self._pause = 1 / rate()
        self._next = 0.0

    @staticmethod
    def identity(schema: Schema, settings: Settings) -> Identity:
        """It never changes."""
        return Identity(revision="1")

    async def read(self, request: PageRequest) -> PageAnswer:
        """The same leaves for every page, as late as a full batch gives them."""
        assert request.prepared.image.shape == (HEIGHT, WIDTH, 3)
        now = asyncio.get_running_loop().time()
        begin = max(now, self._next)
        self._next = begin + self._pause
        await asyncio.sleep(begin - now + BATCH * self._pause)
        leaves = tuple(Leaf(path, said, 0.9) for path, said in SAID.items())
        return PageAnswer(request.prepared.page, leaves, tokens_in=2000, tokens_out=250)


def survey(source: Source, settings: Settings) -> Survey:
    """There is no file: the name ends in `-PAGES`."""
    return Survey(hashlib.sha256(source.uri.encode()).hexdigest(), int(source.uri.rpartition("-")[2]), "application/pdf")


def prepare(
    source: Source,
    pages: Sequence[int],
    hint: str,
    settings: Settings,
    need_images: bool,
    known: Mapping[int, PageWords] | None = None,
) -> Iterator[PreparedPage]:
    """The same image for every page, and no words."""
    for page in pages:
        yield PreparedPage(page, PageWords(page, Frame(WIDTH, HEIGHT)), page_image())


@cache
def page_image() -> Any:
    """A page, (HEIGHT, WIDTH, 3) of uint8, made once a process."""
    return np.random.default_rng(4).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
