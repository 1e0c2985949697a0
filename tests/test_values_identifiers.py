import pytest

from pipeline.values.identifiers import find_ibans, find_tax_ids, normal_identifier, tax_country, valid


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("IBAN: DE02 1203 0000 0000 2020 51 BIC BYLADEM1001", ["DE02120300000000202051"]),
        ("DE12 1234 4321 9876 00 BIC BANKDEFF", ["DE121234432198760" + "0"]),
        ("it60 x054 2811 1010 0000 0123 456", ["IT60X0542811101000000123456"]),
        ("NL50INGB0683251309,FR7630006000011234567890189", ["NL50INGB0683251309", "FR7630006000011234567890189"]),
        ("MT84 MALT 0110 0001 2345 MTLC AST0 01S", ["MT84MALT011000012345MTLCAST001S"]),
        ("DE02-1203-0000-0000-2020-51", ["DE02120300000000202051"]),
        ("Order DE02 of 12.03.2024", []),
        ("XX02 1203 0000 0000 2020 51", []),
        ("ABDE0212030000000020205112", []),
    ],
)
def test_ibans_end_where_they_should(line, expected):
    found = find_ibans(line)
    assert [iban for _, _, iban in found] == expected
    for start, end, iban in found:
        assert normal_identifier(line[start:end], "iban") == iban


@pytest.mark.parametrize(
    ("line", "language", "number", "form"),
    [
        ("USt-IdNr. DE 123 456 789", "de", "DE123456789", "eu_vat"),
        ("ATU12345675", "de", "ATU12345675", "eu_vat"),
        ("CHE-123.456.788 MWST", "de", "CHE123456788", "ch_uid"),
        ("St.-Nr. 201/113/40209", "de", "20111340209", "de_stnr"),
        ("N° TVA FR 83 404 833 048", "fr", "FR83404833048", "eu_vat"),
        ("732 829 320", "fr", "732829320", "siren"),
        ("P.IVA 00743110157", "it", "00743110157", "piva"),
        ("P.IVA: (IT) 12345678903", "it", "12345678903", "labelled"),
        ("NIF: (ES) 58384285G", "de", "58384285G", "labelled"),
        ("B98602642", "es", "B98602642", "cif"),
        ("CNPJ 92.382.301/8413-12", "pt", "92382301841312", "cnpj"),
        ("LW.NDT.383/0001-82", "pt", "LWNDT383000182", "cnpj"),
        ("CPF: 765.865.078-12", "pt", "76586507812", "cpf"),
        ("GSTIN 06AABCO6063D1ZQ", "hi", "06AABCO6063D1ZQ", "gstin"),
        ("RFC EKU9003173C9", "es", "EKU9003173C9", "rfc"),
        ("CUIT: (AR) 30712345671", "es", "30712345671", "labelled"),
        ("เลขประจำตัวผู้เสียภาษี ๐-๑๐๕๕-๖๑๐๐๐-๐๐-๑", "th", "0105561000001", "th_tin"),
    ],
)
def test_tax_numbers_are_found(line, language, number, form):
    found = find_tax_ids(line, language)
    assert [(tax_id.text, tax_id.form) for tax_id in found] == [(number, form)]


@pytest.mark.parametrize(
    ("line", "language"),
    [
        ("Invoice 12345678901", "it"),
        ("12345678901", "de"),
        ("VAT 12345.67", "en"),
        ("VAT no later than 12.03.2024", "en"),
        ("DE02 1203 0000 0000 2020 51", "de"),
        ("Tel 0123456789", "fr"),
    ],
)
def test_other_numbers_are_no_tax_numbers(line, language):
    assert find_tax_ids(line, language) == []


@pytest.mark.parametrize(
    ("text", "scheme", "expected"),
    [
        ("DE 123 456 789", "tax_id", "DE123456789"),
        ("USt-IdNr.: DE123456789", "tax_id", "DE123456789"),
        ("USt-IdNr. DE123456789", "tax_id", "DE123456789"),
        ("VAT No GB 980 7806 84", "tax_id", "GB980780684"),
        ("NIF: (ES) 58384285G", "tax_id", "ES58384285G"),
        ("PANXX1234C", "tax_id", "PANXX1234C"),
        ("BIC/SWIFT: COBA DE FF XXX", "bic", "COBADEFFXXX"),
        ("BICICIABXXX", "bic", "BICICIABXXX"),
        ("Info @ Example . com", "email", "info@example.com"),
        ("Tel.: +49 30 1234567", "phone", "+49301234567"),
        ("030 1234567", "phone", "030 1234567"),
        ("CHE-123.456.788 MWST", "tax_id", "CHE123456788"),
        ("de02 1203 0000", "iban", "DE0212030000"),
        ("RE – 2024  17", "document_number", "RE - 2024 17"),
        ("๒๐๒๔-๑", "document_number", "2024-1"),
    ],
)
def test_an_identifier_has_one_writing(text, scheme, expected):
    assert normal_identifier(text, scheme) == expected


@pytest.mark.parametrize(
    ("text", "scheme", "expected"),
    [
        ("DE02 1203 0000 0000 2020 51", "iban", True),
        ("DE03 1203 0000 0000 2020 51", "iban", False),
        ("DE136695976", "tax_id", True),
        ("DE123456789", "tax_id", False),
        ("00743110157", "tax_id", True),
        ("12345678901234", "tax_id", None),
        ("INV-1", "document_number", None),
    ],
)
def test_check_digits_are_evidence(text, scheme, expected):
    assert valid(text, scheme) is expected


@pytest.mark.parametrize(
    ("text", "scheme", "country", "expected"),
    [
        ("030 1234567", "phone", "DE", True),
        ("030 1", "phone", "DE", False),
        ("030 1234567", "phone", "", None),
        ("COBADEFFXXX", "bic", "", True),
        ("COBAXXFFXXX", "bic", "", False),
        ("info@example.com", "email", "", True),
        ("info@", "email", "", False),
        ("16.727.230/0001-98", "tax_id", "", False),
        ("16727230000198", "tax_id", "", None),
        ("BE68 5390 0754 7034", "iban", "", True),
        ("P<UTO", "mrz", "", None),
    ],
)
def test_forms_and_plans_are_evidence_too(text, scheme, country, expected):
    """A number printed in a form of its own is judged; digits alone may be of a form that is not known here."""
    assert valid(text, scheme, country) is expected


@pytest.mark.parametrize(
    ("line", "language", "country"),
    [
        ("DE136695976", "de", "DE"),
        ("EL123456783", "en", "GR"),
        ("GB980780684", "en", "GB"),
        ("CNPJ 16.727.230/0001-97", "pt", "BR"),
    ],
)
def test_a_tax_number_tells_its_country(line, language, country):
    assert [tax_country(found) for found in find_tax_ids(line, language)] == [country]
