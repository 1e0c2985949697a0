"""The bench for a GPU runs as far as a CPU goes, and says what it lacks."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.vllm, pytest.mark.timeout(240)]

BENCH = [sys.executable, "-m", "tests.bench.mllama_gpu"]


def test_a_setting_is_measured_with_a_tiny_model(tmp_path: Path) -> None:
    flags = ["--tiny", "--lengths", "p50", "--max-num-seqs", "2", "--images-a-step", "1", "--out", str(tmp_path / "told.json")]
    told = subprocess.run([*BENCH, *flags], capture_output=True, text=True)
    assert told.returncode == 0, told.stdout + told.stderr
    (row,) = json.loads((tmp_path / "told.json").read_text())["rows"]
    assert row["setting"]["max_num_seqs"] == 2 and row["pages"] == 8
    assert row["pages_s"] > 0 and row["to_first_ms"] > 0 and row["kv_blocks"] > 0


def test_without_a_gpu_it_says_so() -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    told = subprocess.run(BENCH, capture_output=True, text=True)
    assert told.returncode == 2 and told.stderr.count("\n") == 1 and "no GPU" in told.stderr
