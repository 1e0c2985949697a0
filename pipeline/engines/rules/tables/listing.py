"""Reading a list that has no heading, line by line: till receipts."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from pipeline.engines.rules.sheet import Sheet
from pipeline.engines.rules.tables.columns import Roles
from pipeline.engines.rules.tables.endings import opens
from pipeline.engines.rules.tables.headings import labelled_as
from pipeline.engines.rules.tables.tokens import (
    AMOUNTS,
    TAIL,
    Row,
    Token,
    amounts_edge,
    last_amount,
    middle,
    tokens_of,
    words_of,
)
from pipeline.values.arithmetic import product_holds, sum_holds
from schemas.fields import FieldSpec

_NARROW = 55.0
"""A page whose print is at most so many units wide is a slip."""
_NEAR = 3.2
"""Lines of one item stand at most so far from each other, in units."""
_BELIEVED = 2
"""A list of more items than these is believed without a sum."""
_TIMES = re.compile(r"[x×X*@à]")
_CODE = 5
"""So many digits alone are the number of an article."""


@dataclass(frozen=True, slots=True)
class ListRow:
    """An item of a list.

    Attributes:
        words: what it is called, by lines.
        amount: what it comes to.
        number, price: how many, and the price of one, where they are printed.
        proven: whether number × price is the amount.
        rows: the numbers of the page's rows that it takes up.
    """

    words: tuple[tuple[Token, ...], ...]
    amount: Token
    number: Token | None = None
    price: Token | None = None
    proven: bool = False
    rows: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class _Line:
    """A line taken apart: its words, the amount in the column of amounts, other figures, and whether it multiplies."""

    row: int
    y: float
    words: tuple[Token, ...]
    amount: Token | None
    figures: tuple[Token, ...]
    times: bool


def read_listing(sheet: Sheet, rows: Sequence[Row], columns: Sequence[FieldSpec], roles: Roles) -> list[ListRow]:
    """The items of a slip, from top to bottom; none where the page is no slip, or no sum ends the list.

    An item is a line of words and an amount in the column of amounts at the right. Its name may stand on the line before,
    number and price (`2 x 3.50`) on the line before or after. The list ends at a sum: told by its words, or by adding up.
    """
    if not _is_slip(sheet):
        return []
    edge = amounts_edge(sheet, rows)
    if edge is None:
        return []
    reader = _Reader(edge, columns, roles)
    for number, row in enumerate(rows):
        cells = [tokens for cell in row if (tokens := tuple(tokens_of(sheet, cell)))]
        if cells and reader.reads(sheet, number, middle(sheet, row), cells):
            continue
        if cells and reader.ends(sheet, number, middle(sheet, row), cells):
            return reader.items
    return reader.items if _believed(reader.items) else []


def _believed(items: Sequence[ListRow]) -> bool:
    """Whether a list without a sum at its foot, which may be cut off, is one: no item outweighs those before it."""
    values = [item.amount.value or Decimal() for item in items]
    return len(values) > _BELIEVED and all(value < sum(values[:place]) for place, value in enumerate(values) if place > 1)


class _Reader:
    """What was read of a list so far: its items and amounts, and a name or a count that waits for its amount."""

    def __init__(self, edge: float, columns: Sequence[FieldSpec], roles: Roles) -> None:
        self.items: list[ListRow] = []
        self._columns, self._roles = columns, roles
        self._form: dict[str, Token] = {}
        self._edge = edge
        self._amounts: list[Token] = []
        self._name: _Line | None = None
        self._count: _Line | None = None

    def reads(self, sheet: Sheet, row: int, y: float, cells: Sequence[Sequence[Token]]) -> bool:
        """Read a line of one item that is printed as a form (`Qty 48.72`, `Rate 1.605`, `Amount 78.20`); whether it is one."""
        tokens = [token for cell in cells for token in cell]
        first = next((place for place, token in enumerate(tokens) if token.value is not None), 0)
        if not first or self.items and not self._form:
            return False
        words = " ".join(token.text for token in tokens[:first])
        names = [spec.name for spec in self._roles if spec.name in labelled_as(words, self._columns)]
        name = next((name for name in names if name not in self._form), None)
        if name is None or (name == self._roles.result.name and not self._form) or self._name is None:
            return False
        self._form[name] = tokens[first]
        if name == self._roles.result.name:
            number, price, amount = (self._form.get(spec.name) for spec in self._roles)
            proven = number is not None and price is not None and _multiply(number, price, tokens[first])
            rows = tuple(range(self._name.row, row + 1))
            self.items.append(ListRow((self._name.words,), amount or tokens[first], number, price, proven, rows))
            self._form = {}
            self._name = None
        return True

    def ends(self, sheet: Sheet, row: int, y: float, cells: Sequence[Sequence[Token]]) -> bool:
        """Read one more row; whether it is the sum that ends the list."""
        if any(opens(sheet, cell, "sums") for cell in cells):
            self._name = self._count = None
            return bool(self.items)
        line = _line((row, y), cells, self._edge)
        label = bool(labelled_as(words_of(line.words), self._columns)) if line.words else False
        if label and line.times:
            line = replace(line, words=())
        elif label or any(opens(sheet, cell, sort) for cell in cells for sort in ("dues", "asides")):
            self._name = self._count = None
            return False
        if line.amount is not None:
            if _adds_up(self._amounts, self.items, line.amount):
                return True
            self._amounts.append(line.amount)
            self.items += _item(line, line.amount, self._name, self._count)
            self._name = self._count = None
        elif line.times and len(line.figures) >= 2:
            self._count, self.items = _counted(line, self.items)
        elif sum(token.letters for token in line.words) >= 2:
            self._name = line
        return False


def _is_slip(sheet: Sheet) -> bool:
    if not sheet.cells:
        return False
    left, right = min(cell.box[0] for cell in sheet.cells), max(cell.box[2] for cell in sheet.cells)
    return (right - left) * sheet.aspect / sheet.unit <= _NARROW


def _line(at: tuple[int, float], cells: Sequence[Sequence[Token]], edge: float) -> _Line:
    tokens = [token for cell in cells for token in cell]
    amount = last_amount(tokens)
    if amount is not None and (abs(amount.x1 - edge) > 2 * AMOUNTS or _is_price(amount, tokens)):
        amount = None
    before = tokens[: tokens.index(amount)] if amount is not None else tokens
    figures = tuple(token for token in before if token.value is not None and not token.percent)
    times = _multiplies(before)
    if amount is None and len(before) == 2 and before[0].percent and before[1].money:
        figures, times = tuple(before[:2]), True  # a sign of multiplication that OCR took for one of percent
    words = tuple(_words(before, times))
    return _Line(*at, words, amount, figures, times)


def _is_price(amount: Token, tokens: Sequence[Token]) -> bool:
    """Whether a sign of multiplication stands right before the last figure of a line: the amount is on another."""
    place = tokens.index(amount)
    sign = place > 1 and tokens[place - 1].value is None and _TIMES.fullmatch(tokens[place - 1].text) is not None
    return sign or _around(amount)[:1] in ("x", "×", "@")


def _multiplies(tokens: Sequence[Token]) -> bool:
    """Whether a sign of multiplication stands before a figure, by itself behind another, or glued to it."""
    for before, token in zip([None, *tokens], tokens, strict=False):
        if token.value is not None and _TIMES.search(_around(token).replace("à", "")):
            return True
        if token.value is not None and before is not None and _TIMES.fullmatch(before.text) and before.value is None:
            ahead = tokens[: tokens.index(before)][-2:]
            counted = any(one.value is not None for one in ahead) and all(len(one.text) <= TAIL * 2 for one in ahead)
            if counted or (not ahead and before.text != "à"):
                return True
    return False


def _around(token: Token) -> str:
    """The signs glued to a figure."""
    text = token.span.cell.text
    return text[max(token.span.start - 1, 0) : token.span.start] + text[token.span.end : token.span.end + 1]


def _words(tokens: Sequence[Token], times: bool) -> Iterator[Token]:
    """The tokens from the first word to the last, without the figures of a multiplication and those that stand apart."""
    kept = list(tokens)
    while kept and (not kept[0].letters or _TIMES.fullmatch(kept[0].text) or (times and kept[0].value is not None)):
        kept.pop(0)
    while len(kept) > 1 and (times or _parted(kept[-2], kept[-1])):
        if kept[-1].letters and not _TIMES.fullmatch(kept[-1].text) and not (times and kept[-1].value is not None):
            break
        kept.pop()
    yield from kept


def _parted(one: Token, other: Token) -> bool:
    """Whether two tokens stand in cells of their own."""
    return one.span.cell.index != other.span.cell.index


def _item(line: _Line, amount: Token, name: _Line | None, count: _Line | None) -> list[ListRow]:
    """The item that a line with an amount closes; none where nothing says what it is."""
    words, rows = [line.words] if sum(token.letters for token in line.words) >= 2 else [], [line.row]
    if not words and name is not None and line.y - name.y <= _NEAR * (2 if count else 1):
        words, rows = [name.words], [name.row, line.row]
    if not words or not amount.value:
        return []
    number, price, proven = _factors(line.figures, amount)
    if proven and words[0] is line.words:
        words = [_ahead_of((number, price), line.words)]
    if number is None and count is not None:
        number, price, proven = _factors(count.figures, amount)
        rows.append(count.row)
    if number is None and line.figures and not line.times:
        number = _leading(line)
    return [ListRow(tuple(words), amount, number, price, proven, tuple(rows))]


def _ahead_of(factors: Sequence[Token | None], words: tuple[Token, ...]) -> tuple[Token, ...]:
    """The words of a line without the number and the price at their end, where no gap parts these from the name."""
    kept = list(words)
    while len(kept) > 1 and kept[-1] in factors:
        kept.pop()
    return tuple(kept)


def _factors(figures: Sequence[Token], amount: Token) -> tuple[Token | None, Token | None, bool]:
    """Of some figures the number and the price whose product is `amount`; the first two where they multiply to nothing else."""
    if amount.value is None:
        return None, None, False
    for place, one in enumerate(figures):
        for other in figures[place + 1 :]:
            for number, price in ((one, other), (other, one)):
                if number.value is None or price.value is None or number.money and not price.money:
                    continue
                if _multiply(number, price, amount):
                    return number, price, True
    return None, None, False


def _multiply(number: Token, price: Token, amount: Token) -> bool:
    if number.value is None or price.value is None or amount.value is None:
        return False
    return number.value != 0 and product_holds(abs(amount.value), abs(number.value), abs(price.value))


def _leading(line: _Line) -> Token | None:
    """A small whole number before the words: how many."""
    first = line.figures[0]
    whole = first.value is not None and first.value == first.value.to_integral_value() and 0 < first.value < 100
    return first if whole and line.words and first.x1 <= line.words[0].x0 and not first.money else None


def _counted(line: _Line, items: list[ListRow]) -> tuple[_Line | None, list[ListRow]]:
    """A line of number and price: the last item's where its amount says so, or where it can be no other's; else the next's."""
    last = items[-1] if items else None
    if last is None or last.number is not None:
        return line, items
    number, price, proven = _factors(line.figures, last.amount)
    if not proven and last.rows[-1] == line.row - 1:
        first, second = line.figures[:2]
        number, price = (first, second) if not first.money else (second, first)
    if number is None:
        return line, items
    rows = (*last.rows, line.row)
    return None, [*items[:-1], replace(last, number=number, price=price, proven=proven, rows=rows)]


def _adds_up(amounts: Sequence[Token], items: Sequence[ListRow], amount: Token) -> bool:
    """Whether an amount is the sum of the items so far, of all amounts, or of those that are no discounts."""
    if amount.value is None or amount.value <= 0 or not items:
        return False
    every = [token.value for token in amounts if token.value is not None]
    named = [item.amount.value for item in items if item.amount.value is not None]
    sums = (every, [value for value in every if value > 0], named)
    return any(len(values) > 1 and sum_holds(amount.value, values) for values in sums)
