"""What an engine is: something that reads one page under one schema."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

from pipeline.records import Identity, PageAnswer, PreparedPage
from pipeline.settings import Settings
from schemas.base import Schema


@dataclass(frozen=True, slots=True)
class PageRequest:
    """A page to read: where it stands in its document, and the page itself."""

    document_id: str
    page_count: int
    prepared: PreparedPage


class Engine(ABC):
    """Reads pages; one instance a Worker, made with `Engine(schema, settings)`, many pages in flight.

    Attributes:
        needs_images: whether `prepared.image` must be there.
        max_in_flight: pages that it can hold at once.
        lost: why it cannot go on after the pages in hand, which have failed for that reason; empty while all is well.
        notice: called with a line for people, when it waits for something.
    """

    needs_images = False
    max_in_flight = 4
    lost = ""
    notice: Callable[[str], None]

    @abstractmethod
    def __init__(self, schema: Schema, settings: Settings) -> None:
        """Take what it is told, and look whether it can work; raises RunError where it cannot. Loads nothing."""
        self.notice = lambda line: None

    @staticmethod
    @abstractmethod
    def identity(schema: Schema, settings: Settings) -> Identity:
        """What the answers depend on beside the page; loads nothing."""

    @staticmethod
    def settle(settings: Settings) -> Settings:
        """The settings, with what was left to the engine filled in."""
        return settings

    @staticmethod
    def slot_gpus(settings: Settings) -> int:
        """GPUs that one engine takes; 0 where it needs none. Raises RunError where those of this machine cannot hold it."""
        return 0

    @staticmethod
    def facts(settings: Settings) -> dict[str, str]:
        """What people should know of it before a run: name → what; loads nothing."""
        return {}

    @staticmethod
    def probe(settings: Settings) -> list[str]:
        """What is missing for it to work here, one line each with the next step; empty when all is well."""
        return []

    async def start(self) -> None:
        """Load what takes long, in the event loop that will read. Raises RunError where it cannot work."""
        return None

    @abstractmethod
    async def read(self, request: PageRequest) -> PageAnswer:
        """Read one page. Raises DocumentError for this page alone, RunError when it cannot go on, EngineDied when it died."""

    def close(self) -> None:
        """Give back what it holds."""
        return None
