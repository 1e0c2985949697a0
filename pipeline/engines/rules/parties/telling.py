"""What a line of print tells by its words alone: a company, a street, a town, a number to call, a title."""

import re
import unicodedata
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Any, NamedTuple

from babel import Locale

from pipeline.values.amounts import find_amounts
from pipeline.values.data import load_data
from pipeline.values.dates import find_dates
from pipeline.values.forms import spell_forms
from pipeline.values.identifiers import find_ibans, find_tax_ids
from pipeline.values.text import fold_digits, fold_traced
from schemas.fields import LANGUAGES, FieldSpec, Kind

_LONGEST_NAME = 75
_PROSE = 11
"""From this many words on a line is a sentence."""
_STATES = "AC|AL|AP|AM|BA|CE|DF|ES|GO|MA|MT|MS|MG|PA|PB|PR|PE|PI|RJ|RN|RS|RO|RR|SC|SP|SE|TO"
_COUNTRY_CODE = "(?:(?:D|DE|A|AT|CH|F|FR|I|IT|E|ES|P|PT|B|BE|L|LU|NL|PL|CZ|DK|SE|FI)[- ])?"
_PLACE = re.compile(
    rf"(?<![\w/.,-]){_COUNTRY_CODE}"
    r"(?:\d{5}(?:-\d{3,4})?|\d{2}\.\d{3}-\d{3}|\d{4}-\d{3}|\d{4} [A-Z]{2})(?![\w/-]|[.,]\d)"
    r"|(?:[^\W\d_]{3}[-–—,]? ?[-–—,] ?|[^\W\d_]{4} |[\u0900-\u097f] ?-? ?|(?i:pin)\W{1,3})"
    r"(?:\d{6}|\d{3} \d{3})(?![\w/-]|[.,]\d)"
    r"|(?<!\w)[A-Z]{1,2}\d[A-Z\d]? \d[A-Z]{2}(?!\w)"
    rf"|[-/,] ?(?:{_STATES})$"
)
_TOWN_OF_FOUR = re.compile(r"(?:^|, )(?:[A-Z]{1,2}[- ])?(?!(?:19|20)\d\d\b)\d{4} [^\W\d_]{3}")
_POST_CODE = re.compile(r"(?:[A-Z]{1,2}[- ])?(?:\d{5}(?:-\d{3,4})?|\d{2}\.\d{3}-\d{3}|\d{4}-\d{3})")
_WORD = re.compile(r"[^\W\d_]{4}")
_STRANGE = re.compile(r"[|{}<>\\~^=]")
_COLON = re.compile(r":(?:\s|$)")
_NET = re.compile(
    r"(?<![\w.+-])[\w.+-]++ ?@ ?[\w-]++\.\w|(?<!\w)www\.|https?:"
    r"|(?<![\w-])[\w-]++\.(?:com|net|org|de|fr|it|pt|es|eu|in|br|mx|my|at|ch)\b"
)
_PHONE = re.compile(r"(?<![\w.,-])(?:\+\d|\(0|0)\d?[\d ()/.-]{6,}\d(?!\w)")


class Telling(NamedTuple):
    """What a line says; each is whether it looks like that.

    Attributes:
        legal: names a legal form; `trade`: calls itself a shop or a firm of some trade.
        street, place, country: parts of an address.
        contact: telephone, mail, web; `number`: a register, tax or bank number or little but digits.
        title: the title of a document or a remark on it; `dated`, `priced`: holds a date, an amount.
        person: starts as a person is addressed; `attention`: says to whose hands; `prose`: a sentence.
    """

    legal: bool = False
    trade: bool = False
    street: bool = False
    place: bool = False
    country: bool = False
    contact: bool = False
    number: bool = False
    title: bool = False
    dated: bool = False
    priced: bool = False
    person: bool = False
    attention: bool = False
    prose: bool = False

    @property
    def address(self) -> bool:
        """Whether it is a line of an address for sure."""
        return (self.street or self.place or self.country) and not (self.contact or self.title or self.dated or self.prose)

    @property
    def company(self) -> bool:
        """Whether it names a company."""
        return self.legal or self.trade

    @property
    def beside(self) -> bool:
        """Whether it is what stands beside a name and an address, and is no part of either."""
        return self.contact or self.number or self.title or self.dated or self.priced or self.attention or self.prose


@lru_cache(maxsize=4096)
def tell(text: str, language: str) -> Telling:
    """What `text`, a line of a page in `language`, says."""
    text = spell_forms(text)
    folded = fold_traced(text).text.strip()
    plain = fold_digits(text)
    digits = sum(c.isdigit() for c in plain)
    letters = letters_of(plain)
    legal = _legal(text, folded)
    place = bool(_PLACE.search(plain) or _TOWN_OF_FOUR.search(plain.lstrip(" ,.;:'‚‘|"))) and (
        letters > 2 or bool(_POST_CODE.fullmatch(plain.strip(" ,.")))
    )
    coded = bool(find_ibans(plain) or find_tax_ids(plain, language))
    street = _street(folded, digits > 0)
    called = _PHONE.search(plain) and not place and not street
    contact = bool(_NET.search(folded) or _words("contact", "start").match(folded) or called)
    coded = coded or (digits >= 5 and not place and not street and not _WORD.search(plain))
    return Telling(
        legal=legal,
        trade=bool(_words("trade").search(folded) or _anywhere("trade_thai").search(folded)),
        street=street,
        place=place and not coded,
        country=folded.strip(" ().,;-") in _countries(),
        contact=contact,
        number=coded,
        title=bool(_words("greeting", "start").match(folded)) or _is_title(folded),
        dated=any(True for _ in find_dates(text, language)),
        priced=any(True for _ in find_amounts(text, language)) and not place,
        person=bool(_words("person", "start").match(folded)),
        attention=bool(_words("attention", "start").match(folded)),
        prose=sum(letters_of(word) > 1 for word in text.split()) >= _PROSE and not legal,
    )


def could_name(text: str, told: Telling) -> bool:
    """Whether a line may be somebody's name."""
    letters = letters_of(text)
    if told.beside or told.country or (told.address and not told.legal) or len(text) > _LONGEST_NAME:
        return False
    if len(_STRANGE.findall(text)) > 1 or (text.islower() and " " in text):
        return False
    return letters >= 2 and letters > sum(c.isdigit() for c in text) and not _COLON.search(text)


def is_salutation(text: str) -> bool:
    """Whether a line is nothing but how a person, or a firm, is addressed: `Herrn`, `Firma`."""
    folded = fold_traced(text).text.strip(" .,:")
    return folded in {word.rstrip(".") for word in folded_words("person")} | {
        "firma",
        "familie",
        "an",
        "an die",
        "a",
        "to",
        "m/s",
        "messrs",
    }


def is_suffix(text: str, told: Telling) -> bool:
    """Whether a line is only the end of a company's name: `TRADING`, `(M) SDN BHD`, `GmbH & Co. KG`."""
    bare = _words("trade").sub("", _words("legal").sub("", fold_traced(text).text))
    return told.company and sum(map(str.isalpha, bare)) <= 2


def starts_open(text: str) -> bool:
    """Whether a heading (`Bill to`, `Spett.le`) cannot be the start of a name, so that one may follow it without a colon."""
    return fold_traced(text).text.strip(" .:") in {word.strip(".") for word in folded_words("open")}


def letters_of(text: str) -> int:
    """How many letters, and vowel signs of Devanagari and Thai, there are in it."""
    return sum(unicodedata.category(character)[0] in "LM" for character in text)


@cache
def block_labels() -> tuple[FieldSpec, ...]:
    """The labels that stand in parties' blocks, as fields named `name`, `address`, `part`, `other` and `third`."""
    told: Mapping[str, Any] = _table()["labels"]
    return tuple(
        FieldSpec(f"*{name}", Kind.TEXT, labels={language: tuple(words) for language, words in languages.items()})
        for name, languages in told.items()
    )


@cache
def folded_words(name: str) -> tuple[str, ...]:
    """A list of the data file, folded."""
    return tuple(fold_traced(word).text for word in _table()["words"][name])


def _is_title(folded: str) -> bool:
    """Whether a line is a title: one, perhaps with stars, numbers or a second language around it."""
    bare = _words("title").sub("", folded)
    return bare != folded and sum(c.isalpha() for c in bare) <= 3


def _street(folded: str, numbered: bool) -> bool:
    if _anywhere("street_thai").search(folded.replace(" ", "")):
        return numbered
    if re.search(rf"\w(?:{_joined('street_end')})\W*\d|\w(?:strasse|straße)(?!\w)", folded):
        return True
    found = _words("street").search(folded)
    return bool(found) and (numbered or (found.start() == 0 and len(found.group()) > 2 and " " in folded))  # type: ignore[union-attr]


def _legal(text: str, folded: str) -> bool:
    """Forms of two letters count in capitals only: `Sa` is a day, `se` a word."""
    if re.search(rf"^\W*(?:{_joined('legal_thai')})|(?:{_joined('legal_thai')})\W*$", folded.replace(" ", "")):
        return True
    return any(len(m.group().strip(".")) > 2 or m.group().upper() in text for m in _words("legal").finditer(folded))


@cache
def _words(name: str, where: str = "") -> re.Pattern[str]:
    """A pattern for the words of a list, as whole words; `start`: at the head of a line."""
    head = r"\W*" if where == "start" else r"(?<![\w.])"
    return re.compile(rf"{head}(?:{_joined(name)})(?!\w)(?:(?<=[^\W\d_])(?!['’]))?")


@cache
def _anywhere(name: str) -> re.Pattern[str]:
    return re.compile(_joined(name))


@cache
def _joined(name: str) -> str:
    return "|".join(re.escape(word) for word in sorted(folded_words(name), key=len, reverse=True))


@cache
def _countries() -> frozenset[str]:
    """The names of countries in the eight languages."""
    names = {name for language in LANGUAGES for code, name in Locale.parse(language).territories.items() if code.isalpha()}
    return frozenset(fold_traced(name).text for name in names) | frozenset(
        ("usa", "u.s.a.", "uk", "united states of america", "brd")
    )


@cache
def _table() -> dict[str, dict[str, Any]]:
    return load_data("parties.toml", "pipeline.engines.rules.parties")
