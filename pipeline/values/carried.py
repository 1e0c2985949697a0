"""Print that says that a sum is carried from one page of a table to the next, and the rows that do nothing else."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Literal, NamedTuple

from pipeline.records import Value
from pipeline.values.arithmetic import sum_holds
from pipeline.values.data import load_data
from pipeline.values.text import fold
from schemas.base import Running
from schemas.fields import LANGUAGES, NUMERIC, FieldSpec, Kind

Row = dict[str, Value]
"""A row of a table: column → value."""

_Words = tuple[str, ...]


class _Told(NamedTuple):
    """The file's words: those that say so, by language; those that may follow; and those that may name an item as well."""

    forms: dict[str, frozenset[_Words]]
    beside: frozenset[str]
    doubtful: frozenset[_Words]


@dataclass(frozen=True, slots=True)
class _Carry:
    """A row that says that it carries a sum: its figure, and whether its words may name an item as well."""

    figure: Decimal | None
    doubtful: bool


def without_carried(
    spec: FieldSpec, pages: Sequence[Sequence[Row]], languages: Sequence[str], rule: Running | None
) -> list[Sequence[Row]]:
    """The rows of each page without those that only carry a sum to or from the page beside it, at its top and at its foot.

    Where the words may name an item as well, the figure must tell: it is the sum of the rows above, or the page beside
    has it, too. A table with a running balance opens and closes with such rows on a lone page as well.

    Args:
        spec: the table.
        pages: its rows, those of each page that has some.
        languages: of these pages.
        rule: how its balance runs, where it has one.
    """
    last = len(pages) - 1
    heads: list[_Carry | None] = [None] * (last + 2)
    feet: list[_Carry | None] = [None] * (last + 2)  # the last of each is that of no page
    for number, (rows, language) in enumerate(zip(pages, languages, strict=True)):
        heads[number] = _carry(spec, rows[0], language, rule) if rows and (number or rule) else None
        feet[number] = _carry(spec, rows[-1], language, rule) if rows and (number < last or rule) else None
    kept: list[Sequence[Row]] = []
    sums: dict[str, Decimal] = {}
    above: Row | None = None
    for number, rows in enumerate(pages):
        head, foot = heads[number], feet[number]
        if head and _is_sum(head, feet[number - 1], _known(above, sums.values(), rule)):
            rows = rows[1:]
        if rows and foot:
            own = _added(spec, rows[:-1], {})
            known = _known(rows[-2] if len(rows) > 1 else above, (*own.values(), *_added(spec, rows[:-1], sums).values()), rule)
            rows = rows[:-1] if _is_sum(foot, heads[number + 1], known) else rows
        sums = _added(spec, rows, sums)
        above = rows[-1] if rows else above
        kept.append(rows)
    return kept


def _carry(spec: FieldSpec, row: Row, language: str, rule: Running | None) -> _Carry | None:
    """What a row carries: one text that says so, and at most one figure beside dates.

    In a table with a running balance that must be the figure: what moves money is an entry, whatever it is called.
    """
    kinds = {column.name: column.kind for column in spec.columns}
    texts = [value.verbatim for column, value in row.items() if kinds.get(column) not in (*NUMERIC, Kind.DATE)]
    figures = [column for column in row if kinds.get(column) in NUMERIC]
    if len(texts) != 1 or len(figures) > 1 or (rule and figures not in ([], [rule.balance])):
        return None
    said = carries(texts[0], language)
    amount = row[figures[0]].value if figures else None
    return _Carry(amount if isinstance(amount, Decimal) else None, said == "doubtful") if said else None


def _is_sum(carry: _Carry, beside: _Carry | None, known: Iterable[Decimal] | None) -> bool:
    """Whether a row does carry a sum: its words leave no doubt, or its figure is one that is known (None: whatever it is)."""
    if not carry.doubtful or known is None:
        return True
    figure = carry.figure
    if figure is None:
        return False
    return (beside is not None and beside.figure == figure) or any(sum_holds(figure, (one,)) for one in known)


def _known(above: Row | None, sums: Iterable[Decimal], rule: Running | None) -> Iterable[Decimal] | None:
    """The figures that a row may carry: sums so far; of a balance the one above, or the one before that; None at the top."""
    if rule is None:
        return sums
    if above is None:
        return None
    balance, amount = (value.value if (value := above.get(name)) else None for name in (rule.balance, rule.amount))
    if not isinstance(balance, Decimal):
        return ()
    return (balance, balance - amount) if isinstance(amount, Decimal) else (balance,)


def _added(spec: FieldSpec, rows: Iterable[Row], start: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """The sum of each column of money, from `start` on."""
    added = dict(start)
    money = [column.name for column in spec.columns if column.kind is Kind.MONEY]
    for row in rows:
        for name in money:
            if name in row and isinstance(amount := row[name].value, Decimal):
                added[name] = added.get(name, Decimal()) + amount
    return added


def carries(text: str, language: str = "und") -> Literal["", "doubtful", "sure"]:
    """Whether `text` says that a sum is carried: in whole words, with nothing behind them but a page's number or the like.

    `doubtful` where the words name what is sold or paid as well (`Transporte`, `Report`, `Vortrag`): the figure must tell.

    Args:
        text: a row's only text.
        language: the page's; its words and the English ones count. Where it is not one of the eight, those of all do.
    """
    words, told = _words(text), _told()
    spoken = LANGUAGES if language not in LANGUAGES else (language, "en")
    for end in range(len(words), 0, -1):
        if not all(word in told.beside or word.isdigit() for word in words[end:]):
            return ""
        if any(words[:end] in told.forms[one] for one in spoken):
            return "doubtful" if words in told.doubtful else "sure"
    return ""


@cache
def _told() -> _Told:
    told = load_data("carried.toml")
    return _Told(
        {language: frozenset(map(_words, told[language])) for language in LANGUAGES},
        frozenset(_words(" ".join(told["beside"]))),
        frozenset(map(_words, told["doubtful"])),
    )


def _words(text: str) -> _Words:
    return tuple(filter(None, (word.strip(".,:;()") for word in fold(text).split())))
