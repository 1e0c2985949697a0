"""The three acts laid over Ray: Workers own shards and engines, preparers face the hostile files."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import ray
from ray.exceptions import RayError, RayTaskError

from pipeline import run, store
from pipeline.errors import DocumentError, EngineDied, Reason, RunError
from pipeline.extract import open_engine
from pipeline.records import DocumentResult, PageAnswer, PageWords, PreparedPage, Problem, Shard, Source, Status, Survey
from pipeline.settings import Settings
from schemas.registry import load_schema

START_TIMEOUT_S = 120.0
"""Seconds that a preparer may take to come up, on a machine that is busy with starting others."""


IMAGES_AHEAD = 4
"""Page images that a preparer may have ready before they are fetched: they wait in Ray's store, which must never spill."""


def actor(kind: type, cpus: int, gpus: int = 0) -> Any:
    """The Ray form of a class; Ray itself never restarts nor retries, as the ledger must know of every death."""
    return ray.remote(num_cpus=cpus, num_gpus=gpus, max_restarts=0, max_task_retries=0)(kind)


@dataclass(frozen=True)
class Acts:
    """What a preparer does; tests put acts that crash or hang in their place."""

    survey: Callable[[Source, Settings], Survey] = run.survey
    prepare: Callable[..., Iterator[PreparedPage]] = run.prepare


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
    condemned: Mapping[str, Survey | None] = field(default_factory=dict)


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


class Scoreboard:
    """A small actor that outlives a Worker: what is in flight in each shard, and how far the run has come."""

    def __init__(self) -> None:
        self._in_flight: dict[int, dict[str, Survey | None]] = {}
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

    def started(self, shard: int, document_id: str, found: Survey | None) -> None:
        """A document is in the Worker's hands; called again once its pages are counted."""
        self._in_flight[shard][document_id] = found

    def page(self, shard: int) -> None:
        """A page more of the shard is read."""
        self._pages[shard] += 1
        self._first_page_at = self._first_page_at or time.time()

    def finished(self, shard: int, document_id: str, counts: Counts, uri: str) -> None:
        """A document's row is made."""
        self._in_flight[shard].pop(document_id, None)
        self._done[shard].merge(counts)
        self._latest = uri

    def notice(self, line: str) -> None:
        """Something that people should know now."""
        self._notices.append(line)

    def in_flight(self, shard: int) -> dict[str, Survey | None]:
        """The documents that a Worker held when it was last heard of."""
        return dict(self._in_flight.get(shard, {}))

    def progress(self) -> tuple[Counts, int, str, float, list[str]]:
        """Counts so far, pages read, the document finished last, the time of the first page (s since 1970), all notices."""
        total = Counts()
        for counts in self._done.values():
            total.merge(counts)
        return total, sum(self._pages.values()), self._latest, self._first_page_at, self._notices


class Preparer:
    """A process of its own for act one: what a hostile file does to it costs that file only."""

    def __init__(self, settings: Settings, acts: Acts) -> None:
        self._settings = settings
        self._acts = acts

    def ready(self) -> None:
        """Answers once the process is up."""

    def survey(self, source: Source) -> Survey | Problem:
        """What the file is, or why it cannot be opened."""
        try:
            return self._acts.survey(source, self._settings)
        except DocumentError as error:
            return Problem.of("open", error)

    def prepare(
        self, source: Source, pages: Sequence[int], hint: str, need_images: bool, known: Mapping[int, PageWords]
    ) -> Iterator[PreparedPage]:
        """The pages one by one, as they are ready."""
        yield from self._acts.prepare(source, pages, hint, self._settings, need_images, known)


class PreparerPool:
    """Long-lived preparers, lent one call at a time; one that dies or hangs is ended and another takes its place."""

    def __init__(self, size: int, settings: Settings, acts: Acts) -> None:
        self._settings = settings
        self._acts = acts
        self._idle: asyncio.Queue[Any] = asyncio.Queue()
        for _ in range(size):
            self._idle.put_nowait(self._new())

    async def survey(self, source: Source) -> Survey | Problem:
        """As Preparer.survey; raises DocumentError (crash, timeout) where the preparer did not live to tell."""
        preparer = await self._lend()
        limit = self._settings.survey_timeout_s
        try:
            found: Survey | Problem = await asyncio.wait_for(preparer.survey.remote(source), limit)
        except (TimeoutError, RayError) as error:
            preparer = self._end(preparer)
            raise _blamed(error, "while the file was opened", limit) from error
        except BaseException:
            preparer = self._end(preparer)
            raise
        finally:
            self._idle.put_nowait(preparer)
        return found

    async def prepare(
        self, source: Source, pages: Sequence[int], hint: str, need_images: bool, known: Mapping[int, PageWords]
    ) -> AsyncIterator[PreparedPage]:
        """As Preparer.prepare; raises DocumentError where it died or hung at the page after the last one given."""
        preparer = await self._lend()
        limit = self._settings.page_timeout_s
        try:
            ahead = {"_generator_backpressure_num_objects": IMAGES_AHEAD} if need_images else {}
            stream = preparer.prepare.options(**ahead).remote(source, pages, hint, need_images, known)
            for _ in pages:
                reference = await asyncio.wait_for(anext(stream), limit)
                yield await reference
        except (TimeoutError, RayError) as error:
            preparer = self._end(preparer)
            raise _blamed(error, "while the page was read", limit) from error
        except BaseException:  # the reading was called off: the preparer may be busy for long
            preparer = self._end(preparer)
            raise
        finally:
            self._idle.put_nowait(preparer)

    async def _lend(self) -> Any:
        """An idle preparer that has started up: what its start takes is not held against a document."""
        preparer = await self._idle.get()
        try:
            await asyncio.wait_for(preparer.ready.remote(), START_TIMEOUT_S)
        except (TimeoutError, RayError) as error:
            self._idle.put_nowait(self._end(preparer))
            raise RunError(f"a reading process does not start: {error!r}", "`octoglot doctor` looks for the cause") from error
        return preparer

    def _new(self) -> Any:
        return actor(Preparer, cpus=1).remote(self._settings, self._acts)

    def _end(self, preparer: Any) -> Any:
        ray.kill(preparer)
        return self._new()


def _blamed(error: Exception, when: str, limit: float) -> DocumentError:
    """The document's error that stands for a preparer's end."""
    if isinstance(error, TimeoutError):
        return DocumentError(Reason.TIMEOUT, f"the reader was ended after {limit:g} s without an answer {when}")
    if isinstance(error, RayTaskError):
        return DocumentError(Reason.INTERNAL, f"the reader failed {when}: {error.cause!r}")
    return DocumentError(Reason.CRASH, f"the reading process died {when}")


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
        self._asks = asyncio.Semaphore(self._engine.max_in_flight)
        # Pages in the Worker's hands, with their images: enough that the engine's batch is always full, and no more.
        self._most = self._engine.max_in_flight + 2 * job.preparers
        self._room = asyncio.Semaphore(self._most)
        self._ranges = asyncio.Semaphore(self._most)

    async def ready(self) -> None:
        """Answers once the engine is loaded; the preparers read the first pages meanwhile."""
        if self._started is None:
            self._pool = PreparerPool(self._job.preparers, self._settings, self._job.acts)
            self._started = asyncio.ensure_future(self._engine.start())
        await asyncio.shield(self._started)

    def close(self) -> None:
        """Give back what the engine holds."""
        self._engine.close()

    async def run_shard(self, shard: Shard, orders: Orders) -> Counts:
        """Read every document of the shard, publish them as one file, and count them."""
        try:
            return await self._run_shard(shard, orders)
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
        crowd = [source for source in shard.sources if source.document_id not in orders.alone]
        results = await self._in_crowd(shard, crowd, orders)
        for source in shard.sources:
            if source.document_id in orders.alone:
                results.append(await self._document(shard, source, orders))
        results.sort(key=lambda result: result.source.uri)
        await asyncio.to_thread(store.publish_shard, self._job.root, self._job.run_id, shard.index, self._schema, results)
        counts = Counts()
        for result in results:
            counts.add(result)
        return counts

    async def _in_crowd(self, shard: Shard, sources: Sequence[Source], orders: Orders) -> list[DocumentResult]:
        """Many documents at once; the number in hand is bounded, so that a shard never lies in memory as a whole."""
        waiting = iter(sources)
        results: list[DocumentResult] = []

        async def hand() -> None:
            for source in waiting:
                results.append(await self._document(shard, source, orders))

        async with asyncio.TaskGroup() as hands:
            for _ in range(min(self._most + 1, len(sources))):
                hands.create_task(hand())
        return results

    async def _document(self, shard: Shard, source: Source, orders: Orders) -> DocumentResult:
        document_id = source.document_id
        if document_id in orders.condemned:
            problem = Problem("extract", Reason.CRASH, "the worker died twice with this document in hand")
            found = orders.condemned[document_id]
            result = run.finish_lost(source, problem, self._schema, self._settings, found)
        else:
            await self._board.started.remote(shard.index, document_id, None)
            result = await self._read(shard, source)
        result = replace(result, attempt=orders.attempts.get(document_id, 1))
        counts = Counts()
        counts.add(result)
        await self._board.finished.remote(shard.index, document_id, counts, source.uri)
        return result

    async def _read(self, shard: Shard, source: Source) -> DocumentResult:
        found = await self._survey(source)
        if isinstance(found, Problem):
            return run.finish_lost(source, found, self._schema, self._settings)
        await self._board.started.remote(shard.index, source.document_id, found)
        ranges = run.page_ranges(found.page_count, self._settings.range_pages)
        read = await asyncio.gather(*(self._read_range(shard.index, source, found, pages) for pages in ranges))
        outcomes = [outcome for range_outcomes in read for outcome in range_outcomes]
        result = self._finished(source, found, outcomes)
        if result.language != "und":
            self._hint = result.language
        return result

    def _finished(self, source: Source, found: Survey, outcomes: Sequence[run.PageOutcome]) -> DocumentResult:
        """The document's row: a fault in a rule, or a value that no column takes, costs this document and not its shard."""
        try:
            result = run.finish_document(source, found, outcomes, self._schema, self._settings)
            store.try_row(result, self._schema)
        except Exception as error:
            problem = Problem("finish", Reason.INTERNAL, f"{type(error).__name__}: {error}")
            return run.finish_lost(source, problem, self._schema, self._settings, found)
        return result

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

    async def _read_range(self, shard: int, source: Source, found: Survey, pages: range) -> list[run.PageOutcome]:
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
                    answer = answers.get(prepared.page) or await self._ask(prepared, source, found)
                    self._room.release()
                    if prepared.words and not prepared.problem:
                        known[prepared.page] = prepared.words
                        if not answer.problem:
                            answers[prepared.page] = answer
                    outcomes.append(run.finish_page(prepared, answer, found, self._schema))
                    self._board.page.remote(shard)

                async for prepared in self._prepared(source, pages, known, answers):
                    await self._room.acquire()
                    tasks.create_task(read(prepared))
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
        last_end = 0
        while todo:
            paid = {page: known[page] for page in todo if page in known}
            try:
                async for prepared in self._pool.prepare(source, todo, self._hint, images, paid):
                    todo = todo[1:]
                    yield prepared
            except DocumentError as error:
                if last_end == todo[0]:
                    yield PreparedPage(todo[0], problem=Problem.of("render", error))
                    todo = todo[1:]
                else:
                    last_end = todo[0]

    async def _ask(self, prepared: PreparedPage, source: Source, found: Survey) -> PageAnswer:
        async with self._asks:
            try:
                return await run.extract(self._engine, prepared, source, found)
            except EngineDied:
                # An engine's process that is gone takes its Worker along: whose page it was is found out by reading alone.
                self._engine.close()
                os._exit(1)


def _by_page(pages: Mapping[int, Any]) -> list[Any]:
    return [pages[number] for number in sorted(pages)]
