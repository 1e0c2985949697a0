"""Opening files and looking at pages: what is refused and why, what is blank and what is only faint, what a model sees."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pikepdf
import pytest
from PIL import Image, ImageDraw, ImageFont, ImageOps

from pipeline.errors import DocumentError, Reason
from pipeline.records import PageWords
from pipeline.render import is_blank, model_image, survey
from pipeline.settings import Settings
from tests.paper import A4, FONTS, blurred, noisy, page_of, pasted, scan_pdf, sheet, typeset

WIDTH, HEIGHT = A4
MM = 150 / 25.4


def paper(grey: int = 250) -> Image.Image:
    return Image.new("L", A4, grey)


def dusty() -> Image.Image:
    image, rng = paper(), np.random.default_rng(5)
    draw = ImageDraw.Draw(image)
    for _ in range(500):
        x, y, size = rng.integers(5, WIDTH - 5), rng.integers(5, HEIGHT - 5), rng.integers(0, 3)
        draw.ellipse((x, y, x + size, y + size), fill=int(rng.integers(60, 200)))
    return noisy(image)


def punched(mm: float) -> Image.Image:
    image, radius = paper(), mm * MM / 2
    for y in (HEIGHT / 2 - 40 * MM, HEIGHT / 2 + 40 * MM):
        ImageDraw.Draw(image).ellipse((12 * MM - radius, y - radius, 12 * MM + radius, y + radius), fill=60)
    return noisy(image)


def shaded() -> Image.Image:
    """Dark at two edges, where the lid stood open, and falling light across the page."""
    x, y = np.arange(WIDTH)[None, :], np.arange(HEIGHT)[:, None]
    return noisy(pasted(paper(), 160 * np.exp(-x / 25) + 120 * np.exp(-(HEIGHT - y) / 18) + x * 0.04 + y * 0.02))


def on_the_bed(angle: float) -> Image.Image:
    """A sheet smaller than the scanner's black bed."""
    bed, small = Image.new("L", A4, 20), Image.new("L", (WIDTH - 200, HEIGHT - 240), 250)
    mask = Image.new("L", small.size, 255).rotate(angle, expand=True)
    bed.paste(small.rotate(angle, expand=True), (50, 60), mask)
    return noisy(bed)


def bled_through() -> Image.Image:
    """The print of the other side: mirrored, pale and soft."""
    return noisy(pasted(blurred(ImageOps.mirror(sheet(ink=237)), 3), 6), 3)


def folded() -> Image.Image:
    crease = np.zeros((HEIGHT, WIDTH))
    crease[HEIGHT // 2 : HEIGHT // 2 + 3], crease[:, WIDTH // 2 : WIDTH // 2 + 2] = 25, 20
    return noisy(pasted(paper(), crease))


def saved_badly() -> Image.Image:
    """Its noise is no longer noise but the squares of JPEG."""
    rough = noisy(paper(), 6).resize((WIDTH // 8, HEIGHT // 8), Image.Resampling.BOX)
    return rough.resize(A4, Image.Resampling.NEAREST)


BLANK: dict[str, Callable[[], Image.Image]] = {
    "white": lambda: paper(255),
    "grey paper": lambda: noisy(paper(200)),
    "coarse noise": lambda: noisy(paper(), 15),
    "dust": dusty,
    "holes of 6 mm": lambda: punched(6),
    "holes of 8 mm": lambda: punched(8),
    "shadows at the edges": shaded,
    "a black bed around": lambda: on_the_bed(0),
    "a black bed, askew": lambda: on_the_bed(3),
    "print of the other side": bled_through,
    "a fold": folded,
    "squares of JPEG": saved_badly,
    "black": lambda: noisy(Image.new("L", A4, 15)),
}


def pencilled(grey: int) -> Image.Image:
    image = paper()
    wave = [(300 + 7 * i + 12 * np.sin(1.3 * i), 600 + 26 * np.sin(0.9 * i)) for i in range(60)]
    ImageDraw.Draw(image).line(wave, fill=grey, width=2)
    return noisy(image)


def stamped(grey: int) -> Image.Image:
    image, word = paper(), Image.new("L", (260, 60), 0)
    ImageDraw.Draw(image).ellipse((700, 1200, 960, 1400), outline=grey, width=5)
    ImageDraw.Draw(word).text((10, 5), "PAID 14 MAR", fill=255, font=ImageFont.truetype(FONTS["latin"], 32))
    word = word.rotate(17, expand=True)
    image.paste(grey, (700, 1240), word)
    return noisy(image)


def ticked() -> Image.Image:
    image = paper()
    ImageDraw.Draw(image).line([(400, 500), (420, 540), (470, 440)], fill=60, width=5)
    return noisy(image)


FAINT: dict[str, Callable[[], Image.Image]] = {
    "print": lambda: noisy(sheet(paper=250)),
    "pale print": lambda: noisy(sheet(ink=232, paper=250), 3),
    "one pale line": lambda: noisy(sheet(["Total 12.50"], ink=215, paper=250), 3),
    "pencil": lambda: pencilled(210),
    "a stamp": lambda: stamped(170),
    "a pale stamp": lambda: stamped(215),
    "a tick": ticked,
    "small print": lambda: noisy(sheet(["All rights reserved"], px=14, ink=90, paper=250), 3),
    "a line at the bottom": lambda: noisy(sheet(["Page 2 of 2"], px=22, at=(560, 1660), paper=250), 3),
    "a line from the very edge": lambda: noisy(sheet(["Total 12.50 and more"], at=(0, 300), paper=250), 3),
    "a fax on grey noise": lambda: noisy(sheet(ink=60), 40),
    "white on black": lambda: noisy(sheet(ink=235, paper=20)),
    "print in a shadow": lambda: pasted(shaded(), (255 - np.asarray(sheet(["Total 12.50"], at=(60, 900)), float)) / 6),
    "print on a black bed": lambda: pasted(on_the_bed(3), (255 - np.asarray(sheet(["Total 12.50"], at=(300, 900)), float)) / 6),
    "print over that of the other side": lambda: pasted(bled_through(), (255 - np.asarray(sheet(["Total 12.50"]), float)) / 4),
}


@pytest.mark.parametrize("what", BLANK)
def test_a_page_with_nothing_written_is_blank(what: str, tmp_path: Path) -> None:
    with page_of(tmp_path / "page.tif", BLANK[what]()) as view:
        assert is_blank(view, Settings())


@pytest.mark.parametrize("what", FAINT)
def test_a_page_with_anything_written_is_not(what: str, tmp_path: Path) -> None:
    with page_of(tmp_path / "page.tif", FAINT[what]()) as view:
        assert not is_blank(view, Settings())


def test_a_pdf_page_is_blank_when_nothing_of_it_shows(tmp_path: Path) -> None:
    for name, data, blank in (
        ("bare", typeset("#pagebreak()"), True),
        ("white words", typeset("#set text(fill: white)\nNothing to see"), True),
        ("one word", typeset("Word"), False),
        ("a blank scan", scan_pdf(noisy(paper())), True),
        ("a scan of a stamp", scan_pdf(stamped(170)), False),
    ):
        with page_of(tmp_path / "page.pdf", data) as view:
            assert is_blank(view, Settings()) is blank, name


@pytest.mark.parametrize("size", [(1240, 1754), (3000, 400), (40, 30), (1, 1), (2, 5000)])
@pytest.mark.parametrize("kind", ["png", "pdf"])
def test_a_model_sees_a_page_within_its_bounds_whatever_its_shape(size: tuple[int, int], kind: str, tmp_path: Path) -> None:
    image = Image.new("RGB", size, "white")
    image.putpixel((0, 0), (200, 10, 10))
    with page_of(tmp_path / f"page.{kind}", image if kind == "png" else scan_pdf(image)) as view:
        seen = model_image(view, PageWords(1, view.frame), Settings())
        assert seen.dtype == np.uint8 and seen.shape[2] == 3
        assert max(seen.shape[:2]) == 1120
        assert max(model_image(view, PageWords(1, view.frame), Settings(image_px=560)).shape) == 560


def test_a_model_sees_a_page_upright_and_straight(tmp_path: Path) -> None:
    image = Image.new("RGB", (900, 600), "white")
    ImageDraw.Draw(image).rectangle((0, 0, 299, 199), fill=(220, 0, 0))
    with page_of(tmp_path / "page.png", image) as view:
        for turn, corner in ((0, (0, 0)), (90, (0, 1)), (180, (1, 1)), (270, (1, 0))):
            frame = replace(view.frame, turn=turn)
            seen = model_image(view, PageWords(1, frame), Settings())
            red = seen[-20 if corner[0] else 20, -20 if corner[1] else 20]
            assert red[0] > 200 and red[1] < 50, turn
            assert seen.shape[:2] == ((747, 1120) if turn in (0, 180) else (1120, 747))


def told(path: Path, **settings: Any) -> Reason:
    with pytest.raises(DocumentError) as caught:
        survey(str(path), Settings(**settings))
    assert caught.value.message and caught.value.next_step
    return caught.value.reason


def test_what_is_no_document_is_refused_with_its_reason(tmp_path: Path) -> None:
    whole = typeset("#lorem(80)")
    pages = {
        "empty.pdf": (b"", Reason.EMPTY_FILE),
        "text.pdf": (b"Dear all, this is no PDF. " * 100, Reason.NOT_A_DOCUMENT),
        "page.jpg": (b"<!DOCTYPE html><html><body>404</body></html>", Reason.NOT_A_DOCUMENT),
        "head.pdf": (b"%PDF-1.7\n" + b"\0" * 500, Reason.CORRUPT),
        "noise.pdf": (b"%PDF-1.7\n" + os.urandom(5000), Reason.CORRUPT),
        "stub.pdf": (whole[:200], Reason.CORRUPT),
    }
    for name, (data, reason) in pages.items():
        (tmp_path / name).write_bytes(data)
        assert told(tmp_path / name) is reason, name


def test_what_is_no_file_is_refused_with_its_reason(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.pdf")
    assert told(tmp_path / "fifo.pdf") is Reason.NOT_A_DOCUMENT
    assert told(tmp_path) is Reason.NOT_A_DOCUMENT
    assert told(tmp_path / "missing.pdf") is Reason.VANISHED
    assert told(tmp_path / "missing.pdf" / "deeper.pdf") is Reason.VANISHED


def test_limits_are_kept_before_anything_is_decoded(tmp_path: Path) -> None:
    Image.new("1", (20_000, 20_000)).save(tmp_path / "bomb.png")
    assert told(tmp_path / "bomb.png") is Reason.TOO_LARGE
    (tmp_path / "long.pdf").write_bytes(typeset("a #pagebreak() b #pagebreak() c"))
    assert told(tmp_path / "long.pdf", max_pages=2) is Reason.TOO_LARGE
    (tmp_path / "heavy.pdf").write_bytes(b"%PDF-1.7\n" + b"\0" * 1_000_001)
    assert told(tmp_path / "heavy.pdf", max_file_mb=1) is Reason.TOO_LARGE


def test_content_decides_and_never_the_name(tmp_path: Path) -> None:
    (tmp_path / "page.png").write_bytes(typeset("a #pagebreak() b"))
    found = survey(str(tmp_path / "page.png"), Settings())
    assert (found.media_type, found.page_count, found.mended) == ("application/pdf", 2, False)
    sheet().save(tmp_path / "page.pdf", "PNG")
    assert survey(str(tmp_path / "page.pdf"), Settings()).media_type == "image/png"


def test_a_password_is_told_from_damage(tmp_path: Path) -> None:
    path = tmp_path / "locked.pdf"
    (tmp_path / "open.pdf").write_bytes(typeset("Secret"))
    for rights in (pikepdf.Encryption(user="a", owner="b", R=6), pikepdf.Encryption(user="a", owner="b", R=4)):
        with pikepdf.open(tmp_path / "open.pdf") as pdf:
            pdf.save(path, encryption=rights)
        assert told(path) is Reason.ENCRYPTED
    with pikepdf.open(tmp_path / "open.pdf") as pdf:
        pdf.save(path, encryption=pikepdf.Encryption(user="", owner="b"))
    assert survey(str(path), Settings()).page_count == 1
