"""Till receipts and slips: what was bought, where, when and for how much."""

from typing import ClassVar

from schemas.base import DocumentSchema, Product, Row, Rule, Sum, load_labels
from schemas.fields import Address, Currency, Date, Identifier, Money, Name, Number, Text, field, table
from schemas.taxes import TaxRow

_L = load_labels("receipt")


class ReceiptLine(Row):
    """One line of what was bought."""

    description: Text = field("What was bought, as printed", labels=_L["description"], required=True)
    quantity: Number = field("How many, without the unit", labels=_L["quantity"])
    unit_price: Money = field("Price of one", labels=_L["unit_price"], scale=8)
    amount: Money = field("What the line comes to", labels=_L["amount"], required=True)


class Receipt(DocumentSchema):
    """A receipt: proof that something was bought and paid."""

    schema_name: ClassVar[str] = "receipt"
    rules: ClassVar[tuple[Rule, ...]] = (
        Sum("total", ("net_total", "tax_total")),
        Sum("total", ("line_items[].amount", "rounding_amount"), optional=("rounding_amount",), instead=("net_total",)),
        Sum("tax_total", ("taxes[].amount",)),
        Sum("total", ("cash_given",), less=("change",)),
        Product("line_items", "amount", ("quantity", "unit_price")),
    )

    seller_name: Name = field("Shop or company that sold", labels=_L["seller_name"], required=True, party="issuer")
    seller_address: Address = field("Its postal address", labels=_L["seller_address"], party="issuer")
    seller_tax_id: Identifier = field("Its tax or VAT number", labels=_L["seller_tax_id"], scheme="tax_id", party="issuer")
    document_number: Identifier = field("Number of the receipt", labels=_L["document_number"], scheme="document_number")
    issue_date: Date = field("Day of the purchase", labels=_L["issue_date"], required=True)
    currency: Currency = field("Currency of the amounts (ISO 4217)", labels=_L["currency"])
    net_total: Money = field("Sum without tax", labels=_L["net_total"])
    tax_total: Money = field("Sum of the taxes", labels=_L["tax_total"])
    total: Money = field("What was to be paid, after rounding", labels=_L["total"], required=True)
    rounding_amount: Money = field("What rounding adds to the sum", labels=_L["rounding_amount"])
    cash_given: Money = field("Cash that was handed over", labels=_L["cash_given"])
    change: Money = field("Cash that was given back", labels=_L["change"])
    payment_method: Text = field("How it was paid, as printed", labels=_L["payment_method"])
    line_items: list[ReceiptLine] = table("The lines of what was bought")
    taxes: list[TaxRow] = table("The taxes by rate, where they are printed as a table")
