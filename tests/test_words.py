"""Words by real Tesseract and by text layers: turned, skewed, small and foreign pages are read right, and boxes lie on ink."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pikepdf
import pytest
from PIL import Image

from pipeline.errors import RunError
from pipeline.language import identify
from pipeline.pages import PageView
from pipeline.pixels import Lie
from pipeline.records import PageWords, WordsFrom
from pipeline.settings import Settings
from pipeline.words import draft, finish, missing_packs, words_fingerprint
from tests.paper import LETTER, blurred, noisy, page_of, pasted, remade, scan_pdf, sheet, typeset
from tests.test_pdf import hidden_layer

SMALL = (1000, 760)
HINDI = ("चालान संख्या २०२४ दिनांक", "विक्रेता का नाम और पता", "कुल योग ₹1,73,456.50 देय", "कृपया राशि का भुगतान करें", "धन्यवाद फिर पधारें")
THAI = ("ใบเสร็จรับเงิน เลขที่ RC-2024-0117", "วันที่ 14 มีนาคม 2567", "รายการสินค้า จำนวน ราคา", "รวมทั้งสิ้น 1,284.50 บาท", "ขอบคุณที่ใช้บริการ")
GERMAN = (
    "Rechnungsnummer 2024-17 vom 3. März",
    "Wir danken für Ihren Auftrag und",
    "bitten um Überweisung des Betrags",
    "Gesamtbetrag 1.284,50 zahlbar bis",
)


def letter(**told: Any) -> Image.Image:
    return sheet(LETTER, size=SMALL, px=24, at=(70, 80), **told)


def read(view: PageView, hint: str = "und", **settings: Any) -> PageWords:
    """The page's words by all the steps of the stage."""
    told = Settings(**settings)
    first = draft(view, hint, told)
    return finish(view, 1, first, identify(first.words, hint), told)


def text(found: PageWords) -> str:
    return " ".join(word.text for word in found.words)


def recall(found: PageWords, lines: Sequence[str] = LETTER) -> float:
    """The share of the printed words that were read exactly."""
    printed = [word for line in lines for word in line.split()]
    read = {word.text for word in found.words}
    return sum(word in read for word in printed) / len(printed)


def on_ink(view: PageView, found: PageWords) -> float:
    """The share of words whose box, brought to the page frame, is tight around ink: some inside, hardly any on its rim."""
    dark = view.render(1200 / max(view.frame.width, view.frame.height), grey=True) < 128
    height, width = dark.shape
    good = []
    for word in found.words:
        x0, y0, x1, y1 = found.frame.to_page(word.box)
        inner = dark[int(y0 * height) : int(y1 * height) + 1, int(x0 * width) : int(x1 * width) + 1]
        good.append(inner.mean() > 0.05 and (x1 - x0) * (y1 - y0) < 0.05)
    return float(np.mean(good))


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
@pytest.mark.parametrize("skew", [0, 5])
def test_a_turned_and_skewed_scan_is_read_as_if_it_lay_straight(turn: int, skew: int, tmp_path: Path) -> None:
    lain = letter().rotate(skew, fillcolor=255, resample=Image.Resampling.BICUBIC, expand=True).rotate(turn, expand=True)
    with page_of(tmp_path / "page.png", noisy(lain)) as view:
        found = read(view)
        assert recall(found) > 0.93
        assert (found.frame.turn, found.language, found.words_from) == (turn, "en", WordsFrom.OCR)
        assert found.frame.skew == pytest.approx(skew, abs=0.3)
        assert on_ink(view, found) > 0.95
        assert [word.line for word in found.words] == sorted(word.line for word in found.words)
        assert found.words[-1].line == len(LETTER) - 1


def test_lines_that_only_look_sideways_are_read_level(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.words.find_lie", lambda ink: Lie(True, 0.0))
    with page_of(tmp_path / "page.png", letter()) as view:
        found = read(view)
        assert recall(found) > 0.93 and found.frame.turn == 0
        assert found.words[-1].line == len(LETTER) - 1


@pytest.mark.parametrize("turn", [0, 90])
def test_boxes_of_a_cropped_and_turned_scan_lie_on_ink(turn: int, tmp_path: Path) -> None:
    data = scan_pdf(letter(), dpi=100)
    with page_of(tmp_path / "page.pdf", remade(data, Rotate=turn, CropBox=[30, 40, 690, 520])) as view:
        found = read(view)
        assert recall(found) > 0.9
        assert on_ink(view, found) > 0.95


def test_packs_follow_the_script(tmp_path: Path) -> None:
    for language, lines, packs in (("hi", HINDI, "eng+hin"), ("th", THAI, "tha+eng")):
        page = noisy(sheet(lines, size=SMALL, px=34, at=(70, 80), font=language))
        with page_of(tmp_path / "page.png", page) as view:
            for hint in ("und", language):
                first = draft(view, hint, Settings())
                assert first.packs == packs, (language, hint)
            found = read(view, "und")
            assert found.language == language
            said = text(found).replace(" ", "")
            assert ("1,73,456.50" if language == "hi" else "1,284.50") in said
            assert ("चालान" in said) if language == "hi" else ("RC-2024-0117" in said and "รายการสินค้า" in said)


@pytest.mark.parametrize("turn", [90, 180])
def test_a_turned_page_of_another_script_is_found_out(turn: int, tmp_path: Path) -> None:
    page = sheet(THAI, size=SMALL, px=34, at=(70, 80), font="th").rotate(turn, expand=True)
    with page_of(tmp_path / "page.png", page) as view:
        found = read(view, "und")
        assert (found.language, found.frame.turn) == ("th", turn)
        assert "1,284.50" in text(found)


def test_a_page_is_read_again_in_its_own_language(tmp_path: Path) -> None:
    with page_of(tmp_path / "page.png", sheet(GERMAN, size=SMALL, px=26, at=(70, 80))) as view:
        for hint in ("und", "es", "th"):
            found = read(view, hint)
            assert found.language == "de"
            assert recall(found, GERMAN) > 0.9 and "Überweisung" in text(found)


def test_a_slip_is_enlarged_to_be_read(tmp_path: Path) -> None:
    lines = [
        "CORNER SHOP",
        "12 High Street",
        "Date 14/03/2024",
        "Milk 2 x 1.15   2.30",
        "Bread           1.85",
        "TOTAL           4.15",
    ]
    slip = sheet(lines, size=(240, 190), px=11, at=(14, 14), font="mono")
    with page_of(tmp_path / "slip.png", noisy(slip, 3)) as view:
        said = text(read(view))
        assert "14/03/2024" in said and "4.15" in said and "1.85" in said


def test_pages_of_many_sizes_are_read_alike(tmp_path: Path) -> None:
    for factor in (0.6, 2.5):
        size = (int(SMALL[0] * factor), int(SMALL[1] * factor))
        with page_of(tmp_path / "page.png", letter().resize(size, Image.Resampling.LANCZOS)) as view:
            assert recall(read(view)) > 0.9, factor


@pytest.mark.parametrize(
    ("what", "least"),
    [("pale", 0.9), ("shaded", 0.9), ("inverted", 0.9), ("soft", 0.85), ("fax", 0.8)],
)
def test_bad_copies_are_read_all_the_same(what: str, least: float, tmp_path: Path) -> None:
    shade = np.linspace(0, 150, SMALL[0])[None, :] + np.zeros((SMALL[1], 1))
    page = {
        "pale": lambda: noisy(letter(ink=190, paper=240), 4),
        "shaded": lambda: noisy(pasted(letter(), shade * np.asarray(letter(), float) / 255), 4),
        "inverted": lambda: noisy(letter(ink=235, paper=25), 4),
        "soft": lambda: noisy(blurred(letter(), 1.2), 3),
        "fax": lambda: noisy(letter(), 40).convert("1", dither=Image.Dither.NONE),
    }[what]()
    with page_of(tmp_path / "page.png", page) as view:
        assert recall(read(view)) >= least


def test_a_picture_has_no_words_and_costs_no_error(tmp_path: Path) -> None:
    with page_of(tmp_path / "page.png", Image.effect_mandelbrot((500, 400), (-2, -1.5, 1, 1.5), 90)) as view:
        found = read(view)
        assert len(found.words) < 5 and found.language == "und"


def test_a_page_full_of_noise_keeps_to_its_time(tmp_path: Path) -> None:
    grain = np.random.default_rng(1).integers(0, 256, (700, 500), dtype=np.uint8)
    rough = Image.fromarray(grain).resize((2000, 2800), Image.Resampling.BICUBIC)
    with page_of(tmp_path / "page.png", rough) as view:
        assert read(view, page_timeout_s=4.0).language == "und"


def drawn() -> bytes:
    return typeset(
        '#set page(width: 480pt, height: 320pt, margin: 30pt)\n#set text(font: "DejaVu Sans", size: 11pt)\n'
        + "\\\n".join(LETTER)
    )


def nameless(data: bytes) -> bytes:
    """The PDF with fonts that do not say which letters they draw."""
    with pikepdf.open(io.BytesIO(data)) as pdf:
        for item in pdf.objects:
            if isinstance(item, pikepdf.Dictionary) and "/ToUnicode" in item:
                del item["/ToUnicode"]
        memory = io.BytesIO()
        pdf.save(memory)
        return memory.getvalue()


def test_a_sound_text_layer_is_taken_without_ocr(tmp_path: Path) -> None:
    with page_of(tmp_path / "page.pdf", drawn()) as view:
        found = read(view)
        assert found.words_from is WordsFrom.TEXT_LAYER and found.language == "en"
        assert recall(found) == 1.0
        assert on_ink(view, found) > 0.98


@pytest.mark.parametrize(
    ("language", "font", "said"), [("th", "Garuda", "รวมทั้งสิ้น 1,284.50 บาท"), ("hi", "Lohit Devanagari", "कृपया राशि का")]
)
def test_shaped_scripts_come_whole_from_a_text_layer(language: str, font: str, said: str, tmp_path: Path) -> None:
    lines = THAI if language == "th" else HINDI
    data = typeset(f'#set text(font: ("{font}", "DejaVu Sans"), size: 14pt)\n' + "\\\n".join(lines))
    with page_of(tmp_path / "page.pdf", data) as view:
        found = read(view)
        assert (found.words_from, found.language) == (WordsFrom.TEXT_LAYER, language)
        assert said.replace(" ", "") in text(found).replace(" ", "")


def test_a_layer_without_letters_gives_way_to_ocr(tmp_path: Path) -> None:
    with page_of(tmp_path / "page.pdf", nameless(drawn())) as view:
        found = read(view)
        assert found.words_from is WordsFrom.OCR
        assert recall(found) > 0.9
    short = typeset('#set page(width: 200pt, height: 80pt)\n#set text(font: "DejaVu Sans", size: 14pt)\nua')
    with page_of(tmp_path / "page.pdf", nameless(short)) as view:
        assert "\ufffd" not in text(read(view))


def test_somebodys_ocr_under_a_scan_is_taken_only_when_it_says_what_is_there(tmp_path: Path) -> None:
    page = sheet(LETTER[:1], size=SMALL, px=24, at=(70, 80))
    for written, origin in (
        (LETTER[0], WordsFrom.TEXT_LAYER),
        ("Wholly other words that nobody did print upon this sheet of paper", WordsFrom.OCR),
    ):
        with page_of(tmp_path / "page.pdf", hidden_layer(page, written, 45)) as view:
            found = read(view)
            assert found.words_from is origin
            assert recall(found, LETTER[:1]) > 0.9


def test_a_header_in_letters_does_not_hide_a_scanned_body(tmp_path: Path) -> None:
    header = " ".join(["Printed by the archive on the first of May, page one of one, as it was found there"])
    with pikepdf.open(io.BytesIO(typeset(f"#set page(width: 500pt, height: 500pt, margin: 20pt)\n{header}"))) as pdf:
        with pikepdf.open(io.BytesIO(scan_pdf(letter()))) as body:
            pdf.pages[0].add_overlay(body.pages[0], pikepdf.Rectangle(30, 20, 470, 380))
        memory = io.BytesIO()
        pdf.save(memory)
    with page_of(tmp_path / "page.pdf", memory.getvalue()) as view:
        found = read(view)
        assert found.words_from is WordsFrom.OCR
        assert recall(found) > 0.85 and "archive" in text(found)


def test_settings_say_where_words_may_come_from(tmp_path: Path) -> None:
    with page_of(tmp_path / "page.pdf", drawn()) as view:
        assert read(view, words="none") == PageWords(1, view.frame)
        assert read(view, words="ocr").words_from is WordsFrom.OCR
    with page_of(tmp_path / "page.pdf", scan_pdf(letter())) as view:
        assert read(view, words="text-layer").words == ()


def test_the_fingerprint_follows_what_words_depend_on() -> None:
    base = words_fingerprint(Settings())
    assert base == words_fingerprint(Settings(image_px=560, engine="fake", page_timeout_s=10))
    changes = ({"words": "ocr"}, {"ocr_dpi": 300}, {"tessdata": "/tmp"}, {"language": "de"})
    others = {words_fingerprint(Settings(**told)) for told in changes}
    assert len(others | {base}) == 5


def test_a_missing_pack_is_named_with_its_package(tmp_path: Path) -> None:
    assert missing_packs(Settings()) == []
    told = missing_packs(Settings(tessdata=str(tmp_path)))
    assert len(told) == 8 and any("tesseract-ocr-tha" in line for line in told)
    with page_of(tmp_path / "page.png", letter()) as view, pytest.raises(RunError) as caught:
        read(view, tessdata=str(tmp_path))
    assert "tesseract-ocr-eng" in caught.value.next_step
