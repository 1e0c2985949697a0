from datetime import date

import pytest
from babel.dates import format_date
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.values.dates import find_dates, is_ambiguous, month_first_evidence, parse_date

MARCH_12 = date(2024, 3, 12)


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("12.03.2024", "de", MARCH_12),
        ("12.3.24", "de", MARCH_12),
        ("12/03/2024 10:45", "en", MARCH_12),
        ("12 / 03 / 2024", "en", MARCH_12),
        ("2024-03-12", "en", MARCH_12),
        ("2024-03-12T10:00:00", "en", MARCH_12),
        ("2024/3/12", "en", MARCH_12),
        ("03/12/2024", "en", date(2024, 12, 3)),
        ("12/31/2024", "en", date(2024, 12, 31)),
        ("DATE12/03/2024", "en", MARCH_12),
        ("20240312", "en", MARCH_12),
        ("12032024", "de", MARCH_12),
        ("12 03 2024", "fr", MARCH_12),
        ("12. März 2024", "de", MARCH_12),
        ("12 Mrz 24", "de", MARCH_12),
        ("12. Jänner 2024", "de", date(2024, 1, 12)),
        ("Tuesday, 12 March 2024", "en", MARCH_12),
        ("March 12th, 2024", "en", MARCH_12),
        ("Mar 12, 2024 10:45", "en", MARCH_12),
        ("12MAR2024", "en", MARCH_12),
        ("12-Mar-24", "en", MARCH_12),
        ("12 Mar'24", "en", MARCH_12),
        ("2024 March 12", "en", MARCH_12),
        ("Sept. 5, 2023", "en", date(2023, 9, 5)),
        ("le 1er mars 2024", "fr", date(2024, 3, 1)),
        ("15 d'août 2024", "fr", date(2024, 8, 15)),
        ("FÉVRIER 3, 2024", "fr", date(2024, 2, 3)),
        ("12 marzo 2024", "it", MARCH_12),
        ("1º de março de 2024", "pt", date(2024, 3, 1)),
        ("12 de mar. de 2024", "pt", MARCH_12),
        ("12 SET 2023", "pt", date(2023, 9, 12)),
        ("3 de marzo de 2024", "es", date(2024, 3, 3)),
        ("1 setiembre 2023", "es", date(2023, 9, 1)),
        ("12 मार्च 2024", "hi", MARCH_12),
        ("१२ सितम्बर २०२४", "hi", date(2024, 9, 12)),
        ("15 फ़रवरी 2024", "hi", date(2024, 2, 15)),
        ("15 फ़र॰ 2024", "hi", date(2024, 2, 15)),
        ("๔ มี.ค. ๖๗", "th", date(2024, 3, 4)),
        ("4 มีค 67", "th", date(2024, 3, 4)),
        ("12 พ. ค . 2567", "th", date(2024, 5, 12)),
        ("วันที่ 12 มกราค ม พ.ศ. 2567", "th", date(2024, 1, 12)),
        ("12 เดือน มกราคม พ . ศ . ๒๕๖๗", "th", date(2024, 1, 12)),
        ("25 ธ.ค. 66 10:30 น.", "th", date(2023, 12, 25)),
        ("12 มนาคม 2567", "th", MARCH_12),
        ("12/03/2567", "th", MARCH_12),
        ("12/03/67", "th", MARCH_12),
        ("12/03/24", "th", MARCH_12),
        ("25670312", "th", MARCH_12),
        ("12/03/2567", "en", MARCH_12),
        ("19/03/2617", "th", date(2074, 3, 19)),
        ("12 Ottobe 2023", "it", date(2023, 10, 12)),
        ("10 novembr 2023", "fr", date(2023, 11, 10)),
        ("1/2/69", "en", date(2069, 2, 1)),
        ("1/2/70", "en", date(1970, 2, 1)),
    ],
)
def test_a_date_is_read(text, language, expected):
    assert parse_date(text, language) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "14",
        "March",
        "March 2024",
        "14 March",
        "31.02.2024",
        "2024",
        "12.50",
        "d'août 2024",
        "1.2.3",
        "01/01/2024 02/01/2024",
        "12/13/2024/5",
        "19/03/2617",
    ],
)
def test_what_is_no_whole_date_is_none(text):
    assert parse_date(text, "en") is None


def test_the_month_comes_first_only_where_the_caller_knows():
    assert parse_date("03/04/2024", "en") == date(2024, 4, 3)
    assert parse_date("03/04/2024", "en", month_first=True) == date(2024, 3, 4)
    assert parse_date("25/04/2024", "en", month_first=True) == date(2024, 4, 25)


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["12/31/2024"], True),
        (["31/12/2024", "01/02/2024"], False),
        (["01/02/2024"], None),
        (["12/31/2024", "31/12/2024"], None),
        (["Bananes 12/31/2532"], None),
    ],
)
def test_evidence_of_the_order_must_not_contradict_itself(texts, expected):
    assert month_first_evidence(texts) is expected


def test_equal_day_and_month_are_not_ambiguous():
    assert is_ambiguous("03/04/2024")
    assert not is_ambiguous("04/04/2024")
    assert not is_ambiguous("13/04/2024")
    assert not is_ambiguous("3 April 2024")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("INV-2024-03-12 v1.2.34 IP 10.0.0.12", []),
        ("12.03.2024-15.03.2024", ["12.03.2024", "15.03.2024"]),
        ("due 1 May 2024, 3 Jun 24", ["1 May 2024", "3 Jun 24"]),
        ("12/03/2024 10:30 total 12.50", ["12/03/2024"]),
        ("99.12.2024", []),
        ("20240312", []),
        ("วันที่ ๔ มี.ค. ๖๗ เวลา", ["๔ มี.ค. ๖๗"]),
        ("วันที่ ๒๕ กันยายน ๒๕ ว", []),
        ("Rent May 12.50", []),
        ("Miete Mai 9,50", []),
        ("loyer mars 12,50 EUR", []),
        ("Set 1 12", []),
        ("May 12, 24 and Mar 5 '24", ["May 12, 24", "Mar 5 '24"]),
        ("Mar-05-24", ["Mar-05-24"]),
        ("12.Mai.24", ["12.Mai.24"]),
    ],
)
def test_dates_in_a_line_are_found_where_they_stand(text, expected):
    assert [text[start:end].strip() for start, end, _ in find_dates(text)] == expected


@settings(max_examples=80, deadline=None)
@given(
    st.sampled_from(["en_GB", "en_US", "de", "de_AT", "fr", "it", "pt_BR", "pt_PT", "es", "es_MX", "hi", "th"]),
    st.sampled_from(["medium", "long", "full"]),
    st.dates(date(1990, 1, 1), date(2060, 12, 31)),
)
def test_what_babel_prints_is_read_back(locale, width, day):
    assert parse_date(format_date(day, width, locale=locale), locale[:2], month_first=locale == "en_US") == day
