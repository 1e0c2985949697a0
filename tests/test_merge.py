from datetime import date
from decimal import Decimal

from pipeline.merge import merge
from pipeline.records import Grounding, Value
from schemas.invoice import Invoice

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
