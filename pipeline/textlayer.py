"""The words of a PDF's text layer, and the cheap signs that it may not say what the page shows."""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from pipeline.pages import Glyph, TextLayer
from pipeline.records import Box, Frame, Word
from pipeline.rows import Piece, in_rows
from pipeline.values.text import undouble

_GAP = 0.5
_LEVEL = 0.6
_DOUBTFUL_SHARE = 0.02
_SCAN_SHARE = 0.8
_PICTURE_SHARE = 0.4
_LONGEST = 200
"""Characters of a word, at most: a text without spaces must not become one word that every rule stumbles over."""
_FEW_WORDS = 12
_MIXED_SHARE = 0.2
_MIXED = re.compile(r"[a-z][A-Z]\w*[A-Z]|[^\W\d_][{}|~^<>=\\?!;*#$%&+\x22]+[^\W_]|[{}|~^\\]|[a-z]\d+[a-z]", re.ASCII)
"""Inside a word: signs that print keeps apart from letters, or capitals and digits among small letters."""


class LayerWords(NamedTuple):
    """The words of a layer in its reading frame."""

    words: tuple[Word, ...]
    frame: Frame


def layer_words(layer: TextLayer, frame: Frame) -> LayerWords:
    """The words of `layer` by visual rows, in a frame turned so that most of its letters stand upright.

    Words end at spaces, at gaps of half their height and at line breaks. Text without ink counts only on a scan, where it is
    somebody's OCR; a word drawn twice on one spot (for bold print) counts once.
    """
    scanned = layer.image_share > _SCAN_SHARE
    glyphs = [glyph for glyph in layer.glyphs if scanned or not glyph.hidden]
    turned = Frame(frame.width, frame.height, _turn(glyphs, frame))
    back = Frame(*turned.upright, (360 - turned.turn) % 360)
    if turned.turn:
        glyphs = [glyph._replace(box=back.to_page(glyph.box), body=back.to_page(glyph.body)) for glyph in glyphs]
    pieces: dict[tuple[str, int, int], Piece] = {}
    for run in _runs(glyphs, turned):
        piece = _piece(run)
        if piece:
            box = piece.words[0].box
            pieces.setdefault((piece.words[0].text, round(box[0] * 300), round(box[1] * 300)), piece)
    return LayerWords(in_rows(pieces.values()), turned)


def is_suspicious(layer: TextLayer, words: Sequence[Word]) -> bool:
    """Whether the layer shows a sign of not being what is printed.

    The signs: a picture that may be a scan, letters that its fonts do not name, hardly a word on the page, and text that is not
    made as writing is (few letters, few or many vowels, signs inside words), as when a font's codes are taken for letters.
    """
    if layer.image_share > _PICTURE_SHARE or doubtful_share(layer) > _DOUBTFUL_SHARE or len(words) < _FEW_WORDS:
        return True
    if sum(bool(_MIXED.search(word.text)) for word in words) > _MIXED_SHARE * len(words):
        return True
    text = "".join(word.text for word in words).casefold()
    letters = [c for c in text if c.isalpha()]
    latin = [c for c in letters if c < "\u0250"]
    vowels = sum(unicodedata.normalize("NFD", c)[0] in "aeiouyæø" for c in latin)
    return len(letters) < 0.2 * len(text) or (len(latin) > 50 and not 0.2 * len(latin) < vowels < 0.6 * len(latin))


def doubtful_share(layer: TextLayer) -> float:
    """The share of its characters (0..1) that no font names."""
    return sum(glyph.doubtful for glyph in layer.glyphs) / max(len(layer.glyphs), 1)


def _turn(glyphs: Sequence[Glyph], frame: Frame) -> int:
    """Degrees clockwise that make most of the text run to the right."""
    votes: Counter[int] = Counter()
    for before, after in zip(glyphs, glyphs[1:], strict=False):
        if after.parted:
            continue
        across = (after.body[0] + after.body[2] - before.body[0] - before.body[2]) * frame.width
        down = (after.body[1] + after.body[3] - before.body[1] - before.body[3]) * frame.height
        if abs(across) > 2 * abs(down):
            votes[0 if across > 0 else 180] += 1
        elif abs(down) > 2 * abs(across):
            votes[270 if down > 0 else 90] += 1
    # Right-to-left runs and stray marks must not turn a page: only a clear majority does.
    turn, count = votes.most_common(1)[0] if votes else (0, 0)
    return turn if count > 0.6 * votes.total() and turn in (90, 270, 180) and count >= 10 else 0


def _runs(glyphs: Sequence[Glyph], frame: Frame) -> list[list[Glyph]]:
    """The glyphs of each word."""
    width, height = frame.upright
    runs: list[list[Glyph]] = []
    for glyph in glyphs:
        before = runs[-1][-1] if runs else None
        if before is None or glyph.parted or len(runs[-1]) == _LONGEST or _breaks(before.body, glyph.body, width, height):
            runs.append([glyph])
        else:
            runs[-1].append(glyph)
    return runs


def _breaks(before: Box, after: Box, width: float, height: float) -> bool:
    tall = max(before[3] - before[1], after[3] - after[1]) * height
    gap = (after[0] - before[2]) * width
    level = abs(after[1] + after[3] - before[1] - before[3]) / 2 * height
    return level > _LEVEL * tall or gap > _GAP * tall or gap < -3 * tall


def _piece(run: Sequence[Glyph]) -> Piece | None:
    text = undouble(unicodedata.normalize("NFC", "".join(glyph.text for glyph in run))).strip()
    inked = [glyph.box for glyph in run if glyph.box[2] > glyph.box[0] and glyph.box[3] > glyph.box[1]]
    if not text or not inked:
        return None
    box = _clamped((min(b[0] for b in inked), min(b[1] for b in inked), max(b[2] for b in inked), max(b[3] for b in inked)))
    if box[0] >= box[2] or box[1] >= box[3]:
        return None
    tops, bottoms = sorted(glyph.body[1] for glyph in run), sorted(glyph.body[3] for glyph in run)
    return Piece((Word(text, box),), tops[len(tops) // 2], bottoms[len(bottoms) // 2])


def _clamped(box: Box) -> Box:
    return (max(box[0], 0.0), max(box[1], 0.0), min(box[2], 1.0), min(box[3], 1.0))
