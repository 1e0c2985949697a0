"""Forms of any kind: what is filled in, under the labels as they are printed."""

from typing import ClassVar

from schemas.base import DocumentSchema, Row, load_labels
from schemas.fields import Identifier, Text, field, table

_L = load_labels("form")


class FormEntry(Row):
    """One thing that is filled in."""

    label: Text = field("What is asked, as printed, without the colon", labels=_L["label"], required=True)
    value: Text = field("What is filled in; for a ticked box its option, or x", labels=_L["value"])
    section: Text = field("The heading that it stands under", labels=_L["section"])


class Form(DocumentSchema):
    """A form: labels and what is filled in beside them."""

    schema_name: ClassVar[str] = "form"

    title: Text = field("Its title", labels=_L["title"])
    form_number: Identifier = field(
        "Number of the form, or of the case that it opens", labels=_L["form_number"], scheme="document_number"
    )
    entries: list[FormEntry] = table("What is filled in, in the order of the print", labels=_L["entries"])
