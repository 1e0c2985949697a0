"""The engine without weights: reads a page's words by the schema's labels, by geometry, kind and arithmetic."""

import hashlib
from collections.abc import Sequence
from functools import cache
from importlib import resources

from pipeline.engines.base import Engine, PageRequest
from pipeline.engines.rules.fields.addresses import with_whole_addresses
from pipeline.engines.rules.fields.choices import read_choices
from pipeline.engines.rules.fields.choose import read_fields
from pipeline.engines.rules.fields.periods import with_periods
from pipeline.engines.rules.labels import Hit, find_labels
from pipeline.engines.rules.ledger.read import is_account, read_entries, with_sides
from pipeline.engines.rules.mrz.read import find_mrz, with_mrz, with_state
from pipeline.engines.rules.pairs.read import asks_for_pairs, read_pairs
from pipeline.engines.rules.parties.read import read_parties
from pipeline.engines.rules.prose.parties import asks_for_parties, read_contract_parties
from pipeline.engines.rules.prose.read import with_prose
from pipeline.engines.rules.prose.titles import with_title
from pipeline.engines.rules.sheet import Sheet, Table
from pipeline.engines.rules.tables.read import read_table
from pipeline.records import Identity, Leaf, PageAnswer
from pipeline.settings import Settings
from schemas.base import Schema, specs
from schemas.fields import FieldSpec, Kind


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
    """All values of `schema` on one page: its tables, the parties, the document's fields, and what a zone for machines adds."""
    fields = specs(schema)
    zone = find_mrz(sheet, fields)
    hits = find_labels(sheet, [spec for spec in fields if spec.kind is not Kind.TABLE])
    taken = zone.cells if zone else frozenset()
    tables: list[Table] = []
    for spec in fields:
        if spec.kind is Kind.TABLE:
            tables.append(_read_rows(sheet, spec, schema, hits, taken))
            taken |= tables[-1].cells
    leaves = [leaf for table in tables for leaf in table.leaves]
    leaves += read_parties(sheet, [spec for spec in fields if spec.party], hits, taken)
    leaves += read_fields(sheet, schema, hits, taken, page_count, leaves)
    leaves = with_periods(sheet, schema, leaves, hits, taken)
    leaves += read_choices(sheet, fields, leaves, taken)
    leaves = with_sides(sheet, schema, with_whole_addresses(sheet, fields, leaves, hits), page_count)
    leaves = with_state(sheet, fields, leaves, hits)
    leaves = with_title(sheet, fields, with_prose(sheet, fields, leaves, taken))
    return with_mrz(sheet, fields, leaves, zone) if zone else leaves


def _read_rows(sheet: Sheet, spec: FieldSpec, schema: Schema, hits: Sequence[Hit], taken: frozenset[int]) -> Table:
    """The rows of a table as the schema asks: labels with values, those who agree, entries of an account, under a heading."""
    if asks_for_pairs(spec):
        return read_pairs(sheet, spec, hits)
    if asks_for_parties(spec):
        return read_contract_parties(sheet, spec)
    return read_entries(sheet, spec, schema, hits) if is_account(spec, schema) else read_table(sheet, spec, taken)


@cache
def _rules() -> str:
    """A hash of all that the rules are made of: their own source, and how they read amounts, dates and numbers."""
    digest = hashlib.sha256()
    for package in ("pipeline.engines.rules", "pipeline.values"):
        with resources.as_file(resources.files(package)) as home:
            for path in sorted(path for path in home.rglob("*") if path.suffix in (".py", ".toml")):
                digest.update(path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]
