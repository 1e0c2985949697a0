"""Finding the files that a command names: folders, single files, globs, and a list on stdin. Opens none of them."""

import glob
import os
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatch
from typing import TextIO

from pipeline import layout
from pipeline.errors import UsageError
from pipeline.records import Discovery, Source

JUNK = frozenset({"thumbs.db", "desktop.ini", "__macosx", "lost+found"})
"""Names (in lower case) that systems leave behind in folders; nobody means them."""

Identity = tuple[int, int]
"""Device and inode: what a folder is, whatever path leads to it."""


def discover(
    sources: Sequence[str],
    *,
    recursive: bool = True,
    exclude: Sequence[str] = (),
    stdin: TextIO | None = None,
    leave_out: str = "",
) -> Discovery:
    """The files that `sources` name. In a folder every file counts, whatever its name ends in; hidden ones and junk do not.

    Args:
        sources: folders, files, globs; `-` reads a list of files from `stdin`, one a line.
        recursive: whether folders in folders are gone into.
        exclude: globs for names or paths that are left out.
        stdin: where `-` reads.
        leave_out: the folder of the results. Where it lies in a source it is not gone into; where it is itself a source,
            its documents count and the results do not.

    Raises:
        UsageError: nothing is there, or nothing in it. A file on the list that is missing is kept, with size -1, to become a
            row of the ledger.
    """
    found: dict[str, Source] = {}
    results = _results(leave_out)
    for told in sources:
        here = _from_list(stdin) if told == "-" else _from_name(told, recursive, results)
        kept = [source for source in here if not _excluded(source.uri, exclude)]
        if not kept and _identity(told) not in results:  # a shell's * names the results as well
            what = "the list on stdin" if told == "-" else told
            raise UsageError(f"there are no files in {what}", "name a folder or files that hold documents")
        found.update((source.uri, source) for source in kept)
    if sources and not found:
        raise UsageError(f"there is nothing but results in {', '.join(sources)}", "name a folder or files that hold documents")
    return Discovery(tuple(found[uri] for uri in sorted(found)))


def _from_list(stdin: TextIO | None) -> Iterator[Source]:
    for line in stdin or ():
        name = line.rstrip("\r\n")
        if name:
            path = os.path.abspath(name)  # noqa: PTH100 - resolve() would follow links
            yield _source(path)


def _results(root: str) -> list[Identity]:
    """The folder of the results, then those in it that octoglot writes; none where there are no results yet."""
    folders = [root, *(os.path.join(root, name) for name in (layout.SHARDS, layout.RUNS, layout.CACHE))]  # noqa: PTH118
    return [known for folder in folders if (known := _identity(folder))] if root else []


def _identity(path: str) -> Identity | None:
    try:
        told = os.stat(path)  # noqa: PTH116
    except OSError:
        return None
    return told.st_dev, told.st_ino


def _from_name(told: str, recursive: bool, results: Sequence[Identity]) -> Iterable[Source]:
    path = os.path.abspath(told)  # noqa: PTH100
    if os.path.isdir(path):  # noqa: PTH112
        return _from_folder(path, recursive, results)
    if os.path.lexists(path):
        return [_source(path)]
    if glob.has_magic(told):
        names = sorted(glob.glob(path, recursive=recursive))  # noqa: PTH207 - must take names that are not UTF-8
        if not names:
            raise UsageError(f"nothing matches {told}", "look at the pattern, and quote it for the shell")
        return [source for name in names for source in _from_name(name, recursive, results)]
    raise UsageError(f"there is no file or folder {told}", "look at the path")


def _from_folder(top: str, recursive: bool, results: Sequence[Identity]) -> Iterator[Source]:
    """The files below `top`; a folder that was seen already (a link in a circle, the results) is not gone into."""
    seen = set(results[1:] if _identity(top) in results[:1] else results)
    waiting = [top]
    while waiting:
        folder = waiting.pop()
        try:
            told = os.stat(folder)  # noqa: PTH116
            if (told.st_dev, told.st_ino) in seen:
                continue
            seen.add((told.st_dev, told.st_ino))
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)  # noqa: PTH208 - a million files
        except OSError as error:
            raise UsageError(
                f"the folder {folder} cannot be read: {error.strerror}", "make it readable, or leave it out with --exclude"
            ) from error
        for entry in entries:
            if entry.name.startswith(".") or entry.name.lower() in JUNK:
                continue
            if entry.is_dir():
                if recursive:
                    waiting.append(entry.path)
            else:
                yield _source(entry.path)


def _source(path: str) -> Source:
    try:
        told = os.stat(path)  # noqa: PTH116
    except OSError:
        return Source(path, -1, "")
    return Source(path, told.st_size, str(told.st_mtime_ns))


def _excluded(uri: str, exclude: Sequence[str]) -> bool:
    name = os.path.basename(uri)  # noqa: PTH119
    return any(fnmatch(name, pattern) or fnmatch(uri, pattern) for pattern in exclude)
