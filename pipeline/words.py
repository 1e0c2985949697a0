"""A page's words: from its text layer where that is sane, else read by Tesseract with the packs of its language."""

import hashlib
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from itertools import groupby

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline import tesseract
from pipeline.pages import PageView, Pixels, TextLayer
from pipeline.pixels import PREVIEW_PX, even_light, find_ink, find_lie, letter_height, light_ground, straighten
from pipeline.records import Box, Frame, PageWords, Word, WordsFrom
from pipeline.reread import read_again
from pipeline.rows import Piece, in_rows
from pipeline.settings import Settings
from pipeline.signs import with_baht_signs
from pipeline.tesseract import Token, missing_packs, packs_of, read
from pipeline.textlayer import doubtful_share, is_suspicious, layer_words

RULES_VERSION = 12
"""Counted up with each change of this stage (or of what it is made of) that gives other words: kept ones are then read anew."""

_SURE = 0.5
_LIKELY = 0.3
_CLEARLY = 0.1
_GLANCE = 0.75
_BAND = 0.3
_ENOUGH_MARKS = 80
_FEW_MARKS = 10
_A4_INCHES = 11.7
_CHECK_DPI = 120
_AGREEMENT = 0.78
_GARBAGE = 0.3
_LETTER_PX = 20.0
_SLIP_LETTER_PX = 36.0
_SLIP_LETTERS = 50
_BLUR = 1.0
_TOUCHING = 0.25
_WITHIN_THAI = 0.45
_THAI_END = re.compile(r"[\u0e00-\u0e7f]\.?$")
_FIXED_PITCH = 0.9
_WHOLE = re.compile(r"(?<![.,\d])\d{1,3}(?:[.,]\d{3})*[.,]$")
_CENTS = re.compile(r"\d{2}(?![\d.,:/])")
"""What may follow a decimal sign that a gap stands behind, as fixed pitch has it."""
_SCRIPTS = {"eng+hin": ("\u0900", "\u097f"), "tha+eng": ("\u0e00", "\u0e7f")}


@dataclass(frozen=True, slots=True)
class Draft:
    """The first reading of a page, good enough to tell its language.

    Attributes:
        words: in the reading frame, by rows.
        frame: the reading frame.
        words_from: where they came from.
        packs: Tesseract's packs that read them; empty for a text layer.
    """

    words: tuple[Word, ...]
    frame: Frame
    words_from: WordsFrom
    packs: str = ""


@dataclass(frozen=True, slots=True)
class _Sheet:
    """A page ready for Tesseract.

    Attributes:
        image: grey, in the page frame, at the size at which Tesseract reads its letters best.
        lie: the reading frame as far as pixels tell it; upside down cannot be seen.
        block: whether it is a slip of one column.
        marks: left, top, right, bottom of what seem to be its letters, in fractions of the reading frame.
        band: top and bottom, in fractions of the reading frame, of the part with the most letters.
    """

    image: Pixels
    lie: Frame
    block: bool
    marks: NDArray[np.float64]
    band: tuple[float, float]


def words_fingerprint(settings: Settings) -> str:
    """16 hex digits of all that a page's words depend on beside the page: settings, our rules, Tesseract, PDFium, Pillow."""
    parts = [str(RULES_VERSION), settings.words, settings.language, str(settings.ocr_dpi), settings.tessdata, tesseract.VERSION]
    parts += [version(name) for name in ("pypdfium2", "pillow", "langdetect")]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def draft(view: PageView, hint: str, settings: Settings) -> Draft:
    """The first reading: the text layer where it is sane, else OCR with the packs of `hint`, and others where those fail.

    Args:
        view: the page.
        hint: the language of the batch so far, or `und`.
        settings: `words` says what is allowed.
    """
    if settings.words == "none":
        return Draft((), view.frame, WordsFrom.NONE)
    if settings.words != "ocr":
        layer = view.text_layer()
        found = layer_words(layer, view.frame)
        if settings.words == "text-layer" or (found.words and _is_sane(view, layer, found.words, settings)):
            return Draft(found.words, found.frame, WordsFrom.TEXT_LAYER)
    return _ocr_draft(view, hint, settings)


def finish(view: PageView, page: int, draft: Draft, language: str, settings: Settings) -> PageWords:
    """The page's words, read again with the packs of `language` where the draft was read with others."""
    words, wanted = draft.words, packs_of(language)
    if draft.words_from is WordsFrom.OCR and language != "und" and draft.packs != wanted and words:
        words = _attempt(_sheet(view, settings), draft.frame, wanted, settings).words
    return PageWords(page, draft.frame, words, draft.words_from, language)


def _is_sane(view: PageView, layer: TextLayer, words: Sequence[Word], settings: Settings) -> bool:
    """Whether the layer says what the page shows; a quick OCR pass is the judge where a cheap sign is against it."""
    if doubtful_share(layer) > _GARBAGE:
        return False
    if not is_suspicious(layer, words):
        return True
    frame = layer_words(layer, view.frame).frame
    scale = _CHECK_DPI / 72 if view.density is None else min(1600 / max(frame.width, frame.height), view.density)
    image = straighten(view.render(scale, grey=True), frame)
    text = "".join(word.text for word in words)
    packs = next((packs for packs, (low, high) in _SCRIPTS.items() if _share(text, low, high) > 0.2), "eng")
    tokens = read(image, packs, settings, seconds=settings.page_timeout_s / 6)
    seen = [token.text for token in tokens if token.confidence > 0.8 and len(token.text) > 2]
    told = _bare(text)
    agreed = sum(_bare(token) in told for token in seen)
    return agreed >= _AGREEMENT * len(seen) if len(seen) >= 5 else agreed > 0 or not seen


def _ocr_draft(view: PageView, hint: str, settings: Settings) -> Draft:
    """OCR with the packs of `hint`, or as glances at part of the page tell that it must be turned, or is of another script."""
    sheet, packs = _sheet(view, settings), packs_of(hint)
    frames = _both_ways(sheet.lie)
    if sheet.lie.turn:
        glances = {frame: _sureness(_attempt(sheet, frame, packs, settings, glance=True)) for frame in frames}
        frames.sort(key=lambda frame: glances[frame], reverse=True)
        if glances[frames[0]] < _LIKELY:
            level = _sheet(view, settings, level=True)
            if _sureness(_attempt(level, level.lie, packs, settings, glance=True)) > glances[frames[0]] + _CLEARLY:
                sheet, frames = level, _both_ways(level.lie)
    first = _attempt(sheet, frames[0], packs, settings)
    if _sureness(first) >= _SURE or len(sheet.marks) < _FEW_MARKS:
        return first
    scripts = [other for other in _SCRIPTS if other != packs]
    # Another turn is tried first: Latin letters are glanced at three times faster than others.
    tries = [(frames[1], packs)] + [(frame, other) for frame in frames for other in scripts]
    # Glances are compared with a glance: the part that is looked at may be harder than the rest.
    glance = _attempt(sheet, frames[0], packs, settings, glance=True)
    best, least = None, min(_sureness(first), _sureness(glance)) + _CLEARLY
    for frame, other in tries:
        tried = _attempt(sheet, frame, other, settings, glance=True)
        if _sureness(tried) > least and _fits(tried):
            best, least = (frame, other), _sureness(tried)
            if least >= _LIKELY:
                break
    return _attempt(sheet, *best, settings) if best else first


def _both_ways(lie: Frame) -> list[Frame]:
    return [lie, replace(lie, turn=(lie.turn + 180) % 360)]


def _sureness(draft: Draft) -> float:
    """The share of letters in words of three letters and more that were read surely: hardly any in a wrong turn or script.

    Tesseract finds lines that run up or down as well: only words that are wider than tall count.
    """
    width, height = draft.frame.upright
    across = [w for w in draft.words if (w.box[2] - w.box[0]) * width > (w.box[3] - w.box[1]) * height]
    sure = sum(_letters(word.text) for word in across if word.confidence >= 0.85 and _letters(word.text) > 2)
    return sure / max(sum(_letters(word.text) for word in draft.words), _FEW_MARKS)


def _fits(tried: Draft) -> bool:
    """Whether packs of another script found that script."""
    low, high = _SCRIPTS.get(tried.packs, ("", ""))
    return not low or _share("".join(word.text for word in tried.words), low, high) >= 0.3


def _attempt(sheet: _Sheet, frame: Frame, packs: str, settings: Settings, *, glance: bool = False) -> Draft:
    """The sheet read in `frame` with `packs`; at a glance only the band with the most letters, at a smaller size."""
    page = sheet.image
    if glance:
        page = np.asarray(cv2.resize(page, None, fx=_GLANCE, fy=_GLANCE, interpolation=cv2.INTER_AREA), np.uint8)
    image = straighten(page, frame, grow=True)
    if glance:
        top, bottom = sheet.band if frame.turn == sheet.lie.turn else (1 - sheet.band[1], 1 - sheet.band[0])
        image = np.ascontiguousarray(image[int(top * image.shape[0]) : int(bottom * image.shape[0])])
    # All that may be read of a page together (two readings, some glances, one more in its language) stays within its time.
    seconds = settings.page_timeout_s / (25 if glance else 4)
    tokens = read(image, packs, settings, layout="block" if sheet.block else "page", seconds=seconds)
    if packs == packs_of("th") and not glance:
        tokens = with_baht_signs(image, tokens)
    upright = page.shape if frame.turn in (0, 180) else page.shape[::-1]
    first = Draft(_words(tokens, image.shape, upright), frame, WordsFrom.OCR, packs)
    if glance or _sureness(first) < _LIKELY:
        return first
    marks = sheet.marks if frame.turn == sheet.lie.turn else 1 - sheet.marks[:, [2, 3, 0, 1]]
    rim = np.subtract(image.shape, upright) / 2
    marks = marks * [*upright[::-1], *upright[::-1]] + [*rim[::-1], *rim[::-1]]
    seconds = settings.page_timeout_s / 10
    tokens = read_again(image, tokens, marks, packs, settings, slip=sheet.block, seconds=seconds)
    return replace(first, words=_words(tokens, image.shape, upright))


def _sheet(view: PageView, settings: Settings, *, level: bool = False) -> _Sheet:
    """The page at the size at which Tesseract reads best: by resolution where it is drawn, by its letters in a scan.

    `level` says that its lines do not run up or down, whatever they look like.
    """
    frame, base = view.frame, PREVIEW_PX / max(view.frame.width, view.frame.height)
    drawn = view.render(base, grey=True)
    preview = light_ground(drawn, drawn)
    ink = find_ink(preview)
    lie = find_lie(ink)
    frame = replace(frame, turn=90 if lie.sideways and not level else 0, skew=lie.skew)
    if frame.turn or frame.skew:
        ink = find_ink(straighten(preview, frame))
    marks = ink.boxes[ink.letters()]
    tall = letter_height(ink)
    block = bool(tall) and float(np.max(marks[:, 0] + marks[:, 2]) - np.min(marks[:, 0])) < _SLIP_LETTERS * tall
    scale = settings.ocr_dpi / 72
    if view.density is not None:
        wanted = (_SLIP_LETTER_PX if block else _LETTER_PX) * settings.ocr_dpi / 200
        scale = wanted / tall * base if tall else settings.ocr_dpi * _A4_INCHES / max(frame.width, frame.height)
        scale = min(max(scale, 0.4 * view.density), 3 * view.density)
    image = even_light(light_ground(view.render(scale, grey=True), drawn), preview)
    if view.density is not None and scale > 1.3 * view.density:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), _BLUR), np.uint8)
    sides = np.column_stack([marks[:, 0], marks[:, 1], marks[:, 0] + marks[:, 2], marks[:, 1] + marks[:, 3]])
    sides = sides / [*ink.mask.shape[::-1], *ink.mask.shape[::-1]]
    return _Sheet(image, frame, block, sides, _band(sides[:, 1]))


def _band(heights: NDArray[np.float64]) -> tuple[float, float]:
    """Top and bottom of the part of a page that holds the most of its marks, which stand at `heights` (0..1)."""
    tops = np.linspace(0.0, 1 - _BAND, 15)
    counts = [np.count_nonzero((heights >= top) & (heights < top + _BAND)) for top in tops]
    # A page with few marks is looked at as a whole.
    if max(counts) < _ENOUGH_MARKS:
        return (0.0, 1.0)
    top = float(tops[int(np.argmax(counts))])
    return (top, top + _BAND)


def _words(tokens: Sequence[Token], canvas: Sequence[int], page: Sequence[int]) -> tuple[Word, ...]:
    """Tesseract's tokens as words of the reading frame, by rows; noise left out, Thai joined where nothing parts it.

    Args:
        tokens: in pixels of the canvas.
        canvas: height and width of the image that was read.
        page: height and width of the reading frame, which lies in the middle of it: smaller where the page is skewed. Words in
            the corners that a skewed page keeps lie beyond 0..1.
    """
    left, top = (canvas[1] - page[1]) / 2, (canvas[0] - page[0]) / 2

    def to_frame(box: tuple[int, int, int, int]) -> Box:
        return ((box[0] - left) / page[1], (box[1] - top) / page[0], (box[2] - left) / page[1], (box[3] - top) / page[0])

    pieces = []
    for _, group in groupby(tokens, key=lambda token: token.line):
        line = list(group)
        read = [Word(t.text, to_frame(t.box), t.confidence) for t in line if not _is_noise(t)]
        words = _joined(read, page[1] / page[0], _consonant(line) / page[0])
        _, above, _, below = to_frame((0, line[0].line_top, 0, line[0].line_bottom))
        pieces.append(Piece(tuple(words), above, below))
    return in_rows(pieces)


def _consonant(line: Sequence[Token]) -> float:
    """How tall a Thai consonant of the line is, in pixels; 0 where the line has none by itself."""
    heights = [t.box[3] - t.box[1] for t in line if len(t.text) == 1 and "\u0e01" <= t.text <= "\u0e2e"]
    return float(np.median(heights)) if heights else 0.0


def _is_noise(token: Token) -> bool:
    """Specks and rules that were taken for print: hardly sure, or a mark without letter or digit that is not sure."""
    plain = any(c.isalnum() for c in token.text)
    return token.confidence < 0.1 or (not plain and token.confidence < 0.5)


def _joined(words: Sequence[Word], aspect: float, consonant: float) -> list[Word]:
    """Neighbours that are one word in print become one: Thai, which has no spaces, and amounts torn at their decimal sign.

    Args:
        words: of one line.
        aspect: width by height of the page.
        consonant: the height of a Thai consonant of the line, in the frame; 0 where it is not known.
    """
    joined: list[Word] = []
    for word in words:
        before = joined[-1] if joined else None
        if before:
            tall = max(word.box[3] - word.box[1], before.box[3] - before.box[1])
            reach = 0.0
            if _WHOLE.search(before.text) and _CENTS.match(word.text):
                reach = _FIXED_PITCH * tall
            elif _THAI_END.search(before.text) and (word.text[0] == "." or _thai(word.text[0])):
                reach = max(_TOUCHING * tall, _WITHIN_THAI * consonant)
            if (word.box[0] - before.box[2]) * aspect < reach:
                box = (before.box[0], min(before.box[1], word.box[1]), word.box[2], max(before.box[3], word.box[3]))
                joined[-1] = Word(before.text + word.text, box, min(before.confidence, word.confidence))
                continue
        joined.append(word)
    return joined


def _thai(character: str) -> bool:
    return "\u0e00" <= character <= "\u0e7f"


def _share(text: str, low: str, high: str) -> float:
    letters = [c for c in text if c.isalpha()]
    return sum(low <= c <= high for c in letters) / len(letters) if letters else 0.0


def _letters(text: str) -> int:
    """How many letters and vowel signs there are."""
    return sum(unicodedata.category(c)[0] in "LM" for c in text)


def _bare(text: str) -> str:
    return "".join(c for c in text.casefold() if c.isalnum())


__all__ = ["Draft", "draft", "finish", "missing_packs", "words_fingerprint"]
