"""The acts over Ray: whatever dies or hangs, every page has its row, and the shard is published."""

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from pipeline import query, store
from pipeline.errors import RunError
from pipeline.records import PageWords, PreparedPage, Shard, Source
from pipeline.settings import Settings
from tests import hostile

if TYPE_CHECKING:
    from flows.cluster import Cluster

pytestmark = pytest.mark.ray

SETTINGS = Settings(engine="fake", page_timeout_s=4, survey_timeout_s=4, range_pages=8)
TALKING = SETTINGS.model_copy(update={"engine": "tests.engines:TalkingEngine"})

Ledger = dict[str, list[tuple]]


@pytest.fixture(scope="module")
def local_ray(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        # Ray's processes stand in another folder, and are to find the acts and engines of the tests.
        patch.setenv("PYTHONPATH", str(Path(__file__).parents[1]), prepend=os.pathsep)
        from flows.cluster import ray_running
        from flows.quiet import set_up

        set_up(tmp_path_factory.mktemp("state"), "")
        with ray_running("", 4):
            yield


def cluster(
    root: Path, settings: Settings = SETTINGS, *, workers: int = 1, preparers: int = 2, run_id: str = "r1"
) -> "Cluster":
    from flows.cluster import Cluster
    from flows.workers import Acts, Job

    store.open_store(str(root))
    acts = Acts(hostile.survey, with_images if "Gated" in settings.engine else hostile.prepare)
    return Cluster(Job(run_id, str(root), "invoice", settings, preparers, acts), workers)


def with_images(
    source: Source,
    pages: Sequence[int],
    hint: str,
    settings: Settings,
    need_images: bool,
    known: Mapping[int, PageWords] | None = None,
) -> Iterator[PreparedPage]:
    """As the hostile act; writes down each page as it is made."""
    assert need_images
    for page in hostile.prepare(source, pages, hint, settings, need_images, known):
        with Path(source.uri).with_suffix(".made").open("a") as log:
            log.write(f"{page.page}\n")
        yield replace(page, image=np.full((600, 500, 3), page.page, np.uint8))


def shard(folder: Path, files: dict[str, str], index: int = 0) -> Shard:
    """Write the files, and make a shard of them."""
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text)
    return Shard(index, tuple(Source(str(folder / name), 1, "1") for name in sorted(files)))


def ledger(root: Path) -> Ledger:
    """The ledger by name: (page, status, reason)."""
    rows: Ledger = {}
    with query.connect(str(root)) as connection:
        told = connection.execute("SELECT source, page, status, reason FROM pages ORDER BY source, page").fetchall()
    for source, *row in told:
        rows.setdefault(Path(source).name, []).append(tuple(row))
    return rows


def read(tmp_path: Path, files: dict[str, str], run_id: str = "r1", settings: Settings = SETTINGS) -> Ledger:
    """Read the files as one shard, and give the ledger; what was counted must be what is in it."""
    counts = cluster(tmp_path / "out", settings, run_id=run_id).read_shard(shard(tmp_path / "in", files), {})
    rows = ledger(tmp_path / "out")
    assert Counter(status for of_file in rows.values() for _, status, _ in of_file) == counts.pages
    return rows


def wait_until(true: Callable[[], bool]) -> None:
    while not true():
        time.sleep(0.05)


def good(pages: int) -> list[tuple]:
    return [(page, "ok", None) for page in range(1, pages + 1)]


def test_every_fault_costs_its_own_page_or_document_only(local_ray: None, tmp_path: Path) -> None:
    rows = read(
        tmp_path,
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
    assert rows["good.txt"] == good(2)
    assert rows["aborts-open.txt"] == [(None, "quarantined", "crash")]
    assert rows["hangs-open.txt"] == [(None, "quarantined", "timeout")]
    assert rows["corrupt.txt"] == [(None, "quarantined", "corrupt")]
    assert rows["aborts.txt"] == [*good(10), (11, "quarantined", "crash"), *good(20)[11:]]
    assert rows["hangs.txt"] == [(1, "ok", None), (2, "quarantined", "timeout"), (3, "ok", None)]
    assert rows["invalid.txt"] == [(1, "ok", None), (2, "ok", None), (3, "quarantined", "answer_invalid")]


@pytest.mark.parametrize("fault", ["FAULT-KILL", "FAULT-DEAD"])
def test_a_document_that_ends_its_worker_twice_is_a_row_and_the_others_are_read(
    local_ray: None, tmp_path: Path, fault: str
) -> None:
    files = {f"good{n}.txt": "2" for n in range(6)}
    rows = read(tmp_path, {**files, "killer.txt": f"2\nsay {fault} 2"})
    assert rows.pop("killer.txt") == [(1, "quarantined", "crash"), (2, "quarantined", "crash")]
    assert rows == dict.fromkeys(files, good(2))
    # Once in the crowd, once alone, and no third time.
    assert Counter((tmp_path / "in" / "killer.read").read_text().split())["2"] == 2


def test_words_and_answers_are_paid_for_once(local_ray: None, tmp_path: Path) -> None:
    files = {"a.txt": "10", "b.txt": "3\nabort 2"}
    assert read(tmp_path, files, "r1") == read(tmp_path, files, "r2")
    assert sorted(map(int, (tmp_path / "in" / "a.read").read_text().split())) == list(range(1, 11))
    # Page 2 kills its reader: it alone is tried again by the second run (twice a run, as another may have been to blame).
    read_b = Counter((tmp_path / "in" / "b.read").read_text().split())
    assert read_b["1"] == 1


def test_an_engine_that_cannot_go_on_stops_the_run_with_its_own_words(local_ray: None, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="^the page asked the run to stop$"):
        read(tmp_path, {"stop.txt": "1\nsay FAULT-STOP 1"})


def test_a_value_that_no_column_takes_costs_its_document_only(local_ray: None, tmp_path: Path) -> None:
    rows = read(tmp_path, {"good.txt": "2", "odd.txt": "2\nsay TOO-MUCH 2"}, settings=TALKING)
    assert rows == {"good.txt": good(2), "odd.txt": [(page, "quarantined", "internal") for page in (1, 2)]}


def test_an_engine_that_is_lost_stops_the_run_once_its_shard_is_published(local_ray: None, tmp_path: Path) -> None:
    worker = cluster(tmp_path / "out", TALKING)
    first = shard(tmp_path / "in", {"a.txt": "2", "lost.txt": "2\nsay GET-LOST 2"})
    worker.read_shard(first, {})
    rows = {"a.txt": good(2), "lost.txt": [(1, "ok", None), (2, "quarantined", "internal")]}
    assert ledger(tmp_path / "out") == rows
    with pytest.raises(RunError, match="^the engine is lost$"):
        worker.read_shard(shard(tmp_path / "in", {"b.txt": "1"}, 1), {})
    assert ledger(tmp_path / "out") == rows


@pytest.mark.timeout(60)
def test_the_progress_tells_of_pages_documents_and_notices(local_ray: None, tmp_path: Path) -> None:
    worker = cluster(tmp_path / "out", TALKING)
    files = {"a.txt": "3\nsay GIVE-NOTICE 2", "b.txt": "1\nsay FAULT-INVALID 1", "c.txt": "1\ncorrupt 0"}
    counts = worker.read_shard(shard(tmp_path / "in", files), {})
    wait_until(lambda: bool(worker.progress().notices))
    told = worker.progress()
    assert told.notices == ["page 2 has a notice"]
    assert told.counts == counts
    # The file that cannot be opened has a row, but no page that was read.
    assert told.pages == 4 and sum(counts.pages.values()) == 5
    assert told.latest in {source.uri for source in shard(tmp_path / "in", files).sources}
    assert told.first_page_at > 0


@pytest.mark.timeout(120)
def test_shards_side_by_side_in_one_worker_do_not_blame_each_other(local_ray: None, tmp_path: Path) -> None:
    files = [
        {f"{index}-good{n}.txt": "3" for n in range(6)} | {f"{index}-killer.txt": "2\nsay FAULT-KILL 2"} for index in range(3)
    ]
    shards = [shard(tmp_path / "in", told, index) for index, told in enumerate(files)]
    crew = cluster(tmp_path / "out")
    with ThreadPoolExecutor(len(shards)) as hands:
        counts = list(hands.map(lambda each: crew.read_shard(each, {}), shards))
    told = ledger(tmp_path / "out")
    for index in range(3):
        assert told.pop(f"{index}-killer.txt") == [(1, "quarantined", "crash"), (2, "quarantined", "crash")]
    assert len(told) == 18
    assert all(rows == [(page, "ok", None) for page in (1, 2, 3)] for rows in told.values())
    assert [count.pages for count in counts] == [{"ok": 18, "quarantined": 2}] * 3


def test_slots_share_the_shards_and_every_page_is_there_once(local_ray: None, tmp_path: Path) -> None:
    gate = tmp_path / "open"
    settings = SETTINGS.model_copy(update={"engine": "tests.engines:GatedEngine", "model": str(gate)})
    slots = cluster(tmp_path / "out", settings, workers=2, preparers=1)
    files = {index: {f"{index}-{n}.txt": f"{1 + n}" for n in range(4)} for index in range(5)}
    shards = [shard(tmp_path / "in", files[index], index) for index in files]
    with ThreadPoolExecutor(2) as pool:
        done = [pool.submit(slots.read_shard, one, {}) for one in shards]
        # Nothing is answered yet, so that a slot holds its first shard: two of them are begun only if there are two slots.
        wait_until(lambda: len({file.name[0] for file in (tmp_path / "in").glob("*.made")}) == 2)
        gate.touch()
        counts = [one.result() for one in done]
    assert [one.pages for one in counts] == [{"ok": 10}] * 5
    assert ledger(tmp_path / "out") == {name: good(int(text)) for each in files.values() for name, text in each.items()}


@pytest.mark.timeout(120)
@pytest.mark.parametrize(("documents", "pages"), [(40, 1), (3, 30)])
def test_the_images_in_hand_are_bounded(local_ray: None, tmp_path: Path, documents: int, pages: int) -> None:
    from flows.preparers import IMAGES_AHEAD
    from tests.engines import GatedEngine

    preparers = 2
    gate = tmp_path / "open"
    settings = SETTINGS.model_copy(update={"engine": "tests.engines:GatedEngine", "model": str(gate), "range_pages": 30})
    worker = cluster(tmp_path / "out", settings, preparers=preparers)
    one = shard(tmp_path / "in", {f"{n}.txt": f"{pages}" for n in range(documents)})

    def made() -> int:
        return sum(len(file.read_text().split()) for file in (tmp_path / "in").glob("*.made"))

    def settled() -> bool:
        before = made()
        time.sleep(2)
        return before > 0 and made() == before

    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(worker.read_shard, one, {})
        wait_until(settled)
        held = made()
        gate.touch()
        assert done.result().pages == {"ok": documents * pages}
    # As many as there is room for, and with each preparer one that waits for room and those that it may have ready.
    room = GatedEngine.max_in_flight + 2 * preparers
    assert room <= held <= room + preparers * (1 + IMAGES_AHEAD)
