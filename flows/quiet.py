"""Sets this process up for Prefect and Ray: quiet, offline, in a folder of their own; call it before either is imported."""

import os
import tempfile
from pathlib import Path

from pipeline.errors import UsageError

PREFECT = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    "PREFECT_LOGGING_LEVEL": "CRITICAL",
    # Below CRITICAL the embedded server prints tracebacks of cancelled work as it ends.
    "PREFECT_SERVER_LOGGING_LEVEL": "CRITICAL",
}
RAY = {
    "RAY_USAGE_STATS_ENABLED": "0",
    # Under `uv run` the workers otherwise never come up.
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    # Ray's own handler prints a C++ trace at SIGTERM and aborts: the command ends a run in its own way.
    "RAY_DISABLE_FAILURE_SIGNAL_HANDLER": "1",
}


def set_up(state_dir: Path, ray_address: str) -> Path:
    """Set the environment where the user has not, and change to an empty folder.

    The change of folder keeps a `schemas.py` or `pipeline.py` that lies where the command was given from being imported by
    Ray's workers in place of ours. Every path must be absolute before.

    Returns:
        The state folder: `state_dir`, or a temporary one where that cannot be written to.

    Raises:
        UsageError: neither can.
    """
    state_dir = _writable(state_dir.absolute())
    told = {**PREFECT, **RAY, "PREFECT_HOME": str(state_dir / "prefect")}
    # Prefect keeps how a run ended there, by default in the home folder whatever PREFECT_HOME says.
    told["PREFECT_LOCAL_STORAGE_PATH"] = str(state_dir / "prefect" / "storage")
    if not ray_address:
        # Otherwise a private local instance writes a token file into the home folder.
        told["RAY_AUTH_MODE"] = "disabled"
    for name, value in told.items():
        os.environ.setdefault(name, value)
    os.chdir(state_dir / "cwd")
    return state_dir


def _writable(state_dir: Path) -> Path:
    """The state folder with its empty folder in it; a home that is read-only has a substitute in the temporary folder."""
    substitute = Path(tempfile.gettempdir()) / f"octoglot-{os.getuid()}"
    for folder in (state_dir, substitute):
        try:
            (folder / "cwd").mkdir(mode=0o700, parents=True, exist_ok=True)
            # Whose the folder is matters where everyone may write.
            if os.access(folder, os.W_OK) and folder.stat().st_uid == os.getuid():
                return folder
        except OSError:
            continue
    raise UsageError(f"neither {state_dir} nor {substitute} can be written to", "set OCTOGLOT_STATE_DIR to a folder that can")
