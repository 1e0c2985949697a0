"""Reading what sentences say, by the wordings of each language; what they do not say clearly is left out."""

import re
from collections.abc import Sequence
from functools import cache
from typing import Any

from pipeline.engines.rules.prose.text import Prose, loose
from pipeline.engines.rules.sheet import Sheet, Span
from pipeline.records import Leaf
from pipeline.values.amounts import find_amounts
from pipeline.values.data import load_data
from pipeline.values.dates import find_dates
from schemas.fields import FieldSpec, Kind

_SURE, _LESS = 0.9, 0.8
_WIDE = 0.5
"""A text that fills so much of the page's width below its label is a sentence, not a value."""
_LONGEST = 24
_LITTLE = 3
_WHOLE = {"th": "", "hi": ""}
"""Where words need not end at a space, a duration may end within what looks like one."""
_SENTENCE_END = re.compile(r"(?<=\w{4})\.$")
_IF = r", (?:wenn|sofern|soweit|falls|if|provided|a meno|salvo che|caso|desde que)\b"
_MARKS = {"date": "\ue001", "money": "\ue002"}
"""Stand for a date or an amount while wordings are looked for: one mark and as many fillers as it has characters more."""
_FILL = "\ue003"


def speaks(fields: Sequence[FieldSpec]) -> bool:
    """Whether the schema has texts that only sentences tell: a term, a notice, a law, a court; an invoice has but one."""
    return sum(spec.kind is Kind.TEXT and spec.name in _wordings() for spec in fields) > 1


def with_prose(sheet: Sheet, fields: Sequence[FieldSpec], leaves: Sequence[Leaf], taken: frozenset[int]) -> list[Leaf]:
    """`leaves`, which the labels told, with what sentences say; texts that are a clause's first line are dropped."""
    if not speaks(fields):
        return list(leaves)
    prose = Prose(sheet, taken)
    names = {spec.name for spec in fields if spec.name in _wordings()}
    texts = {spec.name for spec in fields if spec.kind is Kind.TEXT}
    kept = {leaf.path: leaf for leaf in leaves if not (leaf.path in texts & names and _is_clause(sheet, leaf))}
    veiled = _veiled(sheet, prose.text)
    for spec in fields:
        if spec.name not in names:
            continue
        found = _said(sheet, prose, veiled, spec)
        if found is None:
            continue
        place, leaf = found
        # A label beats a sentence, but for dates, which many labels are near to, and for a sum that is told as the whole.
        if spec.name not in kept or spec.kind is Kind.DATE or (spec.kind is Kind.MONEY and place == 0):
            kept[spec.name] = leaf
    return list(kept.values())


def _is_clause(sheet: Sheet, leaf: Leaf) -> bool:
    """Whether a label's value is a piece of a sentence: it fills the line, or does not start where a value would."""
    if leaf.box is None or leaf.box[2] - leaf.box[0] > _WIDE or len(leaf.verbatim.split()) > _LONGEST:
        return True
    words = leaf.verbatim.split()
    if len(words) > _LITTLE + 1 and len(words[-1]) <= _LITTLE and words[-1].islower():
        return True  # a line that breaks off at a little word
    for cell in sheet.cells:
        for found in re.finditer(re.escape(leaf.verbatim), cell.text):
            if sheet.box(Span(cell, *found.span())) == leaf.box:
                before = cell.text[: found.start()].rstrip()
                return (bool(before) and before[-1] not in ":：") or leaf.verbatim[:1].islower()
    return False


def _said(sheet: Sheet, prose: Prose, veiled: str, spec: FieldSpec) -> tuple[int, Leaf] | None:
    """What the first wording that fits says of a field, and which it is."""
    for place, pattern in enumerate(_patterns(spec.name, sheet.page.language)):
        match = pattern.search(veiled)
        if match is None:
            continue
        start, end = match.span("v")
        text = _SENTENCE_END.sub("", prose.text[start:end].strip(" ,;:–—\"“”„«»'"))
        start += prose.text[start:end].find(text)
        box = prose.box(start, start + len(text))
        if text and box is not None:
            return place, Leaf(spec.name, " ".join(text.split()), _SURE if place < 2 else _LESS, box)
    return None


def _veiled(sheet: Sheet, text: str) -> str:
    """`text` with marks for its dates and amounts, at the same places."""
    habits = sheet.habits
    begin = 0
    made = text
    for line in text.split("\n"):
        days = find_dates(line, habits.language, month_first=habits.month_first)
        found = [(start, end, "date") for start, end, _ in days]
        money = find_amounts(line, habits.language, decimal=habits.decimal)
        found += [(start, end, "money") for start, end, _ in money if all(end <= a or b <= start for a, b, _ in found)]
        for start, end, kind in found:
            mark = _MARKS[kind] + _FILL * (end - start - 1)
            made = made[: begin + start] + mark + made[begin + end :]
        begin += len(line) + 1
    return made


@cache
def _patterns(name: str, language: str) -> tuple[re.Pattern[str], ...]:
    """The wordings of a field in the page's language, all languages' where it is not known."""
    told = _told()
    languages = [language] if language in told["units"] else list(told["units"])
    made = []
    for spoken in languages:
        parts = {
            "duration": loose(rf"{told['numbers'][spoken]} ?{told['units'][spoken]}", spoken) + _WHOLE.get(spoken, r"(?!\w)"),
            "rest": rf"[^.;\n।]{{3,150}}?(?=[.;\n।]|$|{_IF})",
            **{kind: mark + _FILL + "*" for kind, mark in _MARKS.items()},
        }
        for wording in (loose(wording, spoken) for wording in told[name].get(spoken, [])):
            for part, pattern in parts.items():
                wording = wording.replace("{" + part + "}", pattern)
            made.append(re.compile(wording, re.IGNORECASE))
    return tuple(made)


@cache
def _told() -> dict[str, dict[str, Any]]:
    return load_data("wordings.toml", "pipeline.engines.rules.prose")


def _wordings() -> frozenset[str]:
    return frozenset(_told()) - {"numbers", "units"}
