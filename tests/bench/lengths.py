"""How long prompts and answers of real pages are, and how many tiles: `python -m tests.bench.lengths [FOLDER...]`.

Pages are prepared, and prompts written, as the `vllm` engine has them: the page's words from its text layer or by OCR, its
image of the size that the model's profile names. A folder with a truth.jsonl is asked for by the schemas that stand there, any
other by --schema. Answers are made of the truth, of documents of one page: a value in it stands for its print, and a field that
it does not tell is null, so that a thin truth makes short answers. The truth of the sample folder is whole.
"""

import argparse
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table

from pipeline import run
from pipeline.discover import discover
from pipeline.errors import DocumentError
from pipeline.evaluate import Truth, read_truth
from pipeline.extract import settle
from pipeline.prompts import Prompts
from pipeline.records import Frame, PageWords
from pipeline.settings import Settings
from schemas.base import Schema, specs
from schemas.fields import Kind
from schemas.registry import load_schema
from tests.bench.work import source_of

SAMPLES = Path(__file__).parents[2] / "sample_data"

CHAT_TOKENS = 11
"""Of Llama 3.2 Vision's chat template round a prompt with an image: begin, a head of four tokens, the image's mark, the end of
the turn, and the head of the answer."""

LETTERS = re.compile(
    "(?P<thai>[\u0e00-\u0e7f])|(?P<devanagari>[\u0900-\u097f])|(?P<digit>\\d)|(?P<mark>[^\\w\\s])|(?P<other>.)", re.DOTALL
)

LETTERS_A_TOKEN = {"thai": 2.15, "devanagari": 1.84, "digit": 1.18, "mark": 2.83, "other": 3.86}
"""Of Llama 3's tokenizer, where none is given: least squares over the prompts and answers of the sample folder, of which half
are estimated within 2 %, 95 % within 7 %."""

Count = Callable[[str], int]
"""The tokens of a text."""


@dataclass(frozen=True)
class Sized:
    """A page: tokens of its prompt with the chat template, and of its answer where the truth tells one; tiles of its image."""

    source: str
    schema: str
    language: str
    prompt: int
    answer: int | None
    tiles: int


def main() -> None:
    """Measure the folders, and print a table by language."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path, default=[SAMPLES], help="default: sample_data/")
    parser.add_argument("--schema", default="invoice", help="what a folder without a truth.jsonl is asked for")
    parser.add_argument("--model", default="llama-3.2-11b-vision", help="the profile that says how large an image is")
    parser.add_argument("--tokenizer", type=Path, help="a tokenizer.json; default: an estimate, see LETTERS_A_TOKEN")
    parser.add_argument("--out", type=Path, help="a JSON file for each page's figures")
    told = parser.parse_args()
    count = counter(told.tokenizer)
    settings = settle(Settings(engine="vllm", model=told.model))
    console = Console(width=128)
    pages = []
    for folder in told.folders:
        for truth in documents(folder, told.schema):
            try:
                pages += sized(truth, settings, count)
            except DocumentError as error:
                console.print(f"left out: {truth.file}: {error.message}")
    bare = {name: len_of_prompt(load_schema(name), settings, count) for name in sorted({page.schema for page in pages})}
    console.print(table(pages), f"tokens counted by {told.tokenizer or 'estimate'}; prompts without a page's words: {bare}")
    if told.out:
        told.out.write_text(json.dumps([asdict(page) for page in pages], indent=1, ensure_ascii=False), encoding="utf-8")


def counter(tokenizer: Path | None) -> Count:
    """Counts tokens with a tokenizer.json, else by the kinds of letters that a text is made of."""
    if tokenizer is None:
        return lambda text: round(sum(number / LETTERS_A_TOKEN[kind] for kind, number in kinds(text).items()))
    from tokenizers import Tokenizer

    whole = Tokenizer.from_file(str(tokenizer))
    return lambda text: len(whole.encode(text, add_special_tokens=False).ids)


def kinds(text: str) -> Counter[str]:
    """How many letters of each kind a text has."""
    return Counter(str(found.lastgroup) for found in LETTERS.finditer(text))


def documents(folder: Path, schema: str) -> Iterator[Truth]:
    """What lies in the folder, with all that is known of it; of a truth.jsonl, the documents whose schema is known."""
    truth = folder / "truth.jsonl"
    if truth.is_file():
        yield from (one for one in read_truth(str(truth)) if one.schema)
    else:
        yield from (Truth(source.uri, schema) for source in discover([str(folder)]).sources)


def sized(truth: Truth, settings: Settings, count: Count) -> Iterator[Sized]:
    """The pages of a document that would be shown to a model."""
    schema = load_schema(truth.schema)
    prompts = Prompts(schema, settings.wording, settings.prompt_tokens)
    source = source_of(truth.file)
    number = run.survey(source, settings).page_count
    answer = count(answer_of(truth, schema)) + 1 if truth.fields and number == 1 else None  # and the token that ends it
    for prepared in run.prepare(source, range(1, number + 1), "und", settings, True):
        if prepared.words is None or prepared.words.blank or prepared.image is None:
            continue
        prompt = count(prompts.page(prepared.words, number)) + CHAT_TOKENS
        language = truth.language if truth.language != "und" else prepared.words.language
        yield Sized(truth.file, truth.schema, language, prompt, answer, tiles_of(*prepared.image.shape[:2]))


def answer_of(truth: Truth, schema: Schema) -> str:
    """What a model would write of the truth, with the spaces that the grammar asks for: after each comma and colon."""
    told: dict[str, Any] = {}
    for spec in specs(schema):
        if spec.kind is Kind.TABLE:
            rows = truth.line_items or truth.fields.get(spec.name) or ()
            told[spec.name] = [{column.name: _print_of(row.get(column.name)) for column in spec.columns} for row in rows]
        else:
            told[spec.name] = _print_of(truth.fields.get(spec.name))
    return json.dumps(told, ensure_ascii=False)


def _print_of(value: Any) -> str | None:
    """A value of the truth as text; of several that are all right, the first."""
    first = value[0] if isinstance(value, list) and value else value
    return None if first in (None, "", []) else str(first)


def tiles_of(height: int, width: int) -> int:
    """The 560 px tiles that Llama 3.2 Vision's processor lays under an image."""
    from transformers.models.mllama.image_processing_pil_mllama import get_optimal_tiled_canvas

    across = get_optimal_tiled_canvas(height, width, max_image_tiles=4, tile_size=560)
    return int(across[0] * across[1]) // 560**2


def len_of_prompt(schema: Schema, settings: Settings, count: Count) -> int:
    """Tokens of a prompt for a page without words: what every page costs."""
    return count(Prompts(schema, settings.wording).page(PageWords(1, Frame(1, 1)), 1)) + CHAT_TOKENS


def table(pages: Sequence[Sized]) -> Table:
    """The figures by language, and of all pages."""
    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    names = ("pages", "prompt p50", "p95", "most", "answers", "answer p50", "p95", "most", *(f"{n} tiles" for n in range(1, 5)))
    for name in ("language", *names):
        shown.add_column(name, justify="left" if name == "language" else "right")
    languages = sorted({page.language for page in pages})
    for language in [*languages, "all"]:
        those = [page for page in pages if language in (page.language, "all")]
        answers = [page.answer for page in those if page.answer is not None]
        share = Counter(page.tiles for page in those)
        shown.add_row(
            language,
            str(len(those)),
            *_spread(page.prompt for page in those),
            str(len(answers)),
            *_spread(answers),
            *(f"{share[number] / len(those):.0%}" for number in range(1, 5)),
            end_section=language == languages[-1],
        )
    return shown


def _spread(lengths: Iterable[int]) -> tuple[str, ...]:
    """Median, 95th percentile and maximum."""
    told = list(lengths)
    return tuple(f"{np.percentile(told, share):,.0f}" for share in (50, 95, 100)) if told else ("–",) * 3


if __name__ == "__main__":
    main()
