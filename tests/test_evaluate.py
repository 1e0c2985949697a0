import json
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from pipeline.discover import discover
from pipeline.errors import UsageError
from pipeline.evaluate import Outcome, RowCount, Truth, choose, judge, judge_document, read_truth
from pipeline.records import Grounding, Value
from schemas.invoice import Invoice

D = Decimal


def truth(**fields):
    return Truth("a.pdf", "invoice", "de", fields)


def outcomes(values, told):
    return {j.name: j.outcome for j in judge_document(values, told, Invoice)}


def test_each_outcome_and_nothing_for_the_unknown():
    told = Truth(
        "a.pdf",
        "invoice",
        "de",
        {"total": "11.90", "issue_date": "2024-03-12", "seller_name": "ACME"},
        ("due_date", "net_total"),
    )
    values = {"total": D("11.9"), "issue_date": date(2024, 12, 3), "due_date": date(2024, 4, 1), "buyer_name": "Anyone"}
    assert outcomes(values, told) == {
        "issue_date": Outcome.WRONG,
        "due_date": Outcome.FALSE,
        "seller_name": Outcome.MISSED,
        "total": Outcome.RIGHT,
    }


def test_records_are_judged_like_plain_values():
    values = [Value("total", "11,90", D("11.90"), 1), Value("document_number", "?", None, 1)]
    assert outcomes(values, truth(total="11.90", document_number="7")) == {
        "total": Outcome.RIGHT,
        "document_number": Outcome.MISSED,
    }


def test_an_iban_may_be_called_iban_and_names_outside_the_schema_are_ignored():
    told = truth(iban="DE02 1203 0000 0000 2020 51", buyer_city="Berlin")
    assert outcomes({"seller_iban": "DE02120300000000202051"}, told) == {"seller_iban": Outcome.RIGHT}


def test_several_right_values():
    assert outcomes({"total": D(5)}, truth(total=["4.95", "5.00"])) == {"total": Outcome.RIGHT}
    assert outcomes({"total": D(6)}, truth(total=["4.95", "5.00"])) == {"total": Outcome.WRONG}


def rows(*told):
    return {f"line_items[{n}].{name}": value for n, row in enumerate(told) for name, value in row.items()}


def test_rows_are_aligned_by_description_and_amount():
    told = Truth(
        "a.pdf",
        "invoice",
        line_items=(
            {"description": "Pen", "quantity": "2", "amount": "4.00"},
            {"description": "Ink", "amount": "7.00"},
            {"description": "Paper", "amount": "9.00"},
        ),
    )
    values = rows(
        {"description": "Shipping", "amount": D(1)},
        {"description": "Pen", "quantity": D(3), "amount": D(4), "unit_price": D(2)},
        {"description": "Papier", "amount": D(9)},
    )
    judged = [(j.name.partition(".")[2], j.outcome.value, j.expected, j.found) for j in judge_document(values, told, Invoice)]
    assert sorted(judged) == sorted(
        [
            ("description", "false", "", "Shipping"),
            ("amount", "false", "", "1"),
            ("description", "right", "Pen", "Pen"),
            ("quantity", "wrong", "2", "3"),
            ("amount", "right", "4.00", "4"),
            ("description", "missed", "Ink", ""),
            ("amount", "missed", "7.00", ""),
            ("description", "wrong", "Paper", "Papier"),
            ("amount", "right", "9.00", "9"),
        ]
    )


def test_rows_are_unknown_where_the_truth_has_none():
    assert outcomes(rows({"description": "Pen", "amount": D(4)}), truth(total="4.00")) == {"total": Outcome.MISSED}


@pytest.mark.parametrize("turned", [False, True])
def test_rows_in_another_order_are_the_same_rows(turned):
    told = Truth("a.pdf", "invoice", line_items=({"description": "Pen", "amount": "4"}, {"description": "Ink", "amount": "7"}))
    found = [{"description": "Pen", "amount": D(4)}, {"description": "Ink", "amount": D(7)}]
    judged = judge(rows(*(reversed(found) if turned else found)), told, Invoice)
    assert {j.outcome for j in judged.judgements} == {Outcome.RIGHT}
    assert judged.rows == {"line_items": RowCount(2, 2, 2, 2)}


def test_the_pairs_of_rows_are_the_best_together():
    """The first row of the truth is most like the row that only the second can have."""
    told = Truth("a.pdf", "invoice", line_items=({"description": "Blue pen"}, {"description": "Blue pens"}))
    judged = judge(rows({"description": "Blue pens!"}, {"description": "Blue pe"}), told, Invoice)
    assert [(j.expected, j.found) for j in judged.judgements] == [("Blue pen", "Blue pe"), ("Blue pens", "Blue pens!")]


def test_rows_of_numbers_alone_are_paired_by_them():
    told = Truth("a.pdf", "invoice", fields={"line_items": [{"quantity": "2"}, {"quantity": "3"}]})
    judged = judge(rows({"quantity": D(3)}, {"quantity": D(2)}), told, Invoice)
    assert [j.outcome for j in judged.judgements] == [Outcome.RIGHT, Outcome.RIGHT]


def test_a_table_that_is_absent_is_one_false_value():
    told = Truth("a.pdf", "invoice", absent=("line_items", "due_date"))
    judged = judge(rows({"description": "Pen", "amount": D(4)}, {"amount": D(4)}), told, Invoice)
    assert [(j.name, j.outcome, j.found) for j in judged.judgements] == [("line_items", Outcome.FALSE, "2 rows")]
    assert set(judged.absent) == {"line_items", "due_date"}


def test_a_row_of_the_truth_without_anything_known_is_no_row():
    told = Truth("a.pdf", "invoice", line_items=({"description": "Pen"}, {"remark": "x"}, {"amount": None}))
    assert judge(rows({"description": "Pen"}), told, Invoice).rows == {"line_items": RowCount(1, 1, 1, 1)}


@pytest.mark.parametrize("table", [["Pen"], "Pen", {"description": "Pen"}])
def test_a_table_without_rows_is_named(table):
    with pytest.raises(UsageError, match="a.pdf has something else than rows under line_items"):
        judge({}, truth(line_items=table), Invoice)


def test_a_cell_with_several_right_values():
    told = Truth("a.pdf", "invoice", line_items=({"description": ["Pen", "Biro"], "amount": "4"},))
    judged = judge_document(rows({"description": "Biro", "amount": D(4)}), told, Invoice)
    assert {j.outcome for j in judged} == {Outcome.RIGHT}


def test_a_judgement_says_where_the_value_was_found_and_how_sure_it_is():
    placed = Value("total", "2,00", D(2), 3, Grounding.NORMALIZED, (0.1, 0.2, 0.3, 0.4), 0.7)
    lost = Value("document_number", "7", "7", 1, Grounding.NOT_FOUND, (0.1, 0.2, 0.3, 0.4), 0.2)
    first, second = judge_document([lost, placed], truth(total="1.00", document_number="7"), Invoice)
    assert (first.path, first.confidence, first.page, first.box) == ("document_number", 0.2, None, None)
    assert (second.path, second.confidence, second.page, second.box) == ("total", 0.7, 3, (0.1, 0.2, 0.3, 0.4))


def test_truth_is_read_relative_to_its_file(tmp_path):
    line = {
        "file": "docs/a.pdf",
        "language": "de",
        "schema": "invoice",
        "fields": {"total": "1.00", "due_date": None},
        "absent": ["net_total"],
    }
    (tmp_path / "truth.jsonl").write_text(json.dumps(line) + "\n\n", encoding="utf-8")
    assert read_truth(str(tmp_path / "truth.jsonl")) == [
        Truth(str(tmp_path.resolve() / "docs/a.pdf"), "invoice", "de", {"total": "1.00"}, ("net_total",))
    ]


def test_a_document_behind_a_link_is_called_as_discover_calls_it(tmp_path, monkeypatch):
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a.pdf").write_bytes(b"x")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "docs").symlink_to(tmp_path / "real", target_is_directory=True)
    (tmp_path / "in" / "truth.jsonl").write_text('{"file": "../in/docs/a.pdf"}\n', encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    (source,) = discover(["in/docs"]).sources
    assert [truth.file for truth in read_truth("in/truth.jsonl")] == [source.uri]


@pytest.mark.parametrize("line", ["not json", '{"fields": {}}', "[1]"])
def test_a_line_that_is_no_truth_is_named(tmp_path, line):
    (tmp_path / "truth.jsonl").write_text(f'{{"file": "a"}}\n{line}\n', encoding="utf-8")
    with pytest.raises(UsageError, match="line 2"):
        read_truth(str(tmp_path / "truth.jsonl"))
    with pytest.raises(UsageError, match="cannot be read"):
        read_truth(str(tmp_path / "none.jsonl"))


@pytest.mark.parametrize(
    "line",
    ['{"file": "a", "boxes": {"total": [{"box": [0, 0, 2, 1]}]}}', '{"file": "a", "boxes": {"total": [{"page": 1}]}}'],
)
def test_a_box_that_is_none_is_named(tmp_path, line):
    (tmp_path / "truth.jsonl").write_text(line, encoding="utf-8")
    with pytest.raises(UsageError, match="line 1 is no truth: (the box|it lacks box)"):
        read_truth(str(tmp_path / "truth.jsonl"))


def test_a_line_separator_inside_a_text_ends_no_line(tmp_path):
    line = json.dumps({"file": "a", "schema": "invoice", "fields": {"seller_name": "A\u2028B"}}, ensure_ascii=False)
    (tmp_path / "truth.jsonl").write_text(f"\ufeff{line}\r\n", encoding="utf-8")
    assert [told.fields for told in read_truth(str(tmp_path / "truth.jsonl"))] == [{"seller_name": "A\u2028B"}]


def test_what_cannot_be_judged_is_said():
    first, again = truth(total="1.00"), truth(total="2.00")
    chosen = choose(
        [first, again, Truth("a.pdf", "letter"), Truth("a.pdf", ""), Truth("b.pdf", "invoice"), replace(first, clean=False)],
        ["invoice"],
        clean=True,
    )
    assert chosen.truths == (first,)
    assert chosen.notes == (
        "1 line of the truth is of a document that an earlier line has; the first is judged: a.pdf",
        "1 line of the truth is of the schema letter, which is not known here: give your own with --schema",
        "1 line of the truth is of no schema, and is passed over",
        "1 line of the truth is of no field that could be judged",
    )
