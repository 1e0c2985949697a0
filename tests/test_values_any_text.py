"""Whatever OCR makes of a page, the readers of values answer and tell places inside of the text."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.values.amounts import find_amounts, parse_amount, parse_number, parse_percent
from pipeline.values.compare import key, same
from pipeline.values.countries import country_of
from pipeline.values.currencies import find_currencies
from pipeline.values.dates import find_dates, parse_date
from pipeline.values.identifiers import SCHEMES, find_ibans, find_tax_ids, normal_identifier, valid
from pipeline.values.mrz import mrz_lines, read_mrz
from pipeline.values.text import fold_traced
from schemas.fields import LANGUAGES, Kind

LIKELY = list("0123456789.,-/ :()'€$%abDEFRx") + [
    "มี",
    "ค",
    ".",
    "๖",
    "२",
    "मार्च",
    "\u00a0",
    "İ",
    "ß",
    "ﬁ",
    "²",
    "½",
    "Mar ",
    "DE02 ",
]
TEXTS = st.one_of(st.text(max_size=40), st.lists(st.sampled_from(LIKELY), max_size=30).map("".join))


@settings(max_examples=150, deadline=None)
@given(TEXTS, st.sampled_from([*LANGUAGES, "und"]))
def test_no_text_breaks_a_reader(text, language):
    found = find_amounts(text, language, bare=True) + find_dates(text, language) + find_ibans(text)
    found += [(tax_id.start, tax_id.end, tax_id) for tax_id in find_tax_ids(text, language)]
    found += [(mark.start, mark.end, mark) for mark in find_currencies(text, language)]
    assert all(0 <= start < end <= len(text) for start, end, _ in found)
    amount = parse_amount(text, language)
    assert amount is None or amount.value.is_finite()
    parse_number(text, language), parse_percent(text, language), parse_date(text, language), fold_traced(text)
    for scheme in ("", "document_number", *SCHEMES):
        assert normal_identifier(normal := normal_identifier(text, scheme, "DE"), scheme, "DE") == normal
        assert valid(text, scheme, "DE") in (True, False, None)
    assert isinstance(country_of(text.splitlines(), language), str)
    parse_amount(text, language, country="ZA"), find_currencies(text, language, "ZZ")
    for kind in Kind:
        if kind is not Kind.TABLE:
            assert same(kind, text, text, "tax_id") is (key(kind, text, "tax_id") is not None)


ZONE = st.text(alphabet="ABCXYZ0189<<<<< \n«²Ñ", min_size=20, max_size=140)


@settings(max_examples=150, deadline=None)
@given(ZONE | TEXTS)
def test_no_text_breaks_the_reader_of_zones(text: str) -> None:
    assert len(mrz_lines(text)) in (0, 2, 3)
    read_mrz(text)


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "piece",
    ["1.", "1,2.", "1 ", "7", "1.2.3.4 ", "00 1", "a", "ก", "12/", "1,", "9 .", "% ", "EUR 1 ", "1-", "A1", "(1", "x 2 "],
)
@pytest.mark.parametrize(
    "read",
    [
        parse_amount,
        find_amounts,
        parse_percent,
        parse_number,
        find_dates,
        parse_date,
        find_tax_ids,
        find_ibans,
        normal_identifier,
    ],
)
def test_no_text_hangs_its_reader(read: Callable[..., object], piece: str) -> None:
    text = piece * (4000 // len(piece)) + ". 30"
    read(text)
