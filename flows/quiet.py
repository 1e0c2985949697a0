"""Sets this process up for Prefect and Ray: quiet, offline, in a folder of their own; call it before either is imported."""

import os
from pathlib import Path

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
}


def set_up(state_dir: Path, ray_address: str) -> None:
    """Set the environment where the user has not, and change to an empty folder.

    The change of folder keeps a `schemas.py` or `pipeline.py` that lies where the command was given from being imported by
    Ray's workers in place of ours. Every path must be absolute before.
    """
    empty = state_dir / "cwd"
    empty.mkdir(parents=True, exist_ok=True)
    told = {**PREFECT, **RAY, "PREFECT_HOME": str(state_dir / "prefect")}
    if not ray_address:
        # Otherwise a private local instance writes a token file into the home folder.
        told["RAY_AUTH_MODE"] = "disabled"
    for name, value in told.items():
        os.environ.setdefault(name, value)
    os.chdir(empty)
