"""Machine readable zones: the specimens of ICAO 9303, what a wrong letter does, and what is no zone."""

from datetime import date

import pytest

from pipeline.values.mrz import but_for_century, earlier_century, mrz_lines, read_mrz

TD3 = "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL898902C36UTO7408122F1204159ZE184226B<<<<<10"
TD2 = "I<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<\nD231458907UTO7408122F1204159<<<<<<<6"
TD1 = "I<UTOD231458907<<<<<<<<<<<<<<<\n7408122F1204159UTO<<<<<<<<<<<6\nERIKSSON<<ANNA<MARIA<<<<<<<<<<"


@pytest.mark.parametrize(
    ("text", "form", "number", "optional"),
    [(TD3, "TD3", "L898902C3", "ZE184226B"), (TD2, "TD2", "D23145890", ""), (TD1, "TD1", "D23145890", "")],
)
def test_the_specimens_are_read(text: str, form: str, number: str, optional: str) -> None:
    zone = read_mrz(text)
    assert zone and zone.wrong == ()
    assert (zone.form, zone.document_number, zone.optional) == (form, number, optional)
    assert (zone.country, zone.nationality, zone.surname, zone.given_names) == ("UTO", "UTO", "ERIKSSON", "ANNA MARIA")
    assert (zone.date_of_birth, zone.sex, zone.expiry_date) == (date(1974, 8, 12), "F", date(2012, 4, 15))


def test_a_wrong_letter_is_told_by_its_field() -> None:
    zone = read_mrz(TD3.replace("L898902C3", "L898902C8"))
    assert zone and zone.wrong == ("document_number", "all")


def test_a_long_number_of_a_card_goes_on_behind_its_check_digit() -> None:
    lines = "I<UTOD23145890<7349<<<<<<<<<<<\n3407127M9507122UTO<<<<<<<<<<<2\nSTEVENSON<<PETER<JOHN<<<<<<<<<"
    zone = read_mrz(lines)
    assert zone and zone.document_number == "D23145890734"
    assert zone.wrong == ()
    assert zone.date_of_birth == date(1934, 7, 12)


@pytest.mark.parametrize("text", [TD3.replace("\n", " "), TD3.replace("\n", ""), TD3.lower(), TD3.replace("<<", "«")])
def test_a_zone_is_one_however_it_is_written_down(text: str) -> None:
    assert "\n".join(mrz_lines(text)) == TD3


@pytest.mark.parametrize("text", ["", "P<UTO", TD3.splitlines()[0], "Erika Mustermann", TD3[:60], TD1 + "\n" + TD1])
def test_what_is_no_zone_is_none(text: str) -> None:
    assert read_mrz(text) is None


def test_a_birth_is_before_the_day_of_expiry() -> None:
    """A birth in 12 with an expiry in 2030 is of 2012, one in 31 of 1931."""
    born = {yy: read_mrz(TD3.replace("7408122", f"{yy}08122").replace("1204159", "3004159")) for yy in ("12", "31")}
    assert [zone.date_of_birth.year for zone in born.values() if zone and zone.date_of_birth] == [2012, 1931]


@pytest.mark.parametrize(("born", "year"), [("050312", 2005), ("390312", 2039), ("450312", 1945), ("690312", 1969)])
def test_a_birth_on_a_paper_that_never_expires(born: str, year: int) -> None:
    zone = read_mrz(TD3.replace("740812", born).replace("120415", "<<<<<<"))
    assert zone and zone.date_of_birth == date(year, 3, 12)


def test_a_zone_does_not_tell_the_century() -> None:
    assert but_for_century(date(1927, 3, 12), date(2027, 3, 12))
    assert not but_for_century(date(1927, 3, 12), date(2027, 3, 13))
    assert not but_for_century(None, date(2027, 3, 13))
    assert [earlier_century(date(year, 2, 29)) for year in (2024, 2000)] == [date(1924, 2, 29), date(2000, 2, 29)]
