"""Which documents are made: every language, trait, layout and look has its turn, and chance pairs them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import TypeVar

from sample_data.generator.layouts import HELD_OUT_INVOICES, HELD_OUT_RECEIPTS, INVOICES, LONG, RECEIPTS
from sample_data.generator.looks import LOOKS
from sample_data.generator.paper import Habits
from sample_data.generator.places import LANGUAGES, Place, places

INVOICES_EACH = 4
RECEIPTS_EACH = 3
HELD_OUT_EACH = 2
"""Documents a language."""

_T = TypeVar("_T")
_TRAITS = ("three_pages", *["two_pages"] * 2, *["untaxed"] * 2, "credit", "negative_credit", "large")
_TRAITS_SHARED = (*["two_rates"] * 3, *["prepaid"] * 4)
_LONG_LOOKS = {"three_pages": ("scan",), "two_pages": ("grey_tiff", "digital")}

# As many looks as there are documents for them, so that each is there whatever the seed.
_CLEAN_INVOICES = (
    *("digital", "digital", "digital", "digital", "digital", "digital", "hidden_text", "garbled_text"),
    *("scan", "tilted", "blank_back", "sideways_key", "turned_90", "turned_180", "turned_270", "exif_6"),
    *("jpeg", "png", "webp", "bilevel", "colour_scan"),
)
_ROUGH_INVOICES = ("photo", "photo_stamped", "fax", "fine_fax", "stamped", "stamped", "skewed", "skewed")
_CLEAN_RECEIPTS = (
    *("digital", "jpeg", "jpeg", "png", "png", "png", "webp", "webp", "scan", "bilevel"),
    *("tilted", "tilted", "turned_90", "turned_180", "exif_3", "exif_8"),
)
_ROUGH_RECEIPTS = ("photo", "photo", "photo", "faded", "faded", "fine_fax", "skewed", "stamped")

_HELD_OUT_TRAITS = ("credit", *["two_rates"] * 3, *["prepaid"] * 4)
_HELD_OUT_LOOKS = ("scan", "tilted", "colour_scan", "jpeg", "png", "webp", "bilevel", "grey_tiff")


@dataclass
class Job:
    """One document to be made; `layout` and `look` are names of the registries."""

    schema: str
    place: Place
    habits: Habits
    traits: tuple[str, ...] = ()
    layout: str = ""
    look: str = ""


def plan(random: Random) -> list[Job]:
    """The documents to be made, invoices and then receipts, language by language."""
    return [*_invoices(random), *_receipts(random)]


def plan_held_out(random: Random) -> list[Job]:
    """The documents in the layouts that are drawn on request: of each language as many born digital as scanned, all clean."""
    jobs = []
    for schema, layouts in (("invoice", HELD_OUT_INVOICES), ("receipt", HELD_OUT_RECEIPTS)):
        mine = _slots(schema, HELD_OUT_EACH, random, held_out=True)
        for job, name in zip(mine, _turns(layouts, len(mine), random), strict=True):
            job.layout = name
        if schema == "invoice":
            _give_traits(mine, _HELD_OUT_TRAITS, random)
        for language, look in zip(LANGUAGES, _turns(_HELD_OUT_LOOKS, len(LANGUAGES), random), strict=True):
            pair = [job for job in mine if job.place.language == language]
            for job, chosen in zip(pair, _turns(("digital", look), len(pair), random), strict=True):
                job.look, job.habits = chosen, replace(job.habits, layered=LOOKS[chosen].layered)
        jobs += mine
    return jobs


def _invoices(random: Random) -> list[Job]:
    jobs = _slots("invoice", INVOICES_EACH, random)
    _give_traits(jobs, (*_TRAITS, *_TRAITS_SHARED), random)
    names = _turns(INVOICES, len(jobs), random)
    for job in sorted(jobs, key=lambda job: not job.traits):
        fit_names = LONG if _is_long(job) else ("freelancer",) if "untaxed" in job.traits else tuple(INVOICES)
        job.layout = next((name for name in names if name in fit_names), fit_names[0])
        if job.layout in names:
            names.remove(job.layout)
    long_looks = {trait: list(looks) for trait, looks in _LONG_LOOKS.items()}
    for job in filter(_is_long, jobs):
        job.look = long_looks[job.traits[0]].pop(0)
    _give_looks(jobs, _CLEAN_INVOICES, _ROUGH_INVOICES, random)
    _give_digits(jobs, random)
    return jobs


def _receipts(random: Random) -> list[Job]:
    jobs = _slots("receipt", RECEIPTS_EACH, random)
    for job, name in zip(jobs, _turns(RECEIPTS, len(jobs), random), strict=True):
        job.layout = name
    _give_looks(jobs, _CLEAN_RECEIPTS, _ROUGH_RECEIPTS, random)
    _give_digits(jobs, random)
    return jobs


def _slots(schema: str, each: int, random: Random, *, held_out: bool = False) -> list[Job]:
    """`each` documents a language, its countries by turns, and by turns each country's ways to write a date."""
    jobs = []
    for language in LANGUAGES:
        where = list(places(language, held_out=held_out))
        random.shuffle(where)
        dates = {place.country: _turns(place.dates, each, random) for place in where}
        for turn in range(each):
            place = where[turn % len(where)]
            jobs.append(Job(schema, place, Habits(dates[place.country].pop())))
    return jobs


def _give_traits(jobs: Sequence[Job], traits: Iterable[str], random: Random) -> None:
    """Each trait to a job that it suits and that has none."""
    for trait in traits:
        fit = [job for job in jobs if not job.traits and _suits(trait, job.place)]
        random.choice(fit).traits = (trait,)


def _suits(trait: str, place: Place) -> bool:
    if trait == "untaxed":
        return bool(place.notax)
    if trait == "large":
        return place.country == "IN"
    return trait != "two_rates" or place.rates["s"] != place.rates["r"]


def _is_long(job: Job) -> bool:
    return any(trait in _LONG_LOOKS for trait in job.traits)


def _give_looks(jobs: Sequence[Job], clean: Sequence[str], rough: Sequence[str], random: Random) -> None:
    """One rough look a language, clean ones for the rest; those that have a look keep it."""
    roughs = random.sample(rough, len(rough))
    for language in LANGUAGES:
        random.choice([job for job in jobs if job.place.language == language and not job.look]).look = roughs.pop()
    bare = [job for job in jobs if not job.look]
    for job, look in zip(bare, _turns(clean, len(bare), random), strict=True):
        job.look = look
    for job in jobs:
        job.habits = replace(job.habits, layered=LOOKS[job.look].layered)


def _give_digits(jobs: Sequence[Job], random: Random) -> None:
    """One paper of each script that has digits of its own is written in them."""
    for language in LANGUAGES:
        own = [job for job in jobs if job.place.language == language and job.place.native_digits]
        fit = [job for job in own if LOOKS[job.look].clean and "large" not in job.traits]
        if fit:
            chosen = random.choice(fit)
            chosen.habits = replace(chosen.habits, native=True)
            chosen.traits = (*chosen.traits, "native_digits")


def _turns(names: Iterable[_T], count: int, random: Random) -> list[_T]:
    """`count` of the names in chance order, each as often as the others or once more."""
    every = list(names)
    turns = every * (count // len(every)) + random.sample(every, count % len(every))
    random.shuffle(turns)
    return turns
