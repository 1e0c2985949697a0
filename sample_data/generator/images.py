"""Pictures of pages, and what happens to paper: scanned, faxed, photographed, stamped, turned, faded.

A picture is RGB of uint8, (height, width, 3). A step takes one and gives a new one; what is left to chance comes from `lots`.
"""

import io
import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image

Picture = NDArray[np.uint8]
Shape = tuple[int, ...]

_WHITE = (255, 255, 255)


@dataclass(frozen=True)
class Lens:
    """Where the points of a page come to lie: a projection, and the width and height of what it makes."""

    matrix: NDArray[np.float64]
    size: tuple[int, int]

    def box(self, corners: tuple[float, float, float, float], shape: Shape) -> tuple[float, float, float, float]:
        """The box around what a box of a page of that shape becomes, both in fractions of width and height."""
        height, width = shape[:2]
        x0, y0, x1, y1 = corners
        points = np.array([[(x * width, y * height) for x, y in ((x0, y0), (x1, y0), (x1, y1), (x0, y1))]], np.float64)
        seen = cv2.perspectiveTransform(points, self.matrix)[0] / self.size
        (left, top), (right, bottom) = seen.min(axis=0), seen.max(axis=0)
        return float(left), float(top), float(right), float(bottom)


def from_png(data: bytes) -> Picture:
    """The picture in PNG bytes, on white."""
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB"), np.uint8)


def grey(page: Picture) -> NDArray[np.uint8]:
    """The picture without colour, (height, width)."""
    return np.asarray(cv2.cvtColor(page, cv2.COLOR_RGB2GRAY), np.uint8)


def scan(page: Picture, lots: Generator) -> Picture:
    """From a flatbed: soft edges, a grain, paper that is not quite white, darker towards one side."""
    height, width = page.shape[:2]
    soft = cv2.GaussianBlur(page, (0, 0), 0.6).astype(np.float32)
    shade = np.linspace(0, lots.uniform(4, 10), width, dtype=np.float32)[None, :: int(lots.choice((-1, 1))), None]
    grain = lots.normal(0, 1.6, (height, width, 1)).astype(np.float32)
    return _picture(soft * lots.uniform(0.955, 0.985) + lots.uniform(1, 6) - shade + grain)


def without_colour(page: Picture, lots: Generator) -> Picture:
    """Scanned in grey."""
    return np.repeat(grey(page)[:, :, None], 3, axis=2)


def tilt(page: Picture, lots: Generator) -> Picture:
    """Laid in a little askew: 0.6 to 1.8 degrees."""
    return _turned(page, tilt_lens(page.shape, lots))


def tilt_lens(shape: Shape, lots: Generator) -> Lens:
    """How `tilt` moves the print of a page of that shape, with the same lots."""
    return _askew(shape, lots.uniform(0.6, 1.8) * lots.choice((-1, 1)))


def skew(page: Picture, lots: Generator) -> Picture:
    """Laid in badly: 3 to 5 degrees."""
    return _turned(page, skew_lens(page.shape, lots))


def skew_lens(shape: Shape, lots: Generator) -> Lens:
    """How `skew` moves the print."""
    return _askew(shape, lots.uniform(3, 5) * lots.choice((-1, 1)), room=True)


def turned_90(page: Picture, lots: Generator) -> Picture:
    """A quarter to the right."""
    return np.ascontiguousarray(np.rot90(page, -1))


def turned_180(page: Picture, lots: Generator) -> Picture:
    """Upside down."""
    return np.ascontiguousarray(np.rot90(page, 2))


def turned_270(page: Picture, lots: Generator) -> Picture:
    """A quarter to the left."""
    return np.ascontiguousarray(np.rot90(page, 1))


def fax(page: Picture, lots: Generator) -> Picture:
    """Through a fax machine: black or white, specks, ragged edges, a scratched line."""
    rough = grey(page).astype(np.float32) + lots.normal(0, 26, page.shape[:2]).astype(np.float32)
    black = cv2.GaussianBlur(rough, (0, 0), 0.7) < lots.uniform(140, 165)
    height, width = black.shape
    specks = lots.random(black.shape) < 0.0006
    black = black | specks
    at = int(lots.integers(width // 10, width - width // 10))
    black[:, at] |= lots.random(height) < 0.35
    return np.repeat(np.where(black, 0, 255).astype(np.uint8)[:, :, None], 3, axis=2)


def faded(page: Picture, lots: Generator) -> Picture:
    """Thermal paper that has paled, more at one end, creased across."""
    height = page.shape[0]
    strength = np.linspace(lots.uniform(0.42, 0.55), lots.uniform(0.6, 0.8), height, dtype=np.float32)[:, None, None]
    pale = 246 - (255 - page.astype(np.float32)) * strength
    for _ in range(2):
        at = int(lots.integers(height // 6, height - height // 6))
        pale[at : at + 2] -= 14
    return scan(_picture(pale), lots)


def photo(page: Picture, lots: Generator) -> Picture:
    """Taken with a phone: on a table, from an angle, in warm light, with the hand's shadow across it."""
    height, width = page.shape[:2]
    table, lens = _on_table(page.shape, lots)
    columns, rows = lens.size
    seen = cv2.warpPerspective(page, lens.matrix, (columns, rows), flags=cv2.INTER_AREA)
    paper = np.full((height, width), 255, np.uint8)
    mask = cv2.GaussianBlur(cv2.warpPerspective(paper, lens.matrix, (columns, rows)), (0, 0), 1.0)
    share = mask.astype(np.float32)[:, :, None] / 255
    lit = (seen.astype(np.float32) * share + table * (1 - share)) * _light(rows, columns, lots)
    return _picture(cv2.GaussianBlur(lit, (0, 0), 0.8) + lots.normal(0, 2.5, (rows, columns, 1)))


def photo_lens(shape: Shape, lots: Generator) -> Lens:
    """How `photo` moves the print."""
    return _on_table(shape, lots)[1]


def stamped(page: Picture, stamp: Picture, lots: Generator) -> Picture:
    """With a rubber stamp over the print, in the lower half of it, a little worn."""
    height, width = page.shape[:2]
    size = 0.36 * width / stamp.shape[1]
    small = cv2.resize(stamp, None, fx=size, fy=size, interpolation=cv2.INTER_AREA).astype(np.uint8)
    ink = _turned(small, _askew(small.shape, lots.uniform(8, 22), room=True))
    worn = cv2.GaussianBlur(lots.random(ink.shape[:2]).astype(np.float32), (0, 0), 1.5)
    strength = np.clip((worn - 0.38) * 6, 0.35, 0.9)[:, :, None]
    written = np.flatnonzero((grey(page) < 128).any(axis=1))
    middle = int(np.quantile(written, lots.uniform(0.5, 0.8)))
    y = min(max(middle - ink.shape[0] // 2, 0), height - ink.shape[0])
    x = int((width - ink.shape[1]) * lots.uniform(0.35, 0.95))
    there = np.s_[y : y + ink.shape[0], x : x + ink.shape[1]]
    stained = page.astype(np.float32)
    stained[there] = stained[there] * (1 - (1 - ink.astype(np.float32) / 255) * strength)
    return _picture(stained)


def blank_back(page: Picture, lots: Generator) -> Picture:
    """The empty other side of a page, with a trace of the print showing through."""
    through = cv2.GaussianBlur(np.ascontiguousarray(page[:, ::-1]), (0, 0), 4).astype(np.float32)
    return scan(_picture(253 - (255 - through) * 0.02), lots)


def _light(rows: int, columns: int, lots: Generator) -> NDArray[np.float32]:
    """How bright each point is in red, green and blue: falling off to one side, warm, under a soft shadow."""
    y, x = np.mgrid[0:rows, 0:columns].astype(np.float32)
    angle = lots.uniform(0, 2 * math.pi)
    along = (x / columns - 0.5) * math.cos(angle) + (y / rows - 0.5) * math.sin(angle)
    edge = lots.uniform(0.05, 0.3)
    shadow = 1 - lots.uniform(0.2, 0.35) / (1 + np.exp(-(along - edge) * 25))
    bright = (0.97 - 0.22 * (along + 0.5)) * shadow
    return np.asarray(bright[:, :, None] * np.array((1.0, 0.95, 0.84), np.float32), np.float32)


def _on_table(shape: Shape, lots: Generator) -> tuple[NDArray[np.float32], Lens]:
    """A table that a page lies on, and how a camera sees the page there."""
    height, width = shape[:2]
    rows, columns = int(height * 1.1), int(width * 1.16)
    wood = cv2.GaussianBlur(lots.normal(0, 40, (rows, columns)).astype(np.float32), (0, 0), 12, sigmaY=2)[:, :, None] * 3
    table = float(lots.integers(70, 120)) * np.array((1.05, 0.92, 0.78), np.float32) + wood
    mx, my = columns * 0.05, rows * 0.035
    corners = np.array(((mx, my), (columns - mx, my), (columns - mx, rows - my), (mx, rows - my)))
    corners += lots.uniform(-0.6, 0.6, (4, 2)) * (mx, my)
    source = np.array(((0, 0), (width, 0), (width, height), (0, height)), np.float32)
    matrix = np.asarray(cv2.getPerspectiveTransform(source, corners.astype(np.float32)), np.float64)
    return table, Lens(matrix, (columns, rows))


def _askew(shape: Shape, degrees: float, *, room: bool = False) -> Lens:
    """Turned about its middle; with `room` the picture grows so that nothing is cut off."""
    height, width = shape[:2]
    turn = np.asarray(cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0), np.float64)
    wide, high = width, height
    if room:
        c, s = abs(turn[0, 0]), abs(turn[0, 1])
        wide, high = int(height * s + width * c), int(height * c + width * s)
        turn[:, 2] += ((wide - width) / 2, (high - height) / 2)
    return Lens(np.vstack((turn, (0, 0, 1))), (wide, high))


def _turned(page: Picture, lens: Lens) -> Picture:
    """The page turned, on white."""
    turned = cv2.warpAffine(page, lens.matrix[:2], lens.size, flags=cv2.INTER_CUBIC, borderValue=_WHITE)
    return np.asarray(turned, np.uint8)


def _picture(values: NDArray[np.floating]) -> Picture:
    return np.clip(np.round(values), 0, 255).astype(np.uint8)
