"""The sign of the baht, which no pack of Tesseract knows: told by its ink, beside an amount."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import cv2
import numpy as np

from pipeline.pages import Pixels
from pipeline.tesseract import Token

BAHT = "฿"

_BEHIND = re.compile(r"\(?-?\d[\d,]*\.\d{2}\)?")
_AMOUNT = re.compile(r"[8B6฿]\d[\d,]*\.\d{2}")
"""An amount whose first digit may be the sign, which looks like an eight."""
_FINER = 4
"""How much an image is enlarged to be measured: a bar sticks out of a small B by a pixel above and one below."""
_ABOVE, _BELOW = 0.03, 0.045
_OUT_PX = 0.6
_TALLER_PX = 1.5
"""What sticks out, in heights of the digits beside it and in pixels: on a page that leans an eight does so on one side only."""
_WIDE = (0.35, 0.95)
_HOLES = 2
_REACH = 1.4
_SHORT = 2


@dataclass(frozen=True, slots=True)
class _Glyph:
    """A connected piece of ink: its edges, in pixels of the image, and how many holes it has."""

    left: float
    top: float
    right: float
    bottom: float
    holes: int

    @property
    def height(self) -> float:
        return self.bottom - self.top


def with_baht_signs(image: Pixels, tokens: Sequence[Token]) -> list[Token]:
    """The tokens with the sign in its place, where the ink before or behind an amount is that of one.

    It is a B that a bar sticks out of, above and below, with two holes or more. Tesseract makes an 8 of it, a B, a colon or
    nothing at all.
    """
    found: list[Token] = []
    behind: Token | None = None
    for place, token in enumerate(tokens):
        if token is behind:
            continue
        following = tokens[place + 1] if place + 1 < len(tokens) and tokens[place + 1].line == token.line else None
        # A letter there can be nothing else; a digit must look like it.
        if _AMOUNT.fullmatch(token.text) and (token.text[0] == "B" or _starts_with_sign(_glyphs(image, token.box))):
            token = token._replace(text=BAHT + token.text[1:])
        found.append(token)
        if not _BEHIND.fullmatch(token.text) or (following and len(following.text) > _SHORT and _near(token, following)):
            continue
        sign = _sign_behind(image, token)
        if sign:
            behind = following if following and len(following.text) <= _SHORT and _near(token, following) else None
            found.append(token._replace(text=BAHT, box=sign))
    return found


def _near(token: Token, following: Token) -> bool:
    return following.box[0] - token.box[2] < _REACH * (token.box[3] - token.box[1])


def _starts_with_sign(glyphs: Sequence[_Glyph]) -> bool:
    return len(glyphs) > 2 and _is_sign(glyphs[0], glyphs[1:])


def _sign_behind(image: Pixels, token: Token) -> tuple[int, int, int, int] | None:
    """The box of a sign behind an amount."""
    left, top, right, bottom = token.box
    tall = bottom - top
    glyphs = _glyphs(image, token.box)
    edge = int(max((glyph.right for glyph in glyphs), default=right))
    further = _glyphs(image, (edge + 1, top, int(edge + _REACH * tall), bottom))
    if not further or not glyphs or not _is_sign(further[0], glyphs):
        return None
    return (int(further[0].left), top, int(further[0].right), bottom)


def _is_sign(glyph: _Glyph, digits: Sequence[_Glyph]) -> bool:
    """Whether a piece of ink is the sign, by what sticks out of it above and below the digits beside it."""
    if glyph.holes < _HOLES or not _WIDE[0] <= (glyph.right - glyph.left) / max(glyph.height, 1) <= _WIDE[1]:
        return False
    tall = median(digit.height for digit in digits)
    above = median(digit.top for digit in digits) - glyph.top
    below = glyph.bottom - median(digit.bottom for digit in digits)
    out = above >= max(_ABOVE * tall, _OUT_PX) and below >= max(_BELOW * tall, _OUT_PX)
    return out and above + below >= _TALLER_PX


def _glyphs(image: Pixels, box: tuple[int, int, int, int]) -> list[_Glyph]:
    """The pieces of ink in a box and a little above and below it, from left to right; dots and commas are left out."""
    height, width = image.shape
    tall = box[3] - box[1]
    left, right = max(box[0], 0), min(box[2] + 1, width)
    top, bottom = max(box[1] - tall // 5, 0), min(box[3] + tall // 5, height)
    if right - left < 3 or bottom - top < 8:
        return []
    patch = cv2.resize(image[top:bottom, left:right], None, fx=_FINER, fy=_FINER, interpolation=cv2.INTER_CUBIC)
    ink, paper = np.percentile(patch, (2, 90))
    mask = (patch < (ink + paper) / 2).astype(np.uint8)
    contours, tree = cv2.findContours(mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    found = []
    for number, contour in enumerate(contours):
        x, y, w, h = (side / _FINER for side in cv2.boundingRect(contour))
        if tree[0][number][3] >= 0 or h < 0.6 * tall:
            continue
        holes = [other for other, links in zip(contours, tree[0], strict=True) if links[3] == number]
        count = sum(cv2.contourArea(hole) > 0.002 * (_FINER * tall) ** 2 for hole in holes)
        found.append(_Glyph(left + x, top + y, left + x + w, top + y + h, count))
    return sorted(found, key=lambda glyph: glyph.left)
