"""The columns of a table: where its figures and texts stand, and which column of the schema each is."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import combinations
from typing import NamedTuple

from pipeline.engines.rules.tables.headings import Head
from pipeline.engines.rules.tables.tokens import Token, words_of
from pipeline.values.arithmetic import product_holds
from schemas.fields import NUMERIC, FieldSpec, Kind

_FAR = 7.0
"""Figures stand at most so far from the head of their column, in units; nearer to none, they are a column without a head."""
_OFTEN = 0.4
"""Figures that stand in the room of a text are a column where such a share of the lines has them."""
_NEAR = 6.0
"""Figures of one column stand at most so far from each other, in units."""
_SHORT = 12
"""A word of at most so many letters beside a figure may be its unit."""
_HOLDS = 0.6
"""The share of rows for which a product must hold to tell what a column is."""
_TELLS = 3
"""So many rows whose product holds tell it as well, whatever the others say: discounts and misread digits break products."""
_TRIED = 12
"""The products of at most so many columns are tried."""
_LABELLED = 0.5
"""A label that weighs less leaves room for what the products of the rows say."""


class TableLine(NamedTuple):
    """A row of the sheet within a table: its number, its middle in units, and the tokens of its cells."""

    row: int
    y: float
    cells: tuple[tuple[Token, ...], ...]


@dataclass(frozen=True, slots=True)
class Column:
    """One column on the page.

    Attributes:
        x0, x1: its ends along the row, in units: of head and figures.
        names: what its head may label, with weights.
        figures: the ends of what is printed in it where that is figures, else None.
        headed: whether something stands over it.
        spec: the column of the schema that it is; None for one of no concern.
    """

    x0: float
    x1: float
    names: Mapping[str, float] = field(default_factory=dict)
    figures: tuple[float, float] | None = None
    headed: bool = True
    spec: FieldSpec | None = None

    @property
    def numeric(self) -> bool:
        """Whether figures are read from it."""
        return self.figures is not None and (self.spec is None or self.spec.kind in NUMERIC)


class Roles(NamedTuple):
    """The columns of a schema's table that a product ties: number × price = result."""

    number: FieldSpec
    price: FieldSpec
    result: FieldSpec


def is_pure(cell: Sequence[Token]) -> bool:
    """Whether a cell holds a figure and nothing but it, its unit and signs."""
    words = [token for token in cell if token.value is None]
    return cell[0].value is not None and len(words) <= 2 and all(len(word.text) <= _SHORT for word in words)


def column_at(token: Token, columns: Sequence[Column]) -> int | None:
    """The column of figures that a token stands in."""
    over = {
        place: min(token.x1, column.figures[1]) - max(token.x0, column.figures[0])
        for place, column in enumerate(columns)
        if column.figures is not None and column.numeric
    }
    best = max(over, key=lambda place: over[place], default=None)
    return best if best is not None and over[best] > 0 else None


def roles_of(columns: Sequence[FieldSpec]) -> Roles | None:
    """The product of a table: its first number and two columns of money; the required one, else the last, is the result."""
    numbers = [column for column in columns if column.kind is Kind.NUMBER]
    money = [column for column in columns if column.kind is Kind.MONEY]
    if not numbers or len(money) != 2:
        return None
    result = next((column for column in money if column.required), money[-1])
    return Roles(numbers[0], next(column for column in money if column is not result), result)


def lay_columns(heads: Sequence[Head], lines: Sequence[TableLine], specs: Sequence[FieldSpec]) -> list[Column]:
    """The columns under `heads`, and those of figures that stand under none, from left to right.

    Figures never stand under the head of a text: what looks so there is part of it, or a column without a head.
    """
    prose = {spec.name for spec in specs if spec.kind not in NUMERIC}
    open_to = [place for place, head in enumerate(heads) if not prose & set(head.names)]
    texts = [head for place, head in enumerate(heads) if place not in open_to]
    bands = _joined(_bands(lines, heads, texts), [heads[place] for place in open_to], lines)
    columns = [
        Column(head.x0, head.x1, head.names, (head.x0, head.x1) if head.names and place in open_to else None)
        for place, head in enumerate(heads)
    ]
    for band, match in zip(bands, _matched(bands, [heads[place] for place in open_to]), strict=True):
        number = None if match is None else open_to[match]
        if number is None:
            if not _in_text(band, heads, texts) or _support(band, lines) >= _OFTEN:
                columns.append(Column(*band, figures=band, headed=False))
        else:
            held = columns[number]
            columns[number] = replace(held, x0=min(held.x0, band[0]), x1=max(held.x1, band[1]), figures=band)
    return sorted(columns, key=lambda column: column.x0)


def _in_text(band: tuple[float, float], heads: Sequence[Head], texts: Sequence[Head]) -> bool:
    """Whether a band stands where a text runs: between its head and the next one."""
    for head in texts:
        after = min((other.x0 for other in heads if other.x0 > head.x0), default=head.x1)
        if head.x0 - 1.0 <= band[0] and band[1] <= after + 0.5:
            return True
    return False


def _support(band: tuple[float, float], lines: Sequence[TableLine]) -> float:
    """In which share of the lines with figures the band has one."""
    figured = [line for line in lines if any(is_pure(cell) for cell in line.cells)]
    return sum(_fills(line, band) for line in figured) / max(len(figured), 1)


def _bands(lines: Sequence[TableLine], heads: Sequence[Head], texts: Sequence[Head]) -> list[tuple[float, float]]:
    """The stretches of the row that figures fill, over all lines."""
    ends = sorted(end for line in lines for cell in line.cells if _beside(cell, texts) for end in _with_units(cell, heads))
    bands: list[tuple[float, float]] = []
    for x0, x1 in ends:
        if bands and x0 < bands[-1][1] - 0.2:
            bands[-1] = (bands[-1][0], max(bands[-1][1], x1))
        else:
            bands.append((x0, x1))
    return bands


def _beside(cell: Sequence[Token], texts: Sequence[Head]) -> bool:
    """Whether a cell is one of figures: under the head of a text nothing with letters is (`10 x 200 g`)."""
    under = any(head.x0 - 1.0 <= cell[0].x0 <= head.x1 for head in texts)
    return is_pure(cell) and not (under and any(c.isalpha() for c in words_of(cell)))


def _joined(bands: list[tuple[float, float]], heads: Sequence[Head], lines: Sequence[TableLine]) -> list[tuple[float, float]]:
    """Neighbouring bands as one where one head is nearest to both and no line has figures in both."""
    made: list[tuple[float, float]] = []
    for band in bands:
        if made and heads and band[0] - made[-1][1] < _NEAR and _nearest(made[-1], heads) is _nearest(band, heads):
            both = any(_fills(line, made[-1]) and _fills(line, band) for line in lines)
            if not both:
                made[-1] = (made[-1][0], band[1])
                continue
        made.append(band)
    return made


def _nearest(band: tuple[float, float], heads: Sequence[Head]) -> Head:
    return min(
        heads, key=lambda head: (max(band[0] - head.x1, head.x0 - band[1], 0.0), abs(band[0] + band[1] - head.x0 - head.x1))
    )


def _fills(line: TableLine, band: tuple[float, float]) -> bool:
    return any(
        token.value is not None and token.x0 < band[1] - 0.2 and band[0] < token.x1 - 0.2
        for cell in line.cells
        if is_pure(cell)
        for token in cell
    )


def _with_units(cell: Sequence[Token], heads: Sequence[Head]) -> Iterator[tuple[float, float]]:
    """The ends of each figure of a cell, with its unit where neither of them stands under a head."""
    places = [place for place, token in enumerate(cell) if token.value is not None]
    for place, after in zip(places, [*places[1:], len(cell)], strict=True):
        first, last = cell[place], cell[after - 1]
        alone = all(last.x1 <= head.x0 or head.x1 <= first.x0 for head in heads)
        yield first.x0, last.x1 if alone else first.x1


def _matched(bands: Sequence[tuple[float, float]], heads: Sequence[Head]) -> list[int | None]:
    """The head of each band, in order from left to right, so that they stand nearest to each other in all."""
    rows, cols = len(bands), len(heads)
    best = [[0.0] * (cols + 1) for _ in range(rows + 1)]
    for i in range(rows - 1, -1, -1):
        best[i][cols] = best[i + 1][cols] + _FAR
        for j in range(cols - 1, -1, -1):
            best[i][j] = min(best[i][j + 1], best[i + 1][j] + _FAR, best[i + 1][j + 1] + _apart(bands[i], heads[j]))
    matched: list[int | None] = []
    i = j = 0
    while i < rows:
        if j < cols and best[i][j] == best[i][j + 1]:
            j += 1
        elif j < cols and best[i][j] == best[i + 1][j + 1] + _apart(bands[i], heads[j]):
            matched.append(j)
            i, j = i + 1, j + 1
        else:
            matched.append(None)
            i += 1
    return matched


def _apart(band: tuple[float, float], head: Head) -> float:
    """How badly a band stands under a head: the gap between them, else how little their ends and middles agree."""
    gap = max(band[0] - head.x1, head.x0 - band[1])
    if gap > 0:
        return gap + 2.0
    centres = abs(band[0] + band[1] - head.x0 - head.x1) / 2
    return min(abs(band[0] - head.x0), abs(band[1] - head.x1), centres, 8.0) * 0.25


Figures = Mapping[int, Token]
"""The figures of one row of a table: number of the column → figure."""


def name_columns(columns: Sequence[Column], specs: Sequence[FieldSpec], rows: Sequence[Figures]) -> list[Column]:
    """`columns` with what each is: by its label, by what it holds, and by the product that holds in the rows."""
    named = list(columns)
    kinds = {spec.name: spec for spec in specs}
    offers = sorted(
        ((weight, -place, name) for place, column in enumerate(columns) for name, weight in column.names.items()), reverse=True
    )
    weights: dict[int, float] = {}
    for weight, minus, name in offers:
        spec, place = kinds[name], -minus
        if named[place].spec is None and all(column.spec is not spec for column in named) and _fits(place, spec, columns, rows):
            named[place] = replace(named[place], spec=spec)
            weights[place] = weight
    roles = roles_of(specs)
    if roles is not None:
        named = _in_order(_by_product(named, weights, roles, rows), roles, rows)
    return _last_money(named, specs, rows)


def _fits(place: int, spec: FieldSpec, columns: Sequence[Column], rows: Sequence[Figures]) -> bool:
    """Whether what a column holds can be of the kind."""
    if spec.kind not in NUMERIC:
        return True
    held = [row[place] for row in rows if place in row]
    if not held:
        return columns[place].figures is not None or not rows
    percent = sum(token.percent for token in held)
    if spec.kind is Kind.PERCENT:
        return percent * 2 > len(held) or _rates(held)
    if spec.kind is Kind.NUMBER:
        return percent * 2 <= len(held) and not any(token.money and not _bare(token) for token in held)
    return percent * 2 <= len(held)


def _bare(token: Token) -> bool:
    return all(c.isdigit() or c in ".,-" for c in token.text)


def _rates(held: Sequence[Token]) -> bool:
    """Few different small values of one decimal at most, as rates of tax are."""
    values = {token.value for token in held if token.value is not None}
    small = all(0 <= value <= 100 and value == round(value, 1) for value in values)
    return small and len(values) <= max(2, len(held) // 2)


def _by_product(named: list[Column], weights: Mapping[int, float], roles: Roles, rows: Sequence[Figures]) -> list[Column]:
    """The columns of number, price and result as most rows' products say, where the labels leave that open."""
    own = {column.spec.name: place for place, column in enumerate(named) if column.spec is not None}
    now = [own.get(spec.name) for spec in roles]
    share, judged, _ = _share(now, rows)
    if None not in now and (share >= 0.5 or judged == 0):
        return named
    firm = {place for place, weight in weights.items() if weight >= _LABELLED}
    free = [
        place
        for place, column in enumerate(named)
        if column.figures is not None and (column.spec is None or column.spec in roles) and not _percents(place, rows)
    ]
    filled = Counter(place for row in rows for place in row)
    free = sorted(sorted(free, key=lambda place: -filled[place])[:_TRIED])
    best: tuple[tuple[float, ...], tuple[int, ...]] | None = None
    for chosen in combinations(free, 3):
        for order in ((0, 1, 2), (1, 0, 2)):
            trio = (chosen[order[0]], chosen[order[1]], chosen[order[2]])
            kept = sum(a == b for a, b in zip(trio, now, strict=True))
            if any(
                place in firm and place not in trio and roles[role].name not in named[trio[role]].names
                for role, place in enumerate(now)
            ):
                continue
            holds, seen, telling = _share(trio, rows)
            if (holds < _HOLDS and telling < _TELLS) or (telling == 0 and (kept < 2 or order == (1, 0, 2))):
                continue
            price = sum(row[trio[1]].money for row in rows if trio[1] in row) - sum(
                row[trio[0]].money for row in rows if trio[0] in row
            )
            if price < 0 and trio[1] < trio[0]:
                kept = 0  # whole numbers to the left of prices are the counts, whatever stands over them
            rank = (round(holds * seen, 2), float(kept), float(price), float(telling), -float(chosen[2] - chosen[0]))
            if best is None or rank > best[0]:
                best = rank, trio
    if best is None:
        return named
    made = [replace(column, spec=None) if column.spec in roles else column for column in named]
    for spec, place in zip(roles, best[1], strict=True):
        made[place] = replace(made[place], spec=spec)
    return made


def _in_order(named: list[Column], roles: Roles, rows: Sequence[Figures]) -> list[Column]:
    """Number and price the other way round where no label tells the price, and all numbers have cents, all prices none."""
    own = {column.spec.name: place for place, column in enumerate(named) if column.spec is not None}
    number, price = own.get(roles.number.name), own.get(roles.price.name)
    if number is None or price is None or roles.price.name in named[price].names:
        return named
    pairs = [(row[number], row[price]) for row in rows if number in row and price in row]
    if not pairs or not all(one.money and other.text.isdigit() for one, other in pairs):
        return named
    made = list(named)
    made[number], made[price] = replace(named[number], spec=roles.price), replace(named[price], spec=roles.number)
    return made


def _share(trio: Sequence[int | None], rows: Sequence[Figures]) -> tuple[float, int, int]:
    """For how many of the rows with all three figures the product holds: share, rows judged, rows that tell (factor not 1)."""
    judged = held = telling = 0
    for row in rows:
        values = [row[place].value if place is not None and place in row else None for place in trio]
        number, price, result = values
        if number is None or price is None or result is None:
            continue
        judged += 1
        if result and number and multiplies(number, price, result, row.values()):
            held += 1
            telling += abs(number) != 1 and abs(price) != 1
    return (held / judged if judged else 0.0), judged, telling


def multiplies(number: Decimal, price: Decimal, result: Decimal, others: Iterable[Token]) -> bool:
    """Whether number × price is the result, whatever its sign, or is less one of the percentages in the row: a discount."""
    products = [number * price, *(number * price * (100 - t.value) / 100 for t in others if t.percent and t.value is not None)]
    return any(product_holds(abs(result), abs(product), Decimal(1)) for product in products)


def _percents(place: int, rows: Sequence[Figures]) -> bool:
    held = [row[place] for row in rows if place in row]
    return sum(token.percent for token in held) * 2 > len(held)


def _last_money(named: list[Column], specs: Sequence[FieldSpec], rows: Sequence[Figures]) -> list[Column]:
    """Where the required column of money has no label, it is the last one that holds money."""
    told = {column.spec.name for column in named if column.spec is not None}
    missing = [spec for spec in specs if spec.kind is Kind.MONEY and spec.required and spec.name not in told]
    if not missing:
        return named
    counts: Counter[int] = Counter(place for row in rows for place, token in row.items() if token.money)
    places = [p for p, column in enumerate(named) if column.spec is None and counts[p] * 2 >= len(rows) and counts[p]]
    after = [
        p
        for p in places
        if all(column.spec is None or column.spec.kind not in (Kind.MONEY, Kind.NUMBER) for column in named[p:])
    ]
    if after:
        named = [*named[: after[-1]], replace(named[after[-1]], spec=missing[0]), *named[after[-1] + 1 :]]
    return named
