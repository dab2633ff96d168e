"""The one write layer: every byte that reaches an experiment goes through here.

A file is written under a temporary name in its own folder, synced, hashed and renamed; the folder is
synced last. Whatever fails, the file that was there before is still there, whole, and no temporary file
stays. A kill can leave one behind; `sweep` removes it at the next start.
"""

from __future__ import annotations

import errno
import hashlib
import io
import json
import math
import os
import secrets
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from firstlight.errors import ResourceError

if TYPE_CHECKING:
    import numpy as np

TEMPORARY_PREFIX = ".writing-"
FILE_MODE = 0o644  # less what the umask takes; the kernel applies it, so no thread ever changes the umask
SWEEP_DEPTH = 4  # folders below the experiment in which the write layer leaves temporary files
AGAIN = frozenset({errno.EIO, errno.EINTR})  # worth one more try, from the beginning
WITHOUT_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK, errno.EXDEV})
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)  # the same arrays give the same bytes, whenever they are written


def write_bytes(path: Path, content: bytes | memoryview, *, kept: Path | None = None) -> str:
    """Replaces `path` by `content`, atomically and durably; a link at `path` is replaced, never followed.

    Args:
        path: The file.
        content: All of it.
        kept: Second name for the file that was there before, given once the new content is safe on the disk.

    Returns:
        The SHA-256 of the content, in hex.

    Raises:
        OSError: The disk refused; `path` is as it was before, or holds all of `content` when only the folder
            could not be synced.
        ResourceError: The experiment folder is gone.
    """
    digest = hashlib.sha256(content).hexdigest()
    make_parent(path)
    try:
        _replace(path, content, kept)
    except OSError as error:
        if error.errno not in AGAIN:
            raise
        # What a failed sync left is not trusted: the whole file is written anew (F08). When the failed try came
        # as far as the rename, the file before has its second name already.
        renamed = path.is_file() and sha256(path) == digest
        _replace(path, content, None if renamed else kept)
    return digest


def keep(path: Path, kept: Path) -> None:
    """Gives the file at `path` the second name `kept`, whatever was there before; that one is gone first.

    Later, `write_bytes(path, ...)` leaves what `kept` names as it is. No byte is copied where the file system
    has hard links.

    Raises:
        OSError: The disk refused; `path` is as it was before, and `kept` may be gone.
    """
    make_parent(kept)
    kept.unlink(missing_ok=True)
    try:
        os.link(path, kept, follow_symlinks=False)
    except OSError as error:
        if error.errno not in WITHOUT_LINKS:
            raise
        write_bytes(kept, path.read_bytes())
        return
    sync_folder(kept.parent)


def move(path: Path, to: Path) -> None:
    """Renames a file within its folder, durably; what was at `to` is replaced."""
    os.replace(path, to)
    sync_folder(to.parent)


def _replace(path: Path, content: bytes | memoryview, kept: Path | None) -> None:
    """One try to put `content` at `path`; the file before gets the name `kept`."""
    temporary = path.parent / f"{TEMPORARY_PREFIX}{secrets.token_hex(8)}"
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE)
    try:
        try:
            _write_all(handle, content)
            os.fsync(handle)
        finally:
            os.close(handle)
        if kept is not None:
            keep(path, kept)
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def _write_all(handle: int, content: bytes | memoryview) -> None:
    """Writes everything: the system may take less than it is given."""
    left = memoryview(content).cast("B")
    while left:
        left = left[os.write(handle, left) :]


def write_text(path: Path, text: str) -> str:
    """Writes UTF-8 text with Unix line ends; returns its SHA-256."""
    return write_bytes(path, text.encode("utf-8", errors="backslashreplace"))


def write_json(path: Path, value: Mapping[str, Any]) -> str:
    """Writes strict JSON (a NaN is an error, never a bare word in the file); returns its SHA-256."""
    return write_text(path, json.dumps(value, indent=1, allow_nan=False, ensure_ascii=False) + "\n")


def write_npz(path: Path, arrays: Mapping[str, np.ndarray[Any, Any]]) -> str:
    """Writes compressed arrays, none of them of objects; equal arrays give equal bytes. Returns the SHA-256.

    NumPy's own `savez` stamps the time into the file, and before 2.1 it would pickle objects.
    """
    import numpy as np

    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, array in arrays.items():
            member = zipfile.ZipInfo(f"{name}.npy", date_time=_ZIP_TIME)
            member.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(member, "w", force_zip64=True) as file:
                np.lib.format.write_array(file, np.asanyarray(array), allow_pickle=False)
    return write_bytes(path, buffer.getbuffer())


def append_line(path: Path, line: str) -> None:
    """Appends one line to a log; a line that an earlier crash cut short is ended first (K10).

    Not synced: a power cut may take the last lines, and a sync for each would cost more than it is worth. A
    link at `path` is replaced by a new file, never followed.

    Raises:
        OSError: The disk refused.
        ResourceError: The experiment folder is gone.
    """
    make_parent(path)
    if path.is_symlink():
        path.unlink()
    content = line.encode("utf-8", errors="backslashreplace") + b"\n"
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    handle = os.open(path, flags, FILE_MODE)
    try:
        end = os.lseek(handle, 0, os.SEEK_END)
        if end and os.pread(handle, 1, end - 1) != b"\n":
            content = b"\n" + content
        _write_all(handle, content)
    finally:
        os.close(handle)


def read_json(path: Path) -> Any:
    """Reads strict JSON.

    Raises:
        OSError: No such file.
        ValueError: Not JSON, nested without end, or a number that JSON does not have.
    """
    try:
        return json.loads(path.read_text("utf-8"), parse_constant=_refuse_constant, parse_float=_finite)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def read_npz(path: Path) -> dict[str, np.ndarray[Any, Any]]:
    """Reads every array of an .npz file, none of them of objects.

    Raises:
        OSError: No such file.
        ValueError: Not an .npz, damaged, or it holds objects.
    """
    import zlib

    import numpy as np

    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (zipfile.BadZipFile, zlib.error, EOFError, KeyError, AttributeError, NotImplementedError) as error:
        raise ValueError(f"not an .npz file: {error}") from None


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def make_parent(path: Path) -> None:
    """Makes the folder of `path` when only that one is missing.

    Nothing above it is made: an experiment that was moved while a run works must not come back half (X06).

    Raises:
        ResourceError: The folder above is gone too.
    """
    try:
        path.parent.mkdir(exist_ok=True)
    except FileNotFoundError:
        raise ResourceError(
            "the experiment folder is gone",
            f"{path.parent.parent} does not exist any more, so {path.name} cannot be written",
            "move it back and give the command again",
        ) from None


def sweep(root: Path) -> tuple[Path, ...]:
    """Removes the temporary files that a killed process left in an experiment; call it with the lock held."""
    removed = []
    for folder, below, files in os.walk(root):
        if len(Path(folder).relative_to(root).parts) >= SWEEP_DEPTH:
            below.clear()
        for name in files:
            if name.startswith(TEMPORARY_PREFIX):
                (Path(folder) / name).unlink(missing_ok=True)
                removed.append(Path(folder) / name)
    return tuple(removed)


def sync_folder(folder: Path) -> None:
    """Makes renames in a folder durable, where the file system can."""
    handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # some file systems cannot sync a folder
            raise
    finally:
        os.close(handle)


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is too large a number")
    return value
