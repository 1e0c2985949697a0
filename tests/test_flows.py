"""The flow in Prefect's eyes: ranges of shards, names that say what runs, a report; and the folder a run keeps its state in."""

import json
import os
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from flows.quiet import set_up
from flows.server import local_server
from pipeline.errors import UsageError
from pipeline.records import Shard, Status
from tests.conftest import Made
from tests.test_run import BIN, RUN, octoglot, wait_for, write


@pytest.mark.parametrize(("shards", "tasks", "longest"), [(0, 0, 0), (1, 1, 1), (200, 200, 1), (201, 101, 2), (9999, 200, 50)])
def test_a_run_has_few_tasks_whatever_its_size(shards: int, tasks: int, longest: int) -> None:
    from flows.batch import shard_ranges

    ranges = shard_ranges(tuple(Shard(index, ()) for index in range(shards)))
    assert len(ranges) == tasks
    assert [index for first, last in ranges for index in range(first, last + 1)] == list(range(shards))
    assert max((last - first + 1 for first, last in ranges), default=0) == longest


@pytest.fixture
def api(tmp_path: Path) -> Iterator[str]:
    """A standing server, as a user would start it."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    env = {**os.environ, "PREFECT_HOME": str(tmp_path / "prefect"), "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}
    command = [BIN / "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port), "--no-ui"]
    with (tmp_path / "server.log").open("wb") as log:
        server = subprocess.Popen(command, env=env, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}/api"
    try:
        wait_for(lambda: _answers(url))
        yield url
    finally:
        server.terminate()
        server.wait(30)


def _answers(url: str) -> bool:
    with suppress(OSError), urllib.request.urlopen(f"{url}/health", timeout=5) as answer:
        return bool(answer.read() == b"true")
    return False


def _all(url: str, what: str) -> list[dict[str, Any]]:
    body = {"headers": {"Content-Type": "application/json"}, "data": b"{}", "method": "POST"}
    with urllib.request.urlopen(urllib.request.Request(f"{url}/{what}/filter", **body), timeout=30) as answer:
        rows: list[dict[str, Any]] = json.load(answer)
    return rows


@pytest.mark.ray
def test_a_standing_server_shows_the_run_its_shards_and_a_report(api: str, tmp_path: Path) -> None:
    for number in range(3):
        write(tmp_path / "in" / f"{number}.pdf")
    env = {"PREFECT_API_URL": api, "OCTOGLOT_SHARD_FILES": "2"}
    done = octoglot("run", "in", *RUN, cwd=tmp_path, env=env)
    assert done.returncode == 0, done.stderr
    (flow,) = _all(api, "flow_runs")
    run_id = flow["parameters"]["run_id"]
    assert (flow["name"], flow["state_name"]) == (f"invoice {run_id}", "Completed")
    assert (tmp_path / "results" / "runs" / f"{run_id}.json").is_file()
    tasks = {task["name"]: task["state_name"] for task in _all(api, "task_runs")}
    assert tasks == {"shard 1 of 2": "Completed", "shard 2 of 2": "Completed"}
    (artifact,) = _all(api, "artifacts")
    assert artifact["type"] == "markdown"
    assert "3 documents in" in artifact["data"]
    assert "| ok | 3 | 3 |" in artifact["data"]


@pytest.mark.ray
def test_a_server_that_is_not_there_is_told_in_one_line(tmp_path: Path) -> None:
    write(tmp_path / "in" / "a.pdf")
    done = octoglot("run", "in", *RUN, cwd=tmp_path, env={"PREFECT_API_URL": "http://127.0.0.1:1/api"})
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines()[-1].startswith("octoglot: Prefect cannot run the flow")
    assert "Traceback" not in done.stderr


def test_the_servers_child_ends_with_its_parent_however_that_ends(tmp_path: Path) -> None:
    set_up_and_serve = f"""
import os, time
from pathlib import Path
from flows.quiet import set_up
from flows.server import local_server
with local_server(set_up(Path({str(tmp_path)!r}), "") / "log"):
    print(os.environ["PREFECT_API_URL"], flush=True)
    time.sleep(600)
"""
    parent = subprocess.Popen([sys.executable, "-c", set_up_and_serve], stdout=subprocess.PIPE, text=True)
    assert parent.stdout
    url = parent.stdout.readline().strip()
    wait_for(lambda: _answers(url))
    parent.kill()
    parent.communicate(timeout=30)
    wait_for(lambda: not _answers(url), 30)


def test_a_server_that_the_user_named_is_left_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "http://elsewhere/api")
    with local_server(tmp_path / "log"):
        assert os.environ["PREFECT_API_URL"] == "http://elsewhere/api"
    assert not (tmp_path / "log").exists()


def test_a_state_folder_that_cannot_be_made_has_a_substitute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.environ", {**os.environ, "PREFECT_HOME": "kept"})
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (tmp_path / "file").touch()
    folder = set_up(tmp_path / "file" / "octoglot", "")
    assert folder == tmp_path / f"octoglot-{os.getuid()}"
    assert Path.cwd() == folder / "cwd"
    assert os.environ["PREFECT_HOME"] == "kept"
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "file"))
    with pytest.raises(UsageError, match="can be written to"):
        set_up(tmp_path / "file" / "octoglot", "")


def test_only_what_the_view_shows_can_need_review(made: Made) -> None:
    from flows.workers import Counts

    counts = Counts()
    for status in Status:
        counts.add(made("/in/a", status=status, review_reasons=("conflict: total",)))
    assert (counts.review, counts.usable) == (3, 3)
