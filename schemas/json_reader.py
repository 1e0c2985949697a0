"""Reading one JSON Schema: each property becomes a field of a pydantic model, and what would be lost silently an offence."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any, Literal, NamedTuple, TypeVar

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError, create_model

from schemas.base import DocumentSchema, Order, Product, Row, Rule, Running, Schema, Signed, Sum
from schemas.errors import Offence
from schemas.fields import (
    Address,
    ChoiceWords,
    Currency,
    Date,
    Identifier,
    Kind,
    Money,
    Name,
    Number,
    Party,
    Percent,
    Text,
    field,
    table,
)

KEYWORD = "x-octoglot"
MOST_REFS = 20
"""Of references one after another: more go round in a circle."""

RULES: Mapping[str, type[Any]] = {"sum": Sum, "product": Product, "order": Order, "signed": Signed, "running": Running}
"""The rules by the name that they have in a file."""

_ANNOTATIONS: Mapping[Kind, Any] = {
    Kind.TEXT: Text,
    Kind.NAME: Name,
    Kind.ADDRESS: Address,
    Kind.IDENTIFIER: Identifier,
    Kind.MONEY: Money,
    Kind.NUMBER: Number,
    Kind.PERCENT: Percent,
    Kind.DATE: Date,
    Kind.CURRENCY: Currency,
}
KINDS: Mapping[str, tuple[Kind, ...]] = {
    "string": (Kind.TEXT, Kind.NAME, Kind.ADDRESS, Kind.IDENTIFIER, Kind.CURRENCY, Kind.DATE),
    "number": (Kind.NUMBER, Kind.MONEY, Kind.PERCENT),
    "integer": (Kind.NUMBER,),
}
"""The kinds that a type may have; the first is what it is where nothing is said."""

_FORMATS = {"date": Kind.DATE, "email": Kind.IDENTIFIER}
_SAID = (
    *("title", "description", "examples", "deprecated", "readOnly", "writeOnly", "default", KEYWORD),
    *("$schema", "$id", "$anchor", "$comment", "$defs", "definitions"),
)
_KEPT: Mapping[str, tuple[str, ...]] = {
    "object": ("properties", "required", "additionalProperties"),
    "array": ("items",),
    "string": ("enum", "const", "format"),
    "number": (),
    "integer": (),
    "boolean": (),
}
_STEPS = {
    "anyOf": 'write one type, alone or with null: "anyOf": [X, {"type": "null"}]',
    "oneOf": 'write one type, alone or with null: "oneOf": [X, {"type": "null"}]',
    "allOf": "write its parts into one object",
    "patternProperties": "name each field under properties",
    "propertyNames": "name each field under properties",
    "additionalProperties": "name each field under properties, and leave it out or false",
    "prefixItems": 'write "items": an object with the columns',
    "format": 'leave it out; "date" and "email" are known, and x-octoglot has kind and scheme',
    "nullable": 'write "type": [X, "null"], or leave it out: any value may lack',
    "unevaluatedProperties": 'write "additionalProperties": false, or leave it out',
    **dict.fromkeys(("if", "then", "else", "not", "dependentRequired", "dependentSchemas"), "write it as a rule of x-octoglot"),
    "default": "leave it out: a value comes from the page or not at all",
}
_HELD = "leave it out: values are copied as they are printed, and not held to it"
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")

_T = TypeVar("_T", bound=BaseModel)
_Language = Literal["en", "de", "fr", "it", "pt", "hi", "es", "th"]
_Words = dict[_Language, list[str]]


class _Told(BaseModel):
    """What `x-octoglot` may say of a field."""

    model_config = ConfigDict(extra="forbid", strict=False)
    kind: Kind | None = None
    labels: _Words = {}
    scheme: Literal["", "document_number", "tax_id", "iban", "bic", "phone", "email", "mrz"] = ""
    party: Party | None = None
    scale: int | None = None
    choice_words: dict[str, _Words] = {}
    written: bool = False


class _ToldOfAll(BaseModel):
    """What `x-octoglot` may say of the schema."""

    model_config = ConfigDict(extra="forbid")
    name: str = ""
    rules: list[dict[str, Any]] = []
    needs_vision: bool = False


class _Field(NamedTuple):
    annotation: Any
    info: Any


class Reader:
    """Walks one JSON Schema and makes pydantic models of it; what it cannot use it notes, and goes on."""

    def __init__(self, root: dict[str, Any]) -> None:
        self._root = root
        self.offences: list[Offence] = []

    def document(self, stem: str) -> Schema | None:
        """The schema; None, or one that is not whole, where there are offences."""
        node, _ = self._resolved(self._root, "")
        if node is None or not self._is(node, "object", ""):
            return None
        about = self._about(_ToldOfAll, node, "")
        made = self._fields(node, "", DocumentSchema)
        if about is None or not made or self.offences:
            return None
        name = about.name or snake(str(node.get("title", ""))) or snake(stem)
        said = str(node.get("description") or node.get("title") or name)
        model: Schema = create_model("".join(map(str.title, name.split("_"))), __base__=DocumentSchema, __doc__=said, **made)
        model.schema_name, model.needs_vision = name, about.needs_vision
        model.rules = tuple(rule for number, told in enumerate(about.rules) if (rule := self._rule(told, number)))
        return model

    def _fields(self, node: Mapping[str, Any], path: str, base: type[BaseModel], within: str = "") -> dict[str, Any]:
        """The fields of an object, by name; `within` is the table whose row it is."""
        if node.get("additionalProperties", False) is not False:
            self._note(f"{path}/additionalProperties", "other fields cannot be read", _STEPS["additionalProperties"])
        properties = node.get("properties", {})
        if not properties:
            self._note(path, "it has no properties", "name the fields under properties")
        required = dict.fromkeys(node.get("required", ()))
        for name in required:
            if name not in properties:
                self._note(f"{path}/required", f"there is no property {name!r}", "leave it out, or give it a type")
        made = {}
        for name, child in properties.items():
            here = f"{path}/properties/{escaped(name)}"
            if not _NAME.fullmatch(name) or hasattr(base, name) or name.startswith("model_"):
                why = "a word that is taken" if _NAME.fullmatch(name) else "not made of a-z, 0-9 and _"
                self._note(here, f"its name is {why}", "call it otherwise")
            elif found := self._field(child, here, name in required, within):
                made[name] = found
        return made

    def _field(self, told: Any, path: str, required: bool, within: str) -> _Field | None:
        node, sort = self._resolved(told, path)
        if node is None:
            return None
        if sort == "object":
            self._note(
                path, "an object within an object", "write its properties beside it (seller_name), or an array of objects"
            )
        elif sort == "array":
            return self._table(node, path, within)
        elif about := self._about(_Told, node, path):
            return self._leaf(node, sort, about, path, required)
        return None

    def _table(self, node: Mapping[str, Any], path: str, within: str) -> _Field | None:
        if within:
            self._note(path, f"a table within the table {within}", "make its columns columns of that table")
            return None
        row, sort = self._resolved(node.get("items"), f"{path}/items") if "items" in node else (None, "")
        if "items" not in node or (row is not None and sort != "object"):
            step = 'write "items": {"type": "object", "properties": …}, with one property at least'
            self._note(f"{path}/items", "it is a list of something else than rows", step)
            return None
        about = self._about(_Told, node, path)
        columns = self._fields(row, f"{path}/items", Row, within=path) if row is not None else {}
        if about is None or not columns:
            return None
        for word in ("kind", "scheme", "party", "scale", "choice_words"):
            if getattr(about, word):
                self._note(f"{path}/{KEYWORD}/{word}", "a table has none", "write it at a column")
        model = create_model("".join(map(str.title, path.rpartition("/")[2].split("_"))), __base__=Row, **columns)
        return _Field(list[model], table(_said(node), labels=plain(about.labels)))

    def _leaf(self, node: Mapping[str, Any], sort: str, about: _Told, path: str, required: bool) -> _Field | None:
        kind, annotation, scheme = self._kind(node, sort, about, path)
        if annotation is None:
            return None
        if scheme and kind is not Kind.IDENTIFIER:
            self._note(f"{path}/{KEYWORD}/scheme", f"a {kind} has none", f'write "{KEYWORD}": {{"kind": "identifier", …}}')
        if about.scale is not None and (kind not in (Kind.MONEY, Kind.NUMBER) or not 0 <= about.scale <= 12):
            self._note(f"{path}/{KEYWORD}/scale", "it is not 0 to 12 decimals of money or a number", "leave it out")
        if about.choice_words and kind is not Kind.CHOICE:
            self._note(f"{path}/{KEYWORD}/choice_words", f"a {kind} has no choices", "give it an enum")
        words: ChoiceWords = {choice: plain(languages) for choice, languages in about.choice_words.items()}
        info = field(
            _said(node),
            labels=plain(about.labels),
            required=required,
            scale=about.scale if about.scale is not None else 0 if sort == "integer" else 4,
            scheme=scheme,
            party=about.party,
            choice_words=words or None,
            written=about.written,
        )
        return _Field(annotation, info)

    def _kind(self, node: Mapping[str, Any], sort: str, about: _Told, path: str) -> tuple[Kind, Any, str]:
        """The kind of a leaf, its annotation (None where it has an offence) and its scheme."""
        choices = node.get("enum", [node["const"]] if "const" in node else None)
        if sort == "boolean" or choices is not None:
            if about.kind not in (None, Kind.CHOICE):
                self._note(f"{path}/{KEYWORD}/kind", f"choices are no {about.kind}", "leave it out")
            if sort == "boolean":
                return Kind.CHOICE, bool | None, about.scheme
            texts = [choice for choice in choices or () if choice is not None]
            if not texts or not all(isinstance(text, str) and text.strip() and text.isprintable() for text in texts):
                self._note(f"{path}/enum", "a choice is not a printable string", "write strings, and null where it may lack")
                return Kind.CHOICE, None, ""
            return Kind.CHOICE, Literal[tuple(texts)] | None, about.scheme
        told = node.get("format")
        if told is not None and told not in _FORMATS:
            self._note(f"{path}/format", f"the format {told!r} is not read", _STEPS["format"])
            return Kind.TEXT, None, ""
        kind = about.kind or (_FORMATS[told] if told else KINDS[sort][0])
        if kind not in KINDS[sort] or (told and kind is not _FORMATS[told]):
            allowed = ", ".join(KINDS[sort])
            self._note(f"{path}/{KEYWORD}/kind", f"a {told or sort} is no {kind}", f"write one of {allowed}, or leave it out")
            return kind, None, ""
        return kind, _ANNOTATIONS[kind], about.scheme or ("email" if told == "email" else "")

    def _resolved(self, told: Any, path: str) -> tuple[dict[str, Any] | None, str]:
        """A node with its references followed and null taken out, and its one type; None where it has an offence."""
        for _ in range(MOST_REFS):
            if not isinstance(told, dict) or not told:
                self._note(path, "it says nothing of its type", 'give it a "type"')
                return None, ""
            if "$ref" in told:
                told = self._merged(self._target(told["$ref"], path), told, "$ref")
            elif word := next((word for word in ("anyOf", "oneOf", "allOf") if word in told), ""):
                rest = [option for option in told[word] if option != {"type": "null"}]
                if len(rest) != 1 or (word == "allOf") != (len(told[word]) == 1):
                    self._note(f"{path}/{word}", "it is not one thing", _STEPS[word])
                    return None, ""
                told = self._merged(rest[0], told, word)
            else:
                return self._typed(told, path)
            if told is None:
                return None, ""
        self._note(path, "its references go round in a circle", "write the type itself")
        return None, ""

    def _typed(self, node: dict[str, Any], path: str) -> tuple[dict[str, Any] | None, str]:
        types = node.get("type", "string" if {"enum", "const"} & set(node) else [])
        sorts = [sort for sort in ([types] if isinstance(types, str) else types) if sort != "null"]
        if len(sorts) != 1:
            step = f'write one of {", ".join(_KEPT)}, alone or as [X, "null"]'
            self._note(f"{path}/type" if "type" in node else path, "it is not of one type", step)
            return None, ""
        for word in node:
            if word not in ("type", *_SAID, *_KEPT[sorts[0]]):
                self._note(f"{path}/{escaped(word)}", f"{word!r} is not supported here", _STEPS.get(word, _HELD))
        if node.get("default") is not None:
            self._note(f"{path}/default", "a default is no value of the page", _STEPS["default"])
        return node, sorts[0]

    def _target(self, reference: str, path: str) -> Any:
        """What a reference within the file points to; None, and an offence, where there is nothing."""
        node: Any = self._root
        for part in reference.removeprefix("#").split("/")[1:] if reference.startswith("#/") else [None]:
            name = part.replace("~1", "/").replace("~0", "~") if part is not None else None
            node = node.get(name) if isinstance(node, dict) else None
        if reference == "#" or not isinstance(node, dict):
            self._note(
                f"{path}/$ref", f"{reference!r} is not in this file", "write #/$defs/NAME, and the definition under $defs"
            )
            return None
        return node

    def _merged(self, target: Any, over: dict[str, Any], word: str) -> dict[str, Any] | None:
        """What is pointed to, under what is said beside the pointer."""
        return {**target, **{name: told for name, told in over.items() if name != word}} if isinstance(target, dict) else None

    def _is(self, node: Mapping[str, Any], sort: str, path: str) -> bool:
        right = bool(node.get("type", sort) == sort)
        if not right:
            self._note(path, "it is not an object", 'begin with {"type": "object", "properties": …}')
        return right

    def _about(self, sort: type[_T], node: Mapping[str, Any], path: str) -> _T | None:
        try:
            return sort.model_validate(node.get(KEYWORD, {}))
        except ValidationError as error:
            for one in error.errors():
                place = "/".join(escaped(str(part)) for part in one["loc"] if part != "[key]")
                known = ", ".join(sort.model_fields)
                self._note(f"{path}/{KEYWORD}/{place}".rstrip("/"), one["msg"], f"{KEYWORD} knows here: {known}")
            return None

    def _rule(self, told: dict[str, Any], number: int) -> Rule | None:
        path = f"/{KEYWORD}/rules/{number}"
        sort = RULES.get(str(told.get("rule")))
        given = {name: value for name, value in told.items() if name != "rule"}
        if sort is None or set(given) - {one.name for one in fields(sort)}:
            known = "; ".join(f"{name}: {', '.join(one.name for one in fields(made))}" for name, made in RULES.items())
            self._note(path, "there is no such rule", f'write {{"rule": NAME, …}} with one of {known}')
            return None
        try:
            made: Rule = TypeAdapter(sort).validate_python(given)
        except ValidationError as error:
            first = error.errors()[0]
            self._note(f"{path}/{'/'.join(map(str, first['loc']))}", first["msg"], "write the names of fields")
            return None
        return made

    def _note(self, path: str, message: str, next_step: str) -> None:
        self.offences.append(Offence(path, message, next_step))


def _said(node: Mapping[str, Any]) -> str:
    return " ".join(str(node.get("description") or node.get("title") or "").split())


def plain(words: Mapping[Any, Iterable[str]]) -> dict[str, list[str]]:
    """Words by language, as plain lists."""
    return {str(language): list(told) for language, told in words.items()}


def escaped(name: str) -> str:
    """A name as a part of a JSON pointer."""
    return name.replace("~", "~0").replace("/", "~1")


def snake(name: str) -> str:
    """`Delivery note`, `DeliveryNote` and `delivery-note` as `delivery_note`; empty where no letter is left."""
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    made = re.sub(r"[^a-z0-9]+", "_", parted.lower()).strip("_")
    return made if made and made[0].isalpha() else ""
