"""The real command, with Prefect's server and Ray: what it says, what it leaves, and how it carries on."""

import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import typst

from pipeline import query

pytestmark = pytest.mark.ray

BIN = Path(sys.executable).parent
REPO = Path(__file__).parent.parent
RUN = ("--schema", "invoice", "--engine", "fake")
LINES = (
    r"[\d,]+ documents? to read; starting Ray and Prefect …",
    r"[\d,]+ of [\d,]+ documents? · .* pages? read.*",
    r"pages: .* ok.* documents? in \d+ s → /.*",
    r"[\d,]+ of [\d,]+ needs? review: octoglot sql .*",
    r"next: octoglot sql .*",
    r"quarantined: .* pages?: octoglot sql .*",
)
"""All that a run may say where stderr is no terminal."""


def octoglot(*words: str, cwd: Path, **told: Any) -> subprocess.CompletedProcess[str]:
    """Run the command to its end; `env` adds to the environment, `input` is its stdin."""
    env = {**os.environ, **told.pop("env", {})}
    return subprocess.run([BIN / "octoglot", *words], cwd=cwd, env=env, capture_output=True, text=True, timeout=150, **told)


def start(*words: str, cwd: Path, **env: str) -> subprocess.Popen[str]:
    """Start the command in a process group of its own, as a terminal does."""
    streams: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([BIN / "octoglot", *words], cwd=cwd, env={**os.environ, **env}, start_new_session=True, **streams)


def on_a_terminal(*words: str, cwd: Path, **env: str) -> tuple[int, str]:
    """Run the command with a terminal for all its streams; gives its exit code and what it wrote, without colours and moves."""
    ours, theirs = pty.openpty()
    streams = {"stdin": theirs, "stdout": theirs, "stderr": theirs}
    running = subprocess.Popen([BIN / "octoglot", *words], cwd=cwd, env={**os.environ, **env}, **streams)
    os.close(theirs)
    written = b""
    with suppress(OSError):  # the terminal is gone once the command is
        while part := os.read(ours, 65536):
            written += part
    os.close(ours)
    return running.wait(60), re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", written.decode())


def write(path: Path, *lines: str, pages: int = 1) -> Path:
    """A PDF with these lines as its text."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "\n\n".join(
        lines or (f"seller_name: Firm {path.stem}", "document_number: R-1", "total: 12.50", "issue_date: 2024-03-05")
    )
    path.with_suffix(".typ").write_text("\n#pagebreak()\n".join([text] * pages))
    path.write_bytes(typst.compile(str(path.with_suffix(".typ"))))
    path.with_suffix(".typ").unlink()
    return path


def ask(out: Path, sql: str) -> list[tuple[Any, ...]]:
    with query.connect(str(out)) as connection:
        return query.ask(connection, sql).rows


def names(out: Path, sql: str) -> list[str]:
    return sorted(Path(row[0]).name for row in ask(out, sql))


def wait_for(what: Callable[[], Any], seconds: float = 90) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.1)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working folder with documents below `in`, and with modules that are named as ours and end whoever imports them."""
    top = tmp_path_factory.mktemp("run")
    for name in ("schemas", "pipeline", "flows"):
        (top / f"{name}.py").write_text("raise SystemExit('the wrong module was imported')\n")
    write(top / "in" / "a.pdf")
    write(top / "in" / "deep" / "[b] c.pdf", pages=2)
    write(top / "in" / "killer.pdf", "FAULT-KILL")
    (top / "in" / "empty.pdf").touch()
    (top / "in" / "left out.txt").write_text("not asked for")
    return top


@pytest.fixture(scope="module")
def first(home: Path) -> subprocess.CompletedProcess[str]:
    """The first run of the documents; the tests after it carry on in its results."""
    return octoglot("run", "in", *RUN, "--exclude", "*.txt", "--out", "my results", cwd=home)


def test_a_run_reads_what_it_can_and_says_how_to_see_the_rest(home: Path, first: subprocess.CompletedProcess[str]) -> None:
    assert first.returncode == 3
    assert first.stdout == ""
    for line in first.stderr.splitlines():
        assert any(re.fullmatch(pattern, line) for pattern in LINES), f"noise: {line}"
    ledger = ask(home / "my results", "SELECT source, page, status, reason FROM pages ORDER BY source, page")
    assert [(Path(source).name, *told) for source, *told in ledger] == [
        ("a.pdf", 1, "ok", None),
        ("[b] c.pdf", 1, "ok", None),
        ("[b] c.pdf", 2, "ok", None),
        ("empty.pdf", None, "quarantined", "empty_file"),
        ("killer.pdf", 1, "quarantined", "crash"),
    ]
    assert "pages: 3 ok, 2 quarantined — 4 documents" in first.stderr
    for heading, files in (
        ("quarantined: 2 pages: ", {"empty.pdf", "killer.pdf"}),
        ("next: ", {"Firm a", "Firm [b] c"}),
    ):
        (line,) = (line for line in first.stderr.splitlines() if line.startswith(heading))
        path = f"{BIN}:{os.environ['PATH']}"
        pasted = subprocess.run(
            ["bash", "-c", line.removeprefix(heading) + " --format csv"], env={"PATH": path}, capture_output=True, text=True
        )
        assert pasted.returncode == 0, pasted.stderr
        assert {
            name for name in ("a.pdf", "[b] c.pdf", "empty.pdf", "killer.pdf", "Firm a", "Firm [b] c") if name in pasted.stdout
        } == files
    assert "review" not in first.stderr, "no document needs it"
    record = ask(home / "my results", "SELECT state, documents FROM runs")
    assert record[0][0] == "finished"


def test_the_same_command_again_does_nothing_and_says_so(home: Path, first: subprocess.CompletedProcess[str]) -> None:
    again = octoglot("run", "in", *RUN, "--exclude", "*.txt", "--out", "my results", cwd=home)
    assert again.returncode == 3
    assert again.stderr.startswith("nothing to do: all 4 documents were read before")
    assert "quarantined: 2 of them: octoglot sql" in again.stderr
    good = octoglot("run", "in/a.pdf", "in/de*/*.pdf", *RUN, "--out", str(home / "my results"), cwd=home)
    assert (good.returncode, good.stdout) == (0, "")
    listed = octoglot("run", "-", *RUN, "--out", "my results", "--format", "json", cwd=home, input="in/a.pdf\n")
    assert listed.returncode == 0
    assert '"state": "nothing to do"' in listed.stdout


def test_only_what_is_new_or_changed_is_read(home: Path, first: subprocess.CompletedProcess[str]) -> None:
    write(home / "in" / "new.pdf")
    write(home / "in" / "a.pdf", "seller_name: Another", "document_number: R-2", "total: 3", "issue_date: 2024-03-05")
    (home / "in" / "empty.pdf").unlink()
    write(home / "in" / "deep" / "later.pdf")
    words = ("in", *RUN, "--exclude", "*.txt", "--out", "my results")
    done = octoglot("run", *words, "--no-recursive", cwd=home)
    assert "2 documents to read" in done.stderr
    runs = ask(home / "my results", "SELECT run_id FROM runs ORDER BY started")
    read = names(home / "my results", f"SELECT source FROM documents WHERE run_id = '{runs[-1][0]}'")
    assert read == ["a.pdf", "new.pdf"]
    assert ask(home / "my results", "SELECT seller_name FROM invoice WHERE source LIKE '%/a.pdf'") == [("Another",)]
    assert done.returncode == 3, "killer.pdf was asked for again and is still quarantined"
    plan = octoglot("plan", *words, "--format", "json", cwd=home)
    assert '"to_read": 1' in plan.stdout, "deep/later.pdf"


def test_a_changed_rule_makes_the_results_again_from_what_is_paid_for(home: Path, first: Any, tmp_path: Path) -> None:
    """Octoglot with another rule, and with an engine and a reader of pages that must not be asked."""
    for package in ("pipeline", "schemas", "flows"):
        shutil.copytree(REPO / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    with (tmp_path / "pipeline" / "normalize.py").open("a") as file:
        file.write(
            "\n_before = normalize\n\n\ndef normalize(*told):\n"
            "    return tuple(replace(v, value='By the new rule') if v.path == 'seller_name' else v for v in _before(*told))\n"
            "\n\nfrom dataclasses import replace\n"
        )
    with (tmp_path / "pipeline" / "engines" / "fake.py").open("a") as file:
        file.write("\n\nasync def _no(*told):\n    raise RunError('the engine was asked')\n\n\nFakeEngine.read = _no\n")
    with (tmp_path / "pipeline" / "run.py").open("a") as file:
        file.write("\n\ndef _prepare_page(*told):\n    raise DocumentError(Reason.INTERNAL, 'a page was read')\n")
    out = home / "my results"
    cache = {path: path.stat().st_mtime_ns for path in (out / "cache").rglob("*.gz")}
    good = ("in/a.pdf", "in/deep/[[]b] c.pdf", *RUN, "--out", "my results")
    done = octoglot("run", *good, cwd=home, env={"PYTHONPATH": str(tmp_path)})
    assert (done.returncode, "2 documents to read" in done.stderr) == (0, True), done.stderr
    changed = names(out, "SELECT source FROM invoice WHERE seller_name = 'By the new rule'")
    assert changed == ["[b] c.pdf", "a.pdf"]
    assert {path: path.stat().st_mtime_ns for path in (out / "cache").rglob("*.gz")} == cache


SCHEMA = '''
from schemas.base import DocumentSchema
from schemas.fields import Name, field

class {name}(DocumentSchema):
    """What a firm delivers."""
    seller_name: Name = field("Who", labels={{"en": ["Seller"]}}, required=True)
'''


def test_a_schema_of_the_users_own_as_a_file_and_as_a_module_on_a_terminal(home: Path, tmp_path: Path) -> None:
    (home / "delivery.py").write_text(SCHEMA.format(name="DeliveryNote"))
    words = ("in", "--engine", "fake", "--limit", "1", "--no-recursive", "--exclude", "k*")
    done = octoglot("run", *words, "--schema", "delivery.py", "--out", "own", cwd=home)
    assert done.returncode == 0, done.stderr
    again = octoglot("run", "in/a.pdf", "--engine", "fake", "--schema", "delivery:DeliveryNote", "--out", "own", cwd=home)
    assert "nothing to do" in again.stderr, "the same schema by another name"
    (tmp_path / "parcels.py").write_text(SCHEMA.format(name="Parcel"))
    code, told = on_a_terminal("run", *words, "--schema", "parcels:Parcel", "--out", "own", cwd=home, PYTHONPATH=str(tmp_path))
    assert code == 0, told
    # One document may be read between two looks at it: the bar is seen to move or not.
    assert re.search(r"(starting|reading) ━+ [01]/1 document ·", told)
    assert "Traceback" not in told
    assert (
        told.splitlines()[-1]
        == f'next: octoglot sql "SELECT seller_name, language, confidence FROM parcel" --out {home / "own"}'
    )
    assert len(ask(home / "own", "SELECT d.seller_name FROM delivery_note d JOIN parcel USING (source)")) == 1


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    top = tmp_path_factory.mktemp("many")
    one = write(top / "one.pdf").read_bytes()
    (top / "in").mkdir()
    for number in range(80):
        (top / "in" / f"{number:02}.pdf").write_bytes(one)
    return top


def test_a_run_that_is_ended_leaves_what_is_published_and_the_same_command_carries_on(many: Path) -> None:
    """Ctrl-C (the whole group gets it), SIGTERM and kill -9, one after the other on the same results; then two at once."""
    words = ("run", "in", *RUN, "--out", "out")
    shards = many / "out" / "shards"

    def published() -> int:
        return len(list(shards.glob("*/*/*.parquet")))

    for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)):
        before = published()
        running = start(*words, cwd=many, OCTOGLOT_SHARD_FILES="2")
        wait_for(lambda before=before: published() > before)
        ended = time.monotonic()
        (running.send_signal if number == signal.SIGKILL else lambda n, pid=running.pid: os.killpg(pid, n))(number)
        said, told = running.communicate(timeout=60)
        assert running.returncode == code, told
        assert time.monotonic() - ended < 20
        assert said == ""
        assert "Traceback" not in told
        assert ask(many / "out", "SELECT count(*) FROM documents")[0][0] >= 2 * before + 2
    state = ask(many / "out", "SELECT state FROM runs ORDER BY started")
    assert state == [("stopped",), ("stopped",), ("running",)]
    left = 80 - ask(many / "out", "SELECT count(*) FROM documents")[0][0]
    assert 0 < left < 80
    both = [start(*words, cwd=many) for _ in range(2)]
    for running in both:
        told = running.communicate(timeout=150)[1]
        assert running.returncode == 0, told
        assert f"{left} documents to read" in told
    assert ask(many / "out", "SELECT count(*), count(DISTINCT source), sum(total) FROM invoice") == [(80, 80, 1000)]
    assert not list((many / "out").rglob("*.part"))


def test_an_engine_that_cannot_go_on_ends_the_run_with_its_own_words(tmp_path: Path) -> None:
    write(tmp_path / "in" / "stop.pdf", "FAULT-STOP")
    done = octoglot("run", "in", *RUN, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines()[-1].startswith("octoglot: the page asked the run to stop")
    assert "Traceback" not in done.stderr
    assert ask(tmp_path / "results", "SELECT state FROM runs") == [("failed",)]
