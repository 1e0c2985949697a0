"""Schemas: the built-in ones are whole, a user's own is found, and what cannot be one is refused in words."""

from decimal import Decimal
from pathlib import Path
from typing import ClassVar

import pytest

from schemas.base import DocumentSchema, Order, Row, Sum, fingerprint, spec_at, specs, terms
from schemas.errors import SchemaError
from schemas.fields import LANGUAGES, Date, Kind, Money, Text, field, table
from schemas.registry import BUILT_IN, absolute, load_schema

OWN = '''
from schemas.base import DocumentSchema
from schemas.fields import Date, Identifier, field

class DeliveryNote(DocumentSchema):
    """A delivery note."""
    note_number: Identifier = field("Its number", labels={"en": ["Note no."]}, required=True)
    delivered_on: Date = field("When", labels={"en": ["Delivered"]})
'''


UNLABELLED = {"form.title", "form.entries.label", "form.entries.value", "form.entries.section", "identity_document.mrz"}
"""What stands on the page without a label of its own, beside addresses, which the party's block tells."""


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_built_in_field_is_described_and_labelled_in_eight_languages(name: str) -> None:
    model = load_schema(name)
    for spec in specs(model):
        assert spec.description
        for leaf in spec.columns or (spec,):
            path = f"{name}.{spec.name}" + (f".{leaf.name}" if spec.columns else "")
            if leaf.kind not in (Kind.ADDRESS, Kind.TABLE) and not leaf.written and path not in UNLABELLED:
                assert not set(LANGUAGES) - set(leaf.labels), f"{path} lacks labels"
                assert all(leaf.labels.values()), f"{path} has an empty list of labels"


@pytest.mark.parametrize("name", BUILT_IN)
def test_no_label_is_there_twice(name: str) -> None:
    model = load_schema(name)
    for spec in specs(model):
        for leaf in (spec, *spec.columns):
            for language, labels in leaf.labels.items():
                assert len(labels) == len(set(labels)), f"{spec.name}.{leaf.name} in {language}"


@pytest.mark.parametrize("name", BUILT_IN)
def test_the_rules_of_a_schema_name_fields_of_the_right_kind(name: str) -> None:
    model = load_schema(name)
    for rule in model.rules:
        for path in terms(rule):
            kinds = (Kind.DATE,) if isinstance(rule, Order) else (Kind.MONEY, Kind.NUMBER, Kind.PERCENT)
            assert spec_at(model, path).kind in kinds, f"{rule}: {path}"


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_choice_of_a_built_in_field_but_the_last_resort_has_words_in_eight_languages(name: str) -> None:
    for spec in specs(load_schema(name)):
        for choice in set(spec.choices) - {"other"}:
            assert set(spec.choice_words[choice]) == set(LANGUAGES), f"{spec.name} = {choice}"


def test_the_fields_are_those_of_the_trade() -> None:
    told = {name: [spec.name for spec in specs(load_schema(name))] for name in BUILT_IN}
    assert told["bank_statement"][-1] == "transactions"
    assert [column.name for column in spec_at(load_schema("bank_statement"), "transactions").columns] == [
        *("booking_date", "value_date", "description", "reference", "debit", "credit", "amount", "balance")
    ]
    assert {"document_number", "surname", "date_of_birth", "expiry_date", "mrz"} < set(told["identity_document"])
    assert {"contract_type", "effective_date", "governing_law", "parties"} < set(told["contract"])
    assert told["form"] == ["title", "form_number", "entries"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("rules = (Order('delivered_on', 'paid_on'),)", "speaks of 'paid_on', which it has not"),
        ("kind: Literal['a'] | None = field('K', choice_words={'b': {'en': ['B']}})", "has words for 'b'; its choices are a"),
        ("kind: Literal['a'] | None = field('K', choice_words={'a': {'xx': ['B']}})", "'xx'; languages are en, de"),
        ("rules = (Order('note_number', 'delivered_on'),)", "speaks of 'note_number', which is identifier, not date"),
        ("note: str | None = field('N', labels={'en': ['\\ud800']})", r"a text of 'note' holds half a character \('\\ud800'\)"),
        ("note: str | None = field('N', labels={'en': ['']})", "word of 'note' is blank"),
        ("note: str | None = field('N', labels={'en': ['\\u200b']})", "word of 'note' is blank"),
        ("kind: Literal['a'] | None = field('K', choice_words={'a': {'th': ['\\u0e48']}})", "word of 'kind' is blank"),
    ],
)
def test_a_rule_or_a_choice_that_leads_nowhere_is_refused(line: str, said: str, tmp_path: Path) -> None:
    more = "from typing import Literal\nfrom schemas.base import Order\n"
    (tmp_path / "own.py").write_text(f"{more}{OWN}    {line}\n")
    with pytest.raises(SchemaError, match=said):
        load_schema(str(tmp_path / "own.py"))


def test_kinds_come_from_the_annotation_or_from_the_plain_type() -> None:
    class Line(Row):
        amount: Decimal | None = None

    class Plain(DocumentSchema):
        note: str | None = None
        when: Date = field("When")
        lines: list[Line] = table("Lines")

    kinds = {spec.name: spec.kind for spec in specs(Plain)}
    assert kinds == {"note": Kind.TEXT, "when": Kind.DATE, "lines": Kind.TABLE}
    assert spec_at(Plain, "lines[3].amount").kind is Kind.NUMBER
    assert Plain.schema_name == "plain"


def test_the_fingerprint_follows_labels_and_rules() -> None:
    def made(label: str, rules: tuple[Sum, ...]) -> str:
        class Slip(DocumentSchema):
            schema_name: ClassVar[str] = "slip"
            total: Money = field("Sum", labels={"en": [label]})
            note: Text = field("Note")

        Slip.rules = rules
        return fingerprint(Slip)

    first = made("Total", ())
    assert first == made("Total", ())
    assert len({first, made("Sum", ()), made("Total", (Sum("total", ("total",)),))}) == 3


def test_a_schema_file_is_found_by_path_and_by_module_below_the_folder(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(OWN)
    for reference in ("own.py", "own.py:DeliveryNote", "own:DeliveryNote"):
        model = load_schema(absolute(reference, tmp_path))
        assert model.schema_name == "delivery_note"
        assert spec_at(model, "note_number").labels["en"] == ("Note no.",)


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("nope", "there is no schema called 'nope'"),
        ("no_such_module_here:Thing", "cannot import"),
        ("pathlib:Path", "not a subclass"),
        ("missing.py", "there is no schema file"),
    ],
)
def test_what_is_no_schema_is_refused_in_words(reference: str, said: str) -> None:
    with pytest.raises(SchemaError, match=said):
        load_schema(reference)


def test_a_schema_file_with_a_fault_tells_where(tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text("import schemas.base\nraise ValueError('half done')\n")
    with pytest.raises(SchemaError, match="ValueError: half done"):
        load_schema(str(tmp_path / "bad.py"))


@pytest.mark.parametrize("name", ["pages", "Documents", "latest", "NOTHING", "no-view"])
def test_the_name_of_a_view_cannot_be_taken(name: str, tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(f"{OWN}    schema_name = {name!r}\n")
    with pytest.raises(SchemaError, match="cannot be the name of a view; set schema_name"):
        load_schema(str(tmp_path / "own.py"))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("source: Identifier = field('Where from')", "'source' is a column .* call the field delivery_note_source"),
        ("Status: Identifier = field('How')", "'Status' is a column .* call the field delivery_note_Status"),
        ("rows: list[Line] = table('What')", r"'rows\[\].Page' is a column .* call the field rows_Page"),
    ],
)
def test_a_field_named_as_a_column_of_the_views_is_refused(line: str, said: str, tmp_path: Path) -> None:
    row = "from schemas.base import Row\nfrom schemas.fields import table\nclass Line(Row):\n    Page: str | None = None\n"
    (tmp_path / "own.py").write_text(f"{row}{OWN}    {line}\n")
    with pytest.raises(SchemaError, match=said):
        load_schema(str(tmp_path / "own.py"))


def test_names_that_capitals_alone_tell_apart_are_refused(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(f"{OWN}    Note_Number: Identifier = field('Again')\n")
    with pytest.raises(SchemaError, match="note_number and Note_Number of 'delivery_note' are one name in SQL"):
        load_schema(str(tmp_path / "own.py"))
    (tmp_path / "own.py").write_text(f"{OWN}    schema_name = 'Invoice'\n")
    with pytest.raises(SchemaError, match="'Invoice' is built in"):
        load_schema(str(tmp_path / "own.py"))


def test_the_schema_in_the_readme_is_one(tmp_path: Path) -> None:
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    (tmp_path / "delivery.py").write_text(readme.partition("```python\n")[2].partition("```")[0], encoding="utf-8")
    assert load_schema(str(tmp_path / "delivery.py")).schema_name == "delivery_note"


def test_the_name_of_a_built_in_schema_cannot_be_taken(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(OWN.replace("DeliveryNote", "Invoice"))
    with pytest.raises(SchemaError, match="is built in"):
        load_schema(str(tmp_path / "mine.py"))


def test_labels_in_a_language_that_there_is_not_are_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(OWN.replace('"en": ["Note no."]', '"english": ["Note no."]'))
    with pytest.raises(SchemaError, match="'english'; languages are en, de"):
        load_schema(str(tmp_path / "mine.py"))
