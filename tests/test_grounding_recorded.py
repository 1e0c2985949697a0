"""Grounding of answers that were not made from the words: the truth of sample documents as a vision model writes it.

Names in capitals and without accents, addresses on one line, ISO dates, numbers without thousands, numbers without spaces; no
places, no confidences. Beside them what a model makes up: rows that are not there, digits changed and swapped, days off.
"""

import json
import random
import re
import unicodedata
from collections import defaultdict
from dataclasses import replace
from datetime import date, timedelta
from functools import cache
from pathlib import Path

import pytest

from pipeline import run
from pipeline.ground import ground
from pipeline.normalize import normalize
from pipeline.records import Box, Frame, Grounding, Leaf, PageWords, Source, Value
from pipeline.settings import Settings
from schemas.base import spec_at
from schemas.fields import LANGUAGES, Kind
from schemas.registry import load_schema

SAMPLES = Path(__file__).parent.parent / "sample_data"
FOUND = (Grounding.EXACT, Grounding.NORMALIZED, Grounding.FUZZY)
COLUMNS = ("description", "quantity", "unit_price", "amount")


@cache
def documents(language: str) -> list[tuple[dict, list[PageWords]]]:
    """Two clean invoices and a receipt in a language, born digital where there are such, with their words."""
    told = [json.loads(line) for line in (SAMPLES / "truth.jsonl").read_text(encoding="utf-8").splitlines()]
    told = [line for line in told if line["language"] == language and line.get("clean", True)]
    digital = sorted(told, key=lambda line: ("digital" not in line["file"], line["file"]))
    chosen = [line for line in digital if line["schema"] == "invoice"][:2] + [
        line for line in told if line["schema"] == "receipt"
    ][:1]
    found = []
    for line in chosen:
        source, settings = Source(str(SAMPLES / line["file"]), 1, "1"), Settings()
        pages = run.prepare(source, range(1, run.survey(source, settings).page_count + 1), "und", settings, False)
        # In the reading frame, so that rows are level and columns upright whatever was done to the paper.
        upright = [replace(p.words, frame=Frame(*p.words.frame.upright)) for p in pages if p.words and not p.words.blank]
        found.append((line, upright))
    return found


def as_a_model_writes(kind: Kind, value: str, chance: random.Random) -> str:
    """A true value in another writing than the print's."""
    if kind in (Kind.NAME, Kind.TEXT):
        plain = "".join(c for c in unicodedata.normalize("NFD", value) if not "\u0300" <= c <= "\u036f")
        return chance.choice((value.upper(), unicodedata.normalize("NFC", plain), value))
    if kind is Kind.ADDRESS:
        return value.replace("\n", chance.choice((", ", " ", "\n")))
    return re.sub(r"\s", "", value) if kind is Kind.IDENTIFIER else value


def answer(line: dict) -> list[Leaf]:
    """The truth of a document as a model's answer."""
    schema, chance, leaves = load_schema(line["schema"]), random.Random(line["file"]), []
    for name, value in line["fields"].items():
        kind = spec_at(schema, name).kind if name in schema.model_fields else Kind.TABLE
        if isinstance(value, str) and kind not in (Kind.CURRENCY, Kind.CHOICE, Kind.TABLE):
            leaves.append(Leaf(name, as_a_model_writes(kind, value, chance)))
    for number, row in enumerate(line["fields"].get("line_items", ())):
        for column in COLUMNS:
            if row.get(column):
                path = f"line_items[{number}].{column}"
                leaves.append(Leaf(path, as_a_model_writes(spec_at(schema, path).kind, row[column], chance)))
    return leaves


def grounded(line: dict, page: PageWords, leaves: list[Leaf]) -> dict[str, Value]:
    schema = load_schema(line["schema"])
    paths = {leaf.path for leaf in leaves}
    values = ground(normalize(leaves, schema, page), schema, page)
    return {value.path: value for value in values if value.path in paths}


def under(box: Box, page: PageWords) -> str:
    """The print whose words have their middle in a box."""
    frames = [page.frame.to_page(word.box) for word in page.words]
    inside = [(b[0] + b[2]) / 2 > box[0] and (b[0] + b[2]) / 2 < box[2] and box[1] < (b[1] + b[3]) / 2 < box[3] for b in frames]
    return " ".join(word.text for word, here in zip(page.words, inside, strict=True) if here)


def digits(text: str) -> str:
    return "".join(str(unicodedata.decimal(c)) for c in text if c.isdecimal())


def letters(text: str) -> str:
    plain = "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if unicodedata.category(c)[0] in "LN")
    return plain.translate(str.maketrans("oil", "011"))


def holds(kind: Kind, value: str, print_: str) -> bool:
    """Whether print is a writing of a true value: judged here without any of octoglot's own reading."""
    if kind is Kind.DATE:
        year, _, day = value.split("-")
        years = {year[2:], str(int(year) + 543)[2:]}
        return any(y in digits(print_) for y in years) and str(int(day)) in digits(print_)
    if kind in (Kind.MONEY, Kind.NUMBER):
        wanted = {digits(value), digits(value.rstrip("0").rstrip(".")) if "." in value else digits(value)}
        return any(digits(print_).rstrip("0") == one.rstrip("0") for one in wanted)
    mine, its = letters(value), letters(print_)
    if kind is Kind.IDENTIFIER:
        return mine in its or (abs(len(its) - len(mine)) <= 1 and sum(c in its for c in mine) >= 0.9 * len(mine))
    return sum(c in its for c in mine) >= 0.8 * len(mine) and len(its) <= 1.35 * len(mine) + 4


@pytest.mark.parametrize("language", LANGUAGES)
def test_true_values_are_found_where_they_are_printed(language: str) -> None:
    tally: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for line, pages in documents(language):
        schema, leaves = load_schema(line["schema"]), answer(line)
        best: dict[str, Value] = {}
        for page in pages:
            for path, value in grounded(line, page, leaves).items():
                if value.status in FOUND and path not in best:
                    best[path] = value
                    kind = spec_at(schema, path).kind
                    verbatim = next(leaf.verbatim for leaf in leaves if leaf.path == path)
                    assert holds(kind, verbatim, under(value.box, page)), (line["file"], path, verbatim, under(value.box, page))
        for leaf in leaves:
            tally["cell" if "[" in leaf.path else "field"][leaf.path in best] += 1
    assert tally["field"][1] >= 0.85 * sum(tally["field"]), dict(tally)
    assert tally["cell"][1] >= 0.85 * sum(tally["cell"]), dict(tally)


@pytest.mark.parametrize("language", LANGUAGES)
def test_cells_stand_in_rows_and_columns(language: str) -> None:
    judged = 0
    for line, pages in documents(language):
        for page in pages:
            cells = {p: v for p, v in grounded(line, page, answer(line)).items() if "[" in p and v.box}
            for column in COLUMNS[1:]:
                rights = [(v.box[0] + v.box[2]) / 2 for p, v in cells.items() if p.endswith(f".{column}")]
                if rights:
                    judged += 1
                    assert max(rights) - min(rights) < 0.12, (line["file"], column, rights)
            rows = defaultdict(list)
            for path, value in cells.items():
                rows[path.partition(".")[0]].append(value.box)
            tops = [min(box[1] for box in boxes) for boxes in rows.values()]
            assert tops == sorted(tops), line["file"]
            for one, next_ in zip(rows.values(), list(rows.values())[1:], strict=False):
                assert max(box[1] for box in one) < max(box[3] for box in next_), line["file"]
    assert judged


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_a_model_makes_up_is_not_found(language: str) -> None:
    for line, pages in documents(language):
        schema, chance = load_schema(line["schema"]), random.Random(line["file"])
        for page in pages:
            printed, days = digits(" ".join(word.text for word in page.words)), set(map(str, line["fields"].values()))
            for leaf in answer(line):
                kind = spec_at(schema, leaf.path).kind
                if "[" in leaf.path or kind not in (Kind.MONEY, Kind.DATE, Kind.IDENTIFIER):
                    continue
                wrong = _near_miss(kind, leaf.verbatim, chance)
                if wrong and wrong not in days and (kind is Kind.DATE or digits(wrong) not in printed):
                    (value,) = grounded(line, page, [Leaf(leaf.path, wrong)]).values()
                    assert value.status is Grounding.NOT_FOUND, (line["file"], leaf.path, leaf.verbatim, wrong)
            rows = line["fields"].get("line_items", ())
            made_up = [
                Leaf(f"line_items[{len(rows)}].description", "Polar expedition kit"),
                Leaf(f"line_items[{len(rows)}].quantity", "1"),
            ]
            made_up.append(Leaf(f"line_items[{len(rows)}].amount", "777.77"))
            values = grounded(line, page, [*answer(line), *made_up])
            assert {values[leaf.path].status for leaf in made_up} == {Grounding.NOT_FOUND}, line["file"]


def _near_miss(kind: Kind, value: str, chance: random.Random) -> str:
    """A value that is almost another one."""
    if kind is Kind.DATE:
        return str(date.fromisoformat(value) + timedelta(days=chance.choice((-1, 1, 365))))
    at = chance.choice([index for index, letter in enumerate(value) if letter.isdigit()] or [-1])
    return f"{value[:at]}{(int(value[at]) + chance.randint(1, 9)) % 10}{value[at + 1 :]}" if at >= 0 else ""
