"""What differs between a table to be predicted and the table that was trained on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from firstlight.data.tables import values
from firstlight.data.tables.encoder import UNKNOWN, Encoder, coded
from firstlight.text import count, percent, visible

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

SHOWN = 10
EXAMPLES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Misfit:
    """Values of a column that are not what they were in training."""

    column: str
    rows: int
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Differences:
    """What differs; all empty when nothing does."""

    rows: int  # of the table
    missing: tuple[str, ...]  # columns that training had; nothing can be predicted without them
    extra: tuple[str, ...]  # columns that training did not have; not looked at
    misfits: tuple[Misfit, ...]  # numbers or dates that are none; predicted as missing
    unknown: tuple[Misfit, ...]  # categories not seen in training
    empty: tuple[str, ...]  # columns without any value

    def sentences(self) -> tuple[str, ...]:
        """One sentence for each kind of difference and column."""
        told = []
        if self.missing:
            told.append(f"columns missing: {named(self.missing)}")
        if self.extra:
            told.append(f"columns that training did not have, not used: {named(self.extra)}")
        if self.empty:
            told.append(f"columns without a value in any row: {named(self.empty)}")
        told += [
            f"{self._rows(m)} no number or date in {visible(m.column)}, taken as missing"
            for m in self.misfits
        ]
        told += [
            f"{self._rows(m)} a value in {visible(m.column)} that training did not have" for m in self.unknown
        ]
        return tuple(told)

    def _rows(self, misfit: Misfit) -> str:
        shown = ", ".join(visible(value) for value in misfit.examples)
        return f"{count(misfit.rows, 'row')} ({percent(misfit.rows / self.rows)}, such as {shown}) with"


def named(names: tuple[str, ...]) -> str:
    """The first of them, and how many more there are."""
    more = f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
    return ", ".join(visible(name) for name in names[:SHOWN]) + more


def check_columns(encoder: Encoder, frame: pl.DataFrame) -> Differences:
    """Compares a table's columns and values with those of training."""
    known = {*encoder.columns, *(name for name, _ in encoder.left_out)}
    formats = {
        number.column: number.date_format for number in encoder.numbers if number.column in frame.columns
    }
    dates = {number.column for number in encoder.numbers if number.piece != "value"}
    misfits = [
        _misfit(
            frame[name],
            values.as_dates(frame[name], form) if name in dates else values.as_numbers(frame[name]),
        )
        for name, form in formats.items()
    ]
    unknown = [
        _examples(frame[category.column], coded(frame[category.column], category) == UNKNOWN)
        for category in encoder.categories
        if category.column in frame.columns
    ]
    return Differences(
        rows=len(frame),
        missing=tuple(name for name in encoder.columns if name not in frame.columns),
        extra=tuple(name for name in frame.columns if name not in known),
        misfits=tuple(misfit for misfit in misfits if misfit is not None),
        unknown=tuple(misfit for misfit in unknown if misfit is not None),
        empty=tuple(name for name in encoder.columns if name in frame.columns and not frame[name].count()),
    )


def _misfit(series: pl.Series, found: NDArray[np.float64]) -> Misfit | None:
    written = values.as_text(series, missing=values.SPELLINGS).is_not_null().to_numpy()
    return _examples(series, written & np.isnan(found))


def _examples(series: pl.Series, bad: NDArray[np.bool_]) -> Misfit | None:
    rows = np.flatnonzero(bad)
    if not len(rows):
        return None
    shown = series.gather(rows).unique(maintain_order=True).head(EXAMPLES).to_list()
    return Misfit(column=series.name, rows=len(rows), examples=tuple(str(value)[:40] for value in shown))
