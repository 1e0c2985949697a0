"""Raster files (JPEG, PNG, TIFF and others) as documents, through Pillow."""

import contextlib
import warnings
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import cv2
import numpy as np
from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError

from pipeline.errors import DocumentError, Reason
from pipeline.pages import Pixels, TextLayer, bounded
from pipeline.records import Frame
from pipeline.settings import Settings

FORMATS = ("JPEG", "PNG", "TIFF", "WEBP", "GIF", "BMP", "JPEG2000", "PPM", "AVIF")
"""What is taken for a scan or a photo. Only TIFF has pages; of an animation the first frame counts."""

_WHITE = (255, 255, 255)
_ORIENTATION = 274
_ENOUGH = 0.75

# The bound is ours to keep: settings.max_pixels, checked before anything is decoded.
Image.MAX_IMAGE_PIXELS = None


class ImageFileDocument:
    """An open raster file."""

    def __init__(self, path: str, settings: Settings) -> None:
        """Open the file at `path` and count its pages.

        Raises:
            DocumentError: no image of a format that we read, too large, or corrupt.
        """
        self._settings = settings
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self._image = Image.open(path, formats=FORMATS)
                self.page_count = _count(self._image, settings.max_pages)
        except (UnidentifiedImageError, Image.DecompressionBombError) as error:
            raise DocumentError(Reason.NOT_A_DOCUMENT, "it is neither a PDF nor an image that can be read") from error
        except _BROKEN as error:
            raise DocumentError(Reason.CORRUPT, f"the image is damaged: {error}") from error
        self.media_type = Image.MIME.get(self._image.format or "", "image/unknown")
        self.mended = self.page(1).mended

    def page(self, number: int) -> "ImageView":
        """Page `number` from 1. Raises DocumentError."""
        try:
            self._image.seek(number - 1)
        except (*_BROKEN, EOFError) as error:
            raise DocumentError(Reason.CORRUPT, f"page {number} of the image cannot be found") from error
        width, height = self._image.size
        if width * height > self._settings.max_pixels:
            message = f"{width} × {height} pixels are more than max_pixels = {self._settings.max_pixels}"
            raise DocumentError(Reason.TOO_LARGE, message)
        whole, mended = _decoded(self._image)
        return ImageView(whole, mended, _stretch(self._image))

    def close(self) -> None:
        """Close the file."""
        self._image.close()


class ImageView:
    """One page of a raster file; its frame is in pixels, with the EXIF turn applied."""

    density = 1.0

    def __init__(self, image: Image.Image, mended: bool, stretch: tuple[float, float]) -> None:
        self.mended = mended
        self._image = image
        self.frame = Frame(image.width * stretch[0], image.height * stretch[1])

    def render(self, scale: float, *, grey: bool = False) -> Pixels:
        """The image resampled: by area where it shrinks, by cubic curves where it grows."""
        scale = bounded(scale, self.frame.width, self.frame.height)
        size = (max(round(self.frame.width * scale), 1), max(round(self.frame.height * scale), 1))
        pixels = self._grey if grey else np.asarray(self._image.convert("RGB"))
        if size == (pixels.shape[1], pixels.shape[0]):
            return pixels
        shrinks = size[0] * size[1] < pixels.shape[0] * pixels.shape[1]
        return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC), np.uint8)

    def text_layer(self) -> TextLayer:
        """An image has none."""
        return TextLayer(image_share=1.0)

    def is_bare(self) -> bool:
        """An image always has pixels."""
        return False

    @cached_property
    def _grey(self) -> Pixels:
        return np.asarray(self._image.convert("L"))


_BROKEN = (OSError, SyntaxError, ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, RuntimeError)
"""What Pillow's decoders raise on damaged files."""


def _count(image: Image.Image, most: int) -> int:
    """The pages of a TIFF, found by walking; Pillow ends the walk where it comes in a circle. Others have one."""
    if image.format != "TIFF":
        return 1
    count = 1
    with contextlib.suppress(EOFError):
        while count <= most:
            image.seek(count)
            count += 1
    image.seek(0)
    return count


def _decoded(image: Image.Image) -> tuple[Image.Image, bool]:
    """The frame in hand as grey or RGB on white, upright by its EXIF; and whether part of it was missing.

    An image that breaks off is taken as far as it goes, if that is at least three quarters of it.
    """
    mended = False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            image.load()
        except _BROKEN as error:
            _load_rest(image, error)
            mended = True
        plain = _plain(image)
        with contextlib.suppress(*_BROKEN):
            if image.getexif().get(_ORIENTATION, 1) in range(2, 9):
                plain.getexif()[_ORIENTATION] = image.getexif()[_ORIENTATION]
                plain = ImageOps.exif_transpose(plain)
    return plain, mended


def _load_rest(image: Image.Image, first: BaseException) -> None:
    try:
        with _lenient():
            image.load()
        pixels = np.asarray(image.convert("L"))
    except _BROKEN as error:
        raise DocumentError(Reason.CORRUPT, f"the image is damaged: {first}") from error
    varied = np.flatnonzero(pixels.max(axis=1) != pixels.min(axis=1)) if pixels.size else np.array([])
    if not len(varied) or varied[-1] < _ENOUGH * pixels.shape[0]:
        raise DocumentError(Reason.CORRUPT, "the image breaks off before three quarters of it")


@contextlib.contextmanager
def _lenient() -> Iterator[None]:
    ImageFile.LOAD_TRUNCATED_IMAGES = True
    try:
        yield
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = False


def _plain(image: Image.Image) -> Image.Image:
    """`image` as "L" or "RGB": transparency onto white, many bits a channel down to eight."""
    if image.mode.startswith(("I", "F")):
        return _eight_bits(np.asarray(image))
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        layered = image.convert("RGBA")
        ground = Image.new("RGB", layered.size, _WHITE)
        ground.paste(layered, mask=layered.getchannel("A"))
        return ground
    return image.convert("L" if image.mode in ("1", "L") else "RGB")


def _eight_bits(values: "np.ndarray[Any, Any]") -> Image.Image:
    """Grey of 12, 16 or 32 bits (or of floats) brought to eight by the fewest bits that hold its brightest pixel."""
    values = np.nan_to_num(values.astype(np.float32))
    peak = float(values.max(initial=0.0))
    top = 1.0 if peak <= 1 else next((float(2**bits - 1) for bits in (8, 12, 16) if peak < 2**bits), peak)
    return Image.fromarray(np.clip(values * (255.0 / top), 0, 255).astype(np.uint8))


def _stretch(image: Image.Image) -> tuple[float, float]:
    """What makes pixels square: a fax has half as many lines as columns to the inch."""
    try:
        across, down = (float(dpi) for dpi in image.info.get("dpi", (1, 1)))
        ratio = across / down
    except (TypeError, ValueError, ZeroDivisionError):
        return (1.0, 1.0)
    if not 1 / 3 < ratio < 3 or abs(ratio - 1) < 0.05:
        return (1.0, 1.0)
    return (1.0, ratio) if ratio > 1 else (1 / ratio, 1.0)
