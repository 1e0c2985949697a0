"""What is true of a document: the values of the fields that are printed on it, and the names of those that are not."""

from collections.abc import Collection, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from sample_data.generator.content import Invoice, Line, Receipt, Tax
from sample_data.generator.drawn import Drawn
from schemas.base import specs
from schemas.fields import Kind
from schemas.invoice import Invoice as InvoiceSchema
from schemas.receipt import Receipt as ReceiptSchema


def truth_of(content: Invoice | Receipt, printed: Collection[str], wordings: Mapping[str, Any]) -> dict[str, Any]:
    """The `fields` and `absent` of a line of the truth file.

    A tax that is the only one is the tax total; whether it is a row of taxes too, nobody can say, so that the truth does not.
    Nor does it say how a receipt was paid in cash, for which tills have all sorts of words.

    Args:
        content: what the document says.
        printed: names of the fields that its layout printed, `line_items[0].amount` for those of lines.
        wordings: what it prints for fields that are phrases.
    """
    schema = InvoiceSchema if isinstance(content, Invoice) else ReceiptSchema
    known = {
        **(_of_invoice(content) if isinstance(content, Invoice) else _of_receipt(content)),
        "currency": content.place.currency,
        **wordings,
    }
    names = [spec.name for spec in specs(schema) if spec.kind is not Kind.TABLE]
    told = {*printed, "document_type"}
    fields: dict[str, Any] = {name: _plain(known[name]) for name in names if name in told}
    fields["line_items"] = [_line(index, line, printed) for index, line in enumerate(content.lines)]
    rows = [_tax(index, tax, printed) for index, tax in enumerate(content.money.taxes)]
    if rows and all("amount" in row for row in rows):
        fields["taxes"] = rows
    unknown = {"payment_method"} if isinstance(content, Receipt) and content.given is not None else set()
    return {"fields": fields, "absent": [name for name in names if name not in fields and name not in unknown]}


def truth_of_drawn(drawn: Drawn, printed: Collection[str]) -> dict[str, Any]:
    """The `fields` and `absent` of a line of the truth file, for a document of one of the newer types; `printed` as above."""
    fields: dict[str, Any] = {name: _plain(value) for name, value in drawn.known.items() if name in printed}
    for table, rows in drawn.tables.items():
        fields[table] = [
            {name: _plain(value) for name, value in row.items() if f"{table}[{index}].{name}" in printed}
            for index, row in enumerate(rows)
        ]
    absent = [name for name in drawn.known if name not in fields and name not in drawn.unknown]
    return {"fields": fields, "absent": absent}


def _of_invoice(invoice: Invoice) -> dict[str, Any]:
    return {
        **_sums(invoice),
        "document_number": invoice.number,
        "document_type": "credit_note" if invoice.credit_of else "invoice",
        "due_date": invoice.due,
        "order_number": invoice.order_no,
        "customer_number": invoice.customer_no,
        "delivery_date": invoice.delivered,
        "payment_reference": invoice.number,
        "seller_bic": invoice.account.bic,
        "seller_email": invoice.seller.email,
        "seller_phone": invoice.seller.phone,
        "prepaid_amount": None if invoice.prepaid is None else [invoice.prepaid, -invoice.prepaid],
        "seller_iban": invoice.account.iban,
        "buyer_name": invoice.buyer.name,
        "buyer_address": "\n".join(invoice.buyer.address),
        "buyer_tax_id": invoice.buyer.tax_id,
        "amount_due": invoice.amount_due,
    }


def _of_receipt(receipt: Receipt) -> dict[str, Any]:
    given = receipt.given
    change = None if given is None else given - receipt.money.total
    return {**_sums(receipt), "document_number": receipt.number, "cash_given": given, "change": change}


def _sums(content: Invoice | Receipt) -> dict[str, Any]:
    return {
        "issue_date": content.issued,
        "seller_name": content.seller.name,
        "seller_address": "\n".join(content.seller.address),
        "seller_tax_id": content.seller.tax_id,
        "net_total": content.money.net,
        "tax_total": content.money.tax,
        "total": content.money.total,
    }


def _line(index: int, line: Line, printed: Collection[str]) -> dict[str, Any]:
    known = {
        "description": line.description,
        "quantity": line.quantity,
        "unit_price": line.price,
        "amount": line.amount,
        "tax_rate": line.rate,
        "item_number": line.article,
        "unit": line.unit,
        "discount": line.discount,
    }
    return {name: _plain(value) for name, value in known.items() if f"line_items[{index}].{name}" in printed}


def _tax(index: int, tax: Tax, printed: Collection[str]) -> dict[str, Any]:
    known = {"rate": tax.rate, "base": tax.base, "amount": tax.amount}
    return {name: _plain(value) for name, value in known.items() if f"taxes[{index}].{name}" in printed}


def _plain(value: Any) -> Any:
    """A value as the truth file has it; several that are all right stay a list."""
    if isinstance(value, list):
        return [_plain(one) for one in value] if len(value) > 1 else _plain(value[0])
    if value is None:
        raise ValueError("a layout printed a field that the document does not have")
    if isinstance(value, date):
        return value.isoformat()
    return f"{value:f}" if isinstance(value, Decimal) else str(value)
