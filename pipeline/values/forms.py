"""Legal forms of companies as they are spelt, where OCR misread a letter: capitals that are no word it misreads most."""

import re
import tomllib
from functools import cache
from importlib import resources


def spell_forms(text: str) -> str:
    """`text` with the legal forms in it spelt as they are: `LEE FLORIST SON BHD` → `LEE FLORIST SDN BHD`."""
    for read, spelt in _forms():
        text = read.sub(spelt, text)
    return text


@cache
def _forms() -> tuple[tuple[re.Pattern[str], str], ...]:
    told = tomllib.loads(resources.files("pipeline.values").joinpath("forms.toml").read_text(encoding="utf-8"))
    return tuple((re.compile(form["read"]), form["spelt"]) for form in told["form"])
