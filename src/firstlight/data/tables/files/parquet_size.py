"""What a Parquet file unpacks to, told from the heads of its pages before one of them is unpacked.

The head of a page says how many values and bytes come out of it, and that is what a reader unpacks at most. Neither
polars nor the foot of the file tells it: a page of a gigabyte packs to a hundred kilobytes, and a page of a billion
equal values to a few bytes.

The structures are Thrift's compact protocol; numbers of fields are those of apache/parquet-format, parquet.thrift.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

MAGIC = b"PAR1"
HEAD_BYTES = 2**14  # read at first for the head of a page; its statistics may make it longer
# Types of Thrift's compact protocol.
TRUE, FALSE, BYTE, DOUBLE, BINARY, LIST, SET, MAP, STRUCT = 1, 2, 3, 7, 8, 9, 10, 11, 12
INTEGERS = (4, 5, 6)  # of 16, 32 and 64 bits
# Fields: of the file, a row group, a column chunk, its description, a page, and what each kind of page holds.
ROW_GROUPS, COLUMNS, DESCRIPTION = 4, 1, 3
PACKED_BYTES, DATA_AT, DICTIONARY_AT = 7, 9, 11
UNPACKED, PACKED, HOLDS, VALUES = 2, 3, (5, 7, 8), 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Unpacked:
    """What comes out of the pages of a file."""

    num_bytes: int
    values: int


def unpacked_size(path: Path) -> Unpacked:
    """Adds up what the heads of all pages tell.

    Raises:
        OSError: The file cannot be read.
        ValueError: A structure is damaged, or a page has no end.
    """
    num_bytes = values = 0
    with path.open("rb") as file:
        for chunk in _chunks(_foot(file)):
            for page in _pages(file, chunk):
                num_bytes += _whole(page, UNPACKED)
                values += sum(
                    _whole(page[kind], VALUES) for kind in HOLDS if isinstance(page.get(kind), dict)
                )
    return Unpacked(num_bytes=num_bytes, values=values)


def _foot(file: IO[bytes]) -> dict[int, Any]:
    end = file.seek(0, 2)
    file.seek(max(0, end - 8))
    tail = file.read(8)
    length = int.from_bytes(tail[:4], "little")
    if len(tail) < 8 or tail[4:] != MAGIC or length > end - 8:
        raise ValueError("its foot is cut")
    file.seek(end - 8 - length)
    return _structure(file.read(length))[0]


def _chunks(foot: dict[int, Any]) -> Iterator[dict[int, Any]]:
    """The description of every column in every row group."""
    for group in _items(foot, ROW_GROUPS):
        for column in _items(group, COLUMNS):
            if not isinstance(column.get(DESCRIPTION), dict):
                raise ValueError("a column has no description")
            yield column[DESCRIPTION]


def _pages(file: IO[bytes], chunk: dict[int, Any]) -> Iterator[dict[int, Any]]:
    """The heads of the pages of a column in a row group."""
    at = _whole(chunk, DATA_AT)
    at = min(at, chunk.get(DICTIONARY_AT) or at)
    end = at + _whole(chunk, PACKED_BYTES)
    while at < end:
        page, length = _head(file, at, end)
        packed = _whole(page, PACKED)
        yield page
        at += length + packed


def _head(file: IO[bytes], at: int, end: int) -> tuple[dict[int, Any], int]:
    wanted = HEAD_BYTES
    while True:
        file.seek(at)
        content = file.read(min(wanted, end - at))
        try:
            return _structure(content)
        except ValueError:
            if len(content) < wanted:
                raise
            wanted *= 16


def _items(structure: dict[int, Any], field: int) -> list[dict[int, Any]]:
    found = structure.get(field, [])
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise ValueError("a list of structures is none")
    return found


def _whole(structure: dict[int, Any], field: int) -> int:
    """A field that has to be there, and is never negative."""
    found = structure.get(field)
    if not isinstance(found, int) or found < 0:
        raise ValueError("a size is missing")
    return found


def _structure(content: bytes) -> tuple[dict[int, Any], int]:
    """A structure at the start of the bytes, and its length."""
    reader = _Reader(content)
    try:
        return reader.structure(), reader.at
    except (IndexError, struct.error, RecursionError):
        raise ValueError("a structure of it is damaged") from None


class _Reader:
    """Thrift's compact protocol, into fields by their number."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.at = 0

    def structure(self) -> dict[int, Any]:
        fields: dict[int, Any] = {}
        number = 0
        while head := self.byte():
            step, kind = head >> 4, head & 15
            number = number + step if step else self.zigzag()
            fields[number] = kind == TRUE if kind in (TRUE, FALSE) else self.value(kind)
        return fields

    def value(self, kind: int) -> Any:
        if kind in INTEGERS:
            return self.zigzag()
        if kind in (TRUE, FALSE, BYTE):
            return self.byte()
        if kind == DOUBLE:
            return struct.unpack("<d", self.take(8))[0]
        if kind == BINARY:
            return self.take(self.varint())
        if kind in (LIST, SET):
            return self.items()
        if kind == MAP:
            return self.pairs()
        if kind == STRUCT:
            return self.structure()
        raise ValueError(f"it has a value of the unknown type {kind}")

    def items(self) -> list[Any]:
        head = self.byte()
        length = head >> 4 if head >> 4 < 15 else self.varint()
        return [self.value(head & 15) for _ in range(length)]

    def pairs(self) -> list[Any]:
        length = self.varint()
        kinds = self.byte() if length else 0
        return [(self.value(kinds >> 4), self.value(kinds & 15)) for _ in range(length)]

    def zigzag(self) -> int:
        number = self.varint()
        return number >> 1 ^ -(number & 1)

    def varint(self) -> int:
        number = shift = 0
        while True:
            part = self.byte()
            number |= (part & 127) << shift
            if part < 128:
                return number
            shift += 7

    def byte(self) -> int:
        self.at += 1
        return self.content[self.at - 1]

    def take(self, length: int) -> bytes:
        if length > len(self.content) - self.at:
            raise ValueError("a text of it is cut")
        self.at += length
        return self.content[self.at - length : self.at]
