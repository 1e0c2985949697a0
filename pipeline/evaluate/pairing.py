"""Which row found stands for which row of the truth: Hungarian matching over how alike they are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rapidfuzz import fuzz
from scipy.optimize import linear_sum_assignment

from pipeline.records import Typed
from pipeline.values.compare import key, same
from pipeline.values.text import fold_name
from schemas.fields import FieldSpec, Kind

_SAME_ROW = 0.6
"""Least likeness (0..2: texts and amounts) of a row found to a row of the truth that it can stand for."""
_LIKENESS = 0.1
"""What likeness weighs beside a right cell, in choosing pairs among rows that are alike."""
_IN_ORDER = 0.001
_WORDED = (Kind.TEXT, Kind.NAME, Kind.ADDRESS)


@dataclass(frozen=True, slots=True)
class _Cell:
    """A cell made ready to be compared with many: what it says, in every form that is right."""

    said: tuple[Typed, ...]
    keys: frozenset[Typed]
    letters: tuple[str, ...] = ()


def pair(
    columns: Sequence[FieldSpec], expected: Sequence[Mapping[str, Sequence[str]]], found: Sequence[Mapping[str, Typed]]
) -> dict[int, int]:
    """Numbers of rows of the truth → of rows found: the most right cells in all, then the most alike.

    Args:
        columns: what the rows are compared by.
        expected: name → the values that are right; columns that are not known are left out.
        found: name → the value.
    """
    if not expected or not found:
        return {}
    wanted = [{c.name: _cell(c, row[c.name]) for c in columns if row.get(c.name)} for row in expected]
    given = [{c.name: _cell(c, [row[c.name]]) for c in columns if row.get(c.name) is not None} for row in found]
    longest = max(len(expected), len(found))
    gains = [[0.0] * len(found) for _ in expected]
    for i, row in enumerate(wanted):
        for j, other in enumerate(given):
            alike, right = _likeness(columns, row, other)
            if alike >= _SAME_ROW:
                gains[i][j] = right + _LIKENESS * alike + _IN_ORDER * (1 - abs(i - j) / longest)
    pairs = zip(*(side.tolist() for side in linear_sum_assignment(gains, maximize=True)), strict=True)
    return {i: j for i, j in pairs if gains[i][j]}


def _cell(column: FieldSpec, values: Sequence[Typed]) -> _Cell:
    keys = frozenset(key(column.kind, value, column.scheme) for value in values) - {None}
    letters = tuple(fold_name(str(value)) for value in values) if column.kind in _WORDED else ()
    return _Cell(tuple(values), keys, letters)


def _likeness(columns: Sequence[FieldSpec], wanted: Mapping[str, _Cell], row: Mapping[str, _Cell]) -> tuple[float, int]:
    """How alike two rows are, by what a row is known by, and how many cells are right.

    Likeness is 0..1 by the letters of the texts that both have, and 1 more for an equal amount. Rows without texts are alike by
    any equal cell.
    """
    letters, texts, right, money = 0.0, 0, 0, False
    for column in columns:
        if not (one := wanted.get(column.name)) or not (other := row.get(column.name)):
            continue
        equal = _equal(column, one, other)
        right += equal
        money = money or (equal and column.kind is Kind.MONEY)
        if column.kind in _WORDED:
            texts += 1
            letters += 1.0 if equal else max(fuzz.ratio(text, other.letters[0]) for text in one.letters) / 100
    return (letters / texts if texts else float(right > 0)) + float(money), right


def _equal(column: FieldSpec, one: _Cell, other: _Cell) -> bool:
    if column.scheme == "tax_id":  # equal ones may have different keys: the country is in front of one alone
        return any(same(column.kind, other.said[0], said, column.scheme) for said in one.said)
    return not one.keys.isdisjoint(other.keys)
