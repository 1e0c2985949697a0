"""Store: a shard is whole or not there, its types come from the schema, and odd values never lose it."""

import itertools
import multiprocessing
from datetime import date
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline import store
from pipeline.arrow import record_of, shard_schema
from pipeline.errors import Reason, UsageError
from pipeline.records import Frame, Leaf, LedgerRow, PageAnswer, PageWords, Source, Status, Value, Word, WordsFrom
from schemas.registry import load_schema
from tests.conftest import Made

INVOICE = load_schema("invoice")


def test_types_come_from_the_schema_whatever_the_data(tmp_path: Path, made: Made) -> None:
    empty = store.publish_shard(str(tmp_path), "r1", 0, INVOICE, [made("/in/a", values=())])
    assert pq.read_schema(empty).equals(shard_schema(INVOICE))
    record = pq.read_schema(empty).field("record").type
    assert record.field("total").type == pa.decimal128(20, 4)
    assert record.field("issue_date").type == pa.date32()
    row = record.field("line_items").type.value_type
    assert row.field("unit_price").type == pa.decimal128(20, 8)
    assert row.field("page").type == pa.int32()
    assert b"octoglot.json_schema" in (pq.read_schema(empty).metadata or {})


def test_a_record_is_typed_and_what_does_not_fit_is_left_out_not_rounded() -> None:
    record = record_of(
        [
            Value("total", "1.234,50", Decimal("1234.50"), 1),
            Value("net_total", "0,00001", Decimal("0.00001"), 1),
            Value("tax_total", "9" * 30, Decimal("9" * 30), 1),
            Value("issue_date", "3.3.2024", date(2024, 3, 3), 1),
            Value("line_items[1].amount", "5", Decimal("5"), 2),
        ],
        INVOICE,
    )
    assert record["total"] == Decimal("1234.50")
    assert record["net_total"] is None
    assert record["tax_total"] is None
    assert record["issue_date"] == date(2024, 3, 3)
    assert record["line_items"] == [{}, {"page": 2, "amount": Decimal("5")}]


def test_odd_values_and_names_never_lose_a_shard(tmp_path: Path, made: Made) -> None:
    values = (
        Value("seller_name", "a\0b\ud800", "a\0b\ud800", 1),
        Value("total", "9" * 40, Decimal("9" * 40), 1),
        Value("net_total", "NaN", Decimal("NaN"), 1),
        Value("buyer_name", "x" * 1_000_000, "x" * 1_000_000, 1),
        Value("due_date", "soon", None, 1, problem="not a date"),
    )
    lost = LedgerRow(None, Status.QUARANTINED, "open", Reason.CORRUPT, "bad \udcff")
    results = [made("/in/\udcff.pdf", values=values), made("/in/b", status=Status.QUARANTINED, pages=(lost,))]
    path = store.publish_shard(str(tmp_path), "r1", 0, INVOICE, results)
    first, second = pq.read_table(path).to_pylist()
    assert first["record"]["seller_name"].startswith("ab")
    assert first["record"]["total"] is None
    told = {field["path"]: field for field in first["fields"]}
    assert told["total"]["value"] == "9" * 40
    assert "does not fit" in told["total"]["problem"]
    assert told["due_date"]["problem"] == "not a date"
    assert second["record"] is None
    assert second["pages"][0]["next_step"]
    assert first["document_id"] == Source("/in/\udcff.pdf", 0, "").document_id


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        ("1.50000000000000000000000000001", None),
        ("1.50000000000000000000000000000", Decimal("1.5000")),
        ("1234567890123456.7891", Decimal("1234567890123456.7891")),
        ("12345678901234567.00", None),
        ("0E+40", Decimal("0.0000")),
        ("-0.00010", Decimal("-0.0001")),
        ("1E+15", Decimal("1000000000000000.0000")),
    ],
)
def test_a_column_takes_what_fits_and_nothing_else(tmp_path: Path, made: Made, value: str, stored: Decimal | None) -> None:
    total = Value("total", value, Decimal(value), 1)
    path = store.publish_shard(str(tmp_path), "r1", 0, INVOICE, [made("/in/a", values=(total,))])
    (row,) = pq.read_table(path).to_pylist()
    assert row["record"]["total"] == stored
    assert Decimal(row["fields"][0]["value"]) == Decimal(value)


def _publish_for_ever(root: str, result: object) -> None:
    for index in itertools.count():
        store.publish_shard(root, "r1", index, INVOICE, [result] * 50)  # type: ignore[list-item]


def test_a_reader_never_sees_half_a_shard_and_a_killed_writer_leaves_none(tmp_path: Path, made: Made) -> None:
    writer = multiprocessing.get_context("spawn").Process(target=_publish_for_ever, args=(str(tmp_path), made("/in/a")))
    writer.start()
    shards = tmp_path / "shards"
    try:
        while len(list(shards.glob("*/*/*.parquet"))) < 3:
            assert writer.is_alive()
        reads = [_rows(shards) for _ in range(100)]
    finally:
        writer.kill()
        writer.join()
    last = _rows(shards)
    assert all(rows % 50 == 0 for rows in (*reads, last))
    assert reads == sorted(reads)
    assert reads[0] < reads[-1], "nothing was published while it was read"
    assert last == 50 * len(list(shards.glob("*/*/*.parquet")))


def _rows(shards: Path) -> int:
    (count,) = duckdb.execute(f"SELECT count(document_id) FROM '{shards}/*/*/*.parquet'").fetchone() or (0,)
    return int(count)


def test_a_published_shard_is_never_replaced(tmp_path: Path, made: Made) -> None:
    path = store.publish_shard(str(tmp_path), "r1", 0, INVOICE, [made("/in/a")])
    before = (path.stat().st_ino, path.read_bytes())
    assert store.publish_shard(str(tmp_path), "r1", 0, INVOICE, [made("/in/a"), made("/in/b")]) == path
    assert (path.stat().st_ino, path.read_bytes()) == before


def test_words_and_answers_come_back_as_they_were(tmp_path: Path) -> None:
    root = str(tmp_path)
    words = PageWords(3, Frame(10, 20, 90, -1.5), (Word("ราคา", (0.1, 0.2, 0.3, 0.4), 0.87, 4),), WordsFrom.OCR, "th")
    answer = PageAnswer(3, (Leaf("total", "๑๒", None, (0, 0, 1, 1)),), raw='{"total":"๑๒"}', asks=2, seconds=0.5)
    store.write_words(root, "c0", "k", 1, 16, [words])
    store.write_answers(root, "c0", "k", 1, 16, [answer])
    assert store.read_words(root, "c0", "k", 1, 16) == [words]
    assert store.read_answers(root, "c0", "k", 1, 16) == [answer]
    assert store.read_words(root, "c0", "other", 1, 16) == []


@pytest.mark.parametrize("damage", [b"", b"not gzip", None])
def test_a_damaged_cache_costs_work_not_the_run(tmp_path: Path, damage: bytes | None) -> None:
    store.write_words(str(tmp_path), "c0", "k", 1, 1, [PageWords(1, Frame(1, 1))])
    (file,) = (tmp_path / "cache").rglob("*.gz")
    file.write_bytes(file.read_bytes()[:-9] if damage is None else damage)
    assert store.read_words(str(tmp_path), "c0", "k", 1, 1) == []


@pytest.mark.parametrize("root", ["file/below", "s3://bucket/results"])
def test_a_place_that_cannot_be_written_to_is_told(tmp_path: Path, root: str) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError) as caught:
        store.open_store(root if "://" in root else str(tmp_path / root))
    assert caught.value.next_step
