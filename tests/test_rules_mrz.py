"""Reading identity documents by rules: zones for machines in noisy words, and how zone and print agree."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.check import check
from pipeline.engines.ocr import read_sheet
from pipeline.engines.rules.mrz.zone import find_zone
from pipeline.engines.rules.sheet import Sheet
from pipeline.merge import merge
from pipeline.normalize import normalize
from pipeline.records import WordsFrom
from pipeline.values.mrz import read_mrz
from schemas.identity_document import IdentityDocument
from tests.typewriter import typed

TD3 = ("P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L898902C36UTO7408122F1204159ZE184226B<<<<<10")
TD2 = ("I<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<", "D231458907UTO7408122F1204159<<<<<<<6")
TD1 = ("I<UTOD231458907<<<<<<<<<<<<<<<", "7408122F1204159UTO<<<<<<<<<<<6", "ERIKSSON<<ANNA<MARIA<<<<<<<<<<")
"""The specimens of ICAO 9303."""


@pytest.mark.parametrize("lines", [TD1, TD2, TD3])
def test_the_specimens_are_found_as_they_are(lines: tuple[str, ...]) -> None:
    zone = find_zone(["Utopia", "ERIKSSON ANNA", *lines, "specimen"])
    assert zone is not None
    assert (zone.first, zone.lines) == (2, lines)
    assert {"document_number", "date_of_birth", "expiry_date"} <= zone.sound


@pytest.mark.parametrize(
    ("lines", "noisy"),
    [
        (TD3, ("P<UTOERIKSSON<<ANNA<MARIA<<<<<<<K<<<<<<<<<<<", "L898902C36UTO74O8122F12O4159ZE184226B<<<<<<10")),
        (TD3, ("P<UTOERIKSSON<<ANNA<MARIA<<<<<", "L8989O2C36UTO7408122F1204159ZE184226B<<<10")),
        (TD1, ("I<UTOD23I458907«««««««««««««««", "7408122F1204159UT0<<<cc<<<<<<6", "ERIKSSON<<ANNA<MARIA<<<<<ccccc")),
        (TD1, ("I<UTO D231458907 <<<<<<<<<<<<<<<", "74081Z2F1204159UTO<<<<<<<<<<<6", "ERIK5SON<<ANNA<MARIA<<<<<<<<<")),
        (TD2, ("I<UTOERIKSSON<<ANNA<MARIA<<<<<<<", "D231458907UTO7408122F1204159<<<<<6")),
    ],
)
def test_what_ocr_does_to_a_zone_is_mended_by_its_check_digits(lines: tuple[str, ...], noisy: tuple[str, ...]) -> None:
    zone = find_zone(noisy)
    assert zone is not None
    told, truth = read_mrz("\n".join(zone.lines)), read_mrz("\n".join(lines))
    assert told is not None and truth is not None
    assert (told.document_number, told.date_of_birth, told.expiry_date) == ("L898902C3" if lines is TD3 else "D23145890",) + (
        truth.date_of_birth,
        truth.expiry_date,
    )
    assert (told.surname, told.given_names, told.nationality) == ("ERIKSSON", "ANNA MARIA", "UTO")


def test_other_print_is_no_zone() -> None:
    assert find_zone(["Hello world", "Amount due 1234.00", "P<OX"]) is None
    assert find_zone(["A" * 44, "B" * 44]) is None
    wrong = TD3[1].replace("7408122", "7508122").replace("1204159", "1304159")
    assert find_zone([TD3[0], wrong.replace("L898902C3", "L898912C3")]) is None


@given(st.lists(st.text(alphabet="ABCKLOIZSB0123456789<«kc ", max_size=60), max_size=4))
def test_any_rows_are_read_without_an_error(rows: list[str]) -> None:
    zone = find_zone(rows)
    assert zone is None or {len(line) for line in zone.lines} <= {30, 36, 44}


def test_one_look_alike_anywhere_in_the_number_is_found_again() -> None:
    swaps = {"0": "O", "8": "B", "2": "Z", "5": "S", "1": "I"}
    for place, character in enumerate(TD3[1][:9]):
        if character in swaps:
            noisy = TD3[1][:place] + swaps[character] + TD3[1][place + 1 :]
            zone = find_zone([TD3[0], noisy])
            assert zone is not None
            # One wrong character can be mended in more than one way: what is found fits its check digit.
            assert "document_number" in zone.sound


PASSPORT = """
UTOPIA              PASSPORT

Surname / Nom
ERIKSSON
Given names / Prénoms
ANNA MARIA
Nationality / Nationalité               Passport No. / No. du passeport
UTOPIAN                                 L898902C3
Date of birth / Date de naissance       Sex / Sexe
12 AUG 1974                             F
Date of issue / Date de délivrance      Date of expiry / Date d'expiration
16 APR 2002                             15 APR 2012

P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<
L898902C36UTO7408122F1204159ZE184226B<<<<<10
"""


def values(text: str, language: str = "en") -> dict[str, object]:
    """What the rules read of a typed document, as typed values."""
    words = typed(text, language, words_from=WordsFrom.OCR)
    return {value.path: value.value for value in normalize(read_sheet(Sheet(words), IdentityDocument), IdentityDocument, words)}


def test_print_and_zone_of_a_passport() -> None:
    assert values(PASSPORT) == {
        "document_type": "passport",
        "document_number": "L898902C3",
        "surname": "ERIKSSON",
        "given_names": "ANNA MARIA",
        "nationality": "UTOPIAN",
        "date_of_birth": date(1974, 8, 12),
        "sex": "F",
        "issue_date": date(2002, 4, 16),
        "expiry_date": date(2012, 4, 15),
        "issuing_country": "UTO",
        "personal_number": "ZE184226B",
        "mrz": "\n".join(TD3),
    }


def test_a_misread_print_is_corrected_by_the_zone() -> None:
    found = values(
        PASSPORT.replace("L898902C3 ", "L8989O2C3 ")
        .replace("\nL898902C3\n", "\nL8989O2C3\n")
        .replace("12 AUG 1974", "12 AUG 1971")
    )
    assert found["document_number"] == "L898902C3"
    assert found["date_of_birth"] == date(1974, 8, 12)


def test_a_zone_alone_gives_its_values() -> None:
    found = values("\n".join(TD1))
    assert found["surname"] == "ERIKSSON"
    assert found["date_of_birth"] == date(1974, 8, 12)
    assert found["document_type"] == "identity_card"
    assert found["issuing_country"] == "UTO"


def test_a_card_without_a_zone_is_read_by_its_labels() -> None:
    found = values(
        """
REPÚBLICA DE EJEMPLO
DOCUMENTO NACIONAL DE IDENTIDAD

APELLIDOS
MUÑOZ SERRANO
NOMBRE
LUCÍA
SEXO              NACIONALIDAD
F                 EJ
DOMICILIO
Calle Mayor, 118
41001 Sevilla
""",
        "es",
    )
    assert found["surname"] == "MUÑOZ SERRANO"
    assert found["given_names"] == "LUCÍA"
    assert found["sex"] == "F"
    assert found["document_type"] == "identity_card"
    assert found["issuing_country"] == "REPÚBLICA DE EJEMPLO"
    assert found["address"] == "Calle Mayor, 118\n41001 Sevilla"


def test_a_title_says_what_sort_of_document_it_is() -> None:
    assert values("KINGDOM OF UTOPIA\n\nDRIVING LICENCE\n\nSurname\nERIKSSON\n")["document_type"] == "driving_licence"
    assert "document_type" not in values("KINGDOM OF UTOPIA\n\nHe asked for a passport and a driving licence at once.\n")


def _digit(text: str) -> str:
    return str(sum((0 if c == "<" else int(c, 36)) * (7, 3, 1)[n % 3] for n, c in enumerate(text)) % 10)


def passport(born: str, expires: str, print_: str, issued: str) -> str:
    """A passport with a sound zone and these days in it and in print."""
    number, day, end, rest = "L898902C3", born, expires, "ZE184226B<<<<<1"
    parts = f"{number}{_digit(number)}", f"{day}{_digit(day)}", f"{end}{_digit(end)}"
    second = f"{parts[0]}UTO{parts[1]}F{parts[2]}{rest}{_digit(parts[0] + parts[1] + parts[2] + rest)}"
    return (
        PASSPORT.replace(TD3[1], second)
        .replace("12 AUG 1974", f"{print_:<11}")
        .replace("16 APR 2002", f"{issued:<11}")
        .replace("15 APR 2012", "15 JAN 2034" if expires == "340115" else "           ")
    )


@pytest.mark.parametrize("year", [1924, 1926, 1927, 1934, 2024])
def test_print_tells_the_century_of_a_birth(year: int) -> None:
    text = passport(f"{year % 100}0312", "340115", f"12 MAR {year}", "16 JAN 2025")
    assert values(text)["date_of_birth"] == date(year, 3, 12)


@pytest.mark.parametrize(("yy", "year"), [("23", 2023), ("25", 1925), ("27", 1927), ("45", 1945)])
@pytest.mark.parametrize("expires", ["340115", "<<<<<<"])
def test_nobody_is_born_after_the_day_of_issue(yy: str, year: int, expires: str) -> None:
    found = values(passport(f"{yy}0312", expires, "", "16 JAN 2024"))
    assert (found["date_of_birth"], found["issue_date"]) == (date(year, 3, 12), date(2024, 1, 16))


def test_the_print_of_an_old_birth_agrees_with_its_zone() -> None:
    words = typed(passport("240312", "340115", "12 MAR 1924", "16 JAN 2025"), "en", words_from=WordsFrom.OCR)
    merged = merge([normalize(read_sheet(Sheet(words), IdentityDocument), IdentityDocument, words)], IdentityDocument)
    assert {one.rule: one.passed for one in check(merged, IdentityDocument)}["date_of_birth as in mrz"] is True


@pytest.mark.parametrize(
    ("line", "country"),
    [
        ("REPUBLIC OF UTOPIA", "REPUBLIC OF UTOPIA"),
        ("Address 12 Republic Road", None),
        ("Address   Republic Road", None),
        ("Address\nRepublic Road\nSpringfield", None),
        ("Place of birth\nDominican Republic", None),
        ("12 Kingdom Street", None),
        ("Republican Guard", None),
    ],
)
def test_a_state_heads_a_card_in_whole_words(line: str, country: str | None) -> None:
    found = values(f"DRIVING LICENCE\n\n{line}\n\nSurname   ERIKSSON\nGiven names   ANNA\n" + "\n" * 12 + "Signature")
    assert found["surname"] == "ERIKSSON"
    assert found.get("issuing_country") == country
