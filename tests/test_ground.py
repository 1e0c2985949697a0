from collections import Counter
from dataclasses import replace
from decimal import Decimal
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import create_model

from pipeline.ground import ground
from pipeline.ground.nearest import DownThePage
from pipeline.ground.printed import Stream
from pipeline.normalize import normalize
from pipeline.records import Frame, Grounding, Leaf, PageWords, Word, WordsFrom
from schemas.bank_statement import BankStatement
from schemas.base import DocumentSchema
from schemas.fields import field
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
    blurred = page_of(*LINES, confidence=0.84)
    assert grounded("total", "112,50 EUR", blurred, confidence=0.8).confidence == pytest.approx(0.8 * 0.9)
    assert grounded("total", "112.50", blurred, confidence=0.8).confidence == pytest.approx(0.8 * 0.9 * 0.95, abs=1e-4)
    assert grounded("total", "112,50", page_of(*LINES, confidence=0.95), confidence=0.8).confidence == pytest.approx(0.8)
    assert grounded("total", "see below", blurred).confidence == 0
    fuzzy = grounded("seller_name", "ACNE GmbH")
    assert fuzzy.confidence == pytest.approx(0.875**2, abs=1e-4)


def test_wrong_check_digits_raise_no_doubt_of_the_reading_and_doubtful_dates_do():
    found = grounded("seller_tax_id", "DE123456789", page_of("DE123456789"))
    assert (found.status, found.confidence, found.problem != "") == (Grounding.EXACT, 1.0, True)
    swapped = grounded("issue_date", "03/04/2024", page_of("Date 03/04/2024", language="en"))
    assert (swapped.status, swapped.confidence) == (Grounding.EXACT, 0.9)


def test_what_is_found_exactly_in_a_text_layer_is_surer():
    layer = replace(PAGE, words_from=WordsFrom.TEXT_LAYER)
    assert grounded("total", "112,50 EUR", layer, confidence=0.8).confidence == pytest.approx(0.86)
    assert grounded("total", "112.50", layer, confidence=0.8).confidence == pytest.approx(0.8 * 0.95)


@pytest.mark.parametrize(
    ("path", "verbatim"),
    [
        ("document_number", "RE-2024-71"),
        ("document_number", "RE-2024-1"),
        ("document_number", "RE-2042-17"),
        ("seller_address", "Hauptweg 2\n12345 Ort"),
        ("seller_address", "Hauptweg 1, 12346 Ort"),
        ("seller_name", "ACME"),
        ("total", "112,50 USD"),
        ("total", "(112,50)"),
        ("due_date", "6. Mai 2024"),
        ("seller_tax_id", "DE 136 695 977"),
    ],
)
def test_a_value_that_is_almost_printed_is_not_found(path, verbatim):
    page = PAGE if path != "seller_name" else page_of("ACMELINE Holding", "ACM", language="en")
    assert grounded(path, verbatim, page).status is Grounding.NOT_FOUND


@pytest.mark.parametrize(
    ("path", "verbatim", "line", "print_"),
    [
        ("document_number", "RE-2024-17", "Nr. RE-2O24-l7", Grounding.FUZZY),
        ("seller_name", "Societe Generale d'Eclairage", "Société Générale d'Éclairage", Grounding.NORMALIZED),
        ("seller_address", "Rua São João 5, 1000 Lisboa", "Rua Sao Joao 5 1000 Lisboa", Grounding.NORMALIZED),
        ("total", "1 234,50", "Gesamt 1.234, 50", Grounding.NORMALIZED),
        ("payment_terms", "एक महीने", "कोई भी एक महीनेकी सूचना", Grounding.EXACT),
        ("payment_terms", "30 วันหลัง", "ชำระภายใน30 วันหลังรับสินค้า", Grounding.EXACT),
    ],
)
def test_other_writings_of_a_value_are_found(path, verbatim, line, print_):
    assert grounded(path, verbatim, page_of("Kopf", line)).status is print_


def test_a_sign_belongs_to_a_sum():
    page = page_of("Rabatt -5,00", "Gutschrift (7,00)", "Summe 9,00")
    for verbatim, line in (("-5,00", 0), ("(7,00)", 1), ("9,00", 2)):
        assert line_of(grounded("total", verbatim, page)) == line
    for verbatim in ("5,00", "7,00", "-9,00"):
        assert grounded("total", verbatim, page).status is Grounding.NOT_FOUND


TABLE = page_of(
    "Artikel              Menge   Preis   Betrag",
    "Schraube M4          1       2,00    2,00",
    "Mutter M4            1       2,00    2,00",
    "Scheibe              2       1,00    2,00",
    "Summe                                6,00",
    "bezahlt              1       2,00    2,00",
)


def cells(*rows):
    leaves = []
    for number, row in enumerate(rows):
        for column, text in zip(("description", "quantity", "unit_price", "amount"), row, strict=True):
            leaves.append(Leaf(f"line_items[{number}].{column}", text))
    return {value.path: value for value in ground(normalize(leaves, Invoice, TABLE), Invoice, TABLE)}


def test_cells_stand_on_their_row_and_in_their_column():
    rows = (("Schraube M4", "1", "2,00", "2,00"), ("Mutter M4", "1", "2.00", "2.00"), ("Scheibe", "2", "1,00", "2,00"))
    found = cells(*rows)
    for number in range(3):
        assert {line_of(found[f"line_items[{number}].{name}"]) for name in ("description", "quantity", "amount")} == {
            number + 1
        }
        price, amount = (found[f"line_items[{number}].{name}"].box[0] for name in ("unit_price", "amount"))
        assert (round(price, 2), round(amount, 2)) == (0.34, 0.42)


def test_rows_that_are_alike_stand_one_below_the_other():
    row = ("Muttern", "1", "2,00", "2,00")  # no row prints this name
    found = cells(row, row)
    assert [line_of(found[f"line_items[{number}].amount"]) for number in range(2)] == [1, 2]


def test_a_row_that_a_model_made_up_is_not_found_by_its_figures():
    rows = (("Schraube M4", "1", "2,00", "2,00"), ("Mutter M4", "1", "2,00", "2,00"), ("Scheibe", "2", "1,00", "2,00"))
    found = cells(*rows, ("Dichtung", "7", "3,50", "6,00"))
    assert {found[f"line_items[3].{name}"].status for name in ("description", "quantity", "unit_price", "amount")} == {
        Grounding.NOT_FOUND
    }


def test_a_label_of_another_field_is_no_label():
    page = page_of("Total VAT 50.00", "Grand Total 50.00", "Balance Due 50.00", language="en")
    assert [line_of(grounded(path, "50.00", page)) for path in ("tax_total", "total", "amount_due")] == [0, 1, 2]


def test_a_choice_is_found_by_the_words_that_stand_for_it():
    page = page_of("Stornorechnung zu 17", "Betrag 5,00")
    value = grounded("document_type", "credit_note", page)
    assert (value.status, line_of(value)) == (Grounding.NORMALIZED, 0)


def test_an_address_beside_another_is_found_in_its_own_column():
    page = page_of(
        "Alpha GmbH                    Beta AG",
        "Weg 1                         Platz 2",
        "12345 Ort                     54321 Stadt",
    )
    for name, address, left in (("seller_address", "Weg 1\n12345 Ort", 0.05), ("buyer_address", "Platz 2, 54321 Stadt", 0.35)):
        value = grounded(name, address, page)
        assert value.status in (Grounding.EXACT, Grounding.NORMALIZED)
        assert (round(value.box[0], 2), value.box[2] - value.box[0] < 0.15) == (left, True)


def test_an_amount_signed_by_its_column_is_found_where_it_is_printed():
    page = page_of(
        "Datum        Buchung      Soll      Haben",
        "01.03.2024   Miete        700,00    ",
        "02.03.2024   Gehalt                 900,00",
    )
    leaves = [Leaf("transactions[0].description", "Miete"), Leaf("transactions[0].debit", "700,00")]
    leaves += [Leaf("transactions[1].description", "Gehalt"), Leaf("transactions[1].credit", "900,00")]
    found = {v.path: v for v in ground(normalize(leaves, BankStatement, page), BankStatement, page)}
    for row, (side, amount) in enumerate((("debit", Decimal("-700.00")), ("credit", Decimal("900.00")))):
        signed = found[f"transactions[{row}].amount"]
        assert (signed.value, signed.box) == (amount, found[f"transactions[{row}].{side}"].box)
        assert line_of(signed) == row + 1


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=80), st.lists(st.text(min_size=1, max_size=12), max_size=12), st.sampled_from(("de", "th", "und")))
def test_no_print_and_no_value_breaks_it(verbatim, words, language):
    page = page_of(*(word.replace("\n", " ") for word in words), language=language)
    paths = ("total", "issue_date", "seller_name", "seller_address", "document_number", "currency", "document_type")
    leaves = [
        Leaf(path, verbatim)
        for path in (*paths, "line_items[0].quantity", "line_items[0].tax_rate", "line_items[7].description")
    ]
    for value in ground(normalize(leaves, Invoice, page), Invoice, page):
        assert 0 <= value.confidence <= 1
        assert (value.box is None) == (value.status in (Grounding.NOT_FOUND, Grounding.NO_WORDS))


def test_a_number_is_not_exactly_an_amount_that_begins_like_it():
    page = page_of("Menge 19", "Summe 19,00", "Nr 119", "Preis EUR7,5")
    assert (grounded("line_items[0].quantity", "19", page).status, line_of(grounded("line_items[0].quantity", "19", page))) == (
        Grounding.EXACT,
        0,
    )
    alone = grounded("line_items[0].quantity", "19", page_of("Summe 19,00"))
    assert alone.status is Grounding.NORMALIZED
    assert grounded("total", "7,5", page).status is Grounding.EXACT


BLANK = create_model(
    "Blank",
    __base__=DocumentSchema,
    note=(str | None, field("Some note", labels={"en": ["", " ", ":"], "de": [""]})),
    mood=(Literal["good", "bad"] | None, field("A choice", choice_words={"bad": {"en": ["", "poor"]}})),
)


def test_blank_labels_and_words_are_looked_for_nowhere():
    page = page_of("Hello : there", "a foo", "b foo", language="en")
    told = [Leaf("note", "foo"), Leaf("mood", "bad")]
    found = {v.path: v for v in ground(normalize(told, BLANK, page), BLANK, page)}
    assert (found["note"].status, line_of(found["note"])) == (Grounding.EXACT, 1)
    assert found["mood"].status is Grounding.NOT_FOUND


def crowded(*texts, per=100, count=12_000):
    words = []
    for number in range(count):
        row, column = divmod(number, per)
        left, top = 0.96 * column / per, 0.98 * row * per / count
        box = (left, top, left + 0.7 / per, top + 0.6 * per / count)
        words.append(Word(texts[number % len(texts)], box, 0.9, row))
    return PageWords(1, Frame(600, 800), tuple(words), WordsFrom.OCR, "en")


def test_a_page_full_of_labels_and_equal_values():
    """The limit of time is that of every test."""
    page = crowded("Total", "12.50")
    value = grounded("total", "12.50", page)
    assert (value.status, value.box[2] - value.box[0]) == (Grounding.EXACT, pytest.approx(0.007))


@pytest.mark.parametrize("hints", [True, False])
def test_a_page_full_of_rows_that_are_printed_and_others_that_are_not(hints):
    page = crowded("Name:", "x", "Yes", "12", "the", "Nothing", "12.50", "invoice")
    told = []
    for row in range(400):
        box = (0.5, row / 400, 0.51, row / 400 + 0.002) if hints else None
        for column, text in (
            ("description", f"Wholly unprinted things {row} of this"),
            ("amount", "12.50"),
            ("quantity", "12"),
        ):
            told.append(Leaf(f"line_items[{row}].{column}", text, 0.9, box))
    found = ground(normalize(told, Invoice, page), Invoice, page)
    assert {v.status for v in found if v.path.endswith("description")} == {Grounding.NOT_FOUND}
    if hints:
        amounts = [v for v in found if v.path.endswith("amount")]
        assert all(abs(v.box[1] - row / 400) < 0.03 for row, v in enumerate(amounts))


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 20), st.integers(0, 9)), max_size=30),
    st.integers(0, 20),
)
def test_only_near_things_are_looked_at_and_the_cheapest_is_found(things, middle):
    def cost(thing):
        return abs(thing[0] - middle) + thing[1]

    found = DownThePage((float(thing[0]), thing) for thing in things).cheapest(middle, cost, lambda away: away)
    assert found == ((cost(best := min(things, key=cost)), best) if things else None)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text("aab1ก ", max_size=4), max_size=14), st.text("ab1ก", min_size=1, max_size=8))
def test_runs_of_words_and_what_they_share_with_a_needle(words, needle):
    keys = [word.replace(" ", "") for word in words]
    stream = Stream(keys, range(len(keys)))
    firsts, lasts = stream.runs(0.8 * len(needle), 1.25 * len(needle))
    every = [(a, b) for a in range(len(keys)) for b in range(a, len(keys))]
    assert list(zip(firsts, lasts, strict=True)) == [
        (a, b) for a, b in every if 0.8 * len(needle) <= len("".join(keys[a : b + 1])) <= 1.25 * len(needle)
    ]
    common = [(Counter("".join(keys[a : b + 1])) & Counter(needle)).total() for a, b in zip(firsts, lasts, strict=True)]
    assert stream.shared(needle, firsts, lasts).tolist() == common
