"""Reading tables by rules: headings, columns, rows of several lines, the end of a table, a user's own table."""

from decimal import Decimal
from typing import ClassVar

import pytest

from pipeline.engines.rules.sheet import Sheet
from pipeline.engines.rules.tables.read import Table, read_table
from pipeline.engines.rules.tables.tokens import tokens_of
from pipeline.records import WordsFrom
from schemas.base import DocumentSchema, Row, Schema, specs
from schemas.fields import Date, Identifier, Kind, Money, Number, Text, field, table
from schemas.invoice import Invoice
from schemas.receipt import Receipt
from tests.typewriter import typed


def table_of(text: str, language: str = "en", schema: Schema = Invoice, misread: bool = False) -> Table:
    """What the rules read of the schema's table in a typed text."""
    page = typed(text, language, words_from=WordsFrom.OCR if misread else WordsFrom.TEXT_LAYER)
    return read_table(Sheet(page), next(spec for spec in specs(schema) if spec.kind is Kind.TABLE))


def rows(text: str, language: str = "en", schema: Schema = Invoice, misread: bool = False) -> list[dict[str, str]]:
    """The rows of that table: column → print."""
    made: dict[int, dict[str, str]] = {}
    for leaf in table_of(text, language, schema, misread).leaves:
        name, _, column = leaf.path.partition("].")
        made.setdefault(int(name.partition("[")[2]), {})[column] = leaf.verbatim
    assert list(made) == list(range(len(made)))
    return list(made.values())


def test_every_column_keeps_its_own() -> None:
    first, second = rows(
        """
Pos   Art.-No.    Description                  Lot      Qty   Unit     Price   Disc.     VAT      Amount
1     TB-100      Divider sheets A4            77120     20   pcs       9.90             19%      198.00
2     ARNR2       Yoghurt banana, 150 g        80133     50   pcs       5.50    10%       7%      247.50
      Sum                                                                                         445.50
      VAT 19%                                                                                      37.62
"""
    )
    assert first == {
        **{"item_number": "TB-100", "description": "Divider sheets A4", "quantity": "20", "unit": "pcs"},
        **{"unit_price": "9.90", "tax_rate": "19%", "amount": "198.00"},
    }
    assert second == {
        **{"item_number": "ARNR2", "description": "Yoghurt banana, 150 g", "quantity": "50", "unit": "pcs"},
        **{"unit_price": "5.50", "discount": "10%", "tax_rate": "7%", "amount": "247.50"},
    }


@pytest.mark.parametrize(
    ("language", "heading", "total"),
    [
        ("en", "Description            Quantity   Unit price     Amount", "Total"),
        ("de", "Bezeichnung               Menge  Einzelpreis     Betrag", "Gesamtbetrag"),
        ("fr", "Désignation                 Qté       P.U. HT  Total HT", "Total TTC"),
        ("it", "Descrizione                Q.tà       Prezzo    Importo", "Totale imponibile"),
        ("pt", "Descrição                 Quant.  Preço unit.     Valor", "Total a pagar"),
        ("hi", "विवरण                     मात्रा            दर      राशि", "कुल योग"),
        ("es", "Concepto                    Uds.      Precio    Importe", "Base imponible"),
        ("th", "รายการ                    จำนวน  ราคา/หน่วย  จำนวนเงิน", "รวมทั้งสิ้น"),
    ],
)
def test_headings_in_eight_languages(language: str, heading: str, total: str) -> None:
    found = rows(
        f"""
{heading}
USB cable                     3        10.00      30.00
Desk lamp                     1        45.50      45.50
{total:<46}75.50
""",
        language,
    )
    assert [(row["description"], row["quantity"], row["unit_price"], row["amount"]) for row in found] == [
        ("USB cable", "3", "10.00", "30.00"),
        ("Desk lamp", "1", "45.50", "45.50"),
    ]


def test_a_heading_of_two_lines_and_two_languages() -> None:
    found = rows(
        """
Menge      Beschreibung                 Einzel-      Gesamt-
Quantity   Description                  preis        preis
2 Stk      Kabel NYM                    10,00 €      20,00 €
1,5 h      Montage                      48,00 €      72,00 €
Summe                                                92,00 €
""",
        "de",
    )
    assert [(row["quantity"], row["description"], row["amount"]) for row in found] == [
        ("2", "Kabel NYM", "20,00 €"),
        ("1,5", "Montage", "72,00 €"),
    ]


def test_labels_at_the_end_of_a_word_and_labels_that_ocr_misread() -> None:
    found = rows(
        """
Artikelbeschreibung          Menge     VK-Preis     Zeilenbetrag
Kabel                            2         4,00             8,00
""",
        "de",
    )
    assert found == [{"description": "Kabel", "quantity": "2", "unit_price": "4,00", "amount": "8,00"}]
    misread = """
Descriptlon                Quantlty     Unlt price       Amcunt
Cable                             2           4.00         7.20
"""
    assert rows(misread) == []
    assert rows(misread, misread=True)[0]["amount"] == "7.20"


def test_a_wrapped_text_goes_on_and_a_note_does_not() -> None:
    found = rows(
        """
Description                     Qty    Price    Amount
Folding chair with padded         2    20.00     40.00
seat, oak
Table                             1    80.00     80.00
Delivered on pallets
Cloth                             1     9.00      9.00
Colour: white
Total                                           129.00
"""
    )
    assert [row["description"] for row in found] == ["Folding chair with padded seat, oak", "Table", "Cloth"]


def test_the_name_above_its_figures_or_around_them() -> None:
    found = rows(
        """
Description        Qty     Price    Amount
GIFT CARD INDAH
88888                1     10.00     10.00
TABLE LAMP
62483                2     55.90    111.80
Total                               121.80
"""
    )
    assert [(row["description"], row["amount"]) for row in found] == [("GIFT CARD INDAH", "10.00"), ("TABLE LAMP", "111.80")]


def test_an_amount_on_the_second_line_of_its_row() -> None:
    found = rows(
        """
Pos  Art-Nr          Beschreibung           Nettopreis     Menge    Nettobetrag
1    TB100A4         Trennblätter A4            9,9000    20 Stk
     4012345001235                                                       198,00

2    ARNR2           Joghurt Banane             5,5000    50 Stk
     4000050986428                                                       275,00

Summe                                                                    473,00
""",
        "de",
    )
    assert [(row["description"], row["quantity"], row["amount"]) for row in found] == [
        ("Trennblätter A4", "20", "198,00"),
        ("Joghurt Banane", "50", "275,00"),
    ]


def test_figures_of_one_cell_are_parted_by_their_columns() -> None:
    found = rows(
        """
Product               Qty  Price  VAT   Amount
Logo design             4 785.00  20% 3,140.00
Server maintenance     10 129.50  20% 1,295.00
"""
    )
    assert found[1] == {
        "description": "Server maintenance",
        "quantity": "10",
        "unit_price": "129.50",
        "tax_rate": "20%",
        "amount": "1,295.00",
    }


def test_products_tell_columns_whose_labels_do_not() -> None:
    """Two columns of money have no label that is known, and one more holds money as well."""
    found = rows(
        """
CÓDIGO   DESCRIÇÃO DOS PRODUTOS      NCM/SH     QTD.    V.UNIT.    V.LIQ.    BC.ICMS   V.ICMS
ITE-2    BATATA PALHA 8 X 800G     20052000    12,00     38,000    456,00     456,00    54,72
ITE-3    SALGADINHO DE MILHO       19059090    20,00      8,000    160,00     160,00    19,20
""",
        "pt",
    )
    assert [(row["description"], row["quantity"], row["unit_price"], row["amount"]) for row in found] == [
        ("BATATA PALHA 8 X 800G", "12,00", "38,000", "456,00"),
        ("SALGADINHO DE MILHO", "20,00", "8,000", "160,00"),
    ]


def test_of_two_labelled_amounts_the_one_that_multiplies() -> None:
    found = rows(
        """
Description       HSN      Qty      Rate   Taxable value      GST      Total
Turmeric         0910        4    100.00          400.00    20.00     420.00
Rice             1006       10     91.00          910.00    45.50     955.50
"""
    )
    assert [row["amount"] for row in found] == ["400.00", "910.00"]


def test_a_later_page_goes_on_without_a_heading() -> None:
    found = rows(
        """
7    Yoghurt             50     5.50     275.00
8    Divider sheets      20     9.90     198.00

Tax        Base     Rate     Amount
VAT      473.00      19%      89.87
"""
    )
    assert [(row["description"], row["quantity"], row["unit_price"], row["amount"]) for row in found] == [
        ("Yoghurt", "50", "5.50", "275.00"),
        ("Divider sheets", "20", "9.90", "198.00"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "Tax        Base     Rate     Amount\nVAT      473.00      19%      89.87\nVAT      100.00       7%       7.00",
        "Payment method           Amount\nCard                      20.00\nCash                      30.00",
        "Subtotal      100.00\nVAT 20%        20.00\nTotal         120.00",
        "Dear customer, thank you for your order of 12 lamps at 3.50 each, that is 42.00 in all.",
        "",
    ],
)
def test_other_tables_and_sums_are_no_rows(text: str) -> None:
    assert rows(text) == []


def test_a_product_may_be_called_total() -> None:
    found = rows(
        """
Description               Qty     Price     Amount
Total Quartz 9000 oil       2     45.00      90.00
Net curtain                 1     12.00      12.00
Total                                       102.00
"""
    )
    assert [row["description"] for row in found] == ["Total Quartz 9000 oil", "Net curtain"]


def test_a_column_that_names_the_tax_ends_nothing() -> None:
    found = rows(
        """
Item               Qty     Price     Code         Amount
Lamp with shade      2     10.00     VAT (S)       20.00
Cloth                3     11.00     VAT (Z)       33.00
VAT 20%                                             4.00
"""
    )
    assert [row["amount"] for row in found] == ["20.00", "33.00"]


def test_credit_notes_and_currencies_before_and_behind() -> None:
    found = rows(
        """
#   Descripción              Cant.    Precio    Total
1   Development services      -20    €90,00    €-1.800,00
2   Financial service          -1   10,00 €      -10,00 €
Suma                                           €-1.810,00
""",
        "es",
    )
    assert [(row["quantity"], row["amount"]) for row in found] == [("-20", "€-1.800,00"), ("-1", "-10,00 €")]


def test_the_table_takes_its_cells_and_leaves_the_sums() -> None:
    text = """
Invoice 17
Description     Qty    Price    Amount
Lamp              2    10.00     20.00
Total                            20.00
"""
    sheet = Sheet(typed(text))
    taken = table_of(text).cells
    told = {cell.text for cell in sheet.cells if cell.index in taken}
    assert told == {"Description", "Qty", "Price", "Amount", "Lamp", "2", "10.00", "20.00"}
    assert [cell.text for cell in sheet.cells if cell.index not in taken] == ["Invoice 17", "Total", "20.00"]


def test_what_stands_beside_and_after_the_table_is_left() -> None:
    text = """
                       Description       Qty     Price    Amount
Order date             Lamp with shade     2     10.00     20.00
27 May 2024            Cloth               3     11.00     33.00
                       Weight 12 kg
                       Deposit paid                        10.00
"""
    sheet = Sheet(typed(text))
    taken = table_of(text).cells
    left = [cell.text for cell in sheet.cells if cell.index not in taken]
    assert left == ["Order date", "27 May 2024", "Weight 12 kg", "Deposit paid", "10.00"]


def test_a_charge_on_the_whole_has_no_number() -> None:
    text = """
#   Description            Qty     Price     Amount
1   Lamp with shade          2     10.00      20.00
2   Cloth                    3     11.00      33.00
    Express delivery                          15.00
"""
    assert [row["description"] for row in rows(text)] == ["Lamp with shade", "Cloth"]
    assert len(rows(text, misread=True)) == 3


def test_a_number_and_a_price_that_ocr_read_as_one() -> None:
    found = rows(
        """
Details              Qty Price   Amount
Lemonade               2  2.79     5.58
Fish and chips         217.40     34.80
"""
    )
    assert (found[1]["quantity"], found[1]["unit_price"]) == ("2", "17.40")


def test_a_product_that_holds_makes_its_figures_surer() -> None:
    sure = {
        leaf.verbatim: leaf.confidence or 0.0
        for leaf in table_of(
            """
Description     Qty    Price    Amount
Lamp              2    10.00     20.00
Cloth             3    11.00     34.00
"""
        ).leaves
    }
    assert sure["20.00"] > sure["34.00"]


def test_a_column_of_taxes_holds_no_rates() -> None:
    found = rows(
        """
Description     Qty    Price      Tax    Amount
Lamp              2    10.00     3.64     20.00
Cloth             3    11.00     6.27     33.00
"""
    )
    assert [row.get("tax_rate") for row in found] == [None, None]


class Trip(Row):
    """A journey."""

    day: Date = field("When", labels={"en": ["Day"]})
    ticket: Identifier = field("Number of the ticket", labels={"en": ["Ticket"]})
    route: Text = field("From where to where", labels={"en": ["Route"]})
    distance: Number = field("Kilometres", labels={"en": ["Distance"]})
    fare: Money = field("What it cost", labels={"en": ["Fare"]})


class Expenses(DocumentSchema):
    """A sheet of travel expenses."""

    schema_name: ClassVar[str] = "expenses"
    trips: list[Trip] = table("The journeys")


def test_a_table_of_the_user() -> None:
    found = rows(
        """
Day           Ticket     Route                    Distance      Fare
03/05/2024    77810      Leeds to York               41 km     12.40
04/05/2024    A-7790     York to Scarborough         66 km     18.90
""",
        schema=Expenses,
    )
    assert found == [
        {"day": "03/05/2024", "ticket": "77810", "route": "Leeds to York", "distance": "41", "fare": "12.40"},
        {"day": "04/05/2024", "ticket": "A-7790", "route": "York to Scarborough", "distance": "66", "fare": "18.90"},
    ]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("€ 399,00", [Decimal("399.00")]),
        ("2 070,00 €", [Decimal("2070.00")]),
        ("19 %", [Decimal(19)]),
        ("12x", [Decimal(12)]),
        ("10h", [Decimal(10)]),
        ("4-Fahrten-Karte", [None]),
        ("03.05.2024", [None]),
        ("A4 | 5,00B", [None, Decimal("5.00")]),
    ],
)
def test_tokens(text: str, values: list[Decimal | None]) -> None:
    sheet = Sheet(typed(text, "de" if "2 0" not in text else "fr"))
    assert [token.value for cell in sheet.cells for token in tokens_of(sheet, cell)] == values


def test_a_slip_may_head_its_figures_alone() -> None:
    page = """
                      Quantity   Price   Amount
Kitchen towels               3    2.76     8.28
AA batteries                 2    6.45    12.90
Subtotal                                  21.18
"""
    assert [row["description"] for row in rows(page, schema=Receipt)] == ["Kitchen towels", "AA batteries"]
