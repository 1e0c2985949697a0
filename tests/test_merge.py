from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from pipeline.merge import merge
from pipeline.records import Grounding, Value
from schemas.bank_statement import BankStatement
from schemas.invoice import Invoice
from schemas.receipt import Receipt

D = Decimal


def value(path, typed, page=1, confidence=0.9, verbatim=None):
    return Value(path, str(typed) if verbatim is None else verbatim, typed, page, Grounding.EXACT, None, confidence)


def kept(merged):
    return {v.path: v.value for v in merged.values}


def row(number, page, **columns):
    return [value(f"line_items[{number}].{name}", typed, page) for name, typed in columns.items()]


def test_one_page_stays_as_it_is_in_the_order_of_the_schema():
    page = [value("total", D(5)), value("document_number", "7"), *row(0, 1, amount=D(5), description="Pen")]
    merged = merge([page], Invoice)
    assert [v.path for v in merged.values] == ["document_number", "total", "line_items[0].description", "line_items[0].amount"]
    assert merged.conflicts == ()


def test_the_value_on_more_pages_wins_over_the_surer_one():
    pages = [
        [value("document_number", "X1", 1, 0.99)],
        [value("document_number", "RE 17", 2, 0.8)],
        [value("document_number", "re-17", 3, 0.9)],
    ]
    merged = merge(pages, Invoice)
    assert [(v.value, v.page) for v in merged.values] == [("re-17", 3)]
    assert [(c.path, c.kept.value, c.lost.value) for c in merged.conflicts] == [("document_number", "re-17", "X1")]


def test_then_the_surer_then_the_earlier_page():
    surer = merge([[value("issue_date", date(2024, 1, 1), 1, 0.75)], [value("issue_date", date(2024, 1, 2), 2, 0.95)]], Invoice)
    assert kept(surer) == {"issue_date": date(2024, 1, 2)}
    earlier = merge(
        [[value("issue_date", date(2024, 1, 1), 1, 0.91)], [value("issue_date", date(2024, 1, 2), 2, 0.93)]], Invoice
    )
    assert kept(earlier) == {"issue_date": date(2024, 1, 1)}


def test_a_doubtful_value_does_not_outvote_a_sure_one():
    pages = [
        [value("buyer_name", "Right Ltd", 1, 0.95)],
        [value("buyer_name", "Wrong", 2, 0.36)],
        [value("buyer_name", "Wrong", 3, 0.36)],
    ]
    merged = merge(pages, Invoice)
    assert kept(merged) == {"buyer_name": "Right Ltd"}
    assert len(merged.conflicts) == 1


def test_carried_sums_lose_against_the_last_total_even_when_they_agree():
    pages = [[value("total", D(100), 1, 0.95)], [value("total", D(100), 2, 0.95)], [value("total", D(180), 3, 0.9)]]
    merged = merge(pages, Invoice)
    assert kept(merged) == {"total": D(180)}
    assert [c.lost.value for c in merged.conflicts] == [D(100)]


def test_a_total_that_adds_up_on_its_page_wins_over_a_later_one():
    first = [value("total", D("11.90"), 1), value("net_total", D(10), 1), value("tax_total", D("1.90"), 1)]
    merged = merge([first, [value("total", D("71.90"), 2)]], Invoice)
    assert kept(merged)["total"] == D("11.90")


def test_an_unsure_last_total_loses():
    merged = merge([[value("total", D(100), 1, 0.95)], [value("total", D(999), 2, 0.36)]], Invoice)
    assert kept(merged) == {"total": D(100)}


def test_a_name_with_more_around_it_is_no_conflict():
    merged = merge([[value("seller_name", "ACME GmbH", 1)], [value("seller_name", "Acme GmbH, Berlin", 2)]], Invoice)
    assert kept(merged) == {"seller_name": "ACME GmbH"}
    assert merged.conflicts == ()


def test_what_could_not_be_read_stands_only_alone():
    unread = value("total", None, 2, 0.0, verbatim="l2,5O")
    assert kept(merge([[value("total", D(5), 1, 0.4)], [unread]], Invoice)) == {"total": D(5)}
    assert merge([[], [unread]], Invoice).values == (unread,)


def test_rows_are_numbered_through_the_document_and_keep_their_page():
    pages = [
        [*row(0, 1, description="A", amount=D(1)), *row(2, 1, description="B", amount=D(2))],
        [],
        [*row(0, 3, description="B", amount=D(2)), *row(1, 3, description="C", amount=D(3))],
    ]
    merged = merge(pages, Invoice)
    descriptions = [(v.path, v.value, v.page) for v in merged.values if v.path.endswith("description")]
    assert descriptions == [
        ("line_items[0].description", "A", 1),
        ("line_items[1].description", "B", 1),
        ("line_items[2].description", "B", 3),
        ("line_items[3].description", "C", 3),
    ]


def test_carried_rows_and_repeated_headings_are_not_rows():
    pages = [
        [*row(0, 1, description="Report on soil", amount=D(1)), *row(1, 1, description="Übertrag auf Seite 2:", amount=D(1))],
        [
            *row(0, 2, description="Description", amount="Amount"),
            *row(1, 2, description="brought forward", amount=D(1)),
            *row(2, 2, description="Transporte urgente", amount=D(2)),
        ],
    ]
    merged = merge(pages, Invoice)
    assert [v.value for v in merged.values if v.path.endswith("description")] == ["Report on soil", "Transporte urgente"]


def test_a_carried_row_in_the_middle_or_on_a_lone_page_stays():
    lone = merge([row(0, 1, description="Balance brought forward", amount=D(1))], Invoice)
    assert len(lone.values) == 2
    middle = [
        *row(0, 1, description="A", amount=D(1)),
        *row(1, 1, description="Übertrag", amount=D(1)),
        *row(2, 1, description="B", amount=D(1)),
    ]
    assert len(merge([middle, row(0, 2, description="C", amount=D(1))], Invoice).values) == 8


def test_nothing_gives_nothing():
    assert merge([], Invoice).values == ()
    assert merge([[], []], Invoice).values == ()


def invoice_page(page, total="30.00", day=date(2024, 3, 1), rows=2, number="RE-1"):
    values = [value("document_number", number, page), value("issue_date", day, page), value("total", D(total), page)]
    for count in range(rows):
        values += row(count, page, description=f"Item {count}", quantity=D(1), amount=D(10 * (count + 1)))
    return values


def test_a_total_on_each_page_is_no_conflict():
    merged = merge([invoice_page(1), invoice_page(2, rows=0)], Invoice)
    assert (kept(merged)["total"], merged.conflicts) == (D(30), ())


def test_rows_of_a_copy_are_not_doubled():
    merged = merge([invoice_page(1), invoice_page(2)], Invoice)
    assert [(v.path, v.page) for v in merged.values if v.path.endswith("amount")] == [
        ("line_items[0].amount", 1),
        ("line_items[1].amount", 1),
    ]
    assert merged.conflicts == ()


def test_rows_of_a_copy_of_two_pages_are_not_doubled():
    first = [v for v in invoice_page(1) if v.path != "total"]
    copy = [replace(v, page=3) for v in first]
    merged = merge([first, invoice_page(2), copy, invoice_page(4)], Invoice)
    assert len([v for v in merged.values if v.path.endswith("amount")]) == 4


@pytest.mark.parametrize("changed", [{"total": "31.00"}, {"day": date(2024, 3, 2)}, {"rows": 3}, {"number": "RE-2"}])
def test_pages_that_differ_are_no_copies(changed):
    merged = merge([invoice_page(1), invoice_page(2, **changed)], Invoice)
    assert len([v for v in merged.values if v.path.endswith("amount")]) == 2 + changed.get("rows", 2)


def test_a_date_in_a_repeated_header_is_a_conflict_and_the_first_stands():
    merged = merge([invoice_page(1), invoice_page(2, day=date(2024, 3, 9), rows=0)], Invoice)
    assert kept(merged)["issue_date"] == date(2024, 3, 1)
    assert [(c.path, c.lost.value) for c in merged.conflicts] == [("issue_date", date(2024, 3, 9))]


def test_noise_in_a_name_is_no_conflict():
    pages = [[value("buyer_name", "Hofmann Maschinenbau GmbH", 1)], [value("buyer_name", "Hofrnann Maschinenbau GmbH", 2)]]
    assert merge(pages, Invoice).conflicts == ()
    others = [[value("buyer_name", "Hofmann Maschinenbau GmbH", 1)], [value("buyer_name", "Stadtwerke Ulm", 2)]]
    assert len(merge(others, Invoice).conflicts) == 1


def test_a_row_that_the_page_parts_is_put_together():
    pages = [
        row(0, 1, description="Hydraulic pump,", quantity=D(1)),
        [*row(0, 2, description="reconditioned", amount=D(5)), *row(1, 2, description="B", amount=D(2))],
    ]
    merged = merge(pages, Invoice)
    assert kept(merged) == {
        "line_items[0].description": "Hydraulic pump, reconditioned",
        "line_items[0].quantity": D(1),
        "line_items[0].amount": D(5),
        "line_items[1].description": "B",
        "line_items[1].amount": D(2),
    }
    assert [v.page for v in merged.values] == [1, 1, 2, 2, 2]


def test_whole_rows_are_never_put_together():
    pages = [row(0, 1, description="A", amount=D(1)), row(0, 2, description="free of charge")]
    assert len([v for v in merge(pages, Invoice).values if v.path.endswith("description")]) == 2
    unlike = [row(0, 1, description="A", quantity=D(1)), row(0, 2, quantity=D(2), amount=D(1))]
    assert len([v for v in merge(unlike, Invoice).values if v.path.endswith("quantity")]) == 2


CARRIED = {
    "en": ("Balance carried forward", "Brought forward from page 1"),
    "de": ("Übertrag auf Seite 2", "Saldovortrag"),
    "fr": ("Total à reporter", "Report de la page précédente"),
    "it": ("A riportare", "Riporto da pagina 1"),
    "pt": ("A transportar", "Transporte da página anterior"),
    "hi": ("आगे ले जाया गया", "पिछले पृष्ठ का योग"),
    "es": ("Suma y sigue", "Viene de la página anterior"),
    "th": ("ยอดยกไป", "ยอดยกมาจากหน้า 1"),
}


@pytest.mark.parametrize("language", CARRIED)
def test_carried_sums_are_left_out_in_every_language(language):
    foot, head = CARRIED[language]
    pages = [
        [*row(0, 1, description="A", amount=D(1)), *row(1, 1, description=foot, amount=D(1))],
        [*row(0, 2, description=head, amount=D(1)), *row(1, 2, description="B", amount=D(2))],
    ]
    merged = merge(pages, Invoice)
    assert [v.value for v in merged.values if v.path.endswith("description")] == ["A", "B"]


def entry(number, page, **columns):
    return [value(f"transactions[{number}].{name}", typed, page) for name, typed in columns.items()]


def test_a_statement_leaves_out_what_only_carries_the_balance():
    day = date(2024, 3, 1)
    pages = [
        [
            *entry(0, 1, booking_date=day, description="Opening balance", balance=D(100)),
            *entry(1, 1, booking_date=day, description="Balance transfer", amount=D(-30), balance=D(70)),
            *entry(2, 1, description="Balance c/f", balance=D(70)),
        ]
    ]
    merged = merge(pages, BankStatement)
    assert [v.value for v in merged.values if v.path.endswith("description")] == ["Balance transfer"]
    moved = [entry(0, 1, description="Balance brought forward", amount=D(5), balance=D(105))]
    assert len(merge(moved, BankStatement).values) == 3


def carried_between(language, foot, amount, head, other):
    """What is left of two pages whose first ends and whose second begins with a row of these words and amounts."""
    pages = [
        [*row(0, 1, description="A", amount=D(5)), *row(1, 1, description=foot, amount=D(amount))],
        [*row(0, 2, description=head, amount=D(other)), *row(1, 2, description="B", amount=D(2))],
    ]
    merged = merge(pages, Invoice, (language, language))
    return [v.value for v in merged.values if v.path.endswith("description")]


@pytest.mark.parametrize(("language", "word"), [("pt", "Transporte"), ("fr", "Report"), ("de", "Vortrag"), ("it", "Riporto")])
def test_words_that_name_an_item_as_well_carry_only_a_sum(language, word):
    assert carried_between(language, word, 25, "C", 500) == ["A", word, "C", "B"]
    assert carried_between(language, "C", 25, word, 500) == ["A", "C", word, "B"]
    assert carried_between(language, word, 5, word, 5) == ["A", "B"]
    assert carried_between(language, "C", 25, word, 30) == ["A", "C", "B"]
    assert carried_between(language, word, "4.99", word, "4.98") == ["A", "B"]
    assert carried_between(language, word, 77, word, 77) == ["A", "B"]


def test_a_sum_is_carried_in_the_language_of_the_page():
    assert carried_between("de", "Transporte", 5, "Report", 5) == ["A", "Transporte", "Report", "B"]
    assert carried_between("de", "Übertrag", 99, "Brought forward", 98) == ["A", "B"]
    assert carried_between("und", "Transporte", 5, "Report", 5) == ["A", "B"]


def test_a_balance_that_is_carried_is_the_one_above():
    day = date(2024, 3, 1)
    first = entry(0, 1, booking_date=day, description="A", amount=D(-5), balance=D(95))
    for balance, rows in ((95, 2), (90, 3)):
        second = [*entry(0, 2, description="Report", balance=D(balance)), *entry(1, 2, description="B", amount=D(-5))]
        merged = merge([first, second], BankStatement, ("fr", "fr"))
        assert len([v for v in merged.values if v.path.endswith("description")]) == rows


def test_two_tickets_of_one_day_and_price_are_two():
    def ticket(page, number=None):
        values = [value("issue_date", date(2024, 3, 1), page), value("total", D(5), page)]
        values += [value("document_number", number, page)] if number else []
        names = (("description", "Day ticket"), ("amount", D(5)))
        return values + [value(f"line_items[0].{name}", typed, page) for name, typed in names]

    def amounts(*pages):
        return len([v for v in merge(pages, Receipt).values if v.path.endswith("amount")])

    assert amounts(ticket(1), ticket(2)) == 2
    assert amounts(ticket(1, "17"), ticket(2, "18")) == 2
    assert amounts(ticket(1, "17"), ticket(2)) == 2
    assert amounts(ticket(1, "17"), ticket(2, "17")) == 1


@pytest.mark.parametrize(
    ("short", "long", "conflicts"),
    [
        ("Bank", "Bankhaus Mueller", 1),
        ("Bank", "Mueller Bank AG", 0),
        ("Meier", "Obermeier", 1),
        ("Acme Co.", "ACME Co, Berlin", 0),
        ("Müller", "Müller-Lüdenscheidt", 1),
        ("ทดสอบ", "บริษัททดสอบจำกัด", 0),
        ("टाटा", "टाटा मोटर्स", 0),
    ],
)
def test_a_name_stands_in_another_in_whole_words(short, long, conflicts):
    merged = merge([[value("seller_name", short, 1)], [value("seller_name", long, 2)]], Invoice)
    assert len(merged.conflicts) == conflicts


def test_long_documents_are_merged():
    """A thousand pages that all say something else; the limit of time is that of every test."""
    pages = []
    for page in range(1, 1001):
        rows = [entry(n, page, description=f"Entry {page} {n}", amount=D(n), balance=D(page)) for n in range(40)]
        named = [value("bank_name", f"Bank of {page * 7919 % 10007:05} and {page}", page)]
        pages.append([*named, value("closing_balance", D(page), page), *(v for one in rows for v in one)])
    merged = merge(pages, BankStatement, ("fr",) * 1000)
    assert len([v for v in merged.values if v.path.endswith("description")]) == 40_000
    assert len([c for c in merged.conflicts if c.path == "closing_balance"]) == 999
