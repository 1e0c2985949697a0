"""Runs vLLM's own OpenAI server on this machine for a test: started, killed, started again on the same port."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.tiny import ENGINE, QUIET

START_TIMEOUT_S = 240
STOP_TIMEOUT_S = 30

ENVIRONMENT = QUIET | {
    # The model in the process that schedules it: one process fewer to start, which is most of what a tiny model takes.
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
    # Bound to a core, that process and the threads that compile grammars in it would wait for each other.
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "OMP_NUM_THREADS": "1",
}
"""What vLLM starts fastest with, on its own or in this process by `AsyncLLM`."""


class Server:
    """One server; it listens on loopback only."""

    def __init__(self, checkpoint: Path, log: Path, *, port: int = 0, extra_args: Sequence[str] = ()) -> None:
        self.port = port or _free_port()
        self.root = f"http://127.0.0.1:{self.port}"
        self.base_url = f"{self.root}/v1"
        self.log = log
        self.process: subprocess.Popen[bytes] | None = None
        self._command = [sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model", str(checkpoint)]
        self._command += ["--served-model-name", "tiny", "--host", "127.0.0.1", "--port", str(self.port)]
        self._command += [*_flags(ENGINE), *extra_args]

    def start(self) -> None:
        """Start it and wait until it answers; raises RuntimeError with the end of its log where it does not."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self._command, stdout=log, stderr=log, env=os.environ | ENVIRONMENT, start_new_session=True
            )
        limit = time.monotonic() + START_TIMEOUT_S
        while not self._healthy():
            if self.process.poll() is not None or time.monotonic() > limit:
                self.kill()
                raise RuntimeError(f"the server did not start; the end of {self.log}:\n{self.log.read_text()[-4000:]}")
            time.sleep(0.1)

    def kill(self) -> None:
        """End it at once, as a crash would, with all its processes."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it as a person would, and what does not end so by force."""
        self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> None:
        if self.process is None:
            return
        for each in dict.fromkeys((how, signal.SIGKILL)):
            try:
                os.killpg(self.process.pid, each)
                self.process.wait(STOP_TIMEOUT_S)
            except (ProcessLookupError, subprocess.TimeoutExpired):
                continue
        self.process.wait()
        self.process = None

    def _healthy(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.root}/health", timeout=5) as reply:
                return bool(reply.status == 200)
        except (urllib.error.URLError, OSError):
            return False


@contextmanager
def openai_server(checkpoint: Path, log: Path, *, port: int = 0, extra_args: Sequence[str] = ()) -> Iterator[Server]:
    """A server that answers as long as the block runs; `port` 0 takes a free one."""
    server = Server(checkpoint, log, port=port, extra_args=extra_args)
    try:
        server.start()
        yield server
    finally:
        server.stop()


def _flags(engine: dict[str, object]) -> list[str]:
    """The engine's arguments as the command line takes them: true as a flag, false as --no-flag, objects as JSON."""
    flags: list[str] = []
    for name, value in engine.items():
        flag = name.replace("_", "-")
        if isinstance(value, bool):
            flags.append(f"--{flag}" if value else f"--no-{flag}")
        else:
            flags += [f"--{flag}", json.dumps(value) if isinstance(value, dict) else str(value)]
    return flags


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
