"""A CSV or TSV text as a frame of strings: delimiter, header, lines that do not fit."""

from __future__ import annotations

from dataclasses import dataclass
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
    left_out: tuple[Skipped, ...]
    notes: tuple[str, ...]


def read_delimited(
    text: bytes, where: str, *, preferred: str | None = None, names: tuple[str, ...] | None = None
) -> Delimited:
    """Reads UTF-8 text.

    Args:
        text: The whole file.
        where: The file's name, for messages.
        preferred: The delimiter that the name promises.
        names: Those of another file of the same table; a first row that is not these is data.

    Raises:
        DataError: No rows, the same name twice, or too many lines that do not fit.
    """
    text = _without_hint(text)
    dialect = find_dialect(text, preferred=preferred)
    cells = _without_blank(cut(text, dialect))
    if not len(cells.frame):
        raise DataError("the table has no rows", visible(where), "add rows, or name another file")
    notes: list[str] = []
    named = _ragged_header(cells, dialect, where)
    if named is not None:
        cells = _take(cells, np.arange(len(cells.counts)) > 0)
    cells, left_out = _whole_rows(cells, dialect.width, where)
    frame = cells.frame.drop(EXTRA)
    found = named is not None
    if named is None:
        found, named = _header(frame, where, names)
        frame = frame.slice(int(found))
    frame = _without_repeats(
        frame.rename(dict(zip(frame.columns, named, strict=True))), named, notes, found=found
    )
    if not len(frame):
        raise DataError(
            "the table has a header and no rows", visible(where), "add rows, or name another file"
        )
    frame = _without_empty_end(frame, notes)
    return Delimited(
        frame=frame,
        delimiter=dialect.delimiter,
        header=found,
        left_out=left_out,
        notes=tuple(notes),
    )


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


def _whole_rows(cells: Cells, width: int, where: str) -> tuple[Cells, tuple[Skipped, ...]]:
    """The rows with as many values as the table has columns; a delimiter too many at the end does no harm."""
    extra = cells.frame.get_column(EXTRA).is_null().to_numpy()
    fits = (cells.counts == width) | ((cells.counts == width + 1) & extra)
    bad = np.flatnonzero(~fits)
    if len(bad) > max(1, MAX_BAD_FRACTION * len(fits)) or len(bad) == len(fits):
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


def _without_repeats(
    frame: pl.DataFrame, names: tuple[str, ...], notes: list[str], *, found: bool
) -> pl.DataFrame:
    """Without copies of the header between the rows, as joined files have them."""
    import polars as pl

    if not found:
        return frame
    kept = frame.filter(~pl.all_horizontal(pl.col(name).eq_missing(pl.lit(name)) for name in names))
    if len(kept) < len(frame):
        notes.append(f"the header was repeated {count(len(frame) - len(kept), 'time')} between the rows")
    return kept


def _without_empty_end(frame: pl.DataFrame, notes: list[str]) -> pl.DataFrame:
    """Without empty columns at the end that have no name: delimiters too many."""
    last = frame.width
    while last > 1 and frame.columns[last - 1] == f"column_{last}" and not frame.to_series(last - 1).count():
        last -= 1
    if last < frame.width:
        notes.append(f"{count(frame.width - last, 'empty column')} without a name at the end left out")
    return frame.select(frame.columns[:last])
