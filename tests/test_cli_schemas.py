"""`octoglot schemas`: what is in one can be read, and what cannot be used is told with its place."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from flows.cli import app
from pipeline.errors import UsageError
from pipeline.grammar import answer_schema
from schemas.base import specs
from schemas.errors import SchemaError
from schemas.json_schema import json_schema
from schemas.registry import BUILT_IN, load_schema

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
    (tmp_path / "asked.toml").write_text('total = "What is the total?"\n')
    (tmp_path / "fine.json").write_text(json.dumps({"type": "object", "properties": {"total": {"type": "number"}}}))
    (tmp_path / "odd.json").write_text('{"type": "object", "properties": {"a": {"type": "string", "maxLength": 3}, "b": {}}}')
    (tmp_path / "cut.json").write_text('{"type": ')
    (tmp_path / "list.json").write_text("[1]")
    return tmp_path


def said(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["schemas", *words])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.stdout


@pytest.mark.parametrize("name", [*BUILT_IN, "own.py", "own.py:Note", "own:Note", "fine.json", "asked.toml"])
def test_a_sound_schema_is_one_line(folder: Path, name: str) -> None:
    assert said("lint", name) == (0, f"ok: a model can be asked for {name}\n")
    assert said("lint", name, "--format", "json") == (0, "[]\n")


@pytest.mark.parametrize(
    ("name", "paths"),
    [
        ("odd.py", ["note.tags"]),
        ("odd.json", ["/properties/a/maxLength", "/properties/b"]),
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


@pytest.mark.parametrize(
    ("name", "message"), [("cut.json", "cut.json cannot be read: Expecting"), ("no.json", "no schema file")]
)
def test_a_file_that_cannot_be_read_is_told(folder: Path, name: str, message: str) -> None:
    with pytest.raises(SchemaError, match=message):
        said("lint", name)


def test_the_grammar_is_shown_as_it_is(folder: Path) -> None:
    assert json.loads(said("show", "invoice", "--grammar")[1]) == answer_schema(load_schema("invoice"), bounded=False)


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_schema_is_shown_whole(name: str) -> None:
    code, told = said("show", name)
    assert code == 0
    model = load_schema(name)
    lines = {line.split()[0]: line for line in told.splitlines() if line.split()}
    for spec in specs(model):
        assert spec.kind in told and spec.description in told
        for leaf, path in [(spec, spec.name)] + [(column, f"{spec.name}[].{column.name}") for column in spec.columns]:
            assert path in lines
            assert all(words[0] in told for words in leaf.labels.values())
    assert len(model.rules) == sum(" ≤ " in line or " = " in line for line in told.splitlines() if line.startswith("  "))
    grammar = told.partition("Grammar")[2].splitlines()
    assert [line.split(":")[0].strip() for line in grammar[1:] if line.startswith("  ") and line[2] != " "] == list(
        answer_schema(model)["properties"]
    )


def test_the_labels_of_one_language_are_shown_to_the_last() -> None:
    told = said("show", "invoice", "--language", "th")[1]
    wanted = [label for spec in specs(load_schema("invoice")) for label in spec.labels.get("th", ())]
    assert wanted and all(label in told for label in wanted)
    assert "Rechnungsdatum" not in told
    with pytest.raises(UsageError, match="no labels in 'nl'"):
        said("show", "invoice", "--language", "nl")


def test_show_says_all_to_programs() -> None:
    [told] = json.loads(said("show", "bank_statement", "--format", "json")[1])
    assert told["name"] == "bank_statement"
    fields = {row["field"]: row for row in told["fields"]}
    assert fields["bank_bic"]["scheme"] == "bic"
    assert fields["transactions[].amount"]["kind"] == "money"
    assert fields["closing_balance"]["required"] is True
    assert "Endsaldo" in fields["closing_balance"]["labels"]["de"]
    assert {"rule": "period_start ≤ period_end", "kind": "order", "earlier": "period_start", "later": "period_end"} in told[
        "rules"
    ]
    assert told["grammar"]["properties"]["transactions"]["items"]["properties"]["balance"]["type"] == ["string", "null"]
    assert told["json_schema"] == json_schema(load_schema("bank_statement"))


def test_a_schema_can_be_taken_as_json_schema_and_used(folder: Path) -> None:
    text = said("show", "receipt", "--format", "json-schema")[1].replace('"receipt"', '"slip"')
    (folder / "slip.json").write_text(text)
    assert said("lint", "slip.json")[0] == 0
    own = load_schema("slip.json")
    assert own.schema_name == "slip"
    assert specs(own) == specs(load_schema("receipt"))


def test_questions_are_shown_as_they_would_be_asked() -> None:
    told = said("show", "question", "--ask", "What is the policy number?", "--ask", "owner=Who owns it?")[1]
    assert "policy_number" in told and "Who owns it?" in told
    assert "Only engines that see the page can read it" in told
    with pytest.raises(SchemaError, match="holds no question; write --ask"):
        said("show", "question")
    with pytest.raises(SchemaError, match="holds no question; write --ask"):
        said("lint", "question")


def test_the_list_names_all_and_says_which_need_eyes() -> None:
    rows = {row["name"]: row for row in json.loads(said("list", "--format", "json")[1])}
    assert list(rows) == [*BUILT_IN, "question"]
    assert [name for name, row in rows.items() if "vision engines only" in row["description"]] == ["caption", "question"]
