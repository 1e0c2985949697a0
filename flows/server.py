"""Prefect's own server for a run that is told of none: a child that starts early, survives Ctrl-C and ends with the command.

`python -m flows.server FD` is that child. It serves on a socket that is open already, so no other run can take its port, and
a request that comes early waits for its answer. It ends when its stdin does, that is when the command ends, however it ends.
"""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

API = "PREFECT_API_URL"
END_TIMEOUT_S = 5.0
"""Seconds that the server may take to put its last records away."""


@contextmanager
def local_server(log: Path) -> Iterator[None]:
    """Have a server for as long as the block runs, and its address where Prefect looks for it; call it after `set_up`."""
    if os.environ.get(API):
        yield
        return
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener, log.open("ab") as out:
        port = listener.getsockname()[1]
        command = [sys.executable, "-P", "-m", "flows.server", str(listener.fileno())]
        # A session of its own: Ctrl-C in a terminal reaches the whole group, and the flow still has its end to tell.
        streams: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": out, "stderr": out}
        child = subprocess.Popen(command, **streams, pass_fds=[listener.fileno()], start_new_session=True)
    os.environ[API] = f"http://127.0.0.1:{port}/api"
    try:
        yield
    finally:
        del os.environ[API]
        assert child.stdin
        child.stdin.close()
        try:
            child.wait(END_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _serve(descriptor: int) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    import uvicorn
    from prefect.server.api.server import create_app

    uvicorn.run(create_app(ephemeral=True, final=True), fd=descriptor, log_level="critical", timeout_graceful_shutdown=2)


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)
    threading.Event().wait(END_TIMEOUT_S)
    os._exit(1)


if __name__ == "__main__":
    _serve(int(sys.argv[1]))
