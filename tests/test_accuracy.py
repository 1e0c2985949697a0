"""The main job on real input: samples in eight languages through Ray, Tesseract and the rules, judged by their truth."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline import query

pytestmark = pytest.mark.ray

OCTOGLOT = Path(sys.executable).with_name("octoglot")
SAMPLES = Path(__file__).parent.parent / "sample_data"
QUICK = ("digital", "scan", "png", "jpeg", "bilevel")
"""Looks that are quick to read; where a language has none of them, any clean one will do."""


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of a run over a clean invoice and a clean receipt of every language."""
    folder = tmp_path_factory.mktemp("accuracy")
    lines = (SAMPLES / "truth.jsonl").read_text(encoding="utf-8").splitlines()
    clean = [told for told in map(json.loads, lines) if told["clean"] and told["schema"] in ("invoice", "receipt")]
    chosen = {}
    for told in sorted(clean, key=lambda told: told["look"] not in QUICK):
        chosen.setdefault((told["schema"], told["language"]), told)
    for schema in ("invoice", "receipt"):
        paths = [str(SAMPLES / told["file"]) for told in chosen.values() if told["schema"] == schema]
        done = subprocess.run(
            [OCTOGLOT, "run", "-", "--schema", schema, "--out", folder / "out"],
            input="\n".join(paths),
            capture_output=True,
            text=True,
            timeout=240,
            cwd=folder,
        )
        assert done.returncode == 0, done.stderr
    truth = [{**told, "file": str(SAMPLES / told["file"])} for told in chosen.values()]
    (folder / "truth.jsonl").write_text("\n".join(json.dumps(line, ensure_ascii=False) for line in truth), encoding="utf-8")
    return folder


def test_clean_documents_of_every_language_are_read_right(results: Path) -> None:
    done = subprocess.run(
        [OCTOGLOT, "evaluate", "--truth", "truth.jsonl", "--out", "out", "--format", "json"],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=results,
    )
    (report,) = json.loads(done.stdout)
    assert set(report["by_language"]) == {"en", "de", "fr", "it", "pt", "hi", "es", "th"}
    assert report["missing"] == []
    assert report["overall"]["recall"] >= 0.9, report["failures"]
    assert report["overall"]["precision"] >= 0.95, report["failures"]
    for language, tally in report["by_language"].items():
        assert tally["recall"] >= 0.75, (language, report["failures"])


def test_a_value_says_where_it_stands_and_how_sure_it_is(results: Path) -> None:
    with query.connect(str(results / "out")) as connection:
        rows = query.ask(connection, "SELECT status, page, x0, y0, x1, y1, confidence, path, verbatim FROM fields").rows
    found = [row for row in rows if row[0] in ("exact", "normalized", "fuzzy")]
    assert len(found) > 0.97 * len(rows), [row for row in rows if row not in found]
    for _, page, x0, y0, x1, y1, confidence, path, verbatim in found:
        assert page >= 1
        assert 0 <= x0 < x1 <= 1, (path, verbatim)
        assert 0 <= y0 < y1 <= 1, (path, verbatim)
        assert 0 < confidence <= 1


def test_sql_sums_over_typed_columns(results: Path) -> None:
    with query.connect(str(results / "out")) as connection:
        (answer,) = query.ask(
            connection, "SELECT count(*), sum(total), min(issue_date) FROM invoice WHERE total IS NOT NULL"
        ).rows
        lines = query.ask(connection, "SELECT count(*) FROM invoice_line_items").rows[0][0]
    assert answer[0] >= 7
    assert answer[1] > 0
    assert answer[2].year >= 2000
    assert lines > 20
