"""The bytes of a text file as UTF-8: encoding, gzip, NUL bytes, line ends, and lines without an end.

The whole file is looked at. A line that is not UTF-8 is read as Windows-1252 (every byte has a character there)
and told, so that a file of mixed encodings keeps its good lines.
"""

from __future__ import annotations

import codecs
import gzip
import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from firstlight.data.encodings import MARKS, OLDER, UNMARKED, older, utf16_without_mark
from firstlight.errors import DataError, ResourceError
from firstlight.machine.memory import free_memory
from firstlight.machine.unpacked import check_unpacked
from firstlight.text import count, percent, size, visible

BLOCK = 2**22  # bytes read at a time
# A longer line is no row of a table (judgement), and one of 1 GB would fill the memory.
LONGEST_LINE = 2**27  # bytes
MEMORY_TIMES = 6  # free memory wanted for a byte of text; measured 5.6 on 30 columns of numbers
NUL_SHARE = 0.01  # of the lines; above it the file is not text
SHOWN = 60  # characters of a line in a message
GZIP = b"\x1f\x8b"


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    r"""A text file; lines end in `\n`, or in `\r\n`."""

    utf8: bytes  # without mark and NUL bytes
    encoding: str  # as it was
    compressed: bool
    notes: tuple[str, ...]


def read_content(path: Path) -> Content:
    """Reads a text file.

    Raises:
        DataError: The file is empty, is not text, has a line beyond all measure, unpacks to one, or its gzip or UTF-16
            is cut.
        ResourceError: The text would not fit the memory.
    """
    with path.open("rb") as file:
        compressed = file.read(2) == GZIP
    raw = _read(path, compressed)
    if not raw.strip(b"\0 \t\r\n\xef\xbb\xbf\xff\xfe"):
        raise DataError(
            "the file is empty", f"{visible(str(path))}: {count(len(raw), 'byte')}", "name another file"
        )
    notes: list[str] = []
    decoded, encoding = _decode(raw, path, notes)
    decoded = _without_nuls(decoded, path, notes)
    if b"\r" in decoded and b"\n" not in decoded:  # line ends of the Macintosh before 2001
        decoded = decoded.replace(b"\r", b"\n")
    return Content(utf8=decoded, encoding=encoding, compressed=compressed, notes=tuple(notes))


def _read(path: Path, compressed: bool) -> bytes:
    kept, line, number = io.BytesIO(), 0, 1
    for block in _blocks(path, compressed):
        end = block.rfind(b"\n")
        line = line + len(block) if end < 0 else len(block) - end - 1
        number += block.count(b"\n")
        if line > LONGEST_LINE:
            where = f"{visible(str(path))}: line {number:,} is longer than {size(LONGEST_LINE)}"
            raise DataError("a line has no end", where, "write one row a line, or name another file")
        kept.write(block)
    return kept.getvalue()


def _blocks(path: Path, compressed: bool) -> Iterator[bytes]:
    allowed, packed = free_memory() // MEMORY_TIMES, path.stat().st_size
    read = 0
    try:
        with gzip.open(path) if compressed else path.open("rb") as file:
            while block := file.read(BLOCK):
                read += len(block)
                if compressed:
                    check_unpacked(read, packed, path)
                if read > allowed:
                    where = f"{visible(str(path))}: more than {size(read)} of text"
                    raise ResourceError(
                        "the table does not fit the memory", where, "save it as Parquet, or take fewer rows"
                    )
                yield block
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(
            "the gzip file is damaged", visible(f"{path}: {error}"), "compress it again"
        ) from None


def _decode(raw: bytes, path: Path, notes: list[str]) -> tuple[bytes, str]:
    """The bytes as UTF-8 without mark, and the name of the encoding that they had."""
    for mark, codec, name in MARKS:
        if raw.startswith(mark):
            body = raw[len(mark) :]
            return (
                _lines_as_utf8(body, notes)[0] if codec == "utf-8" else _converted(body, codec, path)
            ), name
    unmarked = utf16_without_mark(raw[:BLOCK])
    if unmarked:
        return _converted(raw, unmarked, path), UNMARKED[unmarked]
    return _lines_as_utf8(raw, notes)


def _converted(raw: bytes, codec: str, path: Path) -> bytes:
    try:
        return raw.decode(codec).encode("utf-8")
    except UnicodeError as error:
        where = visible(f"{path}: {codec}, {getattr(error, 'reason', error)}")
        raise DataError("the text cannot be decoded", where, "save it as UTF-8") from None


def _lines_as_utf8(raw: bytes, notes: list[str]) -> tuple[bytes, str]:
    if _is_utf8(raw):
        return raw, "UTF-8"
    lines = raw.split(b"\n")
    foreign = {number: text for number, line in enumerate(lines) if (text := _foreign(line)) is not None}
    proper = sum(not line.isascii() for line in lines) - len(foreign)
    first, shown = next(iter(foreign.items()))
    notes.append(
        f"{count(len(foreign), 'line')} of {len(lines):,} not in UTF-8, read as {OLDER}, "
        f"such as line {first + 1:,}: {visible(shown[:SHOWN].strip())}"
    )
    for number, text in foreign.items():
        lines[number] = text.encode("utf-8")
    return b"\n".join(lines), f"UTF-8, mixed with {OLDER}" if proper else OLDER


def _is_utf8(raw: bytes) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    view = memoryview(raw)
    try:
        for start in range(0, len(raw), BLOCK):
            decoder.decode(view[start : start + BLOCK])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _foreign(line: bytes) -> str | None:
    """The line in the older encoding when it is not UTF-8."""
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return older(line)
    return None


def _without_nuls(text: bytes, path: Path, notes: list[str]) -> bytes:
    if b"\0" not in text:
        return text
    lines = text.split(b"\n")
    damaged = [number for number, line in enumerate(lines, start=1) if b"\0" in line]
    told = f"{count(len(damaged), 'line')} with NUL bytes, the first is line {damaged[0]:,}"
    if len(damaged) > max(1, NUL_SHARE * len(lines)):
        where = f"{visible(str(path))}: {told} ({percent(len(damaged) / len(lines))})"
        raise DataError("the file is not text", where, "name a CSV, TSV, JSON lines or Parquet file")
    notes.append(f"{told}; the NUL bytes were taken out")
    return text.replace(b"\0", b"")
