from dataclasses import replace

import pytest

from pipeline.ground import ground
from pipeline.normalize import normalize
from pipeline.records import Frame, Grounding, Leaf, PageWords, Word, WordsFrom
from schemas.invoice import Invoice

LINES = (
    "ACME GmbH",
    "Hauptweg 1   Rechnung Nr. RE-2024-17",
    "12345 Ort   Datum 03.04.2024",
    "Widget 2 50,00 100,00",
    "Gadget 1 100,00 100,00",
    "Netto 200,00",
    "MwSt 12,50",
    "Gesamt 112,50 EUR",
    "Zahlbar bis 5. Mai 2024",
    "DE 136 695 976",
)


def page_of(*lines, language="de", confidence=1.0, frame=None):
    """Words of 0.01 a letter; three blanks in `lines` part columns."""
    words = []
    for number, line in enumerate(lines):
        column = 0
        for text in line.split(" "):
            if text:
                x = 0.05 + 0.01 * column
                box = (x, 0.05 + 0.03 * number, x + 0.01 * len(text), 0.07 + 0.03 * number)
                words.append(Word(text, box, confidence, number))
            column += len(text) + 1
    return PageWords(1, frame or Frame(595, 842), tuple(words), WordsFrom.OCR, language)


PAGE = page_of(*LINES)


def grounded(path, verbatim, page=PAGE, box=None, confidence=1.0):
    return ground(normalize([Leaf(path, verbatim, confidence, box)], Invoice, page)[:1], Invoice, page)[0]


def line_of(value):
    return round((value.box[1] - 0.05) / 0.03)


@pytest.mark.parametrize(
    ("path", "verbatim", "status", "line"),
    [
        ("seller_name", "ACME GmbH", Grounding.EXACT, 0),
        ("seller_name", "acme gmbh", Grounding.EXACT, 0),
        ("seller_name", "ACNE GmbH", Grounding.FUZZY, 0),
        ("document_number", "RE-2024-17", Grounding.EXACT, 1),
        ("issue_date", "03.04.2024", Grounding.EXACT, 2),
        ("issue_date", "3. April 2024", Grounding.NORMALIZED, 2),
        ("due_date", "05.05.2024", Grounding.NORMALIZED, 8),
        ("total", "112,50 EUR", Grounding.EXACT, 7),
        ("total", "112.50", Grounding.NORMALIZED, 7),
        ("tax_total", "12,50", Grounding.EXACT, 6),
        ("seller_tax_id", "DE 136 695 976", Grounding.NORMALIZED, 9),
        ("currency", "EUR", Grounding.EXACT, 7),
        ("currency", "€", Grounding.NORMALIZED, 7),
    ],
)
def test_a_value_is_found_where_it_is_printed(path, verbatim, status, line):
    value = grounded(path, verbatim)
    assert (value.status, line_of(value)) == (status, line)


@pytest.mark.parametrize(
    ("path", "verbatim"),
    [
        ("total", "2,50"),
        ("total", "1112,50"),
        ("total", "113,50"),
        ("total", "-112,50"),
        ("document_number", "RE-2024"),
        ("document_number", "17"),
        ("issue_date", "04.04.2024"),
        ("seller_name", "Nobody Ltd"),
        ("buyer_name", "Wid"),
        ("line_items[0].quantity", "3"),
    ],
)
def test_a_value_of_another_document_or_a_piece_is_not_found(path, verbatim):
    value = grounded(path, verbatim)
    assert (value.status, value.box) == (Grounding.NOT_FOUND, None)
    assert value.confidence == pytest.approx(0.4)


def test_a_hint_chooses_between_equal_prints():
    assert line_of(grounded("line_items[0].amount", "100,00", box=(0.2, 0.14, 0.26, 0.16))) == 3
    assert line_of(grounded("line_items[0].amount", "100,00", box=(0.14, 0.17, 0.2, 0.19))) == 4


def test_without_a_hint_the_rest_of_the_row_chooses():
    leaves = [Leaf("line_items[0].description", "Widget"), Leaf("line_items[0].amount", "100,00")]
    leaves += [Leaf("line_items[1].description", "Gadget"), Leaf("line_items[1].amount", "100,00")]
    values = ground(normalize(leaves, Invoice, PAGE), Invoice, PAGE)
    assert [line_of(value) for value in values[:4]] == [3, 3, 4, 4]


def test_without_a_hint_the_label_chooses():
    page = page_of("Subtotal 50.00", "VAT 0.00", "Total 50.00", "Paid 50.00", language="en")
    assert line_of(grounded("total", "50.00", page)) == 2
    assert line_of(grounded("net_total", "50.00", page)) == 0


def test_glued_and_parted_print_is_found():
    page = page_of("Total RM31.60", "Rounding RM53. 60", language="en")
    assert grounded("total", "31.60", page).status is Grounding.EXACT
    assert line_of(grounded("total", "53.60", page)) == 1


def test_an_address_is_found_between_other_columns():
    value = grounded("seller_address", "Hauptweg 1\n12345 Ort")
    assert value.status is Grounding.EXACT
    assert (line_of(value), round(value.box[3], 2)) == (1, 0.13)


def test_thai_is_found_in_words_of_one_letter():
    page = page_of("บ ริ ษั ท  ท ด ส อ บ  จำ กั ด", "ยอดรวม ๑,๒๓๔.๕๐ บาท", "๔ มี . ค . ๖๗", language="th")
    assert grounded("seller_name", "บริษัท ทดสอบ จำกัด", page).status is Grounding.EXACT
    assert grounded("seller_name", "บริษัท ทคสอบ จำกัด", page).status is Grounding.FUZZY
    assert grounded("total", "1,234.50", page).status is not Grounding.NOT_FOUND
    assert line_of(grounded("issue_date", "4 มี.ค. 67", page)) == 2


def test_no_words_is_said_and_keeps_the_engines_hint():
    empty = PageWords(1, Frame(1, 1), language="en")
    value = grounded("total", "12.50", empty, box=(0.1, 0.1, 0.2, 0.2))
    assert (value.status, value.confidence, value.box) == (Grounding.NO_WORDS, 0.85, (0.1, 0.1, 0.2, 0.2))


def test_the_box_lies_in_the_page_frame():
    turned = replace(PAGE, frame=Frame(842, 595, turn=90))
    upright, value = grounded("total", "112,50 EUR"), grounded("total", "112,50 EUR", turned)
    assert value.box == pytest.approx(Frame(842, 595, turn=90).to_page(upright.box))
    assert value.box != upright.box


def test_confidence_is_the_product_that_the_module_tells():
    blurred = page_of(*LINES, confidence=0.9)
    assert grounded("total", "112,50 EUR", blurred, confidence=0.8).confidence == pytest.approx(0.72)
    assert grounded("total", "112.50", blurred, confidence=0.8).confidence == pytest.approx(0.72 * 0.97, abs=1e-4)
    assert grounded("total", "see below", blurred).confidence == 0
    fuzzy = grounded("seller_name", "ACNE GmbH")
    assert fuzzy.confidence == pytest.approx(0.875**2, abs=1e-4)
    doubtful = grounded("seller_tax_id", "DE123456789", page_of("DE123456789"))
    assert (doubtful.status, doubtful.confidence) == (Grounding.EXACT, 0.9)
