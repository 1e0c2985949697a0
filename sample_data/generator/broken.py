"""Files that nobody can read: what a folder of real documents always holds."""

import io
import zipfile
from pathlib import Path

import pikepdf

_INFO = zipfile.ZipInfo("backup/notes.txt", (2024, 3, 1, 9, 30, 0))
_PASSWORD = "not in the mail"


def write_broken(folder: Path, sound: bytes) -> list[str]:
    """Write the broken files into `folder`; `sound` is a PDF that two of them are made of. Returns their names."""
    made = {
        "encrypted.pdf": _encrypted(sound),
        "truncated.pdf": sound[:160],
        "zero_bytes.pdf": b"",
        "archive.pdf": _archive(),
        "shopping_list.txt": b"Milk\nBread\nStamps for the letters\n",
        "no_pages.pdf": _no_pages(),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in made.items():
        (folder / name).write_bytes(data)
    return list(made)


def _encrypted(sound: bytes) -> bytes:
    memory = io.BytesIO()
    with pikepdf.open(io.BytesIO(sound)) as pdf:
        pdf.save(
            memory,
            encryption=pikepdf.Encryption(owner=_PASSWORD, user=_PASSWORD, R=3, aes=False, metadata=False),
            static_id=True,
        )
    return memory.getvalue()


def _archive() -> bytes:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:
        archive.writestr(_INFO, "Renamed by mistake.\n" * 20)
    return memory.getvalue()


def _no_pages() -> bytes:
    memory = io.BytesIO()
    with pikepdf.new() as pdf:
        pdf.save(memory, deterministic_id=True)
    return memory.getvalue()
