"""Reading contracts by rules: parties in tables, sentences and blocks, and what sentences say in eight languages."""

import pytest

from pipeline.engines.ocr import read_sheet
from pipeline.engines.rules.prose.read import _patterns, _told
from pipeline.engines.rules.prose.text import Prose
from pipeline.engines.rules.sheet import Sheet
from schemas.contract import Contract
from schemas.fields import LANGUAGES
from tests.typewriter import typed

Row = dict[str, str]


def read(text: str, language: str = "en", page: int = 1) -> tuple[Row, list[Row]]:
    """The fields and the parties of a typed contract."""
    fields: Row = {}
    rows: dict[int, Row] = {}
    for leaf in read_sheet(Sheet(typed(text, language, page=page)), Contract):
        if leaf.path.startswith("parties["):
            number, _, column = leaf.path.removeprefix("parties[").partition("].")
            rows.setdefault(int(number), {})[column] = leaf.verbatim
        else:
            fields[leaf.path] = leaf.verbatim
    return fields, list(rows.values())


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        (
            "en",
            """
The term begins on 1 May 2023 and runs for a fixed term of 36 months, ending on 30 April 2026. At the
end it is automatically renewed for periods of one year. Either party may end it by giving three
months' written notice. This agreement is governed by the laws of Scotland. Disputes are brought
before the Sheriff Court at Perth.
""",
            {
                "effective_date": "1 May 2023",
                "end_date": "30 April 2026",
                "term": "36 months",
                "notice_period": "three months",
                "governing_law": "the laws of Scotland",
                "jurisdiction": "the Sheriff Court at Perth",
            },
        ),
        (
            "de",
            """
Das Mietverhältnis beginnt am 1. Mai 2023 und endet am 30. April 2026. Die Laufzeit beträgt drei Jahre.
Die Kündigung ist mit einer Frist von drei Monaten zum Quartalsende möglich. Es gilt deutsches Recht.
Gerichtsstand ist Frankfurt am Main.
""",
            {
                "effective_date": "1. Mai 2023",
                "end_date": "30. April 2026",
                "term": "drei Jahre",
                "notice_period": "drei Monaten",
                "governing_law": "deutsches Recht",
                "jurisdiction": "Frankfurt am Main",
            },
        ),
        (
            "fr",
            """
Le bail prend effet le 1er mai 2023 pour une durée de trois ans et prend fin le 30 avril 2026. Il peut
être résilié moyennant un préavis de six mois. Le contrat est régi par le droit français. Les tribunaux
de Lyon sont seuls compétents.
""",
            {
                "effective_date": "1er mai 2023",
                "end_date": "30 avril 2026",
                "term": "trois ans",
                "notice_period": "six mois",
                "governing_law": "le droit français",
                "jurisdiction": "Les tribunaux de Lyon",
            },
        ),
        (
            "it",
            """
Il contratto decorre dal 1 maggio 2023, ha una durata di quattro anni e scade il 30 aprile 2027. Le
parti possono recedere con un preavviso di sei mesi. Il contratto è regolato dalla legge italiana.
Foro competente è il Foro di Bologna.
""",
            {
                "effective_date": "1 maggio 2023",
                "end_date": "30 aprile 2027",
                "term": "quattro anni",
                "notice_period": "sei mesi",
                "governing_law": "legge italiana",
                "jurisdiction": "Foro di Bologna",
            },
        ),
        (
            "pt",
            """
O contrato tem início em 1 de maio de 2023, pelo prazo de dois anos, e termina em 30 de abril de 2025.
Pode ser denunciado com a antecedência mínima de 60 dias. O contrato rege-se pela lei portuguesa. É
competente o foro da comarca de Évora.
""",
            {
                "effective_date": "1 de maio de 2023",
                "end_date": "30 de abril de 2025",
                "term": "dois anos",
                "notice_period": "60 dias",
                "governing_law": "lei portuguesa",
                "jurisdiction": "o foro da comarca de Évora",
            },
        ),
        (
            "hi",
            """
यह अनुबंध 1 मई 2023 से प्रभावी होगा और 30 अप्रैल 2026 तक रहेगा। कोई भी पक्ष दो महीने का लिखित नोटिस
देकर इसे समाप्त कर सकता है। यह अनुबंध भारत के कानून के अधीन होगा।
""",
            {
                "effective_date": "1 मई 2023",
                "end_date": "30 अप्रैल 2026",
                "notice_period": "दो महीने",
                "governing_law": "भारत के कानून",
            },
        ),
        (
            "es",
            """
El contrato comienza el 1 de mayo de 2023, con una duración de tres años, y finaliza el 30 de abril de
2026. Cualquiera de las partes podrá resolverlo con un preaviso de dos meses. El contrato se rige por la
ley española. Las partes se someten a los tribunales de Granada.
""",
            {
                "effective_date": "1 de mayo de 2023",
                "end_date": "30 de abril de 2026",
                "term": "tres años",
                "notice_period": "dos meses",
                "governing_law": "la ley española",
                "jurisdiction": "los tribunales de Granada",
            },
        ),
        (
            "th",
            """
สัญญานี้มีกำหนดระยะเวลา 24 เดือน เริ่มตั้งแต่วันที่ 1 เมษายน 2567 ถึงวันที่ 31 มีนาคม 2569 และอยู่ภายใต้กฎหมายไทย
""",
            {
                "effective_date": "1 เมษายน 2567",
                "end_date": "31 มีนาคม 2569",
                "term": "24 เดือน",
                "governing_law": "กฎหมายไทย",
            },
        ),
    ],
)
def test_what_sentences_say(language: str, text: str, expected: Row) -> None:
    fields, _ = read(text, language)
    assert {name: value for name, value in fields.items() if name in expected} == expected


def test_parties_as_sentences_name_them() -> None:
    _, parties = read(
        """
                               SERVICE AGREEMENT

This agreement is made on 30 March 2023 between:
Harding & Langley, Inc., with its registered office at 140 High Street, Oxford OX1 2JD, represented by
Peter Langley (hereinafter the "Client"),
and
Rachel Harding, residing at 67 Victoria Street, Edinburgh EH2 2ER (hereinafter the "Consultant").

1. Services
The Consultant advises the Client.
"""
    )
    assert parties == [
        {
            "role": "Client",
            "name": "Harding & Langley, Inc.",
            "address": "140 High Street, Oxford OX1 2JD",
            "representative": "Peter Langley",
        },
        {"role": "Consultant", "name": "Rachel Harding", "address": "67 Victoria Street, Edinburgh EH2 2ER"},
    ]


def test_parties_as_columns_of_a_table() -> None:
    _, parties = read(
        """
Mietvertrag

Partei          Vermieter                        Mieter
Name            Hausverwaltung Ost               Klara
                GmbH                             Winter
Anschrift       Lindenallee 3                    Am Anger 14
                99084 Erfurt                     07743 Jena
USt-IdNr        DE136695976                      –
""",
        "de",
    )
    assert parties == [
        {
            "role": "Vermieter",
            "name": "Hausverwaltung Ost GmbH",
            "address": "Lindenallee 3\n99084 Erfurt",
            "tax_id": "DE136695976",
        },
        {"role": "Mieter", "name": "Klara Winter", "address": "Am Anger 14\n07743 Jena"},
    ]


def test_parties_as_blocks_under_their_roles() -> None:
    _, parties = read(
        """
CONTRATO DE ARRENDAMIENTO

Arrendador:                              Arrendatario:
Inmobiliaria Duero, S.L.                 Marta Quintana
Calle Mayor, 118                         Plaza de España, 64
41001 Sevilla                            28013 Madrid
""",
        "es",
    )
    assert parties == [
        {"role": "Arrendador", "name": "Inmobiliaria Duero, S.L.", "address": "Calle Mayor, 118\n41001 Sevilla"},
        {"role": "Arrendatario", "name": "Marta Quintana", "address": "Plaza de España, 64\n28013 Madrid"},
    ]


def test_signatures_on_a_later_page_are_no_parties() -> None:
    assert read("Landlord                     Tenant\nAnna Blake                   Rachel Harding\n", page=2)[1] == []


def test_a_clause_is_not_the_value_of_its_heading() -> None:
    fields, _ = read(
        """
LEASE AGREEMENT

5. Term
The tenant keeps the premises clean and in good order and reports any defect without delay to the landlord.
6. Notice
A key that is lost is replaced at the cost of the tenant, who tells the landlord of it without delay.
"""
    )
    assert not {"term", "notice_period", "renewal", "governing_law", "jurisdiction"} & set(fields)
    assert fields["contract_type"] == "LEASE AGREEMENT"


def test_a_short_value_beside_a_label_is_taken() -> None:
    fields, _ = read(
        "Rental contract\n\nTerm:              24 months\nNotice period:     4 weeks\nGoverning law:     Swiss law\n"
    )
    assert (fields["term"], fields["notice_period"], fields["governing_law"]) == ("24 months", "4 weeks", "Swiss law")


def test_running_text_joins_lines_and_words_and_knows_their_places() -> None:
    prose = Prose(Sheet(typed("The tenancy is pro-\nlonged by one year.\n\n\n2. Rent\nThe rent is due.\n")))
    assert prose.text == "The tenancy is prolonged by one year.\n2. Rent\nThe rent is due."
    start = prose.text.index("prolonged")
    assert [span.text for span in prose.spans(start, start + len("prolonged"))] == ["pro", "longed"]


def test_every_wording_is_a_pattern_with_a_value() -> None:
    for name in set(_told()) - {"numbers", "units"}:
        assert set(_told()[name]) <= set(LANGUAGES)
        for language in LANGUAGES:
            assert all("v" in pattern.groupindex for pattern in _patterns(name, language)), (name, language)
