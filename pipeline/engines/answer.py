"""Reading a model's answer: JSON into leaves that know where in the answer they stand, and how sure the model was of each."""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from json import JSONDecodeError
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import NamedTuple

from pipeline.records import Leaf
from schemas.base import Schema, specs
from schemas.fields import FieldSpec, Kind

MOST_ERRORS = 8
"""Errors of an answer that are told; a second ask needs no more."""

_SPACE = re.compile(r"[ \t\r\n]*")
_PLAIN = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?|true|false|null")
_FENCE = re.compile(r"^\s*```(?:json)?\s*|\s*```\s*$")
_BROKEN = "\ufffd"
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class Piece(NamedTuple):
    """A token of an answer: its text, which may be broken off in the middle of a character, and its log-probability."""

    text: str
    logprob: float


@dataclass(frozen=True)
class Reading:
    """What an answer says: its leaves, or what is wrong with it (then it has no leaves)."""

    leaves: tuple[Leaf, ...] = ()
    errors: tuple[str, ...] = ()


class _Node(NamedTuple):
    """A value in the answer: a dict or list of nodes, a text, or None, and the span of letters that it takes."""

    value: "dict[str, _Node] | list[_Node] | str | None"
    start: int
    end: int


def read_answer(text: str, schema: Schema, pieces: Sequence[Piece] = ()) -> Reading:
    """The leaves of an answer for one page.

    Numbers and booleans that a server without a grammar let through are taken as they are written; a field that is left out
    counts as null. Anything else that is not the schema's is an error.

    Args:
        text: the answer.
        schema: what was asked for.
        pieces: its tokens; without them the leaves have no confidence of their own.

    Returns:
        Leaves with `confidence`: the product of the probabilities of all tokens that the value's letters and its quotes are
        made of (the first quote stands against null), which is the chance that the model, drawing its tokens by their
        probabilities, would write exactly this value there.
    """
    body = _FENCE.sub(lambda found: " " * len(found[0]), text)
    try:
        node, end = _value(body, _skip(body, 0))
        if body[end:].strip():
            raise JSONDecodeError("something follows the JSON object", body, end)
    except (JSONDecodeError, RecursionError) as error:
        return Reading(errors=(f"it is not JSON: {error}",))
    errors: list[str] = []
    leaves = list(_object(node, specs(schema), "", errors))
    if errors:
        return Reading(errors=tuple(errors[:MOST_ERRORS]))
    spans = align([piece.text for piece in pieces], text)
    return Reading(tuple(_leaf(path, node, pieces, spans) for path, node in leaves))


def align(pieces: Sequence[str], text: str) -> list[tuple[int, int]]:
    """The span of `text` that each piece makes.

    Byte-level tokens can end in the middle of a Thai or Devanagari letter, and then decode to nothing or to a replacement
    character. A run of such pieces shares the span up to the next piece that is found.
    """
    spans: list[tuple[int, int]] = []
    position, waiting, broken = 0, 0, False
    for piece in pieces:
        found = -1
        if piece and _BROKEN not in piece:
            first = position + broken  # a broken letter takes up one place at least
            found = text.find(piece, first, first + len(piece) + waiting)
        if found < 0:
            waiting, broken = waiting + 1, broken or _BROKEN in piece
            continue
        # What makes no letter by itself belongs to the letters that follow it.
        spans += [(position, found if found > position else found + len(piece))] * waiting
        spans.append((found, found + len(piece)))
        position, waiting, broken = found + len(piece), 0, False
    return spans + [(position, len(text))] * waiting


def _leaf(path: str, node: _Node, pieces: Sequence[Piece], spans: Sequence[tuple[int, int]]) -> Leaf:
    assert isinstance(node.value, str)
    told = [
        piece.logprob for piece, (start, end) in zip(pieces, spans, strict=True) if start < node.end and end > node.start - 1
    ]
    confidence = min(math.exp(math.fsum(told)), 1.0) if told else None
    return Leaf(path, _clean(node.value), confidence)


def _clean(text: str) -> str:
    """The print with spaces folded, line breaks kept, and without what no print has: control characters, half letters."""
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    lines = (" ".join(line.split()) for line in _CONTROL.sub(" ", whole).split("\n"))
    return "\n".join(line for line in lines if line)


def _object(node: _Node, fields: Sequence[FieldSpec], path: str, errors: list[str]) -> Iterator[tuple[str, _Node]]:
    """The leaves of an object, in the order of the schema."""
    where = path or "the answer"
    if not isinstance(node.value, dict):
        errors.append(f"{where}: an object was asked for, not {_kind(node)}")
        return
    known = {spec.name for spec in fields}
    if unknown := [name for name in node.value if name not in known]:
        told = ", ".join(repr(name) for name in unknown[:3])
        errors.append(f"{where}: there is no field {told}; the fields are {', '.join(spec.name for spec in fields)}")
    for spec in fields:
        name = f"{path}.{spec.name}" if path else spec.name
        child = node.value.get(spec.name)
        if child is None or child.value is None:
            continue
        if spec.kind is Kind.TABLE:
            yield from _rows(child, spec, name, errors)
        elif not isinstance(child.value, str):
            errors.append(f"{name}: a string or null was asked for, not {_kind(child)}")
        elif child.value.strip():
            yield name, child


def _rows(node: _Node, spec: FieldSpec, name: str, errors: list[str]) -> Iterator[tuple[str, _Node]]:
    if not isinstance(node.value, list):
        errors.append(f"{name}: a list of rows was asked for, not {_kind(node)}")
        return
    number = 0
    for row in node.value:
        leaves = list(_object(row, spec.columns, f"{name}[{number}]", errors))
        yield from leaves
        number += bool(leaves)  # a row of nulls is no row


def _kind(node: _Node) -> str:
    kinds = {dict: "an object", list: "a list", str: "a value"}
    return next((told for kind, told in kinds.items() if isinstance(node.value, kind)), "null")


def _skip(text: str, position: int) -> int:
    found = _SPACE.match(text, position)
    return found.end() if found else position


def _value(text: str, position: int) -> tuple[_Node, int]:
    """The value that starts at `position`, and where it ends. Raises JSONDecodeError.

    The standard library reads JSON but does not tell where things stand, which the confidences need.
    """
    mark = text[position : position + 1]
    if mark == '"':
        told, end = scanstring(text, position + 1, False)
        return _Node(told, position + 1, end), end
    if mark == "{":
        return _members(text, position)
    if mark == "[":
        return _items(text, position)
    plain = _PLAIN.match(text, position)
    if not plain:
        raise JSONDecodeError("a value is missing" if position >= len(text) else "this is no value", text, position)
    return _Node(None if plain[0] == "null" else plain[0], position, plain.end()), plain.end()


def _members(text: str, start: int) -> tuple[_Node, int]:
    members: dict[str, _Node] = {}
    position = _skip(text, start + 1)
    while text[position : position + 1] != "}":
        if members:
            position = _expect(text, position, ",")
        if text[position : position + 1] != '"':
            raise JSONDecodeError("a name in quotes is missing", text, position)
        name, position = scanstring(text, position + 1, False)
        members[name], position = _value(text, _expect(text, _skip(text, position), ":"))
        position = _skip(text, position)
    return _Node(members, start, position + 1), position + 1


def _items(text: str, start: int) -> tuple[_Node, int]:
    items: list[_Node] = []
    position = _skip(text, start + 1)
    while text[position : position + 1] != "]":
        if items:
            position = _expect(text, position, ",")
        item, position = _value(text, position)
        items.append(item)
        position = _skip(text, position)
    return _Node(items, start, position + 1), position + 1


def _expect(text: str, position: int, mark: str) -> int:
    if text[position : position + 1] != mark:
        raise JSONDecodeError(f"{mark!r} is missing", text, position)
    return _skip(text, position + 1)
