"""PDF files: rotation, crop boxes and scale come out right in pixels and in boxes, and damage is mended or told."""

import io
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pikepdf
import pytest
from PIL import Image, ImageDraw

from pipeline.errors import DocumentError, Reason
from pipeline.pages import MAX_RENDER_PX, PageView
from pipeline.pdf import PdfFile
from pipeline.records import Box
from tests.paper import page_of, remade, scan_pdf, sheet, typeset

PAGE = """
#set page(width: 300pt, height: 400pt, margin: 40pt)
#set text(font: "DejaVu Sans", size: 11pt)
Invoice number 2024-17

Grand total: 1,284.50
#place(bottom + right)[the end]
"""


def inked(view: PageView, boxes: Sequence[Box]) -> tuple[float, float]:
    """The share of boxes (in the page frame) that hold ink, and the share of the ink that some box holds."""
    dark = view.render(3.0, grey=True) < 128
    height, width = dark.shape
    covered = np.zeros_like(dark)
    filled = []
    for x0, y0, x1, y1 in boxes:
        place = (
            slice(round(y0 * height) - 2, round(y1 * height) + 3),
            slice(max(round(x0 * width) - 2, 0), round(x1 * width) + 3),
        )
        covered[place] = True
        filled.append(dark[place].mean() > 0.08)
    return float(np.mean(filled)), float((dark & covered).sum() / max(dark.sum(), 1))


def inside(view: PageView) -> list[Box]:
    return [glyph.box for glyph in view.text_layer().glyphs if glyph.box[2] > glyph.box[0]]


CROPS: dict[str, dict[str, Any]] = {
    "whole": {},
    "cropped": {"CropBox": [25, 30, 290, 380]},
    "off its origin": {"MediaBox": [-50, -20, 300, 400]},
    "both": {"MediaBox": [-50, -20, 320, 420], "CropBox": [20, 20, 300, 390]},
    "cropped beyond its sheet": {"CropBox": [-100, -100, 1000, 1000]},
    "two units a point": {"UserUnit": 2},
}


@pytest.mark.parametrize(("turn", "crop"), list(product((0, 90, 180, 270, -90, 450), CROPS)))
def test_boxes_lie_on_the_ink_whatever_the_turn_and_crop(turn: int, crop: str, tmp_path: Path) -> None:
    with page_of(tmp_path / "page.pdf", remade(typeset(PAGE), Rotate=turn, **CROPS[crop])) as view:
        filled, held = inked(view, inside(view))
        assert filled == 1.0 and held > 0.98
        shape = view.render(1.0).shape
        assert abs(shape[0] - view.frame.height) <= 1 and abs(shape[1] - view.frame.width) <= 1
        assert (view.frame.width > view.frame.height) == (turn % 180 == 90)


def test_what_is_cropped_away_is_not_there(tmp_path: Path) -> None:
    with page_of(tmp_path / "page.pdf", remade(typeset(PAGE), CropBox=[0, 200, 300, 400])) as view:
        text = "".join(glyph.text for glyph in view.text_layer().glyphs)
        assert "1,284.50" in text and "end" not in text
        assert all(0 <= edge <= 1 for box in inside(view) for edge in box)


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_a_scan_tells_its_density_and_its_share(turn: int, tmp_path: Path) -> None:
    with page_of(tmp_path / "page.pdf", remade(scan_pdf(sheet(), dpi=150), Rotate=turn)) as view:
        assert view.density == pytest.approx(150 / 72, rel=0.02)
        assert view.text_layer().image_share > 0.99
        assert not view.text_layer().glyphs
    with page_of(tmp_path / "page.pdf", typeset(PAGE)) as view:
        assert view.density is None
        assert view.text_layer().image_share == 0.0


def test_an_image_counts_by_its_place_even_in_a_form(tmp_path: Path) -> None:
    for place, share in (((0, 0, 300, 400), 1.0), ((40, 40, 140, 90), 100 * 50 / 300 / 400)):
        with pikepdf.open(io.BytesIO(typeset(PAGE))) as pdf, pikepdf.open(io.BytesIO(scan_pdf(picture(place)))) as other:
            pdf.pages[0].add_underlay(other.pages[0], pikepdf.Rectangle(*place))
            memory = io.BytesIO()
            pdf.save(memory)
        with page_of(tmp_path / "page.pdf", memory.getvalue()) as view:
            assert view.text_layer().image_share == pytest.approx(share, rel=0.05)
            assert (view.density is not None) is (share > 0.8)
            assert view.density is None or view.density == pytest.approx(2.0, rel=0.05)


def picture(place: tuple[int, int, int, int]) -> Image.Image:
    """Two pixels a point."""
    return Image.new("L", (2 * (place[2] - place[0]), 2 * (place[3] - place[1])), 230)


def test_letters_without_ink_are_told(tmp_path: Path) -> None:
    with page_of(tmp_path / "page.pdf", hidden_layer(sheet(["Seen"]), "Unseen words", 50)) as view:
        glyphs = view.text_layer().glyphs
        assert "".join(glyph.text for glyph in glyphs) == "Unseenwords"
        assert all(glyph.hidden for glyph in glyphs)
    with page_of(tmp_path / "page.pdf", typeset(PAGE)) as view:
        assert not any(glyph.hidden or glyph.doubtful for glyph in view.text_layer().glyphs)


def hidden_layer(image: Image.Image, text: str, top: float) -> bytes:
    """A scan with a line of invisible text over it, as OCR programs leave behind; `top` in points from the upper edge."""
    with pikepdf.open(io.BytesIO(scan_pdf(image))) as pdf:
        page = pdf.pages[0]
        font = pikepdf.Dictionary(Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type1, BaseFont=pikepdf.Name.Helvetica)
        page.Resources.Font = pikepdf.Dictionary(F1=pdf.make_indirect(font))
        height = float(page.mediabox[3])
        written = f"q BT 3 Tr /F1 12 Tf 60 {height - top:.1f} Td ({text}) Tj ET Q".encode("latin-1")
        page.contents_add(pdf.make_stream(written))
        memory = io.BytesIO()
        pdf.save(memory)
        return memory.getvalue()


def test_a_form_shows_what_was_filled_in(tmp_path: Path) -> None:
    with pikepdf.open(io.BytesIO(typeset("#set page(width: 200pt, height: 100pt)\n#sym.space"))) as pdf:
        font = pdf.make_indirect(
            pikepdf.Dictionary(Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type1, BaseFont=pikepdf.Name.Helvetica)
        )
        look = pdf.make_stream(
            b"BT /F1 14 Tf 4 6 Td (Filled in) Tj ET",
            Type=pikepdf.Name.XObject,
            Subtype=pikepdf.Name.Form,
            BBox=pikepdf.Array([0, 0, 120, 22]),
            Resources=pikepdf.Dictionary(Font=pikepdf.Dictionary(F1=font)),
        )
        field = pikepdf.Dictionary(
            Type=pikepdf.Name.Annot,
            Subtype=pikepdf.Name.Widget,
            FT=pikepdf.Name.Tx,
            T="name",
            V="Filled in",
            F=4,
            Rect=pikepdf.Array([20, 40, 140, 62]),
            AP=pikepdf.Dictionary(N=look),
        )
        pdf.pages[0].Annots = pikepdf.Array([pdf.make_indirect(field)])
        pdf.Root.AcroForm = pikepdf.Dictionary(
            Fields=pdf.pages[0].Annots, DR=pikepdf.Dictionary(Font=pikepdf.Dictionary(F1=font))
        )
        memory = io.BytesIO()
        pdf.save(memory)
    with page_of(tmp_path / "page.pdf", memory.getvalue()) as view:
        assert not view.is_bare()
        assert (view.render(2.0, grey=True) < 128).sum() > 100


@pytest.mark.parametrize("size", [(14_400, 14_400), (3, 3), (14_000, 2)])
def test_a_page_of_any_size_is_drawn_within_bounds(size: tuple[int, int], tmp_path: Path) -> None:
    with page_of(tmp_path / "page.pdf", remade(typeset(PAGE), MediaBox=[0, 0, *size])) as view:
        assert (view.frame.width, view.frame.height) == size
        assert 0 < view.render(5.0, grey=True).size <= MAX_RENDER_PX * 1.01


def test_pages_are_asked_for_in_any_order(tmp_path: Path) -> None:
    path = tmp_path / "pages.pdf"
    path.write_bytes(typeset("one #pagebreak() two #pagebreak() three"))
    document = PdfFile(str(path))
    for number, word in ((3, "three"), (1, "one"), (2, "two"), (2, "two")):
        assert "".join(glyph.text for glyph in document.page(number).text_layer().glyphs) == word
    document.close()


def test_a_damaged_file_is_mended_and_says_so(tmp_path: Path) -> None:
    whole = typeset("one #pagebreak() two")
    lost = whole[: whole.rindex(b"xref")] if whole.rfind(b"xref") > len(whole) // 2 else whole[:-300]
    for name, data, mended in (
        ("whole", whole, False),
        ("junk before the header", b"\r\n" * 200 + whole, False),
        ("its tail lost", lost, True),
        ("its table misplaced", whole.replace(b"startxref\n", b"startxref\n9"), True),
    ):
        path = tmp_path / "page.pdf"
        path.write_bytes(data)
        document = PdfFile(str(path))
        assert document.page_count == 2, name
        assert "".join(glyph.text for glyph in document.page(2).text_layer().glyphs) == "two", name
        assert document.mended is mended or name == "its table misplaced"
        document.close()


def test_no_pages_are_told_from_damage(tmp_path: Path) -> None:
    with pikepdf.new() as pdf:
        pdf.save(tmp_path / "none.pdf")
    with pytest.raises(DocumentError) as caught:
        PdfFile(str(tmp_path / "none.pdf"))
    assert caught.value.reason is Reason.NO_PAGES


def test_a_page_that_cannot_be_loaded_costs_itself_only(tmp_path: Path) -> None:
    with pikepdf.open(io.BytesIO(typeset("one #pagebreak() two #pagebreak() three"))) as pdf:
        pdf.pages[1].obj.Type = pikepdf.Name.Nonsense
        pdf.pages[1].obj["/Contents"] = pikepdf.Array([pikepdf.Dictionary()])
        pdf.pages[1].obj["/MediaBox"] = pikepdf.Array([0, 0, 0, 0])
        pdf.save(tmp_path / "page.pdf")
    document = PdfFile(str(tmp_path / "page.pdf"))
    assert document.page_count == 3
    for number, word in ((1, "one"), (3, "three")):
        assert "".join(glyph.text for glyph in document.page(number).text_layer().glyphs) == word
    try:
        document.page(2).render(1.0)
    except DocumentError as error:
        assert error.reason is Reason.CORRUPT
    document.close()


def test_a_turned_scan_shows_its_corner_where_a_viewer_does(tmp_path: Path) -> None:
    image = Image.new("L", (300, 200), 255)
    ImageDraw.Draw(image).rectangle((0, 0, 99, 66), fill=0)
    for turn, (y, x) in ((0, (0, 0)), (90, (0, -1)), (180, (-1, -1)), (270, (-1, 0))):
        with page_of(tmp_path / "page.pdf", remade(scan_pdf(image), Rotate=turn)) as view:
            grey = view.render(1.0, grey=True)
            assert grey[10 if y == 0 else -10, 10 if x == 0 else -10] < 50
            assert grey[-10 if y == 0 else 10, -10 if x == 0 else 10] > 200


def letter_by_letter(word: str) -> bytes:
    """A dense table of two columns, far apart, whose letters are drawn one by one, as browsers print them."""
    pdf = pikepdf.new()
    page = pdf.add_blank_page(page_size=(595, 842))
    font = pikepdf.Dictionary(Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type1, BaseFont=pikepdf.Name.Courier)
    page.obj.Resources = pikepdf.Dictionary(Font=pikepdf.Dictionary(F1=pdf.make_indirect(font)))
    letters = " ".join(f"({letter}) Tj 7.2 0 Td" for letter in word)
    places = [(x, 800 - 12 * row) for row in range(40) for x in (60, 400)]
    page.obj.Contents = pdf.make_stream("\n".join(f"BT /F1 12 Tf 1 0 0 1 {x} {y} Tm {letters} ET" for x, y in places).encode())
    memory = io.BytesIO()
    pdf.save(memory)
    return memory.getvalue()


def test_words_of_a_dense_table_stay_whole(tmp_path: Path) -> None:
    """PDFium takes such a page for vertical print, and breaks the line at each letter."""
    with page_of(tmp_path / "a.pdf", letter_by_letter("Paper")) as view:
        glyphs = view.text_layer().glyphs
    assert [glyph.text for glyph in glyphs if glyph.parted] == ["P"] * 80
