"""Schemas as JSON Schema (draft 2020-12): a user's file is read as one, and each schema can be written as such a file.

What JSON Schema has no words for (labels, kinds, rules) stands under the keyword `x-octoglot`. Whatever of a file would be lost
silently is refused with its place. What is written is read back as the same schema, so a store explains itself.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from schemas.base import Rule, Schema, specs
from schemas.errors import Offence, SchemaError
from schemas.fields import FieldSpec, Kind
from schemas.json_reader import KEYWORD, KINDS, RULES, Reader, escaped, plain

DIALECT = "https://json-schema.org/draft/2020-12/schema"
MOST_BYTES = 1_000_000


def load_json_schema(file: Path) -> Schema:
    """The schema in a JSON Schema file.

    Raises:
        SchemaError: it cannot be read, or something in it is not supported; names the place and what to write instead.
    """
    model, offences = read_json_schema(_told(file), file.stem)
    if model is None:
        first, more = offences[0], len(offences) - 1
        told = f" (and {more} more: `octoglot schemas lint {file}`)" if more else ""
        raise SchemaError(f"schema file {file}, {first.path or '/'}: {first.message}; {first.next_step}{told}")
    return model


def file_offences(file: Path) -> list[Offence]:
    """What of a JSON Schema file is not supported; raises SchemaError where it cannot be read at all."""
    return read_json_schema(_told(file), file.stem)[1]


def read_json_schema(told: Any, stem: str = "document") -> tuple[Schema | None, list[Offence]]:
    """The schema that a JSON Schema describes, or what keeps it from being one.

    Args:
        told: the JSON Schema.
        stem: its file's name without the ending: the schema's name where neither `x-octoglot` nor a title gives one.
    """
    from jsonschema import Draft202012Validator  # takes a while to load, and most commands read no such file

    if not isinstance(told, dict):
        return None, [Offence("", "it is no JSON object", 'begin with {"type": "object", "properties": …}')]
    if str(told.get("$schema", DIALECT)).rstrip("#") != DIALECT:
        return None, [Offence("/$schema", "it is of another draft", f"write {DIALECT}, or leave it out")]
    validator = Draft202012Validator(Draft202012Validator.META_SCHEMA)
    try:
        wrong = sorted(validator.iter_errors(told), key=lambda error: list(map(str, error.path)))
        half = half_character(json.dumps(told, ensure_ascii=False))
    except RecursionError:
        return None, [Offence("", "it is nested too deep", "make it flatter")]
    if wrong:
        return None, [Offence(_pointer(error.absolute_path), error.message[:200], "see json-schema.org") for error in wrong]
    if half:
        return None, [Offence("", f"it holds half a character ({half})", "write the whole one")]
    reader = Reader(told)
    model = reader.document(stem)
    return (None, reader.offences) if reader.offences else (model, [])


def half_character(text: str) -> str:
    """The first half of a surrogate pair that stands alone in `text`, escaped; empty where none does. No file can hold one."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        return ascii(text[error.start])
    return ""


def json_schema(model: Schema) -> dict[str, Any]:
    """The schema as JSON Schema; `read_json_schema` makes the same schema of it."""
    rules = [_rule(rule) for rule in model.rules]
    return {
        "$schema": DIALECT,
        "title": model.schema_name,
        "description": " ".join((model.__doc__ or "").split()),
        **_object(specs(model)),
        KEYWORD: {"name": model.schema_name}
        | ({"rules": rules} if rules else {})
        | ({"needs_vision": True} if model.needs_vision else {}),
    }


def _rule(rule: Rule) -> dict[str, Any]:
    name = next(name for name, sort in RULES.items() if isinstance(rule, sort))
    told = {part: list(value) if isinstance(value, tuple) else value for part, value in asdict(rule).items()}
    return {"rule": name} | told


def _object(columns: Sequence[FieldSpec]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {spec.name: _property(spec) for spec in columns},
        "required": [spec.name for spec in columns if spec.required],
        "additionalProperties": False,
    }


def _property(spec: FieldSpec) -> dict[str, Any]:
    labels = {language: list(words) for language, words in spec.labels.items()}
    if spec.kind is Kind.TABLE:
        made: dict[str, Any] = {"type": "array", "description": spec.description, "items": _object(spec.columns)}
        return made | ({KEYWORD: {"labels": labels}} if labels else {})
    sort = next((sort for sort in ("string", "number") if spec.kind in KINDS[sort]), "string")
    made = {"type": [sort, "null"], "description": spec.description}
    told: dict[str, Any] = {"labels": labels} if labels else {}
    if spec.kind is Kind.CHOICE:
        made["enum"] = [*spec.choices, None]
        if spec.choice_words:
            told["choice_words"] = {choice: plain(words) for choice, words in spec.choice_words.items()}
    elif spec.kind is Kind.DATE:
        made["format"] = "date"
    elif spec.kind is not KINDS[sort][0]:
        told["kind"] = spec.kind.value
    told |= {"scale": spec.scale} if spec.scale != 4 else {}
    told |= {name: value for name in ("scheme", "party", "written") if (value := getattr(spec, name))}
    return made | ({KEYWORD: told} if told else {})


def _told(file: Path) -> Any:
    try:
        text = file.read_bytes()
        if len(text) > MOST_BYTES:
            raise SchemaError(f"schema file {file} has more than {MOST_BYTES:,} bytes; part it into schemas")
        return json.loads(text)
    except FileNotFoundError as error:
        raise SchemaError(f"there is no schema file {file}") from error
    except (OSError, ValueError, RecursionError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise SchemaError(f"schema file {file} cannot be read: {why}") from error


def _pointer(path: Iterable[str | int]) -> str:
    return "".join(f"/{escaped(str(part))}" for part in path)
