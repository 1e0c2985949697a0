"""The three acts laid over Ray: Workers own shards and engines, preparers face the hostile files."""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from pydantic import SecretStr

from flows.preparers import Acts as Acts
from flows.preparers import PreparerPool
from flows.scoreboard import Counts as Counts
from flows.scoreboard import Reporter
from pipeline import run, store
from pipeline.errors import DocumentError, EngineDied, Reason, RunError
from pipeline.extract import open_engine
from pipeline.records import DocumentResult, PageAnswer, PageWords, PreparedPage, Problem, Shard, Source, Survey
from pipeline.settings import Settings
from schemas.registry import load_schema


@dataclass(frozen=True)
class Job:
    """What every shard of a run shares."""

    run_id: str
    root: str
    schema: str
    settings: Settings
    preparers: int
    acts: Acts = field(default_factory=Acts)


@dataclass(frozen=True)
class Orders:
    """How to go about a shard.

    Attributes:
        attempts: by document_id, the number of this try, where it is not the first.
        alone: documents under suspicion of having killed a Worker: one at a time, last.
        condemned: documents that killed two, with what is known of them: a ledger row, no third try.
    """

    attempts: Mapping[str, int] = field(default_factory=dict)
    alone: frozenset[str] = frozenset()
    condemned: Mapping[str, Survey] = field(default_factory=dict)


class Worker:
    """One engine slot: holds the engine, keeps it fed, finishes documents and publishes shards."""

    def __init__(self, job: Job, scoreboard: Any) -> None:
        self._job = job
        self._settings = job.settings
        self._schema = load_schema(job.schema)
        self._keys = run.keys(self._schema, job.settings)
        self._board = scoreboard
        self._engine = open_engine(self._schema, job.settings)
        self._engine.notice = scoreboard.notice.remote
        self._hint = "und"
        self._pool: PreparerPool | None = None
        self._started: asyncio.Future[None] | None = None
        self._reading: set[asyncio.Future[Counts]] = set()
        self._asks = asyncio.Semaphore(self._engine.max_in_flight)
        # Pages in the Worker's hands, with their images: enough that the engine's batch is always full, and no more.
        self._most = self._engine.max_in_flight + 2 * job.preparers
        self._room = asyncio.Semaphore(self._most)
        self._ranges = asyncio.Semaphore(self._most)

    async def ready(self) -> None:
        """Answers once the preparers are on their way."""
        if self._pool is None:
            # Who opens hostile files is not told the key.
            told = self._settings.model_copy(update={"api_key": SecretStr("")})
            self._pool = PreparerPool(self._job.preparers, told, self._job.acts)

    async def close(self) -> None:
        """Give back what the engine holds; what is still being read is called off first, and published by nobody."""
        for reading in self._reading:
            reading.cancel()
        await asyncio.gather(*self._reading, return_exceptions=True)
        self._engine.close()

    async def run_shard(self, shard: Shard, orders: Orders) -> Counts:
        """Read every document of the shard, publish them as one file, and count them."""
        reading = asyncio.ensure_future(self._run_shard(shard, orders))
        self._reading.add(reading)
        reading.add_done_callback(self._reading.discard)
        try:
            return await reading
        except asyncio.CancelledError as called_off:
            raise RunError("the reading was called off", "the same command carries on") from called_off
        except ExceptionGroup as group:  # the run's own error, not the bundles that it came in
            error: Exception = group.subgroup((RunError, OSError)) or group
            while isinstance(error, ExceptionGroup):
                error = error.exceptions[0]
            raise error from group

    async def _run_shard(self, shard: Shard, orders: Orders) -> Counts:
        if self._engine.lost:
            raise RunError(self._engine.lost, "the same command carries on")
        await self.ready()
        await self._board.begin.remote(shard.index)
        report = Reporter(self._board, shard.index)
        async with asyncio.TaskGroup() as group:
            telling = group.create_task(report.keep_telling())
            results = await self._read_all(shard.sources, orders, report)
            telling.cancel()
        await report.tell()
        results = await asyncio.to_thread(self._publish, shard.index, results)
        counts = Counts()
        for result in results:
            counts.add(result)
        return counts

    async def _read_all(self, sources: Sequence[Source], orders: Orders, report: Reporter) -> list[DocumentResult]:
        """Many documents at once, suspects alone and last; gives the results in the order of their paths.

        The number in hand is bounded, so that a shard never lies in memory as a whole.
        """
        waiting = iter([source for source in sources if source.document_id not in orders.alone])
        results: list[DocumentResult] = []

        async def hand() -> None:
            for source in waiting:
                results.append(await self._document(source, orders, report))

        async with asyncio.TaskGroup() as hands:
            for _ in range(min(self._most + 1, len(sources))):
                hands.create_task(hand())
        for source in sources:
            if source.document_id in orders.alone:
                results.append(await self._document(source, orders, report))
        return sorted(results, key=lambda result: result.source.uri)

    def _publish(self, shard: int, results: list[DocumentResult]) -> list[DocumentResult]:
        """Publish the shard; a value that no column takes costs its document and not the shard. Gives what was published."""
        publish = partial(store.publish_shard, self._job.root, self._job.run_id, shard, self._schema)
        try:
            publish(results)
        except OSError:
            raise
        except Exception:
            results = [self._fitting(result) for result in results]
            publish(results)
        return results

    def _fitting(self, result: DocumentResult) -> DocumentResult:
        """The result if it makes a row, else that of a lost document."""
        try:
            store.try_row(result, self._schema)
        except Exception as error:
            found = Survey(result.content_id, result.page_count or 0, "")
            return self._unfinished(result.source, error, found, result.attempt)
        return result

    async def _document(self, source: Source, orders: Orders, report: Reporter) -> DocumentResult:
        document_id = source.document_id
        if document_id in orders.condemned:
            problem = Problem("extract", Reason.CRASH, "the worker died twice with this document in hand")
            found = orders.condemned[document_id]
            result = run.finish_lost(source, problem, self._schema, self._settings, found)
        else:
            result = await self._read(source, report)
        result = replace(result, attempt=orders.attempts.get(document_id, 1))
        report.finished(result)
        return result

    async def _read(self, source: Source, report: Reporter) -> DocumentResult:
        found = await self._survey(source)
        if isinstance(found, Problem):
            return run.finish_lost(source, found, self._schema, self._settings)
        ranges = run.page_ranges(found.page_count, self._settings.range_pages)
        read = await asyncio.gather(*(self._read_range(source, found, pages, report) for pages in ranges))
        outcomes = [outcome for range_outcomes in read for outcome in range_outcomes]
        try:
            result = run.finish_document(source, found, outcomes, self._schema, self._settings)
        except Exception as error:  # a fault in a rule costs this document and not its shard
            return self._unfinished(source, error, found)
        if result.language != "und":
            self._hint = result.language
        return result

    def _unfinished(self, source: Source, error: Exception, found: Survey, attempt: int = 1) -> DocumentResult:
        problem = Problem("finish", Reason.INTERNAL, f"{type(error).__name__}: {error}")
        return run.finish_lost(source, problem, self._schema, self._settings, found, attempt)

    async def _survey(self, source: Source) -> Survey | Problem:
        """Open the file; one that kills or stalls its reader gets a second try, as another may have been to blame."""
        assert self._pool is not None
        for last in (False, True):
            try:
                return await self._pool.survey(source)
            except DocumentError as error:
                if last:
                    return Problem.of("open", error)
        raise AssertionError

    async def _read_range(self, source: Source, found: Survey, pages: range, report: Reporter) -> list[run.PageOutcome]:
        """Prepare, extract and finish some pages; what an earlier run has paid for is taken from the store."""
        async with self._ranges:
            place = (self._job.root, found.content_id)
            span = (pages[0], pages[-1])
            known = {w.page: w for w in store.read_words(*place, self._keys.words, *span) or ()}
            answers = {a.page: a for a in store.read_answers(*place, self._keys.answer, *span) or ()}
            paid = set(known), set(answers)
            outcomes: list[run.PageOutcome] = []
            async with asyncio.TaskGroup() as tasks:

                async def read(prepared: PreparedPage) -> None:
                    answer = answers.get(prepared.page) or await self._ask(prepared, source, found, report)
                    if prepared.words and not prepared.problem:
                        known[prepared.page] = prepared.words
                        if not answer.problem:
                            answers[prepared.page] = answer
                    outcomes.append(run.finish_page(prepared, answer, found, self._schema))
                    report.page()

                async for prepared in self._prepared(source, pages, known, answers):
                    await self._room.acquire()
                    # Not by the task itself: one that is called off before its first step would keep its room.
                    tasks.create_task(read(prepared)).add_done_callback(lambda _: self._room.release())
            if set(known) != paid[0]:
                store.write_words(*place, self._keys.words, *span, _by_page(known))
            if set(answers) != paid[1]:
                store.write_answers(*place, self._keys.answer, *span, _by_page(answers))
            return outcomes

    async def _prepared(
        self, source: Source, pages: range, known: Mapping[int, PageWords], answers: Mapping[int, PageAnswer]
    ) -> AsyncIterator[PreparedPage]:
        """Every page, from the store or from a preparer; one at which a preparer ends twice comes with its problem."""
        assert self._pool is not None
        images = self._engine.needs_images
        ready = [page for page in pages if page in known and (page in answers or known[page].blank or not images)]
        for page in ready:
            yield PreparedPage(page, known[page])
        todo = [page for page in pages if page not in ready]
        alone = False
        while todo:
            asked = todo[:1] if alone else todo
            paid = {page: known[page] for page in asked if page in known}
            try:
                async for prepared in self._pool.prepare(source, asked, self._hint, images, paid):
                    todo = todo[1:]
                    yield prepared
                alone = False
            except DocumentError as error:
                # What was ready just before a preparer died may be lost with it: the page is to blame only if it is alone.
                if alone:
                    yield PreparedPage(todo[0], problem=Problem.of("render", error))
                    todo = todo[1:]
                alone = not alone

    def _start_engine(self) -> asyncio.Future[None]:
        """Load the engine at the first page that no earlier run has an answer for; done once it can read."""
        if self._started is None:
            self._started = asyncio.ensure_future(self._engine.start())
        return self._started

    async def _ask(self, prepared: PreparedPage, source: Source, found: Survey, report: Reporter) -> PageAnswer:
        if prepared.words and not prepared.words.blank:
            await asyncio.shield(self._start_engine())
        async with self._asks:
            # From here on it may kill the Worker, and is a suspect when that happens.
            await report.started(source.document_id, found)
            try:
                return await run.extract(self._engine, prepared, source, found)
            except EngineDied:
                # An engine's process that is gone takes its Worker along: whose page it was is found out by reading alone.
                self._engine.close()
                os._exit(1)


def _by_page(pages: Mapping[int, Any]) -> list[Any]:
    return [pages[number] for number in sorted(pages)]
