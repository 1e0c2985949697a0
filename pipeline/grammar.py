r"""The grammar that a model's answer for one page is written under, and the linter that keeps a grammar from harming an engine.

Strings, measured with xgrammar 0.2.8, 128,256 made-up tokens and an invoice, letter by letter: CPU seconds to compile (threads
share them), CPU milliseconds for the mask of allowed tokens (mean over the answer, worst). X is a letter:

| form of long print (short is SHORT)     | compile | mean | worst | what it does                                  |
|-----------------------------------------|---------|------|-------|-----------------------------------------------|
| no bound, short neither                 | 0.04    | 0.1  | 1     | a loop ends with the answer's last token      |
| `^X{0,128}$` of ASCII                   | 6.5     | 0.2  | 1     | no quotes, no line breaks; 129 cannot compile |
| `^(X|\\["\\n])+$`                       | 1.8     | 0.7  | 27    | no bound                                      |
| `^X{0,128}(\\["\\n]X{0,128}){0,5}$`     | 8.3     | 1.5  | 83    | LONG; worst at the last letters of a run      |
| `^(X{64}|X{0,63}\\["\\n]){0,5}X{0,63}$` | 6.6     | 1.2  | 168   | worse with each 64 letters                    |

In long print a mask of LONG takes 5 to 6 ms; `^(X|\\["\\n]){0,64}$` took above 100 (wall clock, busy machine). `maxLength` lets
raw control characters through and knows no escapes. Quotes and backslashes in a pattern of ASCII are dropped; one with another
letter is taken as the raw JSON between the quotes, where \", \\ and \n can be written: LONG excludes U+FFFD, no print at all.
A backend that takes a pattern for the decoded string (guidance) then lets a quote through only behind a backslash.

So the first ask for a page bounds short print only, and the second one, for an answer that ran away, all of it.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import Enum
from functools import cache
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from schemas.base import YES_NO, Schema, specs
from schemas.errors import Offence, SchemaError
from schemas.fields import FieldSpec, Kind

MOST_ROWS = 120  # of a table on one page
MOST_CHOICES = 100
MOST_FIELDS = 200  # columns included
MOST_NODES = 1000  # of a JSON Schema
MOST_DEPTH = 8  # ours has three
MOST_TIMES = 128  # that a pattern repeats something: xgrammar 0.2.8 cannot compile ASCII beyond it
MOST_LETTERS = 1000  # of the longest string that a pattern lets through

SHORT = r'^[^"\\\x00-\x1F\x7F]{0,48}$'
"""Up to 48 letters that need no backslash. Empty is let through: else a model that has opened a string must invent one."""

_LETTER = '[^"\\\\\\x00-\\x1F\\x7F\ufffd]'
LONG = f'^{_LETTER}{{0,{MOST_TIMES}}}(\\\\["\\\\n]{_LETTER}{{0,{MOST_TIMES}}}){{0,5}}$'
"""Up to six runs of 128 letters; between them a quote, a backslash or a line break, each written with its backslash."""

_LONG_KINDS = (Kind.TEXT, Kind.NAME, Kind.ADDRESS)
PATTERNS: Mapping[Kind, str] = {
    kind: LONG if kind in _LONG_KINDS else SHORT for kind in Kind if kind not in (Kind.CHOICE, Kind.TABLE)
}
"""What bounds the print of each kind; a choice has its choices and a table its rows."""

_PLAIN_TYPES = (str, int, float, Decimal, date)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ALLOWED: Mapping[str, tuple[str, ...]] = {
    "object": ("properties", "required", "additionalProperties"),
    "array": ("items", "minItems", "maxItems"),
    "string": ("pattern", "enum"),
    "integer": ("minimum", "maximum"),
    "boolean": (),
    "null": (),
}


@cache
def answer_schema(schema: Schema, *, bounded: bool = True) -> dict[str, Any]:
    """The JSON Schema of an answer for one page; it is shared, so leave it as it is.

    Closed objects, keys in the schema's order, each required and nullable, each value verbatim print: also amounts and dates.

    Args:
        schema: what is asked for.
        bounded: whether long print is bounded too. That takes ten times as long at every token: it is for an answer that has
            run away once.

    Raises:
        SchemaError: a field that cannot be asked of a model, with its path and what to write instead.
    """
    if offences := check_schema(schema):
        first, more = offences[0], len(offences) - 1
        told = f" (and {more} more: `octoglot schemas lint`)" if more else ""
        raise SchemaError(f"a model cannot be asked for {first.path}: {first.message}; {first.next_step}{told}")
    return _object(specs(schema), bounded)


def check_schema(schema: Schema) -> list[Offence]:
    """What of a document schema cannot be asked of a model; empty where `answer_schema` works."""
    fields = specs(schema)
    offences = list(_check_model(schema, schema.schema_name))
    if (count := len(fields) + sum(len(spec.columns) for spec in fields)) > MOST_FIELDS:
        told = f"it has {count} fields and columns, more than {MOST_FIELDS}"
        offences.append(Offence(schema.schema_name, told, "part it into schemas"))
    return offences or lint(_object(fields, bounded=True))


def lint(json_schema: Mapping[str, Any]) -> list[Offence]:
    """What of a JSON Schema a grammar backend would choke on or ignore; whatever is not known to work is an offence."""
    if not isinstance(json_schema, Mapping) or json_schema.get("type") != "object":
        return [Offence("", "it is not an object", 'begin with {"type": "object", "properties": …}')]
    offences: list[Offence] = []
    waiting: list[tuple[Any, str, int]] = [(json_schema, "", 1)]
    for seen, (node, path, depth) in enumerate(waiting, 1):  # grows as it is walked
        if seen > MOST_NODES:
            return [*offences, Offence("", f"it has more than {MOST_NODES} parts", "part it into schemas")]
        if depth > MOST_DEPTH:
            offences.append(Offence(path, f"it is nested deeper than {MOST_DEPTH}", "make it flatter"))
            continue
        if not isinstance(node, Mapping) or not node:
            offences.append(Offence(path, "it says nothing of its type", 'give it a "type"'))
            continue
        offences += _lint_node(node, path)
        waiting += [(child, f"{path}/{way}", depth + 1) for way, child in _children(node)]
    return offences


def _object(fields: Sequence[FieldSpec], bounded: bool) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {spec.name: _value(spec, bounded) for spec in fields},
        "required": [spec.name for spec in fields],
        "additionalProperties": False,
    }


def _value(spec: FieldSpec, bounded: bool) -> dict[str, Any]:
    said = {"description": spec.description} if spec.description else {}
    if spec.kind is Kind.TABLE:
        return {"type": ["array", "null"], **said, "items": _object(spec.columns, bounded), "maxItems": MOST_ROWS}
    if spec.kind is Kind.CHOICE:
        return {"type": ["string", "null"], **said, "enum": [*spec.choices, None]}
    pattern = LONG if spec.scheme == "mrz" else PATTERNS[spec.kind]  # lines of 30 to 44 letters
    return {"type": ["string", "null"], **said} | ({"pattern": pattern} if bounded or pattern is SHORT else {})


def _check_model(model: type[BaseModel], path: str, within: str = "") -> Iterator[Offence]:
    """The offences of a model's fields; `within` is the table that the model is a row of."""
    if not model.model_fields:
        yield Offence(path, "it has no fields", "give it one at least")
    for spec in specs(model):
        info = model.model_fields[spec.name]
        here = f"{path}.{spec.name}"
        if not _NAME.fullmatch(spec.name):
            yield Offence(here, "its name is not made of a-z, 0-9 and _", "call it otherwise")
        parts = [part for part in _members(info.annotation) if part is not type(None)]
        if len(parts) != 1:
            yield Offence(here, "it may be of several types", "give it one type, and None")
        elif get_origin(parts[0]) in (list, tuple):
            yield from _check_table(parts[0], f"{here}[]", within)
        else:
            yield from _check_leaf(parts[0], spec, info, here)


def _check_table(annotation: Any, path: str, within: str) -> Iterator[Offence]:
    inner, *rest = get_args(annotation) or (None,)
    if not (isinstance(inner, type) and issubclass(inner, BaseModel)) or rest not in ([], [...]):
        yield Offence(
            path, "it is a list of something else than rows", "make a subclass of schemas.base.Row and write list[ThatRow]"
        )
    elif within:
        yield Offence(path, f"it is a table within the table {within}", "make its columns columns of that table")
    else:
        yield from _check_model(inner, path, within=path)


def _check_leaf(annotation: Any, spec: FieldSpec, info: FieldInfo, path: str) -> Iterator[Offence]:
    choices = _choices(annotation)
    if choices is None and annotation not in _PLAIN_TYPES:
        told = getattr(annotation, "__name__", str(annotation))
        yield Offence(path, f"a {told} cannot be copied from a page", "use a type of schemas.fields, a Literal or list[a Row]")
    elif spec.kind is Kind.TABLE or (spec.kind is Kind.CHOICE) != (choices is not None):
        yield Offence(path, f"its type is not one of a {spec.kind}", "use a type of schemas.fields")
    elif choices is not None:
        if len(choices) > MOST_CHOICES:
            yield Offence(path, f"it has {len(choices)} choices, more than {MOST_CHOICES}", "make it a Text")
        if not all(isinstance(choice, str) and choice.isprintable() and choice.strip() for choice in choices):
            yield Offence(path, "a choice is not a printable string", "write each choice as it stands on the page")


def _members(annotation: Any) -> tuple[Any, ...]:
    return get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)


def _choices(annotation: Any) -> tuple[Any, ...] | None:
    if get_origin(annotation) is Literal:
        return get_args(annotation)
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return tuple(member.value for member in annotation)
    return YES_NO if annotation is bool else None


def _children(node: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The schemas within a node, with the way to each."""
    properties, options = node.get("properties"), node.get("anyOf")
    if isinstance(properties, Mapping):
        for name, child in properties.items():
            yield f"properties/{_escaped(name)}", child
    if "items" in node:
        yield "items", node["items"]
    if isinstance(options, list):
        for number, child in enumerate(options):
            yield f"anyOf/{number}", child


def _escaped(name: str) -> str:
    return str(name).replace("~", "~0").replace("/", "~1")


def _lint_node(node: Mapping[str, Any], path: str) -> Iterator[Offence]:
    """The offences of one node, its children left aside."""
    if "anyOf" in node:
        yield from _lint_keywords(node, path, ("anyOf",))
        options = node["anyOf"]
        nulls = [option == {"type": "null"} for option in options] if isinstance(options, list) else []
        if len(nulls) != 2 or sum(nulls) != 1:
            yield Offence(f"{path}/anyOf", "it is not one thing or null", 'write "anyOf": [X, {"type": "null"}]')
        return
    types = node.get("type")
    kinds = [kind for kind in types if kind != "null"] if isinstance(types, list) and len(types) == 2 else [types]
    if len(kinds) != 1 or not isinstance(kinds[0], str) or kinds[0] not in _ALLOWED:
        step = 'write one of object, array, string, integer and boolean, alone or as [X, "null"]'
        yield Offence(f"{path}/type" if "type" in node else path, "it is not of one bounded type", step)
        yield from _lint_keywords(node, path, ("type", *(word for words in _ALLOWED.values() for word in words)))
        return
    yield from _lint_keywords(node, path, ("type", *_ALLOWED[kinds[0]]))
    if kinds[0] == "object":
        yield from _lint_object(node, path)
    elif kinds[0] == "array":
        if "items" not in node:
            yield Offence(path, "it says nothing of its items", 'give it "items"')
        yield from _lint_range(node, path, ("minItems", "maxItems"), (0, MOST_ROWS))
    elif kinds[0] == "integer":
        yield from _lint_range(node, path, ("minimum", "maximum"), (-(10**15), 10**15))
    elif kinds[0] == "string":
        yield from _lint_string(node, path, nullable=isinstance(types, list))


def _lint_keywords(node: Mapping[str, Any], path: str, allowed: Sequence[str]) -> Iterator[Offence]:
    for word in node:
        if word not in ("title", "description", *allowed):
            step = "bound it by a pattern" if word in ("maxLength", "minLength", "format") else "leave it out"
            yield Offence(f"{path}/{_escaped(word)}", f"{word!r} is not a keyword that every backend keeps here", step)


def _lint_object(node: Mapping[str, Any], path: str) -> Iterator[Offence]:
    properties, required = node.get("properties"), node.get("required")
    if not isinstance(properties, Mapping) or not properties:
        yield Offence(path, "it has no properties", "name them")
        return
    for name in properties:
        if not _NAME.fullmatch(str(name)):
            yield Offence(f"{path}/properties/{_escaped(name)}", "its name is not made of a-z, 0-9 and _", "call it otherwise")
    if not isinstance(required, list) or list(properties) != required:
        yield Offence(f"{path}/required", "not every property is required, in order", "require all, and let each be null")
    if node.get("additionalProperties") is not False:
        yield Offence(f"{path}/additionalProperties", "it is not closed", 'write "additionalProperties": false')


def _lint_range(node: Mapping[str, Any], path: str, words: tuple[str, str], limits: tuple[int, int]) -> Iterator[Offence]:
    """The offences of a range of whole numbers within `limits`; a list may leave its lower end out."""
    low, high = (node.get(word) for word in words)
    low = 0 if low is None and words[0] == "minItems" else low
    if type(low) is not int or type(high) is not int or not limits[0] <= low <= high <= limits[1]:
        step = f"give {words[0]} and {words[1]} as whole numbers from {limits[0]} to {limits[1]}"
        yield Offence(path, "it is not bounded", step)


def _lint_string(node: Mapping[str, Any], path: str, *, nullable: bool) -> Iterator[Offence]:
    # One without either ends with the answer's last token: the first ask for a page has such, see above.
    if "enum" in node and "pattern" in node:
        yield Offence(path, "it has two bounds", "bound it by one pattern or one enum")
    elif "pattern" in node:
        if wrong := pattern_offence(node["pattern"]):
            yield Offence(f"{path}/pattern", wrong, f"write it like {SHORT}")
    elif "enum" in node:
        choices = node["enum"]
        if not isinstance(choices, list) or not 0 < len(choices) <= MOST_CHOICES + 1:
            yield Offence(f"{path}/enum", f"it is not a list of 1 to {MOST_CHOICES} choices", "make it shorter")
        elif not all(isinstance(c, str) and c.isprintable() and c or c is None and nullable for c in choices):
            yield Offence(f"{path}/enum", "a choice is not a printable string", "write strings, and null if the type has it")
        elif nullable and None not in choices:
            yield Offence(f"{path}/enum", "the type has null, its choices have not", "add null to the enum")


_ATOM = re.compile(
    r"""(?P<pair>\\\\(?:["/bfnrt]|\\\\|\[(?:["/bfnrt]|\\\\)+\]))"""  # what JSON writes with a backslash
    r"""|(?P<class>\[\^?(?:\\x[0-9A-Fa-f]{2}|\\[\\\]\[^\-d]|[^\\\[\]\x00-\x1F])+\])"""
    r"""|\\[.\-\[\](){}+*?|^$/d]|[^\\\[\](){}+*?|^$."\x00-\x1F\x7F]"""
)
_TIMES = re.compile(r"\?|\{(\d{1,4})(?:,(\d{1,4}))?\}")
_UNSAFE = [chr(code) for code in (*range(0x20), 0x7F, ord('"'), ord("\\"))]


@dataclass
class _Group:
    """What was read of a group: its longest branch, the branch at hand, and whether they can end at several places."""

    best: int = 0
    run: int = 0
    loose: bool = False
    ends_loose: bool = False
    marked: bool = False  # a branch that begins with a backslash says where the one before ended

    def close_branch(self) -> None:
        self.best, self.loose = max(self.best, self.run), self.loose or (self.ends_loose and not self.marked)
        self.run, self.ends_loose, self.marked = 0, False, False


def pattern_offence(pattern: object) -> str:
    """What makes a pattern unsafe, or nothing: only literals, classes, groups, `|` and bounded repeats are known to be safe."""
    if not isinstance(pattern, str) or len(pattern) < 3 or not (pattern.startswith("^") and pattern.endswith("$")):
        return "it is not a string from ^ to $"
    at, end = 1, len(pattern) - 1
    groups = [_Group()]
    while at < end:
        length, inner_loose = 1, False
        if pattern[at] in "(|":
            if pattern[at] == "(":
                groups.append(_Group())
            else:
                groups[-1].close_branch()
            at += 1
            continue
        if pattern[at] == ")" and len(groups) > 1:
            inner = groups.pop()
            inner.close_branch()
            length, inner_loose, at = inner.best, inner.loose, at + 1
        elif atom := _ATOM.match(pattern, at, end):
            if wrong := _atom_offence(atom, pattern):
                return f"{wrong} (at letter {at})"
            groups[-1].marked |= bool(atom["pair"]) and groups[-1].run == 0
            at = atom.end()
        else:
            return f"{pattern[at : at + 3]!r} at letter {at} is not known to be safe"
        least, most = 1, 1
        if times := _TIMES.match(pattern, at, end):
            least, most = (0, 1) if times[0] == "?" else (int(times[1]), int(times[2] or times[1]))
            if wrong := _repeat_offence(least, most, inner_loose):
                return f"{times[0]} at letter {at} {wrong}"
            at = times.end()
        groups[-1].run += length * most
        groups[-1].ends_loose = inner_loose or least != most
    if len(groups) > 1:
        return "a group of it is not closed"
    groups[0].close_branch()
    return "" if 0 < groups[0].best <= MOST_LETTERS else f"its longest string has 0 letters or more than {MOST_LETTERS}"


def _repeat_offence(least: int, most: int, loose: bool) -> str:
    if not least <= most <= MOST_TIMES or most == 0:
        return f"is no repeat of 1 to {MOST_TIMES} times"
    return "repeats what can end at several places, which makes every token slow" if loose and most > 1 else ""


def _atom_offence(atom: re.Match[str], pattern: str) -> str:
    """What makes one atom unsafe: what it lets through must be sound as the raw JSON between quotes."""
    if atom["pair"] and pattern.isascii():
        return "a backslash is dropped from a pattern of ASCII alone: let one class exclude U+FFFD"
    if atom["class"]:
        try:
            letters = re.compile(atom["class"])
        except re.error as error:
            return f"the class is broken: {error}"
        if any(map(letters.fullmatch, _UNSAFE)):
            return "the class lets quotes, backslashes or control characters through"
    return ""
