"""The layouts, and setting a document in one of them: a template of typst each, and what it has room for."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import typst

from sample_data.generator.images import Picture, from_png

_TEMPLATES = Path(__file__).parent / "templates"
_ALL = ("pos", "article", "description", "quantity", "unit", "unit_price", "discount", "tax_rate", "amount")
_SOME = ("pos", "description", "quantity_unit", "unit_price", "discount", "tax_rate", "amount")
_FEW = ("description", "quantity", "unit_price", "discount", "amount")


@dataclass(frozen=True)
class Layout:
    """A way to set an invoice.

    Attributes:
        columns: of its table of lines.
        capacity: lines that fit on its first page and on those after it; the last page has room for the sums below as many.
        slip: it asks to pay with a slip, which always says what is due.
    """

    columns: tuple[str, ...] = _SOME
    capacity: tuple[int, int] = (60, 60)
    slip: bool = False


INVOICES: Mapping[str, Layout] = {
    "letterhead_left": Layout(_SOME, (15, 28)),
    "letterhead_right": Layout(("description", "quantity", "unit", "unit_price", "discount", "amount"), (16, 29)),
    "two_column": Layout(("quantity", "description", "unit_price", "discount", "amount")),
    "key_value": Layout(("pos", "description", "tax_rate", "quantity", "unit_price", "discount", "amount"), (20, 32)),
    "form": Layout(_FEW),
    "freelancer": Layout(("description", "amount")),
    "industrial": Layout(_ALL, (32, 44)),
    "colourful": Layout(_FEW),
    "classic": Layout(("quantity", "unit", "description", "unit_price", "discount", "amount")),
    "sidebar": Layout(("description", "quantity", "amount")),
}
"""By name; one more is a line here and a template of that name."""

HELD_OUT_INVOICES: Mapping[str, Layout] = {"payment_slip": Layout(("description", "tax_rate", "amount"), slip=True)}
"""Layouts drawn on request alone, to test a reader on what it was not made to fit; a line's other cells stand below it."""

RECEIPTS: Mapping[str, tuple[str, ...]] = {
    "till": ("till",),
    "restaurant": ("restaurant",),
    "fuel": ("fuel",),
    "counter": ("till", "restaurant"),
    "cash_bill": ("bill",),
}
"""Layouts of receipts, and the shops (see Place) that use them."""

HELD_OUT_RECEIPTS: Mapping[str, tuple[str, ...]] = {"loyalty_roll": ("till",)}
"""Those that are drawn on request alone."""

LONG = tuple(name for name, layout in INVOICES.items() if layout.capacity[0] < 30)
"""Layouts for invoices of several pages."""


@dataclass(frozen=True)
class SetDocument:
    """A document as it left the printer.

    Attributes:
        layout, paper: what was set.
        pdf: how it looks.
        linked: the same where each value is a link `field:<number>:<field>+<field>`; a value's number is its own.
        printed: the schema's fields that are printed on it.
    """

    layout: str
    paper: Mapping[str, Any]
    pdf: bytes
    linked: bytes
    printed: frozenset[str]

    def pages(self, dpi: int) -> list[Picture]:
        """Its pages as pictures, RGB of uint8 (height, width, 3)."""
        made = _compiled(self.layout, self.paper, format="png", ppi=float(dpi))
        return [from_png(page) for page in (made if isinstance(made, list) else [made])]


def set_document(layout: str, paper: Mapping[str, Any]) -> SetDocument:
    """The paper set in the layout (a key of INVOICES or RECEIPTS, or of those held out)."""
    pdf = _compiled(layout, paper)
    linked = _compiled(layout, _numbered(paper, count()), links=True)
    # The compiler answers for what it compiled last.
    marks = json.loads(_compiler().query("<printed>", field="value"))
    return SetDocument(layout, paper, pdf, linked, frozenset(marks))


def _numbered(paper: Any, numbers: Iterator[int]) -> Any:
    """`paper` with a number for each item, which tells one printed value from the next of the same fields."""
    if isinstance(paper, Mapping):
        own = {"number_of": str(next(numbers))} if "fields" in paper else {}
        return {**{key: _numbered(value, numbers) for key, value in paper.items()}, **own}
    return [_numbered(value, numbers) for value in paper] if isinstance(paper, list | tuple) else paper


def stamp(words: str, paper: Mapping[str, Any]) -> Picture:
    """A rubber stamp with these words, in the paper's script."""
    return from_png(_compiled("stamp", {**paper, "words": words}, format="png", ppi=200.0))


def _compiled(template: str, paper: Mapping[str, Any], *, links: bool = False, **told: Any) -> Any:
    """The paper set by a template: a PDF's bytes, or what `told` asks for; with `links` its values are links."""
    inputs = {"doc": json.dumps(paper, ensure_ascii=False, sort_keys=True), **({"links": "yes"} if links else {})}
    return _compiler().compile(input=_TEMPLATES / f"{template}.typ", sys_inputs=inputs, **told)


@cache
def _compiler() -> Any:
    """One compiler for all: it looks for the system's fonts when it is made."""
    return typst.Compiler(root=_TEMPLATES)
