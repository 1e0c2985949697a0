"""A user's own schema through the whole command: shown, planned, read by Workers in other processes, stored and asked for."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from schemas.base import specs
from schemas.json_schema import read_json_schema
from schemas.registry import load_schema
from tests.test_json_schema import DELIVERY
from tests.test_run import REPO, ask, octoglot, write

pytestmark = pytest.mark.ray


def test_a_json_schema_file_is_shown_planned_run_and_asked_for(tmp_path: Path) -> None:
    (tmp_path / "delivery.json").write_text(json.dumps(DELIVERY))
    write(
        tmp_path / "in" / "a.pdf",
        "Delivery note no: LS-2024-17",
        "State: in parts",
        "Signed: yes",
    )
    shown = octoglot("schemas", "show", "delivery.json", cwd=tmp_path)
    assert shown.returncode == 0 and "goods[].pieces" in shown.stdout
    words = ("in", "--schema", "delivery.json", "--out", "results")
    planned = octoglot("plan", *words, cwd=tmp_path)
    assert planned.returncode == 0 and "to read" in planned.stdout
    done = octoglot("run", *words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert ask(tmp_path / "results", "SELECT note_number, state, goods FROM delivery_note") == [("LS-2024-17", "in parts", [])]
    columns = dict(row[:2] for row in ask(tmp_path / "results", "DESCRIBE delivery_note"))
    assert (columns["delivered_on"], columns["value"], columns["signed"]) == ("DATE", "DECIMAL(20,4)", "VARCHAR")
    rows = dict(row[:2] for row in ask(tmp_path / "results", "DESCRIBE delivery_note_goods"))
    assert (rows["pieces"], rows["price"]) == ("DECIMAL(20,0)", "DECIMAL(20,8)")

    # The store explains itself: without the file, its schema can be made again.
    (shard,) = (tmp_path / "results" / "shards").glob("*/*/*.parquet")
    again, offences = read_json_schema(json.loads(pq.read_schema(shard).metadata[b"octoglot.json_schema"]))
    assert not offences and again is not None
    assert specs(again) == specs(load_schema(str(tmp_path / "delivery.json")))


def test_questions_travel_to_the_workers_and_become_columns(tmp_path: Path) -> None:
    write(tmp_path / "in" / "a.pdf", "policy_number: P-4711", "owner: Erika Mustermann")
    words = ("run", "in", "--out", "results", "--schema", "question", "--ask", "What is the policy number?")
    words += ("--ask", "owner=Wem gehört das Haus?", "--engine", "tests.engines:SeeingEngine")
    done = octoglot(*words, cwd=tmp_path, env={"PYTHONPATH": str(REPO)})
    assert done.returncode == 0, done.stderr
    found = ask(tmp_path / "results", "SELECT policy_number, owner FROM question")
    assert found == [("P-4711", "Erika Mustermann")]
    boxes = ask(tmp_path / "results", "SELECT path, status FROM fields ORDER BY path")
    assert boxes == [("owner", "exact"), ("policy_number", "exact")]

    # A file of questions is a schema of its own, with its own view.
    (tmp_path / "claim.toml").write_text('owner = "Who owns the house?"\n')
    words = ("run", "in", "--out", "results", "--schema", "claim.toml", "--engine", "tests.engines:SeeingEngine")
    done = octoglot(*words, cwd=tmp_path, env={"PYTHONPATH": str(REPO)})
    assert done.returncode == 0, done.stderr
    assert ask(tmp_path / "results", "SELECT owner FROM claim") == [("Erika Mustermann",)]
    assert ask(tmp_path / "results", "SELECT policy_number FROM question") == [("P-4711",)]
