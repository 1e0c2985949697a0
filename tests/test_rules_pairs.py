"""Reading forms by rules: labels that nobody told us, in lines, in columns, over and under their values, and boxes to tick."""

import pytest

from pipeline.engines.ocr import read_sheet
from pipeline.engines.rules.captions import boxes_in, likely_caption
from pipeline.engines.rules.sheet import Sheet
from pipeline.records import WordsFrom
from schemas.form import Form
from tests.typewriter import typed

Entry = tuple[str, str, str]


def read(text: str, language: str = "en", misread: bool = False) -> tuple[dict[str, str], list[Entry]]:
    """The fields and the entries (label, value, section) of a typed form."""
    fields: dict[str, str] = {}
    rows: dict[int, dict[str, str]] = {}
    page = typed(text, language, words_from=WordsFrom.OCR if misread else WordsFrom.TEXT_LAYER)
    for leaf in read_sheet(Sheet(page), Form):
        if leaf.path.startswith("entries["):
            number, _, column = leaf.path.removeprefix("entries[").partition("].")
            rows.setdefault(int(number), {})[column] = leaf.verbatim
        else:
            fields[leaf.path] = leaf.verbatim
    assert list(rows) == list(range(len(rows)))
    return fields, [(row["label"], row["value"], row.get("section", "")) for row in rows.values()]


def pairs(text: str, language: str = "en", misread: bool = False) -> list[tuple[str, str]]:
    """Labels and values of a typed form."""
    return [entry[:2] for entry in read(text, language, misread)[1]]


def test_a_colon_parts_label_and_value() -> None:
    assert pairs(
        """
Name: Rachel Harding
Member since:  12/03/2019        Shoe size: 38
Opening hours: 9:30 to 12:00
Website: https://example.org
Fax:
Favourite colour: blue
"""
    ) == [
        ("Name", "Rachel Harding"),
        ("Member since", "12/03/2019"),
        ("Shoe size", "38"),
        ("Opening hours", "9:30 to 12:00"),
        ("Website", "https://example.org"),
        ("Favourite colour", "blue"),
    ]


def test_two_pairs_in_one_cell() -> None:
    assert pairs("PLZ: 10115 Ort: Berlin\nGröße: 181 cm Gewicht: 78 kg", "de") == [
        ("PLZ", "10115"),
        ("Ort", "Berlin"),
        ("Größe", "181 cm"),
        ("Gewicht", "78 kg"),
    ]


@pytest.mark.parametrize("misread", [False, True])
def test_labels_and_values_in_columns_without_colons(misread: bool) -> None:
    assert pairs(
        """
Nom                        Marchand
Prénom                     Mathieu
Centre d'intérêt           Musique et cinéma
Instrument                 Violoncelle
Nom d'usage
Code postal                31000
""",
        "fr",
        misread,
    ) == [
        ("Nom", "Marchand"),
        ("Prénom", "Mathieu"),
        ("Centre d'intérêt", "Musique et cinéma"),
        ("Instrument", "Violoncelle"),
        ("Code postal", "31000"),
    ]


def test_captions_stand_above_their_values() -> None:
    assert pairs(
        """
Surname                    Given names
Beaumont                   Oliver

Date of birth              Maiden name
30/05/1960

Street and number          Town and postcode
68 Church Road             Bristol BS1 4DJ
"""
    ) == [
        ("Surname", "Beaumont"),
        ("Given names", "Oliver"),
        ("Date of birth", "30/05/1960"),
        ("Street and number", "68 Church Road"),
        ("Town and postcode", "Bristol BS1 4DJ"),
    ]


def test_captions_stand_below_their_values() -> None:
    assert pairs(
        """
Max Weber                           58232 Alzey
(Name, Vorname)                     (PLZ, Ort)

Bremen, 09.08.2020
(Ort, Datum)
""",
        "de",
    ) == [("(Name, Vorname)", "Max Weber"), ("(PLZ, Ort)", "58232 Alzey"), ("(Ort, Datum)", "Bremen, 09.08.2020")]


def test_a_value_goes_on_in_the_next_line() -> None:
    assert pairs(
        """
Address:        Harding & Langley
                140 High Street
                Oxford
Telephone:      01865 496 0123
"""
    ) == [("Address", "Harding & Langley 140 High Street Oxford"), ("Telephone", "01865 496 0123")]


@pytest.mark.parametrize(("empty", "ticked"), [("☐", "☒"), ("[ ]", "[x]"), ("( )", "(X)"), ("□", "☑")])
def test_a_ticked_option_is_the_value_of_its_question(empty: str, ticked: str) -> None:
    assert pairs(
        f"""
Membership:        {empty} single      {ticked} family      {empty} student
Damage by: {ticked} water {empty} fire
Paid by            {empty} cash      {ticked} card
"""
    ) == [("Membership", "family"), ("Damage by", "water"), ("Paid by", "card")]


def test_a_ticked_statement_has_an_x() -> None:
    assert pairs(
        """
☒ I accept the rules of the club
☐ I would like to receive the newsletter
I have paid the fee for this year already      ☒
"""
    ) == [("I accept the rules of the club", "x"), ("I have paid the fee for this year already", "x")]


def test_sections_title_and_number_of_the_form() -> None:
    fields, entries = read(
        """
                      APPLICATION FOR MEMBERSHIP
                                                                  Form no.: MB-1747
1. Applicant
Name: Oliver Beaumont
2. Membership
Start date: 19/06/2023
3. Signature
"""
    )
    assert entries == [("Name", "Oliver Beaumont", "1. Applicant"), ("Start date", "19/06/2023", "2. Membership")]
    assert fields == {"title": "APPLICATION FOR MEMBERSHIP", "form_number": "MB-1747"}


def test_prose_is_no_entry() -> None:
    assert (
        pairs(
            """
Please fill in this form with block letters and return it to the address overleaf by the end of the month.
I declare that all of the above is true to the best of my knowledge and that nothing has been left out.
"""
        )
        == []
    )


def test_boxes_in_a_line() -> None:
    assert [ticked for _, _, ticked in boxes_in("[x] yes [ ] no ☐ maybe ☑ surely (X) ever")] == [True, False, False, True, True]
    assert boxes_in("f(x) = [1] and (a)") == []


def test_what_looks_like_a_caption() -> None:
    assert likely_caption("Date of birth", "en") > 0.8
    assert likely_caption("Anything:", "en") == 1.0
    assert likely_caption("12.03.2024", "de") < 0.1
    assert likely_caption("info@example.org", "en") < 0.1


def test_boxes_that_ocr_reads_as_letters() -> None:
    assert pairs("Membership:        O single      KE family      CO student\n", misread=True) == [("Membership", "family")]
    assert pairs("Name: O Brien\n", misread=True) == [("Name", "O Brien")]


def test_a_box_apart_from_its_statement() -> None:
    assert pairs("[x]  I accept the rules\n[ ]  I do not\n") == [("I accept the rules", "x")]
