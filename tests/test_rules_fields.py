"""Reading fields by rules: labels beside and above, decoys, sums that hold, dates and numbers among others."""

from typing import ClassVar

import pytest

from pipeline.engines.ocr import read_sheet
from pipeline.engines.rules.fields.candidates import _Readings
from pipeline.engines.rules.fields.choose import read_fields
from pipeline.engines.rules.labels import find_labels
from pipeline.engines.rules.sheet import Sheet, Span
from pipeline.records import Frame, PageWords, WordsFrom
from schemas.base import DocumentSchema, Schema, specs
from schemas.fields import Currency, Date, Identifier, Kind, Number, Percent, Text, field
from schemas.invoice import Invoice
from schemas.receipt import Receipt
from tests.typewriter import typed


def fields(text: str, language: str = "en", schema: Schema = Invoice, page_count: int = 1, page: int = 1) -> dict[str, str]:
    """What the rules read in a typed text, party and table fields left out."""
    sheet = Sheet(typed(text, language, page))
    hits = find_labels(sheet, [spec for spec in specs(schema) if spec.kind is not Kind.TABLE])
    return {leaf.path: leaf.verbatim for leaf in read_fields(sheet, schema, hits, frozenset(), page_count)}


def test_values_behind_right_of_and_below_their_labels() -> None:
    found = fields(
        """
Invoice no.: INV-2024-017        Date             Due date
                                 03 May 2024      02 June 2024

Subtotal                                            100.00
VAT 20%                                              20.00
Total                                           GBP 120.00
"""
    )
    assert found["document_number"] == "INV-2024-017"
    assert (found["issue_date"], found["due_date"]) == ("03 May 2024", "02 June 2024")
    assert (found["net_total"], found["tax_total"], found["total"]) == ("100.00", "20.00", "GBP 120.00")


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("de", "Rechnung Nr. 471113 vom 13.06.2018", ("471113", "13.06.2018")),
        ("de", "Handelsrechnung (380)  Nr. R18-31  vom  03.10.2018", ("R18-31", "03.10.2018")),
        ("fr", "Facture n° FA-2024/118        Date d'émission : 4 mars 2024", ("FA-2024/118", "4 mars 2024")),
        ("it", "Fattura n. 128/A del 12/02/2024", ("128/A", "12/02/2024")),
        ("pt", "Fatura n.º FT 2024/55         Data de emissão: 30-01-2025", ("FT 2024/55", "30-01-2025")),
        ("es", "Factura nº: F24-0091          Fecha: 15/01/2025", ("F24-0091", "15/01/2025")),
        ("hi", "चालान संख्या: GST/24/0098        दिनांक: 05/04/2024", ("GST/24/0098", "05/04/2024")),
        ("th", "เลขที่ใบแจ้งหนี้ INV-0098        วันที่ 5 เมษายน 2567", ("INV-0098", "5 เมษายน 2567")),
    ],
)
def test_number_and_date_in_eight_languages(language: str, text: str, expected: tuple[str, str]) -> None:
    found = fields(text, language)
    assert (found["document_number"], found["issue_date"]) == expected


def test_the_number_may_stand_under_the_title_beside_an_address() -> None:
    found = fields(
        """
Facture                                                123 Rue de la Paix, Paris, 75001
FAC-2024-001                                           Email: facturation@fournisseur.fr
""",
        "fr",
    )
    assert found["document_number"] == "FAC-2024-001"


def test_what_belongs_to_other_labels_is_left_alone() -> None:
    found = fields(
        """
Kundennummer        7001234
Bestellung Nr.      B-99812
Lieferdatum         01.02.2024
HRB Nr.             372876
Rechnungsnummer     RK-17
Rechnungsdatum      05.02.2024
Anzahlung                          50,00 €
Gesamtbetrag                       40,00 €
""",
        "de",
    )
    assert found == {
        "document_number": "RK-17",
        "issue_date": "05.02.2024",
        "total": "40,00 €",
        "customer_number": "7001234",
        "order_number": "B-99812",
        "delivery_date": "01.02.2024",
        "prepaid_amount": "50,00 €",
    }


def test_a_field_that_is_not_printed_is_not_read() -> None:
    found = fields("Invoice no. 17\nDate 1 March 2024\nTotal 10.00")
    assert set(found) == {"document_number", "issue_date", "total"}


def test_a_sum_that_holds_finds_the_number_without_a_label() -> None:
    found = fields(
        """
Somme                                   900,00
Machin                                  180,00
Total TTC                             1 080,00
TVA                                     180,00
""",
        "fr",
    )
    assert (found["net_total"], found["tax_total"], found["total"]) == ("900,00", "180,00", "1 080,00")


def test_of_a_row_of_sums_the_last_is_meant_and_parts_of_a_tax_are_not_the_tax() -> None:
    found = fields(
        """
Nettobetrag                                          473,00
USt. 7%                       275,00                  19,25
USt. 19%                      198,00                  37,62
Gesamtbetrag                                         529,87
""",
        "de",
    )
    assert (found["net_total"], found["total"]) == ("473,00", "529,87")
    assert "tax_total" not in found


def test_sums_under_their_headings() -> None:
    found = fields(
        """
Base imponible            Cuota IVA            Total factura
      1.000,00               210,00                 1.210,00
""",
        "es",
    )
    assert (found["net_total"], found["tax_total"], found["total"]) == ("1.000,00", "210,00", "1.210,00")


def test_one_label_may_speak_for_two_fields() -> None:
    found = fields("Net                10.00\nTax                 2.00\nTotal due          12.00")
    assert (found["total"], found["amount_due"]) == ("12.00", "12.00")


def test_the_total_of_a_receipt_is_what_was_paid_not_what_was_handed_over() -> None:
    found = fields(
        """
Coffee             2.20
Sub total         31.42
Rounding          -0.02
Total             31.40
Cash              50.00
Change            18.60
""",
        "en",
        Receipt,
    )
    assert found["total"] == "31.40"


def test_a_total_whose_label_cannot_be_read_is_told_by_cash_and_change() -> None:
    found = fields(
        """
Coffee             2.20
Tea               29.20
TQ*@L             31.40
Cash              50.00
Change            18.60
""",
        "en",
        Receipt,
    )
    assert found["total"] == "31.40"


def test_labels_are_found_where_ocr_misread_them() -> None:
    page = typed("lnvoice nurnber: 4711\nGrand tota1  12.00", words_from=WordsFrom.OCR)
    sheet = Sheet(page)
    hits = {hit.name for hit in find_labels(sheet, specs(Invoice)) if hit.span.start == 0}
    assert {"document_number", "total"} <= hits
    printed = Sheet(typed("lnvoice nurnber: 4711"))
    assert "document_number" not in {hit.name for hit in find_labels(printed, specs(Invoice))}


def test_the_longest_label_has_the_place() -> None:
    hits = find_labels(Sheet(typed("Total VAT 20.00\nOrder date 1 May 2024")), specs(Invoice))
    assert [(hit.name, hit.span.text) for hit in hits] == [("tax_total", "Total VAT"), ("", "Order date")]


def test_a_number_of_days_is_no_amount() -> None:
    assert "amount_due" not in fields("Zahlbar innerhalb von 30 Tagen", "de")


def test_the_due_date_in_a_sentence() -> None:
    found = fields("Rechnungsdatum 05.03.2013\nZahlbar innerhalb 30 Tagen netto bis 04.04.2013, 3% Skonto bis 15.03.2013", "de")
    assert (found["issue_date"], found["due_date"]) == ("05.03.2013", "04.04.2013")


class Delivery(DocumentSchema):
    """A schema of a user's own."""

    schema_name: ClassVar[str] = "delivery"
    note: Identifier = field("Number", labels={"en": ["Delivery note"]}, required=True)
    left_on: Date = field("Day", labels={"en": ["Left on"]})
    driver: Text = field("Who", labels={"en": ["Driver"]})
    parcels: Number = field("How many", labels={"en": ["Parcels"]})
    damaged: Percent = field("How many of them broke", labels={"en": ["Damaged"]})
    currency: Currency = field("Which money", labels={"en": ["Currency"]})


def test_a_schema_of_the_users_own_is_read_by_its_own_labels() -> None:
    found = fields(
        """
Delivery note       DN-77          Driver: Ann O'Hara
Left on             2 May 2024     Parcels: 14 pieces
Damaged             2.5 %          Currency: Argentine Peso (ARS)
""",
        "en",
        Delivery,
    )
    assert found == {
        "note": "DN-77",
        "left_on": "2 May 2024",
        "driver": "Ann O'Hara",
        "parcels": "14",
        "damaged": "2.5 %",
        "currency": "ARS",
    }


def test_a_page_without_words_has_no_values() -> None:
    assert read_sheet(Sheet(PageWords(1, Frame(10, 10))), Invoice) == []


def test_a_label_ends_behind_its_last_tone_mark() -> None:
    (hit,) = find_labels(
        Sheet(typed("วันที่ 5 เมษายน 2567", "th")), [spec for spec in specs(Invoice) if spec.name == "issue_date"]
    )
    assert hit.span.text == "วันที่"


def test_of_labels_that_are_nearly_there_the_likest_is_meant() -> None:
    page = typed("Invoice Datc   1 May 2024", words_from=WordsFrom.OCR)
    assert [hit.name for hit in find_labels(Sheet(page), specs(Invoice))] == ["issue_date"]


def test_the_total_after_rounding_is_meant_where_the_rounding_is_printed() -> None:
    found = fields(
        """
Total (Excluding GST)            67.00
GST payable                       4.02
Total (Inclusive of GST)         71.02
Rounding Adj                     -0.02
TOTAL                            71.00
""",
        "en",
        Receipt,
    )
    assert found["total"] == "71.00"


def test_an_amount_that_ocr_tore_apart() -> None:
    assert fields("Total RM Incl. of GST       7. 30", "en", Receipt)["total"] == "7. 30"


def test_a_number_whose_label_no_list_has_stands_beside_the_date() -> None:
    text = "Corner Shop\nBill token: KX-20417      Date: 03/05/2024\nTel: 01904-960-999\nTotal   12.00"
    assert fields(text)["document_number"] == "KX-20417"
    assert "document_number" not in fields(
        "Corner Shop\nDate: 03/05/2024      Served by: Anna\nTel: 01904-960-999\nTotal   12.00"
    )
    assert fields(text.replace("Total", "Invoice no: 77-18\nTotal"))["document_number"] == "77-18"


def test_a_number_under_a_title_that_no_list_has() -> None:
    assert fields("Nota di lavoro\nNL-2024/17\n\nData 03/05/2024\nTotale   12,00", "it")["document_number"] == "NL-2024/17"


def test_a_place_that_many_labels_speak_of_is_read_once() -> None:
    sheet = Sheet(typed("Total 12.50"))
    spec = next(spec for spec in specs(Invoice) if spec.name == "total")
    readings = _Readings(sheet)
    span = Span(sheet.cells[0], 5, 11)
    assert [found.span.text for found in readings.of(span, spec)] == ["12.50"]
    assert readings.of(span, spec) is readings.of(span, spec)
