"""A CSV or TSV text as a frame of strings: delimiter, header, lines that do not fit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from firstlight.data.examples import Skipped
from firstlight.data.tables import values
from firstlight.data.tables.files import header
from firstlight.data.tables.files.cells import EXTRA, Cells, cut
from firstlight.data.tables.files.dialect import Dialect, find_dialect
from firstlight.errors import DataError
from firstlight.text import count, percent, visible

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

MAX_BAD_FRACTION = 0.01  # of the rows; one row may always be left out (the common rule for bad input)
LINES_SHOWN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Delimited:
    """What was found in the text."""

    frame: pl.DataFrame  # String; values stripped, absent ones null
    delimiter: str | None
    header: bool
    numbers: NDArray[np.int64]  # (rows,): from 1 below the header, those left out counted
    left_out: tuple[Skipped, ...]
    notes: tuple[str, ...]


def read_delimited(
    text: bytes,
    where: str,
    *,
    preferred: str | None = None,
    names: tuple[str, ...] | None = None,
    allowed: float = MAX_BAD_FRACTION,
) -> Delimited:
    """Reads UTF-8 text.

    Args:
        text: The whole file.
        where: The file's name, for messages.
        preferred: The delimiter that the name promises.
        names: Those of another file of the same table; a first row that is not these is data.
        allowed: Share of the lines that need not fit; one line need never.

    Raises:
        DataError: No rows, the same name twice, or too many lines that do not fit.
    """
    text = _without_hint(text)
    dialect = find_dialect(text, preferred=preferred)
    records = cut(text, dialect)
    cells = _without_blank(records)
    if not len(cells.frame):
        raise DataError("the table has no rows", visible(where), "add rows, or name another file")
    notes: list[str] = []
    table = _named(cells, dialect, where, names, allowed)
    rows = _without_repeats(table, notes)
    if not len(rows.frame):
        raise DataError(
            "the table has a header and no rows", visible(where), "add rows, or name another file"
        )
    frame = _without_empty_end(rows.frame, notes)
    return Delimited(
        frame=frame,
        delimiter=dialect.delimiter,
        header=table.header > 0,
        numbers=_numbers(records, cells, rows.lines, table.header),
        left_out=table.left_out,
        notes=tuple(notes),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Named:
    """The rows that fit, with the names of their columns."""

    cells: Cells  # its frame without EXTRA
    header: int  # the line of the header; 0 = there is none
    left_out: tuple[Skipped, ...]


def _named(
    cells: Cells, dialect: Dialect, where: str, names: tuple[str, ...] | None, allowed: float
) -> _Named:
    ragged = _ragged_header(cells, dialect, where)
    line = int(cells.lines[0]) if ragged is not None else 0
    if ragged is not None:
        cells = _below_first(cells)
    cells, left_out = _whole_rows(cells, dialect.width, where, allowed)
    frame = cells.frame.drop(EXTRA)
    found, named = (True, ragged) if ragged is not None else _header(frame, where, names)
    frame = frame.rename(dict(zip(frame.columns, named, strict=True)))
    cells = replace(cells, frame=frame)
    if found and not line:
        line, cells = int(cells.lines[0]), _below_first(cells)
    return _Named(cells=cells, header=line, left_out=left_out)


def _numbers(records: Cells, filled: Cells, lines: NDArray[np.int64], header: int) -> NDArray[np.int64]:
    """(lines,): the records from the header to each of these lines; blank lines are none, `,,,` is one.

    Args:
        records: All of the file.
        filled: Those that hold a value.
        lines: In which the rows begin.
        header: Its line, or 0.
    """
    counted = np.union1d(filled.lines, records.lines[records.counts > 1])
    before = np.searchsorted(counted, np.array([header]), side="right")
    return np.asarray(np.searchsorted(counted, lines, side="right") - before, np.int64)


def _without_hint(text: bytes) -> bytes:
    """With a blank line in place of `sep=;`, which is meant for Excel."""
    first, end, rest = text.partition(b"\n")
    return end + rest if first.strip(b"\r ").lower() in (b"sep=;", b"sep=,", b"sep=|", b"sep=\t") else text


def _without_blank(cells: Cells) -> Cells:
    """Strips every value; records in which no value is left are no rows, wherever they stand."""
    import polars as pl

    from firstlight.data.tables.values import BLANKS

    stripped = pl.all().str.strip_chars(BLANKS)
    frame = cells.frame.select(pl.when(stripped != "").then(stripped))
    filled = frame.select(pl.any_horizontal(pl.all().is_not_null())).to_series().to_numpy()
    return _take(Cells(frame=frame, counts=cells.counts, lines=cells.lines), filled)


def _below_first(cells: Cells) -> Cells:
    return _take(cells, np.arange(len(cells.counts)) > 0)


def _take(cells: Cells, keep: NDArray[np.bool_]) -> Cells:
    import polars as pl

    if keep.all():
        return cells
    return Cells(
        frame=cells.frame.filter(pl.Series(keep)), counts=cells.counts[keep], lines=cells.lines[keep]
    )


def _ragged_header(cells: Cells, dialect: Dialect, where: str) -> tuple[str, ...] | None:
    """The names in a first row that has one name less or more than the rows have values; None when it has as many.

    R leaves out the name of its row numbers; other programs end a header, or every other line, with a delimiter.
    """
    width, first, cell = dialect.width, int(cells.counts[0]), cells.frame.row(0)
    below = cells.frame.slice(1).drop(EXTRA)
    if first == width or not len(below) or any(values.are_numbers(cell)):
        return None
    if first > width + 1 or (first > width and cell[-1] is not None):
        place = (
            f"{where}: {count(first, 'name')} in line {cells.lines[0]:,}, {count(width, 'value')} in the rows"
        )
        raise DataError("the header and the rows do not fit", visible(place), "correct the header")
    if first > width:
        return header.names_of(cell[:width], where)
    if first < width - 1 or header.has_header(below):
        return None  # a title above the header
    empty_end = not below.to_series(width - 1).count()
    return header.names_of((*cell[:first], None) if empty_end else ("row", *cell[:first]), where)


def _whole_rows(cells: Cells, width: int, where: str, allowed: float) -> tuple[Cells, tuple[Skipped, ...]]:
    """The rows with as many values as the table has columns; a delimiter too many at the end does no harm."""
    extra = cells.frame.get_column(EXTRA).is_null().to_numpy()
    fits = (cells.counts == width) | ((cells.counts == width + 1) & extra)
    bad = np.flatnonzero(~fits)
    if len(bad) > max(1, allowed * len(fits)) or len(bad) == len(fits):
        lines = ", ".join(f"{line:,}" for line in cells.lines[bad[:LINES_SHOWN]])
        raise DataError(
            "too many lines do not fit the table",
            f"{visible(where)}: {count(len(bad), 'line')} ({percent(len(bad) / len(fits))}) with more or fewer "
            f"than {count(width, 'value')}: line {lines}",
            "correct these lines; a value that holds the delimiter must stand in quotes",
        )
    left_out = tuple(
        Skipped(
            id=f"line {cells.lines[row]}",
            reason=f"{count(int(cells.counts[row]), 'value')} instead of {width}",
        )
        for row in bad
    )
    return _take(cells, fits), left_out


def _header(frame: pl.DataFrame, where: str, names: tuple[str, ...] | None) -> tuple[bool, tuple[str, ...]]:
    """Whether the first row is a header, and the names."""
    first = frame.row(0)
    if names is not None and len(names) <= frame.width:
        pad = tuple(f"column_{number}" for number in range(len(names) + 1, frame.width + 1))
        return first[: len(names)] == names, names + pad
    if header.has_header(frame):
        return True, header.names_of(first, where)
    if len(frame) == 1 and not any(values.are_numbers(first)):
        return True, header.names_of(first, where)  # one line of words is a header without rows
    return False, tuple(f"column_{number}" for number in range(1, frame.width + 1))


def _without_repeats(table: _Named, notes: list[str]) -> Cells:
    """Without copies of the header between the rows, as joined files have them."""
    import polars as pl

    cells = table.cells
    if not table.header:
        return cells
    same = (pl.col(name).eq_missing(pl.lit(name)) for name in cells.frame.columns)
    repeated = cells.frame.select(pl.all_horizontal(same)).to_series().to_numpy()
    if repeated.any():
        notes.append(f"the header was repeated {count(int(repeated.sum()), 'time')} between the rows")
    return _take(cells, ~repeated)


def _without_empty_end(frame: pl.DataFrame, notes: list[str]) -> pl.DataFrame:
    """Without empty columns at the end that have no name: delimiters too many."""
    last = frame.width
    while last > 1 and frame.columns[last - 1] == f"column_{last}" and not frame.to_series(last - 1).count():
        last -= 1
    if last < frame.width:
        notes.append(f"{count(frame.width - last, 'empty column')} without a name at the end left out")
    return frame.select(frame.columns[:last])
