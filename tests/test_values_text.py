import pytest

from pipeline.values.text import fold, fold_digits, fold_name, fold_traced, join_thai, undouble


def test_folding_forgets_case_spaces_and_unicode_forms():
    assert fold(" Straße\u00a0\u2009Nr.\u200b １ ") == "strasse nr. 1"
    assert fold("น้ำ") == fold("น้\u0e4d\u0e32")


def test_digits_of_every_script_become_ascii_and_superscripts_do_not():
    assert fold_digits("๒๕๖๗ १२ ٣ m²①") == "2567 12 3 m²①"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Müller & Söhne GmbH", "MULLER SOHNE GMBH"),
        ("Élan S.A.", "elan sa"),
        ("ร้าน ทดสอบ", "ร้านทดสอบ"),
        ("São-João", "SAO JOAO"),
    ],
)
def test_names_fold_to_the_same(one, other):
    assert fold_name(one) == fold_name(other)


@pytest.mark.parametrize(("one", "other"), [("नमस्ते", "नमसते"), ("กา", "ก่า"), ("Miller", "Muller")])
def test_names_that_differ_in_a_letter_or_mark_stay_apart(one, other):
    assert fold_name(one) != fold_name(other)


def test_a_name_of_signs_only_is_not_empty():
    assert fold_name("***") == "***"


def test_doubled_thai_clusters_are_undone_and_real_repetitions_stay():
    assert undouble("ทั้งทั้สิ้นสิ้") == "ทั้งสิ้น"
    assert undouble("ค่าค่า ที่ที่") == "ค่าค่า ที่ที่"
    assert undouble("สุขสวัสดิ์ดิ์") == "สุขสวัสดิ์"


def test_spaces_inside_thai_go_and_others_stay():
    assert join_thai("12 พ. ค . 2567") == "12 พ.ค. 2567"


@pytest.mark.parametrize("text", ["Crème\u00a0Brûlée 12", "ﬁn", "๔ มี.ค.", "फ़रवरी"])
def test_a_traced_span_leads_back_to_its_source(text):
    traced = fold_traced(text)
    assert len(traced.origin) == len(traced.text) + 1
    assert traced.span(0, len(traced.text))[0] == 0
    assert text[slice(*traced.span(0, 1))] == text[0]
