"""The sign of the baht is told from an eight, a B and a stroke by its ink, before an amount and behind it."""

import numpy as np
import pytest
from PIL import Image, ImageFilter

from pipeline.pages import Pixels
from pipeline.settings import Settings
from pipeline.signs import with_baht_signs
from pipeline.tesseract import Token, read
from tests.paper import noisy, sheet


def line(text: str, px: int) -> Pixels:
    return np.asarray(noisy(sheet([text], size=(26 * px, 4 * px), px=px, at=(px, px), font="th"), 3))


def signed(text: str, px: int) -> str:
    image = line(text, px)
    return " ".join(token.text for token in with_baht_signs(image, read(image, "tha+eng", Settings(), layout="block")))


@pytest.mark.parametrize("px", [28, 48])
def test_a_sign_before_an_amount_is_no_eight(px: int) -> None:
    assert "฿35,471.57" in signed("รวมทั้งสิ้น ฿35,471.57", px)
    assert "฿" not in signed("รวมทั้งสิ้น 835,471.57", px)


@pytest.mark.parametrize("px", [28, 48])
def test_a_sign_behind_an_amount_is_found_whatever_was_read(px: int) -> None:
    assert signed("รวมทั้งสิ้น 28,631.20 ฿", px).endswith("28,631.20 ฿")
    for other in ("28,631.20 8", "28,631.20 |", "28,631.20 บาท", "28,631.20"):
        assert "฿" not in signed(f"รวมทั้งสิ้น {other}", px), other


def test_a_letter_before_an_amount_is_the_sign() -> None:
    token = Token("B186,870.00", (10, 10, 90, 30), 0.9, 0, 10, 30)
    assert [t.text for t in with_baht_signs(line("", 28), [token])] == ["฿186,870.00"]


@pytest.mark.parametrize("font", ["th", "latin", "mono"])
@pytest.mark.parametrize("px", [18, 20, 22, 24, 26, 30])
def test_an_eight_stays_an_eight_however_small_soft_noisy_or_tilted(font: str, px: int) -> None:
    for number, text in enumerate(("80.00", "850.00", "6,500.00", "8,888.00", "89.00") * 4):
        page = sheet([text], size=(400, 100), px=px, at=(40, 25), font=font)
        page = page.rotate((number % 7 - 3) / 2, fillcolor=255, resample=Image.Resampling.BICUBIC)
        page = page.filter(ImageFilter.GaussianBlur(number % 5 / 4))
        rows, columns = np.nonzero(np.asarray(page) < 160)
        box = (int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1)
        tokens = [Token(text, box, 0.9, 0, box[1], box[3])]
        image = np.asarray(noisy(page, number % 4 * 10.0, seed=number))
        assert with_baht_signs(image, tokens) == tokens


def test_a_token_at_the_edge_of_the_image_is_left_as_it_is() -> None:
    image = line("105.50", 28)
    height, width = image.shape
    tokens = [
        Token("105.50", (width - 40, 0, width, 30), 0.9, 0, 0, 30),
        Token("8105.50", (0, height - 9, 60, height), 0.9, 1, 0, 30),
    ]
    assert with_baht_signs(image, tokens) == tokens
    assert with_baht_signs(image, []) == []
