"""Reading items of several lines each: what it is on one, number and price on another, the amount at the right edge."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from pipeline.engines.rules.sheet import Sheet, Span
from pipeline.engines.rules.tables.codes import code_of
from pipeline.engines.rules.tables.endings import opens
from pipeline.engines.rules.tables.headings import Heading, labelled_as
from pipeline.engines.rules.tables.tokens import AMOUNTS, Row, Token, amounts_edge, last_amount, middle, tokens_of, words_of
from pipeline.values.arithmetic import product_holds
from schemas.fields import FieldSpec, Kind

_PITCH = 3.2
"""Lines of one item stand at most so far from each other, in units."""
_GAP = 8.0
"""Items stand at most so far from each other, in units."""
_LEAST = 2
"""So many items must multiply."""
UNIT = "unit"
"""The column of a schema that takes the word behind a number."""
_UNIT = re.compile(r"[ |]?([^\W\d][^\s\d|×@]{0,9})(?=\s*$|\s*[×@]|\s+\S{1,4}\s+\D?\d|\s+\D{0,3}\d)")
_TIMES = ("x", "at", "je", "zu", "à", "a", "por", "per", "da", "de")
"""What stands between a number and a price, and is no unit."""
_LETTERS = 3
"""Print with fewer letters is no name of anything."""


@dataclass(frozen=True, slots=True)
class Stack:
    """An item.

    Attributes:
        name: what it is called, the words of one line.
        amount: what it comes to.
        number, price: how many, and the price of one, where they multiply to it.
        others: what else its lines say, by column.
        rows: the numbers of the page's rows that it takes up.
    """

    name: tuple[Token, ...]
    amount: Token
    number: Token | None
    price: Token | None
    others: dict[str, Token]
    rows: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Line:
    row: int
    y: float
    cells: tuple[tuple[Token, ...], ...]
    amount: Token | None

    @property
    def tokens(self) -> tuple[Token, ...]:
        return tuple(token for cell in self.cells for token in cell)


@dataclass(frozen=True, slots=True)
class _Core:
    """The lines of an item that hold its figures: those of its amount and of its factors."""

    amount: _Line
    factors: _Line | None
    number: Token | None
    price: Token | None

    @property
    def first(self) -> int:
        return min(self.amount.row, self.factors.row if self.factors else self.amount.row)

    @property
    def last(self) -> int:
        return max(self.amount.row, self.factors.row if self.factors else self.amount.row)


def read_stacks(sheet: Sheet, rows: Sequence[Row], heading: Heading | None, columns: Sequence[FieldSpec]) -> list[Stack]:
    """The items below `heading`, or wherever amounts stand in a column; none where few of them multiply."""
    lines = _lines(sheet, rows, heading)
    cores = list(_cores(lines))
    if sum(core.number is not None for core in cores) < max(_LEAST, (len(cores) + 1) // 2):
        return []
    own = sum(_name(core.amount, core, columns) is not None for core in cores) * 2 > len(cores)
    most = _lines_above(lines, cores)
    stacks = []
    for place, core in enumerate(cores):
        begin = cores[place - 1].last + 1 if place else (heading.last + 1 if heading else 0)
        end = cores[place + 1].first if place + 1 < len(cores) else core.last + 2
        around = [line for line in lines if begin <= line.row < end]
        above = [line for line in around if line.row < core.first]
        within = [line for line in around if line.row >= core.first]
        block = within if own else above[-most:] + [line for line in within if line.row <= core.last]
        name = _name_of(block, core, columns, own=own)
        if name:
            others = dict(_others(block, core, columns))
            stacks.append(Stack(name, _amount(core), core.number, core.price, others, _rows(block, core, name)))
    return stacks if sum(stack.number is not None for stack in stacks) >= _LEAST else []


def _lines_above(lines: Sequence[_Line], cores: Sequence[_Core]) -> int:
    """How many lines stand between one item's figures and the next one's, mostly: above the first there may be others."""
    between = [sum(one.last < line.row < other.first for line in lines) for one, other in pairwise(cores)]
    return max(int(median(between)), 1) if between else len(lines)


def _amount(core: _Core) -> Token:
    assert core.amount.amount is not None
    return core.amount.amount


def _rows(block: Sequence[_Line], core: _Core, name: Sequence[Token]) -> tuple[int, ...]:
    named = next((line.row for line in block if name[0] in line.tokens), core.first)
    return tuple(range(min(named, core.first), core.last + 1))


def _lines(sheet: Sheet, rows: Sequence[Row], heading: Heading | None) -> list[_Line]:
    """The lines that may be of items: down to a sum, or to a gap below the first amounts."""
    start = heading.last + 1 if heading else 0
    edge = amounts_edge(sheet, rows[start:])
    made: list[_Line] = []
    for number in range(start, len(rows)) if edge is not None else ():
        cells = tuple(tokens for cell in rows[number] if (tokens := tuple(tokens_of(sheet, cell))))
        if not cells:
            continue
        y = middle(sheet, rows[number])
        amount = last_amount([token for cell in cells for token in cell])
        if amount is not None and (edge is None or abs(amount.x1 - edge) > AMOUNTS):
            amount = None
        if amount is not None and any(opens(sheet, cell, sort) for cell in cells for sort in ("sums", "dues")):
            break
        if made and y - made[-1].y > _GAP:
            if sum(line.amount is not None for line in made) >= _LEAST:
                break
            made = []
        made.append(_Line(number, y, cells, amount))
    return made


def _cores(lines: Sequence[_Line]) -> Iterator[_Core]:
    """The lines with an amount, each with the line whose figures multiply to it: itself, the next one, or the one before."""
    used: set[int] = set()
    for place, line in enumerate(lines):
        if line.amount is None or not line.amount.value:
            continue
        near = [line, *(lines[other] for other in (place + 1, place - 1, place + 2, place - 2) if 0 <= other < len(lines))]
        found = _Core(line, None, None, None)
        for other in near:
            if other.row in used or abs(other.y - line.y) > 2 * _PITCH or (other.amount is not None and other is not line):
                continue
            factors = _factors(other, line.amount)
            if factors is not None:
                used.add(other.row)
                found = _Core(line, other, *factors)
                break
        yield found


def _factors(line: _Line, amount: Token) -> tuple[Token, Token] | None:
    """Number and price among the figures of a line, whose product is `amount`; the first of two alike is the number."""
    figures = [token for token in line.tokens if token.value and token is not amount and not token.percent]
    for place, number in enumerate(figures):
        for price in figures[place + 1 :]:
            if number.value is None or price.value is None or amount.value is None:
                continue
            if product_holds(abs(amount.value), abs(number.value), abs(price.value)) and number.value != amount.value:
                return (price, number) if number.money and not price.money else (number, price)
    return None


def _name_of(block: Sequence[_Line], core: _Core, columns: Sequence[FieldSpec], *, own: bool) -> tuple[Token, ...] | None:
    """The words that say what the item is: those on the line of the amount where it has its `own`, else the first above it."""
    if own:
        return _name(core.amount, core, columns)
    near: list[_Line] = []
    y = next((line.y for line in block if line.row == core.first), 0.0)
    for line in sorted((line for line in block if line.row < core.first), key=lambda line: -line.row):
        if y - line.y > _PITCH:
            break
        near.insert(0, line)
        y = line.y
    return next((name for line in near if (name := _name(line, core, columns))), None)


def _name(line: _Line, core: _Core, columns: Sequence[FieldSpec]) -> tuple[Token, ...] | None:
    """The words of a line that are neither figures of the item, units, codes nor labels with their values."""
    for cell in line.cells:
        if code_of(cell, columns) is not None:
            continue
        factors = {id(token) for token in (core.number, core.price, core.amount.amount) if token is not None}
        words = list(cell[: next((place for place, token in enumerate(cell) if id(token) in factors), len(cell))])
        while words and words[0].value is not None and not words[0].letters:
            words.pop(0)
        if sum(token.letters for token in words) >= _LETTERS and not _labelled(words, columns):
            return tuple(words)
    return None


def _labelled(words: Sequence[Token], columns: Sequence[FieldSpec]) -> bool:
    """Whether words open with a label and a colon (`Menge: 10`)."""
    head, colon, _ = words_of(words).partition(":")
    return bool(colon) and bool(labelled_as(head, columns))


def _others(block: Sequence[_Line], core: _Core, columns: Sequence[FieldSpec]) -> Iterator[tuple[str, Token]]:
    """Codes and percentages beside their labels, a percentage that no label tells, and the unit behind the number."""
    loose: list[Token] = []
    for line in block:
        for cell in line.cells:
            found = code_of(cell, columns)
            if found is not None:
                yield found
                continue
            for place, token in enumerate(cell):
                kinds = (Kind.PERCENT,) if token.percent else (Kind.IDENTIFIER,) if any(c.isdigit() for c in token.text) else ()
                names = _names_beside(cell, place, [column for column in columns if column.kind in kinds])
                yield from ((name, token) for name in names)
                if token.percent and not names:
                    loose.append(token)
    percents = [column.name for column in columns if column.kind is Kind.PERCENT]
    if len(loose) == 1 and percents:
        yield percents[0], loose[0]  # the first is the tax, which more items have than a discount
    unit = next((column.name for column in columns if column.name == UNIT), None)
    if unit and core.number is not None and (span := unit_behind(core.number)):
        yield unit, core.number._replace(span=span, value=None)


def unit_behind(number: Token) -> Span | None:
    """The unit behind a number in its cell (`2 m`, `10 Stk.`), where a sign, a price or nothing follows."""
    cell, _, end = number.span
    found = _UNIT.match(cell.text, end)
    return Span(cell, *found.span(1)) if found and found.group(1).casefold() not in _TIMES else None


def _names_beside(cell: Sequence[Token], place: int, columns: Sequence[FieldSpec]) -> list[str]:
    """The columns whose label stands right before a token, or for a percentage right behind it."""
    if not columns:
        return []
    texts = [words_of(cell[max(place - size, 0) : place]) for size in (3, 2, 1) if place >= size]
    if cell[place].percent:
        texts += [words_of(cell[place + 1 : place + 1 + size]) for size in (2, 1) if place + size < len(cell)]
    return next((sorted(names)[:1] for text in texts if (names := labelled_as(text, columns))), [])
