"""Whether the first row of a delimited file names the columns, and the names.

Judged against all the rows below it: a word above numbers is a name, a value that occurs again below is none.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from firstlight.data.tables import values
from firstlight.errors import DataError
from firstlight.text import visible

if TYPE_CHECKING:
    import polars as pl

NUMBERS_BELOW = 0.9  # share of a column's values that must be numbers for a word above them to be a name
COUNTED_RUN = 5  # columns called 0, 1, 2, ...: so many in a row are no accident (judgement)
LONGEST_NAME = 100  # characters; a longer first value is text, not a name
NAMES_SHOWN = 10


def has_header(frame: pl.DataFrame) -> bool:
    """Judges the first row of a String frame.

    Args:
        frame: (rows, columns); the values stripped, absent ones null.
    """
    first = [None if cell is None else str(cell) for cell in frame.row(0)]
    present = [cell for cell in first if cell is not None]
    if not present or max(len(cell) for cell in present) > LONGEST_NAME:
        return False
    are_numbers = values.are_numbers(first)
    numbers = [cell for cell, is_number in zip(first, are_numbers, strict=True) if is_number and cell]
    if _counted(numbers):
        return True
    named = sum(
        cell is not None and not is_number and not values.is_missing(cell) and share >= NUMBERS_BELOW
        for cell, is_number, share in zip(first, are_numbers, _numbers_below(frame), strict=True)
    )
    if numbers or named:
        return named > len(numbers)
    return len(set(present)) == len(present) and not _repeated(first, frame)


def names_of(first: tuple[str | None, ...], where: str) -> tuple[str, ...]:
    """The names in a header; a column without one is called column_N, from 1.

    Raises:
        DataError: Two columns have one name.
    """
    names = tuple(name or f"column_{number}" for number, name in enumerate(first, start=1))
    twice = sorted(name for name, times in Counter(names).items() if times > 1)
    if twice:
        shown = ", ".join(visible(name) for name in twice[:NAMES_SHOWN])
        raise DataError(
            "several columns have the same name", f"{visible(where)}: {shown}", "rename them in the header"
        )
    return names


def _counted(numbers: list[str]) -> bool:
    """Columns that are called 0, 1, 2, ... as pandas and numpy leave them."""
    if len(numbers) < COUNTED_RUN or not all(re.fullmatch(r"\d+", cell) for cell in numbers):
        return False
    run = [int(cell) for cell in numbers]
    return run[0] in (0, 1) and run == list(range(run[0], run[0] + len(run)))


def _numbers_below(frame: pl.DataFrame) -> list[float]:
    """(columns,): the share of numbers among the values below the first row; commas may stand anywhere in them."""
    import polars as pl

    everything = pl.all()
    present = everything.is_not_null() & ~everything.str.to_lowercase().is_in(sorted(values.SPELLINGS))
    numbers = (
        everything.str.replace_all(",", "", literal=True).cast(pl.Float64, strict=False).is_not_null()
        & present
    )
    below = frame.slice(1)
    counts = zip(below.select(numbers.sum()).row(0), below.select(present.sum()).row(0), strict=True)
    return [found / filled if filled else 0.0 for found, filled in counts]


def _repeated(first: list[str | None], frame: pl.DataFrame) -> bool:
    """A first value occurs again below it; a header repeated as a whole row is still one."""
    import polars as pl

    below = frame.slice(1)
    same = [pl.col(name) == cell for name, cell in zip(frame.columns, first, strict=True) if cell is not None]
    whole = below.filter(~pl.all_horizontal(same))
    return (
        bool(whole.select(pl.any_horizontal(pl.any_horizontal(same).any())).item()) if len(whole) else False
    )
