"""Discover: everything that is named is found once, junk is not, and what is not there is told in one line."""

import io
import os
from pathlib import Path

import pytest

from pipeline import store
from pipeline.discover import discover
from pipeline.errors import UsageError


def names(found: object, top: Path) -> list[str]:
    return [os.path.relpath(source.uri, top) for source in found.sources]  # type: ignore[attr-defined]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    top = tmp_path / "in"
    for name in (
        "b.pdf",
        "a.jpg",
        "deep/er/c.tif",
        "deep/.hidden.pdf",
        "Thumbs.db",
        "__MACOSX/x.pdf",
        "no extension",
        "Ünïcödé ไทย.pdf",
    ):
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_bytes(b"x")
    return top


def test_a_folder_gives_every_file_but_hidden_ones_and_junk(folder: Path) -> None:
    assert names(discover([str(folder)]), folder) == ["a.jpg", "b.pdf", "deep/er/c.tif", "no extension", "Ünïcödé ไทย.pdf"]
    assert "deep/er/c.tif" not in names(discover([str(folder)], recursive=False), folder)


def test_files_globs_and_folders_that_overlap_give_each_file_once(folder: Path) -> None:
    found = discover([str(folder / "a.jpg"), str(folder / "*.jpg"), str(folder)], exclude=["*.tif", "no *"])
    assert names(found, folder) == ["a.jpg", "b.pdf", "Ünïcödé ไทย.pdf"]
    assert names(discover([str(folder / "**" / "*.tif")]), folder) == ["deep/er/c.tif"]


def test_a_list_on_stdin_keeps_what_is_missing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    found = discover(["-"], stdin=io.StringIO("a.jpg\n\ngone.pdf\r\n"))
    assert [(Path(s.uri).name, s.size) for s in found.sources] == [("a.jpg", 1), ("gone.pdf", -1)]


def test_links_in_a_circle_end_and_the_results_are_left_out(folder: Path) -> None:
    (folder / "deep" / "round").symlink_to(folder, target_is_directory=True)
    (folder / "broken link.pdf").symlink_to(folder / "nowhere")
    (folder / "results").mkdir()
    (folder / "results" / "shard.parquet").write_bytes(b"x")
    found = discover([str(folder)], leave_out=str(folder / "results"))
    assert "broken link.pdf" in names(found, folder)
    assert not any("results" in name or "round" in name for name in names(found, folder))


@pytest.fixture
def results(folder: Path) -> Path:
    store.open_store(str(folder / "results"))
    for name in ("shards/schema=invoice/run=r1/shard-00000.parquet", "runs/r1.json", "cache/words/ab/a.json.gz"):
        path = folder / "results" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return folder / "results"


def test_the_results_are_left_out_by_whatever_name_they_are_reached(folder: Path, results: Path) -> None:
    (folder.parent / "link").symlink_to(folder, target_is_directory=True)
    (folder / "deep" / "more").symlink_to(results, target_is_directory=True)
    whole = names(discover([str(folder)], leave_out=str(results)), folder)
    assert whole == ["a.jpg", "b.pdf", "deep/er/c.tif", "no extension", "Ünïcödé ไทย.pdf"]
    linked = discover([str(folder.parent / "link")], leave_out=str(results))
    assert names(linked, folder.parent / "link") == whole
    by_the_shell = sorted(str(path) for path in folder.iterdir())
    assert set(whole) <= set(names(discover(by_the_shell, leave_out=str(results)), folder))
    for told in (by_the_shell, [str(folder / "*")], [str(folder), *map(str, results.iterdir())]):
        assert not [name for name in names(discover(told, leave_out=str(results)), folder) if "results" in name]


def test_documents_beside_the_results_in_their_own_folder_are_found(results: Path) -> None:
    (results / "scan.pdf").write_bytes(b"x")
    (results / "march").mkdir()
    (results / "march" / "scan.pdf").write_bytes(b"x")
    assert names(discover([str(results)], leave_out=str(results)), results) == ["march/scan.pdf", "scan.pdf"]


def test_a_source_that_holds_only_results_is_told_so(results: Path) -> None:
    for told in (results, results / "shards"):
        with pytest.raises(UsageError, match=f"there is nothing but results in {told}") as caught:
            discover([str(told)], leave_out=str(results))
        assert caught.value.next_step


def test_a_name_that_is_not_utf_8_is_found(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"\xff.pdf")).write_bytes(b"x")
    (source,) = discover([str(tmp_path)]).sources
    assert Path(source.uri).read_bytes() == b"x"


@pytest.mark.parametrize("told", ["nowhere", "*.nothing", "empty"])
def test_nothing_found_is_told_in_one_line(told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError) as caught:
        discover([told])
    assert told in caught.value.message
    assert "\n" not in caught.value.message
    assert caught.value.next_step
