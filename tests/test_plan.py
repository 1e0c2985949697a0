"""Plan: the same command does only what is missing, by path, size, time and keys; failures are tried again within reason."""

from pathlib import Path

from pipeline import store
from pipeline.errors import Reason
from pipeline.plan import plan
from pipeline.records import Discovery, Keys, LedgerRow, Source, Status
from pipeline.settings import Settings
from schemas.registry import load_schema
from tests.conftest import Made

KEYS = Keys("w" * 16, "a" * 16, "r" * 16)
INVOICE = load_schema("invoice")


def sources(*names: str, size: int = 10, version: str = "1") -> Discovery:
    return Discovery(tuple(Source(f"/in/{name}", size, version) for name in sorted(names)))


def failed(reason: Reason) -> dict[str, object]:
    return {"status": Status.QUARANTINED, "pages": (LedgerRow(None, Status.QUARANTINED, "open", reason, "why"),)}


def todo(made_plan: object) -> list[str]:
    return [Path(s.uri).name for shard in made_plan.shards for s in shard.sources]  # type: ignore[attr-defined]


def test_an_empty_store_has_everything_to_do_in_shards_that_keep_their_bounds(tmp_path: Path) -> None:
    found = Discovery(tuple(Source(f"/in/{n:02}", 400_000, "1") for n in range(7)))
    result = plan(found, str(tmp_path), "invoice", KEYS, Settings(shard_files=3, shard_mb=1))
    assert [[Path(s.uri).name for s in shard.sources] for shard in result.shards] == [
        ["00", "01"], ["02", "03"], ["04", "05"], ["06"],
    ]  # fmt: skip
    assert (result.found, result.pending, result.pending_bytes, result.done) == (7, 7, 2_800_000, 0)
    by_files = plan(found, str(tmp_path), "invoice", KEYS, Settings(shard_files=3))
    assert [len(shard.sources) for shard in by_files.shards] == [3, 3, 1]
    assert [shard.index for shard in by_files.shards] == [0, 1, 2]


def test_what_is_done_is_left_and_what_changed_is_done_again(tmp_path: Path, made: Made) -> None:
    root = str(tmp_path)
    store.publish_shard(root, "r1", 0, INVOICE, [made("/in/a"), made("/in/b"), made("/in/c", status=Status.REPAIRED)])
    result = plan(sources("a", "b", "c", "d"), root, "invoice", KEYS, Settings())
    assert (todo(result), result.done) == (["d"], 3)
    assert todo(plan(sources("a", size=11), root, "invoice", KEYS, Settings())) == ["a"]
    assert todo(plan(sources("a", version="2"), root, "invoice", KEYS, Settings())) == ["a"]
    assert todo(plan(sources("a"), root, "invoice", Keys("w" * 16, "a" * 16, "other"), Settings())) == ["a"]
    assert todo(plan(sources("a"), root, "receipt", KEYS, Settings())) == ["a"]
    assert todo(plan(sources("d", "e", "f"), root, "invoice", KEYS, Settings(), limit=2)) == ["d", "e"]


def test_permanent_failures_are_left_alone_and_retryable_ones_have_three_tries(tmp_path: Path, made: Made) -> None:
    root = str(tmp_path)
    first = [made("/in/bad", **failed(Reason.CORRUPT)), made("/in/slow", **failed(Reason.TIMEOUT))]
    store.publish_shard(root, "r1", 0, INVOICE, first)
    for attempt in (2, 3):
        result = plan(sources("bad", "slow"), root, "invoice", KEYS, Settings())
        assert (todo(result), result.left_alone) == (["slow"], 1)
        assert result.attempts == {Source("/in/slow", 1, "").document_id: attempt}
        again = made("/in/slow", **failed(Reason.TIMEOUT), attempt=attempt)
        store.publish_shard(root, f"r{attempt}", 0, INVOICE, [again])
    result = plan(sources("bad", "slow"), root, "invoice", KEYS, Settings())
    assert (todo(result), result.left_alone, result.done) == ([], 2, 0)


def test_one_bad_page_among_good_ones_still_counts(tmp_path: Path, made: Made) -> None:
    rows = (LedgerRow(1, Status.OK), LedgerRow(2, Status.QUARANTINED, "render", Reason.CRASH, "why"))
    store.publish_shard(str(tmp_path), "r1", 0, INVOICE, [made("/in/a", status=Status.PARTIAL, pages=rows, page_count=2)])
    result = plan(sources("a"), str(tmp_path), "invoice", KEYS, Settings())
    assert (result.left_alone, result.done, result.pending) == (1, 0, 0)


def test_the_time_is_judged_by_what_was_read_before_and_else_not_known(tmp_path: Path, made: Made) -> None:
    root, settings = str(tmp_path), Settings(workers=2)
    assert plan(sources("a"), root, "invoice", KEYS, settings).seconds is None
    read = [made(f"/in/{n}", seconds={"prepare": 2.0, "extract": 0.5, "finish": 0.5}) for n in range(2)]
    cached = made("/in/cached", seconds={"prepare": 0.0, "extract": 0.0, "finish": 0.1})
    store.publish_shard(root, "r1", 0, INVOICE, [*read, cached])
    assert plan(sources("a", "b", "c", "d"), root, "invoice", KEYS, settings).seconds == 4 * 3.0 / 2
    assert plan(sources("0"), root, "invoice", KEYS, settings).seconds is None, "there is nothing to do"
    assert plan(sources("a"), root, "invoice", Keys("other", "a" * 16, "r" * 16), settings).seconds is None
