"""The one home of pypdfium2: PDF files, their pages, their text layers."""

import contextlib
import ctypes
import io
import math
import os
from pathlib import Path

import numpy as np
import pikepdf
import pypdfium2 as pdfium
import pypdfium2.raw as raw

from pipeline.errors import DocumentError, Reason
from pipeline.pages import Glyph, Pixels, TextLayer, bounded
from pipeline.records import Box, Frame

MEDIA_TYPE = "application/pdf"
HEADER = b"%PDF-"
HEADER_WITHIN = 1024
"""Bytes of junk that readers allow before the header."""

_TAIL = 4096
_HYPHEN = 0x02
_GRID = 1 << 20
_FORMS = 6
"""How deep images are looked for in forms within forms."""


class PdfFile:
    """An open PDF. PDFium is not safe in threads: one process, one thread."""

    media_type = MEDIA_TYPE

    def __init__(self, path: str) -> None:
        """Open the file at `path`, mending it in memory where PDFium does not take it as it is.

        Raises:
            DocumentError: encrypted, corrupt, or without pages.
        """
        self.mended = not _has_end(path)
        self._view: PdfView | None = None
        try:
            self._document = _load(Path(path))
            self._document.get_page(0).close()
        except pdfium.PdfiumError as error:
            if getattr(error, "err_code", None) == raw.FPDF_ERR_SECURITY:
                raise DocumentError(Reason.ENCRYPTED, "the PDF is encrypted in a way that cannot be read") from error
            # PDFium may still give the code of the file before, so that only qpdf is believed about a password.
            self._document = _mend(path)
            self.mended = True
        self.page_count = len(self._document)

    def page(self, number: int) -> "PdfView":
        """Page `number` from 1; closes the one before. Raises DocumentError."""
        self._close_view()
        try:
            self._view = PdfView(self._document.get_page(number - 1))
        except pdfium.PdfiumError as error:
            raise DocumentError(Reason.CORRUPT, f"page {number} of the PDF cannot be loaded") from error
        return self._view

    def close(self) -> None:
        """Close the page in hand and the file."""
        self._close_view()
        self._document.close()

    def _close_view(self) -> None:
        if self._view is not None:
            self._view.close()
            self._view = None


class PdfView:
    """One page of a PDF; its frame is in points, with the page's rotation and crop box applied."""

    def __init__(self, page: pdfium.PdfPage) -> None:
        self._page = page
        width, height = page.get_size()
        if not (math.isfinite(width) and math.isfinite(height) and width > 0 and height > 0):
            raise DocumentError(Reason.CORRUPT, "the page has no size")
        self.frame = Frame(width, height)
        self._layer: TextLayer | None = None
        self._images: list[tuple[float, float]] | None = None

    @property
    def density(self) -> float | None:
        """Pixels a point of the image that covers most of the page; None where none does."""
        share, density = max(self._image_sizes(), default=(0.0, 0.0))
        return density if share > 0.8 and density > 0 else None

    def render(self, scale: float, *, grey: bool = False) -> Pixels:
        """The page on white, form fields and annotations drawn."""
        scale = bounded(scale, self.frame.width, self.frame.height)
        try:
            bitmap = self._page.render(scale=scale, grayscale=grey, rev_byteorder=not grey)
            image: Pixels = bitmap.to_numpy().copy()
            bitmap.close()
        except (pdfium.PdfiumError, ValueError, ctypes.ArgumentError) as error:
            raise DocumentError(Reason.CORRUPT, f"the page cannot be drawn: {error}") from error
        return image[:, :, 0] if grey and image.ndim == 3 else image

    def is_bare(self) -> bool:
        """Whether the page has neither objects nor annotations."""
        return int(raw.FPDFPage_CountObjects(self._page)) == 0 and int(raw.FPDFPage_GetAnnotCount(self._page)) == 0

    def text_layer(self) -> TextLayer:
        """The page's characters inside its crop box, in the order of the file."""
        if self._layer is None:
            share = min(sum(share for share, _ in self._image_sizes()), 1.0)
            self._layer = TextLayer(tuple(self._glyphs()), share)
        return self._layer

    def close(self) -> None:
        """Close the page."""
        self._page.close()

    def _to_frame(self) -> "np.ndarray[tuple[int, int], np.dtype[np.float64]]":
        """The affine map (2, 3) from points of the file to fractions of the page frame."""
        converter = pdfium.PdfPosConv(self._page, (0, 0, _GRID, _GRID, 0))
        origin, right, up = (np.array(converter.to_bitmap(*point)) / _GRID for point in ((0, 0), (1000, 0), (0, 1000)))
        return np.column_stack([(right - origin) / 1000, (up - origin) / 1000, origin])

    def _image_sizes(self) -> list[tuple[float, float]]:
        """Of each image on the page: the share of the page that it covers, and its pixels a point."""
        if self._images is None:
            self._images = []
            with contextlib.suppress(pdfium.PdfiumError):
                to_frame = self._to_frame()
                for image in self._page.get_objects(filter=[raw.FPDF_PAGEOBJ_IMAGE], max_depth=_FORMS):
                    left, bottom, right, top = _bounds(image)
                    x0, y0, x1, y1 = _mapped(to_frame, left, bottom, right, top)
                    share = max(min(x1, 1) - max(x0, 0), 0) * max(min(y1, 1) - max(y0, 0), 0)
                    area = (right - left) * (top - bottom)
                    width, height = image.get_px_size()
                    self._images.append((share, math.sqrt(width * height / area) if area > 0 else 0.0))
        return self._images

    def _glyphs(self) -> list[Glyph]:
        try:
            text = self._page.get_textpage()
        except pdfium.PdfiumError:
            return []
        try:
            return _read_glyphs(text, self._to_frame())
        finally:
            text.close()


def _bounds(found: pdfium.PdfObject) -> Box:
    """Left, bottom, right and top of an object in points of the page; PDFium tells them in points of the form it is in."""
    bounds: Box = found.get_bounds()
    while found.container is not None:
        found = found.container
        bounds = found.get_matrix().on_rect(*bounds)
    return bounds


def _read_glyphs(text: pdfium.PdfTextPage, to_frame: "np.ndarray[tuple[int, int], np.dtype[np.float64]]") -> list[Glyph]:
    left, right, bottom, top = (ctypes.c_double() for _ in range(4))
    loose = raw.FS_RECTF()
    modes: dict[int, bool] = {}
    glyphs: list[Glyph] = []
    parted, broken, last = True, False, (0.0, 0.0, 0.0, 0.0)
    for index in range(text.count_chars()):
        code = raw.FPDFText_GetUnicode(text, index)
        if code in (0x20, 0x0A, 0x0D, 0x09, 0xA0) or (code == 0x3000):
            parted, broken = parted or code not in (0x0A, 0x0D), True
            continue
        raw.FPDFText_GetCharBox(text, index, left, right, bottom, top)
        body = (left.value, bottom.value, right.value, top.value)
        if raw.FPDFText_GetLooseCharBox(text, index, loose):
            body = (loose.left, loose.bottom, loose.right, loose.top)
        parted = parted or (broken and not _goes_on(last, body))
        broken, last = False, body
        box = _mapped(to_frame, left.value, bottom.value, right.value, top.value)
        centre = ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
        if not (0 <= centre[0] <= 1 and 0 <= centre[1] <= 1):
            continue
        letter, sound = _letter(code)
        doubtful = not sound or raw.FPDFText_HasUnicodeMapError(text, index) == 1
        glyphs.append(Glyph(letter, box, _mapped(to_frame, *body), parted, doubtful, _hidden(text, index, modes)))
        parted = False
    return glyphs


def _goes_on(before: Box, after: Box) -> bool:
    """Whether a character stands right behind another: PDFium sees line breaks inside words that are drawn letter by letter."""
    tall = max(before[3] - before[1], after[3] - after[1])
    return abs(after[0] - before[2]) < 0.05 * tall and abs(after[1] - before[1]) < 0.05 * tall


def _hidden(text: pdfium.PdfTextPage, index: int, modes: dict[int, bool]) -> bool:
    """Whether the character is drawn with render mode 3 (neither filled nor stroked)."""
    told = raw.FPDFText_GetTextObject(text, index)
    address = ctypes.cast(told, ctypes.c_void_p).value or 0
    if address not in modes:
        modes[address] = bool(told) and raw.FPDFTextObj_GetTextRenderMode(told) == raw.FPDF_TEXTRENDERMODE_INVISIBLE
    return modes[address]


def _letter(code: int) -> tuple[str, bool]:
    """The character for a code of PDFium, and whether it can be one."""
    if code == _HYPHEN:
        return "-", True
    if code < 0x20 or 0xD800 <= code <= 0xF8FF or code in (0xFFFD, 0xFFFE, 0xFFFF) or code > 0xEFFFF:
        return "\ufffd", False
    return chr(code), True


def _mapped(to_frame: "np.ndarray[tuple[int, int], np.dtype[np.float64]]", x0: float, y0: float, x1: float, y1: float) -> Box:
    (a, b, c), (d, e, f) = to_frame.tolist()
    xs = (a * x0 + b * y0 + c, a * x1 + b * y1 + c)
    ys = (d * x0 + e * y0 + f, d * x1 + e * y1 + f)
    return (min(xs), min(ys), max(xs), max(ys))


def _load(source: Path | bytes) -> pdfium.PdfDocument:
    document = pdfium.PdfDocument(source)
    with contextlib.suppress(pdfium.PdfiumError):
        document.init_forms()
    return document


def _mend(path: str) -> pdfium.PdfDocument:
    """The document rebuilt in memory by qpdf, which finds objects where the cross-reference table is lost."""
    try:
        data = Path(path).read_bytes()
        start = max(data.find(HEADER), 0)
        with pikepdf.open(io.BytesIO(data[start:])) as rebuilt:
            if not len(rebuilt.pages):
                raise DocumentError(Reason.NO_PAGES, "the PDF has no pages")
            memory = io.BytesIO()
            rebuilt.save(memory)
        document = _load(memory.getvalue())
        document.get_page(0).close()
    except pikepdf.PasswordError as error:
        raise DocumentError(Reason.ENCRYPTED, "the PDF asks for a password") from error
    except (pikepdf.PdfError, pdfium.PdfiumError, RuntimeError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise DocumentError(Reason.CORRUPT, "the PDF is damaged, and could not be mended") from error
    return document


def _has_end(path: str) -> bool:
    """Whether the file's tail points to its cross-reference table, as that of a whole file does."""
    with Path(path).open("rb") as file:
        file.seek(0, os.SEEK_END)
        file.seek(max(file.tell() - _TAIL, 0))
        return b"startxref" in file.read()
