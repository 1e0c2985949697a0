"""Reading lines of a slip a second time, smaller and by themselves, where the first reading is in doubt or has nothing."""

import re
import time
from collections.abc import Iterator, Sequence
from itertools import groupby
from statistics import median

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.pages import Pixels
from pipeline.settings import Settings
from pipeline.tesseract import Token, read

_DOUBTFUL = 0.85
_BELIEVED = 0.6
"""What only the second reading found counts from here on."""
_TALL = 18.0
"""Pixels of a letter in the second reading."""
_SHAPELY = 0.15
_SHAPE = re.compile(r"\D{0,3}\d{1,3}(?:[.,]\d{3})*[.,]\d{2}\D?|\d{1,4}([./-])\d{1,2}\1\d{2,4}")
"""How amounts and dates look: a reading that is one is the likelier."""
_MARGIN = 0.25
_BORDER = 10
_MOST = 60
_FEWEST_MARKS = 3
_APART = 4.0
_MOST_PAIRS = 20_000_000

_Area = tuple[int, int, int, int]


def read_again(
    image: Pixels,
    tokens: Sequence[Token],
    marks: NDArray[np.float64],
    packs: str,
    settings: Settings,
    *,
    slip: bool,
    seconds: float,
) -> list[Token]:
    """The tokens with those put in that a second reading is surer of.

    A size at which one letter is misread reads another one right: of two readings that differ the surer one is right more
    often than either. Only lines with a doubtful figure, and print that has no token, are worth the time.

    Args:
        image: what was read, grey.
        tokens: the first reading.
        marks: left, top, right, bottom of what may be letters, in pixels of the image.
        packs: as in tesseract.PACKS.
        settings: for the folder of the packs.
        slip: whether it is a slip: on other pages only print that has no token is read.
        seconds: stop after so long.
    """
    if not tokens:
        return []
    until = time.monotonic() + seconds
    tall = _height(tokens)
    found: list[Token] = []
    asked = 0
    for _, group in groupby(tokens, key=lambda token: token.line):
        line = list(group)
        doubtful = _doubtful(line) if slip else []
        if doubtful and asked < _MOST and time.monotonic() < until:
            asked += 1
            line = _surer(line, _read_area(image, _around(line), _height(doubtful), packs, settings))
        found += line
    number = tokens[-1].line
    for area in _unread(tokens, marks, tall):
        if asked == _MOST or time.monotonic() >= until:
            break
        asked += 1
        number += 1
        again = [token for token in _read_area(image, area, tall, packs, settings) if token.confidence >= _BELIEVED]
        found += [token._replace(line=number, line_top=area[1], line_bottom=area[3]) for token in again]
    return found


def _doubtful(line: Sequence[Token]) -> list[Token]:
    """Figures that are not sure, and what closes a line, where an amount may stand."""
    unsure = [token for token in line if token.confidence < _DOUBTFUL]
    return [token for token in unsure if token is line[-1] or any(c.isdigit() for c in token.text)]


def _around(line: Sequence[Token]) -> _Area:
    boxes = np.array([token.box for token in line])
    return (int(boxes[:, 0].min()), int(boxes[:, 1].min()), int(boxes[:, 2].max()), int(boxes[:, 3].max()))


def _height(tokens: Sequence[Token]) -> float:
    return max(median(token.box[3] - token.box[1] for token in tokens), 1)


def _read_area(image: Pixels, area: _Area, tall: float, packs: str, settings: Settings) -> list[Token]:
    """The one line in an area of the image, whose print is `tall`."""
    height, width = image.shape
    left, top = max(int(area[0] - tall), 0), max(int(area[1] - _MARGIN * tall), 0)
    right, bottom = min(int(area[2] + tall), width), min(int(area[3] + _MARGIN * tall), height)
    cut = image[top:bottom, left:right]
    if min(cut.shape) < 8:
        return []
    scale = min(max(_TALL / tall, 0.2), 1.0)
    small = cv2.resize(cut, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    paper = float(np.median(small))
    framed = np.asarray(
        cv2.copyMakeBorder(small, _BORDER, _BORDER, _BORDER, _BORDER, cv2.BORDER_CONSTANT, value=(paper,)), np.uint8
    )

    def back(token: Token) -> Token:
        x0, y0, x1, y1 = (int((side - _BORDER) / scale) for side in token.box)
        return token._replace(box=(x0 + left, y0 + top, x1 + left, y1 + top))

    return [back(token) for token in read(framed, packs, settings, layout="line")]


def _surer(first: Sequence[Token], again: Sequence[Token]) -> list[Token]:
    """One line of two readings: of the tokens that stand at one place those that are surer, however many they are."""
    _, _, _, line, top, bottom = first[0]
    kept: list[Token] = []
    for one, other in _places(first, again):
        if one and other:
            chosen = max(one, other, key=_sureness)
        else:
            chosen = one or [token for token in other if token.confidence >= _BELIEVED]
        kept += [token._replace(line=line, line_top=top, line_bottom=bottom) for token in chosen]
    return kept


def _places(first: Sequence[Token], again: Sequence[Token]) -> Iterator[tuple[list[Token], list[Token]]]:
    """The tokens of both readings by place: what overlaps along the line goes together."""
    place: tuple[list[Token], list[Token]] = ([], [])
    end = 0
    for token, sort in sorted([(t, 0) for t in first] + [(t, 1) for t in again], key=lambda item: item[0].box[0]):
        x0, _, x1, _ = token.box
        if any(place) and end - x0 <= 0.3 * min(x1 - x0, end - min(t.box[0] for t in place[0] + place[1])):
            yield place
            place = ([], [])
            end = 0
        place[sort].append(token)
        end = max(end, x1)
    if any(place):
        yield place


def _sureness(tokens: Sequence[Token]) -> float:
    sure = sum(token.confidence * len(token.text) for token in tokens) / sum(len(token.text) for token in tokens)
    return sure + _SHAPELY * bool(_SHAPE.fullmatch(" ".join(token.text for token in tokens)))


def _unread(tokens: Sequence[Token], marks: NDArray[np.float64], tall: float) -> Iterator[_Area]:
    """Rows of marks, of the size of the print, that no token covers."""
    # Thousands of specks are no print, and to hold each against each token would take memory without end.
    if not len(marks) or len(marks) * len(tokens) > _MOST_PAIRS:
        return
    boxes = np.array([token.box for token in tokens])
    middle_x, middle_y = (marks[:, 0] + marks[:, 2]) / 2, (marks[:, 1] + marks[:, 3]) / 2
    within_x = (middle_x[:, None] >= boxes[:, 0] - 0.3 * tall) & (middle_x[:, None] <= boxes[:, 2] + 0.3 * tall)
    within_y = (middle_y[:, None] >= boxes[:, 1]) & (middle_y[:, None] <= boxes[:, 3])
    high = marks[:, 3] - marks[:, 1]
    free = marks[~(within_x & within_y).any(axis=1) & (high > 0.4 * tall) & (high < 3 * tall)]
    rows: list[list[NDArray[np.float64]]] = []
    for mark in free[np.argsort(free[:, 1] + free[:, 3])]:
        middle = (mark[1] + mark[3]) / 2
        near = [row for row in rows[-3:] if row[-1][1] <= middle <= row[-1][3]]
        if near:
            near[-1].append(mark)
        else:
            rows.append([mark])
    for row in rows:
        sides = np.array(sorted(row, key=lambda mark: float(mark[0])))
        for part in np.split(sides, np.flatnonzero(sides[1:, 0] - sides[:-1, 2] > _APART * tall) + 1):
            if len(part) >= _FEWEST_MARKS:
                yield (int(part[:, 0].min()), int(part[:, 1].min()), int(part[:, 2].max()), int(part[:, 3].max()))
