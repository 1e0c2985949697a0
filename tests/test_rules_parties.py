"""Reading the parties by rules: headings, letterheads, windows, boxes, slips, whose a number is, and what is nobody's."""

import pytest

from pipeline.engines.rules.labels import find_labels
from pipeline.engines.rules.parties.read import read_parties
from pipeline.engines.rules.sheet import Sheet
from pipeline.records import Leaf, WordsFrom
from schemas.base import Schema, specs
from schemas.fields import Kind
from schemas.invoice import Invoice
from schemas.receipt import Receipt
from tests.typewriter import typed


def leaves_of(text: str, language: str, schema: Schema = Invoice, *, page: int = 1, misread: bool = False) -> list[Leaf]:
    """What the rules read of the parties on a typed page."""
    words_from = WordsFrom.OCR if misread else WordsFrom.TEXT_LAYER
    sheet = Sheet(typed(text, language, page, words_from))
    fields = [spec for spec in specs(schema) if spec.kind is not Kind.TABLE]
    return read_parties(sheet, [spec for spec in fields if spec.party], find_labels(sheet, fields), frozenset())


def parties(text: str, language: str, schema: Schema = Invoice, *, page: int = 1, misread: bool = False) -> dict[str, str]:
    """The same by field; every leaf has a box on the page and a confidence that can be one."""
    leaves = leaves_of(text, language, schema, page=page, misread=misread)
    assert len({leaf.path for leaf in leaves}) == len(leaves)
    for leaf in leaves:
        assert leaf.box is not None
        assert 0 <= leaf.box[0] < leaf.box[2] <= 1
        assert 0 <= leaf.box[1] < leaf.box[3] <= 1
        assert leaf.confidence is not None
        assert 0.3 < leaf.confidence < 1
    return {leaf.path: leaf.verbatim for leaf in leaves}


GERMAN_LETTER = """


                                                                 Hofer Werkzeugbau GmbH

      Hofer Werkzeugbau GmbH · Lindenweg 4 · 34117 Kassel

      Herrn
      Karl Winter                                                Kundennummer   88123
      Am Markt 12                                                Rechnungsdatum 03.04.2024
      99084 Erfurt



      Rechnung 2024-118

      Pos   Bezeichnung                          Menge          Betrag

      Bitte zahlen Sie bis zum 17.04.2024.











      Hofer Werkzeugbau GmbH     Amtsgericht Kassel HRB 1234     IBAN: DE89 3704 0044 0532 0130 00
      Lindenweg 4                Steuernummer 26/815/08155       BIC: COBADEFFXXX
      34117 Kassel               USt-IdNr.: DE136695976          Geschäftsführer: Max Hofer
"""


def test_a_german_letter_has_its_recipient_under_the_sender_line_and_its_numbers_in_the_foot() -> None:
    assert parties(GERMAN_LETTER, "de") == {
        "seller_name": "Hofer Werkzeugbau GmbH",
        "seller_address": "Lindenweg 4\n34117 Kassel",
        "seller_tax_id": "DE136695976",
        "seller_iban": "DE89 3704 0044 0532 0130 00",
        "seller_bic": "COBADEFFXXX",
        "buyer_name": "Karl Winter",
        "buyer_address": "Am Markt 12\n99084 Erfurt",
    }


HEADED = [
    ("en", "Bill To", "Harbour Foods Ltd", "12 Quay Street", "Bristol BS1 6QH"),
    ("de", "Rechnungsempfänger", "Feinkost Seidel e.K.", "Ringstraße 123", "70173 Stuttgart"),
    ("fr", "Facturé à", "Quincaillerie Moreau SARL", "7 boulevard Voltaire", "67000 Strasbourg"),
    ("it", "Cliente", "Forniture Gallo S.r.l.", "Corso Italia, 147", "20121 Milano (MI)"),
    ("pt", "Cliente", "Vinhos Pinheiro Unipessoal Lda.", "Travessa do Carmo, 103", "4700-318 Braga"),
    ("hi", "ग्राहक", "शर्मा ट्रेडर्स", "60, गांधी नगर", "जयपुर, राजस्थान - 302001"),
    ("es", "Facturar a", "Herramientas Muñoz, S.L.", "Calle Mayor, 61", "29005 Málaga"),
    ("th", "ลูกค้า", "บริษัท สุขสวัสดิ์ จำกัด", "44 ถนนราชดำเนิน", "ชลบุรี 20150"),
]


@pytest.mark.parametrize(("language", "heading", "name", "street", "town"), HEADED)
@pytest.mark.parametrize("layout", ["above", "beside", "inline"])
def test_a_heading_names_the_recipient_in_eight_languages(
    language: str, heading: str, name: str, street: str, town: str, layout: str
) -> None:
    texts = {
        "above": f"      {heading}\n      {name}\n      {street}\n      {town}",
        "beside": f"      {heading:24}{name}\n{'':30}{street}\n{'':30}{town}",
        "inline": f"      {heading}: {name}\n      {street}\n      {town}",
    }
    found = parties(texts[layout], language)
    assert (found["buyer_name"], found["buyer_address"]) == (name, f"{street}\n{town}")
    assert "seller_name" not in found


def test_two_headed_columns_do_not_mix() -> None:
    found = parties(
        """
      Proveedor                                   Cliente
      Bodegas Cabrera, S.L.                       Sample Consumer
      Calle del Pilar, 64                         Calle Falsa 123
      28013 Madrid                                29005 Málaga
      NIF: B60444676                              NIF: 54387763P
""",
        "es",
    )
    assert found == {
        "seller_name": "Bodegas Cabrera, S.L.",
        "seller_address": "Calle del Pilar, 64\n28013 Madrid",
        "seller_tax_id": "B60444676",
        "buyer_name": "Sample Consumer",
        "buyer_address": "Calle Falsa 123\n29005 Málaga",
        "buyer_tax_id": "54387763P",
    }


def test_labelled_lines_make_a_block() -> None:
    found = parties(
        """
      Verkäufer
      Nummer:              549910
      Name:                Lieferant GmbH
      Ansprechpartner:     Max Mustermann
      Anschrift:           Lieferantenstraße 20
                           DE 80333 München
      Telefon:             +49891234567
      Steuernummer:        201/113/40209
      USt.-Id.-Nr.:        DE123456789

      Käufer/Leistungsempfänger
      Nummer:              GE2020211
      Name:                Kunden AG Mitte
      Anschrift:           Kundenstraße 15
                           DE 69876 Frankfurt
""",
        "de",
    )
    assert found == {
        "seller_name": "Lieferant GmbH",
        "seller_address": "Lieferantenstraße 20\nDE 80333 München",
        "seller_tax_id": "DE123456789",
        "seller_phone": "+49891234567",
        "buyer_name": "Kunden AG Mitte",
        "buyer_address": "Kundenstraße 15\nDE 69876 Frankfurt",
    }


def test_boxes_have_their_labels_above_their_values_and_end_where_a_label_comes_again() -> None:
    found = parties(
        """
   Empresa Modelo Ltda                      DANFE
   Avenida Paulista, 1                      DOCUMENTO AUXILIAR
   São Paulo - SP                           DA NOTA FISCAL
   01311-000

   INSCRIÇÃO ESTADUAL                                            CNPJ / CPF
   078016350838                                                  81.583.054/0001-29

   DESTINATÁRIO / REMETENTE
   NOME / RAZÃO SOCIAL                                           CNPJ / CPF           DATA DA EMISSÃO
   LOJA DO BAIRRO                                                765.865.078-12       01/01/2020
   ENDEREÇO                                BAIRRO / DISTRITO     CEP
   Rua do Bosque, 238                      Barra Funda           01136-000

   INFORMAÇÕES DO LOCAL DE ENTREGA
   NOME / RAZÃO SOCIAL                                           CNPJ / CPF
   ARMAZÉM GERAL                                                 19.602.452/0001-71
""",
        "pt",
    )
    assert found == {
        "seller_name": "Empresa Modelo Ltda",
        "seller_address": "Avenida Paulista, 1\nSão Paulo - SP\n01311-000",
        "seller_tax_id": "81.583.054/0001-29",
        "buyer_name": "LOJA DO BAIRRO",
        "buyer_address": "Rua do Bosque, 238\nBarra Funda\n01136-000",
        "buyer_tax_id": "765.865.078-12",
    }


def test_a_company_beats_its_contact_and_a_delivery_address_is_nobodys() -> None:
    found = parties(
        """
      Northwind Traders Ltd
      9 Dock Road, London E16 1AA

      Invoice to:                                 Deliver to:
      Attn: Jane Miller                           Harbour Foods Warehouse
      Harbour Foods Ltd                           Unit 4 Park Lane
      12 Quay Street                              Cardiff CF10 1AA
      Bristol BS1 6QH
""",
        "en",
    )
    assert found["seller_name"] == "Northwind Traders Ltd"
    assert found["buyer_name"] == "Harbour Foods Ltd"
    assert found["buyer_address"] == "12 Quay Street\nBristol BS1 6QH"
    assert "Warehouse" not in " ".join(found.values())


def test_the_issuers_address_may_stand_in_the_other_corner() -> None:
    found = parties(
        """
Alpenland Handels GmbH                                         Lindenallee 128
                                                               8010 Graz
                                                               Telefon: 0316 / 591588

Katrin Reuter
Bahnhofstraße 83
5020 Salzburg

Rechnung                                                       Datum: 01.11.2024
Rechnungsnummer: 2024-17                                       Kundennummer: 4711
""",
        "de",
    )
    assert found["seller_name"] == "Alpenland Handels GmbH"
    assert found["seller_address"] == "Lindenallee 128\n8010 Graz"
    assert found["buyer_address"] == "Bahnhofstraße 83\n5020 Salzburg"


def test_of_two_addresses_without_headings_the_higher_is_the_issuers() -> None:
    found = parties(
        """
                                                                      Oliver Sutton
                                                                      122 Station Road
                                                                      Bristol BS1 6QH



      Radcliffe Engineering Ltd
      74 Church Road
      Leeds LS1 4AP


      Invoice
      Invoice No.: INV 2023/061
      Invoice Date: 3 May 2023
""",
        "en",
        misread=True,
    )
    assert found["seller_name"] == "Oliver Sutton"
    assert found["seller_address"] == "122 Station Road\nBristol BS1 6QH"
    assert found["buyer_name"] == "Radcliffe Engineering Ltd"
    assert found["buyer_address"] == "74 Church Road\nLeeds LS1 4AP"


@pytest.mark.parametrize(
    ("language", "text", "name", "address"),
    [
        (
            "es",
            "Datos del cliente\nNombre: Pedro Gómez\nDomicilio: Calle Mayor 3\n28028 Madrid",
            "Pedro Gómez",
            "Calle Mayor 3\n28028 Madrid",
        ),
        ("th", "ชื่อลูกค้า : นาย สมชาย ใจดี\nที่อยู่ : 99 หมู่ 5 จ.สมุทรปราการ 10540", "นาย สมชาย ใจดี", "99 หมู่ 5 จ.สมุทรปราการ 10540"),
        ("hi", "ग्राहक का नाम: राजेश कुमार\nपता: 45, नेहरू नगर, भोपाल - 462003", "राजेश कुमार", "45, नेहरू नगर, भोपाल - 462003"),
    ],
)
def test_labels_in_a_block_are_no_part_of_what_they_label(language: str, text: str, name: str, address: str) -> None:
    found = parties("   " + text.replace("\n", "\n   "), language)
    assert (found["buyer_name"], found["buyer_address"]) == (name, address)


@pytest.mark.parametrize(
    ("language", "line", "number"),
    [
        ("de", "Ihre USt-IdNr.: ATU47355491", "ATU47355491"),
        ("fr", "Votre N° TVA : FR39356000000", "FR39356000000"),
        ("it", "P.IVA cliente: IT07643520567", "IT07643520567"),
        ("es", "CIF del cliente: B39497151", "B39497151"),
        ("en", "Customer VAT No: GB312 1385 58", "GB312 1385 58"),
    ],
)
def test_a_number_is_the_recipients_where_its_label_says_so(language: str, line: str, number: str) -> None:
    found = parties(f"      Acme Tools Ltd\n\n\n\n      {line}\n", language)
    assert found.get("buyer_tax_id") == number
    assert "seller_tax_id" not in found


def test_the_number_for_value_added_tax_is_preferred_and_register_numbers_are_none() -> None:
    found = parties(
        "      Moulin SARL\n      RCS Lyon 999 999 998\n      SIRET : 99999999800010\n      TVA : FR11999999998\n", "fr"
    )
    assert found["seller_tax_id"] == "FR11999999998"


def test_a_bank_account_below_the_heading_of_its_bank_is_the_issuers() -> None:
    found = parties("      Moulin SARL\n\n      Coordonnées bancaires\n      IBAN FR76 3000 6000 0112 3456 7890 189\n", "fr")
    assert found["seller_iban"] == "FR76 3000 6000 0112 3456 7890 189"


@pytest.mark.parametrize(
    ("text", "language", "field", "right"),
    [
        ("      GSTIN: 27AAPFUO939F1ZV", "hi", "seller_tax_id", "27AAPFU0939F1ZV"),
        ("      GSTIN: 27AAPFUO939F1ZW", "hi", "seller_tax_id", "27AAPFUO939F1ZW"),
        ("      IBAN: DE89 3704 OO44 O532 O13O OO", "de", "seller_iban", "DE89 3704 0044 0532 0130 00"),
    ],
)
def test_letters_read_for_digits_are_mended_where_check_digits_prove_it(
    text: str, language: str, field: str, right: str
) -> None:
    assert parties(text, language, misread=True).get(field) == right


SLIP = """
          TAX INVOICE
      POWER HARDWARE
          TRADING
       (002458685-T)
   13-1, Jalan PJU 5/10,
   Dataran Sunway, Kota Damansara,
   47810 Petaling Jaya, Selangor
      Tel: 012-373 2096
   GST ID No: 000306020352
   Date: 21/03/2018
   Sold to  MEGAH RESTORAN SDN BHD
   Total    12.50
"""


def test_a_slip_begins_with_its_issuer() -> None:
    assert parties(SLIP, "en", Receipt) == {
        "seller_name": "POWER HARDWARE TRADING",
        "seller_address": "13-1, Jalan PJU 5/10\nDataran Sunway, Kota Damansara\n47810 Petaling Jaya, Selangor",
        "seller_tax_id": "000306020352",
    }


def test_on_a_later_page_only_a_telling_letterhead_counts() -> None:
    text = "      Zahlungsbedingungen\n      Beschreibung             Fälligkeit\n      Zahlbar in 30 Tagen      05.04.2024\n"
    assert parties(text, "de", page=2) == {}
    head = "      Hofer Werkzeugbau GmbH\n      Lindenweg 4\n      34117 Kassel\n" + text
    assert parties(head, "de", page=2)["seller_name"] == "Hofer Werkzeugbau GmbH"


def test_who_may_be_written_to_and_called_is_the_party_in_whose_block_that_stands() -> None:
    found = parties(
        """
      Northwind Paper Ltd
      4 Mill Lane
      Leeds LS1 4AP
      Phone: +44 113 496 0001      Fax: +44 113 496 0002
      E-mail: billing@northwind.example

      Bill to:
      Harper & Sons
      12 High Street
      York YO1 7EP
      Phone: 01904 960 999
      office@harper.example

      Invoice no 77
      Bank: BIC LOYDGB2L
""",
        "en",
    )
    assert found["seller_phone"] == "+44 113 496 0001"
    assert found["seller_email"] == "billing@northwind.example"
    assert found["seller_bic"] == "LOYDGB2L"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "      Invoice\n      Number 4711\n      Date 03/04/2024\n      Total 12.50",
        "      Thank you for your business.\n      www.example.com",
        "      From: 01/03/2024   To: 31/03/2024\n      Client no: 4711",
        "      Bill to:\n\n      Total 12.50",
    ],
)
def test_nothing_is_made_up(text: str) -> None:
    assert parties(text, "en") == {}


def test_a_name_that_stands_alone_is_less_sure_than_one_with_its_address() -> None:
    sure = {}
    for key, text in {"alone": "", "whole": "      12 Quay Street\n      Bristol BS1 6QH\n"}.items():
        found = {leaf.path: leaf.confidence or 0.0 for leaf in leaves_of(f"      Bill to\n      Harbour Foods\n{text}", "en")}
        sure[key] = found["buyer_name"]
    assert sure["alone"] < sure["whole"]


def test_a_letterhead_on_one_line_does_not_make_the_addressee_its_issuer() -> None:
    found = parties(
        """
   Elektro Berger | Inh. Thomas Berger | Hauptstraße 5 | 4020 Linz | Tel. 0732 123456

   Firma
   Huber Bau GmbH
   z. Hd. Herrn Franz Huber
   Industriezeile 36
   4020 Linz
   UID: ATU12345675

   Rechnung Nr. 77


   Bankverbindung: Oberbank, IBAN AT611904300234573201
   UID-Nr. ATU37675002        Steuernummer 46 123/4567
""",
        "de",
    )
    assert found == {
        "seller_phone": "0732 123456",
        "seller_name": "Elektro Berger",
        "seller_address": "Hauptstraße 5\n4020 Linz",
        "seller_tax_id": "ATU37675002",
        "seller_iban": "AT611904300234573201",
        "buyer_name": "Huber Bau GmbH",
        "buyer_address": "Industriezeile 36\n4020 Linz",
        "buyer_tax_id": "ATU12345675",
    }
