"""Receipts as they are written."""

from decimal import Decimal
from random import Random
from typing import Any

from sample_data.generator import draw, paper_held_out
from sample_data.generator.content import Line, Receipt
from sample_data.generator.paper import Habits, Item, Style, item, styled, tax_row

_COLUMNS = ("quantity", "description", "unit_price", "amount")
_ZERO = Decimal(0)
SIGNS = ("total", "total", "sum", "label", "label", "none")


def written(receipt: Receipt, habits: Habits, random: Random) -> dict[str, Any]:
    """The receipt for a layout; `habits` as in styled."""
    place = receipt.place
    style = styled(place, SIGNS, habits, random)
    labels = style.labels
    values = {
        "seller_name": item(receipt.seller.name, "seller_name"),
        "seller_address": item(receipt.seller.address, "seller_address"),
        "issue_date": style.pair("receipt_date", item(style.hand.day(receipt.issued), "issue_date")),
        "time": style.pair("time", item(receipt.time)),
        "document_number": style.pair("receipt_number", item(receipt.number, "document_number")),
        "cashier": style.pair("table" if receipt.shop == "restaurant" else "cashier", item(_staff(receipt))),
        "till": style.pair("pump" if receipt.shop == "fuel" else "till", item(str(1 + len(receipt.seller.name) % 8))),
        "phone": style.pair("phone", item(receipt.seller.phone)),
    }
    if receipt.seller.tax_id:
        values["seller_tax_id"] = {**item(receipt.seller.tax_id, "seller_tax_id"), "label": place.tax_id.label[0]}
    if receipt.shop == "fuel" and random.random() < 0.5:
        values["plate"] = style.pair("plate", item(draw.picture("@@ ### @@", random)))
    return {
        **style.look,
        "title": labels["bill_title" if receipt.shop == "bill" else "receipt_title"],
        "values": values,
        "columns": {key: labels.get(f"receipt_{key}", labels[key]) for key in _COLUMNS},
        "rows": [_row(index, line, receipt, style) for index, line in enumerate(receipt.lines)],
        "total": _total(receipt, style),
        **_taxes(receipt, style, random),
        "paid": _paid(receipt, style),
        "count": style.pair(
            "items_count", item(style.hand.number(sum((line.quantity for line in receipt.lines), start=_ZERO)))
        ),
        "subtotal": _subtotal(receipt, style, random),
        "received": labels["received"],
        "received_from": style.pair("received_from", item(receipt.customer)),
        "signature": labels["signature"],
        "thanks": labels["receipt_thanks"],
        **(paper_held_out.roll(receipt, style, random) if "loyalty" in labels else {}),
    }


def _staff(receipt: Receipt) -> str:
    return str(1 + len(receipt.staff) * 3) if receipt.shop == "restaurant" else receipt.staff


def _row(index: int, line: Line, receipt: Receipt, style: Style) -> dict[str, Any]:
    here = f"line_items[{index}]"
    fuel = receipt.shop == "fuel"
    unit = {"US": "gal"}.get(
        receipt.place.country, "ลิตร" if receipt.place.language == "th" else "ली." if receipt.place.language == "hi" else "l"
    )
    quantity = style.hand.number(line.quantity, 2 if fuel else None)
    return {
        "description": item(line.description, f"{here}.description"),
        "quantity": item(f"{quantity} {unit}" if fuel else quantity, f"{here}.quantity"),
        "unit_price": item(style.hand.amount(line.price), f"{here}.unit_price"),
        "amount": item(style.hand.amount(line.amount), f"{here}.amount"),
        "many": line.quantity != 1,
    }


def _total(receipt: Receipt, style: Style) -> Item:
    """The total, its currency at the amount or in the label, not both."""
    label, currency = style.labels["receipt_total"], receipt.place.currency
    if style.sign == "label" and not _names_currency(label, currency):
        label += f" {currency}"
    if not _names_currency(label, currency):
        return style.pair("receipt_total", style.money(receipt.money.total, "total", "total"))
    return {**item(style.hand.amount(receipt.money.total), "total", "currency"), "label": label, "key": "receipt_total"}


def _names_currency(label: str, currency: str) -> bool:
    return currency in label or "R$" in label


def _subtotal(receipt: Receipt, style: Style, random: Random) -> list[Item]:
    """The sum before the total that tills like to print, tax and all; not where the sum without tax is called the same."""
    label, place = style.labels["subtotal"], receipt.place
    if receipt.shop != "till" or place.net_prices or label in place.labels["receipt_net"] or random.random() < 0.6:
        return []
    return [style.pair("subtotal", item(style.hand.amount(receipt.money.total)))]


def _taxes(receipt: Receipt, style: Style, random: Random) -> dict[str, list[Any]]:
    """Net and taxes, in rows (`taxes`) or as a table with a row a rate (`tax_table`); both empty where no tax is shown."""
    money = receipt.money
    if not money.taxes:
        return {"taxes": [], "tax_table": []}
    several = len(money.taxes) > 1
    if several and receipt.shop == "till" and not receipt.place.split and random.random() < 0.5:
        return {"taxes": [], "tax_table": _tax_table(receipt, style)}
    rows = [style.pair("receipt_net", style.money(money.net, "sum", "net_total"))]
    for index, tax in enumerate(money.taxes):
        printed = style.money(tax.amount, "sum", *(() if several else ("tax_total",)))
        row = style.pair("receipt_tax", printed, rate=style.hand.rate(tax.rate), part=tax.part)
        rated = "{rate}" in style.labels["receipt_tax"]
        rows.append(tax_row(row, index, rated=rated, based=False) if several else row)
    if several:
        rows.append(style.pair("receipt_tax_sum", style.money(money.tax, "sum", "tax_total")))
    return {"taxes": rows, "tax_table": []}


def _tax_table(receipt: Receipt, style: Style) -> list[Item]:
    """Cells of four columns: rate, net, tax, with tax; the heads first and the sums last."""
    money, amount, labels = receipt.money, style.hand.amount, style.labels
    heads = ["%", labels["receipt_net"], labels["tax_rate"], labels["receipt_gross"]]
    rates = []
    for index, tax in enumerate(money.taxes):
        here = f"taxes[{index}]"
        rate, base = item(style.hand.rate(tax.rate), also=(f"{here}.rate",)), item(amount(tax.base), also=(f"{here}.base",))
        rates += [rate, base, item(amount(tax.amount), also=(f"{here}.amount",)), item(amount(tax.base + tax.amount))]
    sums = [
        item(labels["receipt_sum"]),
        item(amount(money.net), "net_total"),
        item(amount(money.tax), "tax_total"),
        item(amount(money.total)),
    ]
    return [*map(item, heads), *rates, *sums]


def _paid(receipt: Receipt, style: Style) -> list[Item]:
    amount = style.hand.amount
    if receipt.given is None:
        return [{**style.pair("card", item(amount(receipt.money.total))), "labelled": ["payment_method"]}]
    change = receipt.given - receipt.money.total
    given = item(amount(receipt.given), also=("cash_given",))
    return [style.pair("cash", given), style.pair("change", item(amount(change), also=("change",)))]
