"""Taxes that are printed as lines of the sums, one a rate: `VAT 20% on 142.00   28.40`."""

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import NamedTuple

from pipeline.engines.rules.fields.nearby import Neighbourhood
from pipeline.engines.rules.fields.readers import read
from pipeline.engines.rules.labels import Hit, find_labels
from pipeline.engines.rules.sheet import Reading, Sheet, Span
from pipeline.records import Box, Leaf
from pipeline.values.amounts import parse_percent
from pipeline.values.arithmetic import SUM_TOLERANCE, sum_holds
from schemas.base import Schema, Sum, specs
from schemas.fields import FieldSpec, Kind

_BEHIND = re.compile(r"[\s:(@]*(?:[^\W\d]{1,5}\.?\s)?(\d{1,2}(?:[.,]\d{1,3})?\s?%)")
_BEFORE = re.compile(r"(\d{1,2}(?:[.,]\d{1,3})?\s?%)\s*(?:[^\W\d]{1,6}\.?\s*)?$")
_LEAST = 2
"""One line is the tax as a whole."""
_PROVEN, _TOLD = 0.93, 0.85


class _Share(NamedTuple):
    rate: Span
    base: Span | None
    amount: Span
    value: Decimal


def with_shares(
    sheet: Sheet, schema: Schema, taken: frozenset[int], rows: Sequence[Leaf], leaves: Sequence[Leaf]
) -> list[Leaf]:
    """`leaves` with the rows of a table of taxes whose lines stand among the sums; one line alone is the tax as a whole.

    Args:
        sheet: the page.
        schema: a rule of which says that a field is the sum of a table's column.
        taken: cells that belong to tables.
        rows: the rows of tables that were read.
        leaves: the fields that were read: the lines must add up to the one, and none of them is it.
    """
    fields = {spec.name: spec for spec in specs(schema)}
    made = list(leaves)
    for rule in schema.rules:
        table, _, column = rule.parts[0].partition("[].") if isinstance(rule, Sum) and len(rule.parts) == 1 else ("", "", "")
        if not isinstance(rule, Sum) or not column or any(row.path.startswith(f"{table}[") for row in rows):
            continue
        columns = {spec.name: spec for spec in fields[table].columns}
        rate = next((spec for spec in columns.values() if spec.kind is Kind.PERCENT), None)
        base = next((spec for spec in columns.values() if spec.kind is Kind.MONEY and spec.name != column), None)
        if rate is None or rule.total not in fields:
            continue
        shares = list(_shares(sheet, [fields[rule.total], columns[column]], columns[column], taken))
        if len(shares) < _LEAST or not _agrees(sheet, rule.total, fields[rule.total], shares, leaves):
            continue
        parts = _boxes(sheet, shares)
        made = [leaf for leaf in made if leaf.path != rule.total or leaf.box not in parts]
        for number, share in enumerate(shares):
            sure = _PROVEN if share.base else _TOLD
            named = ((rate, share.rate), (base, share.base), (columns[column], share.amount))
            for spec, span in named:
                if spec is not None and span is not None:
                    made.append(sheet.leaf(f"{table}[{number}].{spec.name}", Reading(span, sure, span.text)))
    return made


def _shares(sheet: Sheet, labelled: Sequence[FieldSpec], money: FieldSpec, taken: frozenset[int]) -> Iterator[_Share]:
    """The lines: a label, a rate behind or before it, and the tax right of it or below."""
    hits = [hit for hit in find_labels(sheet, labelled, decoys=False) if hit.span.cell.index not in taken]
    around = Neighbourhood(sheet, hits)
    used: set[tuple[int, int]] = set()
    seen: set[tuple[int, int]] = set()
    for hit in hits:
        rate = _rate(hit)
        if rate is None or (rate.cell.index, rate.start) in seen:
            continue
        seen.add((rate.cell.index, rate.start))
        percent = parse_percent(rate.text, sheet.page.language)
        cell = hit.span.cell
        whole = hit._replace(span=Span(cell, 0, len(cell.text)))
        places = [(slot.span, slot.below is not None) for slot in around.slots(whole)]
        found = [
            (value.span, value.value, below)
            for place, below in [(Span(cell, rate.end, len(cell.text)), False), *places]
            if place.cell.index not in taken
            for value in read(place, money, sheet.habits)
            if value.form > 0.5 and isinstance(value.value, Decimal)
        ]
        offers = [item for item in found if (item[0].cell.index, item[0].start) not in used]
        share = _best(offers, rate, percent)
        if share is not None:
            used.add((share.amount.cell.index, share.amount.start))
            yield share


def _rate(hit: Hit) -> Span | None:
    cell = hit.span.cell
    behind = _BEHIND.match(cell.text, hit.span.end)
    if behind:
        return Span(cell, *behind.span(1))
    before = _BEFORE.search(cell.text[: hit.span.start])
    return Span(cell, *before.span(1)) if before else None


def _best(offers: Sequence[tuple[Span, object, bool]], rate: Span, percent: Decimal | None) -> _Share | None:
    """The tax among the amounts near a rate: that of another one of them, else the nearest beside it, below, or behind it."""
    amounts = [(span, value, below) for span, value, below in offers if isinstance(value, Decimal)]
    for base, whole, _ in amounts if percent is not None else ():
        for span, value, _ in amounts:
            if span is not base and percent is not None and abs(whole * percent / 100 - value) <= SUM_TOLERANCE:
                return _Share(rate, base, span, value)
    apart = [item for item in amounts if item[0].cell is not rate.cell]
    ordered = [*(item for item in apart if not item[2]), *(item for item in apart if item[2]), *reversed(amounts)]
    return next((_Share(rate, None, span, value) for span, value, _ in ordered), None)


def _boxes(sheet: Sheet, shares: Sequence[_Share]) -> list[Box]:
    """Where their figures stand."""
    return [sheet.box(span) for share in shares for span in (share.base, share.amount) if span is not None]


def _agrees(sheet: Sheet, name: str, spec: FieldSpec, shares: Sequence[_Share], leaves: Sequence[Leaf]) -> bool:
    """Whether the lines add up to the sum that was read; where it is one of them, or none was read, they may stand alone."""
    leaf = next((leaf for leaf in leaves if leaf.path == name), None)
    if leaf is None or leaf.box in _boxes(sheet, shares):
        return True
    told = leaf.verbatim
    return any(
        isinstance(found.value, Decimal) and sum_holds(abs(found.value), [abs(share.value) for share in shares])
        for cell in sheet.cells
        if told in cell.text
        for found in read(Span(cell, 0, len(cell.text)), spec, sheet.habits)
        if found.span.text == told
    )
