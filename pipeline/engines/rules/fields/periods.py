"""Periods: one label with two dates behind it, the first day and the last."""

from collections.abc import Sequence
from datetime import date

from pipeline.engines.rules.labels import Hit
from pipeline.engines.rules.sheet import Reading, Sheet, Span
from pipeline.records import Leaf
from pipeline.values.dates import find_dates
from schemas.base import Order, Schema

_SURE = 0.93
_NEXT_LINE = 2.4
"""The second date may stand in the line below the first, so far down at most, in units."""
_FAR = 30.0


def with_periods(
    sheet: Sheet, schema: Schema, leaves: Sequence[Leaf], hits: Sequence[Hit], taken: frozenset[int]
) -> list[Leaf]:
    """`leaves` with the two dates of each order of the schema where one label names both of them."""
    kept = {leaf.path: leaf for leaf in leaves}
    for rule in schema.rules:
        if not isinstance(rule, Order):
            continue
        later = {hit.span.place for hit in hits if hit.name == rule.later}
        for hit in hits:
            both = hit.name == rule.earlier and hit.span.place in later
            dates = _dates(sheet, hit) if both and hit.span.cell.index not in taken else []
            if len(dates) == 2 and dates[0][0] <= dates[1][0]:
                for name, (_, span) in zip((rule.earlier, rule.later), dates, strict=True):
                    kept[name] = sheet.leaf(name, Reading(span, _SURE, span.text))
                break
    return list(kept.values())


def _dates(sheet: Sheet, hit: Hit) -> list[tuple[date, Span]]:
    """The two dates behind a label: in its cell, right of it, the second perhaps in the next line."""
    cell = hit.span.cell
    found = _in(sheet, Span(cell, hit.span.end, len(cell.text)))
    last = cell
    for right in sheet.right_of(cell):
        if len(found) >= 2 or sheet.across(last.box, right.box) > _FAR:
            break
        found += _in(sheet, Span(right, 0, len(right.text)))
        last = right
    if len(found) == 1 or not found:
        for below in sheet.cells:
            near = 0.5 < sheet.down(last.box, below.box) <= _NEXT_LINE and sheet.across(last.box, below.box) < 0
            if near and len(found) < 2:
                found += _in(sheet, Span(below, 0, len(below.text)))
    return found[:2] if len(found) >= 2 else []


def _in(sheet: Sheet, span: Span) -> list[tuple[date, Span]]:
    habits = sheet.habits
    dates = find_dates(span.text, habits.language, month_first=habits.month_first)
    return [(day, Span(span.cell, span.start + start, span.start + end)) for start, end, day in dates]
