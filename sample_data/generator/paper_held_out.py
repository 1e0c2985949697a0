"""What the held-out layouts print besides what all do: cells under a line, a payment slip, a till roll's codes and points."""

from decimal import Decimal
from random import Random
from typing import Any

from stdnum import ean

from sample_data.generator import draw
from sample_data.generator.content import Invoice, Line, Receipt
from sample_data.generator.paper import Item, Style, item


def slip(invoice: Invoice, style: Style) -> dict[str, Any]:
    """What an invoice says in the second row of each line, in the heads of both rows, and on its slip (none for a credit)."""
    labels = style.labels
    told: dict[str, Any] = {
        "summary": labels["summary"],
        "under_heads": [labels["quantity"], labels["unit_price"]],
        "under": [_under(index, line, style) for index, line in enumerate(invoice.lines)],
        "slip": {},
    }
    if invoice.amount_due is not None:
        told["slip"] = {
            "title": labels["slip_title"],
            "payee": labels["payee"],
            "payer": labels["payer"],
            "account": labels["bank"],
            "reference": labels["reference"],
            "amount": style.pair("slip_amount", style.money(invoice.amount_due, "total", "amount_due")),
        }
    return told


def _under(index: int, line: Line, style: Style) -> list[Item]:
    """Article, quantity, price and, where there is one, discount."""
    here = f"line_items[{index}]"
    cells = [
        style.pair("article", item(line.article, also=(f"{here}.item_number",))),
        item(f"{style.hand.number(line.quantity)}\u00a0{line.unit}", f"{here}.quantity", also=(f"{here}.unit",)),
        style.money(line.price, "line", f"{here}.unit_price"),
    ]
    return [
        *cells,
        *([style.pair("discount", item(style.hand.rate(line.discount), also=(f"{here}.discount",)))] if line.discount else []),
    ]


def roll(receipt: Receipt, style: Style, random: Random) -> dict[str, Any]:
    """What a till roll says of each line, of the taxes by their letters, and of the customer's points."""
    labels, rates = style.labels, sorted({line.rate for line in receipt.lines if line.rate is not None}, reverse=True)
    letters = dict(zip(rates, labels["letters"], strict=False)) if receipt.money.taxes else {}
    points = int(receipt.money.total / receipt.place.scale)
    loyalty = [
        style.pair("loyalty_card", item(draw.picture("xxxx xxxx ####", random))),
        style.pair("points", item(style.hand.number(Decimal(points)))),
        style.pair("points_balance", item(style.hand.number(Decimal(points + random.randint(40, 2900))))),
    ]
    table = [] if receipt.place.net_prices else _letter_table(receipt, letters, style)
    return {
        "codes": [_code(labels["codes"], random) for _ in receipt.lines],
        "letters": [letters.get(line.rate or Decimal(0), "") for line in receipt.lines],
        "letter_table": table,
        "before": not table,
        "loyalty": {"title": labels["loyalty"], "rows": loyalty},
    }


def _code(pattern: str, random: Random) -> str:
    digits = draw.picture(pattern, random)
    return f"{digits}{ean.calc_check_digit(digits)}"


def _letter_table(receipt: Receipt, letters: dict[Decimal, str], style: Style) -> list[list[Item]]:
    """Rows of letter, rate, net, tax and, where rates are not shown in parts, gross; heads first, the sums of several last."""
    money, amount, labels, parts = receipt.money, style.hand.amount, style.labels, len(receipt.place.split)
    if not money.taxes:
        return []
    heads = ["", "%", labels["receipt_net"], labels["receipt_tax_head"], labels["receipt_gross"]]
    one = len(money.taxes) == 1
    rows = [[item(head) for head in heads]]
    for index, tax in enumerate(money.taxes):
        here, rate = f"taxes[{index}]", f"{tax.part} {style.hand.rate(tax.rate)}".strip()
        net = item(amount(tax.base), *(["net_total"] * one), also=(f"{here}.base",))
        own = item(amount(tax.amount), *(["tax_total"] * one), also=(f"{here}.amount",))
        gross = item(amount(tax.base + tax.amount))
        rows.append([item(letters[tax.rate * max(parts, 1)]), item(rate, also=(f"{here}.rate",)), net, own, gross])
    if not one:
        net, own = item(amount(money.net), "net_total"), item(amount(money.tax), "tax_total")
        rows.append([item(labels["receipt_sum"]), item(""), net, own, item(amount(money.total))])
    return [row[:4] for row in rows] if parts else rows
