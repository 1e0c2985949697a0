"""The one home of Tesseract: its language packs, and reading an image with them."""

import os

# Tesseract's threads fight each other: one thread reads a page six times faster than eight. Must be set before the import.
os.environ.setdefault("OMP_THREAD_LIMIT", "1")

import unicodedata
from functools import cache
from pathlib import Path
from typing import Literal, NamedTuple

import tesserocr

from pipeline.errors import RunError
from pipeline.pages import Pixels
from pipeline.settings import Settings

PACKS = {
    "en": "eng",
    "de": "deu",
    "fr": "fra",
    "it": "ita",
    "pt": "por",
    "es": "spa",
    # The order decides: hin+eng reads the digit 1 as 7, and neither pack of the two scripts knows Latin letters.
    "hi": "eng+hin",
    "th": "tha+eng",
}
"""Tesseract's packs for each language (ISO 639-1)."""

VERSION = str(tesserocr.tesseract_version()).split("\n", maxsplit=1)[0]

Layout = Literal["page", "block", "line"]

_MODES = {"page": tesserocr.PSM.AUTO, "block": tesserocr.PSM.SINGLE_BLOCK, "line": tesserocr.PSM.SINGLE_LINE}

_FOLDERS = (
    "/usr/share/tesseract-ocr/5/tessdata",
    "/usr/share/tesseract-ocr/tessdata",
    "/usr/share/tessdata",
    "/usr/local/share/tessdata",
    "/opt/homebrew/share/tessdata",
)

tesserocr.set_leptonica_log_level(tesserocr.LeptLogLevel.NONE)


class Token(NamedTuple):
    """A word as Tesseract read it: NFC text, (left, top, right, bottom) in pixels, confidence 0..1, the number of its line."""

    text: str
    box: tuple[int, int, int, int]
    confidence: float
    line: int
    line_top: int
    line_bottom: int


def packs_of(language: str) -> str:
    """The packs to read `language` with; those of English for `und`."""
    return PACKS.get(language, PACKS["en"])


def missing_packs(settings: Settings) -> list[str]:
    """What is missing, one line a pack with the Debian package that has it; empty when all packs are there."""
    names = sorted({name for packs in PACKS.values() for name in packs.split("+")})
    folder = _folder(settings.tessdata, tuple(names))
    missing = [name for name in names if not (folder / f"{name}.traineddata").is_file()]
    return [f"Tesseract's pack {name!r} is missing: apt-get install tesseract-ocr-{name}" for name in missing]


def read(image: Pixels, packs: str, settings: Settings, *, layout: Layout = "page", seconds: float = 0.0) -> list[Token]:
    """The words of a grey image in Tesseract's order.

    Args:
        image: (height, width) of grey, text upright.
        packs: as in PACKS.
        settings: for the folder of the packs.
        layout: `block` for one block of lines, as a till slip is, `line` for one line; a `page` is analysed.
        seconds: stop after so long, with what was read; 0 for no limit.

    Raises:
        RunError: a pack is missing.
    """
    height, width = image.shape
    if height < 8 or width < 8:
        return []
    api = _api(_folder(settings.tessdata, tuple(packs.split("+"))), packs)
    api.SetPageSegMode(_MODES[layout])
    api.SetImageBytes(image.tobytes(), width, height, 1, width)
    api.SetSourceResolution(200)
    try:
        api.Recognize(int(seconds * 1000))
        return _tokens(api)
    finally:
        api.Clear()


def _tokens(api: "tesserocr.PyTessBaseAPI") -> list[Token]:
    found: list[Token] = []
    walker = api.GetIterator()
    if walker is None:
        return found
    line, top, bottom = -1, 0, 0
    for word in tesserocr.iterate_level(walker, tesserocr.RIL.WORD):
        if word.IsAtBeginningOf(tesserocr.RIL.TEXTLINE):
            line += 1
            _, top, _, bottom = word.BoundingBox(tesserocr.RIL.TEXTLINE) or (0, 0, 0, 0)
        box = word.BoundingBox(tesserocr.RIL.WORD)
        if box is None or word.Empty(tesserocr.RIL.WORD):
            continue
        text = unicodedata.normalize("NFC", word.GetUTF8Text(tesserocr.RIL.WORD)).strip()
        if text:
            found.append(Token(text, box, word.Confidence(tesserocr.RIL.WORD) / 100, line, top, bottom))
    return found


@cache
def _api(folder: Path, packs: str) -> "tesserocr.PyTessBaseAPI":
    """One reader for each set of packs in a process: opening one takes 5 to 40 ms and some memory."""
    for name in packs.split("+"):
        if not (folder / f"{name}.traineddata").is_file():
            raise RunError(
                f"Tesseract's pack {name!r} is not in {folder}",
                f"apt-get install tesseract-ocr-{name}, or set tessdata in octoglot.toml",
            )
    return tesserocr.PyTessBaseAPI(path=f"{folder}{os.sep}", lang=packs)


@cache
def _folder(told: str, names: tuple[str, ...]) -> Path:
    """The folder with most of the packs: the one in the settings, else TESSDATA_PREFIX, else where systems put them."""
    if told:
        return Path(told)
    prefix = os.environ.get("TESSDATA_PREFIX", "")
    folders = [Path(prefix), Path(prefix) / "tessdata"] if prefix else []
    folders += [Path(folder) for folder in _FOLDERS]
    return max(folders, key=lambda folder: sum((folder / f"{name}.traineddata").is_file() for name in names))
