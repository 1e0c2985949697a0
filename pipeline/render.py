"""Opening hostile files and looking at their pages: what they are, whether anything is on them, what a model sees."""

import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager

import cv2
import numpy as np

from pipeline.errors import DocumentError, Reason
from pipeline.images import ImageFileDocument
from pipeline.pages import OpenDocument, PageView, Pixels
from pipeline.pdf import HEADER, HEADER_WITHIN, PdfFile
from pipeline.pixels import PREVIEW_PX, has_writing, straighten
from pipeline.records import PageWords, Survey
from pipeline.settings import Settings

IMAGE_PX = 1120
"""Longest side of a model's image where nobody says: four tiles of 560 pixels, the most that Llama 3.2 sees."""

_BLOCK = 1 << 20
_EVEN = 6


def survey(path: str, settings: Settings) -> Survey:
    """What the file at `path` is, told from its content and never from its name.

    Raises:
        DocumentError: it cannot be read as a document, with the reason.
    """
    with _regular_file(path, settings) as descriptor:
        digest = hashlib.sha256()
        while block := os.read(descriptor, _BLOCK):
            digest.update(block)
    with open_document(path, settings) as document:
        if document.page_count > settings.max_pages:
            message = f"{document.page_count} pages are more than max_pages = {settings.max_pages}"
            raise DocumentError(Reason.TOO_LARGE, message)
        return Survey(digest.hexdigest(), document.page_count, document.media_type, document.mended)


@contextmanager
def open_document(path: str, settings: Settings) -> Iterator[OpenDocument]:
    """The file at `path`, open for reading its pages.

    Raises:
        DocumentError: it cannot be read as a document, with the reason.
    """
    with _regular_file(path, settings) as descriptor:
        head = os.read(descriptor, HEADER_WITHIN + len(HEADER))
    document: OpenDocument = PdfFile(path) if HEADER in head else ImageFileDocument(path, settings)
    try:
        yield document
    finally:
        document.close()


def is_blank(view: PageView, settings: Settings) -> bool:
    """Whether there is nothing on the page: bare, of one shade, or with no more than dust, noise and shadows at its edges.

    A page whose text layer has characters is blank only where nothing of them shows.
    """
    if view.is_bare():
        return True
    frame = view.frame
    grey = view.render(PREVIEW_PX / max(frame.width, frame.height), grey=True)
    if int(grey.max()) - int(grey.min()) <= _EVEN:
        return True
    return not view.text_layer().glyphs and not has_writing(grey)


def model_image(view: PageView, words: PageWords, settings: Settings) -> Pixels:
    """The page as a model sees it.

    Returns:
        RGB of uint8, (height, width, 3), in the reading frame of `words`, at most `image_px` on each side.
    """
    frame = words.frame
    longest = settings.image_px or IMAGE_PX
    image = straighten(view.render(longest / max(frame.width, frame.height)), frame)
    height, width = image.shape[:2]
    if max(height, width) > longest:
        size = (min(width, longest), min(height, longest))
        image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    return image


@contextmanager
def _regular_file(path: str, settings: Settings) -> Iterator[int]:
    """A descriptor of the file at `path`, known to be a plain file of a size that is allowed."""
    try:
        # O_NONBLOCK: a fifo without a writer must not stop us.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise _unopened(error) from error
    try:
        told = os.fstat(descriptor)
        if not stat.S_ISREG(told.st_mode):
            raise DocumentError(Reason.NOT_A_DOCUMENT, "it is not a file")
        if told.st_size == 0:
            raise DocumentError(Reason.EMPTY_FILE, "the file has no bytes")
        if told.st_size > settings.max_file_mb * 1_000_000:
            message = f"{told.st_size / 1e6:.0f} MB are more than max_file_mb = {settings.max_file_mb}"
            raise DocumentError(Reason.TOO_LARGE, message)
        yield descriptor
    except OSError as error:
        raise DocumentError(Reason.UNREADABLE, f"the file cannot be read: {error.strerror or error}") from error
    finally:
        os.close(descriptor)


def _unopened(error: OSError) -> DocumentError:
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return DocumentError(Reason.VANISHED, "the file is not there")
    if error.errno in (errno.EISDIR, errno.ENXIO, errno.ENODEV):
        return DocumentError(Reason.NOT_A_DOCUMENT, "it is not a file")
    return DocumentError(Reason.UNREADABLE, f"the file cannot be opened: {error.strerror or error}")
