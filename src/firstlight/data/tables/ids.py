"""What the rows of a new table are called in its predictions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from firstlight.text import visible

if TYPE_CHECKING:
    from firstlight.data.tables.reading import ReadTable


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """The id of every row, and a sentence about them where a column was looked at."""

    ids: list[str]
    notes: tuple[str, ...]


def name_rows(table: ReadTable, columns: Sequence[str]) -> Names:
    """The values of the first of the columns that names every row; else their numbers, `row-1`.

    Args:
        table: New rows.
        columns: Those that named the rows in training, by what they hold; not a group, a time or a weight.
    """
    there = [name for name in columns if name in table.frame.columns]
    for name in there:
        series = table.frame[name]
        if not series.null_count() and series.n_unique() == len(series):
            ids = [str(value) for value in series.to_list()]
            return Names(ids=ids, notes=(f"rows are named by the column {visible(name)}",))
    notes = tuple(f"the column {visible(name)} does not name every row: they are numbered" for name in there)
    return Names(ids=list(table.places.ids()), notes=notes)


def unread(table: ReadTable) -> list[str]:
    """The lines that were left out, each with its reason."""
    return [f"{skipped.id} ({skipped.reason})" for skipped in table.left_out]
