"""Making documents: from a job of the plan to its file and its truth, and all of a seed into a folder."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from sample_data.generator import content, layouts, paper_invoice, paper_receipt
from sample_data.generator.boxes import boxes_of
from sample_data.generator.broken import write_broken
from sample_data.generator.kinds import KINDS
from sample_data.generator.layouts import SetDocument, set_document
from sample_data.generator.looks import LOOKS, file_of
from sample_data.generator.plan import Job, plan, plan_held_out
from sample_data.generator.plan_kinds import plan_kinds, plan_kinds_held_out
from sample_data.generator.truth import truth_of, truth_of_drawn

TRUTH = "truth.jsonl"
_INVOICES = {**layouts.INVOICES, **layouts.HELD_OUT_INVOICES}
_RECEIPTS = {**layouts.RECEIPTS, **layouts.HELD_OUT_RECEIPTS}


@dataclass(frozen=True)
class Made:
    """A document as it left the printer, with its truth, the words of a stamp, and the seed of what becomes of it."""

    job: Job
    truth: dict[str, Any]
    document: SetDocument
    words: str
    seed: int

    def file(self) -> bytes:
        """The file that the job's look makes of it."""
        return file_of(self.document, self.job.look, self.words, np.random.default_rng(self.seed))


def make(seed: int, out: Path, *, held_out: bool = False) -> list[dict[str, Any]]:
    """Write the documents of `seed` to `out`, in the place of those that its truth file names. Returns the truths.

    With `held_out` they are those in the layouts that are drawn on request alone, and there are no broken files.
    """
    made = [(document, document.file()) for document in documents(seed, held_out=held_out)]
    _clear(out)
    for document, data in made:
        target = out / str(document.truth["file"])
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    truths = [document.truth for document, _ in made]
    if not held_out:
        write_broken(out / "broken", made[0][0].document.pdf)
    lines = [json.dumps(truth, ensure_ascii=False) + "\n" for truth in truths]
    (out / TRUTH).write_text("".join(lines), encoding="utf-8")
    return truths


def documents(seed: int, *, held_out: bool = False) -> Iterator[Made]:
    """The documents of `seed`, one after the other."""
    taken: list[str] = []
    lots = Random(seed)
    jobs = [*plan_held_out(lots), *plan_kinds_held_out(lots)] if held_out else [*plan(lots), *plan_kinds(lots)]
    for index, job in enumerate(jobs):
        made = _made(job, Random(f"{seed}/{index}"))
        stem = f"{job.schema}/{job.place.language}-{job.place.country.lower()}-"
        number = 1 + sum(name.startswith(stem) for name in taken)
        made.truth["file"] = f"{stem}{number}-{job.look}{LOOKS[job.look].suffix}"
        taken.append(made.truth["file"])
        yield made


def _made(job: Job, random: Random) -> Made:
    document, told = _set_kind(job, random) if job.schema in KINDS else _set_bill(job, random)
    sort = told["fields"].get("document_type", job.schema).removeprefix(job.schema)
    truth = {
        "file": "",
        "language": job.place.language,
        "country": job.place.country,
        "schema": job.schema,
        **({"doc_type": sort} if sort else {}),
        "layout": job.layout,
        "look": job.look,
        "clean": LOOKS[job.look].clean,
        "traits": list(job.traits),
        **told,
    }
    words, seed = random.choice(job.place.labels["stamps"]), random.getrandbits(64)
    boxes = boxes_of(document, job.look, np.random.default_rng(seed))
    if boxes is not None:
        truth["boxes"] = boxes
    return Made(job, truth, document, words, seed)


def _set_kind(job: Job, random: Random) -> tuple[SetDocument, dict[str, Any]]:
    """A document of one of the newer types as it is printed, and what is true of it."""
    kind = KINDS[job.schema]
    layout = kind.layouts.get(job.layout) or kind.held_out[job.layout]
    drawn = kind.draw(job.place, layout, job.traits, job.habits, random, held_out=job.layout in kind.held_out)
    document = set_document(job.layout, drawn.paper)
    return document, truth_of_drawn(drawn, document.printed)


def _set_bill(job: Job, random: Random) -> tuple[SetDocument, dict[str, Any]]:
    """An invoice or receipt as it is printed, and what is true of it."""
    said: content.Invoice | content.Receipt
    wordings: dict[str, Any]
    if job.schema == "invoice":
        layout = _INVOICES[job.layout]
        said = content.invoice(job.place, job.traits, layout.capacity, random)
        if layout.slip and not said.credit_of:
            said = replace(said, amount_due=said.money.total - (said.prepaid or 0))
        paper = paper_invoice.written(said, layout.columns, layout.capacity, job.habits, random)
        terms = paper["terms"]
        wordings = {"payment_terms": [terms, terms.partition(": ")[2]] if ": " in terms else terms}
    else:
        said = content.receipt(job.place, random.choice(_RECEIPTS[job.layout]), random)
        paper = paper_receipt.written(said, job.habits, random)
        wordings = {"payment_method": paper["paid"][0]["label"]}
    document = set_document(job.layout, paper)
    return document, truth_of(said, document.printed, wordings)


def _clear(out: Path) -> None:
    """Take away the documents that the truth file in `out` names."""
    truth = out / TRUTH
    if truth.is_file():
        for line in truth.read_text(encoding="utf-8").splitlines():
            (out / json.loads(line)["file"]).unlink(missing_ok=True)
