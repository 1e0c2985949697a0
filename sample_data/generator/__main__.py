"""The command that makes the sample documents; with no arguments it makes those that are committed."""

import argparse
import json
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from sample_data.generator import content, paper_invoice, paper_receipt
from sample_data.generator.broken import write_broken
from sample_data.generator.layouts import INVOICES, RECEIPTS, SetDocument, set_document
from sample_data.generator.looks import LOOKS, file_of
from sample_data.generator.plan import Job, plan
from sample_data.generator.truth import truth_of

SEED = 20_240_607
HOME = Path(__file__).parent.parent
TRUTH = "truth.jsonl"


def main(arguments: list[str] | None = None) -> None:
    """Make the documents that the arguments ask for."""
    parser = argparse.ArgumentParser(prog="python -m sample_data.generator", description=__doc__)
    parser.add_argument("--seed", type=int, default=SEED, help="another seed makes other documents (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=HOME, help="folder to write to (default: %(default)s)")
    told = parser.parse_args(arguments)
    made = make(told.seed, told.out)
    print(f"{len(made)} documents with their truth and {len(list((told.out / 'broken').iterdir()))} broken files in {told.out}")


def make(seed: int, out: Path) -> list[dict[str, Any]]:
    """Make the documents of `seed` in `out`, in the place of those that its truth file names. Returns the truths."""
    _clear(out)
    truths: list[dict[str, Any]] = []
    sound = b""
    for index, job in enumerate(plan(Random(seed))):
        truth, document, data = make_one(job, f"{seed}/{index}")
        truth["file"] = _name(job, [told["file"] for told in truths])
        target = out / str(truth["file"])
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        sound = sound or document.pdf
        truths.append(truth)
    write_broken(out / "broken", sound)
    lines = [json.dumps(truth, ensure_ascii=False) + "\n" for truth in truths]
    (out / TRUTH).write_text("".join(lines), encoding="utf-8")
    return truths


def make_one(job: Job, seed: str) -> tuple[dict[str, Any], SetDocument, bytes]:
    """One document: its truth (without the file's name), as it was printed, and its file."""
    random = Random(seed)
    said: content.Invoice | content.Receipt
    if job.schema == "invoice":
        layout = INVOICES[job.layout]
        said = content.invoice(job.place, job.traits, layout.capacity, random)
        paper = paper_invoice.written(said, layout.columns, layout.capacity, job.digits, random)
    else:
        said = content.receipt(job.place, random.choice(RECEIPTS[job.layout]), random)
        paper = paper_receipt.written(said, job.digits, random)
    document = set_document(job.layout, paper)
    words = random.choice(job.place.labels["stamps"])
    data = file_of(document, job.look, words, np.random.default_rng(random.getrandbits(64)))
    truth = {
        "file": "",
        "language": job.place.language,
        "country": job.place.country,
        "schema": job.schema,
        "layout": job.layout,
        "look": job.look,
        "clean": LOOKS[job.look].clean,
        "traits": list(job.traits),
        **truth_of(said, document.printed),
    }
    return truth, document, data


def _name(job: Job, taken: list[str]) -> str:
    stem = f"{job.schema}/{job.place.language}-{job.place.country.lower()}"
    number = 1 + sum(name.startswith(f"{stem}-") for name in taken)
    return f"{stem}-{number}-{job.look}{LOOKS[job.look].suffix}"


def _clear(out: Path) -> None:
    """Take away the documents that the truth file in `out` names."""
    truth = out / TRUTH
    if truth.is_file():
        for line in truth.read_text(encoding="utf-8").splitlines():
            (out / json.loads(line)["file"]).unlink(missing_ok=True)


if __name__ == "__main__":
    main()
