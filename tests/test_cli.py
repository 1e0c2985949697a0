"""The command line: what is wrong with a command is one line on stderr with the next step, and data is on stdout alone."""

import csv
import io
import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from pipeline import store
from schemas.registry import load_schema
from tests.conftest import Made

OCTOGLOT = str(Path(sys.executable).with_name("octoglot"))


def octoglot(*words: str, cwd: Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run([OCTOGLOT, *words], cwd=cwd, input=stdin, capture_output=True, text=True, timeout=60)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.pdf").write_bytes(b"%PDF-")
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("x")
    (tmp_path / "in-the-way").mkdir()
    (tmp_path / "in-the-way" / "shards").touch()
    damaged = tmp_path / "damaged" / "shards" / "schema=invoice" / "run=r1" / "shard-00000.parquet"
    damaged.parent.mkdir(parents=True)
    damaged.write_text("not Parquet")
    return tmp_path


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("run nowhere --schema invoice", "there is no file or folder nowhere"),
        ("run empty --schema invoice", "there are no files in empty"),
        ("run in --schema nope", "there is no schema called 'nope'"),
        ("run in --schema invoice --out file/x", "cannot write to"),
        ("run in --schema invoice --out s3://bucket/x", "not a local folder"),
        ("run in --schema invoice --engine nope", "there is no engine called 'nope'"),
        ("run in --schema invoice --words nope", "setting words"),
        ("run in --schema missing.py", "there is no schema file"),
        ("run in --schema invoice --out /proc/x", "cannot write to /proc/x"),
        ("run in --schema invoice --engine fake --out in-the-way", "cannot write to {folder}/in-the-way/shards"),
        ("run in --schema invoice --engine fake --out damaged", "the results in {folder}/damaged cannot be read"),
        ("plan nowhere --schema invoice", "there is no file or folder nowhere"),
        ("sql SELEKT --out in", "there are no results in in"),
        ("sql SELEKT --format nope --out in", "there is no format 'nope'"),
        ("schemas show nope", "there is no schema called 'nope'"),
        ("schemas dance", "say `octoglot schemas list`"),
        ("evaluate --truth nowhere.jsonl --out in", "cannot be read"),
        ("evaluate --truth nowhere.jsonl --out in --by day", "results are not told by 'day'"),
    ],
)
def test_what_is_wrong_is_one_line_and_exit_code_2(words: str, said: str, folder: Path) -> None:
    done = octoglot(*words.split(), cwd=folder)
    assert done.returncode == 2
    assert said.format(folder=folder) in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert done.stdout == ""


def test_a_setting_that_cannot_be_is_told_by_name(folder: Path) -> None:
    (folder / "octoglot.toml").write_text("ocr_dpi = 7\n")
    done = octoglot("run", "in", "--schema", "invoice", cwd=folder)
    assert (done.returncode, "setting ocr_dpi" in done.stderr) == (2, True)
    (folder / "octoglot.toml").write_text("nonsense = 7\n")
    assert "setting nonsense" in octoglot("plan", "in", "--schema", "invoice", cwd=folder).stderr
    (folder / "octoglot.toml").write_text("ocr_dpi = [")
    assert "the settings cannot be read" in octoglot("plan", "in", "--schema", "invoice", cwd=folder).stderr


def test_a_misspelt_variable_is_not_lost(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCTOGLOT_OCR_DPY", "300")
    done = octoglot("plan", "in", "--schema", "invoice", cwd=folder)
    assert (done.returncode, "there is no setting OCTOGLOT_OCR_DPY" in done.stderr) == (2, True)


def test_plan_touches_nothing(folder: Path) -> None:
    done = octoglot("plan", "in", "--schema", "invoice", "--format", "json", cwd=folder)
    (told,) = json.loads(done.stdout)
    assert (told["documents_found"], told["to_read"], told["shards"]) == (1, 1, 1)
    assert not (folder / "results").exists()


def test_sql_gives_data_on_stdout_in_every_format(folder: Path, made: Made) -> None:
    store.publish_shard(str(folder / "results"), "r1", 0, load_schema("invoice"), [made("/in/บิล.pdf")])
    query = "SELECT source, total FROM invoice"
    table = octoglot("sql", query, cwd=folder)
    assert "/in/บิล.pdf" in table.stdout
    assert table.stderr.strip() == "1 row"
    assert octoglot("sql", query, "--format", "csv", cwd=folder).stdout == "source,total\n/in/บิล.pdf,1.5000\n"
    assert json.loads(octoglot("sql", query, "--format", "json", cwd=folder).stdout) == [{"source": "/in/บิล.pdf", "total": 1.5}]
    prompt = octoglot("sql", "--format", "csv", cwd=folder, stdin="SELECT 1 AS one;\nSELEKT\nSELECT 2 AS two\n")
    assert prompt.stdout == "one\n1\ntwo\n2\n"
    assert "SELEKT" in prompt.stderr


def test_csv_holds_lists_and_structs_as_json_with_exact_decimals(folder: Path) -> None:
    (folder / "results" / "shards").mkdir(parents=True)
    query = """
        SELECT [{'when': DATE '2024-01-31', 'total': 12345678901234.5000::DECIMAL(20, 4), 'who': 'Ünï "x"', 'gone': NULL}]
               AS rows, MAP {'ok': 1} AS counts, [true] AS flags,
               [1.5::DOUBLE, 'nan'::DOUBLE] AS shares, NULL::INTEGER[] AS none"""
    told = octoglot("sql", query, "--format", "csv", cwd=folder).stdout
    (row,) = csv.DictReader(io.StringIO(told))
    assert row == {
        "rows": '[{"when":"2024-01-31","total":12345678901234.5000,"who":"Ünï \\"x\\"","gone":null}]',
        "counts": '{"ok":1}',
        "flags": "[true]",
        "shares": "[1.5,NaN]",
        "none": "",
    }
    (same,) = json.loads(octoglot("sql", query, "--format", "json", cwd=folder).stdout, parse_float=Decimal)
    assert json.loads(row["rows"], parse_float=Decimal) == same["rows"]


def test_schemas_are_listed_and_shown(folder: Path) -> None:
    names = {row["name"] for row in json.loads(octoglot("schemas", "--format", "json", cwd=folder).stdout)}
    assert {"invoice", "receipt"} <= names
    shown = octoglot("schemas", "show", "invoice", cwd=folder).stdout
    assert "line_items[].unit_price" in shown


def test_doctor_names_a_pack_that_is_missing(folder: Path) -> None:
    sound = octoglot("doctor", "--format", "json", cwd=folder)
    assert sound.returncode == 0, sound.stdout
    (folder / "octoglot.toml").write_text(f'tessdata = "{folder / "empty"}"\n')
    done = octoglot("doctor", cwd=folder)
    assert done.returncode == 1
    assert "tesseract-ocr-tha" in done.stdout
    run = octoglot("run", "in", "--schema", "invoice", cwd=folder)
    assert (run.returncode, "tesseract-ocr-" in run.stderr, "Traceback" in run.stderr) == (2, True, False)
