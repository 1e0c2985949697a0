"""The engine without weights: reads a page's words by the schema's labels, by geometry, kind and arithmetic."""

import hashlib
from functools import cache
from importlib import resources

from pipeline.engines.base import Engine, PageRequest
from pipeline.engines.rules.fields.choose import read_fields
from pipeline.engines.rules.labels import find_labels
from pipeline.engines.rules.parties.read import read_parties
from pipeline.engines.rules.sheet import Sheet
from pipeline.engines.rules.tables.read import read_table
from pipeline.records import Identity, Leaf, PageAnswer
from pipeline.settings import Settings
from schemas.base import Schema, specs
from schemas.fields import Kind


class OcrEngine(Engine):
    """Rules over the words that `prepare` found; needs no image, no GPU and no weights."""

    def __init__(self, schema: Schema, settings: Settings) -> None:
        super().__init__(schema, settings)
        self._schema = schema

    @staticmethod
    def identity(schema: Schema, settings: Settings) -> Identity:
        """A hash of the rules' source: nobody has to remember to count a version up."""
        return Identity(revision=_rules())

    async def read(self, request: PageRequest) -> PageAnswer:
        """What the rules find on the page; nothing where it has no words."""
        words = request.prepared.words
        if words is None or not words.words:
            return PageAnswer(request.prepared.page)
        return PageAnswer(request.prepared.page, tuple(read_sheet(Sheet(words), self._schema, request.page_count)))


def read_sheet(sheet: Sheet, schema: Schema, page_count: int = 1) -> list[Leaf]:
    """All values of `schema` on one page: its tables, the parties, and the fields of the document."""
    fields = specs(schema)
    hits = find_labels(sheet, [spec for spec in fields if spec.kind is not Kind.TABLE])
    tables = [read_table(sheet, spec) for spec in fields if spec.kind is Kind.TABLE]
    taken = frozenset(cell for table in tables for cell in table.cells)
    parties = read_parties(sheet, [spec for spec in fields if spec.party], hits, taken)
    others = read_fields(sheet, schema, hits, taken, page_count)
    return [leaf for table in tables for leaf in table.leaves] + parties + others


@cache
def _rules() -> str:
    """A hash of all that the rules are made of: their own source, and how they read amounts, dates and numbers."""
    digest = hashlib.sha256()
    for package in ("pipeline.engines.rules", "pipeline.values"):
        with resources.as_file(resources.files(package)) as home:
            for path in sorted(path for path in home.rglob("*") if path.suffix in (".py", ".toml")):
                digest.update(path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]
