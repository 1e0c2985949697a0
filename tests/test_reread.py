"""A second reading mends doubtful figures and finds lines without words, by real Tesseract; a surer first reading stays."""

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from pipeline.pages import Pixels
from pipeline.reread import read_again
from pipeline.settings import Settings
from pipeline.tesseract import Token, read
from tests.paper import sheet

SLIP = ("SUB TOTAL      54.50", "ROUNDING        0.00", "TOTAL          54.50", "CASH           60.00")


def slip() -> Pixels:
    return np.asarray(sheet(SLIP, size=(700, 420), px=34, at=(40, 40), font="mono"))


def marks_of(tokens: Sequence[Token]) -> NDArray[np.float64]:
    """A letter's box for each letter of each token."""
    made = []
    for token in tokens:
        x0, y0, x1, y1 = token.box
        step = (x1 - x0) / len(token.text)
        made += [(x0 + step * n, y0, x0 + step * (n + 1) - 1, y1) for n in range(len(token.text))]
    return np.array(made)


def again(tokens: Sequence[Token], marks: NDArray[np.float64], *, slip_: bool = True, seconds: float = 30.0) -> list[Token]:
    return read_again(slip(), tokens, marks, "eng", Settings(), slip=slip_, seconds=seconds)


@pytest.fixture
def first() -> list[Token]:
    tokens = read(slip(), "eng", Settings(), layout="block")
    assert [token.text for token in tokens if token.text[0].isdigit()] == ["54.50", "0.00", "54.50", "60.00"]
    return tokens


def figures(tokens: Sequence[Token]) -> list[str]:
    return [token.text for token in sorted(tokens, key=lambda t: (t.line_top, t.box[0])) if token.text[0].isdigit()]


def test_a_doubtful_figure_is_read_again(first: list[Token]) -> None:
    misread = [t._replace(text="64.60", confidence=0.4) if t.text == "54.50" else t for t in first]
    mended = again(misread, marks_of(first))
    assert figures(mended) == ["54.50", "0.00", "54.50", "60.00"]
    assert [t.line for t in mended] == sorted(t.line for t in mended)
    for old, new in zip(first, mended, strict=True):
        assert np.abs(np.subtract(old.box, new.box)).max() < 12


def test_a_sure_reading_stays(first: list[Token]) -> None:
    other = [t._replace(text="64.60", confidence=0.99) if t.text == "54.50" else t for t in first]
    assert again(other, marks_of(first)) == other


def test_a_reading_with_the_shape_of_an_amount_is_likelier(first: list[Token]) -> None:
    torn = [t._replace(text="5:450", confidence=0.84) if t.text == "54.50" else t for t in first]
    assert figures(again(torn, marks_of(first)))[0] == "54.50"


@pytest.mark.parametrize("slip_", [True, False])
def test_a_line_without_words_is_found(slip_: bool, first: list[Token]) -> None:
    lost = [token for token in first if token.line != 2]
    found = again(lost, marks_of(first), slip_=slip_)
    assert figures(found) == ["54.50", "0.00", "54.50", "60.00"]
    assert any(token.text == "TOTAL" and token.line > 3 for token in found)


def test_other_pages_are_not_read_twice(first: list[Token]) -> None:
    misread = [t._replace(text="64.60", confidence=0.4) if t.text == "54.50" else t for t in first]
    assert again(misread, marks_of(first), slip_=False) == misread


def test_without_time_or_words_nothing_is_read(first: list[Token]) -> None:
    doubtful = [token._replace(confidence=0.4) for token in first]
    assert again(doubtful, marks_of(first), seconds=0.0) == doubtful
    assert again([], np.zeros((0, 4))) == []


def test_marks_at_the_edge_do_no_harm(first: list[Token]) -> None:
    edge = np.array([[float(x), -30.0, x + 15.0, -2.0] for x in range(0, 200, 20)] + [[690.0, 410.0, 760.0, 470.0]] * 4)
    assert figures(again(first, edge)) == figures(first)
    blank = Image.new("L", (700, 420), 255)
    assert read_again(np.asarray(blank), first, edge, "eng", Settings(), slip=True, seconds=5.0) == first


def test_a_cloud_of_specks_is_no_print(first: list[Token]) -> None:
    specks = np.random.default_rng(1).uniform(0, 400, (25_000, 4))
    sure = [token._replace(confidence=0.99) for token in first] * 100
    assert again(sure, specks) == sure
