"""What became of a document after it was printed: what happened to its pages, and the file that was made of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator

from sample_data.generator import images, pdfs, rasters
from sample_data.generator.images import Lens, Picture, Shape
from sample_data.generator.layouts import SetDocument, stamp

Step = Callable[[Picture, Generator], Picture]
Write = Callable[[list[Picture], int, SetDocument], bytes]
_FAX_DPI = (204, 98)


@dataclass(frozen=True)
class Look:
    """One look.

    Attributes:
        suffix: of the file.
        write: makes it, from the aged pages, their dots an inch and the document as it was printed.
        steps: what happens to each page, in order.
        dpi: the pages' resolution; 0 where the file is made without pictures.
        clean: a careful person would read every word at once.
        stamped: a stamp comes over the print first.
        layered: the file has a text layer that is sound.
        quarters: how often a viewer shows the pages turned to the right.
        lens: how the first of the steps moves the print of a page; only of a look whose other steps leave it where it is.
        moved: the print is moved and no lens says how.
        sides: pages of the file for each one printed.
    """

    suffix: str
    write: Write
    steps: tuple[Step, ...] = ()
    dpi: int = 200
    clean: bool = True
    stamped: bool = False
    layered: bool = False
    quarters: int = 0
    lens: Callable[[Shape, Generator], Lens] | None = None
    moved: bool = False
    sides: int = 1


def _only(pages: list[Picture]) -> Picture:
    """The page of a document that has one. Raises ValueError where a file of one page would lose the others."""
    (page,) = pages
    return page


def _scanned_pdf(pages: list[Picture], dpi: int, document: SetDocument) -> bytes:
    return pdfs.of_images(pages, dpi)


def _sideways_pdf(pages: list[Picture], dpi: int, document: SetDocument) -> bytes:
    return pdfs.of_images([np.rot90(page, 1) for page in pages], dpi, rotate=90)


def _with_backs(pages: list[Picture], dpi: int, document: SetDocument) -> bytes:
    lots = np.random.default_rng(len(document.pdf))
    return pdfs.of_images([side for page in pages for side in (page, images.blank_back(page, lots))], dpi)


def _jpeg(pages: list[Picture], dpi: int, document: SetDocument) -> bytes:
    return rasters.jpeg(_only(pages), dpi)


def _exif_jpeg(orientation: int) -> Write:
    return lambda pages, dpi, document: rasters.jpeg(_only(pages), dpi, orientation=orientation)


def _fax_tiff(pages: list[Picture], dpi: int, document: SetDocument) -> bytes:
    """A fax of standard resolution: twice as many dots across as down."""
    return rasters.bilevel_tiff([images.fax(_squat(page, dpi), np.random.default_rng(7)) for page in pages], _FAX_DPI)


def _squat(page: Picture, dpi: int) -> Picture:
    size = (round(page.shape[1] * _FAX_DPI[0] / dpi), round(page.shape[0] * _FAX_DPI[1] / dpi))
    return np.asarray(cv2.resize(page, size, interpolation=cv2.INTER_AREA), np.uint8)


_SCAN = (images.scan, images.without_colour)
LOOKS: Mapping[str, Look] = {
    "digital": Look(".pdf", lambda pages, dpi, document: document.pdf, dpi=0, layered=True),
    "garbled_text": Look(".pdf", lambda pages, dpi, document: pdfs.with_garbled_text(document.pdf), dpi=0),
    "hidden_text": Look(
        ".pdf", lambda pages, dpi, document: pdfs.with_hidden_text(pages, dpi, document.pdf), _SCAN, layered=True
    ),
    "scan": Look(".pdf", _scanned_pdf, _SCAN),
    "colour_scan": Look(".jpg", _jpeg, (images.scan,), 150),
    "tilted": Look(".pdf", _scanned_pdf, (images.tilt, *_SCAN), lens=images.tilt_lens),
    "sideways_key": Look(".pdf", _sideways_pdf, _SCAN),
    "blank_back": Look(".pdf", _with_backs, _SCAN, sides=2),
    "turned_90": Look(".pdf", _scanned_pdf, (*_SCAN, images.turned_90), quarters=1),
    "turned_180": Look(".jpg", _jpeg, (*_SCAN, images.turned_180), quarters=2),
    "turned_270": Look(
        ".png",
        lambda pages, dpi, document: rasters.png(_only(pages), dpi),
        (images.without_colour, images.turned_270),
        quarters=3,
    ),
    "exif_3": Look(".jpg", _exif_jpeg(3), (images.scan,), 150),
    "exif_6": Look(".jpg", _exif_jpeg(6), (images.scan,), 150),
    "exif_8": Look(".jpg", _exif_jpeg(8), _SCAN),
    "jpeg": Look(".jpg", _jpeg, _SCAN),
    "png": Look(".png", lambda pages, dpi, document: rasters.png(_only(pages), dpi)),
    "webp": Look(".webp", lambda pages, dpi, document: rasters.webp(_only(pages)), (images.scan,)),
    "bilevel": Look(
        ".tif", lambda pages, dpi, document: rasters.bilevel_tiff(pages, (dpi, dpi)), (images.without_colour,), 300
    ),
    "grey_tiff": Look(".tif", lambda pages, dpi, document: rasters.grey_tiff(pages, dpi), _SCAN),
    "photo": Look(".jpg", _jpeg, (images.photo,), clean=False, lens=images.photo_lens),
    "photo_stamped": Look(".jpg", _jpeg, (images.photo,), clean=False, stamped=True, moved=True),
    "fax": Look(".tif", _fax_tiff, clean=False),
    "fine_fax": Look(".tif", lambda pages, dpi, document: rasters.bilevel_tiff(pages, (dpi, dpi)), (images.fax,), clean=False),
    "stamped": Look(".pdf", _scanned_pdf, (images.scan,), 150, clean=False, stamped=True),
    "skewed": Look(".pdf", _scanned_pdf, (images.skew, *_SCAN), clean=False, lens=images.skew_lens),
    "faded": Look(".jpg", _jpeg, (images.faded,), clean=False),
}
"""By name; one more is a line here."""


def file_of(document: SetDocument, name: str, words: str, lots: Generator) -> bytes:
    """The file that the look makes of the document.

    Args:
        document: as it was printed.
        name: of the look.
        words: what a stamp says.
        lots: for what is left to chance.
    """
    look = LOOKS[name]
    pages = document.pages(look.dpi) if look.dpi else []
    if look.stamped:
        pages[-1] = images.stamped(pages[-1], stamp(words, document.paper), lots)
    for step in look.steps:
        pages = [step(page, lots) for page in pages]
    return look.write(pages, look.dpi, document)
