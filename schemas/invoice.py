"""Invoices and credit notes: what EN 16931 asks for, in plain words."""

from typing import ClassVar

from schemas.base import DocumentSchema, Order, Product, Row, Rule, Sum, load_labels
from schemas.fields import Address, Currency, Date, Identifier, Money, Name, Number, Percent, Text, field, table

_L = load_labels("invoice")


class InvoiceLine(Row):
    """One line of what was sold."""

    description: Text = field("What was sold, as printed", labels=_L["description"], required=True)
    quantity: Number = field("How many, without the unit", labels=_L["quantity"])
    unit_price: Money = field("Price of one", labels=_L["unit_price"], scale=8)
    amount: Money = field("What the line comes to", labels=_L["amount"], required=True)
    tax_rate: Percent = field("Tax rate of the line, in percent", labels=_L["tax_rate"])


class Invoice(DocumentSchema):
    """An invoice or credit note: who asks whom to pay what, for what, and until when."""

    schema_name: ClassVar[str] = "invoice"
    rules: ClassVar[tuple[Rule, ...]] = (
        Sum("total", ("net_total", "tax_total")),
        Sum("net_total", ("line_items[].amount",)),
        Product("line_items", "amount", ("quantity", "unit_price")),
        Order("issue_date", "due_date"),
    )

    document_number: Identifier = field(
        "Number of the invoice", labels=_L["document_number"], required=True, scheme="document_number"
    )
    issue_date: Date = field("Day the invoice was issued", labels=_L["issue_date"], required=True)
    due_date: Date = field("Day by which it is to be paid", labels=_L["due_date"])
    seller_name: Name = field("Who sells and issues the invoice", labels=_L["seller_name"], required=True, party="issuer")
    seller_address: Address = field("The seller's postal address", labels=_L["seller_address"], party="issuer")
    seller_tax_id: Identifier = field(
        "The seller's tax or VAT number", labels=_L["seller_tax_id"], scheme="tax_id", party="issuer"
    )
    seller_iban: Identifier = field("Bank account to pay to (IBAN)", labels=_L["seller_iban"], scheme="iban", party="issuer")
    buyer_name: Name = field("Who buys and is to pay", labels=_L["buyer_name"], party="recipient")
    buyer_address: Address = field("The buyer's postal address", labels=_L["buyer_address"], party="recipient")
    buyer_tax_id: Identifier = field(
        "The buyer's tax or VAT number", labels=_L["buyer_tax_id"], scheme="tax_id", party="recipient"
    )
    currency: Currency = field("Currency of the amounts (ISO 4217)", labels=_L["currency"])
    net_total: Money = field("Sum without tax", labels=_L["net_total"])
    tax_total: Money = field("Sum of the taxes", labels=_L["tax_total"])
    total: Money = field("Sum with tax", labels=_L["total"], required=True)
    amount_due: Money = field("What is still to be paid", labels=_L["amount_due"])
    line_items: list[InvoiceLine] = table("The lines of what was sold")
