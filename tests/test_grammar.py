"""The grammar of an answer, and the linter: what is let through is sound, and what is not is refused with its place."""

import copy
import json
import re
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, create_model

from pipeline.grammar import LONG, MOST_ROWS, SHORT, answer_schema, check_schema, lint, pattern_offence
from pipeline.normalize import normalize
from pipeline.records import Frame, Leaf, PageWords
from schemas.base import DocumentSchema, Row, Schema, specs
from schemas.errors import SchemaError
from schemas.fields import (
    LANGUAGES,
    Address,
    Currency,
    Date,
    Identifier,
    Kind,
    Money,
    Name,
    Number,
    Percent,
    Text,
    field,
    table,
)
from schemas.registry import BUILT_IN, load_schema

KINDS = (
    Text,
    Name,
    Address,
    Identifier,
    Money,
    Number,
    Percent,
    Date,
    Currency,
    bool | None,
    Literal["paid", "ยังไม่จ่าย", 'a "b"'] | None,
)
NAMES = st.from_regex(r"[a-z][a-z_]{0,12}", fullmatch=True).filter(lambda name: not hasattr(BaseModel, name))


def model(base: type[BaseModel], fields: dict[str, Any]) -> Any:
    return create_model("Made", __base__=base, **fields)


def fields_of(least: int = 1) -> st.SearchStrategy[dict[str, Any]]:
    made = st.tuples(st.sampled_from(KINDS), st.text(max_size=20).map(field))
    return st.dictionaries(NAMES, made, min_size=least, max_size=6)


@st.composite
def schemas(draw: st.DrawFn) -> Schema:
    """Schemas with fields of all kinds and up to two tables among them."""
    fields = draw(fields_of())
    for name in draw(st.lists(NAMES, max_size=2, unique=True)):
        fields[name] = (list[model(Row, draw(fields_of()))], table(draw(st.text(max_size=20))))  # type: ignore[misc]
    return model(DocumentSchema, dict(draw(st.permutations(list(fields.items())))))


def letters(kept: str) -> st.SearchStrategy[str]:
    """Strings of a pattern's kind: what stands for itself, and `kept` with backslashes."""
    plain = st.characters(exclude_characters='"\\\x7f\ufffd', exclude_categories=("Cc", "Cs"))
    piece = st.one_of(plain, st.sampled_from(list("๑๒३é€")), *([st.sampled_from(kept)] if kept else []))
    return st.lists(piece, max_size=40).map("".join)


def instance(node: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Answers that the grammar of `node` lets through."""
    if "properties" in node:
        names = list(node["properties"])  # which fixed_dictionaries shuffles
        drawn = st.fixed_dictionaries({name: instance(child) for name, child in node["properties"].items()})
        return drawn.map(lambda made: {name: made[name] for name in names})
    if "items" in node:
        return st.none() | st.lists(instance(node["items"]), max_size=3)
    if "enum" in node:
        return st.sampled_from(node["enum"])
    texts = (
        letters('"\\\n').map(lambda text: "".join(re.split(r'(?<=["\\\n])', text)[:5]))
        if node["pattern"] == LONG
        else letters("")
    )
    return st.none() | texts


def leaves(answer: dict[str, Any], path: str = "") -> Iterator[Leaf]:
    for name, value in answer.items():
        if isinstance(value, list):
            for number, row in enumerate(value):
                yield from leaves(row, f"{name}[{number}].")
        elif value is not None:
            yield Leaf(path + name, value)


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_built_in_schema_becomes_a_closed_grammar_in_its_own_order(name: str) -> None:
    schema = load_schema(name)
    assert check_schema(schema) == []
    made = answer_schema(schema)
    assert lint(made) == []
    assert list(made["properties"]) == made["required"] == [spec.name for spec in specs(schema)]
    for spec in specs(schema):
        if spec.columns:
            lines = made["properties"][spec.name]
            assert lines["maxItems"] == MOST_ROWS
            assert list(lines["items"]["properties"]) == [column.name for column in spec.columns]
            assert all(column["type"] == ["string", "null"] for column in lines["items"]["properties"].values())
    assert "default" not in json.dumps(made)


@pytest.mark.parametrize("name", BUILT_IN)
def test_the_first_ask_bounds_short_print_only_and_is_else_the_same(name: str) -> None:
    def without_long(node: Any) -> Any:
        if isinstance(node, dict):
            return {key: without_long(value) for key, value in node.items() if (key, value) != ("pattern", LONG)}
        return [without_long(value) for value in node] if isinstance(node, list) else node

    first, second = answer_schema(load_schema(name), bounded=False), answer_schema(load_schema(name))
    assert lint(first) == lint(second) == []
    assert first == without_long(second) != second
    short = [spec.name for spec in specs(load_schema(name)) if spec.kind in (Kind.MONEY, Kind.DATE, Kind.CURRENCY)]
    assert all(first["properties"][field]["pattern"] == SHORT for field in short)


def test_a_zone_for_machines_has_room_for_its_lines() -> None:
    node = answer_schema(load_schema("identity_document"))["properties"]["mrz"]
    assert re.fullmatch(
        node["pattern"], "\\\\n".join(["P<D<<MUSTERMANN<<ERIKA".ljust(44, "<"), "C01X00T478D<<6408125F2702283".ljust(44, "<")])
    )
    assert "pattern" not in answer_schema(load_schema("identity_document"), bounded=False)["properties"]["mrz"]


def test_a_boolean_and_choices_are_enums_with_null() -> None:
    schema = model(DocumentSchema, {"signed": (bool | None, None), "state": (Literal["a", "b"] | None, None)})
    assert check_schema(schema) == []
    made = answer_schema(schema)["properties"]
    assert (made["signed"]["enum"], made["state"]["enum"]) == (["yes", "no", None], ["a", "b", None])


class Line(Row):
    name: Text = field("Name")


class Deep(Row):
    name: Text = field("Name")
    parts: list[Line] = table("Parts")


class Nothing(Row):
    pass


class Size(Enum):
    small = 1


@pytest.mark.parametrize(
    ("annotation", "path", "said"),
    [
        (Line, "made.odd", "a Line cannot be copied"),
        (Line | None, "made.odd", "a Line cannot be copied"),
        (dict[str, str], "made.odd", "cannot be copied"),
        (set[str], "made.odd", "cannot be copied"),
        (Any, "made.odd", "cannot be copied"),
        (datetime | None, "made.odd", "a datetime cannot"),
        (list[str], "made.odd[]", "something else than rows"),
        (list, "made.odd", "a list cannot"),
        (tuple[Line, Line], "made.odd[]", "something else than rows"),
        (str | Decimal | None, "made.odd", "several types"),
        (list[Line] | str, "made.odd", "several types"),
        (None, "made.odd", "several types"),
        (list[Deep], "made.odd[].parts[]", "a table within the table made.odd[]"),
        (list[Nothing], "made.odd[]", "no fields"),
        (Literal["a", 1], "made.odd", "not a printable string"),
        (Literal["a", "b\n"], "made.odd", "not a printable string"),
        (Literal[" "], "made.odd", "not a printable string"),
        (Size, "made.odd", "not a printable string"),
        (Literal[tuple(f"c{i}" for i in range(101))], "made.odd", "101 choices"),
    ],
)
def test_a_field_that_cannot_be_asked_for_is_told_with_its_path(annotation: Any, path: str, said: str) -> None:
    schema = model(DocumentSchema, {"total": (Money, field("Sum")), "odd": (annotation, None)})
    [offence] = check_schema(schema)
    assert (offence.path, bool(offence.next_step)) == (path, True)
    assert said in offence.message
    with pytest.raises(SchemaError, match=re.escape(f"asked for {path}: ")):
        answer_schema(schema)


def test_too_many_fields_none_and_odd_names_are_told() -> None:
    many = {f"f{i}": (Text, field("x")) for i in range(201)}
    assert [o.path for o in check_schema(model(DocumentSchema, many))] == ["made"]
    assert "no fields" in check_schema(model(DocumentSchema, {}))[0].message
    assert [o.path for o in check_schema(model(DocumentSchema, {"größe": (Text, field("x"))}))] == ["made.größe"]
    fine = {"a": (date | None, None), "b": (int, 0), "c": (Literal["x"] | None, None), "d": (tuple[Line, ...], ())}
    assert check_schema(model(DocumentSchema, fine)) == []


@pytest.mark.parametrize(
    "pattern", [SHORT, LONG, r"^[A-Z]{2}\d{0,10}$", "^(ab|c)?d$", '^(\ufffd[^"\\\\\\x00-\\x1F\\x7F]{0,9}|b)$', '^\\\\["n]�$']
)
def test_bounded_patterns_pass(pattern: str) -> None:
    assert pattern_offence(pattern) == ""


@pytest.mark.parametrize(
    "pattern",
    [
        *("a", "^a", "a$", "^$", "^a+$", "^a*$", "^a{2,}$", "^a{0,129}$", "^a{3,1}$", "^a{0}$", "^()$", "^(a$", "^a)$", "^[a$"),
        *(
            "^(?=a)b$",
            "^(?!a)b$",
            "^(?:a)$",
            "^(?<=a)b$",
            r"^(a)\1$",
            r"^\ba$",
            r"^\w{3}$",
            r"^\S$",
            r"^\p{L}$",
            "^a^b$",
            "^a$b$",
        ),
        *(
            "^a{1,3}?$",
            "^a{1,3}+$",
            "^a??$",
            "^.{1,3}$",
            '^"$',
            r"^a\\b$",
            r"^\\n$",
            "^[ -~]$",
            r'^[^"]{1,3}$',
            r"^[\x00-\x40]$",
        ),
        *("^a\n$", "^a\x7f$", "^(a{1,20}){1,5}$", "^(a{0,3}|b){2}$", "^((a{100}){100}){100}$", "^[z-a]$", None, 7),
    ],
)
def test_a_pattern_that_a_backend_may_choke_on_is_refused(pattern: object) -> None:
    assert pattern_offence(pattern)


@pytest.mark.parametrize(
    ("raw", "decoded"),
    [
        (r"19\" Monitor", '19" Monitor'),
        (r"\"Acme\" GmbH", '"Acme" GmbH'),
        (r"a\\b", "a\\b"),
        (r"Weg 1\n123 Ort", "Weg 1\n123 Ort"),
    ],
)
def test_the_long_pattern_takes_the_json_of_quotes_and_line_breaks(raw: str, decoded: str) -> None:
    assert re.fullmatch(LONG, raw)
    assert not re.fullmatch(SHORT, raw)
    assert json.loads(f'"{raw}"') == decoded


@pytest.mark.parametrize("raw", ["a\tb", "a\nb", 'a"b', r"a\qb", "a\\", r"\ud800", "a\x00", "a\x7f", "a\ufffd", "x" * 129])
def test_no_pattern_takes_what_is_not_json(raw: str) -> None:
    assert not re.fullmatch(LONG, raw)


ROOT: dict[str, Any] = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}


def closed(**properties: Any) -> dict[str, Any]:
    return ROOT | {"properties": properties, "required": list(properties)}


@pytest.mark.parametrize(
    ("node", "path"),
    [
        ({}, ""),
        (True, ""),
        ({"type": "string", "pattern": SHORT, "enum": ["a"]}, ""),
        ({"type": "string", "maxLength": 9}, "/maxLength"),
        ({"type": "string", "pattern": SHORT, "maxLength": 9}, "/maxLength"),
        ({"type": "string", "pattern": "^a+$"}, "/pattern"),
        ({"type": "string", "pattern": SHORT, "format": "date"}, "/format"),
        ({"type": "string", "enum": []}, "/enum"),
        ({"type": "string", "enum": ["a", 1]}, "/enum"),
        ({"type": "string", "enum": ["a", None]}, "/enum"),
        ({"type": ["string", "null"], "enum": ["a"]}, "/enum"),
        ({"type": "number"}, "/type"),
        ({"type": ["string", "integer"]}, "/type"),
        ({"type": ["string", "integer", "null"]}, "/type"),
        ({"type": "integer"}, ""),
        ({"type": "integer", "minimum": 0}, ""),
        ({"type": "integer", "minimum": 2, "maximum": 1}, ""),
        ({"type": "array", "items": {"type": "null"}}, ""),
        ({"type": "array", "items": {"type": "null"}, "maxItems": 10**9}, ""),
        ({"type": "array", "maxItems": 9}, ""),
        ({"type": "array", "items": [{"type": "null"}], "maxItems": 9}, "/items"),
        ({"$ref": "#"}, ""),
        ({"anyOf": [{"type": "null"}]}, "/anyOf"),
        ({"anyOf": [{"type": "boolean"}, {"type": "null"}, {"type": "null"}]}, "/anyOf"),
        ({"anyOf": [{"type": "boolean"}, {"type": "null"}], "type": "null"}, "/type"),
        (ROOT, ""),
        (closed(a={"type": "null"}) | {"required": []}, "/required"),
        (closed(a={"type": "null"}) | {"additionalProperties": True}, "/additionalProperties"),
        (closed(**{"a/b": {"type": "null"}}), "/properties/a~1b"),
    ],
)
def test_what_is_not_known_to_work_is_refused_at_its_place(node: Any, path: str) -> None:
    found = [offence.path for offence in lint(closed(x=node))]
    assert f"/properties/x{path}" in found


def test_a_node_of_each_kind_passes() -> None:
    whole = {"type": "integer", "minimum": 0, "maximum": 9}
    nodes = {"a": whole, "b": {"type": "boolean"}, "c": {"type": ["array", "null"], "items": whole, "maxItems": 3}}
    assert lint(closed(**nodes, d={"anyOf": [closed(x={"type": "string", "enum": ["é"]}), {"type": "null"}]})) == []


def test_depth_size_and_root_are_bounded() -> None:
    deep: dict[str, Any] = {"type": "null"}
    for _ in range(10_000):
        deep = closed(a=deep)
    assert any("nested deeper" in offence.message for offence in lint(deep))
    assert any("parts" in o.message for o in lint(closed(**{f"f{i}": {"type": "null"} for i in range(2000)})))
    for root in ({}, [], True, {"type": "array"}):
        assert lint(root) != []  # type: ignore[arg-type]


@pytest.mark.timeout(120)
@settings(deadline=None, max_examples=60)
@given(schemas(), st.data())
def test_any_schema_passes_lint_and_its_answers_can_be_read(schema: Schema, data: st.DataObject) -> None:
    made = answer_schema(schema)
    assert lint(made) == []
    answer = data.draw(instance(made))
    written = json.dumps(answer, ensure_ascii=False, separators=(",", ":"))
    assert json.loads(written, strict=True) == answer
    words = PageWords(1, Frame(595, 842), language=data.draw(st.sampled_from(LANGUAGES)))
    for value in normalize(list(leaves(answer)), schema, words):
        assert value.value is not None or value.problem or not value.verbatim.strip() or value.value == ""


FORBIDDEN = st.sampled_from(
    [
        *("allOf", "oneOf", "not", "if", "then", "else", "patternProperties", "propertyNames", "uniqueItems", "contains"),
        *(
            "multipleOf",
            "minProperties",
            "maxProperties",
            "$ref",
            "$defs",
            "format",
            "minLength",
            "maxLength",
            "const",
            "default",
        ),
        *("prefixItems", "dependentRequired", "unevaluatedProperties", "exclusiveMinimum", "nullable", "$schema", "a/b~c"),
    ]
)


def places(node: dict[str, Any], path: str = "") -> Iterator[tuple[dict[str, Any], str]]:
    yield node, path
    for name, child in node.get("properties", {}).items():
        yield from places(child, f"{path}/properties/{name}")
    if "items" in node:
        yield from places(node["items"], f"{path}/items")


@settings(deadline=None, max_examples=60)
@given(schemas(), FORBIDDEN, st.data())
def test_a_forbidden_keyword_anywhere_is_refused_at_its_place(schema: Schema, word: str, data: st.DataObject) -> None:
    spoilt = copy.deepcopy(answer_schema(schema))
    node, path = data.draw(st.sampled_from(list(places(spoilt))))
    node[word] = data.draw(st.sampled_from([True, 1, [], {}, "x", None]))
    pointer = word.replace("~", "~0").replace("/", "~1")
    assert [offence.path for offence in lint(spoilt)] == [f"{path}/{pointer}"]
