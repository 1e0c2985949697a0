"""Putting words into visual rows: what a reader sees side by side gets one line number, top to bottom."""

from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

from pipeline.records import Word


class Piece(NamedTuple):
    """Words that stand on one line for certain, left to right, with the top and bottom of that line (of its font)."""

    words: tuple[Word, ...]
    top: float
    bottom: float


class _Row:
    """Pieces side by side; its middle and height are their means."""

    def __init__(self, piece: Piece) -> None:
        self.pieces = [piece]
        self.middle = (piece.top + piece.bottom) / 2
        self.height = piece.bottom - piece.top

    def takes(self, piece: Piece) -> bool:
        height = piece.bottom - piece.top
        apart = abs((piece.top + piece.bottom) / 2 - self.middle)
        if apart > 0.5 * min(height, self.height) and apart > 0.25 * max(height, self.height):
            return False
        return not any(_overlap(piece, other) for other in self.pieces)

    def add(self, piece: Piece) -> None:
        self.pieces.append(piece)
        count = len(self.pieces)
        self.middle += ((piece.top + piece.bottom) / 2 - self.middle) / count
        self.height += ((piece.bottom - piece.top) - self.height) / count


def in_rows(pieces: Iterable[Piece]) -> tuple[Word, ...]:
    """The words of all pieces by rows, top to bottom, each row left to right, `line` numbered from 0.

    Columns of a page are not told apart: what stands on one height is one row, however wide the gap.
    """
    rows: list[_Row] = []
    for piece in sorted((piece for piece in pieces if piece.words), key=lambda piece: piece.top + piece.bottom):
        near = [row for row in rows[-12:] if row.takes(piece)]
        if near:
            middle = (piece.top + piece.bottom) / 2
            min(near, key=lambda row: abs(row.middle - middle)).add(piece)
        else:
            rows.append(_Row(piece))
    rows.sort(key=lambda row: row.middle)
    words: list[Word] = []
    for number, row in enumerate(rows):
        for piece in sorted(row.pieces, key=lambda piece: piece.words[0].box[0]):
            words.extend(replace(word, line=number) for word in piece.words)
    return tuple(words)


def _overlap(one: Piece, other: Piece) -> bool:
    """Whether two pieces stand one above the other for more than a sliver, so that they cannot share a row."""
    left, right = max(one.words[0].box[0], other.words[0].box[0]), min(one.words[-1].box[2], other.words[-1].box[2])
    narrow = min(one.words[-1].box[2] - one.words[0].box[0], other.words[-1].box[2] - other.words[0].box[0])
    return right - left > 0.3 * max(narrow, 1e-6)
