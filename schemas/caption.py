"""Captions: what a page is and what it shows, in a model's own words."""

from typing import ClassVar

from schemas.base import DocumentSchema
from schemas.fields import Text, field


class Caption(DocumentSchema):
    """A document of any kind, described in few words."""

    schema_name: ClassVar[str] = "caption"
    needs_vision: ClassVar[bool] = True

    caption: Text = field("What the page is and what it shows, in one or two sentences", required=True, written=True)
    document_kind: Text = field("What kind of document it is, in one to three words, as in invoice or city map", written=True)
    page_language: Text = field("The language that most of the page is written in, by its English name", written=True)
