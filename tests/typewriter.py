"""Pages as from a typewriter: a text with its spaces becomes words in boxes, so that a test shows the layout it speaks of."""

import re

from pipeline.records import Frame, PageWords, Word, WordsFrom

COLUMNS, ROWS = 100, 66


def typed(text: str, language: str = "en", page: int = 1, words_from: WordsFrom = WordsFrom.TEXT_LAYER) -> PageWords:
    """The words of `text`, 100 characters to a line and 66 lines to a page of A4, its blank first line left out."""
    words = []
    for row, line in enumerate(text.strip("\n").split("\n")):
        for match in re.finditer(r"\S+", line):
            box = (match.start() / COLUMNS, (row + 0.1) / ROWS, match.end() / COLUMNS, (row + 0.8) / ROWS)
            words.append(Word(match.group(), box, 1.0, row))
    return PageWords(page, Frame(595, 842), tuple(words), words_from, language)
