"""Who buys and sells: companies, freelancers and shops, where they are and how they are reached and paid."""

import unicodedata
from dataclasses import dataclass
from random import Random

from sample_data.generator import draw
from sample_data.generator.places import Place

_MAILBOXES = ("info", "office", "mail", "contact", "accounts")


@dataclass(frozen=True)
class Party:
    """A company or person; `address` in lines, `tax_id` as printed or None."""

    name: str
    address: tuple[str, ...]
    tax_id: str | None
    phone: str
    email: str
    register: str
    contact: str


@dataclass(frozen=True)
class Account:
    """Where to pay to: an IBAN with its bank, or (where there are none) the account in one line."""

    bank: str
    bic: str = ""
    iban: str | None = None


def company(place: Place, word: str, random: Random, *, tax_id: bool = True) -> Party:
    """A company of the trade that `word` names."""
    surname, other = random.sample(place.surnames, 2)
    name = random.choice(place.company).format(surname=surname, other=other, word=word)
    return _party(place, name, surname, draw.tax_id(place, random) if tax_id else None, random)


def freelancer(place: Place, random: Random) -> Party:
    """A person who is not registered for tax."""
    surname = random.choice(place.surnames)
    return _party(place, f"{random.choice(place.given)} {surname}", surname, None, random)


def shop(place: Place, word: str, random: Random) -> Party:
    """A shop; what its name says stands before the owner's in most languages."""
    surname = random.choice(place.surnames)
    first = place.language in ("fr", "it", "pt", "es", "th") or (place.language == "de" and random.random() < 0.5)
    name = f"{word} {surname}" if first else f"{surname} {word}"
    return _party(place, name, surname, draw.tax_id(place, random) if random.random() < 0.8 else None, random)


def account(place: Place, random: Random) -> Account:
    """An account in the place."""
    if place.banks:
        bank = random.choice(place.banks)
        return Account(bank.name, bank.bic, draw.iban(bank, random))
    return Account(draw.picture(random.choice(place.accounts), random))


def _party(place: Place, name: str, surname: str, tax_id: str | None, random: Random) -> Party:
    code, city = random.choice(place.cities)
    filled = {"street": random.choice(place.streets), "no": random.randint(1, 148), "zip": code, "city": city}
    tail = tax_id[-11:] if tax_id else "### ### ###"
    town = city.split(",")[0].split(" (")[0].split("/")[0]
    return Party(
        name=name,
        address=tuple(line.format(**filled) for line in place.address),
        tax_id=tax_id,
        phone=draw.picture(random.choice(place.phone), random),
        email=f"{random.choice(_MAILBOXES)}@{_host(surname, random)}.{place.domain}",
        register=draw.picture(random.choice(place.registered).replace("{city}", town).replace("{tail}", tail), random),
        contact=f"{random.choice(place.given)} {random.choice(place.surnames)}",
    )


def _host(surname: str, random: Random) -> str:
    """A host name for the owner: the name in plain letters, or a made-up one where it has no Latin letters."""
    plain = unicodedata.normalize("NFKD", surname.replace("ß", "ss")).encode("ascii", "ignore").decode().lower()
    return plain if len(plain) > 2 else draw.picture("@@@@", random).lower() + random.choice(("group", "online", "trade"))
