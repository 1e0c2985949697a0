"""Invoices and credit notes: what EN 16931 asks for, in plain words."""

from typing import ClassVar, Literal

from schemas.base import DocumentSchema, Order, Product, Row, Rule, Sum, load_choice_words, load_labels
from schemas.fields import Address, Currency, Date, Identifier, Money, Name, Number, Percent, Text, field, table
from schemas.taxes import TaxRow

_L = load_labels("invoice")

DocumentType = Literal["invoice", "credit_note", "proforma", "reminder"]


class InvoiceLine(Row):
    """One line of what was sold."""

    description: Text = field("What was sold, as printed", labels=_L["description"], required=True)
    quantity: Number = field("How many, without the unit", labels=_L["quantity"])
    unit_price: Money = field("Price of one", labels=_L["unit_price"], scale=8)
    amount: Money = field("What the line comes to", labels=_L["amount"], required=True)
    tax_rate: Percent = field("Tax rate of the line, in percent", labels=_L["tax_rate"])
    item_number: Identifier = field("The seller's number of what was sold", labels=_L["item_number"])
    unit: Text = field("What the quantity counts, as printed", labels=_L["unit"])
    discount: Percent = field("Discount on the line, in percent", labels=_L["discount"])


class Invoice(DocumentSchema):
    """An invoice or credit note: who asks whom to pay what, for what, and until when."""

    schema_name: ClassVar[str] = "invoice"
    rules: ClassVar[tuple[Rule, ...]] = (
        Sum("total", ("net_total", "tax_total")),
        Sum(
            "net_total",
            ("line_items[].amount", "charge_total"),
            optional=("charge_total", "allowance_total"),
            less=("allowance_total",),
            instead=("total",),
        ),
        Sum("tax_total", ("taxes[].amount",)),
        Sum("amount_due", ("total", "rounding_amount"), optional=("rounding_amount",), less=("prepaid_amount",)),
        Product("line_items", "amount", ("quantity", "unit_price"), discount="discount"),
        Order("issue_date", "due_date"),
        Order("period_start", "period_end"),
    )

    document_type: DocumentType | None = field(
        "What sort of invoice it is", labels=_L["document_type"], choice_words=load_choice_words("invoice", "document_type")
    )
    document_number: Identifier = field(
        "Number of the invoice", labels=_L["document_number"], required=True, scheme="document_number"
    )
    issue_date: Date = field("Day the invoice was issued", labels=_L["issue_date"], required=True)
    due_date: Date = field("Day by which it is to be paid", labels=_L["due_date"])
    order_number: Identifier = field("Number of the buyer's order", labels=_L["order_number"], scheme="document_number")
    customer_number: Identifier = field(
        "The buyer's number with the seller", labels=_L["customer_number"], scheme="document_number"
    )
    delivery_date: Date = field("Day of delivery or of the service", labels=_L["delivery_date"])
    period_start: Date = field("First day of what is invoiced", labels=_L["period_start"])
    period_end: Date = field("Last day of what is invoiced", labels=_L["period_end"])
    payment_terms: Text = field("When and how it is to be paid, as printed", labels=_L["payment_terms"])
    payment_reference: Identifier = field("What to quote when paying", labels=_L["payment_reference"], scheme="document_number")
    seller_name: Name = field("Who sells and issues the invoice", labels=_L["seller_name"], required=True, party="issuer")
    seller_address: Address = field("The seller's postal address", labels=_L["seller_address"], party="issuer")
    seller_tax_id: Identifier = field(
        "The seller's tax or VAT number", labels=_L["seller_tax_id"], scheme="tax_id", party="issuer"
    )
    seller_iban: Identifier = field("Bank account to pay to (IBAN)", labels=_L["seller_iban"], scheme="iban", party="issuer")
    seller_bic: Identifier = field("The bank's code (BIC)", labels=_L["seller_bic"], scheme="bic", party="issuer")
    seller_email: Identifier = field("The seller's e-mail address", labels=_L["seller_email"], scheme="email", party="issuer")
    seller_phone: Identifier = field("The seller's telephone number", labels=_L["seller_phone"], scheme="phone", party="issuer")
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
    allowance_total: Money = field("What is taken off the sum of the lines", labels=_L["allowance_total"])
    charge_total: Money = field("What is added to the sum of the lines", labels=_L["charge_total"])
    prepaid_amount: Money = field("What has been paid already", labels=_L["prepaid_amount"])
    rounding_amount: Money = field("What rounding adds to what is to be paid", labels=_L["rounding_amount"])
    line_items: list[InvoiceLine] = table("The lines of what was sold")
    taxes: list[TaxRow] = table("The taxes by rate, where they are printed as a table")
