"""The acts over Ray: whatever dies or hangs, every page has its row, and the shard is published."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline import query, store
from pipeline.records import Shard, Source
from pipeline.settings import Settings
from tests import hostile

pytestmark = pytest.mark.ray

SETTINGS = Settings(engine="fake", page_timeout_s=4, survey_timeout_s=4, range_pages=8)


@pytest.fixture(scope="module")
def local_ray(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    from ray import cloudpickle

    from flows.cluster import ray_running
    from flows.quiet import set_up

    set_up(tmp_path_factory.mktemp("state"), "")
    cloudpickle.register_pickle_by_value(hostile)
    with ray_running("", 0):
        yield


def read(folder: Path, root: Path, files: dict[str, str], run_id: str = "r1") -> dict[str, list[tuple]]:
    """Write the files, read them as one shard, and give the ledger by name: (page, status, reason)."""
    from flows.cluster import Cluster
    from flows.workers import Acts, Job

    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text)
    sources = tuple(Source(str(folder / name), 1, "1") for name in sorted(files))
    store.open_store(str(root))
    job = Job(run_id, str(root), "invoice", SETTINGS, 2, Acts(hostile.survey, hostile.prepare))
    counts = Cluster(job, workers=1).read_shard(Shard(0, sources), {})
    ledger: dict[str, list[tuple]] = {name: [] for name in files}
    with query.connect(str(root)) as connection:
        rows = connection.execute("SELECT source, page, status, reason FROM pages ORDER BY source, page").fetchall()
    for source, page, status, reason in rows:
        ledger[Path(source).name].append((page, status, reason))
    assert sum(counts.pages.values()) == len(rows)
    assert Counter(status for _, _, status, _ in rows) == counts.pages
    return ledger


def test_every_fault_costs_its_own_page_or_document_only(local_ray: None, tmp_path: Path) -> None:
    ledger = read(
        tmp_path / "in",
        tmp_path / "out",
        {
            "aborts-open.txt": "3\nabort 0",
            "aborts.txt": "20\nabort 11",
            "corrupt.txt": "3\ncorrupt 0",
            "good.txt": "2",
            "hangs-open.txt": "3\nhang 0",
            "hangs.txt": "3\nhang 2",
            "invalid.txt": "3\nsay FAULT-INVALID 3",
        },
    )
    assert ledger["good.txt"] == [(1, "ok", None), (2, "ok", None)]
    assert ledger["aborts-open.txt"] == [(None, "quarantined", "crash")]
    assert ledger["hangs-open.txt"] == [(None, "quarantined", "timeout")]
    assert ledger["corrupt.txt"] == [(None, "quarantined", "corrupt")]
    expected = [(page, "ok", None) for page in range(1, 21)]
    expected[10] = (11, "quarantined", "crash")
    assert ledger["aborts.txt"] == expected
    assert ledger["hangs.txt"] == [(1, "ok", None), (2, "quarantined", "timeout"), (3, "ok", None)]
    assert ledger["invalid.txt"] == [(1, "ok", None), (2, "ok", None), (3, "quarantined", "answer_invalid")]


def test_a_document_that_kills_the_worker_twice_is_a_row_and_the_others_are_read(local_ray: None, tmp_path: Path) -> None:
    files = {f"good{n}.txt": "2" for n in range(6)}
    ledger = read(tmp_path / "in", tmp_path / "out", {**files, "killer.txt": "2\nsay FAULT-KILL 2"})
    assert ledger.pop("killer.txt") == [(1, "quarantined", "crash"), (2, "quarantined", "crash")]
    assert all(rows == [(1, "ok", None), (2, "ok", None)] for rows in ledger.values())


def test_words_and_answers_are_paid_for_once(local_ray: None, tmp_path: Path) -> None:
    files = {"a.txt": "10", "b.txt": "3\nabort 2"}
    first = read(tmp_path / "in", tmp_path / "out", files, "r1")
    again = read(tmp_path / "in", tmp_path / "out", files, "r2")
    assert first == again
    assert sorted(map(int, (tmp_path / "in" / "a.read").read_text().split())) == list(range(1, 11))
    # Page 2 kills its reader: it alone is tried again by the second run (twice a run, as another may have been to blame).
    read_b = Counter((tmp_path / "in" / "b.read").read_text().split())
    assert read_b["1"] == 1


def test_an_engine_that_cannot_go_on_stops_the_run_with_its_own_words(local_ray: None, tmp_path: Path) -> None:
    from pipeline.errors import RunError

    with pytest.raises(RunError, match="^the page asked the run to stop$"):
        read(tmp_path / "in", tmp_path / "out", {"stop.txt": "1\nsay FAULT-STOP 1"})
