"""Who agrees with whom: the parties of a contract in a table of their own, in sentences, or in blocks under their roles."""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, NamedTuple

from pipeline.engines.rules.labels import squeeze
from pipeline.engines.rules.prose.text import Prose, loose
from pipeline.engines.rules.sheet import Cell, Sheet, Table
from pipeline.records import Box, Leaf, around
from pipeline.values.data import load_data
from pipeline.values.identifiers import find_tax_ids
from schemas.fields import FieldSpec, Kind

_TABLED, _SAID_SO, _BLOCK = 0.94, 0.9, 0.75
_EDGE = 1.5
_STEP = 2.6
_UPPER = 0.6
"""Parties stand in the upper part of a contract's first page."""
_OPENING = 2500
"""In so many characters of it."""
_QUOTES = "\"“”„«»‚‘’'"
_ARTICLES = r"(?:the|der|die|das|den|le|la|les|l['’]|il|lo|o|a|el|los|las)"
_LEGAL = re.compile(
    r"\s*,\s*(?:S\.? ?A\.? ?U?\.?|S\.? ?L\.? ?U?\.?|S\.? ?A\.? de C\.? ?V\.?|S\.? de R\.? ?L\.?|Lda|Ltda|Inc|LLC|LLP|Ltd"
    r"|Limited|GmbH|S\.? ?r\.? ?l|S\.? ?p\.? ?A|N\.A|plc)\b\.?",
    re.IGNORECASE,
)


_STOP = re.compile(r"[,;(\n]|$|\s?ผู้มี ?อ")
"""What ends the name of a representative; in Thai what makes it one follows."""


class _Said(NamedTuple):
    """A value of a party: its print and box."""

    text: str
    box: Box


_Party = dict[str, _Said]


def asks_for_parties(spec: FieldSpec) -> bool:
    """Whether the rows of a table are parties: it has a role, and a name that is one."""
    kinds = {column.name: column.kind for column in spec.columns}
    return kinds.get("name") is Kind.NAME and kinds.get("role") is Kind.TEXT


def read_contract_parties(sheet: Sheet, spec: FieldSpec) -> Table:
    """The parties on a contract's first page, at least two; elsewhere only signatures repeat them."""
    if sheet.page.page > 1:
        return Table()
    for found, sure in ((_tabled(sheet, spec), _TABLED), (_told_in_prose(sheet), _SAID_SO), (_in_blocks(sheet), _BLOCK)):
        named = [party for party in found if "name" in party]
        if len(named) < 2:
            continue
        asked = {column.name for column in spec.columns}
        leaves = tuple(
            Leaf(f"{spec.name}[{number}].{name}", said.text, sure, said.box)
            for number, party in enumerate(named)
            for name, said in party.items()
            if name in asked
        )
        return Table(leaves)
    return Table()


def _tabled(sheet: Sheet, spec: FieldSpec) -> list[_Party]:
    """The parties as the columns of a table, with what each row holds at its left."""
    labels = _labels(spec)
    rows = [row for row in sheet.rows if row]
    start = next(
        (n for n, row in enumerate(rows) if len(row) > 2 and "name" in labels.get(squeeze(row[0].text).text, ())), None
    )
    if start is None:
        return []
    scale = sheet.aspect / sheet.unit
    edges = _edges(sheet, rows, start, scale)
    if start and _columns_of(rows[start - 1], edges, scale) and len(rows[start - 1]) >= len(edges):
        start -= 1  # the roles, above the names
    parties: list[dict[str, list[Cell]]] = [{} for _ in edges]
    name, before = "", rows[start][0]
    for number, row in enumerate(rows[start:], start):
        if number > start and sheet.down(before.box, row[0].box) > _STEP * 1.4:
            break
        left = row[0] if row[0].box[0] * scale < edges[0] - _EDGE else None
        told = _label(labels, rows, number, edges[0], scale) if left else ""
        if left and not told and len(left.text) > 14:
            break
        beside = _columns_of(row, edges, scale)
        name = told or ("role" if number == start else "" if left and beside else name)
        for column, cell in beside:
            own = name or ("tax_id" if find_tax_ids(cell.text, sheet.page.language) else "")
            if own and any(c.isalnum() for c in cell.text):
                parties[column].setdefault(own, []).append(cell)
        before = row[0]
    return [{name: _joined(sheet, name, cells) for name, cells in party.items()} for party in parties]


def _edges(sheet: Sheet, rows: Sequence[Sequence[Cell]], start: int, scale: float) -> list[float]:
    """Where the columns of the parties start, in units: what stands close behind a cell belongs to it."""
    edges: list[float] = []
    for before, cell in zip(rows[start], rows[start][1:], strict=False):
        above = [other.box[0] * scale for other in rows[start - 1][1:]] if start else []
        x = cell.box[0] * scale
        if not edges or sheet.across(before.box, cell.box) > 3 or any(abs(x - other) <= _EDGE for other in above):
            edges.append(x)
    return edges


def _columns_of(row: Sequence[Cell], edges: Sequence[float], scale: float) -> list[tuple[int, Cell]]:
    """The cells of a row with the number of the column that each starts in."""
    placed = []
    for cell in row:
        x = cell.box[0] * scale
        column = max((n for n, edge in enumerate(edges) if edge - _EDGE <= x), default=None)
        if column is not None:
            placed.append((column, cell))
    return placed


def _label(labels: dict[str, tuple[str, ...]], rows: Sequence[Sequence[Cell]], number: int, edge: float, scale: float) -> str:
    """The column of the schema that the cell at the left of a row labels, also over two lines."""
    text = rows[number][0].text
    below = rows[number + 1][0] if number + 1 < len(rows) else None
    both = f"{text} {below.text}" if below is not None and below.box[0] * scale < edge - _EDGE else text
    for said in (text, both):
        if found := labels.get(squeeze(said).text):
            return found[0]
    return ""


def _joined(sheet: Sheet, name: str, cells: Sequence[Cell]) -> _Said:
    """The print of some cells: the lines of an address apart."""
    text = cells[0].text
    for before, cell in zip(cells, cells[1:], strict=False):
        text += ("\n" if name == "address" and cell.row != before.row else " ") + cell.text
    return _Said(text, around(cell.box for cell in cells))


def _told_in_prose(sheet: Sheet) -> list[_Party]:
    """The parties as the opening sentences name them, each up to the word that it is called by from there on."""
    language = sheet.page.language
    if language not in _told()["called"]:
        return []
    prose = Prose(sheet)
    text = prose.text[:_OPENING]
    called = list(_called(language).finditer(text))
    if len(called) < 2:
        return []
    between = [
        m
        for m in re.finditer(loose(_told()["between"][language], language), text, re.IGNORECASE)
        if m.end() <= called[0].start()
    ]
    begin = between[-1].end() if between else text.rfind("\n", 0, called[0].start()) + 1
    parties: list[_Party] = []
    for match in called:
        if match.start() - begin > 500:
            break
        start = begin + len(_lead(text[begin : match.start()], language))
        colon = text.rfind(":", start, match.start())
        party = _party(prose, text, start, match.start(), language)
        if not party and colon > 0 and not parties:
            party = _party(
                prose, text, colon + 1 + len(_lead(text[colon + 1 : match.start()], language)), match.start(), language
            )
        group = next(name for name in ("quoted", "role", "bracketed") if match.group(name))
        box = prose.box(*match.span(group))
        if "name" in party and box is not None:
            party = {"role": _Said(" ".join(match.group(group).split()), box), **party}
            parties.append(party)
        begin = match.end()
    return parties


def _lead(text: str, language: str) -> str:
    """What stands before a party's name: the end of the party before it, and `and`."""
    bare = re.match(r"[\s,;.:)\]–—\-]*", text)
    match = re.match(loose(_told()["and"][language], language), text, re.IGNORECASE)
    found = max((m.group() for m in (bare, match) if m), key=len, default="")
    number = re.match(r"\s*(?:\(?[1-9a-c][.)])\s*", text[len(found) :])
    return found + (number.group() if number else "")


def _party(prose: Prose, text: str, start: int, end: int, language: str) -> _Party:
    """A party's name, address and representative in a stretch of text."""
    told = _told()
    stretch = text[start:end]
    at = re.search(loose(told["at"][language], language), stretch)
    by = re.search(loose(told["by"][language], language), stretch, re.IGNORECASE)
    comma = re.search(r",|;|\(|\n", stretch)
    if comma and (legal := _LEGAL.match(stretch, comma.start())):
        comma = re.compile(r",|;|\(|\n").search(stretch, legal.end())
    if comma and comma.group() == "(" and "มหาชน" in stretch[comma.start() : comma.start() + 12]:
        comma = None
    ends = [m.start() for m in (at, by, comma) if m and m.start() > 2]
    name_end = min(ends, default=len(stretch))
    party: _Party = {}
    _put(party, "name", prose, start, start + name_end)
    address_start = at.end() if at and at.start() <= name_end + 3 else name_end
    address_end = by.start() if by and by.start() > address_start else len(stretch)
    ids = find_tax_ids(stretch, language)
    if ids:
        _put(party, "tax_id", prose, start + ids[0].start, start + ids[0].end)
        if ids[0].start > address_start:
            address_end = min(address_end, _before_label(stretch, address_start, ids[0].start))
    if any(c.isdigit() for c in stretch[address_start:address_end]):
        _put(party, "address", prose, start + address_start, start + address_end)
    if by:
        stop = _STOP.search(stretch, by.end())
        _put(party, "representative", prose, start + by.end(), start + (stop.start() if stop else len(stretch)))
    return party if "name" in party and _is_name(party["name"].text) else {}


def _before_label(text: str, start: int, end: int) -> int:
    """Where an address ends that the label of a tax number follows: at the last comma before it."""
    comma = max(text.rfind(",", start, end), text.rfind(";", start, end), text.rfind("(", start, end))
    return comma if comma > start else end


def _put(party: _Party, name: str, prose: Prose, start: int, end: int) -> None:
    said = prose.text[start:end]
    text = said.strip(" ,;:.()–—-\n" if name != "name" else " ,;:(–—-\n")
    box = prose.box(start, end)
    if box is not None and any(c.isalnum() for c in text):
        party[name] = _Said(" ".join(text.split()), box)


def _is_name(text: str) -> bool:
    words = text.split()
    return len(text) <= 90 and len(words) <= 12 and not words[0][:1].islower()


def _in_blocks(sheet: Sheet) -> list[_Party]:
    """The parties under headings that are roles: a name, and the lines of an address below it."""
    parties: list[_Party] = []
    for cell in sheet.cells:
        role = cell.text.strip(" :()")
        if cell.box[3] > _UPPER or squeeze(role).text not in _roles():
            continue
        lines = list(_below(sheet, cell))
        if not lines or not _is_name(lines[0].text) or _sentence(lines[0].text):
            continue
        party: _Party = {"role": _Said(role, cell.box), "name": _Said(lines[0].text, lines[0].box)}
        if any(c.isdigit() for line in lines[1:] for c in line.text):
            party["address"] = _Said("\n".join(line.text for line in lines[1:]), around(line.box for line in lines[1:]))
        parties.append(party)
    return parties


def _sentence(text: str) -> bool:
    return text.rstrip().endswith(".") and len(text.split()) > 6


def _below(sheet: Sheet, head: Cell) -> Iterator[Cell]:
    """The lines close under a cell, set to the same edge."""
    last = head
    for cell in sheet.cells:
        down = sheet.down(last.box, cell.box)
        if not 0.5 < down <= _STEP or abs(cell.box[0] - head.box[0]) * sheet.aspect / sheet.unit > _EDGE:
            continue
        if ":" in cell.text or squeeze(cell.text).text in _roles():
            return
        yield cell
        last = cell


@cache
def _called(language: str) -> re.Pattern[str]:
    """The word that a party is called by: any in quotation marks, one of those that contracts use without."""
    told = _told()
    roles = loose("|".join(sorted(told["roles"][language], key=len, reverse=True)), language)
    intro = loose(told["called"][language], language)
    lead = r"(?<![\s,;(–—-])[\s,;(–—-]*+"
    return re.compile(
        rf"{lead}(?:(?:{intro}),?\s*)?(?:{_ARTICLES}\s*)?[{_QUOTES}]\s?(?:{_ARTICLES}\s)?(?P<quoted>(?:{roles})|[^{_QUOTES}\n\d]{{3,30}})\s?[{_QUOTES}]"
        rf"|{lead}(?:{intro}),?\s*(?:{_ARTICLES}\s*)?(?P<role>{roles})(?!\w)"
        rf"|\s\((?:{_ARTICLES}\s*)?(?P<bracketed>{roles})\)",
        re.IGNORECASE,
    )


@cache
def _roles() -> frozenset[str]:
    return frozenset(squeeze(word).text for words in _told()["roles"].values() for word in words) - {""}


def _labels(spec: FieldSpec) -> dict[str, tuple[str, ...]]:
    """The labels of the columns, folded, in every language."""
    made: dict[str, tuple[str, ...]] = {}
    for column in spec.columns:
        for words in column.labels.values():
            for word in words:
                key = squeeze(word).text
                made[key] = (*made.get(key, ()), column.name)
    return made


@cache
def _told() -> dict[str, dict[str, Any]]:
    return load_data("roles.toml", "pipeline.engines.rules.prose")
