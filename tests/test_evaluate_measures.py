import json
from datetime import date
from decimal import Decimal

import pytest
from anls_star import anls_score
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import UsageError
from pipeline.evaluate import (
    Found,
    Measures,
    Outcome,
    Placed,
    RowCount,
    Spot,
    Truth,
    anls,
    compare,
    evaluate,
    judge,
)
from pipeline.evaluate.measures import BINS, Reviewable, calibration, review
from pipeline.records import Grounding, Status, Value
from schemas.invoice import Invoice
from schemas.receipt import Receipt

D = Decimal
JANUARY = date(2024, 1, 2)
SCHEMAS = {"invoice": Invoice, "receipt": Receipt}


def value(path, typed, confidence=0.9, box=None, page=1):
    status = Grounding.EXACT if box else Grounding.NOT_FOUND
    return Value(path, str(typed), typed, page, status, box, confidence)


def result(*values, **told):
    return Found(**{"engine": "ocr", "status": Status.OK, "confidence": 0.9, "values": values, **told})


def truth(file="a.pdf", language="de", **fields):
    return Truth(file, "invoice", language, fields)


def test_measures_by_hand():
    """Seven values in the truth: four right, one wrong, two missed; three absent fields, one with a value."""
    pairs = [
        (
            Truth("a.pdf", "invoice", "de", {"total": "1.00", "document_number": "7", "currency": "EUR"}, ("due_date",)),
            result(value("total", D(1)), value("document_number", "8"), value("currency", "EUR")),
        ),
        (
            Truth(
                "b.pdf", "invoice", "fr", {"total": "2.00", "issue_date": "2024-01-02"}, ("due_date", "net_total"), doc_type="x"
            ),
            result(
                value("total", D(2)), value("issue_date", date(2024, 1, 2)), value("due_date", date(2024, 1, 1)), engine="vllm"
            ),
        ),
        (Truth("c.pdf", "invoice", "fr", {"total": "3.00", "currency": "EUR"}, ("due_date",)), None),
        (Truth("d.pdf", "form", "fr", {"total": "3.00"}), result(value("total", D(3)))),
    ]
    report = evaluate(pairs, SCHEMAS)
    all_ = report.overall
    assert (report.documents, report.missing) == (3, ("c.pdf",))
    assert (all_.right, all_.wrong, all_.missed, all_.false, all_.absent, all_.false_absent) == (4, 1, 2, 1, 3, 1)
    assert (all_.precision, all_.recall) == (round(4 / 6, 4), round(4 / 7, 4))
    assert all_.f1 == round(2 * (4 / 6) * (4 / 7) / (4 / 6 + 4 / 7), 4)
    assert all_.exact_match == round((4 + 2) / (7 + 3), 4)
    assert all_.false_rate == round(1 / 3, 4)
    assert all_.anls == round(4 / 8, 4)
    assert report.groups["field"]["total"].recall == round(2 / 3, 4)
    assert report.groups["field"]["due_date"].false_rate == 0.5
    assert report.groups["field"]["net_total"].false_rate == 0
    assert report.groups["language"]["fr"].recall == 0.5
    assert {name: group.documents for name, group in report.groups["doc_type"].items()} == {"(none)": 2, "x": 1}
    assert {name: group.documents for name, group in report.groups["engine"].items()} == {
        "(not in the results)": 1,
        "ocr": 1,
        "vllm": 1,
    }
    assert [(document.truth.file, j.name, j.outcome) for document, j in report.failures] == [
        ("a.pdf", "document_number", Outcome.WRONG),
        ("b.pdf", "due_date", Outcome.FALSE),
        ("c.pdf", "currency", Outcome.MISSED),
        ("c.pdf", "total", Outcome.MISSED),
    ]


def test_nothing_judged_has_no_share():
    shares = ("precision", "recall", "f1", "exact_match", "anls", "false_rate", "item_f1", "row_f1", "box_recall", "ece")
    assert {getattr(Measures(), share) for share in shares} == {None}


def test_line_items_by_hand():
    """Three rows in the truth, three found: one right, one with a wrong quantity, one not there, one too many."""
    told = Truth(
        "a.pdf",
        "invoice",
        line_items=(
            {"description": "Pen", "quantity": "2", "amount": "4.00"},
            {"description": "Ink", "quantity": "1", "amount": "7.00"},
            {"description": "Paper", "quantity": "5", "amount": "9.00"},
        ),
    )
    found = [("Freight", D(1), D("1.50")), ("Ink", D(2), D(7)), ("Pen", D(2), D(4))]
    values = [
        value(f"line_items[{n}].{name}", cell)
        for n, row in enumerate(found)
        for name, cell in zip(("description", "quantity", "amount"), row, strict=True)
    ]
    all_ = evaluate([(told, result(*values))], SCHEMAS).overall
    assert all_.rows == RowCount(expected=3, found=3, paired=2, right=1)
    assert all_.cells == (5, 1, 3, 3)
    assert all_.item_f1 == round(2 * 5 / (9 + 9), 4)
    assert all_.row_f1 == round(2 * 1 / (3 + 3), 4)


def test_calibration_by_hand():
    """Two values of confidence 0.9, one right; two of 0.35, none right: (|1.8-1| + |0.7-0|) / 4."""
    pairs = [
        (truth(f"{n}.pdf", total="1.00"), result(value("total", D(1 if right else 2), sure)))
        for n, (sure, right) in enumerate([(0.9, True), (0.9, False), (0.35, False), (0.35, False)])
    ]
    all_ = evaluate(pairs, SCHEMAS).overall
    assert all_.ece == 0.375
    assert calibration(all_) == [
        {"from": 0.3, "to": 0.4, "values": 2, "confidence": 0.35, "right": 0.0},
        {"from": 0.9, "to": 1.0, "values": 2, "confidence": 0.9, "right": 0.5},
    ]


def test_review_by_hand():
    documents = [
        Reviewable(0.95, faulty=False),
        Reviewable(0.9, faulty=False, reasons=("conflict: total", "conflict: net_total")),
        Reviewable(0.5, faulty=True, reasons=("partial", "conflict: total")),
        Reviewable(0.7, faulty=True),
    ]
    told = review(documents)
    assert (told["documents"], told["faulty"]) == (4, 2)
    assert told["needs_review"] == {"sent": 2, "caught": 1, "sent_share": 0.5, "caught_share": 0.5}
    assert {reason: (row["sent"], row["caught"]) for reason, row in told["by_reason"].items()} == {
        "conflict": (2, 1),
        "partial": (1, 1),
    }
    below = {row["below"]: (row["sent_share"], row["caught_share"]) for row in told["by_confidence"]}
    assert (below[0.0], below[0.6], below[0.75], below[1.0]) == ((0, 0), (0.25, 0.5), (0.5, 1), (1, 1))


def test_only_documents_that_were_read_can_be_reviewed():
    told = evaluate([(truth(total="1"), result(status=Status.QUARANTINED)), (truth("b.pdf", total="1"), None)], SCHEMAS)
    assert (told.review["documents"], told.overall.missed) == (0, 2)


def test_a_lost_document_has_no_absent_fields_to_be_good_at():
    told = Truth("a.pdf", "invoice", fields={"total": "1"}, absent=("due_date",))
    assert evaluate([(told, result(status=Status.QUARANTINED))], SCHEMAS).overall.absent == 0


texts = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Zl", "Zp")), max_size=12)


@given(texts, texts)
def test_anls_is_that_of_its_authors(expected, found):
    assert anls(expected, found) == pytest.approx(anls_score(expected, found))


def test_a_documents_anls_is_that_of_its_authors():
    """Over the tree of a document: fields, several right values, rows in another order, one too many and one too few."""
    fields = {"seller_name": ["Northwind Traders", "Northwind Ltd"], "buyer_name": "Ann", "seller_address": "1 Mill Lane"}
    items = [{"description": "Blue pen", "amount": "4"}, {"description": "Ink", "amount": "7"}, {"description": "Envelopes A4"}]
    told = Truth("a.pdf", "invoice", "en", fields, line_items=tuple(items))
    found = {"seller_name": "Northwnd Ltd", "seller_address": "1 Mil Lane", "line_items[0].description": "Ink"}
    found |= {"line_items[0].amount": "7", "line_items[1].description": "Blue pen", "line_items[1].amount": "9"}
    judged = judge({path: D(text) if path.endswith("amount") else text for path, text in found.items()}, told, Invoice)
    tree = {
        "seller_name": "Northwnd Ltd",
        "seller_address": "1 Mil Lane",
        "line_items": [{"description": "Ink", "amount": "7"}, {"description": "Blue pen", "amount": "9"}],
    }
    wanted = {**fields, "seller_name": tuple(fields["seller_name"]), "line_items": items}
    ours = sum(j.anls for j in judged.judgements) / len(judged.judgements)
    assert ours == pytest.approx(anls_score(wanted, tree), abs=1e-4)


amounts = st.decimals(min_value=0, max_value=9, places=0)
words = st.text("abc", min_size=1, max_size=4)
items = st.lists(st.fixed_dictionaries({"description": words, "amount": amounts}), min_size=1)


def cells(rows):
    return [value(f"line_items[{n}].{name}", cell) for n, row in enumerate(rows) for name, cell in row.items()]


@given(items, st.randoms())
def test_perfect_rows_in_any_order_are_perfect(rows, random):
    told = Truth("a.pdf", "invoice", line_items=tuple({name: str(cell) for name, cell in row.items()} for row in rows))
    mixed = random.sample(rows, len(rows))
    all_ = evaluate([(told, result(*cells(mixed)))], SCHEMAS).overall
    assert (all_.item_f1, all_.row_f1, all_.anls, all_.precision, all_.recall, all_.exact_match) == (1, 1, 1, 1, 1, 1)


@given(items, items, st.randoms())
def test_the_order_of_rows_changes_no_f1(expected, found, random):
    told = tuple({name: str(cell) for name, cell in row.items()} for row in expected)

    def f1(rows):
        return evaluate([(Truth("a.pdf", "invoice", line_items=told), result(*cells(rows)))], SCHEMAS).overall.item_f1

    assert f1(found) == f1(random.sample(found, len(found)))


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans())))
def test_calibration_is_bounded_and_counts_every_value(told):
    pairs = [
        (truth(f"{n}.pdf", total="1.00"), result(value("total", D(1 if right else 2), sure)))
        for n, (sure, right) in enumerate(told)
    ]
    all_ = evaluate(pairs, SCHEMAS).overall
    assert len(all_.surety) == BINS
    assert sum(row["values"] for row in calibration(all_)) == len(told)
    assert all_.ece is None if not told else 0 <= all_.ece <= 1


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1))
def test_more_review_never_catches_less(told):
    rows = review([Reviewable(*document) for document in told])["by_confidence"]
    for before, after in zip(rows, rows[1:], strict=False):
        assert before["sent"] <= after["sent"]
        assert before["caught"] <= after["caught"]


BOX = (0.1, 0.1, 0.3, 0.2)


@pytest.mark.parametrize(
    ("box", "page", "placed"),
    [
        (BOX, 1, Placed.RIGHT),
        ((0.12, 0.11, 0.3, 0.2), 1, Placed.RIGHT),
        (BOX, 2, Placed.WRONG),
        ((0.0, 0.0, 1.0, 1.0), 1, Placed.WRONG),
        ((0.1, 0.1, 0.12, 0.2), 1, Placed.WRONG),
        ((0.5, 0.1, 0.7, 0.2), 1, Placed.WRONG),
        ((0.6, 0.6, 0.8, 0.7), 2, Placed.RIGHT),
        (None, 1, Placed.NONE),
    ],
)
def test_a_box_is_judged_by_the_boxes_of_the_truth(box, page, placed):
    spots = {"total": (Spot(1, BOX), Spot(2, (0.6, 0.6, 0.8, 0.7)))}
    told = Truth("a.pdf", "invoice", fields={"total": "1", "document_number": "7"}, spots=spots)
    report = evaluate(
        [(told, result(value("total", D(1), box=box, page=page), value("document_number", "7", box=BOX)))], SCHEMAS
    )
    assert {j.name: j.placed for j in report.judged[0].judgements} == {"document_number": Placed.UNKNOWN, "total": placed}


@pytest.mark.parametrize(
    ("name", "expected", "placed"),
    [
        ("currency", "EUR", Placed.RIGHT),
        ("document_number", ["EUR", "EUR 112"], Placed.RIGHT),
        ("document_number", "EUR", Placed.WRONG),
    ],
)
def test_a_value_may_be_a_part_of_the_print_that_tells_it(name, expected, placed):
    told = Truth("a.pdf", "invoice", fields={name: expected}, spots={name: (Spot(1, BOX),)})
    report = evaluate([(told, result(value(name, "EUR", box=(0.1, 0.12, 0.14, 0.18))))], SCHEMAS)
    assert report.judged[0].judgements[0].placed is placed


def test_a_wrong_value_has_no_place():
    told = Truth("a.pdf", "invoice", fields={"total": "1"}, spots={"total": (Spot(1, BOX),)})
    report = evaluate([(told, result(value("total", D(2), box=BOX)))], SCHEMAS)
    assert report.judged[0].judgements[0].placed is Placed.UNKNOWN


ADDRESS = "12 Long Road, 50480 Kuala Lumpur"
LINES = """10,10,90,10,90,20,10,20,ACME, TRADING Sdn. Bhd.
10,22,90,22,90,32,10,32,12, Long Road,
10,34,90,34,90,44,10,44,50480 Kuala Lumpur
10,50,90,50,90,60,10,60,Date: 7 Mar 2018
10,70,50,70,50,80,10,80,TOTAL RM
60,70,90,70,90,80,60,80,1,112.50
60,84,90,84,90,94,60,94,112.50
"""


@pytest.mark.parametrize(
    ("name", "expected", "typed", "box", "placed"),
    [
        ("seller_name", "Acme Trading SDN BHD", "Acme Trading SDN BHD", (0.1, 0.1, 0.6, 0.2), Placed.RIGHT),
        ("seller_name", "Acme Trading SDN BHD", "Acme Trading SDN BHD", (0.1, 0.22, 0.6, 0.32), Placed.WRONG),
        ("issue_date", "2018-03-07", date(2018, 3, 7), (0.4, 0.5, 0.9, 0.6), Placed.RIGHT),
        ("issue_date", "2018-03-07", date(2018, 3, 7), (0.0, 0.0, 1.0, 1.0), Placed.WRONG),
        ("issue_date", "2018-03-07", date(2018, 3, 7), (0.4, 0.4, 0.9, 0.7), Placed.WRONG),
        ("total", "112.50", D("112.5"), (0.2, 0.84, 0.9, 0.94), Placed.RIGHT),
        ("total", "112.50", D("112.5"), (0.6, 0.7, 0.9, 0.8), Placed.WRONG),
        ("total", "112.50", D("112.5"), (0.6, 0.84, 0.9, 0.94), Placed.RIGHT),
        ("total", "1112.50", D("1112.5"), (0.6, 0.7, 0.9, 0.8), Placed.RIGHT),
        ("total", "99", D(99), (0.6, 0.7, 0.9, 0.8), Placed.UNKNOWN),
        ("seller_address", ADDRESS, ADDRESS, (0.1, 0.22, 0.9, 0.44), Placed.RIGHT),
    ],
)  # fmt: skip
def test_a_box_is_judged_by_lines_of_print(tmp_path, name, expected, typed, box, placed):
    (tmp_path / "lines.csv").write_text(LINES, encoding="utf-8")
    told = Truth("a.png", "receipt", fields={name: expected}, lines_file=str(tmp_path / "lines.csv"))
    report = evaluate([(told, result(value(name, typed, box=box)))], SCHEMAS, size=lambda path: (100.0, 100.0))
    assert report.judged[0].judgements[0].placed is placed


def test_lines_of_an_image_that_is_gone_are_a_note(tmp_path):
    (tmp_path / "lines.csv").write_text(LINES, encoding="utf-8")
    told = Truth(str(tmp_path / "gone.png"), "receipt", fields={"total": "1"}, lines_file=str(tmp_path / "lines.csv"))
    report = evaluate([(told, result(value("total", D(1), box=BOX)))], SCHEMAS)
    assert report.notes == ("the places of values are not judged in 1 image that cannot be opened: gone.png",)


@pytest.mark.parametrize("line", ["1,2,3", "a,b,c,d,e,f,g,h,text"])
def test_a_line_that_is_no_print_is_named(tmp_path, line):
    (tmp_path / "lines.csv").write_text(line, encoding="utf-8")
    told = Truth("a.png", "receipt", fields={"total": "1"}, lines_file=str(tmp_path / "lines.csv"))
    with pytest.raises(UsageError, match="lines.csv, line 1 is no line of print"):
        evaluate([(told, result(value("total", D(1), box=BOX)))], SCHEMAS, size=lambda path: (100.0, 100.0))


def test_what_people_should_know_of_the_results_is_said():
    report = evaluate(
        [
            (truth("x/a.pdf", total="1"), result(status=Status.PARTIAL, quarantined=2)),
            (truth("x/b.pdf", total="1"), result(other_engines=("ocr",), engine="vllm")),
            (truth("x/c.pdf", total="1"), None),
            (truth("x/d.pdf", total="1"), result(changed=True)),
        ],
        SCHEMAS,
        notes=("first",),
    )
    assert report.notes == (
        "first",
        "1 document is not in the results, and all that the truth has of them counts as missed: c.pdf",
        "1 document has quarantined pages, and what stands there counts as missed: a.pdf",
        "1 document has changed since being read; run again before believing: d.pdf",
        "1 document was also read by ocr; only the latest result of each is judged",
    )


def run(*right, language="de"):
    """A report over one total a document, right or not."""
    pairs = [(truth(f"{n}.pdf", language, total="1"), result(value("total", D(1 if ok else 2)))) for n, ok in enumerate(right)]
    return json.loads(json.dumps(evaluate(pairs, SCHEMAS).as_dict()))


def test_a_regression_is_named_and_an_improvement_is_not():
    good, bad = run(True, True, True), run(True, False, False)
    assert compare(good, good).changes == ()
    assert compare(good, [bad]).regressions == ()
    assert {(c.part, c.group, c.measure) for c in compare(good, bad).changes} >= {("overall", "", "recall")}
    told = compare(bad, good, 0.01).regressions
    assert ("field", "total", "recall", 1.0, 0.3333) in {(c.part, c.group, c.measure, c.then, c.now) for c in told}
    assert compare(bad, good, 1.0).regressions == ()
    assert all(change.worse for change in compare(bad, good, 1.0).changes)


def test_one_value_of_a_small_group_is_noise_unless_nothing_is_tolerated():
    before, after = run(*[True] * 10), run(*[True] * 9, False)
    assert compare(after, before, 0.01).regressions == ()
    assert {change.measure for change in compare(after, before, 0.0).regressions} == {"precision", "recall"}
    assert compare(run(*[True] * 8, False, False), before, 0.01).regressions != ()


def test_more_false_values_are_a_regression():
    def told(false):
        pairs = [
            (Truth(f"{n}.pdf", "invoice", absent=("total",)), result(*([value("total", D(1))] if n < false else [])))
            for n in range(10)
        ]
        return evaluate(pairs, SCHEMAS).as_dict()

    assert "false values" in {change.measure for change in compare(told(3), told(0), 0.01).regressions}
    assert compare(told(0), told(3), 0.01).regressions == ()


def test_runs_over_other_documents_are_said_to_be():
    notes = compare(run(True, language="fr"), run(True, True)).notes
    assert notes == ("the baseline judged 1 document that this run does not", "only the baseline has the language de")


@pytest.mark.parametrize("baseline", [[], {}, 3, {"overall": {}}, {"format": 99, "overall": {}}])
def test_a_baseline_that_is_no_report_is_refused(baseline):
    with pytest.raises(UsageError, match="no report"):
        compare(run(True), baseline)
