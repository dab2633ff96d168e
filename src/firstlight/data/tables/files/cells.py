"""A delimited text cut into cells, every line accounted for.

Quotes decide how. Where all of them stand around whole values, as in nearly every file, polars does the work and
the values of every line are counted beside it: polars neither tells short lines from empty values nor accepts a
quote in the middle. Any other file goes through Python's csv module, which is slower and takes everything.
"""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from firstlight.data.tables.files.dialect import Dialect, long_fields

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

BLOCK = 2**26  # bytes whose delimiters are counted at a time
CHUNK = 50_000  # rows that are Python lists at a time
EXTRA = "beyond"  # a column for the first value too many


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """One row for every record of the file, whole or not."""

    frame: pl.DataFrame  # String; columns named 0, 1, ... and EXTRA; absent values are null or empty
    counts: NDArray[np.int32]  # (rows,): values that the record has
    lines: NDArray[np.int64]  # (rows,): the line that it begins in, from 1


def cut(text: bytes, dialect: Dialect) -> Cells:
    """Cuts UTF-8 text into records and values, with quotes taken as the file means them."""
    bare = _without_quoted(text, dialect.delimiter) if b'"' in text else text
    if b'"' not in bare:
        found = _by_polars(text, bare, dialect)
        if found is not None:
            return found
    quoted, plain = _by_csv(text, dialect, csv.QUOTE_MINIMAL), _by_csv(text, dialect, csv.QUOTE_NONE)

    def whole(cells: Cells) -> int:
        return int((cells.counts == dialect.width).sum())

    return quoted if whole(quoted) >= whole(plain) else plain


def _without_quoted(text: bytes, delimiter: str | None) -> bytes:
    """The text without its quoted values; a quote is left where quotes do not stand around a whole value."""
    mark = re.escape((delimiter or "\n").encode())
    return re.sub(rb'(?<![^%b\n\r"])"[^"]*"(?=[%b\n\r"]|\Z)' % (mark, mark), b"", text)


def _by_polars(text: bytes, bare: bytes, dialect: Dialect) -> Cells | None:
    """None when polars and the count of lines do not agree."""
    import polars as pl

    separator = dialect.delimiter or _absent(text)
    if separator is None:
        return None
    names = [*(str(column) for column in range(dialect.width)), EXTRA]
    counts = _values_in_lines(bare, separator)
    try:
        frame = pl.read_csv(
            separator.join(names).encode() + b"\n" + text,
            separator=separator,
            infer_schema=False,  # the types of a column are decided later, by all of its rows
            truncate_ragged_lines=True,
        )
    except pl.exceptions.PolarsError:
        return None
    if len(frame) != len(counts):
        return None
    lines = np.arange(1, len(counts) + 1, dtype=np.int64)
    if len(bare) < len(text):
        inside = frame.select(pl.sum_horizontal(pl.all().str.count_matches("\n", literal=True).fill_null(0)))
        lines[1:] += np.cumsum(inside.to_series().to_numpy(), dtype=np.int64)[:-1]
    return Cells(frame=frame, counts=counts, lines=lines)


def _absent(text: bytes) -> str | None:
    """A character for polars to look for in a file of one column."""
    return next((chr(byte) for byte in (0x1F, 0x1E, 0x1D, 0x1C, 0x01) if byte not in text), None)


def _values_in_lines(bare: bytes, separator: str) -> NDArray[np.int32]:
    """(lines,): one more than the separators of each line."""
    if not bare.endswith(b"\n"):
        bare += b"\n"
    every = np.frombuffer(bare, np.uint8)
    counts: list[NDArray[np.int32]] = []
    start = 0
    while start < len(every):
        stop = bare.find(b"\n", min(start + BLOCK, len(bare)) - 1) + 1
        block = every[start:stop]
        ends = np.flatnonzero(block == ord("\n"))
        before = np.searchsorted(np.flatnonzero(block == ord(separator)), ends)
        counts.append(np.diff(before, prepend=0).astype(np.int32) + 1)
        start = stop
    return np.concatenate(counts)


def _by_csv(text: bytes, dialect: Dialect, quoting: Literal[0, 3]) -> Cells:
    import polars as pl

    width = dialect.width
    schema = {**{str(column): pl.String for column in range(width)}, EXTRA: pl.String}
    chunks, rows = [pl.DataFrame(schema=schema)], []
    counts, lines = [], []
    stream = io.TextIOWrapper(io.BytesIO(text), encoding="utf-8", newline="")
    reader = csv.reader(stream, delimiter=dialect.delimiter or "\x1f", quoting=quoting, skipinitialspace=True)
    begins = 1
    with long_fields():
        for row in reader:
            counts.append(max(len(row), 1))
            lines.append(begins)
            begins = reader.line_num + 1
            rows.append(tuple((row + [""] * (width + 1))[: width + 1]))
            if len(rows) == CHUNK:
                chunks.append(pl.DataFrame(rows, schema=schema, orient="row"))
                rows = []
    chunks.append(pl.DataFrame(rows, schema=schema, orient="row"))
    frame = pl.concat(chunks)
    if quoting == csv.QUOTE_NONE:
        frame = frame.with_columns(pl.all().str.strip_chars().str.replace(r'^"(.*)"$', "$1"))
    return Cells(frame=frame, counts=np.array(counts, np.int32), lines=np.array(lines, np.int64))
