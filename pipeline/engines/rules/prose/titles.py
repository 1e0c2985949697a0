"""The title of a page: the largest print near its top, or the line there with a word that titles have."""

from collections.abc import Sequence
from functools import cache

from pipeline.engines.rules.captions import likely_caption
from pipeline.engines.rules.labels import squeeze
from pipeline.engines.rules.sheet import LARGE, Reading, Sheet, Span
from pipeline.records import Leaf
from pipeline.values.data import load_data
from pipeline.values.text import fold_traced
from schemas.fields import FieldSpec, Kind

_NAMES = frozenset({"title", "contract_type", "document_title"})
"""Fields that a title is the value of."""
_TOP = 0.45
_LONGEST = 90
_CAPTION = 0.75
_SURE, _LARGEST = 0.88, 0.75


def with_title(sheet: Sheet, fields: Sequence[FieldSpec], leaves: Sequence[Leaf]) -> list[Leaf]:
    """`leaves` with the title, where the schema asks for one and no label on the page says what it is."""
    wanted = [spec.name for spec in fields if spec.kind is Kind.TEXT and spec.name in _NAMES]
    if not wanted or sheet.page.page > 1:
        return list(leaves)
    told = {leaf.path for leaf in leaves}
    found = _title(sheet)
    return [*leaves, *(sheet.leaf(name, found) for name in wanted if name not in told and found)]


def _title(sheet: Sheet) -> Reading | None:
    lines = [cell for cell in sheet.cells if cell.box[3] < _TOP and _could_be(cell.text)]
    worded = [cell for cell in lines if _words_of(cell.text)]
    large = [cell for cell in lines if sheet.height(cell.box) >= LARGE]
    both = [cell for cell in worded if cell in large]
    best = max(both or worded[:1] or large, key=lambda cell: (round(sheet.height(cell.box), 1), -cell.index), default=None)
    if best is None or (not worded and best.index > len(sheet.cells) // 2):
        return None
    return Reading(Span(best, 0, len(best.text)), _SURE if best in worded else _LARGEST, best.text)


def _could_be(text: str) -> bool:
    digits = sum(c.isdigit() for c in text)
    return (
        3 < len(text) <= _LONGEST
        and ":" not in text
        and "@" not in text
        and digits * 3 < len(text)
        and text.rstrip()[-1] not in ".,;"
        and likely_caption(text, "und") < _CAPTION
    )


def _words_of(text: str) -> bool:
    """Whether one of the words that titles have stands in `text`, or ends a word of it (`Mietvertrag`), also s p a c e d."""
    folded = fold_traced(text).text
    words = [word.strip("()-") for word in folded.split()]
    together = squeeze(text).text
    for word in _title_words():
        if word > "\u0900" and word in folded:
            return True
        if any(one == word or one.endswith(word) for one in words) or (len(word) > 6 and together.endswith(word)):
            return True
    return False


@cache
def _title_words() -> tuple[str, ...]:
    return tuple(fold_traced(word).text for word in load_data("roles.toml", "pipeline.engines.rules.prose")["titles"]["words"])
