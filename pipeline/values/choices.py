"""Which of a field's choices a print stands for: by the choice itself, or by the words for it in the page's language."""

import re
from collections.abc import Iterator

from pipeline.values.text import fold, fold_name, fold_traced
from schemas.fields import FieldSpec

_PARTS = re.compile(r"[/|,;\n]|\s[-–—]\s")
"""What parts the languages of one print: `पुरुष / MALE`, `W/F`."""


def choice_of(text: str, spec: FieldSpec, language: str) -> str:
    """The choice that `text` stands for; empty where it stands for none, or for several.

    The whole print comes first, then its parts where they agree, then the words within it, where they agree. The choices
    themselves come before words, the words of the page's language before those of English and of the others.
    """
    whole = _whole(text, spec, language)
    if whole:
        return whole
    parts = {found for part in _PARTS.split(text) if (found := _whole(part, spec, language))}
    return parts.pop() if len(parts) == 1 else "" if parts else _within(text, spec, language)


def _whole(text: str, spec: FieldSpec, language: str) -> str:
    wanted = _folded(text)
    return next((choice for word, choice in _words(spec, language) if _folded(word) == wanted), "") if wanted else ""


def _within(text: str, spec: FieldSpec, language: str) -> str:
    """The choice whose words stand in `text` between others; the longest word has its place, a single letter is none."""
    left = fold_traced(text).text
    found = set()
    words = {fold_traced(word).text: choice for word, choice in reversed(list(_words(spec, language)))}
    for word in sorted(words, key=len, reverse=True):
        left, times = re.subn(rf"(?<!\w){re.escape(word)}(?!\w)", "\0", left) if len(fold_name(word)) > 1 else (left, 0)
        found |= {words[word]} if times else set()
    return found.pop() if len(found) == 1 else ""


def _words(spec: FieldSpec, language: str) -> Iterator[tuple[str, str]]:
    yield from ((choice, choice) for choice in spec.choices)
    spoken = {known for languages in spec.choice_words.values() for known in languages}
    for known in sorted(spoken, key=lambda known: (known != language, known != "en", known)):
        for choice, languages in spec.choice_words.items():
            yield from ((word, choice) for word in languages.get(known, ()))


def _folded(text: str) -> str:
    """Letters and digits alone; of signs alone, as of a ticked box, the signs without spaces between them."""
    return fold_name(text) if any(c.isalnum() for c in text) else fold(text).replace(" ", "")
