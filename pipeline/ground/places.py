"""Where a value is printed on a page: by its meaning, by its letters, or by its likeness; never where another value stands.

Amounts, numbers, percents, dates and currencies are found where the print reads as the same typed value, so that `12.50` is
never found inside `112.50`. Texts and identifiers are found where the print is the same, else the same but for accents and
punctuation, else alike. Likeness forgives letters, never digits: print with another digit is another value, and so is print
that lacks a piece of it.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np
from rapidfuzz import fuzz, process
from rapidfuzz.distance import Levenshtein

from pipeline.ground.printed import Find, PagePrint, Place, Stream, bare, loosen, squeeze, unconfused
from pipeline.records import Grounding, Value
from pipeline.values.amounts import parse_amount
from pipeline.values.dates import parse_date
from pipeline.values.text import MINUS
from schemas.fields import FieldSpec, Kind

ALIKE = {Kind.DATE: 85.0, Kind.IDENTIFIER: 88.0, Kind.NAME: 78.0, Kind.ADDRESS: 75.0, Kind.TEXT: 80.0, Kind.CHOICE: 85.0}
"""How alike (0–100) print must be to count as the value, by kind; kinds that are missing are never found by likeness."""
_SHORTEST = 4
"""Fewer characters than this are never found by likeness."""
_LACK = 2
"""More letters of a value in a row than this, and than a tenth of it, may not be others or lack in print that is alike."""
_GLUED = 6
_TRIES = 4
_LONG = 120
"""Characters from which on fewer lengths of runs are tried: a page of words of one letter has very many."""
_PIECES = 12
_SURE = 0.97
_MOST = 0.75
"""The least share of a value's characters that must be found in its pieces."""
_APART = 3.2
"""The lines that may lie between one piece of a value and the next."""
_GOES_ON, _BEGINS = re.compile(r"[.,'’]?\d"), re.compile(r"\d[.,'’]?$")
"""How a number goes on behind a piece of it, and how it begins before one."""
_TYPED = (Kind.MONEY, Kind.NUMBER, Kind.PERCENT, Kind.DATE, Kind.CURRENCY)
_LETTERS = (Kind.NAME, Kind.ADDRESS, Kind.TEXT, Kind.CHOICE)


def places(value: Value, spec: FieldSpec, printed: PagePrint) -> list[Place]:
    """All places of `value`'s best status; empty where it is not printed. What is equal is looked for once on a page."""
    asked = (value.verbatim, value.value, value.currency, spec.kind, id(spec) if spec.kind is Kind.CHOICE else 0)
    if asked not in printed.found:
        printed.found[asked] = _places(value, spec, printed)
    return printed.found[asked]


def _places(value: Value, spec: FieldSpec, printed: PagePrint) -> list[Place]:
    needle = squeeze(value.verbatim)
    if not needle:
        return []
    if spec.kind in _TYPED and value.value is not None:
        found = _by_meaning(value, spec.kind, needle, printed)
        if found or spec.kind is not Kind.DATE:
            return found
    if found := _best(_exact(needle, spec.kind, printed)):
        return found
    if spec.kind is Kind.CHOICE and (found := _by_choice(value, spec, printed)):
        return found
    place = _alike(needle, spec.kind, printed)
    if not place or place.alike < _SURE:
        pieces = _by_pieces(value.verbatim, spec.kind, printed) if re.search("[\n,]", value.verbatim) else []
        if pieces and (not place or pieces[0].alike > place.alike):
            return pieces
    if place and spec.kind is Kind.DATE and parse_date(printed.text(place), printed.habits.language):
        return []  # another date is not a misread one
    return [place] if place else []


def words_of(text: str, printed: PagePrint) -> list[Place]:
    """The places of a label, in whole words; marks that OCR mixes up do not count."""
    stream, needle = printed.loose, loosen(text)
    return [_place(find, stream, Grounding.EXACT) for find in stream.find(needle) if _ends_words(find, False)]


def _best(found: Iterable[Place]) -> list[Place]:
    """The exact ones where there are any, else all; each place once."""
    every = list(dict.fromkeys(found))
    return [place for place in every if place.status is Grounding.EXACT] or every


def _by_meaning(value: Value, kind: Kind, needle: str, printed: PagePrint) -> list[Place]:
    read = printed.typed(kind, value.value)
    if kind is Kind.MONEY:
        own = parse_amount(value.verbatim, printed.habits.language, decimal=printed.habits.decimal)
        if own and own.value != value.value and (not read or value.value == -own.value):
            read = printed.typed(kind, own.value) or read  # its sign comes from the column that it stands in
        read = [place for place in read if _in_currency(value.currency, place, printed)]
    if found := _best(_compared(place, needle, printed) for place in read):
        return found
    if kind is Kind.DATE or (kind is Kind.MONEY and (needle.isdigit() or not _in_currency(value.currency, None, printed))):
        return []
    return _best(_exact(needle, kind, printed))


def _in_currency(currency: str, place: Place | None, printed: PagePrint) -> bool:
    """Whether an amount in `currency` may stand at a place: beside its own sign, or beside none on a page in no other."""
    if not currency or (place and place.currency == currency):
        return True
    return not (place and place.currency) and (
        printed.habits.currency in ("", currency) or bool(printed.typed(Kind.CURRENCY, currency))
    )


def _compared(place: Place, needle: str, printed: PagePrint) -> Place:
    """A place that was found by its meaning: exact where the print is the value's own, too; without a currency it lacks."""
    texts = [squeeze(printed.page.words[index].text) for index in place.words]
    first, last = 0, len(texts)
    if not any(map(str.isalpha, needle)) and needle.isascii() and any(map(_digits, texts)):
        while not _digits(texts[first]):
            first += 1
        while not _digits(texts[last - 1]):
            last -= 1
    words = place.words[first:last] if place.currency else place.words
    exact = _stands(needle, "".join(texts))
    return replace(place, words=words, status=Grounding.EXACT if exact else place.status)


def _stands(needle: str, text: str) -> bool:
    """Whether a value's print stands in that of a place, to its end: `19` does in `RM19`, not in `19.00`."""
    start = text.find(needle)
    while start >= 0:
        before, after = text[:start], text[start + len(needle) :]
        if not (needle[0].isdigit() and _BEGINS.search(before)) and not (needle[-1].isdigit() and _GOES_ON.match(after)):
            return True
        start = text.find(needle, start + 1)
    return False


def _finds(needle: str, printed: PagePrint) -> Iterator[tuple[Find, Stream]]:
    """The places of a needle, line by line; column by column only where that finds nothing."""
    for stream in printed.streams if needle else ():
        any_ = False
        for find in stream.find(needle):
            any_ = True
            yield find, stream
        if any_:
            return


def _place(find: Find, stream: Stream, status: Grounding, alike: float = 1.0) -> Place:
    return Place(stream.words(find.first, find.last), status, alike)


def _exact(needle: str, kind: Kind, printed: PagePrint) -> Iterator[Place]:
    """The places that print `needle`, but for case and spaces; never a piece of a longer word or number.

    Identifiers and numbers that the page parts by spaces and the value does not are `normalized`, and so is what is the same
    but for accents and punctuation. Identifiers that are the same but for letters that look like digits are `fuzzy`.
    """
    strict = kind in (Kind.IDENTIFIER, *_TYPED) or not any(map(str.isalpha, needle))
    found = False
    for find, stream in _finds(needle, printed):
        if _ends_words(find, strict, len(needle)) and not (kind in _TYPED and _signed(find, needle, stream)):
            found = True
            yield _place(find, stream, Grounding.NORMALIZED if strict and find.first != find.last else Grounding.EXACT)
    letters = bare(needle)
    if found or kind in _TYPED or len(letters) < (_SHORTEST if kind is Kind.IDENTIFIER else 2):
        return
    for stream in printed.bare:
        for find in stream.find(letters):
            if not find.before and not find.after:
                found = True
                yield _place(find, stream, Grounding.NORMALIZED)
        if found:
            return
    if kind is Kind.IDENTIFIER:
        for find in printed.bare[0].find(unconfused(letters), printed.bare[0].unconfused):
            if (
                not find.before
                and not find.after
                and _digits_agree(letters, printed.bare[0].between(find.first, find.last), kind)
            ):
                yield _place(find, printed.bare[0], Grounding.FUZZY, 0.95)


def _ends_words(find: Find, strict: bool, letters: int = 0) -> bool:
    """Whether what is left of the words around a find is no part of it: `12` is a piece of `12.50`, not of `(12)`, `No:12`.

    Thai has no spaces, and text layers lose those of Devanagari: a text of enough `letters` may have more of them behind it.
    """
    if not strict:
        before, after = find.before[-1:], find.after[:1]
        glued = letters >= _GLUED
        return not (before.isalnum() and not (glued and _thai(before))) and not (
            after.isalnum() and not (glued and _indic(after))
        )
    return not any(c.isalnum() for c in find.before.rpartition(":")[2][-2:] + find.after[:2])


def _thai(letter: str) -> bool:
    return "\u0e00" <= letter <= "\u0e7f"


def _indic(letter: str) -> bool:
    return "\u0900" <= letter <= "\u097f" or _thai(letter)


def _signed(find: Find, needle: str, stream: Stream) -> bool:
    """Whether a sign makes another number of the print: `-5`, `(5)`, `5%`, or a dash before it that is a word of its own."""
    around = find.before[-1:] + find.after[:1]
    lone = needle[0] in MINUS and len(stream.between(find.first, find.first)) == 1
    return lone or any(c in MINUS or c in "(%" for c in around)


def _by_choice(value: Value, spec: FieldSpec, printed: PagePrint) -> list[Place]:
    """The places of the words that stand for a choice, where the engine gave the choice itself."""
    language = printed.habits.language
    words = spec.choice_words.get(str(value.value), {})
    for spoken in (language, *(other for other in words if other != language)):
        for word in words.get(spoken, ()):
            if found := words_of(word, printed):
                return [replace(place, status=Grounding.NORMALIZED) for place in found]
    return []


def _alike(needle: str, kind: Kind, printed: PagePrint) -> Place | None:
    """The run of whole words most like `needle`; runs are capped by characters: a word of Thai may be one letter long."""
    least = ALIKE.get(kind)
    if least is None or len(needle) < _SHORTEST:
        return None
    spread = 0.25 if len(needle) < _LONG else 0.1
    shortest, longest = (1 - 0.8 * spread) * len(needle), (1 + spread) * len(needle)
    for stream in printed.streams:
        firsts, lasts = stream.runs(shortest, longest)
        lengths = np.array(stream.ends, dtype=np.int64)[lasts] - np.array(stream.starts, dtype=np.int64)[firsts]
        able = 200 * stream.shared(needle, firsts, lasts) >= least * (len(needle) + lengths)
        runs = list(zip(firsts[able].tolist(), lasts[able].tolist(), strict=True))
        texts = [stream.between(first, last) for first, last in runs]
        for text, score, index in process.extract(needle, texts, scorer=fuzz.ratio, score_cutoff=least, limit=_TRIES):
            if _digits_agree(needle, text, kind) and (kind is Kind.ADDRESS or _whole(needle, text, kind)):
                return Place(stream.words(*runs[index]), Grounding.FUZZY, score / 100)
    return None


def _digits_agree(needle: str, text: str, kind: Kind) -> bool:
    """Whether print that is alike has the value's digits, but for letters that look like them.

    In prose a digit may be unreadable, so that a letter stands for it; another digit never may, and no number be longer.
    """
    if _digits(needle) == _digits(text) or _digits(unconfused(needle)) == _digits(unconfused(text)):
        return True
    return kind in (Kind.NAME, Kind.ADDRESS, Kind.TEXT) and _none_is_another(bare(needle), bare(text))


def _none_is_another(needle: str, text: str) -> bool:
    for op in Levenshtein.opcodes(needle, text):
        tag, start, end = op.tag, op.dest_start, op.dest_end
        mine, its = needle[op.src_start : op.src_end], text[start:end]
        if tag == "replace" and any(a.isdigit() and b.isdigit() for a, b in zip(mine, its, strict=False)):
            return False
        if tag == "delete" and any(map(str.isdigit, mine)):
            return False
        beside = text[max(start - 1, 0) : start] + text[end : end + 1]
        if tag == "insert" and any(map(str.isdigit, its)) and any(map(str.isdigit, beside)):
            return False
    return True


def _digits(text: str) -> str:
    return "".join(filter(str.isdigit, text))


def _whole(needle: str, text: str, kind: Kind) -> bool:
    """Whether print that is alike misses no piece of the value: no more than a few letters in a row are lacking or others."""
    most, row = 1 if kind is Kind.IDENTIFIER else max(_LACK, len(needle) // 10), 0
    for op in Levenshtein.opcodes(needle, text):
        missed, more = op.src_end - op.src_start, op.dest_end - op.dest_start
        row = 0 if op.tag == "equal" else row + (max(missed, more) if kind is Kind.IDENTIFIER else missed)
        if row > most:
            return False
    return True


def _by_pieces(verbatim: str, kind: Kind, printed: PagePrint) -> list[Place]:
    """The place of a value of several lines that other print stands between: its lines are looked for one by one.

    So are the pieces of an address between its commas. Most of the characters must be found, in pieces that follow each other
    closely down the page.
    """
    pieces = [piece for piece in map(squeeze, re.split(r"[\n,]" if kind is Kind.ADDRESS else r"\n", verbatim)) if bare(piece)]
    options = []
    for piece in pieces if len(pieces) <= _PIECES else ():
        exact = list(dict.fromkeys(_exact(piece, kind, printed)))
        near = None if exact else _alike(piece, kind, printed)
        options.append(exact or ([near] if near else []))
    chains = [_chain(first, options[1:], printed) for first in (options[0] if options else ())[:_TRIES]]
    if not chains:
        return []
    best = max(chains, key=lambda chain: sum(len(place.words) for place in chain if place))
    if any(place is None and _digits(piece) for place, piece in zip(best, pieces, strict=True)):
        return []
    chain = [place for place in best if place]
    words = tuple(dict.fromkeys(index for place in chain for index in place.words))
    share = sum(len(squeeze(printed.page.words[index].text)) for index in words) / sum(map(len, pieces))
    if share < _MOST:
        return []
    statuses = {place.status for place in chain}
    if len(chain) == len(pieces) and Grounding.FUZZY not in statuses:
        return [Place(words, Grounding.EXACT if statuses == {Grounding.EXACT} and "\n" in verbatim else Grounding.NORMALIZED)]
    return [Place(words, Grounding.FUZZY, min(share, 1.0, *(place.alike for place in chain)))]


def _chain(first: Place, options: Sequence[Sequence[Place]], printed: PagePrint) -> list[Place | None]:
    """The pieces that follow `first`, each behind or close below the one before; None for one that is not there."""
    chain: list[Place | None] = [first]
    last = first
    for pieces in options:
        before = printed.box(last)
        near = []
        for place in pieces:
            box = printed.box(place)
            apart = (box[1] + box[3] - before[1] - before[3]) / 2 / printed.line_height
            if -0.5 < apart < _APART and not set(place.words) & set(last.words):
                near.append((apart, abs(box[0] - before[0]), place))
        chain.append(min(near, key=lambda one: one[:2])[2] if near else None)
        last = chain[-1] or last
    return chain
