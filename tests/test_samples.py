"""The sample documents: complete truths whose sums hold, every kind that was asked for, made again by their generator."""

import json
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pypdfium2 as pdfium
import pytest
from PIL import Image

from pipeline.errors import DocumentError, Reason
from pipeline.evaluate import Outcome, judge_document, read_truth
from pipeline.render import survey
from pipeline.settings import Settings
from pipeline.values.text import fold_name
from sample_data.generator import making
from sample_data.generator.__main__ import HOME, SEED, main
from sample_data.generator.layouts import HELD_OUT_INVOICES, HELD_OUT_RECEIPTS, INVOICES, RECEIPTS
from sample_data.generator.looks import LOOKS
from sample_data.generator.making import TRUTH, documents
from sample_data.generator.places import LANGUAGES
from sample_data.generator.plan import plan
from schemas.base import specs
from schemas.invoice import Invoice
from schemas.receipt import Receipt

SCHEMAS = {"invoice": Invoice, "receipt": Receipt}
TRUTHS = [json.loads(line) for line in (HOME / TRUTH).read_text(encoding="utf-8").splitlines()]
OTHER_SEED = 7
HELD_OUT_SEED = 4711


@pytest.fixture(scope="module")
def others():
    """The documents of a seed that is not the committed one, as they left the printer."""
    return list(documents(OTHER_SEED))


@pytest.fixture(scope="module")
def held_out():
    """Those in the layouts that are drawn on request alone."""
    return list(documents(HELD_OUT_SEED, held_out=True))


def checked(truth):
    """Each field is told to be there or not, and the sums hold."""
    fields, names = truth["fields"], {spec.name for spec in specs(SCHEMAS[truth["schema"]])}
    assert set(fields) | set(truth["absent"]) == names and not set(fields) & set(truth["absent"])
    rows = fields["line_items"]
    assert rows and all(row["description"] and row["amount"] for row in rows)
    total, lines = Decimal(fields["total"]), sum(Decimal(row["amount"]) for row in rows)
    if "net_total" in fields and "tax_total" in fields:
        assert Decimal(fields["net_total"]) + Decimal(fields["tax_total"]) == total
    before_tax = truth["schema"] == "invoice" or truth["country"] == "US"
    assert lines == Decimal(fields.get("net_total", total)) if before_tax else lines == total
    if "due_date" in fields:
        assert fields["issue_date"] < fields["due_date"]


@pytest.mark.parametrize("truth", TRUTHS, ids=lambda truth: truth["file"])
def test_the_truth_is_complete_and_adds_up(truth):
    checked(truth)
    assert (HOME / truth["file"]).is_file()


def test_every_language_layout_look_and_format_is_there():
    of = Counter((truth["schema"], truth["language"]) for truth in TRUTHS)
    assert all(of["invoice", language] >= 3 and of["receipt", language] >= 2 for language in LANGUAGES)
    assert {truth["layout"] for truth in TRUTHS} == {*INVOICES, *RECEIPTS}
    assert {truth["look"] for truth in TRUTHS} == set(LOOKS)
    assert {Path(truth["file"]).suffix for truth in TRUTHS} == {".pdf", ".jpg", ".png", ".webp", ".tif"}
    assert all(any(t["clean"] for t in TRUTHS if t["language"] == language) for language in LANGUAGES)


def test_what_is_special_is_there():
    traits = Counter(trait for truth in TRUTHS for trait in truth["traits"])
    assert traits["three_pages"] == 1 and traits["credit"] and traits["negative_credit"] and traits["native_digits"] >= 4
    assert min(traits["two_pages"], traits["prepaid"], traits["two_rates"], traits["untaxed"]) >= 2
    invoices = [truth for truth in TRUTHS if truth["schema"] == "invoice"]
    owed = [t for t in invoices if t["fields"].get("amount_due", t["fields"]["total"]) != t["fields"]["total"]]
    rates = [t for t in invoices if len({row.get("tax_rate") for row in t["fields"]["line_items"]} - {None}) > 1]
    assert len(owed) >= 2 and rates
    assert all({"tax_total", "seller_tax_id"} <= set(t["absent"]) for t in invoices if "untaxed" in t["traits"])
    assert any(Decimal(t["fields"]["total"]) < 0 for t in invoices)
    assert {t["fields"]["currency"] for t in invoices} >= {"EUR", "CHF", "GBP", "USD", "BRL", "MXN", "INR", "THB"}


def test_the_files_are_what_their_looks_say():
    pages = {}
    for truth in TRUTHS:
        found = survey(str(HOME / truth["file"]), Settings())
        assert not found.mended
        pages[truth["file"]] = found.page_count
        traits = truth["traits"]
        printed = 3 if "three_pages" in traits else 2 if "two_pages" in traits else 1
        assert found.page_count == printed * (2 if truth["look"] == "blank_back" else 1), truth["file"]
        if truth["look"] in ("bilevel", "fax", "fine_fax"):
            with Image.open(HOME / truth["file"]) as image:
                assert (image.mode, image.info["compression"]) == ("1", "group4")
        if truth["look"] == "fax":
            assert tuple(map(round, image.info["dpi"])) == (204, 98)
        if truth["look"].startswith("exif_"):
            with Image.open(HOME / truth["file"]) as image:
                assert image.getexif()[0x0112] == int(truth["look"][-1])
    assert sum(pages.values()) >= 60


def layer(path):
    """The text of a PDF's pages."""
    document = pdfium.PdfDocument(path)
    return "".join(page.get_textpage().get_text_bounded() for page in document)


@pytest.mark.parametrize("look", ["digital", "hidden_text", "garbled_text", "scan"])
def test_text_layers_are_sound_garbage_or_not_there(look):
    sound = look in ("digital", "hidden_text")
    for truth in (truth for truth in TRUTHS if truth["look"] == look):
        text, fields = fold_name(layer(HOME / truth["file"])), truth["fields"]
        told = [fields["document_number"], fields["seller_name"], *(row["description"] for row in fields["line_items"])]
        assert [value for value in told if (fold_name(value) in text) != sound] == [], truth["file"]
        assert (len(text) > 100) == (look != "scan")


def test_the_samples_are_small():
    assert sum(path.stat().st_size for path in HOME.rglob("*.*") if path.parent.name in ("invoice", "receipt", "broken")) < 12e6


def test_the_generator_makes_the_committed_truth_again():
    assert [made.truth for made in documents(SEED)] == TRUTHS


def test_another_seed_gives_others_that_are_true_too(others):
    for made in others:
        checked(made.truth)
    mine = {(t["fields"]["seller_name"], t["fields"]["total"]) for t in TRUTHS}
    theirs = {(made.truth["fields"]["seller_name"], made.truth["fields"]["total"]) for made in others}
    assert not mine & theirs
    paired = [(job["language"], job["layout"], job["look"]) for job in TRUTHS]
    assert paired != [(made.truth["language"], made.truth["layout"], made.truth["look"]) for made in others]


def test_the_held_out_set_has_every_language_twice_and_its_own_layouts(held_out):
    truths = [made.truth for made in held_out]
    for truth in truths:
        checked(truth)
        assert truth["clean"] and (truth["schema"] == "receipt") == (truth["layout"] in HELD_OUT_RECEIPTS)
    of = Counter((truth["schema"], truth["language"]) for truth in truths)
    assert of == {(schema, language): 2 for schema in SCHEMAS for language in LANGUAGES}
    born = Counter((truth["schema"], truth["language"]) for truth in truths if truth["look"] == "digital")
    assert born == {(schema, language): 1 for schema in SCHEMAS for language in LANGUAGES}
    assert {truth["layout"] for truth in truths} == {*HELD_OUT_INVOICES, *HELD_OUT_RECEIPTS}
    assert not {*HELD_OUT_INVOICES, *HELD_OUT_RECEIPTS} & {*INVOICES, *RECEIPTS}
    named = {"document_number", "issue_date", "seller_name", "seller_address", "total"}
    assert all(named <= set(truth["fields"]) for truth in truths)
    assert all({"quantity", "unit_price"} <= set(row) for truth in truths for row in truth["fields"]["line_items"])


def test_the_held_out_set_is_never_written_among_the_committed_documents(monkeypatch):
    monkeypatch.setattr("sys.argv", ["generator", "--held-out"])
    with pytest.raises(SystemExit):
        main()


@pytest.mark.parametrize("seed", ["others", "held_out"])
def test_every_value_of_the_truth_is_printed(seed, request):
    """Names, addresses and identifiers stand in the text of the document as it left the printer, and it fits its pages.

    Letters of Devanagari are only asked for where the document's text layer is kept: other fonts lose some.
    """
    for made in request.getfixturevalue(seed):
        document = pdfium.PdfDocument(made.document.pdf)
        traits = made.job.traits
        assert len(document) == (3 if "three_pages" in traits else 2 if "two_pages" in traits else 1), made.truth["file"]
        text = fold_name("".join(page.get_textpage().get_text_bounded() for page in document))
        readable = made.job.place.language != "hi" or LOOKS[made.job.look].layered
        for name, value in made.truth["fields"].items():
            if name.endswith(("_id", "_iban", "_number")) or (name.endswith(("_name", "_address")) and readable):
                assert fold_name(value) in text, (made.truth["file"], name, value)
        if readable:
            rows = made.truth["fields"]["line_items"]
            assert all(fold_name(row["description"]) in text for row in rows), made.truth["file"]


def test_a_document_is_made_the_same_each_time(others):
    again = next(made for made in documents(OTHER_SEED) if made.job.look == "photo")
    first = next(made for made in others if made.job.look == "photo")
    assert again.document.pdf == first.document.pdf
    assert again.file() == first.file()


def test_making_takes_the_old_documents_away_and_nothing_else(tmp_path, monkeypatch):
    monkeypatch.setattr(making, "plan", lambda random: plan(random)[:2])
    (tmp_path / "invoice").mkdir()
    for name in ("old.pdf", "of-mine.pdf"):
        (tmp_path / "invoice" / name).write_bytes(b"something")
    (tmp_path / TRUTH).write_text('{"file": "invoice/old.pdf"}\n')
    made = [truth["file"] for truth in making.make(OTHER_SEED, tmp_path)]
    there = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.*") if path.parent.name != "broken"}
    assert there == {*made, "invoice/of-mine.pdf", TRUTH}
    assert [truth.file for truth in read_truth(str(tmp_path / TRUTH))] == [str(tmp_path / name) for name in made]


def test_the_truth_judges_itself_right():
    for truth in read_truth(str(HOME / TRUTH)):
        values = {name: value for name, value in truth.fields.items() if name != "line_items"}
        for number, row in enumerate(truth.fields["line_items"]):
            values |= {f"line_items[{number}].{name}": value for name, value in row.items()}
        judged = judge_document(values, truth, SCHEMAS[truth.schema])
        assert {judgement.outcome for judgement in judged} == {Outcome.RIGHT}, truth.file


BROKEN = {
    "encrypted.pdf": Reason.ENCRYPTED,
    "truncated.pdf": Reason.CORRUPT,
    "zero_bytes.pdf": Reason.EMPTY_FILE,
    "archive.pdf": Reason.NOT_A_DOCUMENT,
    "shopping_list.txt": Reason.NOT_A_DOCUMENT,
    "no_pages.pdf": Reason.NO_PAGES,
}


def test_the_broken_ones_are_these():
    assert {path.name for path in (HOME / "broken").iterdir()} == set(BROKEN)


@pytest.mark.parametrize("name", BROKEN)
def test_each_broken_one_raises(name):
    with pytest.raises(DocumentError) as raised:
        survey(str(HOME / "broken" / name), Settings())
    assert raised.value.reason is BROKEN[name]


def test_a_pdf_without_pages_is_not_taken_for_the_encrypted_one_before_it():
    for name in ("encrypted.pdf", "no_pages.pdf"):
        with pytest.raises(DocumentError) as raised:
            survey(str(HOME / "broken" / name), Settings())
        assert raised.value.reason is BROKEN[name]
