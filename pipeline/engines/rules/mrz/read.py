"""The values of an identity document as its machine readable zone and its print tell them together."""

import re
from collections.abc import Iterator, Sequence
from datetime import date
from functools import cache
from typing import NamedTuple

from rapidfuzz import fuzz

from pipeline.engines.rules.labels import Hit
from pipeline.engines.rules.mrz.zone import find_zone
from pipeline.engines.rules.sheet import Reading, Sheet, Span
from pipeline.records import Box, Leaf, around
from pipeline.values.data import load_data
from pipeline.values.dates import find_dates, parse_date
from pipeline.values.mrz import Mrz, but_for_century, earlier_century, read_mrz
from pipeline.values.text import fold, fold_name
from schemas.fields import FieldSpec, Kind

_AGREED, _PROVEN, _READ = 0.97, 0.9, 0.75
"""Confidence of print that the zone confirms, of what only the zone says with a check digit, and without one."""
_DATES = ("date_of_birth", "expiry_date")
_TEXTS = ("surname", "given_names", "document_number", "personal_number")
_ALIKE = 70
"""Print and zone say the same name where they are so alike (0..100): the zone has no accents, and `Ü` becomes `UE`."""
_WORDS = 7
"""A name has at most so many words."""
_STATE, _HEAD, _LONGEST = "issuing_country", 0.4, 48
_CODES = ("nationality", "issuing_country")
_SORTS = {"P": "passport", "D": "driving_licence", "I": "identity_card", "A": "identity_card", "C": "identity_card"}


class ZoneRows(NamedTuple):
    """A zone on a sheet: its lines, what they say, where it stands, and the indexes of its cells."""

    lines: tuple[str, ...]
    says: Mrz
    box: Box
    cells: frozenset[int]

    def part(self, name: str) -> str:
        """What it says of a field, as text; empty where nothing."""
        told = self.says
        if name == "personal_number":
            return told.optional
        return str({"issuing_country": told.country, "document_type": told.code}.get(name) or getattr(told, name, None) or "")

    def sound(self, name: str) -> bool:
        """Whether a check digit vouches for a field."""
        return name in ("document_number", *_DATES) and name not in self.says.wrong


def find_mrz(sheet: Sheet, fields: Sequence[FieldSpec]) -> ZoneRows | None:
    """The machine readable zone of the sheet, where the schema asks for one."""
    if not any(spec.scheme == "mrz" for spec in fields):
        return None
    rows = [row for row in sheet.rows if row]
    zone = find_zone(["".join(cell.text for cell in row) for row in rows])
    says = read_mrz("\n".join(zone.lines)) if zone else None
    if zone is None or says is None:
        return None
    cells = [cell for row in rows[zone.first : zone.first + len(zone.lines)] for cell in row]
    return ZoneRows(zone.lines, says, around(cell.box for cell in cells), frozenset(cell.index for cell in cells))


def with_mrz(sheet: Sheet, fields: Sequence[FieldSpec], leaves: Sequence[Leaf], found: ZoneRows) -> list[Leaf]:
    """`leaves`, which the labels told, with what the zone confirms, corrects and adds."""
    kept = {leaf.path: leaf for leaf in leaves}
    issue = kept.get("issue_date")
    issued = parse_date(issue.verbatim, sheet.habits.language, sheet.habits.month_first) if issue else None
    for spec in fields:
        told = _told(sheet, spec, found, kept.get(spec.name), issued)
        if told is not None:
            kept[spec.name] = told
    return list(kept.values())


def _told(sheet: Sheet, spec: FieldSpec, found: ZoneRows, printed: Leaf | None, issued: date | None) -> Leaf | None:
    name = spec.name
    if spec.scheme == "mrz":
        return Leaf(name, "\n".join(found.lines), _AGREED, found.box)
    if name in _DATES and spec.kind is Kind.DATE:
        return _day(sheet, name, found, printed, issued)
    part = found.part(name)
    if name == "document_type" and spec.kind is Kind.CHOICE:
        sort = "residence_permit" if part[1:] == "R" else _SORTS.get(part[:1], "")
        return Leaf(name, sort, _READ, found.box) if printed is None and sort in spec.choices else printed
    if name == "sex":
        said = part or "X"
        return Leaf(name, said, _PROVEN, found.box) if printed is None and said in "FMX" else printed
    if not part or name not in (*_TEXTS, *_CODES):
        return printed
    if name in _CODES:
        return printed or Leaf(name, part, _PROVEN, found.box)
    same = _same(sheet, part, found)
    sure = _PROVEN if found.sound(name) else _READ
    if printed is not None and fold_name(printed.verbatim) == fold_name(part):
        return Leaf(name, printed.verbatim, _AGREED, printed.box)
    if same is not None:
        return sheet_leaf(sheet, name, same)
    if printed is not None and _unwritten(printed.verbatim) == _unwritten(part):
        return Leaf(name, printed.verbatim, _AGREED, printed.box)
    if printed is None or fuzz.ratio(fold_name(printed.verbatim), fold_name(part)) < _ALIKE:
        return Leaf(name, part, sure, found.box)
    # Print has the accents that the zone lacks; without any, the zone's letters are made to be read by machines.
    return printed if not found.sound(name) and not printed.verbatim.isascii() else Leaf(name, part, sure, found.box)


def _unwritten(text: str) -> str:
    """A name as zone and print may both write it: `JUERGEN`, `JÜRGEN` and `JURGEN` are one."""
    return re.sub("(?<=[aou])e|(?<=s)s", "", fold_name(text))


def with_state(sheet: Sheet, fields: Sequence[FieldSpec], leaves: Sequence[Leaf], hits: Sequence[Hit]) -> list[Leaf]:
    """`leaves` with the state that heads an identity document: cards print it without a label.

    A line with a number or a label in it is no such heading, nor is what other fields have as an address or a place.
    """
    wanted = [spec.name for spec in fields if spec.name == _STATE and spec.kind is Kind.TEXT]
    if not wanted or not any(spec.scheme == "mrz" for spec in fields):
        return list(leaves)
    places = {spec.name for spec in fields if spec.kind in (Kind.ADDRESS, Kind.TEXT)} - {_STATE}
    held = [leaf.box for leaf in leaves if leaf.path in places and leaf.box]
    labelled = {hit.span.cell.index for hit in hits if hit.name != _STATE}
    for cell in sheet.cells:
        if cell.box[3] >= _HEAD or len(cell.text) > _LONGEST or cell.index in labelled or any(map(str.isdigit, cell.text)):
            continue
        if _states().search(fold(cell.text)) and not any(_overlap(cell.box, box) for box in held):
            name = sheet.leaf(_STATE, Reading(Span(cell, 0, len(cell.text)), _PROVEN, cell.text))
            return [*(leaf for leaf in leaves if leaf.path != _STATE), name]
    return list(leaves)


def _overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


@cache
def _states() -> re.Pattern[str]:
    """The words of states, whole but in Thai, which has no spaces."""
    words = load_data("states.toml", "pipeline.engines.rules.mrz")["words"]
    thai = "|".join(re.escape(word) for word in words if "\u0e00" <= word[0] <= "\u0e7f")
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, words))})(?!\w)|{thai}")


def _day(sheet: Sheet, name: str, found: ZoneRows, printed: Leaf | None, issued: date | None) -> Leaf | None:
    """The print that says the day of the zone; without such a print the zone's own, where its check digit fits.

    The zone does not tell the century of a birth: print that does is right, and nobody is born after the day of issue.
    """
    born = name == "date_of_birth"
    day = found.says.date_of_birth if born else found.says.expiry_date
    habits = sheet.habits
    if day is None:
        return printed
    if born and issued and issued < day:
        day = earlier_century(day)
    if printed is not None:
        read = parse_date(printed.verbatim, habits.language, habits.month_first)
        if read == day or (born and _full(printed.verbatim) and but_for_century(read, day)):
            return Leaf(name, printed.verbatim, _AGREED, printed.box)
    for cell in sheet.cells:
        if cell.index in found.cells:
            continue
        for start, end, read in find_dates(cell.text, habits.language, month_first=habits.month_first):
            if read == day:
                return sheet_leaf(sheet, name, Span(cell, start, end))
        if parse_date(cell.text, habits.language, habits.month_first) == day:
            return sheet_leaf(sheet, name, Span(cell, 0, len(cell.text)))
    if not found.sound(name):
        return printed
    return Leaf(name, day.isoformat(), _READ, found.box)


def _full(text: str) -> bool:
    """Whether a date is printed with all figures of its year."""
    return re.search(r"\d{4}", text) is not None


def _same(sheet: Sheet, part: str, found: ZoneRows) -> Span | None:
    """Print outside of the zone that says the same as a part of it."""
    wanted = fold_name(part)
    for span in _spans(sheet, found):
        if fold_name(span.text) == wanted:
            return span
    return None


def _spans(sheet: Sheet, found: ZoneRows) -> Iterator[Span]:
    """Cells, and the words in them."""
    cells = [cell for cell in sheet.cells if cell.index not in found.cells]
    for cell in cells:
        yield Span(cell, 0, len(cell.text))
    for cell in cells:
        for place, start in enumerate(cell.starts):
            after = cell.starts[place + 1 : place + _WORDS]
            for end in (*(begin - 1 for begin in after), *([len(cell.text)] if len(after) < _WORDS - 1 else [])):
                yield Span(cell, start, end)


def sheet_leaf(sheet: Sheet, name: str, span: Span) -> Leaf:
    """Print that the zone confirms, as the value of `name`."""
    return Leaf(name, span.text.strip(), _AGREED, sheet.box(span))
