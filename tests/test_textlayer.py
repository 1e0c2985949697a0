"""Text layers: their words by rows, whatever the turn, and the signs that a layer does not say what is printed."""

from pathlib import Path

import pytest

from pipeline.pages import Glyph, TextLayer
from pipeline.records import Box, Frame
from pipeline.textlayer import is_suspicious, layer_words
from tests.paper import page_of, remade, typeset

FRAME = Frame(600, 800)
TABLE = """
#set page(width: 400pt, height: 300pt, margin: 30pt)
#set text(font: "DejaVu Sans", size: 10pt)
#table(columns: (1fr, auto, auto), stroke: none, [Blue widget, large], [2], [40.00],
  [Second thing with a long name that goes on over the end of its line], [11], [1,249.50])
*Total* #h(1fr) 1,289.50
"""


def typed(text: str, *, left: float = 0.1, top: float = 0.1, size: float = 0.02, doubtful: bool = False) -> list[Glyph]:
    """The glyphs of a line of print that is `size` of the page high."""
    glyphs, x, parted = [], left, True
    for letter in text:
        if letter == " ":
            parted = True
        else:
            box: Box = (x, top, x + 0.01, top + size)
            glyphs.append(Glyph(letter, box, box, parted, doubtful))
            parted = False
        x += 0.011
    return glyphs


def said(glyphs: list[Glyph], share: float = 0.0) -> list[str]:
    rows: dict[int, list[str]] = {}
    for word in layer_words(TextLayer(tuple(glyphs), share), FRAME).words:
        rows.setdefault(word.line, []).append(word.text)
    return [" ".join(row) for row in rows.values()]


def suspicious(glyphs: list[Glyph], share: float = 0.0) -> bool:
    layer = TextLayer(tuple(glyphs), share)
    return is_suspicious(layer, layer_words(layer, FRAME).words)


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_a_table_reads_by_its_rows_whatever_the_pages_turn(turn: int, tmp_path: Path) -> None:
    with page_of(tmp_path / "page.pdf", remade(typeset(TABLE), Rotate=turn)) as view:
        found = layer_words(view.text_layer(), view.frame)
        rows: dict[int, list[str]] = {}
        for word in found.words:
            rows.setdefault(word.line, []).append(word.text)
        lines = [" ".join(row) for row in rows.values()]
        assert lines[0] == "Blue widget, large 2 40.00"
        assert lines[1].startswith("Second thing") and lines[1].endswith("11 1,249.50")
        assert lines[-1] == "Total 1,289.50"
        # A viewer shows the page turned by `turn`; reading turns it back.
        assert found.frame.turn == (360 - turn) % 360


def test_gaps_part_words_even_without_a_space() -> None:
    glyphs = typed("Total") + [glyph._replace(parted=False) for glyph in typed("12.50", left=0.6)]
    assert said(glyphs) == ["Total 12.50"]


def test_print_that_is_drawn_twice_counts_once() -> None:
    assert said(typed("Total 12.50") + typed("Total 12.50", left=0.1002)) == ["Total 12.50"]


def test_text_without_ink_counts_on_a_scan_only() -> None:
    hidden = [glyph._replace(hidden=True) for glyph in typed("Somebody read this")]
    assert said(hidden) == []
    assert said(hidden, share=1.0) == ["Somebody read this"]


def test_thai_clusters_that_pdfium_doubles_are_single_again() -> None:
    assert said(typed("ทั้งทั้สิ้นสิ้")) == ["ทั้งสิ้น"]


def test_a_few_words_across_do_not_turn_a_page() -> None:
    upright = [glyph for row in range(10) for glyph in typed("plain words of print", top=0.2 + 0.03 * row)]
    margin = [
        Glyph(letter, box, box, number == 0)
        for number, letter in enumerate("received")
        for box in [(0.02, 0.9 - 0.01 * number, 0.03, 0.91 - 0.01 * number)]
    ]
    assert layer_words(TextLayer(tuple(upright + margin)), FRAME).frame.turn == 0


def test_boxes_stay_on_the_page() -> None:
    words = layer_words(TextLayer(tuple(typed("over the edge", left=0.93))), FRAME).words
    assert words and all(0 <= edge <= 1 for word in words for edge in word.box)


SOUND = "Invoice number 2024 was issued on the first of May for goods that were sent to you last week please pay soon"


def lines(text: str) -> list[Glyph]:
    words = text.split()
    return [glyph for n in range(0, len(words), 4) for glyph in typed(" ".join(words[n : n + 4]), top=0.05 + 0.03 * n / 4)]


def test_plain_print_is_not_suspicious() -> None:
    assert not suspicious(lines(SOUND))
    assert not suspicious(lines("दिनांक चालान संख्या विवरण मात्रा दर राशि कुल योग भुगतान देय तिथि ग्राहक नाम"))
    assert not suspicious(lines("วันที่ เลขที่ รายการ จำนวน ราคา รวม ภาษี ลูกค้า ที่อยู่ โทร ผู้ขาย หมายเหตุ สินค้า"))


def test_signs_of_a_false_layer_are_seen() -> None:
    shifted = "".join(chr(ord(letter) + 3) if letter.isalpha() else letter for letter in SOUND)
    assert suspicious(lines(SOUND), share=0.95), "a scan lies under it"
    assert suspicious(lines(SOUND)[:20]), "hardly a word"
    assert suspicious(lines(SOUND) + typed("\ufffd\ufffd\ufffd\ufffd", top=0.9, doubtful=True)), "letters without a name"
    assert suspicious(lines("".join(chr(33 + ord(letter) % 31) if letter != " " else " " for letter in SOUND))), "no letters"
    assert suspicious(lines(shifted)), "no word is spelt so"
    assert suspicious(lines(SOUND.replace("o", "=K").replace("t", "2p|"))), "signs inside words"
    assert not suspicious(
        lines(SOUND + " see www.shop.co.uk?id=7 or mail a+b@shop.de ref AB12/C-99 McDonald iPhone R&D 100% (ex. VAT)")
    )
