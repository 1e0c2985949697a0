"""The golden tables: how values are printed in each language and country, and what they mean (see golden/values/README.md)."""

import tomllib
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from pipeline.normalize import Reading, read, read_sided
from pipeline.values.identifiers import SCHEMES, valid
from pipeline.values.lines import Habits, habits_in
from schemas.fields import LANGUAGES, FieldSpec, Kind

FOLDER = Path(__file__).parent / "golden" / "values"
TABLES = {file.stem: tomllib.loads(file.read_text(encoding="utf-8")) for file in FOLDER.glob("*.toml")}
CASES = [
    pytest.param(tag, kind, printed, value, id=f"{tag} {kind} {printed[:30]!r}")
    for language, table in TABLES.items()
    for tag, kinds in table.items()
    for kind, cases in kinds.items()
    for printed, value, note in cases
]
IDENTIFIERS = ("document_number", *SCHEMES)
SOUND = {True: " valid", False: " wrong", None: ""}


def habits_of_tag(tag: str) -> Habits:
    language, _, country = tag.partition("-")
    return habits_in(language, country)


@pytest.mark.parametrize(("tag", "kind", "printed", "value"), CASES)
def test_print_means_what_the_table_says(tag: str, kind: str, printed: str, value: str) -> None:
    habits = habits_of_tag(tag)
    if kind in ("money", "balance"):
        found = (read_sided if kind == "balance" else read)(printed, FieldSpec("x", Kind.MONEY), habits)
        number, _, currency = value.partition(" ")
        assert (found.value, found.currency) == (Decimal(number) if value else None, currency)
        assert bool(found.problem) is not bool(value)
    elif kind == "date":
        found = read(printed, FieldSpec("x", Kind.DATE), habits)
        day = value.removesuffix(" ?")
        assert found.value == (date.fromisoformat(day) if day else None)
        assert bool(found.problem) is (not day or value.endswith(" ?"))
    elif kind in IDENTIFIERS:
        found = read(printed, FieldSpec("x", Kind.IDENTIFIER, scheme=kind), habits)
        assert f"{found.value}{SOUND[valid(printed, kind, habits.country)]}" == value
    else:
        found = read(printed, FieldSpec("x", Kind(kind)), habits)
        assert found == (Reading(Decimal(value) if kind != "currency" else value) if value else Reading(None, found.problem))
        assert value or found.problem


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_language_has_its_table(language: str) -> None:
    table = TABLES[language]
    assert all(tag.partition("-")[0] == language for tag in table)
    assert sum(len(cases) for kinds in table.values() for cases in kinds.values()) >= 50
    kinds = {kind for tags in table.values() for kind in tags}
    assert kinds >= {"money", "number", "percent", "currency", "date", "tax_id", "phone"}


def test_no_case_is_told_twice() -> None:
    told = [(case.values[0], case.values[1], case.values[2]) for case in CASES]
    assert len(told) == len(set(told)) >= 400
