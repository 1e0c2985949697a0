"""Rows: what stands side by side is one line, what stands below is the next."""

import random

from pipeline.records import Word
from pipeline.rows import Piece, in_rows


def piece(text: str, left: float, top: float, height: float = 0.02) -> Piece:
    words, x = [], left
    for word in text.split():
        words.append(Word(word, (x, top, x + 0.01 * len(word), top + height)))
        x += 0.01 * len(word) + 0.01
    return Piece(tuple(words), top, top + height)


def lines(pieces: list[Piece]) -> list[str]:
    found: dict[int, list[str]] = {}
    for word in in_rows(pieces):
        found.setdefault(word.line, []).append(word.text)
    assert list(found) == list(range(len(found)))
    return [" ".join(words) for words in found.values()]


def test_columns_of_a_table_share_its_rows_in_any_order() -> None:
    pieces = [piece(f"item {n}", 0.1, 0.1 + 0.03 * n) for n in range(8)]
    pieces += [piece(f"{n}.50", 0.8, 0.102 + 0.03 * n) for n in range(8)]
    for seed in range(5):
        random.Random(seed).shuffle(pieces)
        assert lines(pieces) == [f"item {n} {n}.50" for n in range(8)]


def test_a_tall_word_does_not_swallow_the_lines_beside_it() -> None:
    pieces = [
        piece("INVOICE", 0.1, 0.1, 0.08),
        piece("Street 1", 0.6, 0.1),
        piece("12345 Town", 0.6, 0.13),
        piece("Phone 99", 0.6, 0.16),
    ]
    assert {"Street 1", "12345 Town", "Phone 99"} <= {line.removeprefix("INVOICE ") for line in lines(pieces)}


def test_what_stands_over_another_is_another_row() -> None:
    assert lines([piece("lower words", 0.1, 0.112), piece("upper words", 0.1, 0.1)]) == ["upper words", "lower words"]


def test_tight_lines_stay_apart() -> None:
    pieces = [piece(f"line {n}", 0.1 + 0.002 * n, 0.1 + 0.021 * n) for n in range(20)]
    assert lines(pieces) == [f"line {n}" for n in range(20)]


def test_nothing_has_no_rows() -> None:
    assert in_rows([]) == ()
    assert in_rows([Piece((), 0.1, 0.2)]) == ()
