"""The work of the saturation bench: documents that are made for it, and their pages as an engine is asked for them."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import typst
from PIL import Image

from pipeline import run
from pipeline.engines.guided import FORMS
from pipeline.extract import settle
from pipeline.grammar import answer_schema
from pipeline.prompts import Prompts
from pipeline.records import Source
from pipeline.settings import Settings
from schemas.base import DocumentSchema
from schemas.fields import Currency, Date, Identifier, Money, Number, field
from schemas.registry import load_schema

SCHEMA = "tests.bench.work:Slip"

GOODS = ("Kabel", "Schraube", "Leuchte", "Papier", "Ordner", "Stift", "Lampe", "Regal", "Tinte", "Batterie", "Schere", "Mappe")


class Answer(NamedTuple):
    """What an arm was asked and wrote for a page: tokens of all asks, the last answer as the model wrote it."""

    tokens_in: int
    tokens_out: int
    text: str
    asks: int = 1


Answers = dict[str, Answer]
"""By `document page`."""


class Slip(DocumentSchema):
    """A slip: what was bought where. All of it is short print, and it has no table, so that random weights come to an end."""

    schema_name: ClassVar[str] = "slip"

    seller_tax_id: Identifier = field("The seller's tax or VAT number")
    document_number: Identifier = field("Number of the receipt", required=True)
    issue_date: Date = field("Day of the purchase", required=True)
    currency: Currency = field("Currency of the amounts (ISO 4217)")
    first_number: Number = field("How many, in the first line of the table")
    first_price: Money = field("Price of one, in the first line of the table")
    last_number: Number = field("How many, in the last line of the table")
    last_price: Money = field("Price of one, in the last line of the table")
    net_total: Money = field("Sum without tax")
    tax_total: Money = field("Sum of the taxes")
    total: Money = field("What was to be paid", required=True)


@dataclass(frozen=True)
class Work:
    """What every arm is told: the model and how it may answer, where its core is, documents to warm up and to be timed by.

    Attributes:
        model: a folder, or the name of a profile.
        answer_tokens: the most that an answer may have.
        scratch: a folder for stores and logs.
        warm_up: paths that are read before anything is timed.
        timed: paths.
        profiles: a file of model profiles, or "".
        core: the core for the model, all others for the rest; None: nothing is bound.
        preparers: of the pipeline; 0: one a core.
    """

    model: str
    answer_tokens: int
    scratch: str
    warm_up: tuple[str, ...]
    timed: tuple[str, ...]
    profiles: str = ""
    core: int | None = None
    preparers: int = 0

    @property
    def settings(self) -> Settings:
        """What the pipeline is told, and whoever asks the same as it does."""
        settings = Settings(
            engine="vllm",
            model=self.model,
            profiles=self.profiles,
            words="text-layer",
            answer_tokens=self.answer_tokens,
            state_dir=Path(self.scratch) / "state",
        )
        return settle(settings)


@dataclass(frozen=True)
class Page:
    """A page, ready to be asked for."""

    name: str
    image: Image.Image
    prompt: str


@dataclass(frozen=True)
class Turn:
    """One reading of the timed documents.

    Attributes:
        seconds: that it took.
        answers: what came of it.
        model_cpu_s: CPU seconds of the model's own process, which spins while it waits; 0: not known.
    """

    seconds: float
    answers: Answers
    model_cpu_s: float = 0.0


def grammar() -> dict[str, Any]:
    """What the pipeline decodes under at the first ask."""
    return answer_schema(load_schema(SCHEMA), bounded=FORMS[0])


def write_documents(folder: Path, pages: int, each: int, seed: int) -> list[str]:
    """Digital PDFs of `each` pages, `pages` in all, no two pages alike; gives their paths."""
    chance = random.Random(seed)
    folder.mkdir(parents=True)
    paths = []
    for first in range(0, pages, each):
        text = "\n#pagebreak()\n".join(_page(chance) for _ in range(min(each, pages - first)))
        source = folder / f"{first:04}.typ"
        source.write_text(text, encoding="utf-8")
        source.with_suffix(".pdf").write_bytes(typst.compile(str(source)))
        paths.append(str(source.with_suffix(".pdf")))
    return paths


def pages_of(paths: Sequence[str], settings: Settings) -> Iterator[Page]:
    """The pages of the documents as the pipeline's acts make them: image and prompt."""
    prompts = Prompts(load_schema(SCHEMA), settings.wording, settings.prompt_tokens)
    for path in paths:
        source = source_of(path)
        number = run.survey(source, settings).page_count
        for prepared in run.prepare(source, range(1, number + 1), "und", settings, True):
            if prepared.problem or not prepared.words or prepared.image is None:
                raise SystemExit(f"{path}, page {prepared.page} cannot be prepared: {prepared.problem}")
            yield Page(name_of(path, prepared.page), Image.fromarray(prepared.image), prompts.page(prepared.words, number))


def source_of(path: str) -> Source:
    """The document at the path, as a plan names it."""
    told = Path(path).stat()
    return Source(path, told.st_size, str(told.st_mtime_ns))


def name_of(path: str, page: int) -> str:
    """What a page is called in `Answers`."""
    return f"{Path(path).stem} {page}"


def _page(chance: random.Random) -> str:
    rows, total = [], 0
    for _ in range(chance.randint(8, 20)):
        number, price = chance.randint(1, 9), chance.randint(100, 9999)
        total += number * price
        cells = (f"{chance.choice(GOODS)} {chance.randint(1, 999)}", str(number), _money(price), _money(number * price))
        rows.append(", ".join(f"[{cell}]" for cell in cells))
    tax = total * 19 // 119
    table = "#table(columns: (3fr, 1fr, 1fr, 1fr),\n[Bezeichnung], [Menge], [Preis], [Betrag],\n" + ",\n".join(rows) + ")"
    return (
        f"= Nordlicht Handels GmbH\nHafenstraße {chance.randint(1, 99)}, 20457 Hamburg\n\nUSt-IdNr. DE123456789\n\n"
        f"Quittung Nr. {chance.randint(10000, 99999)}\n\nDatum: {chance.randint(1, 28)}.03.2026\n\n{table}\n\n"
        f"Nettobetrag {_money(total - tax)} EUR\n\nMehrwertsteuer 19 % {_money(tax)} EUR\n\nSumme {_money(total)} EUR"
    )


def _money(cents: int) -> str:
    return f"{cents // 100},{cents % 100:02}"
