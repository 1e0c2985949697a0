"""Whether a right value's box is where the truth says that the value stands.

A box is right, on the right page, where

* the truth has boxes of the value: it and one of them share at least half of either. Where the print may be more than the value
  (the currency of an amount, a choice told by a sentence, one of several right values), the rule for lines holds;
* the truth has lines of print (`boxes` is a CSV): at least half of it lies in a line that holds the value, or about the lines
  that together make up a value of several; or it holds half of that, and is at most twice as high and three times as large
  (a currency is often printed apart). Where in its line the value stands is not known, and a value that is printed twice has
  two right places.

Only right values are judged: what a wrong value's box should be, nobody can say.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from pipeline.evaluate.judging import Judgement, Outcome, Placed, options
from pipeline.evaluate.truth import Line, Spot, Truth, read_lines
from pipeline.records import Box, around
from pipeline.values.compare import same
from pipeline.values.text import fold_name
from schemas.base import Schema, spec_at
from schemas.fields import NUMERIC, FieldSpec, Kind

HALF = 0.5

Size = Callable[[], tuple[float, float]]
"""Asks for the size of the page in pixels: a file is only opened where a truth is told in them."""

_NUMBERS = re.compile(r"-?\d[\d.,' ]*")
_DATES = re.compile(r"\d[\w./\- ,']*\d")
_LETTERS = 4
_WIDE, _HIGH = 3, 2
_GAP = 2
"""Lines that may stand between two of a value: one is not recognised."""


def spots_of(truth: Truth, schema: Schema, size: Size) -> Mapping[str, tuple[Spot, ...]]:
    """Where the truth says that values stand, by field."""
    if not truth.lines_file:
        return truth.spots
    lines = read_lines(truth.lines_file)
    width, height = size()
    lines = tuple(replace(line, box=_scaled(line.box, width, height)) for line in lines)
    names = [name for name in truth.fields if name in schema.model_fields and spec_at(schema, name).kind is not Kind.TABLE]
    return {name: regions for name in names if (regions := _regions(name, truth, spec_at(schema, name), lines))}


def place(
    judgements: Sequence[Judgement], spots: Mapping[str, tuple[Spot, ...]], schema: Schema, lines: bool = False
) -> tuple[Judgement, ...]:
    """The judgements, `placed` filled in for right values whose place is known.

    Args:
        judgements: of a document.
        spots: where the truth says that values stand.
        schema: that it was judged under.
        lines: whether these are whole lines of print, of which a value may be a part.
    """
    return tuple(
        replace(judgement, placed=_placed(judgement, spots[judgement.name], lines or _is_part(judgement, schema)))
        if judgement.outcome is Outcome.RIGHT and spots.get(judgement.name)
        else judgement
        for judgement in judgements
    )


def _is_part(judgement: Judgement, schema: Schema) -> bool:
    """Whether the print that tells the value may be more than the value."""
    return spec_at(schema, judgement.name).kind in (Kind.CURRENCY, Kind.CHOICE) or " | " in judgement.expected


def _placed(judgement: Judgement, spots: Sequence[Spot], part: bool) -> Placed:
    if judgement.box is None:
        return Placed.NONE
    on = _on if part else _matches
    right = any(spot.page == judgement.page and on(judgement.box, spot.box) for spot in spots)
    return Placed.RIGHT if right else Placed.WRONG


def _regions(name: str, truth: Truth, spec: FieldSpec, lines: Sequence[Line]) -> tuple[Spot, ...]:
    """The lines that hold a field's value, or are about one of several lines."""
    printed = [truth.verbatim[name]] if name in truth.verbatim else []
    wanted = [*printed, *options(truth.fields[name])]
    regions = [line.box for line in lines if any(_holds(line.text, text, spec) for text in wanted)]
    regions += [region for text in wanted if (region := _around_parts(lines, text, spec))]
    return tuple(Spot(1, region) for region in dict.fromkeys(regions))


def _matches(box: Box, true: Box) -> bool:
    """Whether a box and that of the value share at least half of either."""
    return _shared(box, true) >= HALF * max(_area(box), _area(true))


def _on(box: Box, line: Box) -> bool:
    """Whether a box is on a line, of which its value may be a part."""
    shared = _shared(box, line)
    small = _area(box) <= _WIDE * _area(line) and box[3] - box[1] <= _HIGH * (line[3] - line[1])
    return shared >= HALF * _area(box) or (small and shared >= HALF * _area(line))


def _holds(line: str, wanted: str, spec: FieldSpec) -> bool:
    """Whether a line of print holds the value: numbers and dates by what they say, other values by their letters."""
    if spec.kind in NUMERIC or spec.kind is Kind.DATE:
        if re.search(rf"(?<![\d.,]){re.escape(_tight(wanted))}(?![\d]|[.,]\d)", _tight(line)):
            return True
        tokens = _DATES.findall(line) if spec.kind is Kind.DATE else _NUMBERS.findall(line)
        return any(same(spec.kind, token.strip(), wanted, spec.scheme) for token in tokens)
    letters = fold_name(wanted)
    return bool(letters) and letters in fold_name(line)


def _around_parts(lines: Sequence[Line], wanted: str, spec: FieldSpec) -> Box | None:
    """The box around the lines that a value of several lines is made of; they follow one another."""
    if spec.kind not in (Kind.TEXT, Kind.NAME, Kind.ADDRESS):
        return None
    letters = fold_name(wanted)
    runs: list[list[int]] = []
    for number, line in enumerate(lines):
        part = fold_name(line.text)
        if len(part) >= _LETTERS and part in letters:
            if runs and number - runs[-1][-1] <= _GAP:
                runs[-1].append(number)
            else:
                runs.append([number])
    longest = max(runs, key=len, default=[])
    return around(lines[number].box for number in longest) if len(longest) > 1 else None


def _tight(text: str) -> str:
    return "".join(text.lower().split())


def _scaled(box: Box, width: float, height: float) -> Box:
    return (box[0] / width, box[1] / height, box[2] / width, box[3] / height)


def _area(box: Box) -> float:
    return max(box[2] - box[0], 0.0) * max(box[3] - box[1], 0.0)


def _shared(one: Box, other: Box) -> float:
    return _area((max(one[0], other[0]), max(one[1], other[1]), min(one[2], other[2]), min(one[3], other[3])))
