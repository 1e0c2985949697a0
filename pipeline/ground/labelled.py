"""Where a schema's labels are printed on a page, each place the label of one field."""

from collections import defaultdict
from functools import cached_property

from pipeline.ground.places import words_of
from pipeline.ground.printed import PagePrint, Place
from schemas.base import Schema, specs
from schemas.fields import LANGUAGES, FieldSpec, Kind


class Labels:
    """The labels of a schema's fields and columns on a page."""

    def __init__(self, schema: Schema, printed: PagePrint) -> None:
        """Nothing is looked for before it is asked for."""
        self.schema = schema
        self.printed = printed

    def of(self, path: str) -> list[tuple[Place, float]]:
        """The places of the labels of a field (`total`) or column (`line_items[].amount`), and how little each tells (0..0.3).

        A field's first labels tell the most, and those of one field more than those of several.
        """
        return self._placed.get(path, [])

    @cached_property
    def _placed(self) -> dict[str, list[tuple[Place, float]]]:
        """A label inside a longer one is none: `Total` in `Subtotal` or in `Total tax`, whichever field that stands for."""
        spoken = self.printed.habits.language
        languages = LANGUAGES if spoken not in LANGUAGES else (spoken, "en")
        found: dict[Place, dict[str, int]] = {}
        for path, spec in _labelled(self.schema):
            for language in languages:
                for rank, label in enumerate(spec.labels.get(language, ())):
                    for place in words_of(label, self.printed):
                        ranks = found.setdefault(place, {})
                        ranks[path] = min(rank, ranks.get(path, rank))
        over: dict[int, list[set[int]]] = defaultdict(list)
        for place in found:
            for word in place.words:
                over[word].append(set(place.words))
        placed: dict[str, list[tuple[Place, float]]] = {}
        for place in found:
            if not any(set(place.words) < other for other in over[place.words[0]]):
                for path, rank in found[place].items():
                    shared = 0.2 if len(found[place]) > 1 else 0.0
                    placed.setdefault(path, []).append((place, shared + min(0.01 * rank, 0.1)))
        return placed


def _labelled(schema: Schema) -> list[tuple[str, FieldSpec]]:
    """Path and field of whatever may have a label."""
    fields = [(spec.name, spec) for spec in specs(schema) if spec.kind is not Kind.TABLE]
    tables = [spec for spec in specs(schema) if spec.kind is Kind.TABLE]
    return fields + [(f"{table.name}[].{column.name}", column) for table in tables for column in table.columns]
