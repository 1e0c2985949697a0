"""Sheets to test with: print, scans of it with what scanners do to it, and PDFs; small, and the same on every run."""

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pikepdf
import typst
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from pipeline.pages import PageView
from pipeline.render import open_document
from pipeline.settings import Settings

A4 = (1240, 1754)
"""An A4 page at 150 dpi."""

FONTS = {
    "latin": "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
    "mono": "/usr/share/fonts/truetype/dejavu/DejaVuSansMono.ttf",
    "hi": "/usr/share/fonts/truetype/lohit-devanagari/Lohit-Devanagari.ttf",
    "th": "/usr/share/fonts/truetype/tlwg/Garuda.ttf",
}

LETTER = (
    "Dear customer, thank you for your order of last week.",
    "We have sent the goods to the address that you gave us,",
    "and they should arrive at your door within four days.",
    "Invoice number 2024-0117 was issued on 14 March 2024.",
    "Please pay the total amount of 1,284.50 before the end",
    "of the month, and write the number on your payment.",
    "The price of each item is on the following page, with",
    "the discount that was promised to you by our manager.",
)
"""A page of plain English."""


def sheet(
    lines: Sequence[str] = LETTER,
    *,
    size: tuple[int, int] = A4,
    px: int = 26,
    ink: int = 0,
    paper: int = 255,
    at: tuple[int, int] = (140, 160),
    font: str = "latin",
) -> Image.Image:
    """Lines of print on grey paper: `px` is the size of the font, `at` the top left corner of the first line."""
    image = Image.new("L", size, paper)
    draw = ImageDraw.Draw(image)
    for number, line in enumerate(lines):
        draw.text((at[0], at[1] + number * 2 * px), line, fill=ink, font=ImageFont.truetype(FONTS[font], px))
    return image


def noisy(image: Image.Image, sigma: float = 4.0, seed: int = 1) -> Image.Image:
    """The image with the noise of a sensor: `sigma` grey levels."""
    grain = np.random.default_rng(seed).normal(0, sigma, (image.height, image.width))
    return Image.fromarray(np.clip(np.asarray(image, np.float64) + grain, 0, 255).astype(np.uint8))


def blurred(image: Image.Image, radius: float) -> Image.Image:
    """The image out of focus."""
    return image.filter(ImageFilter.GaussianBlur(radius))


def pasted(image: Image.Image, darker: Any) -> Image.Image:
    """The image with an array of the same shape taken from its grey levels."""
    return Image.fromarray(np.clip(np.asarray(image, np.float64) - darker, 0, 255).astype(np.uint8))


def typeset(markup: str) -> bytes:
    """A PDF with a text layer, set by typst."""
    return bytes(typst.compile(markup.encode()))


def scan_pdf(*images: Image.Image, dpi: int = 150) -> bytes:
    """A PDF of images that fill their pages."""
    memory = io.BytesIO()
    images[0].save(memory, "PDF", resolution=dpi, save_all=True, append_images=images[1:])
    return memory.getvalue()


def remade(data: bytes, **boxes: Any) -> bytes:
    """The PDF with other entries on each page, as in `Rotate=90` or `CropBox=[0, 0, 300, 300]`."""
    with pikepdf.open(io.BytesIO(data)) as pdf:
        for page in pdf.pages:
            for name, value in boxes.items():
                page.obj[f"/{name}"] = pikepdf.Array(value) if isinstance(value, list) else value
        memory = io.BytesIO()
        pdf.save(memory)
        return memory.getvalue()


@contextmanager
def page_of(path: Path, content: bytes | Image.Image, number: int = 1, **settings: Any) -> Iterator[PageView]:
    """A page of a file with this content, opened as the pipeline opens it."""
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        content.save(path)
    with open_document(str(path), Settings(**settings)) as document:
        yield document.page(number)
