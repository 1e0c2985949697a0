"""Pictures of places on pages: drawn in a process of its own, because a hostile file may kill or hang its reader."""

import multiprocessing
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

import cv2
import numpy as np

from pipeline.errors import DocumentError
from pipeline.pages import Pixels
from pipeline.records import Box
from pipeline.render import open_document
from pipeline.settings import Settings

PAGE_PX = 1800
"""Longest side of the page that crops are cut from."""
CROP_PX, THUMB_PX = 640, 420
MARGIN_X, MARGIN_Y = 0.16, 0.03
_QUALITY = 72

FOUND, TRUE = (196, 43, 28), (20, 90, 200)
"""Red and blue: what was found, and where the truth says that the value is. Told apart by the colour-blind as well."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A box to be drawn, in fractions of the page, in a colour."""

    box: Box
    colour: tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Shot:
    """A picture to be made: the page (from 1), what is marked on it, and whether to show all of it or what is about them."""

    page: int
    marks: tuple[Mark, ...] = ()
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Picture:
    """A JPEG with its size in pixels."""

    jpeg: bytes
    width: int
    height: int


class Drawer:
    """A process that makes pictures; one that dies or takes too long is replaced, and its document has none."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._process: BaseProcess | None = None
        self._pipe: Connection | None = None

    def draw(self, path: str, shots: Sequence[Shot]) -> list[Picture | None]:
        """The pictures of a document in the order of `shots`; None for each that cannot be made."""
        if not shots:
            return []
        pipe = self._pipe or self._start()
        try:
            pipe.send((path, list(shots)))
            if pipe.poll(self._settings.survey_timeout_s + self._settings.page_timeout_s):
                pictures: list[Picture | None] = pipe.recv()
                return pictures
        except (EOFError, OSError):
            pass
        self.close()
        return [None] * len(shots)

    def close(self) -> None:
        """End the process."""
        if self._process and self._pipe:
            self._process.kill()
            self._process.join()
            self._pipe.close()
        self._process = self._pipe = None

    def _start(self) -> Connection:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, self._settings), daemon=True)
        self._process.start()
        theirs.close()
        return self._pipe


@contextmanager
def drawer(settings: Settings) -> Iterator[Drawer]:
    """A `Drawer` that is closed in the end."""
    made = Drawer(settings)
    try:
        yield made
    finally:
        made.close()


def _serve(pipe: Connection, settings: Settings) -> None:
    """The process: makes pictures until nobody asks any more."""
    while True:
        try:
            path, shots = pipe.recv()
        except EOFError:
            return
        pipe.send(pictures(path, shots, settings))


def pictures(path: str, shots: Iterable[Shot], settings: Settings) -> list[Picture | None]:
    """The pictures of a document, in this process."""
    wanted = list(shots)
    made: dict[int, Picture | None] = dict.fromkeys(range(len(wanted)))
    try:
        with open_document(path, settings) as document:
            for number in sorted({shot.page for shot in wanted}):
                if not 1 <= number <= document.page_count:
                    continue
                view = document.page(number)
                pixels = view.render(PAGE_PX / max(view.frame.width, view.frame.height))
                for index, shot in enumerate(wanted):
                    if shot.page == number:
                        made[index] = _picture(pixels, shot)
    except DocumentError:
        pass
    return list(made.values())


def _picture(pixels: Pixels, shot: Shot) -> Picture:
    height, width = pixels.shape[:2]
    x0, y0, x1, y1 = (0.0, 0.0, 1.0, 1.0) if shot.whole or not shot.marks else _about([mark.box for mark in shot.marks])
    left, top = int(x0 * width), int(y0 * height)
    cut = np.ascontiguousarray(pixels[top : max(int(y1 * height), top + 1), left : max(int(x1 * width), left + 1)])
    scale = (THUMB_PX if shot.whole else CROP_PX) / (max(cut.shape[:2]) if shot.whole else cut.shape[1])
    if scale < 1:
        cut = np.asarray(cv2.resize(cut, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
    else:
        scale = 1.0
    for mark in shot.marks:
        corners = [
            (round((x * width - left) * scale) + out, round((y * height - top) * scale) + out)
            for x, y, out in ((mark.box[0], mark.box[1], -3), (mark.box[2], mark.box[3], 3))
        ]
        cv2.rectangle(cut, corners[0], corners[1], mark.colour, 2, cv2.LINE_AA)
    _, jpeg = cv2.imencode(".jpg", cv2.cvtColor(cut, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return Picture(jpeg.tobytes(), cut.shape[1], cut.shape[0])


def _about(boxes: Sequence[Box]) -> Box:
    """What to show of a page, so that a reader sees what stands around the boxes."""
    x0, y0 = min(box[0] for box in boxes) - MARGIN_X, min(box[1] for box in boxes) - MARGIN_Y
    x1, y1 = max(box[2] for box in boxes) + MARGIN_X, max(box[3] for box in boxes) + MARGIN_Y
    return (max(x0, 0.0), max(y0, 0.0), min(x1, 1.0), min(y1, 1.0))
