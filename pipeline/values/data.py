"""Lists of words and forms that stand beside the code as data: reading one, wherever the package is installed."""

import tomllib
from importlib import resources
from typing import Any


def load_data(name: str, package: str = "pipeline.values") -> dict[str, Any]:
    """The table in the file `name` of `package`, as TOML."""
    return tomllib.loads(resources.files(package).joinpath(name).read_text(encoding="utf-8"))
