"""What is known of a run while it goes on: a small actor that outlives Workers, and the reporter through which they tell it."""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any

from pipeline.records import DocumentResult, Status, Survey

PAUSE_S = 0.2
"""Seconds between two messages of a shard: what happens meanwhile goes into one."""

USABLE = (Status.OK, Status.REPAIRED, Status.PARTIAL)
"""The documents that the view of their schema shows have one of these."""


@dataclass
class Counts:
    """Documents and pages by status, and the documents that need review; adds up."""

    documents: dict[str, int] = field(default_factory=dict)
    pages: dict[str, int] = field(default_factory=dict)
    review: int = 0

    @property
    def usable(self) -> int:
        """The documents that the view of their schema shows."""
        return sum(self.documents.get(status, 0) for status in USABLE)

    def add(self, result: DocumentResult) -> None:
        """Count a document and its ledger."""
        self.documents[result.status] = self.documents.get(result.status, 0) + 1
        # A blank or quarantined document is no row of the view: there is nothing to review.
        self.review += result.needs_review and result.status in USABLE
        for row in result.pages:
            self.pages[row.status] = self.pages.get(row.status, 0) + 1

    def merge(self, other: "Counts") -> None:
        """Add another's counts to these."""
        self.review += other.review
        for mine, theirs in ((self.documents, other.documents), (self.pages, other.pages)):
            for status, number in theirs.items():
                mine[status] = mine.get(status, 0) + number


@dataclass
class News:
    """What has happened in a shard since it was last told: by document_id what was opened, who is finished, and the counts."""

    started: dict[str, Survey] = field(default_factory=dict)
    finished: list[str] = field(default_factory=list)
    counts: Counts = field(default_factory=Counts)
    pages: int = 0
    latest: str = ""


class Scoreboard:
    """A small actor that outlives a Worker: what is in flight in each shard, and how far the run has come."""

    def __init__(self) -> None:
        self._in_flight: dict[int, dict[str, Survey]] = {}
        self._done: dict[int, Counts] = {}
        self._pages: dict[int, int] = {}
        self._latest = ""
        self._first_page_at = 0.0
        self._notices: list[str] = []

    def begin(self, shard: int) -> None:
        """A Worker takes the shard, perhaps again."""
        self._in_flight[shard] = {}
        self._done[shard] = Counts()
        self._pages[shard] = 0

    def hear(self, shard: int, news: News) -> None:
        """What has happened in the shard since the last time."""
        self._in_flight[shard] |= news.started
        for document_id in news.finished:
            self._in_flight[shard].pop(document_id, None)
        self._done[shard].merge(news.counts)
        self._pages[shard] += news.pages
        self._latest = news.latest or self._latest
        if news.pages:
            self._first_page_at = self._first_page_at or time.time()

    def notice(self, line: str) -> None:
        """Something that people should know now."""
        self._notices.append(line)

    def in_flight(self, shard: int) -> dict[str, Survey]:
        """The documents that a Worker held when it was last heard of."""
        return dict(self._in_flight.get(shard, {}))

    def progress(self) -> tuple[Counts, int, str, float, list[str]]:
        """Counts so far, pages read, the document finished last, the time of the first page (s since 1970), all notices."""
        total = Counts()
        for counts in self._done.values():
            total.merge(counts)
        return total, sum(self._pages.values()), self._latest, self._first_page_at, self._notices


class Reporter:
    """Tells the scoreboard what happens in one shard: at once when all was quiet, else what has come together in PAUSE_S."""

    def __init__(self, board: Any, shard: int) -> None:
        self._board = board
        self._shard = shard
        self._news = News()
        self._heard: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._something = asyncio.Event()
        self._known: set[str] = set()

    async def started(self, document_id: str, found: Survey) -> None:
        """Returns once the scoreboard knows: only then may the document's pages come near what can kill the Worker.

        Each page of it asks; only those that come before the scoreboard knows have to wait.
        """
        if document_id in self._known:
            return
        self._news.started[document_id] = found
        self._something.set()
        await asyncio.shield(self._heard)
        self._known.add(document_id)

    def page(self) -> None:
        """A page more is read."""
        self._news.pages += 1
        self._something.set()

    def finished(self, result: DocumentResult) -> None:
        """A document's row is made."""
        self._news.finished.append(result.source.document_id)
        self._news.counts.add(result)
        self._news.latest = result.source.uri
        self._something.set()

    async def keep_telling(self) -> None:
        """Tell what comes, until cancelled."""
        while True:
            await self._something.wait()
            await self.tell()
            await asyncio.sleep(PAUSE_S)

    async def tell(self) -> None:
        """Tell now what is not told yet."""
        news, heard = self._news, self._heard
        self._news, self._heard = News(), asyncio.get_running_loop().create_future()
        self._something.clear()
        await self._board.hear.remote(self._shard, news)
        heard.set_result(None)
