"""The label files: eight languages, no label twice, and none that names what was handed over as what was to be paid."""

import unicodedata
from itertools import combinations

import pytest

from schemas.base import load_labels, specs
from schemas.fields import LANGUAGES
from schemas.registry import BUILT_IN, load_schema

HANDED_OVER = {
    "en": ("cash", "change", "tender", "card", "rounding adj", "paid"),
    "de": ("bar", "gegeben", "rückgeld", "karte", "rundung"),
    "fr": ("espèces", "rendu", "carte", "monnaie", "arrondi"),
    "it": ("contanti", "resto", "carta", "arrotondamento"),
    "pt": ("dinheiro", "troco", "cartão", "arredondamento", "pago"),
    "hi": ("नकद", "वापस", "कार्ड", "छूटे"),
    "es": ("efectivo", "cambio", "tarjeta", "redondeo", "entregado"),
    "th": ("เงินสด", "เงินทอน", "บัตร", "ปัดเศษ"),
}


LABELLED = [name for name in BUILT_IN if name != "caption"]
"""A caption is written, not printed."""


@pytest.mark.parametrize("name", LABELLED)
def test_a_file_labels_the_fields_of_its_schema_and_no_others(name: str) -> None:
    fields = [spec for spec in specs(load_schema(name)) if spec.name != "taxes"]
    columns = {column.name for spec in fields for column in spec.columns}
    labels = load_labels(name)
    assert (
        {spec.name for spec in fields if not spec.columns} | columns <= set(labels) <= {spec.name for spec in fields} | columns
    )
    for by_language in labels.values():
        assert set(by_language) in (set(LANGUAGES), set())


def test_taxes_have_a_file_of_their_own() -> None:
    for name in ("invoice", "receipt"):
        taxes = next(spec for spec in specs(load_schema(name)) if spec.name == "taxes")
        assert {column.name for column in taxes.columns} == set(load_labels("taxes"))
        assert all(set(column.labels) == set(LANGUAGES) for column in taxes.columns)


@pytest.mark.parametrize("name", [*LABELLED, "taxes"])
def test_no_label_stands_twice_and_all_are_composed(name: str) -> None:
    for field, by_language in load_labels(name).items():
        for language, labels in by_language.items():
            folded = [label.casefold() for label in labels]
            assert len(set(folded)) == len(folded), (field, language)
            assert all(label == unicodedata.normalize("NFC", label).strip() for label in labels), (field, language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_total_of_a_receipt_is_not_what_was_handed_over(language: str) -> None:
    for label in load_labels("receipt")["total"][language]:
        words = label.casefold().split()
        assert not any(word in words or " " in word and word in label.casefold() for word in HANDED_OVER[language]), label


@pytest.mark.parametrize("name", LABELLED)
def test_a_label_does_not_name_a_number_and_a_date_and_a_party(name: str) -> None:
    labels = load_labels(name)
    apart = [
        field
        for field in ("document_number", "issue_date", "due_date", "seller_name", "buyer_name", "total")
        if field in labels
    ]
    for one, other in combinations(apart, 2):
        for language in LANGUAGES:
            shared = {label.casefold() for label in labels[one][language]} & {
                label.casefold() for label in labels[other][language]
            }
            assert not shared, (one, other, language)
