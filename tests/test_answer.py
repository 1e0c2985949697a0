"""Reading answers: leaves, what is wrong with an answer, and how sure the model was of each value."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.engines.answer import Piece, align, read_answer
from schemas.receipt import Receipt

EMPTY = {name: None for name in Receipt.model_fields} | {"line_items": []}


def answer(**told: object) -> str:
    return json.dumps(EMPTY | told, ensure_ascii=False, separators=(",", ":"))


def test_leaves_come_in_the_order_of_the_schema_and_nulls_are_none() -> None:
    rows = [{"description": "Brot", "quantity": None, "unit_price": None, "amount": "3,20"}]
    reading = read_answer(answer(total="3,20", seller_name="Bäckerei Huber", line_items=rows), Receipt)
    assert [(leaf.path, leaf.verbatim) for leaf in reading.leaves] == [
        ("seller_name", "Bäckerei Huber"),
        ("total", "3,20"),
        ("line_items[0].description", "Brot"),
        ("line_items[0].amount", "3,20"),
    ]
    assert reading.errors == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not JSON"),
        ("   \n\t  ", "not JSON"),
        ('{"total":"3,20', "not JSON"),
        ('{"total":"3,20"} and more', "something follows"),
        ('["3,20"]', "an object was asked for, not a list"),
        ("null", "an object was asked for, not null"),
        ('{"properties":{"total":{"type":"string"}},"type":"object"}', "there is no field 'properties', 'type'"),
        (answer(total=["3,20"]), "total: a string or null was asked for, not a list"),
        (answer(total={"amount": "3"}), "total: a string or null was asked for, not an object"),
        (answer(line_items="none"), "line_items: a list of rows was asked for, not a value"),
        (answer(line_items=["Brot"]), "line_items[0]: an object was asked for, not a value"),
        (answer(line_items=[{"name": "Brot"}]), "line_items[0]: there is no field 'name'"),
        ("[" * 100_000, "not JSON"),
        ("{'total': '3'}", "a name in quotes is missing"),
    ],
)
def test_what_is_not_the_schemas_is_an_error_and_never_a_row(text: str, said: str) -> None:
    reading = read_answer(text, Receipt)
    assert reading.leaves == ()
    assert said in " ".join(reading.errors)


@pytest.mark.parametrize(
    ("text", "verbatim"),
    [
        ('{"total": 3.20}', "3.20"),
        ('```json\n{"total": "3,20"}\n```', "3,20"),
        ('{"total":"3,20\\u0000"}', "3,20"),
        ('{"total":"3,\x0720"}', "3, 20"),
        ('{"total":"  3,20\\t EUR "}', "3,20 EUR"),
        ('{"total":"\\ud83d"}', "\ufffd"),
        ('{"total":"๓๕,๘๓๕.๙๑"}', "๓๕,๘๓๕.๙๑"),
        ('{"total":"रु\\u092a\\u092f\\u0947 १,००,०००"}', "रुपये १,००,०००"),
        ('{"total":"19\\" monitor"}', '19" monitor'),
    ],
)
def test_what_a_server_without_a_grammar_writes_is_read_where_it_is_plain(text: str, verbatim: str) -> None:
    (leaf,) = read_answer(text, Receipt).leaves
    assert (leaf.path, leaf.verbatim) == ("total", verbatim)


def test_rows_of_nulls_are_no_rows() -> None:
    empty = dict.fromkeys(("description", "quantity", "unit_price", "amount"))
    reading = read_answer(answer(line_items=[empty, empty | {"amount": "2"}, empty, empty | {"amount": "3"}]), Receipt)
    assert [leaf.path for leaf in reading.leaves] == ["line_items[0].amount", "line_items[1].amount"]


def test_a_confidence_is_the_product_of_the_tokens_of_the_value_and_its_quotes() -> None:
    pieces = [Piece(text, math.log(p)) for text, p in [('{"', 0.1), ("total", 0.1), ('":"', 0.5), ("3", 0.8), (",20", 0.5)]]
    pieces += [Piece('"', 0.0), Piece("}", math.log(0.2))]
    (leaf,) = read_answer("".join(piece.text for piece in pieces), Receipt, pieces).leaves
    assert leaf.confidence == pytest.approx(0.5 * 0.8 * 0.5)
    assert read_answer('{"total":"3"}', Receipt).leaves[0].confidence is None


def test_broken_letters_of_byte_level_tokens_share_a_span() -> None:
    text = '{"total":"บาท"}'
    pieces = ['{"total":"', "\ufffd", "\ufffd", "าท", '"}']
    spans = align(pieces, text)
    assert spans == [(0, 10), (10, 11), (10, 11), (11, 13), (13, 15)]
    told = [Piece(piece, math.log(0.9)) for piece in pieces]
    (leaf,) = read_answer(text, Receipt, told).leaves
    assert leaf.confidence == pytest.approx(0.9**5)


def test_a_value_that_could_as_well_be_null_is_not_sure() -> None:
    pieces = [Piece('{"total":', 0.0), Piece('"', math.log(0.51)), Piece("3", 0.0), Piece('"', 0.0), Piece("}", 0.0)]
    (leaf,) = read_answer('{"total":"3"}', Receipt, pieces).leaves
    assert leaf.confidence == pytest.approx(0.51)


def test_half_letters_that_decode_to_nothing_count_for_the_letter_they_begin() -> None:
    pieces = [Piece('{"total":"', 0.0), Piece("", -3.0), Piece("", -3.0), Piece("ก", 0.0), Piece('"}', 0.0)]
    (leaf,) = read_answer('{"total":"ก"}', Receipt, pieces).leaves
    assert leaf.confidence == pytest.approx(math.exp(-6))


@given(st.text(min_size=1, max_size=30), st.lists(st.integers(1, 4), max_size=60))
def test_pieces_that_make_the_text_are_found_in_it(text: str, sizes: list[int]) -> None:
    text = text.replace("\ufffd", "?")
    pieces, rest = [], text
    for size in sizes:
        pieces.append(rest[:size])
        rest = rest[size:]
    pieces = [piece for piece in [*pieces, rest] if piece]
    assert "".join(text[start:end] for start, end in align(pieces, text)) == text


@given(st.text(max_size=200))
def test_no_text_makes_the_reader_fail(text: str) -> None:
    reading = read_answer(text, Receipt)
    assert not (reading.leaves and reading.errors)
