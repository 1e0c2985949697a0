"""The command line: what is wrong with a command is one line on stderr with the next step, and data is on stdout alone."""

import csv
import io
import json
import re
import shlex
import subprocess
import sys
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from pydantic import SecretStr

from flows.cli.common import sql_command
from flows.cli.plan import Prepared, _about
from flows.cli.run import _tell_next
from flows.cli.sql import statements
from flows.workers import Counts
from pipeline import store
from pipeline.query import quoted_name
from pipeline.records import Status
from pipeline.settings import Settings
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
    (tmp_path / "nameless.jsonl").write_text('{"fields": {}}')
    (tmp_path / "photo").write_bytes(b"\x89PNG\xff")
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
        ("run in --schema invoice --language nl", "setting language: Input should be '', 'en', 'de', 'fr'"),
        ("plan in --schema invoice --language German", "setting language"),
        ("run in --schema missing.py", "there is no schema file"),
        ("run in --schema invoice --out /proc/x", "cannot write to /proc/x"),
        ("run in --schema invoice --engine fake --out in-the-way", "cannot write to {folder}/in-the-way/shards"),
        ("run in --schema invoice --engine fake --out damaged", "the results in {folder}/damaged cannot be read"),
        ("plan nowhere --schema invoice", "there is no file or folder nowhere"),
        ("sql SELEKT --out in", "there are no results in in"),
        ("sql SELEKT --format nope --out in", "there is no format 'nope'"),
        ("schemas show nope", "there is no schema called 'nope'"),
        ("schemas dance", "say `octoglot schemas list`"),
        ("evaluate --truth nowhere.jsonl --out in", "cannot be read: No such file or directory → give a file of JSON lines"),
        ("evaluate --truth file --out in", "file, line 1 is no truth: not JSON (Expecting value) → give a file of JSON lines"),
        ("evaluate --truth nameless.jsonl --out in", "line 1 is no truth: it lacks file → give"),
        ("evaluate --truth photo --out in", "the truth file photo is not text → give"),
        ("evaluate --truth nowhere.jsonl --out in --by day", "results are not told by 'day'"),
    ],
)
def test_what_is_wrong_is_one_line_and_exit_code_2(words: str, said: str, folder: Path) -> None:
    done = octoglot(*words.split(), cwd=folder)
    assert done.returncode == 2
    assert said.format(folder=folder) in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert done.stdout == ""


def test_a_schema_whose_views_another_has_in_the_store_is_refused_before_anything_is_read(folder: Path, made: Made) -> None:
    rows = {"type": "array", "items": {"type": "object", "properties": {"name": {"type": "string"}}}}
    for name, table in (("note", "parts_of_it"), ("note_parts", "of_it")):
        (folder / f"{name}.json").write_text(json.dumps({"type": "object", "properties": {table: rows}}))
    store.open_store(str(folder / "results"))
    note = load_schema(str(folder / "note.json"))
    store.publish_shard(str(folder / "results"), "r1", 0, note, [made("/in/a.pdf", schema="note", values=())])
    done = octoglot("run", "in", "--schema", "note_parts.json", cwd=folder)
    assert done.returncode == 2
    assert "the schemas note and note_parts both have a view note_parts_of_it" in done.stderr
    assert not list((folder / "results" / "runs").iterdir())


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


def test_questions_from_a_pipe_reach_to_their_semicolon_and_a_wrong_one_is_told_at_the_end(folder: Path) -> None:
    (folder / "results" / "shards").mkdir(parents=True)
    asked = "SELECT 1\n AS one; SELEKT;\n-- not ; this\nSELECT ';' AS two, 3\nAS \"th;ree\"\n"
    told = octoglot("sql", "--format", "csv", cwd=folder, stdin=asked)
    assert (told.stdout, told.returncode) == ("one\n1\ntwo,th;ree\n;,3\n", 2)
    assert "SELEKT" in told.stderr
    told = octoglot("sql", "--format", "csv", cwd=folder, stdin="SELECT 1 AS one")
    assert (told.stdout, told.returncode) == ("one\n1\n", 0)
    assert json.loads(octoglot("sql", "--format", "json", cwd=folder, stdin="SELECT 1\nAS one;\n-- end\n").stdout) == [
        {"one": 1}
    ]
    several = octoglot("sql", "--format", "json", cwd=folder, stdin="SELECT 1;\nSELECT 2;")
    assert (several.stdout, several.returncode) == ("", 2)
    assert "2 questions do not go into one answer in json" in several.stderr


def test_a_table_that_does_not_fit_becomes_blocks_of_lines(folder: Path) -> None:
    (folder / "results" / "shards").mkdir(parents=True)
    wide = "SELECT repeat('w', 90) AS first, 'a\nb' AS lines, [{'n': 1}, {'n': 2}] AS items, 12.5000 AS sum, NULL AS n"
    told = octoglot("sql", f"{wide} FROM range(2)", cwd=folder)
    block = f"first: {'w' * 90}\nlines: a\n       b\nitems: 2 rows\nsum:   12.50\nn:\n"
    assert told.stdout == f"{'── row 1 '.ljust(60, '─')}\n{block}{'── row 2 '.ljust(60, '─')}\n{block}"
    assert told.stderr == "2 rows\n"
    fits = octoglot("sql", "SELECT repeat('w', 90) AS first, [{'n': 1}] AS items, [1.5, 2] AS list", cwd=folder).stdout
    assert f" {'w' * 90}   1 row   [1.5,2.0]" in fits
    described = octoglot("sql", "DESCRIBE SELECT [{'a': 1, 'b': 2}] AS items", cwd=folder).stdout
    assert "STRUCT(…)[]" in described


def test_a_reader_that_goes_away_is_no_error(folder: Path) -> None:
    (folder / "results" / "shards").mkdir(parents=True)
    for number in (10, 1_000_000):
        line = f'"{OCTOGLOT}" sql "FROM range({number})" --format csv | head -1; exit ${{PIPESTATUS[0]}}'
        done = subprocess.run(["bash", "-c", line], cwd=folder, capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stdout, done.stderr) == (0, "range\n", "")
    line = f'"{OCTOGLOT}" sql "FROM range(10)" --format csv | true; exit ${{PIPESTATUS[0]}}'
    done = subprocess.run(["bash", "-c", line], cwd=folder, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_query_that_reads_a_file_is_told_of_the_results(folder: Path) -> None:
    (folder / "results" / "shards").mkdir(parents=True)
    told = octoglot("sql", "FROM read_csv('/etc/passwd')", cwd=folder)
    assert (told.returncode, "→ results only: SHOW TABLES lists the views" in told.stderr) == (2, True)


def test_a_run_ends_with_the_queries_that_are_of_use(capsys: pytest.CaptureFixture[str]) -> None:
    made = cast(Prepared, SimpleNamespace(schema=load_schema("receipt"), root="/my results"))
    _tell_next(made, Counts({"ok": 1, "partial": 1, "quarantined": 1}, {}, review=1))
    review, rest = capsys.readouterr().err.splitlines()
    columns = "seller_name, issue_date, total"
    assert review == (
        f'1 of 2 needs review: octoglot sql "SELECT parse_filename(source) AS file, {columns}, review_reasons '
        "FROM receipt WHERE needs_review\" --out '/my results'"
    )
    assert rest == f"next: octoglot sql \"SELECT {columns}, language, confidence FROM receipt\" --out '/my results'"
    _tell_next(made, Counts({"quarantined": 3}))
    assert capsys.readouterr().err == ""


def test_the_version_is_told(folder: Path) -> None:
    assert octoglot("--version", cwd=folder).stdout == f"octoglot {version('octoglot')}\n"


def test_a_pasted_query_survives_sql_and_the_shell() -> None:
    assert quoted_name("Order") == '"Order"'
    assert quoted_name("language") == "language"
    command = sql_command('SELECT 1 FROM "order"', "my results")
    assert shlex.split(command) == ["octoglot", "sql", 'SELECT 1 FROM "order"', "--out", "my results"]


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(None, "not known yet"), (0.0, "none"), (12.3, "about 20 s"), (100, "about 2 min"), (9000, "about 2.5 h")],
)
def test_a_time_is_told_as_people_say_it(seconds: float | None, told: str) -> None:
    assert _about(seconds) == told


def test_the_settings_in_the_readme_are_those_there_are() -> None:
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    told = dict(
        re.findall(r"^\| `([a-z_]+)` +\| (.*?) +\|", readme.partition("## Settings")[2].partition("\n## ")[0], re.MULTILINE)
    )
    shown = {name: field.default for name, field in Settings.model_fields.items()}
    expected = {name: "empty" if value in ("", SecretStr("")) else str(value) for name, value in shown.items()}
    assert told == expected | {"state_dir": "`~/.local/state/octoglot`"}
    for name, field in Settings.model_fields.items():
        assert f"| {field.description} |" in re.sub(" +", " ", readme), name


def test_statements_are_cut_where_a_semicolon_ends_them() -> None:
    asked = ["SELECT 'it''s;\n", "on' AS a; /* ; */ ;SELECT $x$ ; $x$, 1", " -- ;\n", "AS b\n", ";\n", "  \n"]
    assert list(statements(asked)) == ["SELECT 'it''s;\non' AS a;", "SELECT $x$ ; $x$, 1 -- ;\nAS b\n;"]
    assert list(statements(["SELECT 1;\n", "SELECT 'open; "])) == ["SELECT 1;", "SELECT 'open;"]


def test_what_is_counted_adds_up(made: Made) -> None:
    counts = Counts()
    for status in (Status.OK, Status.PARTIAL, Status.QUARANTINED):
        counts.add(made("/in/a", status=status, review_reasons=("partial",) if status is Status.PARTIAL else ()))
    both = Counts()
    both.merge(counts)
    both.merge(counts)
    assert (both.usable, both.review) == (4, 2)


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
    first = next(line for line in shown.partition("labels of")[2].splitlines() if line.startswith(" document_number "))
    assert first.split(maxsplit=2)[1] == "en" and " · " in first
    assert "Rechnungsnummer" in shown and "Numéro de facture" in shown and "เลขที่ใบแจ้งหนี้" in shown
    (folder / "mine").mkdir()
    (folder / "mine" / "dn.py").write_text(
        "from schemas.base import DocumentSchema\nclass Note(DocumentSchema):\n    'A note.'\n    number: str = ''\n"
    )
    assert "note: A note." in octoglot("schemas", "show", "mine.dn:Note", cwd=folder).stdout


def test_doctor_names_a_pack_that_is_missing(folder: Path) -> None:
    sound = octoglot("doctor", "--format", "json", cwd=folder)
    assert sound.returncode == 0, sound.stdout
    assert "will be made" in octoglot("doctor", "--out", "nope", cwd=folder).stdout
    assert "will be made" not in octoglot("doctor", "--out", "in", cwd=folder).stdout.partition("store")[2]
    for name in ("deu", "eng", "fra", "hin", "ita", "por"):
        (folder / "empty" / f"{name}.traineddata").touch()
    (folder / "octoglot.toml").write_text(f'tessdata = "{folder / "empty"}"\n')
    done = octoglot("doctor", cwd=folder)
    assert done.returncode == 1
    assert "Tesseract lacks 2 packs: spa, tha" in done.stdout
    assert "apt-get install tesseract-ocr-spa tesseract-ocr-tha" in done.stdout
    run = octoglot("run", "in", "--schema", "invoice", cwd=folder)
    assert (run.returncode, run.stderr) == (
        2,
        "octoglot: Tesseract lacks 2 packs: spa, tha → apt-get install tesseract-ocr-spa tesseract-ocr-tha\n",
    )


@pytest.mark.parametrize(("name", "said"), [("nope", "is not there"), ("empty", "holds no language packs")])
def test_doctor_says_that_the_folder_of_the_packs_is_none(
    name: str, said: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OCTOGLOT_TESSDATA", str(folder / name))
    findings = json.loads(octoglot("doctor", "--format", "json", cwd=folder).stdout)
    (packs,) = (finding for finding in findings if "packs" in finding["what"])
    assert packs["found"] == f"the folder {folder / name} {said}"
    assert "apt-get" not in packs["next_step"]
