"""Legal forms are spelt as they are in values, whatever OCR made of them, and the print is kept."""

import pytest

from pipeline.normalize import normalize
from pipeline.records import Leaf
from pipeline.values.countries import country_of
from pipeline.values.currencies import find_currencies
from pipeline.values.forms import spell_forms
from schemas.registry import load_schema
from tests.typewriter import typed


@pytest.mark.parametrize(
    ("printed", "spelt"),
    [
        ("LEE FLORIST SON BHD.", "LEE FLORIST SDN BHD."),
        ("LEE FLORIST SDM. BHO", "LEE FLORIST SDN. BHD"),
        ("SQNBMD", "SDNBHD"),
        ("SPEED MART 5/B (519537-X)", "SPEED MART S/B (519537-X)"),
        ("SPEED MART S/8", "SPEED MART S/B"),
        ("LEE FLORIST SDN BHD", "LEE FLORIST SDN BHD"),
        ("PETER AND SON LTD", "PETER AND SON LTD"),
        ("Son Bhd", "Son Bhd"),
        ("LOT 5/8 JALAN ROS", "LOT 5/8 JALAN ROS"),
        ("page S/8 of it", "page S/8 of it"),
        ("PARSON BHDX", "PARSON BHDX"),
    ],
)
def test_legal_forms_are_spelt_as_they_are(printed: str, spelt: str) -> None:
    assert spell_forms(printed) == spelt


def test_a_name_is_spelt_right_and_its_print_stays_as_it_was_read() -> None:
    told = "LEE FLORIST SON BHD"
    (value,) = normalize([Leaf("seller_name", told)], load_schema("receipt"), typed(told))
    assert (value.verbatim, value.value) == (told, "LEE FLORIST SDN BHD")


def test_a_misread_form_still_tells_the_country_and_is_no_currency() -> None:
    assert country_of(["LEE FLORIST SON BHD", "SELANGOR", "RM 3.20"], "en") == "MY"
    assert country_of(["LEE FLORIST SON BHD"], "en") == country_of(["LEE FLORIST SDN BHD"], "en") != ""
    assert [mark.code for mark in find_currencies("LEE FLORIST SON BHD AND LEE SQH. BHD", "en")] == []
    assert [mark.code for mark in find_currencies("BHD 12.500", "en")] == ["BHD"]
    assert [mark.code for mark in find_currencies("SON PEN 12.50", "es")] == ["PEN"]
