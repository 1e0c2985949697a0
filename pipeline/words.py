"""A page's words: from its text layer where that is sane, else read by Tesseract with the packs of its language."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from itertools import groupby

import cv2
import numpy as np

from pipeline import tesseract
from pipeline.pages import PageView, Pixels, TextLayer
from pipeline.pixels import PREVIEW_PX, find_ink, find_lie, letter_height, straighten
from pipeline.records import Box, Frame, PageWords, Word, WordsFrom
from pipeline.rows import Piece, in_rows
from pipeline.settings import Settings
from pipeline.tesseract import Token, missing_packs, packs_of, read
from pipeline.textlayer import is_suspicious, layer_words

RULES_VERSION = 1
"""Counted up with each change of this stage (or of what it is made of) that gives other words: kept ones are then read anew."""

_SURE = 0.72
_CHECK_DPI = 120
_AGREEMENT = 0.78
_LETTER_PX = 20.0
_SLIP_LETTER_PX = 30.0
_SLIP_LETTERS = 50
_SCRIPTS = {"eng+hin": ("\u0900", "\u097f"), "tha+eng": ("\u0e00", "\u0e7f")}


@dataclass(frozen=True, slots=True)
class Draft:
    """The first reading of a page, good enough to tell its language.

    Attributes:
        words: in the reading frame, by rows.
        frame: the reading frame.
        words_from: where they came from.
        packs: Tesseract's packs that read them; empty for a text layer.
        confidence: 0..1, the mean over letters.
    """

    words: tuple[Word, ...]
    frame: Frame
    words_from: WordsFrom
    packs: str = ""
    confidence: float = 1.0


@dataclass(frozen=True, slots=True)
class _Scan:
    """A page ready for Tesseract: the image in its reading frame (with a border where it is skewed), and how to read it."""

    image: Pixels
    frame: Frame
    size: tuple[float, float]
    block: bool


def words_fingerprint(settings: Settings) -> str:
    """16 hex digits of all that a page's words depend on beside the page: settings, our rules, Tesseract, PDFium, Pillow."""
    parts = [str(RULES_VERSION), settings.words, str(settings.ocr_dpi), settings.tessdata, tesseract.VERSION]
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
    words = draft.words
    wanted = packs_of(language)
    if draft.words_from is WordsFrom.OCR and language != "und" and draft.packs != wanted and words:
        scan = _scan(view, draft.frame, settings)
        words = _words(read(scan.image, wanted, settings, block=scan.block, seconds=settings.page_timeout_s / 2), scan)
    return PageWords(page, draft.frame, words, draft.words_from, language)


def _is_sane(view: PageView, layer: TextLayer, words: Sequence[Word], settings: Settings) -> bool:
    """Whether the layer says what the page shows; a quick OCR pass is the judge where a cheap sign is against it."""
    if not is_suspicious(layer):
        return True
    frame = layer_words(layer, view.frame).frame
    scale = _CHECK_DPI / 72 if view.density is None else min(1600 / max(frame.width, frame.height), view.density)
    image = straighten(view.render(scale, grey=True), frame)
    text = "".join(word.text for word in words)
    packs = next((packs for packs, (low, high) in _SCRIPTS.items() if _share(text, low, high) > 0.2), "eng")
    seen = [token.text for token in read(image, packs, settings) if token.confidence > 0.8 and len(token.text) > 2]
    if len(seen) < 5:
        return sum(glyph.doubtful for glyph in layer.glyphs) < 0.1 * len(layer.glyphs)
    told = _bare(text)
    return sum(_bare(token) in told for token in seen) >= _AGREEMENT * len(seen)


def _ocr_draft(view: PageView, hint: str, settings: Settings) -> Draft:
    frame = _lie(view)
    best = _attempt(view, frame, packs_of(hint), settings)
    if best.confidence >= _SURE and frame.turn == 0:
        return best
    for turn in (frame.turn, (frame.turn + 180) % 360):
        for packs in dict.fromkeys((best.packs, "eng", *_SCRIPTS)):
            if (turn, packs) == (best.frame.turn, best.packs):
                continue
            skewed = Frame(frame.width, frame.height, turn, frame.skew)
            tried = _attempt(view, skewed, packs, settings)
            if _worth(tried) > 1.1 * _worth(best):
                best = tried
        if best.confidence >= _SURE:
            break
    return best


def _worth(tried: Draft) -> float:
    """How much was read with confidence: letters of words of three letters and more."""
    return sum(len(word.text) * max(word.confidence - 0.5, 0) for word in tried.words if len(word.text) > 2)


def _attempt(view: PageView, frame: Frame, packs: str, settings: Settings) -> Draft:
    scan = _scan(view, frame, settings)
    words = _words(read(scan.image, packs, settings, block=scan.block, seconds=settings.page_timeout_s / 2), scan)
    letters = sum(len(word.text) for word in words)
    confidence = sum(len(word.text) * word.confidence for word in words) / letters if letters else 0.0
    return Draft(words, frame, WordsFrom.OCR, packs, confidence)


def _lie(view: PageView) -> Frame:
    """The reading frame as far as pixels tell it: sideways or not, and the skew."""
    frame = view.frame
    lie = find_lie(find_ink(_preview(view)))
    return Frame(frame.width, frame.height, 90 if lie.sideways else 0, lie.skew)


def _preview(view: PageView) -> Pixels:
    return view.render(PREVIEW_PX / max(view.frame.width, view.frame.height), grey=True)


def _scan(view: PageView, frame: Frame, settings: Settings) -> _Scan:
    """The page at the size at which Tesseract reads best: by resolution where it is drawn, by its letters in a scan."""
    preview = straighten(_preview(view), frame)
    ink = find_ink(preview)
    height = letter_height(ink)
    marks = ink.boxes[ink.letters()]
    across = float(np.ptp(np.concatenate([marks[:, 0], marks[:, 0] + marks[:, 2]]))) if len(marks) else 0.0
    slip = bool(height) and across / height < _SLIP_LETTERS
    base = PREVIEW_PX / max(frame.width, frame.height)
    scale = settings.ocr_dpi / 72
    if view.density is not None:
        wanted = (_SLIP_LETTER_PX if slip else _LETTER_PX) * settings.ocr_dpi / 200
        scale = base * wanted / height if height else view.density
        scale = min(max(scale, 0.4 * view.density), 3 * view.density)
    image = straighten(view.render(scale, grey=True), frame, grow=True)
    if view.density is not None and scale > 1.3 * view.density:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), 1.0), np.uint8)
    width, tall = frame.upright
    return _Scan(image, frame, (width * scale, tall * scale), slip)


def _words(tokens: Sequence[Token], scan: _Scan) -> tuple[Word, ...]:
    """Tesseract's tokens as words of the reading frame, by rows; noise left out, Thai joined where nothing parts it."""
    pieces = []
    for _, group in groupby(tokens, key=lambda token: token.line):
        line = list(group)
        words = _joined([Word(t.text, _box(t.box, scan), t.confidence) for t in line if not _is_noise(t)], scan)
        top, bottom = (_box((0, y, 0, y), scan)[1] for y in (line[0].line_top, line[0].line_bottom))
        pieces.append(Piece(tuple(words), top, bottom))
    return in_rows(pieces)


def _box(box: tuple[int, int, int, int], scan: _Scan) -> Box:
    """Pixels of the scan to fractions of the reading frame; beyond 0..1 in the corners that a skewed page keeps."""
    width, height = scan.size
    left, top = (scan.image.shape[1] - width) / 2, (scan.image.shape[0] - height) / 2
    return ((box[0] - left) / width, (box[1] - top) / height, (box[2] - left) / width, (box[3] - top) / height)


def _is_noise(token: Token) -> bool:
    """Specks and rules that were taken for print: hardly sure, or a mark without letter or digit that is not sure."""
    plain = any(c.isalnum() for c in token.text)
    return token.confidence < 0.1 or (not plain and token.confidence < 0.5)


def _joined(words: Sequence[Word], scan: _Scan) -> list[Word]:
    """Thai writes no spaces between words: neighbours that touch become one."""
    joined: list[Word] = []
    for word in words:
        before = joined[-1] if joined else None
        if before and _thai(before.text[-1]) and _thai(word.text[0]):
            gap = (word.box[0] - before.box[2]) * scan.size[0]
            if gap < 0.25 * max(word.box[3] - word.box[1], before.box[3] - before.box[1]) * scan.size[1]:
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


def _bare(text: str) -> str:
    return "".join(c for c in text.casefold() if c.isalnum())


__all__ = ["Draft", "draft", "finish", "missing_packs", "words_fingerprint"]
