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

_HELD_OUT_LOOKS = (*["digital"] * 4, "scan", "tilted", "jpeg", "png")

_SIGNS = (*["columns"] * 4, *SIGNS[1:])
_LONG = ("digital", "scan", "tilted", "grey_tiff")
"""Looks of a document of several pages."""


def plan_kinds(random: Random) -> list[Job]:
    """The documents to be made, type by type and language by language."""
    jobs = [job for schema in KINDS for job in _jobs(schema, random)]
    for job in random.sample([job for job in jobs if job.schema == "contract" and job.look in _LONG], 3):
        job.traits = ("two_pages",)
    return jobs


def plan_kinds_held_out(random: Random) -> list[Job]:
    """The documents in the layouts that are drawn on request: one a language of each type that has any, all clean."""
    return [job for schema, kind in KINDS.items() if kind.held_out for job in _jobs(schema, random, held_out=True)]


def _jobs(schema: str, random: Random, *, held_out: bool = False) -> list[Job]:
    layouts = list(KINDS[schema].held_out if held_out else KINDS[schema].layouts)
    looks = _HELD_OUT_LOOKS if held_out else _LOOKS[schema]
    turns = (layouts * len(LANGUAGES))[: len(LANGUAGES)]
    random.shuffle(turns)
    jobs = []
    for language, layout, look in zip(LANGUAGES, turns, _shuffled(looks, random), strict=True):
        place = random.choice(places(language, held_out=held_out))
        if schema == "identity_document":
            kind = words_of(IdentityWords, schema, language, place.country).kind
            layout = next(name for name, made in KINDS[schema].layouts.items() if made.kind == kind)
        jobs.append(Job(schema, place, Habits(_dates(place, random), layered=LOOKS[look].layered), (), layout, look))
    if schema == "bank_statement":
        _give_signs(jobs, random)
        if not held_out:
            _give_bank_traits(jobs, random)
    return jobs


def _dates(place: Place, random: Random) -> str:
    """A date pattern that is short enough for a column."""
    return random.choice([pattern for pattern in place.dates if "MMMM" not in pattern])


def _give_signs(jobs: Sequence[Job], random: Random) -> None:
    """How the amounts of each statement are signed, as is usual where it is from."""
    usual = [words_of(BankWords, job.schema, job.place.language, job.place.country).signs for job in jobs]
    signs = _shuffled(_SIGNS, random)
    while any(sign not in fit for sign, fit in zip(signs, usual, strict=True)):
        signs = _shuffled(_SIGNS, random)
    for job, sign in zip(jobs, signs, strict=True):
        job.traits = (sign,)


def _give_bank_traits(jobs: Sequence[Job], random: Random) -> None:
    """One each of three pages, an overdrawn account, and the digits of a script."""
    long = random.choice([job for job in jobs if job.look in _LONG])
    over = random.choice([job for job in jobs if job is not long])
    own = random.choice([job for job in jobs if job.place.native_digits])
    own.habits = replace(own.habits, native=True)
    for job, trait in ((long, "three_pages"), (over, "overdrawn"), (own, "native_digits")):
        job.traits = (*job.traits, trait)


def _shuffled(names: Sequence[str], random: Random) -> list[str]:
    return random.sample(names, len(names))
