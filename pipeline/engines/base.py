"""What an engine is: something that reads one page under one schema."""

import hashlib
from dataclasses import astuple, dataclass
from typing import Protocol

from pipeline.records import PageAnswer, PreparedPage
from pipeline.settings import Settings
from schemas.base import Schema


@dataclass(frozen=True, slots=True)
class PageRequest:
    """A page to read: where it stands in its document, and the page itself."""

    document_id: str
    page_count: int
    prepared: PreparedPage


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


class EngineDied(Exception):
    """The engine's process is gone: the Worker that holds it must end, so that another takes its place."""


class Engine(Protocol):
    """Reads pages; one instance a Worker, made with `Engine(schema, settings)`, many pages in flight.

    Attributes:
        needs_images: whether `prepared.image` must be there.
        max_in_flight: pages that it can hold at once.
    """

    needs_images: bool
    max_in_flight: int

    def __init__(self, schema: Schema, settings: Settings) -> None:
        """Load what it takes; raises RunError where it cannot work at all."""

    @staticmethod
    def identity(schema: Schema, settings: Settings) -> Identity:
        """What the answers depend on beside the page; loads nothing."""

    @staticmethod
    def slot_gpus(settings: Settings) -> int:
        """GPUs that one engine takes; 0 where it needs none. Raises RunError where those of this machine cannot hold it."""

    @staticmethod
    def probe(settings: Settings) -> list[str]:
        """What is missing for it to work here, one line each with the next step; empty when all is well."""

    async def start(self) -> None:
        """Load what takes long, in the event loop that will read. Raises RunError where it cannot work."""

    async def read(self, request: PageRequest) -> PageAnswer:
        """Read one page. Raises DocumentError for this page alone, RunError when it cannot go on, EngineDied when it died."""

    def close(self) -> None:
        """Give back what it holds."""
