"""Legal forms of companies as they are spelt, where OCR misread a letter: capitals that are no word it misreads most."""

import re
from functools import cache

from pipeline.values.data import load_data


def spell_forms(text: str) -> str:
    """`text` with the legal forms in it spelt as they are: `LEE FLORIST SON BHD` → `LEE FLORIST SDN BHD`."""
    for read, spelt in _forms():
        text = read.sub(spelt, text)
    return text


@cache
def _forms() -> tuple[tuple[re.Pattern[str], str], ...]:
    told = load_data("forms.toml")
    return tuple((re.compile(form["read"]), form["spelt"]) for form in told["form"])
