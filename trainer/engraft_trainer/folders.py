"""Job and result folders: they may come from another machine, so nothing in them is trusted by its name."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from .events import Stopped

#: All that a job or a result consists of. None of these can hold code.
ALLOWED = {".json", ".jsonl", ".gguf", ".safetensors", ".md", ".svg"}
#: First bytes of a pickle (protocol 2 and later) and of a zip archive, in which torch.save puts pickles.
PICKLES = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05", b"PK\x03\x04")


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def refuse_unsafe(folder: Path) -> None:
    """Refuses a folder with a link, a special file, or a file that is not plain data."""
    if folder.is_symlink():
        raise Stopped("bad_input", f"{folder.name} is a symbolic link")
    if not folder.is_dir():
        raise Stopped("bad_input", f"{folder} is not a folder")
    for entry in sorted(folder.rglob("*")):
        name = entry.relative_to(folder)
        if entry.is_symlink():
            raise Stopped("bad_input", f"{name} is a symbolic link: copy the file itself")
        if entry.is_dir():
            continue
        if not entry.is_file():
            raise Stopped("bad_input", f"{name} is not a regular file")
        with entry.open("rb") as file:
            start = file.read(4)
        if entry.suffix not in ALLOWED or start.startswith(PICKLES):
            raise Stopped("bad_input", f"{name} may hold code: only {', '.join(sorted(ALLOWED))} files of plain data are taken")


def write_atomically(path: Path, data: bytes) -> None:
    """The file is whole or not there, also when the process is killed."""
    temporary = path.with_name(f".{path.name}.part")
    with temporary.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)
