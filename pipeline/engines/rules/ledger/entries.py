"""A statement's lines: which of them are entries, which go on with one, and what stands in each."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Literal

from pipeline.engines.rules.labels import squeeze
from pipeline.engines.rules.sheet import Cell, Sheet, Span
from pipeline.engines.rules.tables.tokens import Row, middle
from pipeline.values.amounts import find_amounts, parse_amount
from pipeline.values.carried import carries
from pipeline.values.dates import find_dates
from pipeline.values.sides import side_of, split_side

_GAP = 3.4
"""Lines of one entry stand at most so far from each other, in units."""
_WEEKDAY = 34
"""A date with its weekday has at most so many characters."""
_PLUS = re.compile(r"\+\s?$")
_AFTER_SIGN = re.compile(r"(?<=\d[-+]) (?=[-+(]?\d)")
_NO_YEAR = re.compile(r"\s*(?P<day>\d{1,2}[./-]\d{1,2}\.?|\d{1,2}\.? [^\W\d_]{3,9}\.?|[^\W\d_]{3,9}\.? \d{1,2})(?=\s|$)")
_TORN = re.compile(r"(?<![\w.,])[-(]?\d{1,3}(?:[.,]\d{3})*[.,] \d{2}\)?[-+]?$")


@dataclass(frozen=True, slots=True)
class Figure:
    """An amount in a line: its print with the sign or letter of its side, its ends along the row in units, and its value."""

    span: Span
    said: str
    x0: float
    x1: float
    value: Decimal


@dataclass(frozen=True, slots=True)
class Day:
    """A date in a line; without a value where it names no year, as many statements print them."""

    span: Span
    x0: float
    x1: float
    value: date | None = None


@dataclass(slots=True)
class Entry:
    """An entry as it is put together: its dates and figures, the pieces of its texts, and its last line.

    `named` and `told` are figures and texts that stand behind the label of their column in one of its lines.
    """

    row: int
    y: float
    days: list[Day] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    texts: list[list[Span]] = field(default_factory=list)
    cells: set[int] = field(default_factory=set)
    named: dict[str, Figure] = field(default_factory=dict)
    told: dict[str, Span] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LedgerLine:
    """A row of the sheet: what of it is a date, an amount, or text."""

    row: int
    y: float
    days: tuple[Day, ...]
    figures: tuple[Figure, ...]
    texts: tuple[Span, ...]
    cells: frozenset[int]


def line_of(sheet: Sheet, number: int, row: Row, dated: Sequence[tuple[float, float]] = ()) -> LedgerLine:
    """The dates, amounts and texts of a row.

    A date within a text is part of it, unless it closes the text and stands under the head of a column of dates.

    Args:
        sheet: the page.
        number: of the row.
        row: its cells.
        dated: where the heads of the columns of dates stand, in units.
    """
    days: list[Day] = []
    figures: list[Figure] = []
    texts: list[Span] = []
    for place, cell in enumerate(row):
        if figures and side_of(cell.text) and cell.text.strip() == cell.text and sheet.across(row[place - 1].box, cell.box) < 6:
            last = figures.pop()
            figures.append(_sided(last, f"{last.said} {cell.text}"))
            continue
        opening = _leading_days(sheet, cell, dated)
        begin = opening[-1].span.end if opening else 0
        end = _closing_figures(sheet, cell, begin, figures)
        if (texts or figures) and any(c.isalnum() for c in cell.text[begin:end]):
            begin = 0
        else:
            days += opening
        closing = _closing_day(sheet, cell, begin, end, dated)
        if closing is not None:
            days.append(closing)
            end = closing.span.start
        if any(c.isalnum() for c in cell.text[begin:end]):
            texts.append(Span(cell, begin, end))
    return LedgerLine(number, middle(sheet, row), tuple(days), tuple(figures), tuple(texts), frozenset(c.index for c in row))


def entries_of(
    sheet: Sheet,
    lines: Sequence[LedgerLine],
    asides: frozenset[int],
    ends: tuple[float, float],
    *,
    headed: bool,
    labels: Mapping[str, str],
) -> list[Entry]:
    """The entries among some lines: each starts where a date and an amount stand, and takes the text below it.

    Under a heading a date and a text will do: OCR may have lost the amount. A date alone on its line is that of what follows.

    Args:
        sheet: the page.
        lines: those below the heading.
        asides: rows that tell of the whole account: balances, sums, what is carried forward.
        ends: where the column of texts starts and ends, in units: what goes on with an entry starts within it.
        headed: whether a heading stands above them.
        labels: the labels of the columns, folded, with the column of each: a line of an entry may name its balance.
    """
    made: list[Entry] = []
    open_entry: Entry | None = None
    group: list[Day] = []
    dated = any(line.days and line.figures for line in lines)
    for line in lines:
        starts = bool(line.figures) and (bool(line.days) or not dated or (open_entry is not None and bool(line.texts)))
        starts = starts or (headed and bool(line.days) and bool(line.texts))
        alone = _day_alone(sheet, line)
        if alone is not None:
            group, open_entry = [alone], None
        elif open_entry is not None and line.y - open_entry.y <= _GAP and not line.days and _inside(open_entry, line, labels):
            open_entry.cells |= line.cells
            open_entry.y = line.y
        elif _carries(sheet, line, aside=line.row in asides, dated=bool(line.days or group)):
            open_entry = None
        elif starts:
            days = list(line.days) or list(group)
            open_entry = Entry(line.row, line.y, days, list(line.figures), [list(line.texts)], set(line.cells))
            made.append(open_entry)
        elif open_entry is not None and _goes_on(sheet, open_entry, line, ends):
            open_entry.texts.append(list(line.texts))
            open_entry.cells |= line.cells
            open_entry.y = line.y
        elif line.texts or line.days:
            open_entry = None
    # A line without a date before the first one that has one, or behind the last, is a balance or a sum.
    told = [n for n, entry in enumerate(made) if entry.days]
    return made[told[0] : told[-1] + 1] if told else made


def _day_alone(sheet: Sheet, line: LedgerLine) -> Day | None:
    """The date that is all of a line, but for its weekday."""
    if line.figures:
        return None
    if line.days and not line.texts:
        return line.days[0] if len(line.days) == 1 and line.days[0].value else None
    if line.days or len(line.texts) != 1 or len(line.texts[0].text) > _WEEKDAY:
        return None
    span = line.texts[0]
    for start, end, day in find_dates(span.text, sheet.habits.language, month_first=sheet.habits.month_first):
        rest = (span.text[:start] + span.text[end:]).strip(" ,.")
        if rest.isalpha() and " " not in rest:
            return _day(sheet, Span(span.cell, span.start + start, span.start + end), day)
    return None


def _inside(entry: Entry, line: LedgerLine, labels: Mapping[str, str]) -> bool:
    """Whether a line names a column of the entry above it, whose figure or text it then is."""
    found = False
    for span in line.texts:
        head, colon, tail = span.text.partition(":")
        name = labels.get(squeeze(head).text, "")
        if name and not tail.strip() and len(line.figures) == 1 and name not in entry.named:
            entry.named[name] = line.figures[0]
            found = True
        elif name and colon and tail.strip() and not line.figures:
            entry.told[name] = Span(span.cell, span.start + len(head) + 1, span.end)
            found = True
    return found


def _goes_on(sheet: Sheet, entry: Entry, line: LedgerLine, ends: tuple[float, float]) -> bool:
    if line.figures or not line.texts or line.y - entry.y > _GAP:
        return False
    scale = sheet.aspect / sheet.unit
    return all(ends[0] - 1.5 <= sheet.box(span)[0] * scale <= ends[1] for span in line.texts)


def _leading_days(sheet: Sheet, cell: Cell, dated: Sequence[tuple[float, float]]) -> list[Day]:
    """The dates that a cell opens with."""
    found: list[Day] = []
    begin = 0
    for start, end, day in find_dates(cell.text, sheet.habits.language, month_first=sheet.habits.month_first):
        if any(c.isalnum() for c in cell.text[begin:start]):
            break
        found.append(_day(sheet, Span(cell, start, end), day))
        begin = end
    while match := _NO_YEAR.match(cell.text, begin):
        end = match.end("day")
        span = Span(cell, match.start("day"), end)
        if not any(_under(_day(sheet, span), x0, x1) for x0, x1 in dated):
            break
        found.append(_day(sheet, span))
        begin = end
    return found


def _closing_day(sheet: Sheet, cell: Cell, begin: int, end: int, dated: Sequence[tuple[float, float]]) -> Day | None:
    """The date that closes the text of a cell, where it stands under the head of a column of dates."""
    for start, stop, day in find_dates(cell.text[begin:end], sheet.habits.language, month_first=sheet.habits.month_first):
        if cell.text[begin + stop : end].strip():
            continue
        found = _day(sheet, Span(cell, begin + start, begin + stop), day)
        if any(_under(found, x0, x1) for x0, x1 in dated):
            return found
    return None


def _under(day: Day, x0: float, x1: float) -> bool:
    """Whether a date stands under a head of dates, or hardly beside it."""
    return min(day.x1, x1) - max(day.x0, x0) > -1.0


def _day(sheet: Sheet, span: Span, value: date | None = None) -> Day:
    box, scale = sheet.box(span), sheet.aspect / sheet.unit
    return Day(span, box[0] * scale, box[2] * scale, value)


def _closing_figures(sheet: Sheet, cell: Cell, begin: int, figures: list[Figure]) -> int:
    """Where the text of a cell ends before the amounts that close it, which go to `figures`."""
    end, taken = len(cell.text), []
    for start, stop, value in reversed(_amounts(sheet, cell.text)):
        behind = cell.text[stop:end].strip()
        if start < begin or (behind and not side_of(behind) and behind not in "+*"):
            break
        plus = _PLUS.search(cell.text[:start])
        start = plus.start() if plus else start
        span = Span(cell, start, stop)
        box, scale = sheet.box(span), sheet.aspect / sheet.unit
        said = f"{cell.text[start:stop].strip()} {behind}".strip(" *")
        taken.append(_sided(Figure(span, said, box[0] * scale, box[2] * scale, value), said))
        end = start
    figures += reversed(taken)
    return end


def _amounts(sheet: Sheet, text: str) -> list[tuple[int, int, Decimal]]:
    """The amounts in a cell, with start and end: also two that only a sign parts, and one that OCR tore apart."""
    begin = 0
    found: list[tuple[int, int, Decimal]] = []
    for end in (*(match.end() for match in _AFTER_SIGN.finditer(text)), len(text)):
        chunk = text[begin:end]
        whole = find_amounts(chunk, sheet.habits.language, decimal=sheet.habits.decimal)
        found += [(begin + start, begin + stop, amount.value) for start, stop, amount in whole]
        torn = _TORN.search(chunk)
        if torn and (not whole or whole[-1][1] <= torn.start()):
            amount = parse_amount(torn.group().rstrip("+ "), sheet.habits.language, decimal=sheet.habits.decimal)
            if amount is not None:
                found.append((begin + torn.start(), begin + torn.end(), amount.value))
        begin = end
    return found


def _sided(figure: Figure, said: str) -> Figure:
    """The figure with the sign that its side tells: what is out is negative."""
    text, side = split_side(said)
    amount = parse_amount(text, "und", decimal="," if re.search(r",\d\d\D*$", text) else ".")
    value = amount.value if amount else figure.value
    value = {"in": abs(value), "out": -abs(value)}.get(side, value)
    return Figure(figure.span, said, figure.x0, figure.x1, value)


def _carries(sheet: Sheet, line: LedgerLine, *, aside: bool, dated: bool) -> bool:
    """Whether a line tells of the whole account (`aside`), or only carries a sum from page to page.

    With a date and an amount beside its balance it is an entry, whatever it is called (`Report SARL`, `Vortrag`). So it is,
    with a date, where its words may name what is paid as well: what has a balance alone is left out later.
    """
    if dated and len(line.figures) > 1:
        return False
    said = is_carried(line.texts[0].text, sheet.habits.language) if line.texts else ""
    return aside or said == "sure" or (said == "doubtful" and not dated)


def is_carried(text: str, language: str) -> Literal["", "doubtful", "sure"]:
    """Whether `text` says that a sum is carried from page to page; amounts and dates beside the words do not count."""
    return carries(" ".join(word for word in text.split() if any(map(str.isalpha, word))), language)
