"""JSON Schema files as schemas: what is in one is kept, what would be lost is refused with its place, all can be written."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.arrow import record_type, shard_schema
from pipeline.grammar import answer_schema, check_schema
from schemas.base import Order, Product, Schema, Sum, fingerprint, spec_at, specs
from schemas.errors import SchemaError
from schemas.fields import Kind
from schemas.json_reader import RULES
from schemas.json_schema import DIALECT, file_offences, json_schema, load_json_schema, read_json_schema
from schemas.registry import BUILT_IN, absolute, load_schema
from tests.test_grammar import schemas as any_schema

DELIVERY: dict[str, Any] = {
    "$schema": DIALECT,
    "title": "Delivery note",
    "description": "A delivery note: what was handed over, to whom and when.",
    "type": "object",
    "properties": {
        "note_number": {
            "type": "string",
            "description": "Number of the note",
            "x-octoglot": {
                "kind": "identifier",
                "scheme": "document_number",
                "labels": {"en": ["Delivery note no"], "de": ["Lieferschein-Nr"]},
            },
        },
        "delivered_on": {"type": ["string", "null"], "format": "date", "description": "Day of delivery"},
        "value": {"anyOf": [{"type": "number"}, {"type": "null"}], "x-octoglot": {"kind": "money"}},
        "signed": {"anyOf": [{"type": "boolean"}, {"type": "null"}], "description": "Whether it was signed"},
        "state": {"enum": ["whole", "in parts", None], "x-octoglot": {"choice_words": {"whole": {"de": ["komplett"]}}}},
        "contact": {"type": "string", "format": "email"},
        "receiver": {"$ref": "#/$defs/Party"},
        "goods": {"type": "array", "description": "What was handed over", "items": {"$ref": "#/$defs/Goods"}},
    },
    "required": ["note_number"],
    "additionalProperties": False,
    "$defs": {
        "Party": {"type": "string", "description": "A party's name", "x-octoglot": {"kind": "name", "party": "recipient"}},
        "Goods": {
            "type": "object",
            "properties": {
                "name": {"type": "string"},
                "pieces": {"type": "integer"},
                "price": {"type": "number", "x-octoglot": {"kind": "money", "scale": 8}},
                "amount": {"type": "number", "x-octoglot": {"kind": "money"}},
            },
            "required": ["name"],
        },
    },
    "x-octoglot": {
        "rules": [
            {"rule": "product", "table": "goods", "result": "amount", "factors": ["pieces", "price"]},
            {"rule": "sum", "total": "value", "parts": ["goods[].amount"]},
        ]
    },
}


def made(told: Any) -> Schema:
    model, offences = read_json_schema(told)
    assert model is not None, offences
    return model


def offences(told: Any) -> list[tuple[str, str]]:
    model, found = read_json_schema(told)
    assert model is None and all(one.next_step for one in found)
    return [(one.path, one.message) for one in found]


def of(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def test_a_file_becomes_a_schema_with_all_that_it_says(tmp_path: Path) -> None:
    (tmp_path / "delivery.json").write_text(json.dumps(DELIVERY))
    model = load_schema(absolute("delivery.json", tmp_path))
    assert (model.schema_name, model.__doc__) == ("delivery_note", DELIVERY["description"])
    kinds = {spec.name: spec.kind for spec in specs(model)}
    assert kinds == {
        "note_number": Kind.IDENTIFIER,
        "delivered_on": Kind.DATE,
        "value": Kind.MONEY,
        "signed": Kind.CHOICE,
        "state": Kind.CHOICE,
        "contact": Kind.IDENTIFIER,
        "receiver": Kind.NAME,
        "goods": Kind.TABLE,
    }
    number = spec_at(model, "note_number")
    assert (number.required, number.scheme, number.labels["de"]) == (True, "document_number", ("Lieferschein-Nr",))
    assert spec_at(model, "receiver").party == "recipient"
    assert spec_at(model, "receiver").description == "A party's name"
    assert spec_at(model, "contact").scheme == "email"
    assert spec_at(model, "signed").choices == ("yes", "no")
    assert spec_at(model, "state").choices == ("whole", "in parts")
    assert spec_at(model, "state").choice_words["whole"]["de"] == ("komplett",)
    pieces, price = spec_at(model, "goods[].pieces"), spec_at(model, "goods[].price")
    assert (pieces.kind, pieces.scale, price.scale) == (Kind.NUMBER, 0, 8)
    assert spec_at(model, "goods[].name").required and not spec_at(model, "goods[].pieces").required
    assert model.rules == (Product("goods", "amount", ("pieces", "price")), Sum("value", ("goods[].amount",)))
    assert check_schema(model) == [] == file_offences(tmp_path / "delivery.json")
    assert answer_schema(model)["properties"]["signed"]["enum"] == ["yes", "no", None]
    assert str(record_type(model)["goods"].type).startswith("list<")


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_built_in_schema_that_is_written_is_read_back_as_it_was(name: str) -> None:
    model = load_schema(name)
    back = made(json.loads(json.dumps(json_schema(model))))
    assert specs(back) == specs(model)
    assert (back.rules, back.schema_name, back.needs_vision) == (model.rules, model.schema_name, model.needs_vision)


@given(any_schema())
def test_any_schema_that_is_written_is_read_back_as_it_was(model: Schema) -> None:
    back = made(json.loads(json.dumps(json_schema(model))))

    def folded(text: str) -> str:
        return " ".join(text.split())

    def told(schema: Schema) -> list[tuple[Any, ...]]:
        leaves = [leaf for spec in specs(schema) for leaf in (spec, *spec.columns)]
        return [(leaf.name, leaf.kind, leaf.choices, leaf.scale, folded(leaf.description)) for leaf in leaves]

    assert told(back) == told(model)
    assert record_type(back) == record_type(model)
    assert answer_schema(back).keys() == answer_schema(model).keys()


def test_a_store_holds_the_json_schema_that_its_views_can_be_made_of_again() -> None:
    metadata = shard_schema(made(DELIVERY)).metadata
    back = made(json.loads(metadata[b"octoglot.json_schema"]))
    assert record_type(back) == record_type(made(DELIVERY))
    assert (back.schema_name, back.rules) == ("delivery_note", made(DELIVERY).rules)


def test_the_fingerprint_follows_what_a_file_says() -> None:
    first = fingerprint(made(DELIVERY))
    assert first == fingerprint(made(json.loads(json.dumps(DELIVERY))))
    kind = json.loads(json.dumps(DELIVERY).replace('"kind": "name"', '"kind": "text"'))
    label = json.loads(json.dumps(DELIVERY).replace("Lieferschein-Nr", "Nr. des Lieferscheins"))
    assert len({first, fingerprint(made(kind)), fingerprint(made(label))}) == 3


@pytest.mark.parametrize(
    ("told", "stem", "name"),
    [
        ({"x-octoglot": {"name": "note"}, "title": "A title"}, "file", "note"),
        ({"title": "Delivery Note (2024)"}, "file", "delivery_note_2024"),
        ({"title": "DeliveryNote"}, "file", "delivery_note"),
        ({"title": "ใบส่งของ"}, "my-file", "my_file"),
        ({}, "Delivery", "delivery"),
    ],
)
def test_the_name_is_the_users_or_the_title_or_the_files(told: dict[str, Any], stem: str, name: str) -> None:
    model, _ = read_json_schema(of(a={"type": "string"}) | told, stem)
    assert model is not None and model.schema_name == name


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        ({"type": ["null", "string"]}, Kind.TEXT),
        ({"oneOf": [{"type": "null"}, {"type": "string", "format": "date"}]}, Kind.DATE),
        ({"allOf": [{"$ref": "#/$defs/T"}], "description": "x"}, Kind.MONEY),
        ({"$ref": "#/$defs/U"}, Kind.MONEY),
        ({"$ref": "#/$defs/a~1b"}, Kind.PERCENT),
        ({"const": "a"}, Kind.CHOICE),
        ({"type": "string", "enum": ["a", "b"], "default": None, "examples": ["a"]}, Kind.CHOICE),
        ({"type": "integer"}, Kind.NUMBER),
    ],
)
def test_types_are_read_in_all_the_ways_that_they_are_written(told: dict[str, Any], kind: Kind) -> None:
    more = {
        "T": {"type": "number", "x-octoglot": {"kind": "money"}},
        "U": {"anyOf": [{"$ref": "#/$defs/T"}, {"type": "null"}]},
        "a/b": {"type": "number", "x-octoglot": {"kind": "percent"}},
    }
    assert spec_at(made(of(a=told) | {"$defs": more}), "a").kind is kind


ROWS = {"type": "array", "items": of(a={"type": "string"})}


@pytest.mark.parametrize(
    ("told", "path", "said"),
    [
        ([], "", "no JSON object"),
        ({"type": "string"}, "", "not an object"),
        ({"type": "object"}, "", "no properties"),
        ({"type": "object", "properties": {"a": {"type": "text"}}}, "/properties/a/type", "not valid"),
        ({"$schema": "http://json-schema.org/draft-07/schema#"} | of(a={"type": "string"}), "/$schema", "another draft"),
        ({"$schema": 5} | of(a={"type": "string"}), "/$schema", "another draft"),
        (of(a={}), "/properties/a", "says nothing of its type"),
        (of(a=True), "/properties/a", "says nothing of its type"),
        (of(a={"type": ["string", "number"]}), "/properties/a/type", "not of one type"),
        (of(a={"type": "null"}), "/properties/a/type", "not of one type"),
        (of(a={"anyOf": [{"type": "string"}, {"type": "number"}]}), "/properties/a/anyOf", "not one thing"),
        (of(a={"allOf": [{"type": "string"}, {"type": "string"}]}), "/properties/a/allOf", "not one thing"),
        (of(a={"$ref": "#/$defs/no"}), "/properties/a/$ref", "not in this file"),
        (of(a={"$ref": "other.json#/a"}), "/properties/a/$ref", "not in this file"),
        (of(a={"$ref": "#"}), "/properties/a/$ref", "not in this file"),
        (of(a={"$ref": "#/$defs/a"}) | {"$defs": {"a": {"$ref": "#/$defs/a"}}}, "/properties/a", "in a circle"),
        (of(a={"type": "string", "maxLength": 3}), "/properties/a/maxLength", "'maxLength' is not supported"),
        (of(a={"type": "string", "pattern": "^x$"}), "/properties/a/pattern", "'pattern' is not supported"),
        (of(a={"type": "number", "minimum": 0}), "/properties/a/minimum", "'minimum' is not supported"),
        (of(a={"type": "string", "nullable": True}), "/properties/a/nullable", "'nullable' is not supported"),
        (of(a={"type": "string", "format": "date-time"}), "/properties/a/format", "'date-time' is not read"),
        (of(a={"type": "string", "default": "x"}), "/properties/a/default", "no value of the page"),
        (of(a={"enum": [1, 2]}), "/properties/a/enum", "not a printable string"),
        (of(a={"enum": [None]}), "/properties/a/enum", "not a printable string"),
        (of(a=of(b={"type": "string"})), "/properties/a", "an object within an object"),
        (of(a={"type": "array"}), "/properties/a/items", "something else than rows"),
        (of(a={"type": "array", "items": {"type": "string"}}), "/properties/a/items", "something else than rows"),
        (of(a={"type": "array", "items": of(b=ROWS)}), "/properties/a/items/properties/b", "a table within the table"),
        (of(a=ROWS | {"minItems": 1}), "/properties/a/minItems", "'minItems' is not supported"),
        (of(a=ROWS | {"x-octoglot": {"kind": "money"}}), "/properties/a/x-octoglot/kind", "a table has none"),
        (of(**{"a-b": {"type": "string"}}), "/properties/a-b", "not made of a-z"),
        (of(**{"a/b": {"type": "string"}}), "/properties/a~1b", "not made of a-z"),
        (of(ราคา={"type": "string"}), "/properties/ราคา", "not made of a-z"),
        (of(rules={"type": "string"}), "/properties/rules", "a word that is taken"),
        (of(copy={"type": "string"}), "/properties/copy", "a word that is taken"),
        (of(a={"type": "string"}) | {"required": ["b"]}, "/required", "there is no property 'b'"),
        (of(a={"type": "string"}) | {"additionalProperties": True}, "/additionalProperties", "other fields"),
        (of(a={"type": "string"}) | {"if": {}}, "/if", "'if' is not supported"),
        (of(a={"type": "string", "x-octoglot": {"kind": "money"}}), "/properties/a/x-octoglot/kind", "a string is no money"),
        (of(a={"type": "boolean", "x-octoglot": {"kind": "text"}}), "/properties/a/x-octoglot/kind", "choices are no text"),
        (of(a={"type": "string", "x-octoglot": {"knd": "text"}}), "/properties/a/x-octoglot/knd", "not permitted"),
        (of(a={"type": "string", "x-octoglot": {"labels": {"nl": ["x"]}}}), "/properties/a/x-octoglot/labels/nl", "should be"),
        (of(a={"type": "string", "x-octoglot": {"scheme": "iban"}}), "/properties/a/x-octoglot/scheme", "a text has none"),
        (of(a={"type": "number", "x-octoglot": {"scale": 40}}), "/properties/a/x-octoglot/scale", "0 to 12 decimals"),
        (of(a={"type": "string"}) | {"x-octoglot": {"rules": [{"rule": "som"}]}}, "/x-octoglot/rules/0", "no such rule"),
        (
            of(a={"type": "string"}) | {"x-octoglot": {"rules": [{"rule": "order", "earlier": "a"}]}},
            "/x-octoglot/rules/0/later",
            "required",
        ),
    ],
)
def test_what_is_not_supported_is_refused_with_its_place(told: Any, path: str, said: str) -> None:
    found = offences(told)
    assert found[0][0] == path
    assert said in found[0][1]


def test_all_offences_are_told_at_once() -> None:
    told = of(a={"type": "string", "maxLength": 1}, b={}, c={"type": "array"})
    assert [path for path, _ in offences(told)] == ["/properties/a/maxLength", "/properties/b", "/properties/c/items"]


def test_a_file_nested_without_end_is_refused() -> None:
    told: dict[str, Any] = {"type": "string"}
    for _ in range(900):
        told = of(a=told)
    assert offences(told) == [("", "it is nested too deep")]


def test_a_table_that_refers_to_itself_is_refused_and_ends() -> None:
    told = of(parts={"$ref": "#/$defs/Parts"}) | {
        "$defs": {"Parts": {"type": "array", "items": of(name={"type": "string"}, parts={"$ref": "#/$defs/Parts"})}}
    }
    assert offences(told) == [("/properties/parts/items/properties/parts", "a table within the table /properties/parts")]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "cannot be read: Expecting"),
        ("[" * 100_000, "cannot be read"),
        ("\xff", "cannot be read"),
        (json.dumps({"a": "x" * 1_000_001}), "more than 1,000,000 bytes"),
        (
            json.dumps(of(a={"type": "string", "maxLength": 1}, b={})),
            "/properties/a/maxLength: 'maxLength' is not supported here; leave it out: .* (and 1 more: `octoglot schemas lint",
        ),
        (json.dumps(of(a={"type": "string"}) | {"title": "Invoice"}), "'invoice' is built in"),
        (json.dumps(of(a={"type": "string"}) | {"title": "Question"}), "'question' is built in"),
        (json.dumps(of(a={"type": "string"}) | {"title": "pages"}), "cannot be the name of a view"),
        (
            json.dumps(of(a={"type": "string"}) | {"title": "Invoice line items"}),
            "'invoice_line_items' would take the place of",
        ),
        (json.dumps(of(statement=ROWS) | {"title": "bank"}), "'bank_statement' would take the place of"),
        (json.dumps(of(a={"type": "string"}) | {"title": "a" * 201}), "more than 200 bytes"),
        (json.dumps(of(a={"type": "string", "description": "x\ud800"})), r"it holds half a character \('\\ud800'\)"),
        (json.dumps(of(a={"type": "string"}) | {"description": "\udfff"}), "holds half a character"),
        (json.dumps(of(a={"enum": ["x"], "x-octoglot": {"choice_words": {"x": {"en": ["\ud800"]}}}})), "holds half"),
        (
            json.dumps(of(a={"type": "string", "x-octoglot": {"labels": {"en": ["A", " "]}}})),
            "a label or a word of 'a' is blank",
        ),
        (json.dumps(of(a={"enum": ["x"], "x-octoglot": {"choice_words": {"x": {"en": [""]}}}})), "word of 'a' is blank"),
        (json.dumps(of(source={"type": "string"})), "'source' is a column that the view has already"),
        (
            json.dumps(of(a={"type": "string"}) | {"x-octoglot": {"rules": [{"rule": "order", "earlier": "a", "later": "b"}]}}),
            "speaks of 'b', which it has not",
        ),
        (
            json.dumps(
                of(a={"type": "string"}, b={"type": "string", "format": "date"})
                | {"x-octoglot": {"rules": [{"rule": "order", "earlier": "a", "later": "b"}]}}
            ),
            "speaks of 'a', which is text, not date",
        ),
        (
            json.dumps(
                of(a={"type": "number"}, b=ROWS) | {"x-octoglot": {"rules": [{"rule": "sum", "total": "a", "parts": ["b"]}]}}
            ),
            "speaks of 'b', which is table, not money or number or percent",
        ),
        (
            json.dumps(of(a={"enum": ["x"], "x-octoglot": {"choice_words": {"y": {"en": ["Y"]}}}})),
            "has words for 'y'; its choices are x",
        ),
    ],
)
def test_a_file_that_is_no_schema_is_refused_in_words(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "own.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(SchemaError, match=said.replace("(and", r"\(and")):
        load_schema(str(tmp_path / "own.json"))
    with pytest.raises(SchemaError, match="there is no schema file"):
        load_json_schema(tmp_path / "absent.json")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["string", "object", "array", "#/properties/a", "null"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["type", "properties", "items", "$ref", "anyOf", "enum", "required", "x-octoglot", "a", "rules", "kind"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(JSON)
def test_whatever_is_in_a_file_it_is_a_schema_or_it_is_told_why_not(told: Any) -> None:
    model, found = read_json_schema(told)
    assert (model is None) == bool(found)
    if model is not None:
        assert specs(model) and answer_schema(model)["properties"]


def test_every_rule_can_be_written_in_a_file() -> None:
    assert {name.title() for name in RULES} == {sort.__name__ for sort in RULES.values()}
    told = of(a={"type": "string", "format": "date"}, b={"type": "string", "format": "date"})
    told["x-octoglot"] = {"rules": [{"rule": "order", "earlier": "a", "later": "b"}]}
    assert made(told).rules == (Order("a", "b"),)
    assert re.search('"rule": "order"', json.dumps(json_schema(made(told))))
