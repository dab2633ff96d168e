"""How much a packed file may unpack to: a small file must not fill the memory."""

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


def check_unpacked(unpacked: int, packed: int, path: Path) -> None:
    """Refuses what unpacks beyond all measure.

    Raises:
        DataError: More than ALWAYS_BYTES, and more than MOST_TIMES the packed size.
    """
    if unpacked > ALWAYS_BYTES and unpacked > MOST_TIMES * packed:
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


def check_arrays(path: Path) -> None:
    """Looks at what the members of an .npz declare, before one of them is unpacked.

    Raises:
        DataError: They unpack beyond all measure.
        ResourceError: They do not fit the memory.
        ValueError: A member declares more values than it holds, or is no array of plain values.
    """
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        unpacked = sum(member.file_size for member in members)
        check_unpacked(unpacked, path.stat().st_size, path)
        check_fits(unpacked, path, "save fewer rows, or smaller images")
        for member in members:
            with archive.open(member) as file:
                if _declared(file) > member.file_size:
                    raise ValueError(f"{member.filename} declares more values than it holds")


def _declared(file: IO[bytes]) -> int:
    """Bytes that an array declares to have; values of no bytes count as one, as there may be any number of them."""
    from numpy.lib import format as npy

    version = npy.read_magic(file)
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, _, kind = read(file)
    return prod(shape) * max(kind.itemsize, 1)
