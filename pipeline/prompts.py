"""What a model is asked for a page: the wording is a file that people can read and change, the rest is filled in here."""

import hashlib
import json
import re
from collections.abc import Sequence
from functools import cache
from importlib import resources
from itertools import groupby
from pathlib import Path
from typing import Any

from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import SandboxedEnvironment

from pipeline.errors import UsageError, one_line
from pipeline.records import Frame, PageWords, Word, WordsFrom
from schemas.base import Schema, specs
from schemas.fields import FieldSpec, Kind

WORDING = "page.jinja"

MOST_LABELS = 3
"""Labels of a field that a prompt names, in the page's language."""

MOST_BEFORE = 400
"""Letters of a bad answer that the second ask shows."""

BYTES_A_TOKEN = 3
"""Bytes of UTF-8 that make a token, on the safe side: Latin script has some 4, Thai and Devanagari 3 to 6."""

WIDE_GAP = 1.5
"""Heights of a word between two words of a line from which on they are told apart: columns of a table, two addresses."""

CUT = "[…]"

_LANGUAGES = {
    "en": "English",
    "de": "German",
    "fr": "French",
    "it": "Italian",
    "pt": "Portuguese",
    "hi": "Hindi",
    "es": "Spanish",
    "th": "Thai",
}

_MARKUP = re.compile(r"<(?=/?[^\W\d]|[|｜])|\[(?=/?[A-Z][A-Z0-9_]+\])|◁")
"""Where a chat template's marks could begin: `<|image|>`, `</s>`, `<start_of_image>`, `[INST]`, `[IMG_1]`, `◁think▷`."""

_SIMILAR = {"<": "‹", "[": "⟦", "◁": "‹"}


class Prompts:
    """Writes the prompts for the pages of one schema."""

    def __init__(self, schema: Schema, wording: str = "", words_tokens: int = 2000) -> None:
        """Read the wording.

        Args:
            schema: what is asked for.
            wording: a file of one's own in the place of `pipeline/wording/page.jinja`; empty for that.
            words_tokens: tokens, about, that the page's own words may take; what is over is cut out of the middle.

        Raises:
            UsageError: the file cannot be read as a template.
        """
        self._schema = schema
        self._words_bytes = words_tokens * BYTES_A_TOKEN
        self._name = wording or WORDING
        environment = SandboxedEnvironment(undefined=StrictUndefined, autoescape=False, keep_trailing_newline=False)
        try:
            self._wording = _wording(wording)
            self._template = environment.from_string(self._wording)
            self.page(PageWords(1, _EXAMPLE.frame), 1)
            self.page(_EXAMPLE, 2, ["an error"], "before")
        except UsageError:
            raise
        except Exception as error:  # whatever its own code does
            kind = "" if isinstance(error, TemplateError) else f"{type(error).__name__}: "
            raise UsageError(
                f"the wording {self._name} is not a template: {kind}{one_line(error)}", "mend it, or leave `wording` empty"
            ) from error

    def page(self, words: PageWords, page_count: int, errors: Sequence[str] = (), before: str = "") -> str:
        """What is asked for a page.

        Args:
            words: the page's words, with its number and language.
            page_count: pages of the document.
            errors: what was wrong with the answer before; empty for the first ask.
            before: that answer.
        """
        return self._template.render(
            description=" ".join((self._schema.__doc__ or self._schema.schema_name).split()),
            page=words.page,
            page_count=page_count,
            language=_LANGUAGES.get(words.language, ""),
            fields=[_field(spec, words.language) for spec in specs(self._schema)],
            shape=shape(self._schema),
            words=self._words(words),
            errors=[harmless(error) for error in errors],
            before=harmless(before[:MOST_BEFORE]),
        ).strip()

    def fingerprint(self) -> str:
        """16 hex digits that change with the wording and what it is filled with, beside the page's own words."""
        told = self.page(_EXAMPLE, 2, ["an error"], "before")
        return hashlib.sha256(f"{self._wording}\0{told}\0{self._words_bytes}".encode()).hexdigest()[:16]

    def _words(self, words: PageWords) -> str:
        lines = [harmless(line) for line in text_lines(words)]
        return "\n".join(cut_middle(lines, self._words_bytes))


def text_lines(words: PageWords) -> list[str]:
    """The words in reading order, a line a row; what stands far apart on a row is parted by ` | `."""
    return [_line(list(row), words.frame) for _, row in groupby(words.words, key=lambda word: word.line)]


def cut_middle(lines: Sequence[str], most_bytes: int) -> list[str]:
    """The lines, or where they are too long the first and last of them: letterhead and sums stand at the ends of a page."""
    sizes = [len(line.encode()) + 1 for line in lines]
    if sum(sizes) <= most_bytes:
        return list(lines)
    head, tail = 0, len(lines)
    room = most_bytes - len(CUT.encode()) - 1
    while head < tail:
        first = head <= len(lines) - tail
        size = sizes[head] if first else sizes[tail - 1]
        if size > room:
            break
        room -= size
        head, tail = (head + 1, tail) if first else (head, tail - 1)
    return [*lines[:head], CUT, *lines[tail:]]


def shape(schema: Schema) -> str:
    """An empty answer, as compact JSON: tables with one row of nulls."""
    told: dict[str, Any] = {
        spec.name: [dict.fromkeys(column.name for column in spec.columns)] if spec.kind is Kind.TABLE else None
        for spec in specs(schema)
    }
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))


def harmless(text: str) -> str:
    """Text of a page in which no mark of a chat template is left: `<|image|>` printed on a page is no image."""
    return _MARKUP.sub(lambda found: _SIMILAR[found[0]], text)


def _line(row: list[Word], frame: Frame) -> str:
    width, height = frame.upright
    parts = [row[0].text]
    for before, word in zip(row, row[1:], strict=False):
        gap = (word.box[0] - before.box[2]) * width
        tall = (word.box[3] - word.box[1]) * height
        parts.append(" | " if gap > WIDE_GAP * tall else " ")
        parts.append(word.text)
    return "".join(parts)


def _field(spec: FieldSpec, language: str) -> dict[str, Any]:
    description = spec.description or spec.name.replace("_", " ")
    return {
        "name": spec.name,
        "kind": f"one of: {', '.join(spec.choices)}" if spec.choices else spec.kind.value,
        "written": spec.written,
        "description": description if description.endswith((".", "?", "!")) else f"{description}.",
        "labels": [*(spec.labels.get(language) or spec.labels.get("en", ()))][:MOST_LABELS],
        "columns": [_field(column, language) for column in spec.columns],
    }


@cache
def _wording(path: str) -> str:
    if not path:
        return resources.files("pipeline").joinpath("wording", WORDING).read_text(encoding="utf-8")
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"the wording {path} cannot be read: {error}", "give the path of a text file, or leave it empty"
        ) from error


_EXAMPLE = PageWords(1, Frame(100, 100), (Word("example", (0.1, 0.1, 0.2, 0.12)),), WordsFrom.OCR, "en")
