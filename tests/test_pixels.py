"""What pixels alone tell: the lie of the lines, the size of the letters, and frames that hold their promises."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from pipeline.pixels import even_light, find_ink, find_lie, letter_height, light_ground, straighten
from pipeline.records import Frame
from tests.paper import FONTS, blurred, noisy, sheet

SMALL = (848, 1200)


def printed(px: int = 16, **told: Any) -> Image.Image:
    """Two paragraphs at the size of a preview."""
    lines = [
        "It was the best of times, it was the worst of times, it was",
        "the age of wisdom, it was the age of foolishness.",
    ] * 8
    return sheet(lines, size=SMALL, px=px, at=(90, 90), **told)


@pytest.mark.parametrize("angle", [-13, -7, -3, -1, -0.5, 0, 0.5, 2, 5, 10, 13])
def test_skew_is_measured_to_a_fifth_of_a_degree(angle: float) -> None:
    turned = noisy(printed().rotate(angle, fillcolor=255, resample=Image.Resampling.BICUBIC), 6)
    lie = find_lie(find_ink(np.asarray(turned)))
    assert not lie.sideways
    assert lie.skew == pytest.approx(angle, abs=0.2)


@pytest.mark.parametrize("angle", [-4, 0, 3])
@pytest.mark.parametrize("turn", [90, 270])
def test_lines_that_run_up_or_down_are_told(turn: int, angle: float) -> None:
    turned = printed().rotate(turn + angle, expand=True, fillcolor=255, resample=Image.Resampling.BICUBIC)
    lie = find_lie(find_ink(np.asarray(turned)))
    assert lie.sideways
    assert lie.skew == pytest.approx(angle, abs=0.2)


@pytest.mark.parametrize("turn", [0, 90])
def test_the_columns_of_fixed_pitch_print_are_no_lines(turn: int) -> None:
    rng = np.random.default_rng(4)
    pitch = 20
    page = Image.new("L", SMALL, 255)
    for row in range(24):
        for column, letter in enumerate("".join(rng.choice(list("HEIMNTLU04"), 28))):
            place = (60 + column * pitch, 60 + row * 30 + int(rng.integers(-4, 5)))
            ImageDraw.Draw(page).text(place, letter, fill=0, font=ImageFont.truetype(FONTS["mono"], 19), stroke_width=0)
    lie = find_lie(find_ink(np.asarray(page.rotate(turn, expand=True))))
    assert lie.sideways is (turn == 90)


def test_what_has_no_lines_has_no_lie() -> None:
    rng = np.random.default_rng(2)
    specks = Image.new("L", SMALL, 255)
    for x, y in rng.integers(20, 800, (400, 2)):
        ImageDraw.Draw(specks).ellipse((x, y, x + 6, y + 6), fill=0)
    picture = Image.effect_mandelbrot(SMALL, (-2, -1.5, 1, 1.5), 60)
    for image in (specks, picture, Image.new("L", SMALL, 255), sheet(["Word"], size=SMALL)):
        lie = find_lie(find_ink(np.asarray(image)))
        assert not lie.sideways and lie.skew == 0


def test_letters_are_measured_whatever_the_light() -> None:
    plain = letter_height(find_ink(np.asarray(printed(24))))
    assert 10 <= plain <= 20
    assert letter_height(
        find_ink(
            np.asarray(
                printed(
                    48,
                )
            )
        )
    ) == pytest.approx(2 * plain, rel=0.3)
    for other in (printed(24, ink=200, paper=230), printed(24, ink=230, paper=20), noisy(printed(24, ink=80, paper=190), 5)):
        assert letter_height(find_ink(np.asarray(other))) == pytest.approx(plain, rel=0.15)
    assert letter_height(find_ink(np.asarray(Image.new("L", SMALL, 255)))) == 0


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
@pytest.mark.parametrize("skew", [0.0, 4.0, -9.0])
@pytest.mark.parametrize("size", [(600, 900), (900, 600)])
def test_a_box_of_the_reading_frame_is_where_its_pixels_were(turn: int, skew: float, size: tuple[int, int]) -> None:
    """The one place where the two frames must agree: what `straighten` does to pixels, `Frame.to_page` undoes for boxes."""
    page = Image.new("L", size, 255)
    spot = (int(0.62 * size[0]), int(0.3 * size[1]))
    ImageDraw.Draw(page).rectangle((spot[0] - 10, spot[1] - 6, spot[0] + 10, spot[1] + 6), fill=0)
    frame = replace(Frame(*size), turn=turn, skew=skew)
    seen = straighten(np.asarray(page), frame)
    assert seen.shape[::-1] == frame.upright
    ys, xs = np.nonzero(seen < 128)
    box = frame.to_page(
        (xs.min() / seen.shape[1], ys.min() / seen.shape[0], xs.max() / seen.shape[1], ys.max() / seen.shape[0])
    )
    centre = ((box[0] + box[2]) / 2 * size[0], (box[1] + box[3]) / 2 * size[1])
    assert centre == pytest.approx(spot, abs=2)


def test_growing_keeps_the_corners() -> None:
    page = np.full((400, 300), 200, np.uint8)
    page[:20, :20] = 0
    frame = Frame(300, 400, skew=10.0)
    assert (straighten(page, frame) < 50).sum() < 300
    grown = straighten(page, frame, grow=True)
    assert (grown < 50).sum() == pytest.approx(400, rel=0.1)
    assert np.median(grown) == 200


def test_the_same_light_falls_on_all_of_an_evened_page() -> None:
    shade = np.linspace(1.0, 0.45, SMALL[0])[None, :]
    page = np.asarray(np.asarray(printed(24), float) * shade, np.uint8)
    light = even_light(page, page)
    assert np.ptp([np.median(light[:, part : part + 100]) for part in range(0, 800, 100)]) < 25
    assert (light[:, 100:700] < 128).mean() == pytest.approx((np.asarray(printed(24))[:, 100:700] < 128).mean(), rel=0.25)


def test_even_light_and_black_pages_are_left_alone() -> None:
    for image in (noisy(printed()), printed(ink=230, paper=20)):
        page = np.asarray(image)
        assert even_light(page, page) is page


def test_pale_print_on_a_coloured_band_survives() -> None:
    page = printed()
    ImageDraw.Draw(page).rectangle((0, 0, SMALL[0], 300), fill=90)
    band = sheet(["Tax invoice 2024-17"], size=(SMALL[0], 300), px=30, ink=255, paper=90)
    page.paste(band, (0, 0))
    light = even_light(np.asarray(page), np.asarray(page))[150:220, 130:500]
    assert np.percentile(light, 99) - np.median(light) > 40


def test_specks_are_not_taken_for_letters() -> None:
    page, rng = printed(40), np.random.default_rng(7)
    plain = find_ink(np.asarray(page))
    for x, y in zip(rng.integers(20, SMALL[0] - 20, 900), rng.integers(20, SMALL[1] - 20, 900), strict=True):
        ImageDraw.Draw(page).ellipse((x, y, x + 2, y + 2), fill=90)
    specked = find_ink(np.asarray(page))
    assert len(specked.boxes) > len(plain.boxes) + 500
    assert len(specked.letters()) == pytest.approx(len(plain.letters()), rel=0.2)
    assert letter_height(specked) == pytest.approx(letter_height(plain), rel=0.2)


@pytest.mark.parametrize("turn", [0, 90])
def test_words_that_ran_together_tell_their_lines_by_their_shape(turn: int) -> None:
    page = blurred(printed(13), 1.5).rotate(turn, expand=True)
    assert find_lie(find_ink(np.asarray(page))).sideways is (turn == 90)


def test_white_print_on_a_dark_bar_becomes_black_on_white() -> None:
    plain = printed()
    barred = plain.copy()
    barred.paste(40, (0, 0, SMALL[0], 70))
    ImageDraw.Draw(barred).text((90, 25), "TAX INVOICE 2024", fill=255, font=ImageFont.truetype(FONTS["latin"], 20))
    preview = np.asarray(noisy(barred, 3))
    light = light_ground(preview, preview)
    assert np.median(light[5:60]) > 240 and light[25:50, 90:300].min() < 60
    assert np.array_equal(light[80:], preview[80:])


def test_the_bed_around_the_paper_becomes_white() -> None:
    bed = Image.new("L", SMALL, 8)
    bed.paste(printed().crop((60, 60, 760, 1100)), (60, 60))
    preview = np.asarray(noisy(bed, 3))
    light = light_ground(preview, preview)
    assert np.percentile(light[:50], 5) > 220 and np.percentile(light[:, :50], 5) > 220
    assert np.array_equal(light[70:1090, 70:750], preview[70:1090, 70:750])


@pytest.mark.parametrize("text", ["TOTAL 1,234.50 B", "\u25a0 \u25a0"])
def test_bold_print_is_no_dark_ground(text: str) -> None:
    page = printed()
    bold = ImageFont.truetype(FONTS["latin"].replace("Sans", "Sans-Bold"), 34)
    ImageDraw.Draw(page).text((90, 800), text, fill=0, font=bold, stroke_width=1, stroke_fill=0)
    preview = np.asarray(page)
    assert np.array_equal(light_ground(preview, preview), preview)


def test_a_page_that_is_dark_all_over_is_left_alone() -> None:
    dark = np.full(SMALL[::-1], 30, np.uint8)
    assert light_ground(dark, dark) is dark
