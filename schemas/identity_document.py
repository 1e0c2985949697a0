"""Identity documents: what ICAO 9303 puts on passports, and cards and licences hold alike."""

from typing import ClassVar, Literal

from schemas.base import DocumentSchema, Order, Rule, load_choice_words, load_labels
from schemas.fields import Address, Date, Identifier, Name, Text, field

_L = load_labels("identity_document")

DocumentType = Literal["passport", "identity_card", "residence_permit", "driving_licence", "other"]
Sex = Literal["F", "M", "X"]


class IdentityDocument(DocumentSchema):
    """A passport, identity card, residence permit or driving licence: who somebody is, and until when that is attested."""

    schema_name: ClassVar[str] = "identity_document"
    rules: ClassVar[tuple[Rule, ...]] = (Order("date_of_birth", "issue_date"), Order("issue_date", "expiry_date"))

    document_type: DocumentType | None = field(
        "What sort of document it is",
        labels=_L["document_type"],
        choice_words=load_choice_words("identity_document", "document_type"),
    )
    document_number: Identifier = field(
        "Number of the document", labels=_L["document_number"], required=True, scheme="document_number"
    )
    surname: Name = field("Family name", labels=_L["surname"])
    given_names: Name = field("Given names", labels=_L["given_names"])
    full_name: Name = field("The whole name, where the print does not part it", labels=_L["full_name"])
    nationality: Text = field("Nationality, as printed", labels=_L["nationality"])
    date_of_birth: Date = field("Day of birth", labels=_L["date_of_birth"], required=True)
    sex: Sex | None = field(
        "Sex: F, M, or X where it is not specified",
        labels=_L["sex"],
        choice_words=load_choice_words("identity_document", "sex"),
    )
    place_of_birth: Text = field("Place of birth", labels=_L["place_of_birth"])
    issue_date: Date = field("Day it was issued", labels=_L["issue_date"])
    expiry_date: Date = field("Last day on which it is valid", labels=_L["expiry_date"])
    issuing_country: Text = field("The country that issued it, as printed", labels=_L["issuing_country"])
    issuing_authority: Text = field("The office that issued it", labels=_L["issuing_authority"])
    personal_number: Identifier = field("The holder's own number, as in national registers", labels=_L["personal_number"])
    address: Address = field("The holder's postal address", labels=_L["address"])
    mrz: Identifier = field(
        "The machine readable zone: its two or three lines, joined by a line break", labels=_L["mrz"], scheme="mrz"
    )
