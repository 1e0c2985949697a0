"""Reading what stands among the sums: taxes by rate, what is taken off and paid already, terms and means of payment."""

import pytest

from pipeline.engines.ocr import read_sheet
from pipeline.engines.rules.sheet import Sheet
from schemas.base import Schema
from schemas.invoice import Invoice
from schemas.receipt import Receipt
from tests.typewriter import typed


def leaves(text: str, language: str = "en", schema: Schema = Invoice) -> dict[str, str]:
    """All that the engine reads of a typed text."""
    return {leaf.path: leaf.verbatim for leaf in read_sheet(Sheet(typed(text, language)), schema)}


def taxes(found: dict[str, str]) -> list[tuple[str, str, str]]:
    """The rows of the table of taxes: rate, base, amount."""
    count = sum(path.startswith("taxes[") and path.endswith(".amount") for path in found)
    return [tuple(found.get(f"taxes[{n}].{name}", "") for name in ("rate", "base", "amount")) for n in range(count)]  # type: ignore[misc]


SIDE_BY_SIDE = """
Rechnung 17

Beschreibung                 Menge    Einzelpreis     Gesamt
Beratung                         4         100,00     400,00
Bücher                          10          10,00     100,00

Steuern      Basis    Satz    Betrag            Summe     500,00 €
USt.        400,00     19%     76,00            Rabatt     10,00 €
            100,00      7%      7,00            Gesamt    490,00 €
                                                Steuern    83,00 €
                                 Gesamt inkl. Steuern     573,00 €
                                        Vorauszahlung     200,00 €
                                    Gesamtbetrag fällig   373,00 €
"""


def test_a_table_of_taxes_beside_the_sums() -> None:
    found = leaves(SIDE_BY_SIDE, "de")
    assert taxes(found) == [("19%", "400,00", "76,00"), ("7%", "100,00", "7,00")]
    assert (found["net_total"], found["tax_total"], found["total"]) == ("490,00 €", "83,00 €", "573,00 €")
    assert (found["allowance_total"], found["prepaid_amount"], found["amount_due"]) == ("10,00 €", "200,00 €", "373,00 €")


def test_the_last_row_of_a_table_of_taxes_may_be_the_sum() -> None:
    found = leaves(
        """
Rechnung 17

Nettobetrag     MwSt-%     MwSt-Betrag     Endbetrag
     400,00       19,0           76,00        476,00
     100,00        7,0            7,00        107,00
     500,00                      83,00        583,00
""",
        "de",
    )
    assert taxes(found) == [("19,0", "400,00", "76,00"), ("7,0", "100,00", "7,00")]
    assert (found["net_total"], found["tax_total"], found["total"]) == ("500,00", "83,00", "583,00")


@pytest.mark.parametrize(
    ("text", "language", "told"),
    [
        (
            "Net total  1,192.00\nVAT 20% on 142.00   28.40\nVAT 0% on 1,050.00  0.00\nTotal VAT  28.40\nTotal  1,220.40",
            "en",
            [("20%", "142.00", "28.40"), ("0%", "1,050.00", "0.00")],
        ),
        (
            "Zwischensumme   200,00\n19 % MwSt. auf 100,00   19,00\n7 % MwSt. auf 100,00   7,00\nGesamtbetrag   226,00",
            "de",
            [("19 %", "100,00", "19,00"), ("7 %", "100,00", "7,00")],
        ),
        (
            "Taxable value   100.00\nCGST 9%   9.00\nSGST 9%   9.00\nTotal GST   18.00\nGrand total   118.00",
            "en",
            [("9%", "", "9.00"), ("9%", "", "9.00")],
        ),
    ],
)
def test_taxes_that_are_lines_of_the_sums(text: str, language: str, told: list[tuple[str, str, str]]) -> None:
    assert taxes(leaves(text, language)) == told


@pytest.mark.parametrize(
    "text",
    [
        "Subtotal   100.00\nVAT 20%   20.00\nTotal   120.00",  # one tax is the tax as a whole
        "Subtotal   100.00\nVAT 20%   20.00\nVAT 5%   1.00\nTotal VAT   20.00\nTotal   120.00",  # not what they add up to
    ],
)
def test_lines_that_do_not_make_a_table_of_taxes(text: str) -> None:
    assert taxes(leaves(text)) == []


def test_what_is_due_where_prices_include_the_tax() -> None:
    found = leaves(
        """
Fattura 17

Descrizione                 Q.tà     Prezzo     Totale
Camera                         1     125,00     125,00
Tassa di soggiorno             1       1,00       1,00

                                   Somma        126,00
                                   IVA inclusa   11,36
                                   Totale       114,64
                         Totale da pagare       126,00
""",
        "it",
    )
    assert (found["net_total"], found["tax_total"], found["total"]) == ("114,64", "11,36", "126,00")


def test_the_total_is_what_is_due_where_nothing_else_is_printed() -> None:
    found = leaves("Net total  496.00 €\nVAT total  75.04 €\nDue payable  571.04 €")
    assert (found["total"], found["amount_due"]) == ("571.04 €", "571.04 €")


@pytest.mark.parametrize(
    ("line", "language", "told"),
    [
        ("Payment is due within 30 days of the invoice date.", "en", "Payment is due within 30 days of the invoice date."),
        ("Condizioni di pagamento: bonifico 10 gg. d.f.", "it", "bonifico 10 gg. d.f."),
        ("Zahlbar innert 30 Tagen netto.", "de", "Zahlbar innert 30 Tagen netto."),
        ("Règlement par virement sous 14 jours.", "fr", "Règlement par virement sous 14 jours."),
        ("Goods may be returned within 30 days.", "en", None),
    ],
)
def test_terms_of_payment(line: str, language: str, told: str | None) -> None:
    assert leaves(f"Total   12.00\n\n{line}", language).get("payment_terms") == told


def test_the_means_of_payment_stand_under_the_total_and_are_not_cash() -> None:
    slip = "Corner Shop\n\nMilk   1.20\nBread   2.30\nTOTAL   3.50\n{}\nThank you"
    assert leaves(slip.format("Visa **** 1234   3.50"), schema=Receipt)["payment_method"] == "Visa"
    assert "payment_method" not in leaves(slip.format("Visa accepted here"), schema=Receipt)
    cash = leaves(slip.format("Cash   5.00\nChange   1.50"), schema=Receipt)
    assert (cash["cash_given"], cash["change"]) == ("5.00", "1.50")
    assert "payment_method" not in cash


def test_a_means_of_payment_keeps_the_mark_at_its_end() -> None:
    slip = "ร้านกาแฟ วัฒนา\n\nกาแฟเย็น   45.50\nชาเย็น   40.00\nรวมทั้งสิ้น   85.50\nพร้อมเพย์   85.50\nขอบคุณค่ะ"
    assert leaves(slip, "th", schema=Receipt)["payment_method"] == "พร้อมเพย์"
