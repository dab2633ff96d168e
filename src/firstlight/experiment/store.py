"""The one write layer: every byte that reaches an experiment goes through here.

A file is written under a temporary name in its own folder, flushed, synced, hashed on the way and renamed; the folder is
synced last. Whatever fails, the file that was there before is still there, whole, and no temporary file stays.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

TEMPORARY_PREFIX = ".writing-"


def write_bytes(path: Path, content: bytes | memoryview) -> str:
    """Replaces `path` by `content`, atomically and durably.

    Returns:
        The SHA-256 of the content, in hex.

    Raises:
        OSError: The disk refused; `path` is as it was before.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=TEMPORARY_PREFIX, dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o644 & ~_umask())
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)
    return hashlib.sha256(content).hexdigest()


def write_text(path: Path, text: str) -> str:
    """Writes UTF-8 text with Unix line ends; returns its SHA-256."""
    return write_bytes(path, text.encode("utf-8", errors="backslashreplace"))


def write_json(path: Path, value: Mapping[str, Any]) -> str:
    """Writes strict JSON (a NaN is an error, never a bare word in the file); returns its SHA-256."""
    return write_text(path, json.dumps(value, indent=1, allow_nan=False, ensure_ascii=False) + "\n")


def write_npz(path: Path, arrays: Mapping[str, np.ndarray[Any, Any]]) -> str:
    """Writes compressed arrays, none of them of objects; returns the file's SHA-256."""
    import numpy as np

    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    return write_bytes(path, buffer.getbuffer())


def append_line(path: Path, line: str) -> None:
    """Appends one line to a log; a line that an earlier crash cut short is ended first (K10).

    Not synced: a power cut may take the last lines, and a sync for each would cost more than it is worth.

    Raises:
        OSError: The disk refused.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    content = line.encode("utf-8", errors="backslashreplace") + b"\n"
    with path.open("ab+") as file:
        if file.tell():
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":
                content = b"\n" + content
        file.write(content)


def read_json(path: Path) -> Any:
    """Reads strict JSON.

    Raises:
        OSError: No such file.
        ValueError: Not JSON, or a number that JSON does not have.
    """
    return json.loads(path.read_text("utf-8"), parse_constant=_refuse_constant)


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
