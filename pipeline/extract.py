"""The one door to the engines: opens them, probes them, and asks them for a page."""

import time
from dataclasses import replace
from functools import cache

from pipeline.engines.base import Engine, PageRequest
from pipeline.engines.registry import engine_class
from pipeline.errors import DocumentError, EngineDied, Reason, RunError, UsageError
from pipeline.records import Identity, PageAnswer, PreparedPage, Problem
from pipeline.settings import Settings
from schemas.base import Schema


def open_engine(schema: Schema, settings: Settings) -> Engine:
    """The engine that the settings name, to be started before it reads; raises RunError where it cannot work."""
    return engine_class(settings.engine)(schema, settings)


@cache
def engine_identity(schema: Schema, settings: Settings) -> Identity:
    """What the engine's answers depend on beside the page; loads no weights.

    Raises:
        UsageError: the schema asks for what only an engine that sees the page can tell, and this one does not.
    """
    chosen = engine_class(settings.engine)
    if schema.needs_vision and not chosen.needs_images:
        raise UsageError(
            f"the engine {settings.engine} reads words alone, and the schema {schema.schema_name} needs one that sees the page",
            "choose --engine vllm, or --engine openai with --base-url",
        )
    return chosen.identity(schema, settings)


def settle(settings: Settings) -> Settings:
    """The settings, with what was left to the engine filled in; to be done once, at the edge."""
    return engine_class(settings.engine).settle(settings)


def slot_gpus(settings: Settings) -> int:
    """GPUs that one engine takes; raises RunError where those of this machine cannot hold it."""
    return engine_class(settings.engine).slot_gpus(settings)


def engine_facts(settings: Settings) -> dict[str, str]:
    """What people should know of the engine before a run, as its licence and the cores that it needs: name → what."""
    return engine_class(settings.engine).facts(settings)


def probe_engine(settings: Settings) -> list[str]:
    """What the engine misses here, one line each; empty when all is well."""
    return engine_class(settings.engine).probe(settings)


async def ask(engine: Engine, prepared: PreparedPage, document_id: str, page_count: int) -> PageAnswer:
    """The engine's answer for one page; a page that cannot be read answers with its problem.

    Raises:
        RunError: the engine cannot go on at all.
        EngineDied: it is gone, and so must be whoever holds it.
    """
    started = time.perf_counter()
    try:
        answer = await engine.read(PageRequest(document_id, page_count, prepared))
    except (RunError, EngineDied):
        raise
    except DocumentError as error:
        answer = PageAnswer(prepared.page, problem=Problem.of("extract", error))
    except Exception as error:  # the boundary of a page: a fault in a rule costs this page, not the run
        message = f"{type(error).__name__}: {error}"
        answer = PageAnswer(prepared.page, problem=Problem("extract", Reason.INTERNAL, message))
    return replace(answer, seconds=time.perf_counter() - started)
