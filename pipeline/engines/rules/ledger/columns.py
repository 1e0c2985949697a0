"""Which column of a statement is money out, money in, the amount or the balance: by headings, and by the balance that runs."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import combinations, permutations
from typing import NamedTuple

from pipeline.engines.rules.ledger.entries import Entry, Figure
from pipeline.engines.rules.tables.headings import Head
from schemas.base import Running, Signed

_APART = 1.2
"""Figures of a column end, or start, so near to each other, in units."""
_MOST = 6
"""The ways to name at most so many columns are tried."""
_TELLING = 3
"""So many balances that the amounts between them account for are no chance."""
_STARTS = 40
"""The first balance is looked for among so many values."""
_FAR = 9.0
_HOLDS = 6.0
"""How much a balance that runs through all entries outweighs headings, counted in units of distance."""
_TOLERANCE = Decimal("0.005")


class Account(NamedTuple):
    """The columns of money of a schema's table of entries, by name; empty where it has none of the sort."""

    table: str
    amount: str
    plus: str
    minus: str
    balance: str
    start: str

    @property
    def money(self) -> tuple[str, ...]:
        """Those that it has."""
        return tuple(name for name in (self.minus, self.plus, self.amount, self.balance) if name)


def account_of(table: str, rules: Sequence[object]) -> Account | None:
    """The account that a schema's rules tell of a table: an amount that has two sides, or a balance that runs along."""
    signed = next((rule for rule in rules if isinstance(rule, Signed) and rule.table == table), None)
    running = next((rule for rule in rules if isinstance(rule, Running) and rule.table == table), None)
    if signed is None and running is None:
        return None
    amount = signed.result if signed else running.amount if running else ""
    return Account(
        table,
        amount,
        signed.plus if signed else "",
        signed.minus if signed else "",
        running.balance if running else "",
        running.start if running else "",
    )


class Stretch(NamedTuple):
    """Where the figures of one column stand, in units."""

    x0: float
    x1: float


def stretches_of(entries: Sequence[Entry]) -> list[Stretch]:
    """The columns of figures, from left to right: set to the right as figures are, else overlapping."""
    ends = sorted((figure.x1, figure.x0) for entry in entries for figure in entry.figures)
    made: list[Stretch] = []
    for x1, x0 in ends:
        if made and (x1 - made[-1].x1 <= _APART or x0 < made[-1].x1 - 0.5):
            made[-1] = Stretch(min(made[-1].x0, x0), max(made[-1].x1, x1))
        else:
            made.append(Stretch(x0, x1))
    if len(made) <= _MOST:
        return made
    filled = Counter(place for entry in entries for figure in entry.figures if (place := _at(figure, made)) is not None)
    return [stretch for place, stretch in enumerate(made) if place in dict(filled.most_common(_MOST))]


def _at(figure: Figure, stretches: Sequence[Stretch]) -> int | None:
    """The number of the stretch that a figure stands in."""
    return next((n for n, s in enumerate(stretches) if s.x0 - 0.3 <= figure.x1 <= s.x1 + 0.3), None)


def name_stretches(
    entries: Sequence[Entry], stretches: Sequence[Stretch], heads: Sequence[Head], account: Account
) -> tuple[dict[int, str], bool]:
    """The column of each stretch, and whether the running balance bears that out.

    All ways to name them are tried: what counts is how near each stands to its heading, and for how many entries the balance
    is the one before it plus the amount.
    """
    best: tuple[float, dict[int, str], float] | None = None
    for named in _namings(len(stretches), account.money):
        if account.amount in named.values() and {account.plus, account.minus} & set(named.values()):
            continue
        cost = sum(_distance(stretches[place], name, heads) for place, name in named.items())
        cost += _FAR * (len(stretches) - len(named)) * 0.8
        share = _running(entries, stretches, named, account)
        worth = _HOLDS * share * max(len(stretches), 1) - cost
        if best is None or worth > best[0]:
            best = worth, named, share
    return (best[1], best[2] >= 0.5) if best else ({}, False)


def with_balances_below(entries: Sequence[Entry], account: Account) -> list[Entry]:
    """The entries, those joined to the one above that are its balance on a line of its own, as the arithmetic tells."""
    if not account.balance or any(len(entry.figures) != 1 for entry in entries):
        return list(entries)
    values = [entry.figures[0].value for entry in entries]
    balances = max((_balances(values, start) for start in range(1, min(len(values), _STARTS))), key=len, default=frozenset())
    if len(balances) < _TELLING:
        return list(entries)
    made: list[Entry] = []
    for number, entry in enumerate(entries):
        if number in balances and made and account.balance not in made[-1].named:
            made[-1].named[account.balance] = entry.figures[0]
            made[-1].texts += entry.texts
            made[-1].cells |= entry.cells
        else:
            made.append(entry)
    return made


def _balances(values: Sequence[Decimal], start: int) -> frozenset[int]:
    """Which values are the balance before them and what stands between, if the one at `start` is a balance."""
    found = {start}
    balance, moved, some = values[start], Decimal(), False
    for number in range(start + 1, len(values)):
        if some and abs(balance + moved - values[number]) <= _TOLERANCE:
            found.add(number)
            balance, moved, some = values[number], Decimal(), False
        else:
            moved, some = moved + values[number], True
    return frozenset(found)


def placed(entry: Entry, stretches: Sequence[Stretch], named: Mapping[int, str]) -> dict[str, Figure]:
    """The figures of an entry by column."""
    found = dict(entry.named)
    for figure in entry.figures:
        place = _at(figure, stretches)
        if place is not None and place in named:
            found.setdefault(named[place], figure)
    return found


def change_of(figures: Mapping[str, Figure], account: Account) -> Decimal | None:
    """What an entry adds to the balance."""
    if account.amount in figures:
        return figures[account.amount].value
    sides = [abs(figures[account.plus].value)] if account.plus in figures else []
    sides += [-abs(figures[account.minus].value)] if account.minus in figures else []
    return sum(sides, Decimal()) if sides else None


def _namings(count: int, names: Sequence[str]) -> Iterator[dict[int, str]]:
    for size in range(min(count, len(names)), 0, -1):
        for places in combinations(range(count), size):
            for chosen in permutations(names, size):
                yield dict(zip(places, chosen, strict=True))


def _distance(stretch: Stretch, name: str, heads: Sequence[Head]) -> float:
    """How far a stretch stands from the heading of a column; far where none is."""
    own = [head for head in heads if name in head.names]
    if not own:
        return _FAR
    return min(
        min(max(stretch.x0 - head.x1, head.x0 - stretch.x1, 0.0) + abs(stretch.x1 - head.x1) * 0.1, _FAR)
        + 1.5 * (1 - head.names[name])
        for head in own
    )


def _running(entries: Sequence[Entry], stretches: Sequence[Stretch], named: Mapping[int, str], account: Account) -> float:
    """For which share of the steps between balances the amounts account; the entries may go up or down in time."""
    inside = any(account.balance in entry.named for entry in entries)
    if not account.balance or not (inside or account.balance in named.values()):
        return 0.0
    return max((share for share in _shares(entries, stretches, named, account)), default=0.0)


def _shares(
    entries: Sequence[Entry], stretches: Sequence[Stretch], named: Mapping[int, str], account: Account
) -> Iterator[float]:
    rows = [placed(entry, stretches, named) for entry in entries]
    for ordered in (rows, rows[::-1]):
        steps = held = 0
        before: Decimal | None = None
        moved = Decimal()
        for figures in ordered:
            change = change_of(figures, account)
            if change is None:
                steps += before is not None and account.balance in figures
                before = None
                continue
            moved += change
            if account.balance not in figures:
                continue
            now = figures[account.balance].value
            if before is not None:
                steps += 1
                held += abs(before + moved - now) <= _TOLERANCE
            before, moved = now, Decimal()
        yield held / steps if steps else 0.0
