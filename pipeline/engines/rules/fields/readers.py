"""What print can be read as each kind of value: the amounts, dates, numbers and texts in a span, best first."""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from pipeline.engines.rules.captions import likely_caption
from pipeline.engines.rules.sheet import Span
from pipeline.records import Typed
from pipeline.values.amounts import find_amounts, parse_amount, parse_number, parse_percent
from pipeline.values.currencies import find_currencies
from pipeline.values.dates import find_dates, parse_date
from pipeline.values.identifiers import find_ibans, find_tax_ids, normal_identifier
from pipeline.values.lines import Habits
from pipeline.values.text import fold, fold_digits, fold_name, fold_traced
from schemas.fields import FieldSpec, Kind

_TIME = re.compile(r"\d{1,2}[:.]\d{2}(?:[:.]\d{2})?\s*(?:[AaPp][Mm]|Uhr|h)?$")
_CENTS_APART = re.compile(r"[\s:;*=]*(?:[^\W\d]{1,3}\W{0,2})?-?\d[\d.,]*(?: [.,] ?|[.,] )\d{2}\s*[+-]?")
"""An amount that OCR tore apart (`7. 30`), alone in its place."""
_NUMBER = re.compile(r"\S+")
_TRAILING = " .,:;|)]}\"'»”"
_LEADING = " .,:;|([{\"'«“=–—_"
_BEFORE_TEXT = " :;|,–—_="
"""What stands between a label and a text, or behind it; a full stop may be the text's own (`Ltd.`)."""
_PERCENT = re.compile(r"-?(?<!\d)\d++(?:[.,]\d++)?\s?%")
_PLAIN_NUMBER = re.compile(r"(?<![\w.,])-?\d[\d.,']*")
_YEAR = re.compile(r"(?:19|20|25)\d\d")
_PROSE = re.compile(r"\s*,|[\s.]*[^\W\d_]{2,}[\s,.]+[^\W\d_]{2,}")
"""What goes on behind a number in a sentence or an address (`123 Rue de la Paix`), not behind a document's own."""
_DATED = re.compile(r"vom|du|del|de \d|do|da|dated|of|date|dtd|-|\(|वि|दिनांक|วันที่")
_LAW = re.compile(r"\s*(?:UStG|EStG|BGB|HGB|UStDV|Abs|MwStG|UStR|CGI|CPC)\b")
"""What follows a number that is a paragraph of a law: `nach §4 Nr. 10a UStG`."""
_OF_SO_MANY = re.compile(r"\s*(?:of|von|sur|de|di|/)\s*\d{1,3}\b(?![/.-])")
"""What follows the number of a page or of a part: `10 of 25`."""
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
"""A number that a tax office gives; where the issuer's own stands, that is the document's."""
_SERIES = re.compile(r"[A-Z0-9 ./_-]+[-/ ]\d+")
"""A number in a named series: `FT SAMPLE/1`."""
_LONGEST_NUMBER = 40
_SPACED_DATE = re.compile(r"[\s:]*\d{1,2} \d{1,2} \d{4}[\s.]*")
_LIKELY, _CAPTION = 0.75, 0.2
"""Print that is so likely a caption itself is hardly a value."""


class Found(NamedTuple):
    """A value in a span: where, what, and how much its form is that of its kind (0..1)."""

    span: Span
    value: Typed
    form: float


def read(span: Span, spec: FieldSpec, habits: Habits) -> Iterator[Found]:
    """What the print of `span` can be read as under `spec`, in the order of the print."""
    reader = _READERS.get(spec.kind, _text)
    yield from reader(span, spec, habits)


def _money(span: Span, spec: FieldSpec, habits: Habits) -> Iterator[Found]:
    if _CENTS_APART.fullmatch(span.text) and (amount := parse_amount(span.text, habits.language, decimal=habits.decimal)):
        yield Found(_inner(span, 0, len(span.text)), amount.value, 0.9)
        return
    sure = find_amounts(span.text, habits.language, decimal=habits.decimal)
    for start, end, amount in sure:
        yield Found(_inner(span, start, end), amount.value, 1.0)
    if not sure:
        for start, end, amount in find_amounts(span.text, habits.language, decimal=habits.decimal, bare=True):
            alone = not any(c.isalnum() for c in span.text[:start] + span.text[end:])
            yield Found(_inner(span, start, end), amount.value, 0.6 if alone else 0.2)


def _date(span: Span, spec: FieldSpec, habits: Habits) -> Iterator[Found]:
    found = find_dates(span.text, habits.language, month_first=habits.month_first)
    for start, end, day in found:
        yield Found(_inner(span, start, end), day, 1.0)
    if not found and _SPACED_DATE.fullmatch(fold_digits(span.text)):
        alone = parse_date(span.text, habits.language, habits.month_first)
        if alone is not None:
            yield Found(_inner(span, 0, len(span.text)), alone, 0.9)


def _identifier(span: Span, spec: FieldSpec, habits: Habits) -> Iterator[Found]:
    if spec.scheme == "tax_id":
        for tax_id in find_tax_ids(span.cell.text, habits.language):
            if tax_id.start >= span.start and tax_id.end <= span.end:
                yield Found(Span(span.cell, tax_id.start, tax_id.end), tax_id.text, 1.0 if tax_id.valid else 0.9)
    elif spec.scheme == "iban":
        for start, end, iban in find_ibans(span.text):
            yield Found(_inner(span, start, end), iban, 1.0)
    elif not find_ibans(span.text):
        found = _document_number(span, habits)
        if found:
            yield found


def _document_number(span: Span, habits: Habits) -> Found | None:
    """The number that the span starts with: its first word with a digit, and what hangs together with it."""
    words = [word for word in _NUMBER.finditer(span.text) if any(map(str.isalnum, word.group()))]
    while words and re.fullmatch(r"\(.*\)[.:,]?", words[0].group()):  # `(380)`, a code of the sort of document
        words = words[1:]
    first = next((n for n, word in enumerate(words[:2]) if re.search(r"\d", fold_digits(word.group()))), None)
    if first is None or any(len(word.group().strip(_LEADING + _TRAILING)) > 5 for word in words[:first]):
        return None
    begin = first
    if first and re.fullmatch(r"[A-Z]{1,5}[-/.]?", words[first - 1].group()):
        begin = first - 1
    last = first
    while last + 1 < len(words) and _goes_on(words[last].group(), words[last + 1].group()):
        last += 1
    start, end = words[begin].start(), words[last].end()
    text = span.text[start:end]
    lead = len(text) - len(text.lstrip(_LEADING + "#"))
    text = text.strip(_LEADING + _TRAILING + "#")
    if not text:
        return None
    inner = _inner(span, start + lead, start + lead + len(text))
    return Found(inner, normal_identifier(text, "document_number"), _number_form(text, span.text[end:], habits))


def _goes_on(word: str, after: str) -> bool:
    """Whether a number goes on with the next word: `RE 2024 / 001`, `2024 - 17`; not `471113 vom`."""
    if word[-1] in "-/" or after[0] in "-/":
        return bool(re.match(r"[-/]?[A-Z0-9]*\d[\w/-]*$|[-/]$", after))
    return bool(re.fullmatch(r"[\d-]{2,}", after) and re.fullmatch(r"[A-Z]{0,4}[\d-]+", word) and not _YEAR.fullmatch(after))


def _number_form(text: str, after: str, habits: Habits) -> float:
    """How much `text` looks like the number of a document, with `after` behind it in its cell."""
    plain = fold_digits(text)
    digits = sum(c.isdigit() for c in plain)
    whole = find_dates(text, habits.language)
    if whole and whole[0][1] - whole[0][0] > 0.7 * len(text):
        return 0.1
    if _TIME.fullmatch(plain) or len(plain) > _LONGEST_NUMBER or "@" in text or "%" in text:
        return 0.05
    if re.fullmatch(r"\d{1,3}(?:[.,]\d{3})*[.,]\d{2}", plain) or find_currencies(text, habits.language):
        return 0.1
    form = 1.0
    if _LAW.match(after) or _OF_SO_MANY.match(after):
        return 0.05
    if _UUID.fullmatch(plain):
        return 0.4
    if digits < 3:
        form *= 0.9 if any(map(str.isalpha, plain)) else 0.75
    if digits == 1 and len(plain) < 3:
        form *= 0.75
    if _YEAR.fullmatch(plain):
        form *= 0.5
    if sum(c.isalpha() for c in plain) > 2 * digits + 4 and not _SERIES.fullmatch(plain):
        form *= 0.6
    if _PROSE.match(after) and not _DATED.match(fold(after)):
        form *= 0.4
    return form


def _number(span: Span, spec: FieldSpec, habits: Habits) -> Iterator[Found]:
    text = fold_digits(span.text)
    pattern = _PERCENT if spec.kind is Kind.PERCENT else _PLAIN_NUMBER
    for match in pattern.finditer(text):
        if spec.kind is Kind.PERCENT:
            value = parse_percent(match.group(), habits.language)
        else:
            value = parse_number(match.group().rstrip(".,"), habits.language, decimal=habits.decimal)
        if value is not None:
            yield Found(_inner(span, match.start(), match.start() + len(match.group().rstrip(".,"))), value, 1.0)


def _currency(span: Span, spec: FieldSpec, habits: Habits) -> Iterator[Found]:
    marks = [mark for mark in find_currencies(span.text, habits.language) if mark.code]
    # `Argentine Peso (ARS)`: of several words for it the code is the surest.
    for mark in sorted(marks, key=lambda mark: span.text[mark.start : mark.end] != mark.code):
        yield Found(_inner(span, mark.start, mark.end), mark.code, 1.0)
        return


def _choice(span: Span, spec: FieldSpec, habits: Habits) -> Iterator[Found]:
    folded = fold_traced(span.text)
    taken: list[tuple[int, int]] = []
    for word, choice in choice_words(spec):
        for match in re.finditer(rf"(?<!\w){re.escape(word)}(?!\w)", folded.text):
            if all(match.end() <= start or match.start() >= end for start, end in taken):
                taken.append(match.span())
                yield Found(_inner(span, *folded.span(*match.span())), choice, 1.0)


def choice_words(spec: FieldSpec) -> list[tuple[str, str]]:
    """The words that stand for the choices of a field, folded, with the choice of each; the longest first."""
    told = {fold_traced(choice).text: choice for choice in spec.choices}
    for choice, languages in spec.choice_words.items():
        for words in languages.values():
            for word in words:
                told.setdefault(fold_traced(word).text, choice)
    return sorted(told.items(), key=lambda item: (-len(item[0]), item))


def _text(span: Span, spec: FieldSpec, habits: Habits) -> Iterator[Found]:
    text = span.text
    lead = len(text) - len(text.lstrip(_BEFORE_TEXT))
    text = text.strip(_BEFORE_TEXT)
    if fold_name(text) and any(c.isalnum() for c in text):
        form = _CAPTION if likely_caption(text, habits.language) >= _LIKELY else 1.0
        yield Found(_inner(span, lead, lead + len(text)), text, form)


def _inner(span: Span, start: int, end: int) -> Span:
    """Characters `start` to `end` of the span's text, without spaces around them."""
    text = span.text[start:end]
    start += len(text) - len(text.lstrip())
    return Span(span.cell, span.start + start, span.start + start + len(text.strip()))


_READERS: dict[Kind, Callable[[Span, FieldSpec, Habits], Iterator[Found]]] = {
    Kind.MONEY: _money,
    Kind.DATE: _date,
    Kind.IDENTIFIER: _identifier,
    Kind.NUMBER: _number,
    Kind.PERCENT: _number,
    Kind.CURRENCY: _currency,
    Kind.CHOICE: _choice,
}
