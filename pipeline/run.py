"""The journey of a document in three acts: prepare (its pages), extract (their values), finish (its row).

`process_document` is the three in a row; `flows/workers.py` lays the same three over Ray.
"""

import hashlib
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import NamedTuple

from pipeline import check, ground, language, merge, normalize, render, words
from pipeline.engines.base import Engine
from pipeline.errors import DocumentError, Reason
from pipeline.extract import ask, engine_identity
from pipeline.pages import OpenDocument, PageView
from pipeline.records import (
    DocumentResult,
    Keys,
    LedgerRow,
    PageAnswer,
    PageWords,
    PreparedPage,
    Problem,
    Source,
    Status,
    Survey,
    Value,
    WordsFrom,
)
from pipeline.settings import Settings
from schemas.base import Schema, fingerprint

RULES = ("values", "normalize.py", "ground", "merge.py", "check.py")
"""What `finish` is made of: a change of their source makes new results, from answers that are already there."""


@dataclass(frozen=True, slots=True)
class PageOutcome:
    """What `finish_page` made of a page: its ledger row, its values, and what they cost."""

    row: LedgerRow
    values: tuple[Value, ...] = ()
    writing: normalize.Writing = normalize.Writing(0, None, None)
    tokens_in: int = 0
    tokens_out: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    raw: str = ""


class Hints(NamedTuple):
    """What is known of a page's language before it is read.

    Attributes:
        likely: what the batch is mostly in: which of Tesseract's packs to try first.
        spoken: what the document's own pages before it are in. Only this may decide what a page is in: two copies of one
            content must not differ by what was read before them.
    """

    likely: str = "und"
    spoken: str = "und"


async def process_document(source: Source, engine: Engine, schema: Schema, settings: Settings) -> DocumentResult:
    """The three acts in a row, for one document in this process; nothing is read from or written to a store."""
    try:
        found = survey(source, settings)
    except DocumentError as error:
        return finish_lost(source, Problem.of("open", error), schema, settings)
    outcomes = []
    for prepared in prepare(source, range(1, found.page_count + 1), "und", settings, engine.needs_images):
        answer = await extract(engine, prepared, source, found)
        outcomes.append(finish_page(prepared, answer, found, schema))
    return finish_document(source, found, outcomes, schema, settings)


def survey(source: Source, settings: Settings) -> Survey:
    """Open the file once: what it is and how many pages it has. Raises DocumentError."""
    return render.survey(source.uri, settings)


def prepare(
    source: Source,
    pages: Sequence[int],
    hint: str,
    settings: Settings,
    need_images: bool,
    known: Mapping[int, PageWords] | None = None,
) -> Iterator[PreparedPage]:
    """Act one: render each page and read its words. A page that cannot be prepared comes with its problem.

    Args:
        source: the file.
        pages: numbers from 1, in the order wanted.
        hint: the language that the batch is mostly in, or `und`.
        settings: of the run.
        need_images: whether the engine looks at pixels.
        known: words that an earlier run has paid for, by page.
    """
    try:
        with render.open_document(source.uri, settings) as document:
            hints = Hints(hint)
            for number in pages:
                prepared = _prepare_page(document, number, hints, settings, need_images, (known or {}).get(number))
                if prepared.words and prepared.words.language != "und":
                    hints = Hints(prepared.words.language, prepared.words.language)
                yield prepared
    except DocumentError as error:
        problem = Problem.of("open", error)
        yield from (PreparedPage(number, problem=problem) for number in pages)


async def extract(engine: Engine, prepared: PreparedPage, source: Source, found: Survey) -> PageAnswer:
    """Act two: what the engine reads on a page; a blank or broken page is not shown to it."""
    if prepared.problem or (prepared.words and prepared.words.blank):
        return PageAnswer(prepared.page)
    return await ask(engine, prepared, source.document_id, found.page_count)


def finish_page(prepared: PreparedPage, answer: PageAnswer, found: Survey, schema: Schema) -> PageOutcome:
    """Act three, a page: type and ground its values, and write its line of the ledger. Pure."""
    problem = prepared.problem or answer.problem
    started = time.perf_counter()
    values: tuple[Value, ...] = ()
    writing = normalize.Writing(0, None, None)
    if prepared.words and not problem:
        try:
            values = normalize.normalize(answer.leaves, schema, prepared.words)
            values = ground.ground(values, schema, prepared.words)
            writing = normalize.writing_of(prepared.words)
        except Exception as error:  # the boundary of a page: a fault in a rule costs this page, not the run
            problem, values = Problem("finish", Reason.INTERNAL, f"{type(error).__name__}: {error}"), ()
    seconds = {"prepare": prepared.seconds, "extract": answer.seconds, "finish": time.perf_counter() - started}
    row = _ledger_row(prepared, answer, found, problem)
    raw = answer.raw if answer.problem else ""
    return PageOutcome(row, values, writing, answer.tokens_in, answer.tokens_out, seconds, raw)


def finish_document(
    source: Source, found: Survey, outcomes: Sequence[PageOutcome], schema: Schema, settings: Settings, attempt: int = 1
) -> DocumentResult:
    """Act three, a document: merge its pages, check its arithmetic, judge it. Pure."""
    ordered = sorted(outcomes, key=lambda outcome: outcome.row.page or 0)
    rows = tuple(outcome.row for outcome in ordered)
    writings = [outcome.writing for outcome in ordered]
    values = normalize.settle_dates([outcome.values for outcome in ordered], writings, schema)
    merged = merge.merge(values, schema, [row.language for row in rows])
    checks = check.check(merged, schema)
    merged = check.weigh(merged, checks, schema)
    status = _document_status(rows)
    confidence, reasons = check.judge(merged, checks, schema, settings)
    seconds: Counter[str] = Counter()
    for outcome in ordered:
        seconds.update(outcome.seconds)
    return DocumentResult(
        source=source,
        schema=schema.schema_name,
        engine=settings.engine,
        keys=keys(schema, settings),
        status=status,
        pages=rows,
        content_id=found.content_id,
        page_count=found.page_count,
        language=language.document_language((row.language, page.letters) for row, page in zip(rows, writings, strict=True)),
        values=merged.values,
        conflicts=merged.conflicts,
        checks=checks,
        confidence=confidence,
        review_reasons=(*reasons, *([status.value] if status is Status.PARTIAL else ())),
        attempt=attempt,
        tokens_in=sum(outcome.tokens_in for outcome in ordered),
        tokens_out=sum(outcome.tokens_out for outcome in ordered),
        seconds=dict(seconds),
        raw_answers=tuple((outcome.row.page, outcome.raw) for outcome in ordered if outcome.row.page and outcome.raw),
        made_by=engine_identity(schema, settings),
    )


def finish_lost(
    source: Source,
    problem: Problem,
    schema: Schema,
    settings: Settings,
    found: Survey | None = None,
    attempt: int = 1,
) -> DocumentResult:
    """The row of a document that could not be read at all: as many ledger lines as it is known to have pages."""
    numbers = range(1, found.page_count + 1) if found else (None,)
    rows = [LedgerRow(n, Status.QUARANTINED, problem.stage, problem.reason, problem.message) for n in numbers]
    return DocumentResult(
        source=source,
        schema=schema.schema_name,
        engine=settings.engine,
        keys=keys(schema, settings),
        status=Status.QUARANTINED,
        pages=tuple(rows),
        content_id=found.content_id if found else "",
        page_count=found.page_count if found else None,
        attempt=attempt,
        made_by=engine_identity(schema, settings),
    )


@cache
def keys(schema: Schema, settings: Settings) -> Keys:
    """The three fingerprints that the work depends on, beside the content of the file."""
    words_key = words.words_fingerprint(settings)
    answer_key = _digest(words_key, fingerprint(schema), settings.engine, engine_identity(schema, settings).fingerprint)
    # The room for an answer changes none that fits into it, and cut ones are not kept: only those are asked for again.
    judged = (str(settings.review_below), str(settings.answer_tokens))
    return Keys(words_key, answer_key, _digest(answer_key, rules_fingerprint(), *judged))


@cache
def rules_fingerprint() -> str:
    """A hash of the source of the rules, so that no one has to remember to count a version up."""
    home = resources.files("pipeline")
    texts = []
    for name in RULES:
        room = home.joinpath(name)
        files = sorted(room.iterdir(), key=lambda file: file.name) if room.is_dir() else [room]
        texts += [file.read_text(encoding="utf-8") for file in files if file.name.endswith((".py", ".toml"))]
    return _digest(*texts)


def page_ranges(page_count: int, size: int) -> list[range]:
    """The pages of a document, from 1, in ranges of at most `size`."""
    return [range(first, min(first + size, page_count + 1)) for first in range(1, page_count + 1, size)]


def _prepare_page(
    document: OpenDocument,
    number: int,
    hints: Hints,
    settings: Settings,
    need_images: bool,
    known: PageWords | None,
) -> PreparedPage:
    started = time.perf_counter()
    try:
        view = document.page(number)
        found = known or _read_words(view, number, hints, settings)
        if len(found.words) > settings.max_words:
            message = f"{len(found.words)} words on a page are more than max_words = {settings.max_words}"
            raise DocumentError(Reason.TOO_LARGE, message)
        image = render.model_image(view, found, settings) if need_images and not found.blank else None
        return PreparedPage(number, found, image, seconds=time.perf_counter() - started)
    except DocumentError as error:
        problem = Problem.of("render", error)
    except MemoryError:
        problem = Problem("render", Reason.OUT_OF_MEMORY, f"page {number} needs more memory than there is")
    except Exception as error:  # the boundary of a page: whatever a hostile page raises costs this page only
        problem = Problem("render", Reason.CORRUPT, f"page {number} cannot be read: {type(error).__name__}: {error}")
    return PreparedPage(number, problem=problem, seconds=time.perf_counter() - started)


def _read_words(view: PageView, number: int, hints: Hints, settings: Settings) -> PageWords:
    if render.is_blank(view, settings):
        return PageWords(number, view.frame, blank=True)
    draft = words.draft(view, settings.language or hints.likely, settings)
    spoken = settings.language or language.identify(draft.words, hints.spoken)
    return words.finish(view, number, draft, spoken, settings)


def _ledger_row(prepared: PreparedPage, answer: PageAnswer, found: Survey, problem: Problem | None) -> LedgerRow:
    spoken = prepared.words.language if prepared.words else "und"
    origin = prepared.words.words_from if prepared.words else WordsFrom.NONE
    if problem:
        told = (problem.stage, problem.reason, problem.message)
        return LedgerRow(prepared.page, Status.QUARANTINED, *told, language=spoken, words_from=origin)
    if prepared.words and prepared.words.blank:
        return LedgerRow(prepared.page, Status.SKIPPED, "render", Reason.BLANK, "there is nothing on the page")
    if answer.asks > 1:
        told = ("extract", Reason.ASKED_TWICE, f"sound at ask {answer.asks}")
    elif found.mended:
        told = ("open", Reason.MENDED_FILE, "the file is damaged; it was mended in memory to read it")
    else:
        return LedgerRow(prepared.page, Status.OK, language=spoken, words_from=origin)
    return LedgerRow(prepared.page, Status.REPAIRED, *told, language=spoken, words_from=origin)


def _document_status(rows: Sequence[LedgerRow]) -> Status:
    kinds = {row.status for row in rows}
    if Status.QUARANTINED in kinds:
        return Status.QUARANTINED if len(kinds) == 1 else Status.PARTIAL
    if kinds == {Status.SKIPPED}:
        return Status.SKIPPED
    return Status.REPAIRED if Status.REPAIRED in kinds else Status.OK


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
