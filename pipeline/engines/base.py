"""What an engine is: something that reads one page under one schema."""

from dataclasses import dataclass
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
    def fingerprint(settings: Settings) -> str:
        """What the answers depend on beside page and schema (model, revision, prompt, decoding); loads nothing."""

    @staticmethod
    def probe(settings: Settings) -> list[str]:
        """What is missing for it to work here, one line each with the next step; empty when all is well."""

    async def read(self, request: PageRequest) -> PageAnswer:
        """Read one page. Raises DocumentError for this page alone, RunError when it cannot go on."""

    def close(self) -> None:
        """Give back what it holds."""
