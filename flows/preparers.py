"""Act one in processes of their own: long-lived preparers face the hostile files, and the pool replaces those that fall."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import ray
from ray.exceptions import RayError, RayTaskError

from pipeline import run
from pipeline.errors import DocumentError, Reason, RunError
from pipeline.records import PageWords, PreparedPage, Problem, Source, Survey
from pipeline.settings import Settings

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
        self._starting: dict[Any, Any] = {}
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
                yield _taken_out(await reference)
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
        if preparer not in self._starting:
            return preparer
        try:
            await asyncio.wait_for(self._starting[preparer], START_TIMEOUT_S)
            del self._starting[preparer]
        except (TimeoutError, RayError) as error:
            self._idle.put_nowait(self._end(preparer))
            raise RunError(f"a reading process does not start: {error!r}", "`octoglot doctor` looks for the cause") from error
        return preparer

    def _new(self) -> Any:
        preparer = actor(Preparer, cpus=1).remote(self._settings, self._acts)
        self._starting[preparer] = preparer.ready.remote()
        return preparer

    def _end(self, preparer: Any) -> Any:
        self._starting.pop(preparer, None)
        ray.kill(preparer)
        return self._new()


def _taken_out(page: PreparedPage) -> PreparedPage:
    """The page with an image of its own: the one that came is a view that holds its place in Ray's small store."""
    return page if page.image is None else replace(page, image=page.image.copy())


def _blamed(error: Exception, when: str, limit: float) -> DocumentError:
    """The document's error that stands for a preparer's end."""
    if isinstance(error, TimeoutError):
        return DocumentError(Reason.TIMEOUT, f"the reader was ended after {limit:g} s without an answer {when}")
    if isinstance(error, RayTaskError):
        return DocumentError(Reason.INTERNAL, f"the reader failed {when}: {error.cause!r}")
    return DocumentError(Reason.CRASH, f"the reading process died {when}")
