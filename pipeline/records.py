"""The nouns that travel between the stages: files, pages, words, answers, values and ledger rows.

All are frozen. Boxes are `(x0, y0, x1, y1)` in fractions of a page (0..1, y grows downwards). Two frames exist: the *page
frame* is the page as a viewer shows the file (EXIF turn and PDF rotation applied); the *reading frame* is the page turned
upright and straightened for reading. Words and an engine's hints lie in the reading frame, stored values in the page frame.
"""

import hashlib
import math
from collections.abc import Iterable
from dataclasses import astuple, dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any

from pipeline.errors import ADVICE, DocumentError, Reason

Box = tuple[float, float, float, float]
Typed = Decimal | date | str | None


def around(boxes: Iterable[Box]) -> Box:
    """The box around `boxes`, of which there is at least one."""
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    return (min(lefts), min(tops), max(rights), max(bottoms))


class Status(StrEnum):
    """How a page, or a document, ended. Pages never end `partial`: that is a document with quarantined pages among others."""

    OK = "ok"
    REPAIRED = "repaired"
    PARTIAL = "partial"
    QUARANTINED = "quarantined"
    SKIPPED = "skipped"


class WordsFrom(StrEnum):
    """Where a page's words came from."""

    TEXT_LAYER = "text-layer"
    OCR = "ocr"
    NONE = "none"


class Grounding(StrEnum):
    """How a value was found among its page's words."""

    EXACT = "exact"
    FUZZY = "fuzzy"
    NORMALIZED = "normalized"
    NOT_FOUND = "not_found"
    NO_WORDS = "no_words"


@dataclass(frozen=True, slots=True)
class Source:
    """A file that was found: absolute path or URI, bytes, and its time (ns since 1970) or ETag as text."""

    uri: str
    size: int
    version: str

    @property
    def document_id(self) -> str:
        """32 hex digits of the SHA-256 of `uri`: a file that changes keeps its identity."""
        return hashlib.sha256(self.uri.encode("utf-8", "surrogateescape")).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Discovery:
    """The files that a command names, sorted by path, each once; one that is missing has size -1."""

    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class Shard:
    """The unit of work and of publishing: some sources, read and published together."""

    index: int
    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class Keys:
    """What the work on a document depends on, beside its content: three fingerprints of 16 hex digits."""

    words: str
    answer: str
    result: str


@dataclass(frozen=True, slots=True)
class Identity:
    """What an engine's answers depend on beside the page: what is kept with every document, and what the answer key is made of.

    Attributes:
        model: the model's name or folder; empty where there is none.
        revision: of the model, or of the rules.
        prompt: fingerprint of what the model is asked; empty where nothing is asked.
        decoding: fingerprint of how it may answer.
    """

    model: str = ""
    revision: str = ""
    prompt: str = ""
    decoding: str = ""

    @property
    def fingerprint(self) -> str:
        """16 hex digits."""
        return hashlib.sha256("\0".join(astuple(self)).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Survey:
    """A file that was opened: the SHA-256 of its bytes (64 hex digits), its pages, and whether it had to be mended."""

    content_id: str
    page_count: int
    media_type: str
    mended: bool = False


@dataclass(frozen=True, slots=True)
class Frame:
    """How the reading frame lies in the page frame.

    Attributes:
        width, height: the page frame's size, in any one unit (points or pixels).
        turn: degrees clockwise (0, 90, 180, 270) that bring the page upright.
        skew: degrees clockwise that straighten its lines after the turn, within ±15.
    """

    width: float
    height: float
    turn: int = 0
    skew: float = 0.0

    @property
    def upright(self) -> tuple[float, float]:
        """Width and height of the reading frame."""
        return (self.height, self.width) if self.turn in (90, 270) else (self.width, self.height)

    def to_page(self, box: Box) -> Box:
        """The box in the page frame that bounds a box of the reading frame."""
        corners = [self._point(x, y) for x in (box[0], box[2]) for y in (box[1], box[3])]
        xs, ys = [c[0] for c in corners], [c[1] for c in corners]
        return (max(min(xs), 0.0), max(min(ys), 0.0), min(max(xs), 1.0), min(max(ys), 1.0))

    def _point(self, x: float, y: float) -> tuple[float, float]:
        if self.skew:
            width, height = self.upright
            angle = math.radians(-self.skew)
            dx, dy = (x - 0.5) * width, (y - 0.5) * height
            x = 0.5 + (dx * math.cos(angle) - dy * math.sin(angle)) / width
            y = 0.5 + (dx * math.sin(angle) + dy * math.cos(angle)) / height
        return {0: (x, y), 90: (y, 1 - x), 180: (1 - x, 1 - y), 270: (1 - y, x)}[self.turn]


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a page: its text (NFC), box in the reading frame, confidence 0..1 and the number of its line on the page."""

    text: str
    box: Box
    confidence: float = 1.0
    line: int = 0


@dataclass(frozen=True, slots=True)
class PageWords:
    """The words of one page (numbered from 1) in reading order, with the language they are in (ISO 639-1, or `und`)."""

    page: int
    frame: Frame
    words: tuple[Word, ...] = ()
    words_from: WordsFrom = WordsFrom.NONE
    language: str = "und"
    blank: bool = False


@dataclass(frozen=True, slots=True)
class Problem:
    """What went wrong with a page or a document: the stage, the reason's code, and a message for people."""

    stage: str
    reason: Reason
    message: str

    @classmethod
    def of(cls, stage: str, error: DocumentError) -> "Problem":
        """The problem that a caught error tells of."""
        return cls(stage, error.reason, error.message)


@dataclass(frozen=True, slots=True)
class PreparedPage:
    """A page ready for an engine: its words and, where the engine looks at pixels, an RGB image (height, width, 3) of uint8.

    Exactly one of `words` and `problem` is set.
    """

    page: int
    words: PageWords | None = None
    image: Any = None
    problem: Problem | None = None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Leaf:
    """One value that an engine copied from a page, as printed.

    Attributes:
        path: where it belongs: `total`, `line_items[0].amount` (rows are numbered from 0 on each page).
        verbatim: the print, spaces folded to single ones (line breaks of an address are kept).
        confidence: the engine's own, 0..1; None where it has none.
        box: a hint in the reading frame, where the engine knows; the grounding decides.
    """

    path: str
    verbatim: str
    confidence: float | None = None
    box: Box | None = None


@dataclass(frozen=True, slots=True)
class PageAnswer:
    """What an engine read on one page; `asks` above 1 says that the first answer was not sound."""

    page: int
    leaves: tuple[Leaf, ...] = ()
    raw: str = ""
    asks: int = 1
    tokens_in: int = 0
    tokens_out: int = 0
    seconds: float = 0.0
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class Value:
    """A leaf with its typed value, its place and its confidence.

    Attributes:
        path: as in Leaf; after merging, rows are numbered through the document.
        value: Decimal for money, numbers and percents; date; else text. None where the print could not be read as its kind.
        status: how it was found among the words.
        page: from 1.
        box: in the page frame.
        problem: why `value` is None or doubtful, in a few words.
        currency: ISO 4217, for money whose own currency is printed beside it.
    """

    path: str
    verbatim: str
    value: Typed
    page: int
    status: Grounding = Grounding.NOT_FOUND
    box: Box | None = None
    confidence: float = 0.0
    problem: str = ""
    currency: str = ""


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two pages disagree on a scalar field: the value kept, and one that lost."""

    path: str
    kept: Value
    lost: Value


@dataclass(frozen=True, slots=True)
class Check:
    """What a rule of the schema, a check digit or a machine readable zone says of a document.

    Attributes:
        rule: what should hold, in one line.
        passed: None where a term is missing.
        message: what does not fit.
        paths: the values that it speaks of: where it fails for some rows only, those of these rows. Not stored.
    """

    rule: str
    passed: bool | None
    message: str = ""
    paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """What became of one page; `page` is None where the number of pages is not known."""

    page: int | None
    status: Status
    stage: str = ""
    reason: Reason | None = None
    message: str = ""
    language: str = "und"
    words_from: WordsFrom = WordsFrom.NONE

    @property
    def next_step(self) -> str:
        """What the user can do about it."""
        return ADVICE[self.reason].next_step if self.reason else ""


@dataclass(frozen=True, slots=True)
class Merged:
    """A document's values after its pages were put together."""

    values: tuple[Value, ...] = ()
    conflicts: tuple[Conflict, ...] = ()


@dataclass(frozen=True, slots=True)
class DocumentResult:
    """One row of a shard: all that is known of a document under one schema after one run.

    `review_reasons` say why a person should look at it, in short codes with a detail (`conflict: total`); none: nobody need.
    `made_by` says what made the answers; `raw_answers` are what a model wrote for quarantined pages, with their numbers.
    """

    source: Source
    schema: str
    engine: str
    keys: Keys
    status: Status
    pages: tuple[LedgerRow, ...]
    content_id: str = ""
    page_count: int | None = None
    language: str = "und"
    values: tuple[Value, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    checks: tuple[Check, ...] = ()
    confidence: float = 0.0
    review_reasons: tuple[str, ...] = ()
    attempt: int = 1
    tokens_in: int = 0
    tokens_out: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    made_by: Identity = Identity()
    raw_answers: tuple[tuple[int, str], ...] = ()

    @property
    def needs_review(self) -> bool:
        """Whether a person should look at it."""
        return bool(self.review_reasons)
