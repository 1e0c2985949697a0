"""Receipts as they are written."""

from decimal import Decimal
from random import Random
from typing import Any

from sample_data.generator.content import Line, Receipt
from sample_data.generator.paper import Item, Style, item, style

_ZERO = Decimal(0)
SIGNS = ("total", "total", "sum", "label", "label", "none")


def written(receipt: Receipt, digits: str, random: Random) -> dict[str, Any]:
    """The receipt for a layout; `digits` as in Hand."""
    place = receipt.place
    habits = style(place, SIGNS, digits, random)
    labels = habits.labels
    values = {
        "seller_name": item(receipt.seller.name, "seller_name"),
        "seller_address": item(receipt.seller.address, "seller_address"),
        "issue_date": habits.pair("receipt_date", item(habits.hand.day(receipt.issued), "issue_date")),
        "time": habits.pair("time", item(receipt.time)),
        "document_number": habits.pair("receipt_number", item(receipt.number, "document_number")),
        "cashier": habits.pair("table" if receipt.shop == "restaurant" else "cashier", item(_staff(receipt))),
        "till": habits.pair("pump" if receipt.shop == "fuel" else "till", item(receipt.number[-1])),
        "phone": habits.pair("phone", item(receipt.seller.phone)),
    }
    if receipt.seller.tax_id:
        values["seller_tax_id"] = {**item(receipt.seller.tax_id, "seller_tax_id"), "label": place.tax_id.label[0]}
    return {
        **habits.look,
        "title": labels["bill_title" if receipt.shop == "bill" else "receipt_title"],
        "values": values,
        "columns": {key: labels[key] for key in ("quantity", "description", "unit_price", "amount")},
        "rows": [_row(index, line, receipt, habits) for index, line in enumerate(receipt.lines)],
        "total": _total(receipt, habits),
        "taxes": _taxes(receipt, habits),
        "paid": _paid(receipt, habits),
        "count": habits.pair(
            "items_count", item(habits.hand.number(sum((line.quantity for line in receipt.lines), start=_ZERO)))
        ),
        "received": labels["received"],
        "received_from": habits.pair("received_from", item(receipt.customer)),
        "signature": labels["signature"],
        "thanks": labels["receipt_thanks"],
    }


def _staff(receipt: Receipt) -> str:
    return str(1 + len(receipt.staff) * 3) if receipt.shop == "restaurant" else receipt.staff


def _row(index: int, line: Line, receipt: Receipt, habits: Style) -> dict[str, Any]:
    here = f"line_items[{index}]"
    fuel = receipt.shop == "fuel"
    unit = {"US": "gal"}.get(
        receipt.place.country, "ลิตร" if receipt.place.language == "th" else "ली." if receipt.place.language == "hi" else "l"
    )
    quantity = habits.hand.number(line.quantity, 2 if fuel else None)
    return {
        "description": item(line.description, f"{here}.description"),
        "quantity": item(f"{quantity} {unit}" if fuel else quantity, f"{here}.quantity"),
        "unit_price": item(habits.hand.amount(line.price), f"{here}.unit_price"),
        "amount": item(habits.hand.amount(line.amount), f"{here}.amount"),
        "many": line.quantity != 1,
    }


def _total(receipt: Receipt, habits: Style) -> Item:
    total = habits.pair("receipt_total", habits.money(receipt.money.total, "total", "total"))
    currency = receipt.place.currency
    if habits.sign == "label" and currency not in total["label"] and "R$" not in total["label"]:
        total["label"] += f" {currency}"
    if habits.sign == "label" or currency in total["label"] or "R$" in total["label"]:
        total["fields"].append("currency")
    return total


def _taxes(receipt: Receipt, habits: Style) -> list[Item]:
    """The rows that show net and taxes; none where the receipt shows no tax."""
    money = receipt.money
    if not money.taxes:
        return []
    several = len(money.taxes) > 1
    rows = [habits.pair("receipt_net", habits.money(money.net, "sum", "net_total"))]
    for tax in money.taxes:
        printed = habits.money(tax.amount, "sum", *(() if several else ("tax_total",)))
        rows.append(habits.pair("receipt_tax", printed, rate=habits.hand.rate(tax.rate), part=tax.part))
    if several:
        rows.append(habits.pair("receipt_tax_sum", habits.money(money.tax, "sum", "tax_total")))
    return rows


def _paid(receipt: Receipt, habits: Style) -> list[Item]:
    amount = habits.hand.amount
    if receipt.given is None:
        return [habits.pair("card", item(amount(receipt.money.total)))]
    change = receipt.given - receipt.money.total
    return [habits.pair("cash", item(amount(receipt.given))), habits.pair("change", item(amount(change)))]
