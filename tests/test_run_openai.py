"""The whole command against vLLM's own server, which is killed in the middle of a run: nothing is lost, and the run says so."""

import shutil
from collections.abc import Callable
from pathlib import Path
from threading import Thread

import pytest

from tests.serving import Server
from tests.test_run import REPO, ask, octoglot, wait_for, write

pytestmark = [pytest.mark.vllm, pytest.mark.ray, pytest.mark.timeout(600)]

PAGES = 40


@pytest.fixture
def home(tmp_path: Path) -> Path:
    for number in range(PAGES // 4):
        write(tmp_path / "in" / f"{number:02}.pdf", f"Rechnung R-{number}", "Summe 3,20 EUR", pages=4)
    shutil.copy(REPO / "tests" / "slip.py", tmp_path)
    (tmp_path / "octoglot.toml").write_text("image_px = 200\nanswer_tokens = 1500\nrequests = 4\n")
    return tmp_path


def run(home: Path, vllm_server: Server, wait_s: float) -> tuple[int, str]:
    """Run the command; gives its exit code and what it said."""
    words = ("run", "in", "--schema", "slip.py", "--base-url", vllm_server.base_url, "--model", "tiny", "--out", "results")
    done = octoglot(*words, cwd=home, env={"OCTOGLOT_SERVER_WAIT_S": str(wait_s)})
    return done.returncode, done.stderr


def meanwhile(vllm_server: Server, answers: int, then: Callable[[], None]) -> Thread:
    """Do something once the server has given so many more answers."""
    before = given(vllm_server)

    def go() -> None:
        wait_for(lambda: given(vllm_server) >= before + answers, 120)
        then()

    thread = Thread(target=go)
    thread.start()
    return thread


def given(vllm_server: Server) -> int:
    return vllm_server.log.read_text("utf-8", "replace").count("POST /v1/chat/completions")


def ledger(home: Path) -> dict[tuple[str, str | None], int]:
    rows = ask(home / "results", "SELECT status, reason, count(*) FROM pages GROUP BY ALL")
    return {(status, reason): number for status, reason, number in rows}


def test_a_server_that_is_killed_in_mid_run_and_comes_back_costs_nothing(home: Path, vllm_server: Server) -> None:
    def restart() -> None:
        vllm_server.kill()
        vllm_server.start()

    killing = meanwhile(vllm_server, 8, restart)
    code, said = run(home, vllm_server, wait_s=200)
    killing.join()
    assert f"the server at {vllm_server.base_url} is gone: waiting up to 200 s for it" in said, said
    assert f"the server at {vllm_server.base_url} is back" in said
    told = ledger(home)
    assert sum(told.values()) == PAGES
    # Two deaths would condemn a page; there was one. What a model of random weights cannot end is its own fault.
    assert {reason for _, reason in told} <= {None, "asked_twice", "answer_cut", "answer_invalid"}
    assert code == (3 if any(status == "quarantined" for status, _ in told) else 0)


def test_a_server_that_is_gone_costs_what_is_in_hand_and_the_next_run_reads_it(home: Path, vllm_server: Server) -> None:
    killing = meanwhile(vllm_server, 8, vllm_server.kill)
    code, said = run(home, vllm_server, wait_s=2)
    killing.join()
    assert code == 3, said
    assert f"the server at {vllm_server.base_url} was gone for 2 s: given up" in said
    told = ledger(home)
    assert sum(told.values()) == PAGES
    lost = told[("quarantined", "engine_failed")]
    assert 0 < lost < PAGES
    refused, why = run(home, vllm_server, wait_s=2)
    assert refused == 2 and f"there is no server at {vllm_server.base_url}" in why and "starting" not in why
    vllm_server.start()
    before = given(vllm_server)
    code, said = run(home, vllm_server, wait_s=2)
    assert sum(ledger(home).values()) == PAGES
    assert ("quarantined", "engine_failed") not in ledger(home), said
    # Only what is lacking is asked for again (a page twice at most, and one request to begin with).
    assert given(vllm_server) - before <= 2 * (PAGES - told.get(("ok", None), 0)) + 1
