"""Raster files of pictures: JPEG, PNG, WebP, TIFF."""

import io
from typing import Any

import numpy as np
from PIL import Image

from sample_data.generator.images import Picture

_ORIENTATION = 0x0112
_STORED = {3: 2, 6: 1, 8: -1}
"""EXIF orientation → quarter turns to the left that the stored picture has against the upright one."""


def jpeg(page: Picture, dpi: int | None = None, *, quality: int = 58, orientation: int = 1) -> bytes:
    """A JPEG; grey where the picture has no colour. With an EXIF orientation of 3, 6 or 8 it is stored turned."""
    stored = np.rot90(page, _STORED[orientation]) if orientation != 1 else page
    exif = Image.Exif()
    exif[_ORIENTATION] = orientation
    told: dict[str, Any] = {"exif": exif} if orientation != 1 else {}
    return _saved(_image(stored), "JPEG", dpi, quality=quality, optimize=True, **told)


def png(page: Picture, dpi: int) -> bytes:
    """A PNG of sixteen shades or colours, as scanners that save space write it."""
    return _saved(_image(page).quantize(16), "PNG", dpi, optimize=True)


def webp(page: Picture) -> bytes:
    """A lossy WebP."""
    return _saved(_image(page), "WEBP", None, quality=55, method=6)


def bilevel_tiff(pages: list[Picture], dpi: tuple[int, int]) -> bytes:
    """A 1-bit TIFF in CCITT group 4, a page each; `dpi` across and down."""
    images = [_image(page).convert("L").point(lambda level: 255 if level > 150 else 0).convert("1") for page in pages]
    return _saved(images[0], "TIFF", dpi, compression="group4", save_all=True, append_images=images[1:])


def grey_tiff(pages: list[Picture], dpi: int) -> bytes:
    """A grey TIFF of several pages, JPEG inside."""
    images = [_image(page).convert("L") for page in pages]
    return _saved(images[0], "TIFF", dpi, compression="jpeg", quality=60, save_all=True, append_images=images[1:])


def _image(page: Picture) -> Image.Image:
    plain = bool((page[:, :, 0] == page[:, :, 1]).all() and (page[:, :, 0] == page[:, :, 2]).all())
    return Image.fromarray(np.ascontiguousarray(page[:, :, 0] if plain else page))


def _saved(image: Image.Image, kind: str, dpi: int | tuple[int, int] | None, **told: Any) -> bytes:
    if dpi is not None:
        told["dpi"] = dpi if isinstance(dpi, tuple) else (dpi, dpi)
    memory = io.BytesIO()
    image.save(memory, kind, **told)
    return memory.getvalue()
