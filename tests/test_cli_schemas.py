"""`octoglot schemas lint` and `schemas show --grammar`: one line where all is well, else each offence with its place."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from flows.cli import app
from pipeline.errors import UsageError
from pipeline.grammar import answer_schema
from schemas.registry import load_schema

OWN = """from schemas.base import DocumentSchema
from schemas.fields import Text, field
class Note(DocumentSchema):
    'A note.'
    number: Text = field('Number')
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.py").write_text(OWN)
    (tmp_path / "odd.py").write_text(OWN + "    tags: dict[str, str] = {}\n")
    (tmp_path / "fine.json").write_text(json.dumps(answer_schema(load_schema("invoice"), bounded=False)))
    (tmp_path / "odd.json").write_text('{"type": "object", "properties": {"a": {"allOf": []}}}')
    (tmp_path / "cut.json").write_text('{"type": ')
    (tmp_path / "list.json").write_text("[1]")
    return tmp_path


def said(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["schemas", *words])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.stdout


@pytest.mark.parametrize("name", ["invoice", "receipt", "own.py", "own.py:Note", "own:Note", "fine.json"])
def test_a_sound_schema_is_one_line(folder: Path, name: str) -> None:
    assert said("lint", name) == (0, f"ok: a model can be asked for {name}\n")
    assert said("lint", name, "--format", "json") == (0, "[]\n")


@pytest.mark.parametrize(
    ("name", "paths"),
    [
        ("odd.py", ["note.tags"]),
        ("odd.json", ["/required", "/additionalProperties", "/properties/a", "/properties/a/allOf"]),
        ("list.json", [""]),
    ],
)
def test_offences_are_told_with_their_places_and_exit_code_2(folder: Path, name: str, paths: list[str]) -> None:
    code, told = said("lint", name, "--format", "json")
    offences: list[dict[str, Any]] = json.loads(told)
    assert (code, [offence["path"] for offence in offences]) == (2, paths)
    assert all(offence["message"] and offence["next_step"] for offence in offences)
    code, told = said("lint", name)
    assert code == 2
    assert all(path in told for path in paths)


@pytest.mark.parametrize(("name", "message"), [("cut.json", "cut.json cannot be read: Expecting"), ("no.json", "No such file")])
def test_a_file_that_cannot_be_read_is_told(folder: Path, name: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        said("lint", name)


def test_the_grammar_is_shown_as_it_is(folder: Path) -> None:
    assert json.loads(said("show", "invoice", "--grammar")[1]) == answer_schema(load_schema("invoice"), bounded=False)
