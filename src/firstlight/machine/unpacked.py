"""How much a packed file may unpack to: a small file must not fill the memory.

What a member of an archive declares is what Python and torch unpack at most, so it is counted before anything is.
"""

from __future__ import annotations

import zipfile
from math import prod
from pathlib import Path
from typing import IO

from firstlight.errors import DataError, ResourceError
from firstlight.machine.memory import free_memory
from firstlight.text import size, visible

# What packs better than this is no data: text and tables pack to a twentieth, deflate ends at a thousandth (judgement).
MOST_TIMES = 100
ALWAYS_BYTES = 2**28  # bytes that any packed file may unpack to, however well it packs
MEMORY_SHARE = 0.5  # of the free memory, for a table or arrays that are read whole (judgement)


def unpacks_beyond_measure(unpacked: int, packed: int) -> bool:
    """Whether it is more than ALWAYS_BYTES, and more than MOST_TIMES the packed size."""
    return unpacked > ALWAYS_BYTES and unpacked > MOST_TIMES * packed


def check_unpacked(unpacked: int, packed: int, path: Path) -> None:
    """Refuses data that unpacks beyond all measure.

    Raises:
        DataError: It does.
    """
    if unpacks_beyond_measure(unpacked, packed):
        raise DataError(
            "the file unpacks beyond all measure",
            visible(f"{path}: {size(packed)} unpack to {size(unpacked)} or more"),
            f"if it is what you want, unpack it yourself; packed files may hold {size(ALWAYS_BYTES)}, "
            f"or {MOST_TIMES} times their own size",
        )


def check_fits(needed: int, path: Path, remedy: str) -> None:
    """Refuses what would not fit the memory.

    Raises:
        ResourceError: More than MEMORY_SHARE of what is free.
    """
    free = free_memory()
    if needed > MEMORY_SHARE * free:
        where = visible(f"{path}: about {size(needed)} are needed, {size(free)} are free")
        raise ResourceError("the data does not fit the memory", where, remedy)


def check_archive(file: IO[bytes], path: Path) -> None:
    """Looks at what the members of a zip declare (an .npz, a checkpoint), before one of them is unpacked.

    Args:
        file: The archive; it is read from its end and left there.
        path: How it is called in messages.

    Raises:
        ResourceError: They do not fit the memory.
        ValueError: They unpack beyond all measure.
        zipfile.BadZipFile: It is no zip.
    """
    with zipfile.ZipFile(file) as archive:
        unpacked = sum(member.file_size for member in archive.infolist())
    packed = file.seek(0, 2)
    if unpacks_beyond_measure(unpacked, packed):
        raise ValueError(f"{size(packed)} unpack to {size(unpacked)}, which is beyond all measure")
    check_fits(unpacked, path, "free memory, or save fewer and smaller arrays")


def check_arrays(file: IO[bytes], path: Path) -> None:
    """The same for an .npz, with what its arrays declare.

    Raises:
        ResourceError: They do not fit the memory.
        ValueError: They unpack beyond all measure, or an array declares more values than it holds.
        zipfile.BadZipFile: It is no zip.
    """
    check_archive(file, path)
    with zipfile.ZipFile(file) as archive:
        for member in archive.infolist():
            with archive.open(member) as inside:
                if member.filename.endswith(".npy") and _declared(inside) > member.file_size:
                    raise ValueError(f"{member.filename} declares more values than it holds")


def _declared(file: IO[bytes]) -> int:
    """Bytes that an array declares to have; values of no bytes count as one, as there may be any number of them."""
    from numpy.lib import format as npy

    version = npy.read_magic(file)
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, _, kind = read(file)
    return prod(shape) * max(kind.itemsize, 1)
