"""Telling lines that are no rows of a table by the words that open them: sums, taxes, payments."""

from collections.abc import Sequence
from functools import cache
from typing import Literal

from rapidfuzz import process
from rapidfuzz.distance import Levenshtein

from pipeline.engines.rules.labels import squeeze
from pipeline.engines.rules.sheet import Sheet
from pipeline.engines.rules.tables.tokens import Token, words_of
from pipeline.records import WordsFrom
from pipeline.values.data import load_data
from schemas.base import load_labels

Sort = Literal["sums", "dues", "asides"]
_LONG = 8
"""Labels of as many letters also open a longer word (`Umsatzsteueraufschlüsselung`)."""
_ALIKE = 0.78
_WORDS = 8
_MISREAD = 5
"""Shorter words are not taken for misread labels."""
_SUMS = ("net_total", "tax_total", "total", "amount_due")


def opens(sheet: Sheet, cell: Sequence[Token], sort: Sort) -> bool:
    """Whether `cell` opens with words of `sort`, spelt a little wrong where OCR read them."""
    labels = _labels(sort)
    words = [squeeze(word).text for word in words_of(cell).split()[: _WORDS * 2]]
    # A line may open with the rate of a tax (`19 % MwSt.`); further on that is a remark.
    bare = "%" if cell and sheet.rows[cell[0].span.cell.row][0] == cell[0].span.cell else ""
    while words and (not words[0].strip(bare) or words[0].strip(bare).isdigit()):
        words = words[1:]
    if not words:
        return False
    thai = any("\u0e00" <= c <= "\u0e7f" for c in words[0])
    joined, held = "", False
    for size, word in enumerate(words[: _WORDS * (2 if thai else 1)], 1):
        joined += word
        if joined in labels and (sort != "dues" or _only_figures(words[size:])):
            return True
        if size == 1 and len(joined) > _LONG:
            held = any(joined.startswith(label) for label in labels if len(label) >= _LONG)
    if held or (thai and any("".join(words).startswith(label) for label in labels if len(label) >= _LONG // 2)):
        return True
    if (
        sheet.page.words_from is not WordsFrom.OCR
        or len(words[0]) < _MISREAD
        or (sort == "dues" and not _only_figures(words[1:]))
    ):
        return False
    # OCR takes one letter for another; a word that is longer by one (`Summer`) is another word.
    alike = [label for label in labels if len(label) == len(words[0])]
    return process.extractOne(words[0], alike, scorer=Levenshtein.normalized_similarity, score_cutoff=_ALIKE) is not None


def _only_figures(words: Sequence[str]) -> bool:
    """Whether what follows a tax or payment is no more than a rate, a code or what it is on."""
    letters = [c for word in words for c in word if c.isalpha()]
    return len(letters) <= 3 or any(c in "%0123456789" for word in words[:2] for c in word)


@cache
def _labels(sort: Sort) -> frozenset[str]:
    """The words of `sort`: our own, and those that label the sums of an invoice or a receipt: a single short one as a due."""
    told: dict[str, dict[str, list[str]]] = load_data("sums.toml", "pipeline.engines.rules.tables")
    own = {squeeze(word).text for words in told[sort].values() for word in words}
    schema = (load_labels(name).get(field, {}) for name in ("invoice", "receipt") for field in _SUMS)
    for word in (word for languages in schema for words in languages.values() for word in words):
        if sort == ("sums" if " " in word else "dues"):
            own.add(squeeze(word).text)
    return frozenset(own - {""})
