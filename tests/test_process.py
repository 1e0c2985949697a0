"""The three acts in a row: every page has its line in the ledger, and a fault costs what it is in and no more."""

import asyncio
import shutil
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import typst

from pipeline import run
from pipeline.engines.fake import FakeEngine
from pipeline.errors import Reason
from pipeline.records import DocumentResult, PageAnswer, PreparedPage, Problem, Source, Status, Survey
from pipeline.settings import Settings
from schemas.registry import load_schema

INVOICE = load_schema("invoice")
SETTINGS = Settings(engine="fake")
SURVEY = Survey("c" * 64, 3, "application/pdf")
USUAL = "seller_name: Firm\n\ndocument_number: R-1\n\nissue_date: 2024-03-05\n\ntotal: 12.50"


def pdf(path: Path, pages: Sequence[str]) -> Path:
    source = path.with_suffix(".typ")
    source.write_text("\n#pagebreak()\n".join(text or "#box()" for text in pages))
    path.write_bytes(typst.compile(str(source)))
    return path


def process(path: Path, settings: Settings = SETTINGS) -> DocumentResult:
    source = Source(str(path), path.stat().st_size if path.exists() else -1, "1")
    return asyncio.run(run.process_document(source, FakeEngine(INVOICE, settings), INVOICE, settings))


def ledger(result: DocumentResult) -> list[tuple[int | None, str, str | None]]:
    return [(row.page, row.status.value, row.reason and row.reason.value) for row in result.pages]


def test_a_document_goes_from_file_to_typed_values(tmp_path: Path) -> None:
    result = process(pdf(tmp_path / "a.pdf", [USUAL, "", "buyer_name: Someone"]))
    assert ledger(result) == [(1, "ok", None), (2, "skipped", "blank"), (3, "ok", None)]
    assert (result.status, result.page_count, len(result.content_id)) == (Status.OK, 3, 64)
    found = {value.path: (value.value, value.page) for value in result.values}
    assert found["total"] == (Decimal("12.50"), 1)
    assert found["buyer_name"] == ("Someone", 3)
    assert all(value.box for value in result.values)
    assert set(result.seconds) == {"prepare", "extract", "finish"}


def test_a_page_whose_answer_is_invalid_makes_the_document_partial(tmp_path: Path) -> None:
    result = process(pdf(tmp_path / "a.pdf", [USUAL, "FAULT-INVALID"]))
    assert ledger(result) == [(1, "ok", None), (2, "quarantined", "answer_invalid")]
    assert (result.status, result.needs_review) == (Status.PARTIAL, True)
    assert result.review_reasons[-1] == "partial"
    assert any(value.path == "total" for value in result.values)


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "empty_file"), (b"not a document at all", "not_a_document"), (b"%PDF-1.7\nnothing", "corrupt"), (None, "vanished")],
)
def test_a_file_that_cannot_be_opened_is_one_row(tmp_path: Path, content: bytes | None, reason: str) -> None:
    path = tmp_path / "bad"
    if content is not None:
        path.write_bytes(content)
    result = process(path)
    assert ledger(result) == [(None, "quarantined", reason)]
    assert (result.status, result.values) == (Status.QUARANTINED, ())
    assert result.pages[0].stage == "open"
    assert result.pages[0].next_step


def test_a_file_that_was_mended_to_be_read_says_so(tmp_path: Path) -> None:
    path = pdf(tmp_path / "a.pdf", [USUAL])
    path.write_bytes(path.read_bytes().replace(b"startxref", b"startnone").replace(b"\nxref", b"\nnone"))
    result = process(path)
    assert (ledger(result), result.status) == ([(1, "repaired", "mended_file")], Status.REPAIRED)


def test_a_fault_in_a_rule_costs_its_page_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sound = run.normalize.normalize

    def faulty(leaves: Any, schema: Any, words: Any) -> Any:
        if words.page == 2:
            raise ZeroDivisionError("a fault in a rule")
        return sound(leaves, schema, words)

    monkeypatch.setattr(run.normalize, "normalize", faulty)
    result = process(pdf(tmp_path / "a.pdf", [USUAL, "total: 3"]))
    assert ledger(result) == [(1, "ok", None), (2, "quarantined", "internal")]
    assert "a fault in a rule" in result.pages[1].message


def test_a_lost_document_has_as_many_rows_as_it_is_known_to_have_pages() -> None:
    problem = Problem("extract", Reason.CRASH, "died")
    known = run.finish_lost(Source("/a", 1, "1"), problem, INVOICE, SETTINGS, SURVEY)
    assert ledger(known) == [(page, "quarantined", "crash") for page in (1, 2, 3)]
    assert ledger(run.finish_lost(Source("/a", 1, "1"), problem, INVOICE, SETTINGS)) == [(None, "quarantined", "crash")]


def test_a_second_ask_is_a_repair(tmp_path: Path) -> None:
    source = Source(str(pdf(tmp_path / "a.pdf", [USUAL])), 1, "1")
    (prepared,) = run.prepare(source, [1], "und", SETTINGS, need_images=False)
    outcome = run.finish_page(prepared, PageAnswer(1, asks=2), SURVEY, INVOICE)
    assert (outcome.row.status, outcome.row.reason) == (Status.REPAIRED, Reason.ASKED_TWICE)


def test_words_that_are_known_are_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = Source(str(pdf(tmp_path / "a.pdf", [USUAL, USUAL])), 1, "1")
    first, second = run.prepare(source, [1, 2], "und", SETTINGS, need_images=False)
    assert first.words and second.words
    known = {1: replace(first.words, language="th")}
    read: list[int] = []
    draft = run.words.draft
    monkeypatch.setattr(run.words, "draft", lambda view, *told: read.append(1) or draft(view, *told))
    again = list(run.prepare(source, [1, 2], "und", SETTINGS, need_images=False, known=known))
    assert [page.words and page.words.language for page in again][0] == "th"
    assert len(read) == 1


def test_a_document_that_can_no_longer_be_opened_gives_every_page_its_problem(tmp_path: Path) -> None:
    pages: list[PreparedPage] = list(run.prepare(Source(str(tmp_path / "gone"), 1, "1"), [4, 5], "und", SETTINGS, False))
    assert [(page.page, page.problem and page.problem.reason) for page in pages] == [(4, Reason.VANISHED), (5, Reason.VANISHED)]


def test_each_key_depends_on_what_its_work_depends_on() -> None:
    base = run.keys(INVOICE, SETTINGS)
    dpi = run.keys(INVOICE, Settings(engine="fake", ocr_dpi=300))
    engine = run.keys(INVOICE, Settings(engine="ocr"))
    review = run.keys(INVOICE, Settings(engine="fake", review_below=0.5))
    schema = run.keys(load_schema("receipt"), SETTINGS)
    timeout = run.keys(INVOICE, Settings(engine="fake", page_timeout_s=5, workers=7))
    assert [key.words == base.words for key in (dpi, engine, review, schema, timeout)] == [False, True, True, True, True]
    assert [key.answer == base.answer for key in (dpi, engine, review, schema, timeout)] == [False, False, True, False, True]
    assert [key.result == base.result for key in (dpi, engine, review, schema, timeout)] == [False, False, False, False, True]


@pytest.mark.parametrize("changed", ["merge.py", "values/dates.py", "values/identifiers.py", "check.py"])
def test_the_rules_fingerprint_is_their_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: str) -> None:
    before = run.rules_fingerprint()
    shutil.copytree(Path(run.__file__).parent, tmp_path / "pipeline")
    monkeypatch.setattr(run.resources, "files", lambda _: tmp_path / "pipeline")
    assert run.rules_fingerprint.__wrapped__() == before
    with (tmp_path / "pipeline" / changed).open("a") as file:
        file.write("# another rule\n")
    assert run.rules_fingerprint.__wrapped__() != before


@pytest.mark.parametrize(
    ("pages", "size", "expected"), [(0, 16, []), (1, 16, [(1, 1)]), (33, 16, [(1, 16), (17, 32), (33, 33)])]
)
def test_pages_go_in_ranges(pages: int, size: int, expected: list[tuple[int, int]]) -> None:
    assert [(part[0], part[-1]) for part in run.page_ranges(pages, size)] == expected


GERMAN = "Wir haben Ihre Bestellung erhalten und liefern die Ware an die unten genannte Anschrift.\n\n"
ENGLISH = "We have received your order and will deliver the goods to the address below, as was agreed between us.\n\n"


def test_pages_keep_their_language_and_the_document_has_that_of_most_of_its_text(tmp_path: Path) -> None:
    result = process(pdf(tmp_path / "a.pdf", [ENGLISH + USUAL, ENGLISH, GERMAN * 9, "12.50"]))
    assert [row.language for row in result.pages] == ["en", "en", "de", "und"]
    assert result.language == "de"


def test_a_forced_language_is_that_of_every_page(tmp_path: Path) -> None:
    file = pdf(tmp_path / "a.pdf", [ENGLISH + "total: 1.234", GERMAN])
    forced = process(file, Settings(engine="fake", language="de"))
    assert {row.language for row in forced.pages} | {forced.language} == {"de"}
    assert [value.value for value in forced.values if value.path == "total"] == [Decimal(1234)]
    assert [value.value for value in process(file).values if value.path == "total"] == [Decimal("1.234")]


def test_another_page_says_which_is_the_month(tmp_path: Path) -> None:
    """03/04/2024 alone is doubtful, and in a document that is due on 12/31/2024 it is not."""
    alone = process(pdf(tmp_path / "a.pdf", [ENGLISH + "issue_date: 03/04/2024"]))
    both = process(pdf(tmp_path / "b.pdf", [ENGLISH + "issue_date: 03/04/2024", ENGLISH + "due_date: 12/31/2024"]))
    dates = [{v.path: (v.value, v.problem) for v in result.values} for result in (alone, both)]
    assert dates[0]["issue_date"] == (date(2024, 4, 3), "day and month could be swapped")
    assert dates[1]["issue_date"] == (date(2024, 3, 4), "")
