"""PDFs as scanners and bad software make them: pages that are images, text layers hidden or garbled."""

import io
import re

import pikepdf
from pikepdf import Array, Dictionary, Name

from sample_data.generator.images import Picture
from sample_data.generator.rasters import jpeg

_POINTS = 72
_PRINTED = "".join(map(chr, range(0x21, 0x7F)))
# Marked content too: it carries the letters that glyphs stand for (ActualText) where a script joins them.
_TEXT = frozenset(("BDC", "EMC", "q", "Q", "cm", "BT", "ET", "Tf", "Tm", "Td", "Tj", "TJ", "Tc", "Tw", "Tz", "TL", "Ts"))


def of_images(pages: list[Picture], dpi: int, *, rotate: int = 0) -> bytes:
    """A scanned PDF without a text layer; `rotate` is the pages' /Rotate."""
    with pikepdf.new() as pdf:
        for page in pages:
            made = _image_page(pdf, page, dpi)
            if rotate:
                made.Rotate = rotate
        return _saved(pdf)


def with_hidden_text(pages: list[Picture], dpi: int, born_digital: bytes) -> bytes:
    """A scanned PDF over whose images the text of `born_digital` lies unseen, as an OCR program leaves it."""
    with pikepdf.open(io.BytesIO(born_digital)) as pdf:
        for page, picture in zip(pdf.pages, pages, strict=True):
            width, height = float(page.mediabox[2]), float(page.mediabox[3])
            page.Resources.XObject = Dictionary(Scan=_image(pdf, picture))
            text = [step for step in pikepdf.parse_content_stream(page) if str(step.operator) in _TEXT]
            drawn = f"q {width:.2f} 0 0 {height:.2f} 0 0 cm /Scan Do Q 3 Tr\n".encode()
            page.Contents = pdf.make_stream(drawn + pikepdf.unparse_content_stream(text))
        for key in ("/StructTreeRoot", "/MarkInfo"):
            if key in pdf.Root:
                del pdf.Root[key]
        return _saved(pdf)


def with_garbled_text(born_digital: bytes) -> bytes:
    """`born_digital` with its fonts' maps to Unicode mixed up: it looks right, and its text layer says nonsense."""
    with pikepdf.open(io.BytesIO(born_digital)) as pdf:
        for made in pdf.objects:
            if isinstance(made, Dictionary) and "/ToUnicode" in made:
                told = made.ToUnicode.read_bytes()
                made.ToUnicode.write(re.sub(rb"(<[0-9A-Fa-f]{4}>\s*)<[0-9A-Fa-f]+>", _garbled, told))
        return _saved(pdf)


def _garbled(found: re.Match[bytes]) -> bytes:
    glyph = int(found[1].strip()[1:5], 16)
    return found[1] + b"<%04X>" % ord(_PRINTED[glyph * 37 % len(_PRINTED)])


def _image_page(pdf: pikepdf.Pdf, picture: Picture, dpi: int) -> pikepdf.Page:
    width, height = (round(side * _POINTS / dpi, 2) for side in (picture.shape[1], picture.shape[0]))
    pdf.add_blank_page(page_size=(width, height))
    page = pdf.pages[-1]
    page.Resources = Dictionary(XObject=Dictionary(Scan=_image(pdf, picture)))
    page.Contents = pdf.make_stream(f"q {width} 0 0 {height} 0 0 cm /Scan Do Q".encode())
    return page


def _image(pdf: pikepdf.Pdf, picture: Picture) -> pikepdf.Stream:
    height, width = picture.shape[:2]
    plain = bool((picture[:, :, 0] == picture[:, :, 1]).all() and (picture[:, :, 0] == picture[:, :, 2]).all())
    return pikepdf.Stream(
        pdf,
        jpeg(picture),
        Type=Name.XObject,
        Subtype=Name.Image,
        Width=width,
        Height=height,
        BitsPerComponent=8,
        ColorSpace=Name.DeviceGray if plain else Name.DeviceRGB,
        Filter=Array([Name.DCTDecode]),
    )


def _saved(pdf: pikepdf.Pdf) -> bytes:
    memory = io.BytesIO()
    pdf.save(memory, deterministic_id=True)
    return memory.getvalue()
