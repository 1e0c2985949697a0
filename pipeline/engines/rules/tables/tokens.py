"""A sheet's cells as figures and words, each with its place along the row: what tables are made of."""

import re
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from pipeline.engines.rules.sheet import Cell, Sheet, Span
from pipeline.values.amounts import find_amounts
from pipeline.values.lines import Line
from pipeline.values.numbers import read_core
from pipeline.values.text import MINUS, fold_digits

_PERCENT = re.compile(rf"(?<![\w.,])[{MINUS}]?\d{{1,3}}(?:[.,]\d{{1,3}})? ?%")
_COUNT = re.compile(rf"[x×@*]?([{MINUS}]?)(\d{{1,6}}(?:[.,]\d{{1,4}})?)(?:[x×*X]|[|]?[^\W\d_][^\s\d]{{0,5}})")
"""A number with a unit or a sign of multiplication glued to it: `2x`, `10h`, `3kg`, `5Stk`."""
_RULES = re.compile(r"[|¦\[\]{}_~]+")
_BEFORE = re.compile(r"[(*x×@|]*")
_BEHIND = re.compile(r"[.,;:)*|/-]*[A-Z*]{0,2}|/[^\W\d_]{1,8}\.?")
AMOUNTS = 2.0
"""Amounts that end within so many units of each other stand in one column."""
TAIL = 3
"""A word of at most so many letters behind an amount is a tax letter or a currency."""
Row = tuple[Cell, ...]
_LEVEL = 0.8
"""Rows whose middles are so near to each other, in units, are at one height."""


class Token(NamedTuple):
    """A word of a cell, or the words that print one figure.

    Attributes:
        span: where it is printed, without what is glued to the figure.
        x0, x1: its ends along the row, in units of the sheet.
        value: of a figure; None for a word.
        percent: the figure is one of percent.
        money: the figure has a currency or two decimals.
    """

    span: Span
    x0: float
    x1: float
    value: Decimal | None = None
    percent: bool = False
    money: bool = False

    @property
    def text(self) -> str:
        """The print."""
        return self.span.text

    @property
    def letters(self) -> int:
        """How many letters it has, a unit that is glued to a figure among them."""
        return sum(c.isalpha() for c in words_of([self]))


def tokens_of(sheet: Sheet, cell: Cell) -> list[Token]:
    """The tokens of `cell`, from left to right; ruled lines that OCR took for letters are none."""
    line = Line(cell.text, cell.first, cell.starts)
    figures: dict[int, tuple[int, Token]] = {}
    for start, end, value, percent, money in _figures(sheet, cell.text):
        first, last = (index - cell.first for index in line.words(start, end))
        if first not in figures and _alone(cell, start, end, first, last):
            figures[first] = last, _token(sheet, cell, start, end, (value, percent, money))
    made: list[Token] = []
    word = 0
    while word < len(cell.starts):
        if word in figures:
            last, token = figures[word]
            made.append(token)
            word = last + 1
            continue
        start, end = cell.starts[word], _end(cell, word)
        word += 1
        if is_rule(cell.text[start:end]):
            continue
        count = _COUNT.fullmatch(fold_digits(cell.text[start:end]))
        number = read_core(count.group(2), sheet.habits.decimal) if count else None
        if count and number is not None:
            at = start + count.start(1)
            made.append(_token(sheet, cell, at, start + count.end(2), (-number if count.group(1) else number, False, False)))
        else:
            made.append(_token(sheet, cell, start, end))
    return made


def is_rule(text: str) -> bool:
    """Whether a word is no print but a ruled line that OCR took for letters."""
    return _RULES.fullmatch(text) is not None


def ends_of(sheet: Sheet, cell: Cell) -> tuple[float, float]:
    """Where `cell` starts and ends along its row, in units."""
    scale = sheet.aspect / sheet.unit
    return cell.box[0] * scale, cell.box[2] * scale


def rows_of(sheet: Sheet) -> list[Row]:
    """The sheet's rows, none empty; neighbours that stand at one height beside each other, as on a bent photo, are one."""
    rows: list[Row] = []
    for row in filter(None, sheet.rows):
        if rows and abs(middle(sheet, rows[-1]) - middle(sheet, tuple(row))) <= _LEVEL:
            apart = all(sheet.across(one.box, other.box) > 0 for one in rows[-1] for other in row)
            if apart:
                rows[-1] = tuple(sorted((*rows[-1], *row), key=lambda cell: cell.box[0]))
                continue
        rows.append(tuple(row))
    return rows


def middle(sheet: Sheet, row: Row) -> float:
    """Where the middle of a row is down the page, in units."""
    return sum(cell.box[1] + cell.box[3] for cell in row) / 2 / len(row) / sheet.unit


def words_of(tokens: Sequence[Token]) -> str:
    """The words of neighbouring tokens of one cell, as they stand there."""
    if not tokens:
        return ""
    cell = tokens[0].span.cell
    line = Line(cell.text, cell.first, cell.starts)
    first, last = (index - cell.first for index in line.words(tokens[0].span.start, tokens[-1].span.end))
    return cell.text[cell.starts[first] : _end(cell, last)].strip("|¦_~ ").removeprefix("[")


def amounts_edge(sheet: Sheet, rows: Sequence[Row]) -> float | None:
    """Where most amounts that close a line end, in units."""
    ends = [token.x1 for row in rows if (token := last_amount([t for c in row for t in tokens_of(sheet, c)]))]
    if len(ends) < 2:
        return None
    near = Counter({end: sum(abs(end - other) <= AMOUNTS for other in ends) for end in ends})
    most = max(near.values())
    return max(end for end, count in near.items() if count == most)


def last_amount(tokens: Sequence[Token]) -> Token | None:
    """The amount that closes a line, but for tax letters."""
    for token in reversed(tokens):
        if token.value is not None:
            return token if token.money and not token.percent else None
        if token.letters > TAIL:
            return None
    return None


def _figures(sheet: Sheet, text: str) -> list[tuple[int, int, Decimal, bool, bool]]:
    """Start, end, value, whether it is a percentage, whether it looks like money."""
    plain = fold_digits(text)
    found = []
    for match in _PERCENT.finditer(plain):
        number = re.sub(r"[^\d.,]", "", match.group())
        value = read_core(number, "," if "," in number else ".")
        if value is not None:
            negative = match.group()[0] in MINUS
            found.append((match.start(), match.end(), -value if negative else value, True, False))
    amounts = find_amounts(text, sheet.habits.language, decimal=sheet.habits.decimal, bare=True)
    for start, end, amount in amounts:
        if all(end <= begin or start >= stop for begin, stop, *_ in found):
            cents = re.search(r"[.,]\d{2}\)?$", plain[start:end].rstrip(MINUS + " €$")) is not None
            found.append((start, end, amount.value, False, bool(amount.currency) or cents))
    return found


def _alone(cell: Cell, start: int, end: int, first: int, last: int) -> bool:
    """Whether a figure fills its words, but for brackets, signs and a tax letter."""
    before, behind = cell.text[cell.starts[first] : start], cell.text[end : _end(cell, last)]
    return _BEFORE.fullmatch(before) is not None and _BEHIND.fullmatch(behind) is not None


def _end(cell: Cell, word: int) -> int:
    return len(cell.text) if word + 1 == len(cell.starts) else len(cell.text[: cell.starts[word + 1]].rstrip())


def _token(
    sheet: Sheet, cell: Cell, start: int, end: int, figure: tuple[Decimal | None, bool, bool] = (None, False, False)
) -> Token:
    span = Span(cell, start, end)
    box, scale = sheet.box(span), sheet.aspect / sheet.unit
    return Token(span, box[0] * scale, box[2] * scale, *figure)
