"""Reading items that take up several lines each, as many invoices print them."""

import pytest

from tests.test_rules_tables import rows

FACTORS_BELOW = """
Rechnung Nr. 17

Druckerpapier A4 80 g                                                                            45,00 €
10 Stk × 4,50 €
Ordner breit schwarz                                                                             11,00 €
4 Stk × 2,75 €
Toner für Drucker                                                                                89,90 €
1 Stk × 89,90 €
Zwischensumme                                                                                   145,90 €
"""
CODE_ABOVE = """
Invoice 17

Item                                                                                              Amount
Art. 4711
Printer paper A4
10 pcs at 4.50 each, VAT 20%                                                                       45.00
Art. 4712
Binder, wide
4 pcs at 2.75 each, VAT 20%                                                                        11.00
Art. 4713
Toner
1 pc at 89.90 each, VAT 20%                                                                        89.90
Subtotal                                                                                          145.90
"""
CODE_BESIDE = """
Invoice 17

1.  Printer paper A4
    Item no. 4711      10 pcs      4.50                                                            45.00
2.  Binder, wide
    Item no. 4712       4 pcs      2.75                                                            11.00
3.  Toner cartridge
    Item no. 4713       1 pcs     89.90                                                            89.90
Subtotal                                                                                          145.90
"""
LABELLED = """
Factura 17

Descripción                                                                                      Importe
Papel A4                                                                                         45,00 €
Cantidad: 10   Precio: 4,50 €   IVA 21 %
Archivador ancho                                                                                 11,00 €
Cantidad: 4   Precio: 2,75 €   IVA 21 %
Tóner                                                                                            89,90 €
Cantidad: 1   Precio: 89,90 €   IVA 21 %
Subtotal                                                                                        145,90 €
"""
CODE_BETWEEN = """
Fattura 17

Descrizione                                                                                      Importo
Carta A4
Codice 4711
10 pz x € 4,50                                                                                   € 45,00
Raccoglitore
Codice 4712
4 pz x € 2,75                                                                                    € 11,00
Toner
Codice 4713
1 pz x € 89,90                                                                                   € 89,90
Imponibile                                                                                      € 145,90
"""
HEADED = """
Facture 17

Désignation                                                     Qté        PU HT              Montant HT
Réf. P-4711
Papier A4
                                                                 10         4,50                   45,00
Réf. P-4712
Classeur large
                                                                  4         2,75                   11,00
Réf. P-4713
Toner
                                                                  1        89,90                   89,90
Total HT                                                                                          145,90
"""


@pytest.mark.parametrize(
    ("text", "language", "first", "last"),
    [
        (FACTORS_BELOW, "de", "Druckerpapier A4 80 g|10|4,50 €|45,00 €", "Toner für Drucker|1|89,90 €|89,90 €"),
        (CODE_ABOVE, "en", "Printer paper A4|10|4.50|45.00", "Toner|1|89.90|89.90"),
        (CODE_BESIDE, "en", "Printer paper A4|10|4.50|45.00", "Toner cartridge|1|89.90|89.90"),
        (LABELLED, "es", "Papel A4|10|4,50 €|45,00 €", "Tóner|1|89,90 €|89,90 €"),
        (CODE_BETWEEN, "it", "Carta A4|10|€ 4,50|€ 45,00", "Toner|1|€ 89,90|€ 89,90"),
        (HEADED, "fr", "Papier A4|10|4,50|45,00", "Toner|1|89,90|89,90"),
    ],
)
def test_items_of_several_lines(text: str, language: str, first: str, last: str) -> None:
    found = rows(text, language)
    assert len(found) == 3
    for row, told in ((found[0], first), (found[-1], last)):
        assert "|".join(row[name] for name in ("description", "quantity", "unit_price", "amount")) == told


@pytest.mark.parametrize(("text", "language"), [(CODE_ABOVE, "en"), (CODE_BETWEEN, "it"), (HEADED, "fr"), (CODE_BESIDE, "en")])
def test_the_number_of_an_article_is_no_part_of_its_name(text: str, language: str) -> None:
    numbers = [row.get("item_number", "") for row in rows(text, language)]
    assert [number[-4:] for number in numbers] == ["4711", "4712", "4713"]


def test_what_else_the_lines_of_an_item_say() -> None:
    first = rows(CODE_ABOVE, "en")[0]
    assert (first["unit"], first["tax_rate"]) == ("pcs", "20%")
    assert rows(LABELLED, "es")[1]["tax_rate"] == "21 %"


def test_amounts_that_nothing_multiplies_to_are_no_items() -> None:
    text = FACTORS_BELOW.replace("×", "von").replace("4,50", "4,51").replace("2,75", "2,76").replace("1 Stk von 89,90 €", "")
    assert rows(text, "de") == []
