"""Which documents of the newer types are made: one a language of each, about half of them born digital."""

from collections.abc import Sequence
from dataclasses import replace
from random import Random

from sample_data.generator.bank_statement import SIGNS, BankWords
from sample_data.generator.drawn import words_of
from sample_data.generator.identity import IdentityWords
from sample_data.generator.kinds import KINDS
from sample_data.generator.looks import LOOKS
from sample_data.generator.paper import Habits
from sample_data.generator.places import LANGUAGES, Place, places
from sample_data.generator.plan import Job

_LOOKS = {
    "bank_statement": ("digital", "digital", "digital", "digital", "scan", "jpeg", "tilted", "photo"),
    "contract": ("digital", "digital", "digital", "digital", "scan", "grey_tiff", "tilted", "stamped"),
    "identity_document": ("digital", "digital", "digital", "scan", "scan", "tilted", "jpeg", "photo"),
    "form": ("digital", "digital", "digital", "digital", "scan", "png", "tilted", "skewed"),
}
"""As many as there are languages."""

_SIGNS = (*["columns"] * 4, *SIGNS[1:])
_LONG = ("digital", "scan", "tilted")
"""Looks of a document of several pages."""


def plan_kinds(random: Random) -> list[Job]:
    """The documents to be made, type by type and language by language."""
    return [job for schema in KINDS for job in _jobs(schema, random)]


def _jobs(schema: str, random: Random) -> list[Job]:
    layouts = list(KINDS[schema].layouts)
    turns = (layouts * len(LANGUAGES))[: len(LANGUAGES)]
    random.shuffle(turns)
    jobs = []
    for language, layout, look in zip(LANGUAGES, turns, _shuffled(_LOOKS[schema], random), strict=True):
        place = random.choice(places(language))
        if schema == "identity_document":
            kind = words_of(IdentityWords, schema, language, place.country).kind
            layout = next(name for name, made in KINDS[schema].layouts.items() if made.kind == kind)
        jobs.append(Job(schema, place, Habits(_dates(place, random), layered=LOOKS[look].layered), (), layout, look))
    if schema == "bank_statement":
        _give_bank_traits(jobs, random)
    return jobs


def _dates(place: Place, random: Random) -> str:
    """A date pattern that is short enough for a column."""
    return random.choice([pattern for pattern in place.dates if "MMMM" not in pattern])


def _give_bank_traits(jobs: Sequence[Job], random: Random) -> None:
    """How amounts are signed, and one each of three pages, an overdrawn account, and the digits of a script."""
    usual = [
        words_of(BankWords, job.schema, job.place.language, job.place.country).signs for job in jobs
    ]
    signs = _shuffled(_SIGNS, random)
    while any(sign not in fit for sign, fit in zip(signs, usual, strict=True)):
        signs = _shuffled(_SIGNS, random)
    for job, sign in zip(jobs, signs, strict=True):
        job.traits = (sign,)
    long = random.choice([job for job in jobs if job.look in _LONG])
    long.traits = (*long.traits, "three_pages")
    over = random.choice([job for job in jobs if job is not long])
    over.traits = (*over.traits, "overdrawn")
    own = random.choice([job for job in jobs if job.place.native_digits])
    own.habits = replace(own.habits, native=True)
    own.traits = (*own.traits, "native_digits")


def _shuffled(names: Sequence[str], random: Random) -> list[str]:
    return random.sample(names, len(names))
