"""Choices: what is printed on cards and forms of eight languages stands for one of a few words, or for none."""

import pytest
from pydantic import create_model

from pipeline.values.choices import choice_of
from schemas.base import YES_NO, DocumentSchema, spec_at, specs
from schemas.identity_document import IdentityDocument

SEX = spec_at(IdentityDocument, "sex")
TYPE = spec_at(IdentityDocument, "document_type")
SIGNED = specs(create_model("Signed", __base__=DocumentSchema, signed=(bool | None, None)))[0]


@pytest.mark.parametrize(
    ("text", "language", "choice"),
    [
        ("F", "en", "F"),
        ("m", "de", "M"),
        ("W", "de", "F"),
        ("weiblich", "de", "F"),
        ("W/F", "de", "F"),
        ("Masculin", "fr", "M"),
        ("H", "es", "M"),
        ("Mujer", "es", "F"),
        ("पुरुष / MALE", "hi", "M"),
        ("महिला", "hi", "F"),
        ("ชาย", "th", "M"),
        ("หญิง", "th", "F"),
        ("Female", "th", "F"),
        ("Sex: Female", "en", "F"),
        ("X", "it", "X"),
        ("F / M", "en", ""),
        ("Male or female", "en", ""),
        ("unknown", "en", ""),
        ("", "en", ""),
        (" / ", "en", ""),
    ],
)
def test_the_letter_or_the_word_for_the_sex(text: str, language: str, choice: str) -> None:
    assert choice_of(text, SEX, language) == choice


@pytest.mark.parametrize(
    ("text", "language", "choice"),
    [
        ("PASSPORT", "en", "passport"),
        ("REISEPASS / PASSPORT / PASSEPORT", "de", "passport"),
        ("BUNDESREPUBLIK DEUTSCHLAND PERSONALAUSWEIS", "de", "identity_card"),
        ("CARTE NATIONALE D'IDENTITÉ", "fr", "identity_card"),
        ("CARTE NATIONALE D’IDENTITE", "fr", "identity_card"),
        ("Carteira Nacional de Habilitação", "pt", "driving_licence"),
        ("DRIVER LICENSE", "en", "driving_licence"),
        ("PERMIS DE CONDUIRE", "de", "driving_licence"),  # of another language than the page's
        ("บัตรประจำตัวประชาชน", "th", "identity_card"),
        ("identity_card", "und", "identity_card"),
        ("Identity card", "und", "identity_card"),
        ("Carta d'identità", "it", "identity_card"),
        ("Permesso di soggiorno", "it", "residence_permit"),
        ("Library card", "en", ""),
    ],
)
def test_a_title_says_what_sort_of_document_it_is(text: str, language: str, choice: str) -> None:
    assert choice_of(text, TYPE, language) == choice


@pytest.mark.parametrize(
    ("text", "language", "choice"),
    [
        ("yes", "en", "yes"),
        ("Ja", "de", "yes"),
        ("nein", "de", "no"),
        ("☒", "fr", "yes"),
        ("☐", "fr", "no"),
        ("[x]", "en", "yes"),
        ("[ ]", "en", "no"),
        ("Sí", "es", "yes"),
        ("não", "pt", "no"),
        ("हाँ", "hi", "yes"),
        ("ไม่ใช่", "th", "no"),
        ("true", "en", "yes"),
        ("☒ Yes", "en", "yes"),
        ("maybe", "en", ""),
        ("?", "en", ""),
    ],
)
def test_a_boolean_is_yes_or_no(text: str, language: str, choice: str) -> None:
    assert SIGNED.choices == YES_NO
    assert choice_of(text, SIGNED, language) == choice


def test_every_word_stands_for_its_own_choice_in_its_language() -> None:
    for spec in (SEX, TYPE, SIGNED):
        for choice, languages in spec.choice_words.items():
            for language, words in languages.items():
                for word in words:
                    assert choice_of(word, spec, language) == choice, (spec.name, language, word)
