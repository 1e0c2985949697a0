"""What every opened file looks like, whatever its format: a row of pages that can be rendered and may carry a text layer."""

import math
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline.records import Box, Frame

Pixels = NDArray[np.uint8]
"""An image: (height, width) of grey or (height, width, 3) of RGB."""

MAX_RENDER_PX = 25_000_000
"""Pixels of a rendered page, at most: an A4 page at 460 dpi."""


class Glyph(NamedTuple):
    """A character of a text layer, with its boxes in the page frame.

    Attributes:
        text: the character; may be several for a ligature.
        box: what its ink covers.
        body: the height of its font and its advance, the same for all letters of a line.
        parted: a space or a line break stands before it.
        doubtful: its font does not say which letter it is, or says what cannot be one.
        hidden: drawn without ink, as the text under a scan is.
    """

    text: str
    box: Box
    body: Box
    parted: bool = False
    doubtful: bool = False
    hidden: bool = False


class TextLayer(NamedTuple):
    """The characters of a page in the order of the file, and how much of the page images cover (0..1)."""

    glyphs: tuple[Glyph, ...] = ()
    image_share: float = 0.0


class PageView(Protocol):
    """One page of an opened file; valid until the next page of the file is asked for.

    Attributes:
        frame: the page frame, without turn and skew; in points for a PDF, in pixels for an image.
        density: pixels for a unit of the frame in the scan that the page is made of; None where it is drawn.
    """

    @property
    def frame(self) -> Frame: ...  # noqa: D102

    @property
    def density(self) -> float | None: ...  # noqa: D102

    def render(self, scale: float, *, grey: bool = False) -> Pixels:
        """The page with `scale` pixels for a unit of the frame, but never more than MAX_RENDER_PX in all.

        Raises:
            DocumentError: it cannot be drawn.
        """

    def text_layer(self) -> TextLayer:
        """The page's text layer; empty for an image."""

    def is_bare(self) -> bool:
        """Whether the page has nothing on it at all; known without rendering."""


class OpenDocument(Protocol):
    """A file that is open. Pages are numbered from 1; one at a time is held.

    Attributes:
        page_count: at least 1.
        media_type: as in `application/pdf`.
        mended: whether it was damaged, and is read all the same.
    """

    @property
    def page_count(self) -> int: ...  # noqa: D102

    @property
    def media_type(self) -> str: ...  # noqa: D102

    @property
    def mended(self) -> bool: ...  # noqa: D102

    def page(self, number: int) -> PageView:
        """Page `number`; the one before it is closed. Raises DocumentError where it cannot be read."""

    def close(self) -> None:
        """Give back what it holds."""


def bounded(scale: float, width: float, height: float) -> float:
    """`scale`, or the largest below it that keeps the page within MAX_RENDER_PX."""
    return min(scale, math.sqrt(MAX_RENDER_PX / max(width * height, 1e-6)))
