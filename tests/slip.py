"""A schema of short print only, which a model of random weights comes to the end of: long print it may go on with for ever."""

from schemas.base import DocumentSchema, Row
from schemas.fields import Date, Identifier, Money, Number, field, table


class SlipLine(Row):
    """A line of a slip."""

    quantity: Number = field("How many")
    amount: Money = field("What the line comes to")


class Slip(DocumentSchema):
    """A slip from a till."""

    number: Identifier = field("Number of the slip", scheme="document_number", required=True)
    day: Date = field("Day of the purchase", labels={"de": ["Datum"], "th": ["วันที่"]})
    total: Money = field("What was paid", labels={"en": ["Total"], "de": ["Summe"]}, required=True)
    line_items: list[SlipLine] = table("What was bought")
