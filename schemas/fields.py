"""The kinds of value a document can hold, and what a schema says about each field."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field

LANGUAGES = ("en", "de", "fr", "it", "pt", "hi", "es", "th")
"""ISO 639-1 codes of the eight languages, in the project's order."""


class Kind(StrEnum):
    """What sort of value a field holds; decides how it is read, typed, compared and stored."""

    TEXT = "text"
    NAME = "name"
    ADDRESS = "address"
    IDENTIFIER = "identifier"
    MONEY = "money"
    NUMBER = "number"
    PERCENT = "percent"
    DATE = "date"
    CURRENCY = "currency"
    CHOICE = "choice"
    TABLE = "table"


NUMERIC = (Kind.MONEY, Kind.NUMBER, Kind.PERCENT)
"""The kinds whose values are decimals."""

SCHEMES = ("document_number", "tax_id", "iban", "bic", "phone", "email", "mrz")
"""The sorts of identifier that `pipeline.values.identifiers` knows."""

Text = Annotated[str | None, Kind.TEXT]
Name = Annotated[str | None, Kind.NAME]
Address = Annotated[str | None, Kind.ADDRESS]
Identifier = Annotated[str | None, Kind.IDENTIFIER]
Money = Annotated[Decimal | None, Kind.MONEY]
Number = Annotated[Decimal | None, Kind.NUMBER]
Percent = Annotated[Decimal | None, Kind.PERCENT]
Date = Annotated[date | None, Kind.DATE]
Currency = Annotated[str | None, Kind.CURRENCY]

Party = Literal["issuer", "recipient"]
"""Whose a field is: the one who wrote the document (its letterhead) or the one it is addressed to."""

ChoiceWords = Mapping[str, Mapping[str, Sequence[str]]]
"""What may be printed for each choice of a field: choice → language → words, most usual first."""


@dataclass(frozen=True)
class FieldSpec:
    """One field of a schema, as the engines, the values and the store see it.

    Attributes:
        name: the field's name; a column of its table is told by the table's `columns`.
        kind: what sort of value it holds.
        description: one sentence for people and models.
        labels: the words printed beside the value, by language, most telling first.
        required: whether a document of this kind always has it; the least confidence of these is the document's.
        scale: decimals kept for money and numbers (4; unit prices 8).
        scheme: what sort of identifier (one of SCHEMES), else empty.
        party: whose name, address or identifier it is, where it is a party's.
        choices: the values allowed for Kind.CHOICE.
        choice_words: the words that stand for each of them in print, by language; the choice itself need not be among them.
        columns: the fields of a row, for Kind.TABLE.
        written: whether a model writes it in words of its own: it stands nowhere on the page.
    """

    name: str
    kind: Kind
    description: str = ""
    labels: Mapping[str, tuple[str, ...]] = dataclass_field(default_factory=dict)
    required: bool = False
    scale: int = 4
    scheme: str = ""
    party: Party | None = None
    choices: tuple[str, ...] = ()
    choice_words: ChoiceWords = dataclass_field(default_factory=dict)
    columns: tuple["FieldSpec", ...] = ()
    written: bool = False


def field(
    description: str,
    *,
    labels: Mapping[str, list[str]] | None = None,
    required: bool = False,
    scale: int = 4,
    scheme: str = "",
    party: Party | None = None,
    choice_words: ChoiceWords | None = None,
    written: bool = False,
) -> Any:
    """What a schema says of one value.

    Written as `total: Money = field("What is owed", labels={"en": ["Total"]})`.

    Args:
        description: one sentence for people and models.
        labels: the words printed beside the value, by ISO 639-1 language, most telling first.
        required: whether a document of this kind always has it.
        scale: decimals kept for money and numbers.
        scheme: what sort of identifier, as in SCHEMES.
        party: `issuer` or `recipient`, where the value is a party's.
        choice_words: the words that stand for each choice of a Literal in print, by language.
        written: whether a model writes it in words of its own, for schemas that need vision.
    """
    extra: Any = {
        "labels": {language: list(words) for language, words in (labels or {}).items()},
        "required": required,
        "scale": scale,
        "scheme": scheme,
        "party": party,
        "written": written,
    }
    if choice_words:
        extra["choice_words"] = {
            choice: {language: list(words) for language, words in languages.items()}
            for choice, languages in choice_words.items()
        }
    return Field(default=None, description=description, json_schema_extra={"octoglot": extra})


def table(description: str, *, labels: Mapping[str, list[str]] | None = None) -> Any:
    """What a schema says of a list of rows.

    Written as `line_items: list[LineItem] = table("What was sold")`.
    """
    extra: Any = {"labels": {language: list(words) for language, words in (labels or {}).items()}}
    return Field(default_factory=list, description=description, json_schema_extra={"octoglot": extra})
