import json
from datetime import date
from decimal import Decimal

import pytest

from pipeline.discover import discover
from pipeline.errors import UsageError
from pipeline.evaluate import Outcome, Tally, Truth, compare, evaluate, judge_document, read_truth
from pipeline.records import Value
from schemas.invoice import Invoice

D = Decimal
SCHEMAS = {"invoice": Invoice}


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


def test_a_report_counts_by_field_language_and_schema():
    pairs = [
        (truth(total="1.00", document_number="7"), {"total": D(1), "document_number": "8"}),
        (Truth("b.pdf", "invoice", "fr", {"total": "2.00"}, ("due_date",)), {"total": D(2), "due_date": date(2024, 1, 1)}),
        (Truth("c.pdf", "invoice", "fr", {"total": "3.00"}), None),
        (Truth("d.pdf", "form", "fr", {"total": "3.00"}), {"total": D(3)}),
    ]
    report = evaluate(pairs, SCHEMAS)
    assert (report.documents, report.missing) == (3, ("c.pdf",))
    assert report.overall == Tally(right=2, wrong=1, missed=1, false=1)
    assert (report.overall.accuracy, report.overall.precision) == (0.5, 0.5)
    assert report.by_field["total"] == Tally(right=2, missed=1)
    assert report.by_language["fr"] == Tally(right=1, missed=1, false=1)
    assert report.by_schema == {"invoice": report.overall}
    assert [(file, j.name, j.outcome) for file, j in report.failures] == [
        ("a.pdf", "document_number", Outcome.WRONG),
        ("b.pdf", "due_date", Outcome.FALSE),
        ("c.pdf", "total", Outcome.MISSED),
    ]


def test_nothing_judged_has_no_share():
    assert (Tally().accuracy, Tally().precision) == (None, None)


def test_a_regression_is_named_and_an_improvement_is_not():
    good = evaluate([(truth(total="1.00"), {"total": D(1)})], SCHEMAS)
    bad = evaluate([(truth(total="1.00"), {"total": D(2)})], SCHEMAS)
    baseline = json.loads(json.dumps(good.as_dict()))
    assert compare(good, baseline) == []
    assert compare(good, bad.as_dict()) == []
    told = compare(bad, baseline)
    assert "total: accuracy fell from 1.000 to 0.000" in told
    assert compare(bad, baseline, tolerance=1.0) == []


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
