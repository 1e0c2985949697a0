"""Query: the views say what is in the store, the latest first, and SQL can do nothing but read it."""

from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline import query, store
from pipeline.errors import Reason, UsageError
from pipeline.plan import plan
from pipeline.records import Check, Conflict, Discovery, LedgerRow, Source, Status, Value
from pipeline.settings import Settings
from schemas.base import DocumentSchema, Row
from schemas.fields import Money, Text, field, table
from schemas.invoice import InvoiceLine
from schemas.registry import ROW_COLUMNS, VIEW_COLUMNS, load_schema
from tests.conftest import Made

INVOICE = load_schema("invoice")


@pytest.fixture
def root(tmp_path: Path, made: Made) -> str:
    lines = [Value(f"line_items[{n}].amount", f"{n}", Decimal(n), n + 1) for n in range(3)]
    total = Value("total", "3,00", Decimal("3.00"), 1)
    bad = LedgerRow(None, Status.QUARANTINED, "open", Reason.ENCRYPTED, "needs a password")
    results = [
        made(
            "/in/ok.pdf",
            values=(total, *lines),
            checks=(Check("sum", True, ""),),
            conflicts=(Conflict("total", total, lines[0]),),
        ),
        made("/in/bad.pdf", status=Status.QUARANTINED, pages=(bad,), values=(), page_count=None),
        made("/in/blank.pdf", status=Status.SKIPPED, pages=(LedgerRow(1, Status.SKIPPED, "render", Reason.BLANK),), values=()),
    ]
    store.publish_shard(str(tmp_path), "r1", 0, INVOICE, results)
    record = {
        "run_id": "r1",
        "state": "finished",
        "schema": "invoice",
        "started": 1.0,
        "ended": 3.5,
        "documents": {"ok": 1},
        "pages": {},
    }
    store.write_run_record(str(tmp_path), "r1", record)
    return str(tmp_path)


def rows(root: str, sql: str) -> list[tuple]:
    with query.connect(root) as connection:
        return query.ask(connection, sql).rows


def test_every_view_of_the_design_is_there(root: str) -> None:
    views = {row[0] for row in rows(root, "SHOW TABLES")}
    assert views == {
        "checks",
        "conflicts",
        "documents",
        "fields",
        "invoice",
        "invoice_line_items",
        "invoice_taxes",
        "pages",
        "quarantine",
        "runs",
    }


def test_no_field_can_be_called_as_a_column_that_the_views_add(root: str) -> None:
    views = {
        view: [name for name, *_ in rows(root, f"DESCRIBE {view}") if name not in model.model_fields]
        for view, model in (("invoice", INVOICE), ("invoice_line_items", InvoiceLine))
    }
    assert views == {"invoice": list(VIEW_COLUMNS), "invoice_line_items": list(ROW_COLUMNS)}


def test_documents_pages_and_quarantine_tell_what_became_of_each_file(root: str) -> None:
    told = rows(root, "SELECT source, status, stage, reason FROM documents ORDER BY source")
    assert told == [
        ("/in/bad.pdf", "quarantined", "open", "encrypted"),
        ("/in/blank.pdf", "skipped", None, None),
        ("/in/ok.pdf", "ok", None, None),
    ]
    assert rows(root, "SELECT count(*), count(page) FROM pages") == [(3, 2)]
    assert rows(root, "SELECT source, page, message FROM quarantine") == [("/in/bad.pdf", None, "needs a password")]


def test_values_are_typed_and_line_items_carry_their_page(root: str) -> None:
    assert rows(root, "SELECT sum(total) FROM invoice") == [(Decimal("3.0000"),)]
    assert rows(root, "SELECT page, line, amount FROM invoice_line_items ORDER BY line") == [
        (1, 1, Decimal(0)), (2, 2, Decimal(1)), (3, 3, Decimal(2)),
    ]  # fmt: skip
    assert rows(root, "SELECT verbatim, value, status FROM fields WHERE path = 'total'") == [("3,00", "3.00", "not_found")]
    assert rows(root, "SELECT rule, passed FROM checks") == [("sum", True)]
    assert rows(root, "SELECT path, kept, lost FROM conflicts") == [("total", "3.00", "0")]
    assert rows(root, "SELECT run_id, seconds FROM runs") == [("r1", 2.5)]


def test_the_latest_outcome_counts_but_the_last_good_record_stays(root: str, made: Made) -> None:
    bad = LedgerRow(1, Status.QUARANTINED, "extract", Reason.ENGINE_FAILED, "died")
    better = made("/in/bad.pdf", values=(Value("total", "7", Decimal(7), 1),))
    worse = made("/in/ok.pdf", status=Status.QUARANTINED, pages=(bad,), values=())
    store.publish_shard(root, "r2", 0, INVOICE, [better, worse])
    assert rows(root, "SELECT source, total FROM invoice ORDER BY source") == [("/in/bad.pdf", 7), ("/in/ok.pdf", 3)]
    assert dict(rows(root, "SELECT source, status FROM documents WHERE status <> 'skipped'")) == {
        "/in/bad.pdf": "ok",
        "/in/ok.pdf": "quarantined",
    }


def test_two_schemas_and_a_schema_that_grew_live_in_one_store(root: str, made: Made) -> None:
    class Grown(DocumentSchema):
        schema_name = "invoice"
        total: Money = field("What is owed")
        note: Text = field("A note")

    note = Value("note", "hello", "hello", 1)
    store.publish_shard(root, "r3", 0, Grown, [made("/in/new.pdf", values=(note,))])
    assert rows(root, "SELECT note, issue_date FROM invoice ORDER BY source") == [("hello", None), (None, None)]
    store.publish_shard(root, "r2", 0, load_schema("receipt"), [made("/in/r.jpg", schema="receipt")])
    assert rows(root, "SELECT total FROM receipt") == [(Decimal("1.5"),)]
    assert len(rows(root, "FROM documents")) == 5
    assert "receipt_line_items" in {row[0] for row in rows(root, "SHOW TABLES")}


def test_a_store_of_an_older_octoglot_lacks_columns_and_answers(root: str) -> None:
    (shard,) = Path(root).rglob("*.parquet")
    table = pq.read_table(shard)
    pages = [[{key: page[key] for key in page if key != "words_from"} for page in row] for row in table["pages"].to_pylist()]
    older = table.drop_columns(["conflicts", "needs_review", "review_reasons", "seconds", "pages"]).append_column(
        "pages", pa.array(pages)
    )
    pq.write_table(older, shard)
    (Path(root) / "runs" / "r1.json").unlink()
    assert rows(root, "SELECT total, needs_review, review_reasons FROM invoice") == [(3, None, None)]
    assert rows(root, "SELECT count(*), count(review_reasons) FROM documents") == [(3, 0)]
    assert rows(root, "FROM conflicts") == []
    assert rows(root, "SELECT reason, next_step <> '' FROM quarantine") == [("encrypted", True)]
    assert rows(root, "SELECT count(*), count(words_from) FROM pages") == [(3, 0)]
    assert rows(root, "SELECT started, seconds FROM runs") == []


class Piece(Row):
    name: Text = field("A name")


class Note(DocumentSchema):
    """Its table's view is called as that of `NoteParts`' table."""

    parts_of_it: list[Piece] = table("Parts")


class NoteParts(DocumentSchema):
    of_it: list[Piece] = table("Parts")


class Parts(DocumentSchema):
    schema_name = "note_PARTS_of_it"
    name: Text = field("A name")


def test_two_schemas_with_a_view_of_one_name_are_refused_before_the_second_is_read(tmp_path: Path, made: Made) -> None:
    root = str(tmp_path)
    piece = Value("parts_of_it[0].name", "a", "a", 1)
    store.publish_shard(root, "r1", 0, Note, [made("/in/a.pdf", schema="note", values=(piece,))])
    query.refuse_taken_views(root, Note)
    query.refuse_taken_views(root, INVOICE)
    for other in (NoteParts, Parts):
        with pytest.raises(UsageError, match=f"the schemas note and {other.schema_name} both have a view note_parts_of_it"):
            query.refuse_taken_views(root, other)
    assert rows(root, "SELECT name FROM note_parts_of_it") == [("a",)]


@pytest.mark.parametrize("other", [NoteParts, Parts])
def test_no_view_takes_the_place_of_another_schemas(other: type[DocumentSchema], tmp_path: Path, made: Made) -> None:
    root = str(tmp_path)
    store.publish_shard(root, "r1", 0, Note, [made("/in/a.pdf", schema="note", values=())])
    store.publish_shard(root, "r2", 0, other, [made("/in/a.pdf", schema=other.schema_name, values=())])
    with pytest.raises(UsageError, match="the schemas note and .* both have a view (?i:note_parts_of_it)") as caught:
        rows(root, "SELECT 1")
    assert "another schema_name" in caught.value.next_step


def test_a_store_may_have_any_name(root: str, made: Made) -> None:
    odd = f"{root}/o[1]*? it's"
    store.publish_shard(odd, "r1", 0, INVOICE, [made("/in/a.pdf")])
    store.write_run_record(odd, "r1", {"run_id": "r1", "state": "finished", "started": 1.0})
    assert rows(odd, "SELECT source, runs.state FROM invoice JOIN runs USING (run_id)") == [("/in/a.pdf", "finished")]
    found = Discovery((Source("/in/a.pdf", 10, "1"),))
    assert plan(found, odd, "invoice", made("/in/a.pdf").keys, Settings()).done == 1


def test_a_store_without_shards_has_empty_views(tmp_path: Path) -> None:
    store.write_run_record(str(tmp_path), "r1", {"run_id": "r1", "state": "running", "started": 1.0})
    assert rows(str(tmp_path), "FROM documents") == []
    assert rows(str(tmp_path), "SELECT page, reason FROM pages") == []
    assert len(rows(str(tmp_path), "SHOW TABLES")) == 7
    with pytest.raises(UsageError, match="no results"):
        rows(str(tmp_path / "nowhere"), "SELECT 1")


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM read_parquet('{root}/../other/x.parquet')",
        "COPY (SELECT 1) TO '{root}/shards/schema=invoice/run=r1/shard-00000.parquet'",
        "COPY (SELECT 1) TO '/tmp/octoglot-escaped.csv'",
        "WITH x AS (COPY (SELECT 1) TO '{root}/shards/schema=invoice/run=r1/shard-00000.parquet') SELECT 1",
        "WITH x AS (COPY (SELECT 1) TO '/tmp/octoglot-escaped.csv') FROM x",
        "FROM json_execute_serialized_sql(json_serialize_sql('WITH x AS (COPY (SELECT 1) TO ''{root}/x.csv'') SELECT 1'))",
        "FROM query('FROM json_' || 'execute_serialized_sql(json_serialize_sql(''SELECT 1''))')",
        "FROM read_blob('{root}/link')",
        "FROM glob('{root}/../*')",
        "FROM read_duckdb('/tmp/x.db')",
        "EXPORT DATABASE '{root}/x'",
        "ATTACH '{root}/x.db'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET enable_external_access = true",
        "PRAGMA enable_profiling",
        "CREATE TABLE x AS SELECT 1",
        "DROP VIEW invoice",
        "SELECT 1; DROP VIEW invoice",
        "SELECT nothing FROM invoice",
        "SELEKT",
        "",
    ],
)
def test_what_is_not_one_select_over_the_store_is_refused(root: str, sql: str) -> None:
    (Path(root) / "link").symlink_to("/etc/passwd")
    before = {path: path.stat().st_mtime_ns for path in Path(root).rglob("*")}
    with pytest.raises(UsageError) as caught:
        rows(root, sql.format(root=root))
    assert "\n" not in caught.value.message
    assert {path: path.stat().st_mtime_ns for path in Path(root).rglob("*")} == before
    assert not Path("/tmp/octoglot-escaped.csv").exists()


def test_a_query_that_takes_too_long_is_stopped(root: str) -> None:
    with query.connect(root) as connection, pytest.raises(UsageError, match="longer than 0.5 s"):
        query.ask(connection, "SELECT count(*) FROM range(100000000) a, range(100000000) b", 0.5)


def test_json_keeps_decimals_and_parquet_is_parquet(root: str) -> None:
    with query.connect(root) as connection:
        answer = query.ask(connection, "SELECT source, total FROM invoice;", form="json")
        assert answer.rows == [('{"source":"/in/ok.pdf","total":3.0000}',)]
        assert query.ask(connection, "FROM invoice -- all", form="json").rows
        assert query.ask(connection, "SELECT 1 AS row, 2 AS answer", form="json").rows == [('{"row":1,"answer":2}',)]
        assert query.ask(connection, "FROM invoice", form="parquet").parquet.startswith(b"PAR1")


def test_the_reasons_for_a_review_are_asked_for_in_sql(root: str, made: Made) -> None:
    reasons = ("missing: due_date", "partial")
    store.publish_shard(root, "r9", 0, INVOICE, [made("/in/odd.pdf", status=Status.PARTIAL, review_reasons=reasons)])
    asked = "WHERE needs_review AND list_contains(review_reasons, 'partial')"
    assert rows(root, f"SELECT source, review_reasons FROM documents {asked}") == [("/in/odd.pdf", list(reasons))]
    assert rows(root, f"SELECT source, review_reasons FROM invoice {asked}") == [("/in/odd.pdf", list(reasons))]
    assert rows(root, "SELECT count(*) FROM invoice WHERE NOT needs_review AND review_reasons = []") == [(1,)]
