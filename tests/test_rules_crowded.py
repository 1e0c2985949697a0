"""Pages of as many words as a page may have are read in seconds: no rule looks at all of a page for each word of it."""

from random import Random

import pytest

from pipeline.engines.ocr import read_sheet
from pipeline.engines.rules.sheet import Sheet
from pipeline.records import Frame, PageWords, Word, WordsFrom
from schemas.base import spec_at
from schemas.registry import load_schema

pytestmark = pytest.mark.timeout(120)
"""What reads the page again for each of its words needs minutes."""

ROWS, COLUMNS = 120, 100
LABELS = (
    "Total",
    "invoice",
    "date",
    "amount",
    "tax",
    "the",
    "of",
    "Number:",
    "due",
    "Landlord",
    "Name:",
    "12.50",
    "03/04/2024",
)
AMOUNTS = tuple(f"{whole}.{cents}" for whole in range(1, 400, 3) for cents in (10, 55, 99))


def crowded(words: tuple[str, ...]) -> Sheet:
    """A page of 12,000 words drawn from these, in rows without a gap."""
    draw = Random(1)
    made = []
    for row in range(ROWS):
        for column in range(COLUMNS):
            x0, y0 = 0.02 + column * 0.96 / COLUMNS, 0.01 + row * 0.98 / ROWS
            box = (x0, y0, x0 + 0.8 * 0.96 / COLUMNS, y0 + 0.7 * 0.98 / ROWS)
            made.append(Word(draw.choice(words), box, 0.9, row))
    return Sheet(PageWords(1, Frame(600, 800), tuple(made), WordsFrom.OCR, "en"))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("invoice", LABELS),
        ("invoice", AMOUNTS),
        ("bank_statement", LABELS),
        ("bank_statement", AMOUNTS),
        ("contract", LABELS),
        ("receipt", LABELS),
        ("form", ("Name:", "x", "[ ]", "Yes", "No:", "12")),
        ("identity_document", ("P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L898902C36UTO7408122F1204159ZE184226B<<<<<10")),
    ],
)
def test_a_crowded_page_is_read(name: str, words: tuple[str, ...]) -> None:
    schema = load_schema(name)
    for leaf in read_sheet(crowded(words), schema):
        assert spec_at(schema, leaf.path) and leaf.verbatim
        assert leaf.box is not None and 0 <= leaf.box[0] < leaf.box[2] <= 1 and 0 <= leaf.box[1] < leaf.box[3] <= 1
