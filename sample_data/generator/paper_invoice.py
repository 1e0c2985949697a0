"""Invoices and credit notes as they are written."""

from collections.abc import Sequence
from decimal import Decimal
from random import Random
from typing import Any

from sample_data.generator import paper_held_out
from sample_data.generator.content import Invoice, Line
from sample_data.generator.paper import Habits, Item, Style, item, styled, tax_row
from sample_data.generator.parties import Party
from sample_data.generator.places import Place

SIGNS = ("total", "sum", "line", "note")


def written(
    invoice: Invoice, columns: Sequence[str], capacity: tuple[int, int], habits: Habits, random: Random
) -> dict[str, Any]:
    """The invoice for a layout.

    Args:
        invoice: what it says.
        columns: those of the layout's table, in order; the ones with nothing in them are left out.
        capacity: lines that fit on the first page and on each one after it.
        habits: its date pattern and digits.
        random: the lots.
    """
    place = invoice.place
    style = styled(place, SIGNS, habits, random)
    labels = style.labels
    shown = [key for key in columns if _worth(key, invoice.lines)]
    return {
        **style.look,
        "title": labels[
            "title_credit" if invoice.credit_of else "title_plain" if invoice.untaxed and "title_plain" in labels else "title"
        ],
        "values": _values(invoice, style),
        "info": _info(invoice, style, random),
        "headings": {"seller": labels["seller"], "buyer": labels["buyer"], "bank": labels["bank"]},
        "columns": [{"key": key, "label": labels[_label(key)]} for key in shown],
        "chunks": _chunks(invoice.lines, shown, capacity, style),
        "carried": labels["carried"],
        "totals": _totals(invoice, style),
        "bank": _bank(invoice, style),
        "contact": [
            style.pair("phone", item(invoice.seller.phone, also=("seller_phone",))),
            style.pair("email", item(invoice.seller.email, also=("seller_email",))),
        ],
        "register": invoice.seller.register if not invoice.untaxed else "",
        "notes": _notes(invoice, style),
        "greeting": "" if invoice.credit_of else place.labels["greeting"][0 if invoice.trade == "service" else -1],
        "page": labels["page"],
        **(paper_held_out.slip(invoice, style) if "slip_title" in labels else {}),
        "terms": labels["terms"].format(days=invoice.days),
    }


def _values(invoice: Invoice, style: Style) -> dict[str, Item]:
    place = invoice.place
    values = {
        "document_number": style.pair("number", item(invoice.number, "document_number")),
        "issue_date": style.pair("date", item(style.hand.day(invoice.issued), "issue_date")),
        **_party("seller", invoice.seller, place),
        **_party("buyer", invoice.buyer, place),
    }
    if invoice.due:
        values["due_date"] = style.pair("due", item(style.hand.day(invoice.due), "due_date"))
    return values


def _party(role: str, party: Party, place: Place) -> dict[str, Item]:
    values = {
        f"{role}_name": item(party.name, f"{role}_name"),
        f"{role}_address": item(party.address, f"{role}_address"),
    }
    if party.tax_id:
        label = place.tax_id.label[len(party.name) % len(place.tax_id.label)]
        values[f"{role}_tax_id"] = {**item(party.tax_id, f"{role}_tax_id"), "label": label}
    return values


def _info(invoice: Invoice, style: Style, random: Random) -> list[Item]:
    """Number and dates, among the numbers and dates that are not them."""
    values = _values(invoice, style)
    own = [values[name] for name in ("document_number", "issue_date", "due_date") if name in values]
    others = [
        style.pair("customer_no", item(invoice.customer_no, also=("customer_number",))),
        style.pair("order_no", item(invoice.order_no, also=("order_number",))),
        style.pair("order_date", item(style.hand.day(invoice.ordered))),
        style.pair("delivery_date", item(style.hand.day(invoice.delivered), also=("delivery_date",))),
        style.pair("contact", item(invoice.seller.contact)),
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


def _chunks(lines: Sequence[Line], columns: Sequence[str], capacity: tuple[int, int], style: Style) -> list[dict[str, Any]]:
    """The lines page by page; every page but the last ends with the sum so far, which the next one starts with."""
    chunks: list[dict[str, Any]] = []
    start, so_far = 0, Decimal(0)
    while start < len(lines):
        end = min(start + capacity[1 if chunks else 0], len(lines))
        rows = [_row(index, lines[index], columns, style) for index in range(start, end)]
        carried_in = style.hand.amount(so_far) if start else ""
        so_far += sum((line.amount for line in lines[start:end]), Decimal(0))
        chunks.append({"rows": rows, "in": carried_in, "out": style.hand.amount(so_far) if end < len(lines) else ""})
        start = end
    return chunks


def _row(index: int, line: Line, columns: Sequence[str], style: Style) -> list[Item]:
    hand, here = style.hand, f"line_items[{index}]"
    cells = {
        "pos": lambda: item(str(index + 1)),
        "article": lambda: item(line.article, also=(f"{here}.item_number",)),
        "description": lambda: item(line.description, f"{here}.description"),
        "quantity": lambda: item(hand.number(line.quantity), f"{here}.quantity"),
        "quantity_unit": lambda: item(
            f"{hand.number(line.quantity)}\u00a0{line.unit}", f"{here}.quantity", also=(f"{here}.unit",)
        ),
        "unit": lambda: item(line.unit, also=(f"{here}.unit",)),
        "unit_price": lambda: style.money(line.price, "line", f"{here}.unit_price"),
        "discount": lambda: item(hand.rate(line.discount), also=(f"{here}.discount",)) if line.discount else item(""),
        "tax_rate": lambda: item(hand.rate(line.rate or Decimal(0)), f"{here}.tax_rate"),
        "amount": lambda: style.money(line.amount, "line", f"{here}.amount"),
    }
    return [cells[key]() for key in columns]


def _totals(invoice: Invoice, style: Style) -> list[Item]:
    money, hand = invoice.money, style.hand
    total = style.pair("total_credit" if invoice.credit_of else "total", style.money(money.total, "total", "total"))
    if invoice.untaxed:
        return [total, *_paid(invoice, style)]
    rows = [style.pair("net", style.money(money.net, "sum", "net_total"))]
    several = len(money.taxes) > 1
    for index, tax in enumerate(money.taxes):
        printed = style.money(tax.amount, "sum", *(() if several else ("tax_total",)))
        row = style.pair("tax", printed, rate=hand.rate(tax.rate), part=tax.part)
        based = several and len({tax.rate for tax in money.taxes}) > 1
        if based:
            row["label"] += " " + style.labels["tax_on"].format(base=hand.amount(tax.base))
        rows.append(tax_row(row, index, rated="{rate}" in style.labels["tax"], based=based) if several else row)
    if several:
        rows.append(style.pair("tax_sum", style.money(money.tax, "sum", "tax_total")))
    return [*rows, total, *_paid(invoice, style)]


def _paid(invoice: Invoice, style: Style) -> list[Item]:
    rows = []
    if invoice.prepaid is not None:
        paid = style.money(-invoice.prepaid, "sum", also=("prepaid_amount",))
        rows.append(style.pair("prepaid", paid, date=style.hand.day(invoice.earlier)))
    if invoice.amount_due is not None:
        rows.append(style.pair("amount_due", style.money(invoice.amount_due, "total", "amount_due")))
    return rows


def _bank(invoice: Invoice, style: Style) -> list[Item]:
    account = invoice.account
    if invoice.credit_of:
        return []
    if account.iban is None:
        return [item(account.bank)]
    bic = style.pair("bic", item(account.bic, also=("seller_bic",)))
    return [item(account.bank), style.pair("iban", item(account.iban, "seller_iban")), bic]


def _notes(invoice: Invoice, style: Style) -> list[Item]:
    labels, notes = style.labels, []
    if invoice.credit_of:
        notes.append(item(labels["original"].format(number=invoice.credit_of, date=style.hand.day(invoice.earlier))))
    else:
        notes.append(item(labels["terms"].format(days=invoice.days), also=("payment_terms",)))
    if invoice.untaxed:
        notes.append(item(invoice.place.notax))
    if style.sign == "note":
        notes.append(item(labels["currency_note"].format(currency=invoice.place.currency), "currency"))
    return [*notes, item(labels["thanks"])]
