"""Decoded pixels on disk, so that a data set is decoded once.

An entry is a folder named by its key, with `pixels.npy` and an `index.json` that is written last and holds
the hash of the pixels. An entry that
does not fit its index is made again. The cache may be deleted at any time.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from firstlight.data.images.heads import SUFFIX as HEADS_SUFFIX
from firstlight.experiment import store

if TYPE_CHECKING:
    from numpy.typing import NDArray

FORMAT = 2
MEMORY_SHARE = 0.25  # of the available memory: a larger cache is memory-mapped
LARGEST_BYTES = 50 * 2**30  # all entries together; the ones unused for longest go first (judgement)
LEFT_SECONDS = 86_400  # a temporary file older than a day belongs to a process that was killed
HEADS_SECONDS = (
    30 * 86_400
)  # sizes and modes of files unused for so long are removed; they are small (judgement)
CHECKED_BYTES = 2**31  # pixels up to this size are hashed when they are read; larger ones by their size alone


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A cached data set: its pixels, and what else decoding found out."""

    pixels: NDArray[np.uint8]  # (rows, height, width, channels)
    index: dict[str, Any]


def cache_root(given: Path | None, fallback: Path) -> Path:
    """The first folder that can be written: as given, $FIRSTLIGHT_CACHE, the user's cache folder, `fallback`."""
    variable, user = os.environ.get("FIRSTLIGHT_CACHE"), os.environ.get("XDG_CACHE_HOME")
    wanted = [given, Path(variable) if variable else None, Path(user) / "firstlight" if user else None]
    with contextlib.suppress(RuntimeError):
        wanted.append(Path.home() / ".cache" / "firstlight")
    for folder in (w for w in wanted if w is not None):
        with contextlib.suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                return folder
    fallback.mkdir(parents=True, exist_ok=True)
    return fallback


def key(fingerprint: str, side: tuple[int, int], channels: int, decoder: str) -> str:
    """Name of the entry: another size, number of channels or decoder gives other pixels."""
    text = f"{FORMAT} {fingerprint} {side[0]}x{side[1]}x{channels} {decoder}"
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def read(root: Path, name: str) -> Entry | None:
    """The entry; None when there is none that is whole."""
    folder = root / name
    try:
        index = store.read_json(folder / "index.json")
        path = folder / "pixels.npy"
        size = path.stat().st_size
        if index["format"] != FORMAT or index["bytes"] != size:
            return None
        if size <= CHECKED_BYTES and store.sha256(path) != index["sha256"]:
            return None
        if index.pop("seal") != _seal(index):
            return None
        pixels = np.load(path, mmap_mode="r" if _too_large(size) else None, allow_pickle=False)
        os.utime(folder)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return Entry(pixels=pixels, index=index)


@contextlib.contextmanager
def writing(
    root: Path, name: str, shape: tuple[int, int, int, int]
) -> Iterator[tuple[NDArray[np.uint8], dict[str, Any]]]:
    """A new entry: fill the pixels and the index inside the block; it is there when the block ends, or not at all."""
    root.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=".writing-", dir=root))
    try:
        path = folder / "pixels.npy"
        if shape[0]:
            pixels: NDArray[np.uint8] = np.lib.format.open_memmap(
                path, mode="w+", dtype=np.uint8, shape=shape
            )
            _reserve(path)
        else:
            pixels = np.empty(shape, np.uint8)
            np.save(path, pixels, allow_pickle=False)
        index: dict[str, Any] = {}
        yield pixels, index
        if isinstance(pixels, np.memmap):
            pixels.flush()
        index |= {"format": FORMAT, "bytes": path.stat().st_size, "sha256": store.sha256(path)}
        index["seal"] = _seal(index)
        store.write_json(folder / "index.json", index)
        shutil.rmtree(root / name, ignore_errors=True)
        with contextlib.suppress(OSError):  # another process may have been quicker: its entry is as good
            folder.rename(root / name)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    prune(root, keep=name)


def shorten(pixels: NDArray[np.uint8], rows: int) -> None:
    """Cuts the rows that were not filled off a new entry, without copying it; only inside `writing`."""
    assert isinstance(pixels, np.memmap)
    with open(str(pixels.filename), "r+b") as file:
        header = {"descr": "|u1", "fortran_order": False, "shape": (rows, *pixels.shape[1:])}
        np.lib.format.write_array_header_1_0(file, header)
        assert file.tell() == pixels.offset  # NumPy leaves room for another number of rows
        file.truncate(pixels.offset + rows * pixels[:1].nbytes)


def prune(root: Path, keep: str, largest: int = LARGEST_BYTES) -> None:
    """Removes the entries unused for longest until the rest is small enough, and what a killed process left."""
    entries = []
    for path in root.iterdir():
        with contextlib.suppress(OSError):
            age = time.time() - path.stat().st_mtime
            left = path.name.startswith(".writing-") and age > LEFT_SECONDS
            if left or (path.name.endswith(HEADS_SUFFIX) and age > HEADS_SECONDS):
                _remove(path)
            elif (path / "index.json").is_file():
                size = sum(f.stat().st_size for f in path.iterdir())
                entries.append((path.name == keep, -age, size, path))
    total = sum(size for _, _, size, _ in entries)
    for kept, _, size, path in sorted(entries, key=lambda e: e[:2]):
        if total <= largest or kept:
            return
        _remove(path)
        total -= size


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _reserve(path: Path) -> None:
    """Takes the whole space now: a disk that fills up under a memory map kills the process, here it is an error."""
    with path.open("rb+") as file, contextlib.suppress(AttributeError):
        try:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP):  # some file systems cannot
                raise


def _seal(index: dict[str, Any]) -> str:
    """Hash of the index itself."""
    return hashlib.sha256(json.dumps(index, sort_keys=True).encode()).hexdigest()


def _too_large(size: int) -> bool:
    import psutil

    return bool(size > MEMORY_SHARE * psutil.virtual_memory().available)
