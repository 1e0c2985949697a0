"""What is known to be true of documents, and the file that says it.

A truth file is JSON lines, an object a document and schema:

| key | what it holds |
|---|---|
| `file` | the document, relative to the truth file |
| `schema` | the schema that it is judged under, as `invoice`; a line without one is passed over |
| `fields` | name → value: ISO dates, decimal numbers with a point, else text as printed; a list of such values means that any of them is right; for a table (`line_items`) a list of rows, each a name → value |
| `absent` | names of fields that the document does not have: a value there is *false* |
| `line_items` | the rows of that table, for files that keep them outside `fields` |
| `language`, `doc_type` | ISO 639-1, and any name for the sort of document: what results are grouped by |
| `clean` | false for a document that `--clean` leaves out |
| `boxes` | where the values stand: name → list of `{"page": 1, "box": [x0, y0, x1, y1]}` in fractions of the page (as a viewer shows it, y downwards), each of them right; or the name of a CSV, a line of print a line: `x1,y1,x2,y2,x3,y3,x4,y4,text`, in pixels of the one-page image, as for the ICDAR 2019 SROIE receipts |
| `verbatim` | name → the value as it is printed, where `fields` has it in another form: finds it in such a CSV |

A field in neither `fields` nor `absent` is unknown and not judged. Names that the schema does not have, and other keys, are
ignored.
"""  # noqa: E501 - a table

import csv
import io
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.errors import UsageError
from pipeline.records import Box

TRUTH_IS = 'give a file of JSON lines such as {"file": "scans/1.pdf", "schema": "invoice", "fields": {"total": "9.50"}}'

_CORNERS = 8


@dataclass(frozen=True, slots=True)
class Spot:
    """A place of a page, from 1, where a value stands: a box in fractions of the page frame."""

    page: int
    box: Box


@dataclass(frozen=True, slots=True)
class Line:
    """A line of print with its box in pixels of the image."""

    text: str
    box: Box


@dataclass(frozen=True, slots=True)
class Truth:
    """What is known of a document; see the module.

    Attributes:
        spots: where values stand, by field.
        lines_file: the CSV of its lines of print, where the places are told by such.
    """

    file: str
    schema: str
    language: str = "und"
    fields: Mapping[str, Any] = field(default_factory=dict)
    absent: tuple[str, ...] = ()
    line_items: tuple[Mapping[str, Any], ...] = ()
    clean: bool = True
    doc_type: str = ""
    spots: Mapping[str, tuple[Spot, ...]] = field(default_factory=dict)
    lines_file: str = ""
    verbatim: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Chosen:
    """The truths that can be judged, and notes for people on those that cannot."""

    truths: tuple[Truth, ...]
    notes: tuple[str, ...]


def read_truth(path: str) -> list[Truth]:
    """The truths in a JSON-lines file, `file` made absolute.

    Raises:
        UsageError: no such file, or a line that is no truth.
    """
    file, truths = Path(path), []
    for number, line in enumerate(_text(file).split("\n"), 1):
        if line.strip():
            try:
                truths.append(truth_of(json.loads(line), file.parent))
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise UsageError(f"{path}, line {number} is no truth: {_why(error)}", TRUTH_IS) from error
    return truths


def truth_of(told: Mapping[str, Any], folder: Path) -> Truth:
    """The truth of one JSON object, whose `file` is relative to `folder`. Raises KeyError where `file` is missing."""
    boxes = told.get("boxes") or {}
    return Truth(
        file=os.path.abspath(folder / told["file"]),  # noqa: PTH100 - resolve() would follow links, and discover does not
        schema=str(told.get("schema") or ""),
        language=str(told.get("language") or "und"),
        fields={name: value for name, value in told.get("fields", {}).items() if value not in (None, "", [])},
        absent=tuple(told.get("absent", ())),
        line_items=tuple(told.get("line_items") or ()),
        clean=bool(told.get("clean", True)),
        doc_type=str(told.get("doc_type") or ""),
        spots={} if isinstance(boxes, str) else {name: _spots(places) for name, places in boxes.items()},
        lines_file=str(folder / boxes) if isinstance(boxes, str) else "",
        verbatim={name: str(print_) for name, print_ in (told.get("verbatim") or {}).items() if print_},
    )


def choose(truths: Iterable[Truth], known: Sequence[str], clean: bool = False) -> Chosen:
    """The truths that can be judged, each document and schema once.

    Args:
        truths: of a file.
        known: names of the schemas that there are.
        clean: leave out what the truth calls unclean.
    """
    chosen: dict[tuple[str, str], Truth] = {}
    twice: list[str] = []
    unknown: dict[str, int] = {}
    nameless = empty = 0
    for truth in truths:
        if clean and not truth.clean:
            continue
        if not truth.schema:
            nameless += 1
        elif truth.schema not in known:
            unknown[truth.schema] = unknown.get(truth.schema, 0) + 1
        elif not (truth.fields or truth.absent or truth.line_items):
            empty += 1
        elif (truth.file, truth.schema) in chosen:
            twice.append(truth.file)
        else:
            chosen[truth.file, truth.schema] = truth
    notes = []
    if twice:
        notes.append(f"{_lines(len(twice))} of a document that an earlier line has; the first is judged: {_some(twice)}")
    for name, count in sorted(unknown.items()):
        notes.append(f"{_lines(count)} of the schema {name}, which is not known here: give your own with --schema")
    if nameless:
        notes.append(f"{_lines(nameless)} of no schema, and {'is' if nameless == 1 else 'are'} passed over")
    if empty:
        notes.append(f"{_lines(empty)} of no field that could be judged")
    return Chosen(tuple(chosen.values()), tuple(notes))


def read_lines(path: str) -> tuple[Line, ...]:
    """The lines of print in a CSV of four corners and a text each.

    Raises:
        UsageError: no such file, or a line that is none.
    """
    lines = []
    for number, row in enumerate(csv.reader(io.StringIO(_text(Path(path))), quoting=csv.QUOTE_NONE), 1):
        if not row:
            continue
        try:
            if len(row) <= _CORNERS:
                raise ValueError
            corners = [float(part) for part in row[:_CORNERS]]
            xs, ys = corners[::2], corners[1::2]
            box = (min(xs), min(ys), max(xs), max(ys))
        except ValueError as error:
            raise UsageError(f"{path}, line {number} is no line of print", "write x1,y1,x2,y2,x3,y3,x4,y4,text") from error
        lines.append(Line(",".join(row[_CORNERS:]), box))
    return tuple(lines)


def _spots(told: Any) -> tuple[Spot, ...]:
    spots = []
    for place in told if isinstance(told, list) else [told]:
        x0, y0, x1, y1 = (float(edge) for edge in place["box"])
        if not (0 <= x0 < x1 <= 1 and 0 <= y0 < y1 <= 1):
            raise ValueError(f"the box {place['box']} is not (x0, y0, x1, y1) in fractions of the page")
        spots.append(Spot(int(place.get("page", 1)), (x0, y0, x1, y1)))
    return tuple(spots)


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UsageError(f"the truth file {file} cannot be read: {error.strerror}", TRUTH_IS) from error
    except UnicodeDecodeError as error:
        raise UsageError(f"the truth file {file} is not text", TRUTH_IS) from error


def _why(error: Exception) -> str:
    """What is wrong with a line, for people."""
    if isinstance(error, json.JSONDecodeError):
        return f"not JSON ({error.msg})"
    if isinstance(error, KeyError):
        return f"it lacks {error.args[0]}"
    if str(error).startswith("the box"):
        return str(error)
    return "a part of it is of another kind than it must be"


def _lines(count: int) -> str:
    return "1 line of the truth is" if count == 1 else f"{count:,} lines of the truth are"


def _some(files: Sequence[str]) -> str:
    return ", ".join(Path(file).name for file in files[:3]) + (", …" if len(files) > 3 else "")
