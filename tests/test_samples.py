"""The sample documents: complete truths whose sums hold, every kind that was asked for, made again by their generator."""

import json
import re
from collections import Counter
from datetime import date
from decimal import Decimal
from pathlib import Path

import cv2
import numpy as np
import pypdfium2 as pdfium
import pytest
from PIL import Image, ImageOps
from stdnum import iban

from pipeline.errors import DocumentError, Reason
from pipeline.evaluate import Outcome, judge_document, read_truth
from pipeline.render import survey
from pipeline.settings import Settings
from pipeline.values.text import fold_name
from sample_data.generator import making
from sample_data.generator.__main__ import HOME, SEED, main
from sample_data.generator.kinds import KINDS
from sample_data.generator.layouts import HELD_OUT_INVOICES, HELD_OUT_RECEIPTS, INVOICES, RECEIPTS
from sample_data.generator.looks import LOOKS
from sample_data.generator.making import TRUTH, documents
from sample_data.generator.mrz import card_zone, passport_zone
from sample_data.generator.places import LANGUAGES
from sample_data.generator.plan import plan
from schemas.bank_statement import BankStatement
from schemas.base import specs
from schemas.contract import Contract
from schemas.fields import Kind
from schemas.form import Form
from schemas.identity_document import IdentityDocument
from schemas.invoice import Invoice
from schemas.receipt import Receipt

BILLS = {"invoice": Invoice, "receipt": Receipt}
SCHEMAS = {
    **BILLS,
    "bank_statement": BankStatement,
    "contract": Contract,
    "identity_document": IdentityDocument,
    "form": Form,
}
IN_ZONE = {"surname", "given_names", "nationality", "date_of_birth", "sex", "expiry_date", "personal_number"}
UNKNOWN = {
    "invoice": {"taxes"},
    "receipt": {"taxes", "payment_method"},
    "contract": {"contract_value"},
    "identity_document": IN_ZONE,
}
"""Fields that a truth may leave open, see the generator's truth.py."""

NAMED = {
    "invoice": ("document_number", "seller_name"),
    "receipt": ("document_number", "seller_name"),
    "bank_statement": ("statement_number", "bank_name", "account_holder"),
    "contract": ("contract_number", "contract_type"),
    "identity_document": ("document_number",),
    "form": ("form_number", "title"),
}
"""Fields whose text can be looked for on every document of a schema."""
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
    schema = truth["schema"]
    fields, names = truth["fields"], {spec.name for spec in specs(SCHEMAS[schema])}
    told = set(fields) | set(truth["absent"])
    assert told <= names and names - told <= UNKNOWN.get(schema, set()) and not set(fields) & set(truth["absent"])
    assert {field.split("[")[0] for field in truth.get("boxes", {})} <= set(fields)
    CHECKS.get(schema, checked_bill)(truth, fields)


def checked_bill(truth, fields):
    rows = fields["line_items"]
    assert rows and all(row["description"] and row["amount"] for row in rows)
    total, lines = Decimal(fields["total"]), sum(Decimal(row["amount"]) for row in rows)
    if "net_total" in fields and "tax_total" in fields:
        assert Decimal(fields["net_total"]) + Decimal(fields["tax_total"]) == total
    before_tax = truth["schema"] == "invoice" or truth["country"] == "US"
    assert lines == Decimal(fields.get("net_total", total)) if before_tax else lines == total
    if "due_date" in fields:
        assert fields["issue_date"] < fields["due_date"]
    if "taxes" in fields:
        assert sum(Decimal(row["amount"]) for row in fields["taxes"]) == Decimal(fields["tax_total"])
    if "cash_given" in fields:
        assert Decimal(fields["cash_given"]) - Decimal(fields["change"]) == total


def checked_statement(truth, fields):
    """The balances add up, entry by entry; an IBAN is right."""
    balance, rows = Decimal(fields["opening_balance"]), fields["transactions"]
    for row in rows:
        balance += Decimal(row["amount"])
        assert Decimal(row.get("balance", balance)) == balance
        assert (
            Decimal(row["amount"]) == Decimal(row.get("credit", 0)) - Decimal(row.get("debit", 0))
            or "columns" not in truth["traits"]
        )
        assert (
            fields["period_start"] <= row["booking_date"] <= row.get("value_date", row["booking_date"]) <= fields["period_end"]
        )
    assert balance == Decimal(fields["closing_balance"])
    amounts = [Decimal(row["amount"]) for row in rows]
    assert sum(amount for amount in amounts if amount > 0) == Decimal(fields["total_credits"])
    assert -sum(amount for amount in amounts if amount < 0) == Decimal(fields["total_debits"])
    assert ("account_iban" in fields) != ("account_number" in fields)
    assert "account_iban" not in fields or iban.is_valid(fields["account_iban"])


def checked_contract(truth, fields):
    assert [set(party) >= {"role", "name", "address"} for party in fields["parties"]] == [True, True]
    assert fields["signature_date"] < fields["effective_date"] < fields["end_date"]
    assert {"term", "notice_period", "renewal", "payment_terms", "governing_law", "jurisdiction"} <= set(fields)


def checked_identity(truth, fields):
    assert fields["date_of_birth"] < fields["issue_date" if "issue_date" in fields else "expiry_date"]
    if "mrz" not in fields:
        assert "full_name" in fields
        return
    lines = fields["mrz"].split("\n")
    assert [len(line) for line in lines] == ([44, 44] if fields["document_type"] == "passport" else [30, 30, 30])
    born = date.fromisoformat(fields["date_of_birth"]).strftime("%y%m%d")
    assert born in fields["mrz"] and re.sub(r"\W", "", fields["document_number"])[:9] in fields["mrz"]


def checked_form(truth, fields):
    assert len(fields["entries"]) >= 8
    assert all(row["label"] and row["value"] and row["section"] for row in fields["entries"])
    assert not any(row["label"].endswith(":") for row in fields["entries"])


CHECKS = {
    "bank_statement": checked_statement,
    "contract": checked_contract,
    "identity_document": checked_identity,
    "form": checked_form,
}


def leaves(fields):
    """Path and value of each leaf; the first of several that are right."""
    for name, value in fields.items():
        if isinstance(value, list) and isinstance(value[0], dict):
            yield from ((f"{name}[{number}].{key}", one) for number, row in enumerate(value) for key, one in row.items())
        else:
            yield name, value[0] if isinstance(value, list) else value


@pytest.mark.parametrize("truth", TRUTHS, ids=lambda truth: truth["file"])
def test_the_truth_is_complete_and_adds_up(truth):
    checked(truth)
    assert (HOME / truth["file"]).is_file()


def test_every_language_layout_look_and_format_is_there():
    of = Counter((truth["schema"], truth["language"]) for truth in TRUTHS)
    assert all(of["invoice", language] >= 3 and of["receipt", language] >= 2 for language in LANGUAGES)
    assert all(of[schema, language] == 1 for schema in KINDS for language in LANGUAGES)
    layouts = {name for kind in KINDS.values() for name in kind.layouts}
    assert {truth["layout"] for truth in TRUTHS} == {*INVOICES, *RECEIPTS, *layouts}
    assert {truth["look"] for truth in TRUTHS} == set(LOOKS)
    assert {Path(truth["file"]).suffix for truth in TRUTHS} == {".pdf", ".jpg", ".png", ".webp", ".tif"}
    assert all(any(t["clean"] for t in TRUTHS if t["language"] == language) for language in LANGUAGES)


def test_what_is_special_is_there():
    traits = Counter(trait for truth in TRUTHS if truth["schema"] in BILLS for trait in truth["traits"])
    assert traits["three_pages"] == 1 and traits["credit"] and traits["negative_credit"] and traits["native_digits"] >= 4
    assert min(traits["two_pages"], traits["prepaid"], traits["two_rates"], traits["untaxed"]) >= 2
    invoices = [truth for truth in TRUTHS if truth["schema"] == "invoice"]
    owed = [t for t in invoices if t["fields"].get("amount_due", t["fields"]["total"]) != t["fields"]["total"]]
    rates = [t for t in invoices if len({row.get("tax_rate") for row in t["fields"]["line_items"]} - {None}) > 1]
    assert len(owed) >= 2 and rates
    assert all({"tax_total", "seller_tax_id"} <= set(t["absent"]) for t in invoices if "untaxed" in t["traits"])
    assert any(Decimal(t["fields"]["total"]) < 0 for t in invoices)
    assert {t["fields"]["currency"] for t in invoices} >= {"EUR", "CHF", "GBP", "USD", "BRL", "MXN", "INR", "THB"}


def test_bank_statements_are_signed_in_every_way():
    statements = [truth for truth in TRUTHS if truth["schema"] == "bank_statement"]
    traits = Counter(trait for truth in statements for trait in truth["traits"])
    assert traits["columns"] == 4 and traits["three_pages"] == traits["native_digits"] == traits["overdrawn"] == 1
    assert traits["minus_front"] == traits["minus_back"] == traits["letters"] == traits["parentheses"] == 1
    assert any("debit" in row for truth in statements for row in truth["fields"]["transactions"])
    assert any(
        Decimal(row.get("balance", 0)) < 0 or Decimal(t["fields"]["opening_balance"]) < 0
        for t in statements
        for row in t["fields"]["transactions"]
    )


@pytest.mark.parametrize("schema", KINDS)
def test_about_half_of_the_newer_types_are_born_digital(schema):
    looks = Counter(truth["look"] for truth in TRUTHS if truth["schema"] == schema)
    assert looks["digital"] in (3, 4)
    assert sum(not truth["clean"] for truth in TRUTHS if truth["schema"] == schema) == 1


def test_machine_readable_zones_are_those_of_the_standard():
    """The two specimens that ICAO 9303 prints."""
    days = (date(1974, 8, 12), date(2012, 4, 15))
    assert passport_zone("UTO", ("ERIKSSON", "ANNA<MARIA"), "L898902C3", days, "F", "ZE184226B") == (
        "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL898902C36UTO7408122F1204159ZE184226B<<<<<10"
    )
    assert card_zone("UTO", ("ERIKSSON", "ANNA<MARIA"), "D23145890", days, "F") == (
        "I<UTOD231458907<<<<<<<<<<<<<<<\n7408122F1204159UTO<<<<<<<<<<<6\nERIKSSON<<ANNA<MARIA<<<<<<<<<<"
    )


def test_the_files_are_what_their_looks_say():
    pages = {}
    for truth in TRUTHS:
        found = survey(str(HOME / truth["file"]), Settings())
        assert not found.mended
        pages[truth["file"]] = found.page_count
        traits = truth["traits"]
        printed = 3 if "three_pages" in traits else 2 if "two_pages" in traits else 1
        sides = 2 if truth["look"] == "blank_back" else 1
        assert found.page_count == printed * sides or (truth["schema"] == "contract" and found.page_count == 2), truth["file"]
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
        rows = [row["description"] for row in fields.get("line_items", [])] + [row["name"] for row in fields.get("parties", [])]
        told = [*(fields[name] for name in NAMED[truth["schema"]]), *rows]
        assert [value for value in told if (fold_name(value) in text) != sound] == [], truth["file"]
        assert (len(text) > 100) == (look != "scan")


def test_the_samples_are_small():
    assert sum(path.stat().st_size for path in HOME.rglob("*.*") if path.parent.name in (*SCHEMAS, "broken")) < 12e6


@pytest.mark.parametrize(
    "truth", [t for t in TRUTHS if t["look"] in ("digital", "hidden_text")], ids=lambda truth: truth["file"]
)
def test_a_box_holds_its_value(truth):
    """The text layer within each box is the value, or a line of it."""
    document = pdfium.PdfDocument(HOME / truth["file"])
    values = dict(leaves(truth["fields"]))
    kinds = {spec.name: spec.kind for spec in specs(SCHEMAS[truth["schema"]])}
    for path, places in truth["boxes"].items():
        for place in places:
            page = document[place["page"] - 1]
            width, height = page.get_size()
            x0, y0, x1, y1 = place["box"]
            assert 0 <= x0 < x1 <= 1 and 0 <= y0 < y1 <= 1
            text = page.get_textpage().get_text_bounded(
                x0 * width - 0.5, (1 - y1) * height - 0.5, x1 * width + 0.5, (1 - y0) * height + 0.5
            )
            if kinds.get(path) in (Kind.NAME, Kind.IDENTIFIER, Kind.ADDRESS):
                assert fold_name(values[path]) in fold_name(text), (path, text)
            assert text.strip(), path


def test_boxes_are_told_unless_nobody_knows_how_the_print_was_moved():
    without = {truth["look"] for truth in TRUTHS if "boxes" not in truth}
    assert without <= {"photo_stamped", "tilted"} and sum("boxes" not in truth for truth in TRUTHS) <= 2
    for truth in (truth for truth in TRUTHS if "boxes" in truth):
        stated = {path for path, _ in leaves(truth["fields"])} - set(truth["boxes"])
        assert all(re.match(r"document_type|payment_method|taxes", path) for path in stated), truth["file"]
        pages = survey(str(HOME / truth["file"]), Settings()).page_count
        assert all(1 <= place["page"] <= pages for places in truth["boxes"].values() for place in places)


@pytest.mark.parametrize("look", ["turned_180", "turned_270", "exif_3", "exif_6", "tilted", "skewed", "photo"])
def test_a_box_is_moved_with_its_page(look):
    """Where a page was turned or lies askew there is print in the boxes, and less of it at their upper and lower sides.

    Boxes of a page that is badly askew reach into the lines above and below.
    """
    shares = []
    for truth in (truth for truth in TRUTHS if truth["look"] == look and "boxes" in truth):
        ink = upright(HOME / truth["file"])
        for places in truth["boxes"].values():
            for place in places:
                x0, y0, x1, y1 = place["box"]
                top, bottom = round(y0 * ink.shape[0]), round(y1 * ink.shape[0])
                part = ink[top:bottom, round(x0 * ink.shape[1]) : round(x1 * ink.shape[1])]
                assert part.any(), (truth["file"], place)
                shares.append(part[[0, -1]].mean() < part.mean())
    assert np.mean(shares) > (0.75 if look == "skewed" else 0.9)


def upright(path):
    """Where there is print on a page as a viewer shows it."""
    if path.suffix == ".pdf":
        page = pdfium.PdfDocument(path)[0].render(scale=200 / 72).to_numpy()[:, :, :3]
    else:
        with Image.open(path) as image:
            page = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    grey = cv2.cvtColor(page, cv2.COLOR_RGB2GRAY)
    return cv2.adaptiveThreshold(grey, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY_INV, 41, 18) > 0


def test_the_generator_makes_the_committed_truth_again():
    assert [made.truth for made in documents(SEED)] == TRUTHS


def test_another_seed_gives_others_that_are_true_too(others):
    for made in others:
        checked(made.truth)
    mine = {json.dumps(truth["fields"]) for truth in TRUTHS}
    theirs = {json.dumps(made.truth["fields"]) for made in others}
    assert not mine & theirs
    paired = [(job["language"], job["layout"], job["look"]) for job in TRUTHS]
    assert paired != [(made.truth["language"], made.truth["layout"], made.truth["look"]) for made in others]


def test_the_held_out_set_has_every_language_twice_and_its_own_layouts(held_out):
    for made in held_out:
        checked(made.truth)
        assert made.truth["clean"]
    truths = [made.truth for made in held_out if made.truth["schema"] in BILLS]
    for truth in truths:
        assert (truth["schema"] == "receipt") == (truth["layout"] in HELD_OUT_RECEIPTS)
    of = Counter((truth["schema"], truth["language"]) for truth in truths)
    assert of == {(schema, language): 2 for schema in BILLS for language in LANGUAGES}
    born = Counter((truth["schema"], truth["language"]) for truth in truths if truth["look"] == "digital")
    assert born == {(schema, language): 1 for schema in BILLS for language in LANGUAGES}
    assert {truth["layout"] for truth in truths} == {*HELD_OUT_INVOICES, *HELD_OUT_RECEIPTS}
    assert not {*HELD_OUT_INVOICES, *HELD_OUT_RECEIPTS} & {*INVOICES, *RECEIPTS}
    named = {"document_number", "issue_date", "seller_name", "seller_address", "total"}
    assert all(named <= set(truth["fields"]) for truth in truths)
    assert all({"quantity", "unit_price"} <= set(row) for truth in truths for row in truth["fields"]["line_items"])


def test_the_held_out_set_has_statements_and_forms_of_every_language_in_their_own_layouts(held_out):
    truths = [made.truth for made in held_out if made.truth["schema"] not in BILLS]
    of = Counter((truth["schema"], truth["language"]) for truth in truths)
    assert of == {(schema, language): 1 for schema in ("bank_statement", "form") for language in LANGUAGES}
    assert {truth["layout"] for truth in truths} == {"statement_days", "form_under"}
    assert not any("statement_days" in kind.layouts or "form_under" in kind.layouts for kind in KINDS.values())


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
        pages = 3 if "three_pages" in traits else 2 if "two_pages" in traits else 1
        assert len(document) == pages or (made.job.schema == "contract" and len(document) == 2), made.truth["file"]
        text = fold_name("".join(page.get_textpage().get_text_bounded() for page in document))
        readable = made.job.place.language != "hi" or LOOKS[made.job.look].layered
        kinds = {spec.name: spec.kind for spec in specs(SCHEMAS[made.job.schema])}
        for name, value in made.truth["fields"].items():
            if kinds[name] is Kind.IDENTIFIER or (kinds[name] in (Kind.NAME, Kind.ADDRESS) and readable):
                assert fold_name(value) in text, (made.truth["file"], name, value)
        if readable and made.job.schema in BILLS:
            rows = made.truth["fields"]["line_items"]
            assert all(fold_name(row["description"]) in text for row in rows), made.truth["file"]


def test_a_document_is_made_the_same_each_time(others):
    again = next(made for made in documents(OTHER_SEED) if made.job.look == "photo")
    first = next(made for made in others if made.job.look == "photo")
    assert again.document.pdf == first.document.pdf
    assert again.file() == first.file()


def test_making_takes_the_old_documents_away_and_nothing_else(tmp_path, monkeypatch):
    monkeypatch.setattr(making, "plan", lambda random: plan(random)[:2])
    monkeypatch.setattr(making, "plan_kinds", lambda random: [])
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
        judged = judge_document(dict(leaves(truth.fields)), truth, SCHEMAS[truth.schema])
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
