"""The base of every schema: a pydantic model whose fields know their kind, labels and arithmetic."""

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache
from importlib import resources
from types import UnionType
from typing import Any, ClassVar, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict
from pydantic.fields import FieldInfo

from schemas.fields import ChoiceWords, FieldSpec, Kind


@dataclass(frozen=True)
class Sum:
    """An equation: `total` equals the sum of `parts` less that of `less`; `table[].column` stands for a whole column.

    A part that a document lacks counts as nothing when `optional` names it, else the equation is not judged. What is in `less`
    is printed with a minus or without, and is taken off either way. The parts may add up to another field in `instead` as well:
    some print prices with tax.
    """

    total: str
    parts: tuple[str, ...]
    optional: tuple[str, ...] = ()
    less: tuple[str, ...] = ()
    instead: tuple[str, ...] = ()


@dataclass(frozen=True)
class Product:
    """An equation inside each row of `table`: `result` equals the product of the two `factors`.

    Where the row has a percentage in `discount` the result may be less by that.
    """

    table: str
    result: str
    factors: tuple[str, str]
    discount: str = ""


@dataclass(frozen=True)
class Order:
    """A rule of time: the date `earlier` is not after the date `later`."""

    earlier: str
    later: str


@dataclass(frozen=True)
class Signed:
    """What a signed column is where money in and money out are printed in columns of their own: `result` = `plus` or −`minus`.

    Carried out, not judged: it gives a row of `table` the `result` that its print lacks.
    """

    table: str
    result: str
    plus: str
    minus: str


@dataclass(frozen=True)
class Running:
    """An equation from row to row of `table`: `balance` is the balance above it, in the first row `start`, plus `amount`.

    A row that prints no balance passes the sum on to the next that does.
    """

    table: str
    balance: str
    amount: str
    start: str


Rule = Sum | Product | Order | Signed | Running

YES_NO = ("yes", "no")
"""The choices that a boolean is: as text, so that what is neither printed nor ticked stays apart from a no."""


def terms(rule: Rule) -> tuple[str, ...]:
    """The paths that a rule speaks of (`total`, `line_items[].amount`)."""
    if isinstance(rule, Sum):
        return (rule.total, *rule.parts, *rule.optional, *rule.less)
    if isinstance(rule, Product):
        names = filter(None, (rule.result, *rule.factors, rule.discount))
        return tuple(f"{rule.table}[].{name}" for name in names)
    if isinstance(rule, Order):
        return (rule.earlier, rule.later)
    columns = (rule.result, rule.plus, rule.minus) if isinstance(rule, Signed) else (rule.balance, rule.amount)
    return (*(f"{rule.table}[].{name}" for name in columns), *((rule.start,) if isinstance(rule, Running) else ()))


class Row(BaseModel):
    """The base of a row of a table."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class DocumentSchema(BaseModel):
    """The base of every document type; a subclass is a schema, its docstring the description.

    Attributes:
        schema_name: the name on the command line and of the SQL view; the class name in snake case unless set.
        rules: what holds between the fields of a sound document.
        needs_vision: whether only an engine that sees the page can read it; words are not enough.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    schema_name: ClassVar[str] = ""
    rules: ClassVar[tuple[Rule, ...]] = ()
    needs_vision: ClassVar[bool] = False

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Give a schema without a name the snake-case form of its class name."""
        super().__pydantic_init_subclass__(**kwargs)
        if "schema_name" not in cls.__dict__:
            letters = [f"_{c.lower()}" if c.isupper() and i else c.lower() for i, c in enumerate(cls.__name__)]
            cls.schema_name = "".join(letters)


Schema = type[DocumentSchema]


@cache
def specs(model: type[BaseModel]) -> tuple[FieldSpec, ...]:
    """The fields of `model` in order, with their metadata; plain pydantic fields get the kind of their type."""
    return tuple(_spec(name, info) for name, info in model.model_fields.items())


def spec_at(model: type[BaseModel], path: str) -> FieldSpec:
    """The field that `path` (`total`, `line_items[3].amount`, `line_items[].amount`) leads to.

    Raises:
        KeyError: the schema has no such field.
    """
    name, _, column = path.partition(".")
    found = {spec.name: spec for spec in specs(model)}[name.partition("[")[0]]
    return {spec.name: spec for spec in found.columns}[column] if column else found


def fingerprint(model: Schema) -> str:
    """16 hex digits that change with whatever of the schema can change an answer (fields, kinds, labels, rules)."""
    told = repr((model.schema_name, model.__doc__, specs(model), model.rules))
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def load_labels(name: str) -> Mapping[str, Mapping[str, list[str]]]:
    """The labels in `schemas/labels/<name>.toml`: field → language → labels."""
    return {field: told for field, told in _labels_file(name).items() if field != "choices"}


def load_choice_words(name: str, field: str) -> ChoiceWords:
    """The words in `schemas/labels/<name>.toml` that stand for a field's choices: choice → language → words.

    They are written as `[choices.<field>.<choice>]`.
    """
    told: ChoiceWords = _labels_file(name)["choices"][field]
    return told


@cache
def _labels_file(name: str) -> dict[str, Any]:
    text = resources.files("schemas").joinpath("labels", f"{name}.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def _spec(name: str, info: FieldInfo) -> FieldSpec:
    extra = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
    told: Any = extra.get("octoglot", {})
    row = _row_model(info.annotation)
    return FieldSpec(
        name=name,
        kind=Kind.TABLE if row else _kind(info),
        description=info.description or "",
        labels={language: tuple(words) for language, words in told.get("labels", {}).items()},
        required=told.get("required", info.is_required()),
        scale=told.get("scale", 4),
        scheme=told.get("scheme", ""),
        party=told.get("party"),
        choices=_choices(info.annotation),
        choice_words={
            choice: {language: tuple(words) for language, words in languages.items()}
            for choice, languages in told.get("choice_words", _words_of_a(info.annotation)).items()
        },
        columns=specs(row) if row else (),
        written=told.get("written", False),
    )


def _kind(info: FieldInfo) -> Kind:
    told = [kind for kind in info.metadata if isinstance(kind, Kind)]
    if told:
        return told[0]
    if _choices(info.annotation):
        return Kind.CHOICE
    plain = {"Decimal": Kind.NUMBER, "int": Kind.NUMBER, "float": Kind.NUMBER, "date": Kind.DATE}
    names = [getattr(part, "__name__", "") for part in _parts(info.annotation)]
    return next((plain[n] for n in names if n in plain), Kind.TEXT)


def _parts(annotation: Any) -> tuple[Any, ...]:
    """The members of a union without None, or the annotation itself."""
    if get_origin(annotation) in (Union, UnionType):
        return tuple(part for part in get_args(annotation) if part is not type(None))
    return (annotation,)


def _choices(annotation: Any) -> tuple[str, ...]:
    for part in _parts(annotation):
        if get_origin(part) is Literal:
            return tuple(str(choice) for choice in get_args(part))
        if isinstance(part, type) and issubclass(part, Enum):
            return tuple(str(member.value) for member in part)
        if part is bool:
            return YES_NO
    return ()


def _words_of_a(annotation: Any) -> ChoiceWords:
    """The words for yes and no where `annotation` is a boolean's."""
    return load_choice_words("yes_no", "answer") if bool in _parts(annotation) else {}


def _row_model(annotation: Any) -> type[BaseModel] | None:
    for part in _parts(annotation):
        if get_origin(part) in (list, tuple):
            inner = get_args(part)[0]
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                return inner
    return None
