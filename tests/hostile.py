"""Acts that kill, hang and fail on command, to be put in the place of the real ones: only the cause of a fault is staged.

A document is a text file: its first line is the number of pages, any other `FAULT PAGE` with the fault that reading this page
shall meet (page 0: opening the file), or `say WORD PAGE`. Every page says `seller_name: <name of the file>`.
"""

import hashlib
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from pipeline.errors import DocumentError, Reason
from pipeline.records import Frame, PageWords, PreparedPage, Source, Survey, Word, WordsFrom
from pipeline.settings import Settings


def survey(source: Source, settings: Settings) -> Survey:
    text = Path(source.uri).read_text()
    meet(text, 0)
    return Survey(hashlib.sha256(text.encode()).hexdigest(), int(text.split()[0]), "text/plain")


def prepare(
    source: Source,
    pages: Sequence[int],
    hint: str,
    settings: Settings,
    need_images: bool,
    known: Mapping[int, PageWords] | None = None,
) -> Iterator[PreparedPage]:
    path = Path(source.uri)
    text = path.read_text()
    with path.with_suffix(".read").open("a") as log:
        log.write("".join(f"{page}\n" for page in pages))
    for page in pages:
        meet(text, page)
        said = [line.split()[1] for line in text.splitlines() if line.startswith("say ") and line.split()[2] == str(page)]
        line = ["seller_name:", path.stem, *said]
        words = tuple(Word(word, (0.1, 0.1, 0.2, 0.12), 0.9, 1) for word in line)
        yield PreparedPage(page, PageWords(page, Frame(100, 100), words, WordsFrom.OCR, "en"))


def meet(text: str, page: int) -> None:
    """Meet the fault that stands on the file for this page."""
    for line in text.splitlines()[1:]:
        fault, _, where = line.partition(" ")
        if where != str(page):
            continue
        if fault == "abort":
            time.sleep(0.2)  # as a real page takes time: the one before it is on its way by then
            os.abort()
        if fault == "hang":
            time.sleep(600)
        if fault == "corrupt":
            raise DocumentError(Reason.CORRUPT, "the file says that it is corrupt")
