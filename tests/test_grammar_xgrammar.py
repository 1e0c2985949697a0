"""The grammar in xgrammar itself: whatever the linter lets through compiles, and only sound JSON can be written under it."""

import json
import random
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.grammar import LONG, MOST_ROWS, PATTERNS, SHORT, answer_schema, lint
from pipeline.normalize import normalize
from pipeline.records import Frame, PageWords
from schemas.base import Schema, specs
from schemas.fields import FieldSpec, Kind
from schemas.registry import BUILT_IN, load_schema
from tests.test_grammar import closed, instance, leaves, schemas

xgrammar = pytest.importorskip("xgrammar", exc_type=ImportError)
pytestmark = [pytest.mark.vllm, pytest.mark.timeout(240)]

STOP = 256
TOKENS = [bytes([code]) for code in range(256)] + [
    b"</s>",
    b'",',
    b'":"',
    b'\\"',
    b"\xe0\xb8",
    " ไทย".encode(),
    b'",\n "',
    b"null",
]


@cache
def compiler() -> Any:
    info = xgrammar.TokenizerInfo(TOKENS, vocab_size=len(TOKENS), stop_token_ids=[STOP])
    return xgrammar.GrammarCompiler(info, max_threads=1)


def compiled(schema: dict[str, Any]) -> Any:
    """As vLLM compiles it with `disable_any_whitespace`."""
    return compiler().compile_json_schema(json.dumps(schema), any_whitespace=False, separators=(",", ":"))


def takes(grammar: Any, text: str | bytes) -> bool:
    matcher = xgrammar.GrammarMatcher(grammar, terminate_without_stop_token=True)
    return bool(matcher.accept_string(text) and matcher.is_terminated())


def takes_value(pattern: str, raw: str | bytes) -> bool:
    raw = raw.encode() if isinstance(raw, str) else raw
    return takes(compiled(closed(a={"type": ["string", "null"], "pattern": pattern})), b'{"a":"' + raw + b'"}')


def whole_value(spec: FieldSpec) -> str | None:
    if spec.choices or spec.columns:
        return spec.choices[0] if spec.choices else None
    return "1.234,50 €" if PATTERNS[spec.kind] is SHORT else '19" ไทย'


@pytest.mark.parametrize("name", BUILT_IN)
def test_the_built_in_schemas_take_a_whole_answer(name: str) -> None:
    schema = load_schema(name)
    grammar = compiled(answer_schema(schema))
    empty: dict[str, Any] = {spec.name: whole_value(spec) for spec in specs(schema)}
    assert takes(grammar, json.dumps(empty, ensure_ascii=False, separators=(",", ":")))
    for table in [spec for spec in specs(schema) if spec.columns]:
        row = {column.name: whole_value(column) for column in table.columns}
        for rows in (None, [], [row], [row] * MOST_ROWS):
            assert takes(grammar, json.dumps(empty | {table.name: rows}, ensure_ascii=False, separators=(",", ":")))
        many = empty | {table.name: [row] * (MOST_ROWS + 1)}
        assert not takes(grammar, json.dumps(many, ensure_ascii=False, separators=(",", ":")))
    assert not takes(grammar, json.dumps(dict(reversed(empty.items())), separators=(",", ":")))
    assert not takes(grammar, "{}")


@pytest.mark.parametrize("kind", PATTERNS)
@pytest.mark.parametrize(
    "print_", ["", "a", "เลขที่ ๑๒/๒๕๖๗", "ที่อยู่ น้ำ", "हिन्दी १२३ क्षत्रिय", "Straße 5 / № 7, 1.234,50 €", "😀 é é", "x" * 48]
)
def test_print_of_every_language_is_taken_unharmed(kind: Kind, print_: str) -> None:
    assert takes_value(PATTERNS[kind], print_)


@pytest.mark.parametrize(
    "raw", [r"19\" Monitor", r"\"A\" & \"B\"", r"C:\\x", r"Weg 1\n123 Ort", "x" * 128, "x" * 128 + r"\n" + "ก" * 128]
)
def test_quotes_backslashes_and_line_breaks_can_be_written(raw: str) -> None:
    assert takes_value(LONG, raw)
    assert not takes_value(SHORT, raw)
    json.loads(f'"{raw}"', strict=True)


@pytest.mark.parametrize("pattern", [SHORT, LONG])
@pytest.mark.parametrize(
    "raw",
    [
        *('a"b', "a\\", r"a\qb", r"a\u0041", r"\ud800", r"\ud83d", r"a\/b", "x" * 129, "ก" * 129, r"\n" * 6),
        *(bytes([code]) for code in (*range(0x20), 0x7F, 0x80, 0xC0, 0xFF)),
        *(b"\xc0\x80", b"\xe0\xb8", b"\xf4\x90\x80\x80"),
    ],
)
def test_nothing_else_can_be_written(pattern: str, raw: str | bytes) -> None:
    assert not takes_value(pattern, raw)


def walked(grammar: Any, choose: random.Random, most: int) -> bytes:
    """A random answer, token by token among those that the grammar lets through; after `most` tokens it makes for the end."""
    matcher, mask = xgrammar.GrammarMatcher(grammar), xgrammar.allocate_token_bitmask(1, len(TOKENS))
    ends = [TOKENS.index(token) for token in (b"}", b"]", b'"')]
    written = b""
    for count in range(most * 20):
        matcher.fill_next_token_bitmask(mask, 0)
        allowed = np.flatnonzero(np.unpackbits(mask.numpy().view(np.uint8), bitorder="little")[: len(TOKENS)]).tolist()
        assert allowed, f"no way on after {written!r}"
        ending = [token for token in ends if token in allowed] if count > most else []
        token = STOP if STOP in allowed else ending[0] if ending else choose.choice(allowed)
        assert matcher.accept_token(token)
        if token == STOP:
            return written
        written += TOKENS[token]
    raise AssertionError(f"no end after {written[-200:]!r}")


@settings(deadline=None, max_examples=15)
@given(schemas(), st.randoms(use_true_random=False), st.data())
def test_any_schema_compiles_and_what_its_grammar_lets_through_can_be_read(
    schema: Schema, choose: random.Random, data: st.DataObject
) -> None:
    made = answer_schema(schema)
    grammar = compiled(made)
    # xgrammar lets the three bytes of half a letter through, which are no UTF-8: an engine hands on replacement characters.
    answer = json.loads(walked(grammar, choose, 150).decode("utf-8", "replace"), strict=True)
    check(answer, made)
    words = PageWords(1, Frame(595, 842), language="de")
    normalize(list(leaves(answer)), schema, words)
    drawn = json.dumps(data.draw(instance(made)), ensure_ascii=False, separators=(",", ":"))
    assert takes(grammar, drawn)


def check(answer: Any, made: dict[str, Any]) -> None:
    assert list(answer) == made["required"]
    for name, value in answer.items():
        node = made["properties"][name]
        if "items" in node:
            for row in value or []:
                check(row, node["items"])
        else:
            assert value is None or isinstance(value, str)
            assert "enum" not in node or value in node["enum"]


@st.composite
def nodes(draw: st.DrawFn, depth: int = 3) -> dict[str, Any]:
    """JSON Schemas of what the linter knows, most of them let through by it, written by hand and not by us."""
    letter = st.sampled_from(["[A-Z]", r"\d", "x", r"\.", "(ab|c)", '[^"\\\\\\x00-\\x1F\\x7F]', "é", '\ufffd?\\\\["n]'])
    times = st.sampled_from(["", "?", "{3}", "{0,9}", "{1,128}", "{2,40}"])
    pattern = st.lists(st.tuples(letter, times).map("".join), min_size=1, max_size=4).map(lambda parts: f"^{''.join(parts)}$")
    choices = st.lists(
        st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S")), min_size=1, max_size=9), min_size=1, max_size=5
    )
    simple = st.one_of(
        st.fixed_dictionaries({"type": st.just("string"), "pattern": pattern}),
        st.fixed_dictionaries({"type": st.just("string"), "enum": choices}),
        st.tuples(st.integers(-(10**15), 10**15), st.integers(0, 10**6)).map(
            lambda pair: {"type": "integer", "minimum": pair[0], "maximum": min(pair[0] + pair[1], 10**15)}
        ),
        st.sampled_from([{"type": "boolean"}, {"type": "null"}]),
    )
    if depth and draw(st.booleans()):
        inner = nodes(depth - 1)
        kind = draw(st.sampled_from(["object", "array", "anyOf"]))
        if kind == "object":
            return closed(**draw(st.dictionaries(st.sampled_from("abcd"), inner, min_size=1, max_size=3)))
        if kind == "array":
            return {
                "type": "array",
                "items": draw(inner),
                "minItems": draw(st.integers(0, 3)),
                "maxItems": draw(st.integers(3, MOST_ROWS)),
            }
        return {"anyOf": [draw(inner), {"type": "null"}]}
    return draw(simple)


@settings(deadline=None, max_examples=40)
@given(nodes())
def test_whatever_passes_lint_compiles(node: dict[str, Any]) -> None:
    schema = closed(x=node)
    if not lint(schema):
        compiled(schema)
