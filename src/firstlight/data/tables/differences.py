"""What differs between a table to be predicted and the table that was trained on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from firstlight.data.tables import values
from firstlight.data.tables.encoder import UNKNOWN, Encoder, Number, coded, lacking
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
    wanted: str = ""  # what they are none of: "number", "number with a decimal comma", "date"


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
            f"{self._rows(m)} no {m.wanted} in {visible(m.column)}, taken as missing" for m in self.misfits
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
    missing = lacking(frame, encoder.columns)
    absent = frozenset(missing)
    numbers = {number.column: number for number in encoder.numbers if number.column not in absent}
    misfits = [_misfit(frame[name], number) for name, number in numbers.items()]
    unknown = [
        _examples(frame[category.column], coded(frame[category.column], category) == UNKNOWN)
        for category in encoder.categories
        if category.column not in absent
    ]
    return Differences(
        rows=len(frame),
        missing=tuple(missing),
        extra=tuple(name for name in frame.columns if name not in known),
        misfits=tuple(misfit for misfit in misfits if misfit is not None),
        unknown=tuple(misfit for misfit in unknown if misfit is not None),
        empty=tuple(name for name in encoder.columns if name in frame.columns and not frame[name].count()),
    )


def _misfit(series: pl.Series, number: Number) -> Misfit | None:
    """The values that `number`, or another piece of the same date, cannot read."""
    text = values.as_text(series, missing=values.SPELLINGS)
    if number.piece == "value":
        found, what = values.as_numbers(series, number.mark), "number"
    else:
        found, what = values.as_dates(series, number.date_format), "date"
    bad = text.is_not_null().to_numpy() & np.isnan(found)
    if bad.any() and what == "number":
        what = values.no_number(text.filter(bad), number.mark)
    return _examples(series, bad, what)


def _examples(series: pl.Series, bad: NDArray[np.bool_], wanted: str = "") -> Misfit | None:
    rows = np.flatnonzero(bad)
    if not len(rows):
        return None
    shown = series.gather(rows).unique(maintain_order=True).head(EXAMPLES).to_list()
    examples = tuple(str(value)[:40] for value in shown)
    return Misfit(column=series.name, rows=len(rows), examples=examples, wanted=wanted)
