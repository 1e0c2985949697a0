"""Invoices and credit notes as they are written."""

from collections.abc import Sequence
from decimal import Decimal
from random import Random
from typing import Any

from sample_data.generator.content import Invoice, Line
from sample_data.generator.paper import Item, Style, item, style
from sample_data.generator.parties import Party
from sample_data.generator.places import Place

SIGNS = ("total", "sum", "line", "note")


def written(invoice: Invoice, columns: Sequence[str], capacity: tuple[int, int], digits: str, random: Random) -> dict[str, Any]:
    """The invoice for a layout.

    Args:
        invoice: what it says.
        columns: those of the layout's table, in order; the ones with nothing in them are left out.
        capacity: lines that fit on the first page and on each one after it.
        digits: see Hand.
        random: the lots.
    """
    place = invoice.place
    habits = style(place, SIGNS, digits, random)
    labels = habits.labels
    shown = [key for key in columns if _worth(key, invoice.lines)]
    return {
        **habits.look,
        "title": labels[
            "title_credit" if invoice.credit_of else "title_plain" if invoice.untaxed and "title_plain" in labels else "title"
        ],
        "values": _values(invoice, habits),
        "info": _info(invoice, habits, random),
        "headings": {"seller": labels["seller"], "buyer": labels["buyer"], "bank": labels["bank"]},
        "columns": [{"key": key, "label": labels[_label(key)]} for key in shown],
        "chunks": _chunks(invoice.lines, shown, capacity, habits),
        "carried": labels["carried"],
        "totals": _totals(invoice, habits),
        "bank": _bank(invoice, habits),
        "contact": [habits.pair("phone", item(invoice.seller.phone)), habits.pair("email", item(invoice.seller.email))],
        "register": invoice.seller.register if not invoice.untaxed else "",
        "notes": _notes(invoice, habits),
        "greeting": "" if invoice.credit_of else labels["greeting"],
        "page": labels["page"],
    }


def _values(invoice: Invoice, habits: Style) -> dict[str, Item]:
    place = invoice.place
    values = {
        "document_number": habits.pair("number", item(invoice.number, "document_number")),
        "issue_date": habits.pair("date", item(habits.hand.day(invoice.issued), "issue_date")),
        **_party("seller", invoice.seller, habits, place),
        **_party("buyer", invoice.buyer, habits, place),
    }
    if invoice.due:
        values["due_date"] = habits.pair("due", item(habits.hand.day(invoice.due), "due_date"))
    return values


def _party(role: str, party: Party, habits: Style, place: Place) -> dict[str, Item]:
    values = {
        f"{role}_name": item(party.name, f"{role}_name"),
        f"{role}_address": item(party.address, f"{role}_address"),
    }
    if party.tax_id:
        label = place.tax_id.label[len(party.name) % len(place.tax_id.label)]
        values[f"{role}_tax_id"] = {**item(party.tax_id, f"{role}_tax_id"), "label": label}
    return values


def _info(invoice: Invoice, habits: Style, random: Random) -> list[Item]:
    """Number and dates, among the numbers and dates that are not them."""
    values = _values(invoice, habits)
    own = [values[name] for name in ("document_number", "issue_date", "due_date") if name in values]
    others = [
        habits.pair("customer_no", item(invoice.customer_no)),
        habits.pair("order_no", item(invoice.order_no)),
        habits.pair("order_date", item(habits.hand.day(invoice.ordered))),
        habits.pair("delivery_date", item(habits.hand.day(invoice.delivered))),
        habits.pair("contact", item(invoice.seller.contact)),
    ]
    if invoice.untaxed:
        return own
    chosen = random.sample(others, random.randint(1, 4))
    rest = [other for other in others if other in chosen]
    return rest[:1] + own + rest[1:] if random.random() < 0.3 else own[:2] + rest + own[2:]


def _worth(key: str, lines: Sequence[Line]) -> bool:
    if key == "discount":
        return any(line.discount for line in lines)
    return key != "tax_rate" or all(line.rate is not None for line in lines)


def _label(key: str) -> str:
    return "quantity" if key == "quantity_unit" else key


def _chunks(lines: Sequence[Line], columns: Sequence[str], capacity: tuple[int, int], habits: Style) -> list[dict[str, Any]]:
    """The lines page by page; every page but the last ends with the sum so far, which the next one starts with."""
    chunks: list[dict[str, Any]] = []
    start, so_far = 0, Decimal(0)
    while start < len(lines):
        end = min(start + capacity[1 if chunks else 0], len(lines))
        rows = [_row(index, lines[index], columns, habits) for index in range(start, end)]
        carried_in = habits.hand.amount(so_far) if start else ""
        so_far += sum((line.amount for line in lines[start:end]), Decimal(0))
        chunks.append({"rows": rows, "in": carried_in, "out": habits.hand.amount(so_far) if end < len(lines) else ""})
        start = end
    return chunks


def _row(index: int, line: Line, columns: Sequence[str], habits: Style) -> list[Item]:
    hand, here = habits.hand, f"line_items[{index}]"
    cells = {
        "pos": lambda: item(str(index + 1)),
        "article": lambda: item(line.article),
        "description": lambda: item(line.description, f"{here}.description"),
        "quantity": lambda: item(hand.number(line.quantity), f"{here}.quantity"),
        "quantity_unit": lambda: item(f"{hand.number(line.quantity)}\u00a0{line.unit}", f"{here}.quantity"),
        "unit": lambda: item(line.unit),
        "unit_price": lambda: habits.money(line.price, "line", f"{here}.unit_price"),
        "discount": lambda: item(hand.rate(line.discount) if line.discount else ""),
        "tax_rate": lambda: item(hand.rate(line.rate or Decimal(0)), f"{here}.tax_rate"),
        "amount": lambda: habits.money(line.amount, "line", f"{here}.amount"),
    }
    return [cells[key]() for key in columns]


def _totals(invoice: Invoice, habits: Style) -> list[Item]:
    money, hand = invoice.money, habits.hand
    total = habits.pair("total_credit" if invoice.credit_of else "total", habits.money(money.total, "total", "total"))
    if invoice.untaxed:
        return [total, *_paid(invoice, habits)]
    rows = [habits.pair("net", habits.money(money.net, "sum", "net_total"))]
    several = len(money.taxes) > 1
    for tax in money.taxes:
        printed = habits.money(tax.amount, "sum", *(() if several else ("tax_total",)))
        row = habits.pair("tax", printed, rate=hand.rate(tax.rate), part=tax.part)
        if several and len({tax.rate for tax in money.taxes}) > 1:
            row["label"] += " " + habits.labels["tax_on"].format(base=hand.amount(tax.base))
        rows.append(row)
    if several:
        rows.append(habits.pair("tax_sum", habits.money(money.tax, "sum", "tax_total")))
    return [*rows, total, *_paid(invoice, habits)]


def _paid(invoice: Invoice, habits: Style) -> list[Item]:
    rows = []
    if invoice.prepaid is not None:
        paid = habits.money(-invoice.prepaid, "sum")
        rows.append(habits.pair("prepaid", paid, date=habits.hand.day(invoice.prepaid_on)))
    if invoice.amount_due is not None:
        rows.append(habits.pair("amount_due", habits.money(invoice.amount_due, "total", "amount_due")))
    return rows


def _bank(invoice: Invoice, habits: Style) -> list[Item]:
    account = invoice.account
    if invoice.credit_of:
        return []
    if account.iban is None:
        return [item(account.bank)]
    return [item(account.bank), habits.pair("iban", item(account.iban, "seller_iban")), habits.pair("bic", item(account.bic))]


def _notes(invoice: Invoice, habits: Style) -> list[Item]:
    labels, notes = habits.labels, []
    if invoice.credit_of:
        notes.append(item(labels["original"].format(number=invoice.credit_of, date=habits.hand.day(invoice.prepaid_on))))
    else:
        notes.append(item(labels["terms"].format(days=invoice.days)))
    if invoice.untaxed:
        notes.append(item(invoice.place.notax))
    if habits.sign == "note":
        notes.append(item(labels["currency_note"].format(currency=invoice.place.currency), "currency"))
    return [*notes, item(labels["thanks"])]
