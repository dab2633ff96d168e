"""What a column of numbers is: quantities, yes and no, row numbers, or dates in eight digits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from firstlight.data.tables import values
from firstlight.data.tables.column import Column, Kind
from firstlight.data.tables.values import Mark
from firstlight.text import count, number, visible

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

    from firstlight.data.tables.places import Places

FEW = 10  # whole numbers; so few different ones may be codes (judgement)
LEAST_IDS = 20  # rows; with fewer, numbers may all differ by chance
ID_DENSITY = 10  # a counter with gaps: its range is at most so many times its rows (judgement)
EIGHT_DIGITS = (16_000_101, 22_001_231)  # dates between 1600 and 2200
ID_NAMES = ("id", "index", "key", "uuid", "guid")
SHOWN = 40  # characters of a value in a sentence


def judge(
    name: str, found: NDArray[np.float64], rows: int, spelt: tuple[str, ...] = (), stray: str = ""
) -> Column:
    """Judges the numbers of a column.

    Args:
        name: The column.
        found: (values,): those that are numbers, in the order of the rows; infinite ones count as missing.
        rows: Of the table.
        spelt: What means missing.
        stray: A sentence about values that are no numbers.
    """
    finite = found[np.isfinite(found)]
    missing = rows - len(finite)
    different = np.unique(finite)

    infinite = len(found) - len(finite)
    odd = [stray] if stray else []
    if infinite:
        odd.append(f"{count(infinite, 'infinite value')} taken as missing")

    def column(kind: Kind, reason: str) -> Column:
        return Column(
            name=name,
            kind=kind,
            reason="; ".join([reason, *odd]),
            missing=missing,
            distinct=len(different),
            missing_as=spelt,
            taken_as_missing="; ".join(odd),
        )

    if len(different) <= 1:
        return column(*_hardly_any(different, missing))
    whole = bool((different == np.rint(different)).all())
    if whole and different.tolist() == [0, 1]:
        return column("boolean", "0 and 1")
    counter = _counter(name, finite, different) if whole and not missing else None
    if counter:
        return column("id", counter)
    return column("number", _span(different, whole=whole))


def _hardly_any(different: NDArray[np.float64], missing: int) -> tuple[Kind, str]:
    if not len(different):
        return "empty", "no value is a finite number"
    return (
        ("category", f"{number(different[0])} or missing")
        if missing
        else ("constant", f"always {number(different[0])}")
    )


def _span(different: NDArray[np.float64], *, whole: bool) -> str:
    span = f"from {number(different[0])} to {number(different[-1])}"
    if whole and len(different) <= FEW:
        return (
            f"{len(different)} different whole numbers {span}, taken as quantities although they may be codes"
        )
    return f"{'whole numbers' if whole else 'numbers'} {span}"


def _counter(name: str, finite: NDArray[np.float64], different: NDArray[np.float64]) -> str | None:
    """Why whole numbers that all differ are an id; None when they may be quantities."""
    if len(finite) < LEAST_IDS or len(different) < len(finite):
        return None
    steps = np.diff(different)
    if (steps == steps[0]).all():
        return "whole numbers in equal steps, each once: they number the rows"
    called = is_called_id(name)
    dense = different[-1] - different[0] < ID_DENSITY * len(finite)
    if (np.diff(finite) > 0).all() and (called or dense):
        return "whole numbers that rise from row to row: they number the rows"
    return "whole numbers, each once, and called an id" if called else None


def is_called_id(name: str) -> bool:
    """The name says id: `id`, `user_id`, `PassengerId`."""
    plain = name.strip().lower()
    return plain in ID_NAMES or plain.endswith(("_id", " id", "-id")) or name.endswith(("Id", "ID"))


def may_be_dates(found: NDArray[np.float64]) -> bool:
    """20240131 and its like."""
    low, high = EIGHT_DIGITS
    return len(found) > 0 and bool(((found >= low) & (found <= high) & (found == np.rint(found))).all())


def stray_words(text: pl.Series, stray: pl.Series, places: Places, mark: Mark) -> str:
    """What is said about the few values of a column that are no numbers.

    Args:
        text: (rows,): the whole column.
        stray: The values that are no numbers.
        places: Of the rows.
        mark: Of decimals in this column.
    """
    if not len(stray):
        return ""
    row = int((text == stray[0]).arg_true()[0])
    shown = f"{visible(str(stray[0])[:SHOWN])} in {visible(places.said(row))}"
    kind = f"no {values.no_number(stray, mark)}"
    return f"{count(len(stray), 'value')} {kind}, such as {shown}: taken as missing"
