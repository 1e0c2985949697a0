"""What a line of print tells by its words alone."""

import pytest

from pipeline.engines.rules.parties.telling import could_name, is_salutation, is_suffix, tell


@pytest.mark.parametrize(
    ("text", "language", "marks"),
    [
        ("Lindenweg 4", "de", {"street"}),
        ("34117 Kassel", "de", {"place"}),
        ("1 Rue Sundacsakn, Saint-Germain-En-Laye, 75050", "fr", {"street", "place"}),
        ("Bengaluru-560001", "en", {"place"}),
        ("Chk 274898", "en", {"number"}),
        ("PO-53978", "en", {"number"}),
        ("Suiza", "es", {"country"}),
        ("Sa 8.00-14.00 Uhr", "de", {"number"}),
        ("Metallbau AG", "de", {"legal"}),
        ("Tel. 0561 123456", "de", {"contact", "number"}),
        ("*** COPY ***", "en", {"title"}),
        ("z. Hd. Frau Kern", "de", {"attention"}),
        ("Herrn Karl Winter", "de", {"person"}),
        ("ตามใบสั่งซื้อของท่าน บริษัทได้จัดส่งสินค้าดังนี้", "th", set()),
    ],
)
def test_a_line_tells_what_it_is(text: str, language: str, marks: set[str]) -> None:
    told = tell(text, language)
    assert {name for name in told._fields if getattr(told, name)} == marks


def test_what_can_be_a_name_and_what_only_ends_one() -> None:
    names = {
        text: could_name(text, tell(text, "en")) for text in ("Harbour Foods", "Tel. 0117 496 0000", "VAT No: GB1", "Fk2|Ch{y")
    }
    assert names == {"Harbour Foods": True, "Tel. 0117 496 0000": False, "VAT No: GB1": False, "Fk2|Ch{y": False}
    assert is_suffix("(M) SDN BHD", tell("(M) SDN BHD", "en"))
    assert not is_suffix("Harbour SDN BHD", tell("Harbour SDN BHD", "en"))
    assert is_salutation("Herrn")
    assert not is_salutation("Herr Winter")
