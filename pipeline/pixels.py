"""What can be told from a page's pixels alone: where ink is, how the lines lie, how large the letters are."""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.pages import Pixels
from pipeline.records import Frame

PREVIEW_PX = 1200
"""Longest side of the image on which ink is looked for; on A4, print of 6 points is 7 pixels tall there."""

_LEAST_CONTRAST = 10.0
_NOISES = 5.0
_BACKGROUND_PX = 41
_LEAST_LIGHT = 0.35
_LIGHT_PX = 31
_UNEVEN = 0.2
_DEEPEST_SHADE = 0.5
_DARK = 0.55
_LEAST_PAPER = 120.0
_FULL = 0.7
_SOLID = 0.2
_STROKE = 9
_LEAST_AREA = 60
_LETTER_BOX = 11
_SKEW_LIMIT = 15.0
_SKEW_PIXELS = 30_000
_FEW_LETTERS = 20
_SPECK = 0.06
_PEAK = 1.5
_BESIDE = (0.25, 0.45)
_ENOUGH_MARKS = 1500


@dataclass(frozen=True, slots=True)
class Ink:
    """The marks on a page, whatever the light and the colour of the paper.

    Attributes:
        mask: (height, width), True where there is ink.
        labels: (height, width), the number of each pixel's mark, 0 for none.
        boxes: (marks, 5) of left, top, width, height, area in pixels; the marks are numbered from 1.
    """

    mask: NDArray[np.bool_]
    labels: NDArray[np.int32]
    boxes: NDArray[np.int32]

    def letters(self) -> NDArray[np.int32]:
        """The rows of `boxes` that have the size of a letter or a joined word, away from the page's edge; specks left out."""
        left, top, width, height, area = self.boxes.T
        rows, columns = self.mask.shape
        tall = 0.08 * max(rows, columns)
        along, upright = (height <= tall) & (width <= 12 * height), (width <= tall) & (height <= 12 * width)
        fits = (height >= 4) & (along | upright) & (area >= 6)
        dense = area >= 0.12 * width * height
        inside = (left > 0) & (top > 0) & (left + width < columns) & (top + height < rows)
        found = np.flatnonzero(fits & dense & inside)
        # Of a page's ink half is in marks above this size: specks are many and yet have little of it.
        sizes = np.sort(area[found])
        usual = sizes[np.searchsorted(np.cumsum(sizes), sizes.sum() / 2)] if len(sizes) else 0
        return np.asarray(found[area[found] > _SPECK * usual], np.int32)


def find_ink(grey: Pixels) -> Ink:
    """The marks of a grey image: what differs from the paper around it by more than the image's noise.

    White print on black is found as well: where most of the image is dark, it is read inverted. Contrast counts by the light
    that falls there, so that print in a shadow is found; but the noise of a black border must not be made into marks.
    """
    if float(np.median(grey)) < 100:
        grey = 255 - grey
    smooth = cv2.GaussianBlur(grey, (3, 3), 0)
    paper = cv2.medianBlur(cv2.dilate(smooth, np.ones((5, 5), np.uint8)), _BACKGROUND_PX).astype(np.float32)
    contrast = (paper - smooth) * (255.0 / np.maximum(paper, _LEAST_LIGHT * float(np.median(paper))))
    noise = 1.4826 * float(np.median(np.abs(contrast - np.median(contrast))))
    threshold = float(np.median(contrast)) + max(_LEAST_CONTRAST, _NOISES * noise)
    mask = (contrast > threshold).astype(np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    return Ink(mask.astype(bool), np.asarray(labels, np.int32), np.asarray(stats[1:], np.int32))


def has_writing(grey: Pixels) -> bool:
    """Whether a page preview (PREVIEW_PX) shows anything that somebody may have written, printed or stamped.

    Specks lie alone and are small; writing is at least one large mark, or three marks of a letter's size side by side. What
    touches the edge, long rules (as the rim of the paper on a scanner's black bed is) and the holes of a punch do not count.
    """
    ink = find_ink(grey)
    if not len(ink.boxes):
        return False
    left, top, width, height, area = ink.boxes.T
    rows, columns = ink.mask.shape
    inside = (left > 1) & (top > 1) & (left + width < columns - 1) & (top + height < rows - 1)
    long, short = np.maximum(width, height), np.minimum(width, height)
    rule = (long > 0.5 * min(rows, columns)) & (area < 10 * long)
    if bool(np.any(inside & (long >= 30) & (short >= 8) & ~rule & ~_holes(ink))):
        return True
    marks = ink.boxes[ink.letters()]
    marks = marks[(marks[:, 3] >= 5) & (marks[:, 4] >= 10)]
    return any(_neighbours(marks, mark) >= 2 for mark in marks[:500])


def _holes(ink: Ink) -> NDArray[np.bool_]:
    """Which marks may be holes of a punch: filled discs of up to a centimetre, near an edge."""
    left, top, width, height, area = ink.boxes.T
    rows, columns = ink.mask.shape
    side = np.maximum(width, height)
    disc = (np.minimum(width, height) > 0.8 * side) & (area > 0.65 * width * height) & (area < 0.9 * width * height)
    margin = np.minimum.reduce([left + width / 2, top + height / 2, columns - left - width / 2, rows - top - height / 2])
    return np.asarray(disc & (side < 0.04 * max(rows, columns)) & (margin < 0.08 * max(rows, columns)), np.bool_)


def _neighbours(marks: NDArray[np.int32], mark: NDArray[np.int32]) -> int:
    """How many other marks stand beside `mark` in its line (not over or under it), within four times its height."""
    left, top, width, height, _ = mark
    apart = np.maximum(marks[:, 0] - (left + width), left - (marks[:, 0] + marks[:, 2]))
    level = np.abs((marks[:, 1] + marks[:, 3] / 2) - (top + height / 2)) < 0.8 * max(height, 1)
    alike = (marks[:, 3] < 3 * height) & (height < 3 * marks[:, 3])
    return int(np.count_nonzero(level & alike & (apart < 4 * height) & (apart > -0.5 * np.minimum(width, marks[:, 2]))))


def even_light(image: Pixels, preview: Pixels) -> Pixels:
    """A grey image as it were if the same light fell on all of the page; itself where it does, or where the page is dark.

    Args:
        image: the page at any size.
        preview: the page at PREVIEW_PX.
    """
    small = cv2.resize(preview, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    paper = cv2.medianBlur(cv2.dilate(small, np.ones((3, 3), np.uint8)), _LIGHT_PX).astype(np.float32)
    usual = float(np.median(paper))
    dim, bright = np.percentile(paper, (10, 90))
    if usual < 100 or bright - dim < _UNEVEN * usual:
        return image
    soft = cv2.GaussianBlur(np.maximum(paper, _DEEPEST_SHADE * usual), (0, 0), 10)
    light = cv2.resize(soft, image.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.divide(image, light, scale=float(np.percentile(paper, 95)), dtype=cv2.CV_8U), np.uint8)


def light_ground(image: Pixels, preview: Pixels) -> Pixels:
    """A grey image with its dark areas turned over: the bed around the paper becomes white, white print on a bar becomes black.

    Tesseract takes dark areas for pictures, and beside them finds no lines, or half of them.

    Args:
        image: the page at any size.
        preview: the page at PREVIEW_PX.
    """
    paper = float(np.percentile(preview, 90))
    if paper < _LEAST_PAPER:
        return image
    dark = (preview < _DARK * paper).astype(np.uint8)
    areas = cv2.morphologyEx(dark, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    letter = np.ones((_LETTER_BOX, _LETTER_BOX), np.uint8)
    areas = cv2.morphologyEx(cv2.morphologyEx(areas, cv2.MORPH_CLOSE, letter), cv2.MORPH_OPEN, letter)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(areas, connectivity=8)
    size = stats[:, cv2.CC_STAT_AREA]
    solid = cv2.morphologyEx(dark, cv2.MORPH_OPEN, np.ones((_STROKE, _STROKE), np.uint8))
    # Bold print that stands close is dark as well, but by less of its area than what is printed on, and it is all strokes.
    full = np.bincount(labels.ravel(), dark.ravel(), count) >= _FULL * size
    full &= np.bincount(labels.ravel(), solid.ravel(), count) >= _SOLID * size
    full &= np.maximum(stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT]) >= _LEAST_AREA
    full[0] = False
    if not full.any():
        return image
    turned = full[labels].astype(np.uint8)
    ground = float(np.median(preview[(turned & dark).astype(bool)]))
    rim = cv2.morphologyEx(turned, cv2.MORPH_GRADIENT, np.ones((5, 5), np.uint8))
    within = cv2.resize(turned, image.shape[::-1], interpolation=cv2.INTER_NEAREST).astype(bool)
    edge = cv2.resize(rim, image.shape[::-1], interpolation=cv2.INTER_NEAREST).astype(bool)
    light = image.copy()
    light[within] = np.clip(paper + ground - image[within].astype(np.float32), 0, 255).astype(np.uint8)
    light[edge] = np.maximum(light[edge], np.uint8(paper))
    return light


def letter_height(ink: Ink) -> float:
    """The usual height of a letter in pixels; 0 where there are too few to tell."""
    heights = ink.boxes[ink.letters(), 3]
    return float(np.median(heights)) if len(heights) >= 5 else 0.0


@dataclass(frozen=True, slots=True)
class Lie:
    """How the lines of a page lie: `skew` degrees clockwise straighten them; `sideways` where they run up or down."""

    sideways: bool
    skew: float


def find_lie(ink: Ink) -> Lie:
    """How the lines lie, from the profile of the ink: print makes sharp rows when it is looked at along its lines."""
    letters = np.zeros(len(ink.boxes) + 1, bool)
    letters[ink.letters() + 1] = True
    ys, xs = np.nonzero(letters[ink.labels])
    if len(xs) < 200 or np.count_nonzero(letters) < _FEW_LETTERS:
        return Lie(False, 0.0)
    if len(xs) > _SKEW_PIXELS:
        step = len(xs) // _SKEW_PIXELS + 1
        xs, ys = xs[::step], ys[::step]
    level, level_score = _best_angle(xs, ys)
    upright, upright_score = _best_angle(ys, -xs)
    # Fixed-pitch print stands in columns that may be sharper than its lines; but its letters have their neighbours beside them.
    beside = _beside(ink)
    sideways = upright_score > (1.3 if beside > _BESIDE[0] else 0.15) * level_score and beside < _BESIDE[1]
    skew = upright if sideways else level
    # At the limit there is no peak: a picture, not print.
    return Lie(bool(sideways), skew if 0.25 <= abs(skew) < _SKEW_LIMIT - 1 else 0.0)


def _beside(ink: Ink) -> float:
    """The share of marks that speak for lines across the page: long ones by their shape, letters by their nearest neighbour."""
    boxes = ink.boxes[ink.letters()]
    areas = boxes[:, 2] * boxes[:, 3]
    left, top, width, height, _ = boxes[areas >= 0.4 * np.median(areas)][:_ENOUGH_MARKS].T
    right, bottom = left + width, top + height
    across = np.maximum(np.maximum(left[:, None] - right, left - right[:, None]), 0)
    down = np.maximum(np.maximum(top[:, None] - bottom, top - bottom[:, None]), 0)
    apart = np.hypot(across, down)
    np.fill_diagonal(apart, np.inf)
    nearest = (np.arange(len(left)), np.argmin(apart, axis=1))
    # Joined words are long in the direction of their line, whatever is next to them; a thin letter is small.
    joined = width * height >= np.median(areas)
    flat, upright = joined & (width > 2 * height), joined & (height > 2 * width)
    beside = flat | (~upright & (across[nearest] > down[nearest]))
    stacked = upright | (~flat & (across[nearest] < down[nearest]))
    return int(np.sum(beside)) / max(int(np.sum(beside) + np.sum(stacked)), 1)


def _best_angle(xs: NDArray[Any], ys: NDArray[Any]) -> tuple[float, float]:
    """The clockwise turn within ±15° under which the rows are sharpest, and how sharp they are then."""
    coarse = {float(angle): _sharpness(xs, ys, float(angle)) for angle in np.arange(-_SKEW_LIMIT, _SKEW_LIMIT + 1)}
    level = coarse[0.0]
    best = max(coarse, key=lambda angle: coarse[angle])
    # Lines of print stand out from all other turns; specks and pictures have a best turn only by chance.
    if coarse[best] < _PEAK * float(np.median(list(coarse.values()))):
        return 0.0, level
    best = best if coarse[best] > 1.02 * level else 0.0
    score = coarse[best]
    for step, reach in ((0.25, 1.0), (0.1, 0.2)):
        middle = best
        for angle in np.arange(middle - reach, middle + reach + step / 2, step):
            found = _sharpness(xs, ys, float(angle))
            if abs(angle) <= _SKEW_LIMIT and found > max(score, 1.02 * level):
                best, score = float(angle), found
    return best, score


def _sharpness(xs: NDArray[Any], ys: NDArray[Any], angle: float) -> float:
    """How unevenly the points fall into rows of two pixels after a clockwise turn by `angle` degrees."""
    radians = np.deg2rad(angle)
    rows = (xs * np.sin(radians) + ys * np.cos(radians)) / 2
    counts = np.bincount((rows - rows.min()).astype(np.int64)).astype(np.float64)
    return float(np.sum(np.diff(counts) ** 2) / len(xs))


def straighten(image: Pixels, frame: Frame, *, grow: bool = False) -> Pixels:
    """An image of the page frame, brought into the reading frame by the turn and skew of `frame`.

    Args:
        image: the page, upright in the page frame.
        frame: its turn and skew.
        grow: keep the corners that a skewed page would lose; the image is then larger by equal borders on opposite sides.
    """
    image = np.ascontiguousarray(np.rot90(image, -frame.turn // 90 % 4))
    if not frame.skew:
        return image
    height, width = image.shape[:2]
    sine, cosine = abs(np.sin(np.deg2rad(frame.skew))), abs(np.cos(np.deg2rad(frame.skew)))
    size = (width, height)
    if grow:
        size = (int(np.ceil(width * cosine + height * sine)), int(np.ceil(width * sine + height * cosine)))
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), -frame.skew, 1.0)
    matrix = matrix + np.array([[0, 0, (size[0] - width) / 2], [0, 0, (size[1] - height) / 2]])
    paper = np.median(image.reshape(-1, *image.shape[2:]), axis=0)
    value = tuple(float(v) for v in np.atleast_1d(paper))
    return np.asarray(cv2.warpAffine(image, matrix, size, flags=cv2.INTER_LINEAR, borderValue=value), np.uint8)
