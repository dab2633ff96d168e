"""Which columns are written with a decimal comma: decided once for a table, by all its rows.

`1,234` says nothing by itself. What decides is values that have one meaning only: `1,5` or `1.234,5` for the comma,
`1.5` or `1,234,567` for the point. What was decided for the training table is kept with its columns, so that the
same text is the same number in every file and every part of one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from firstlight.data.tables.values import SPELLINGS, WITH_UNIT, WRITTEN, Mark

if TYPE_CHECKING:
    import polars as pl

NUMBERS = 0.9  # of a column's values that are written as numbers, for it to speak for the file (judgement)


def comma_columns(frame: pl.DataFrame, *, together: bool) -> frozenset[str]:
    """The columns of text whose numbers have a decimal comma.

    Args:
        frame: A table.
        together: Columns that do not show it follow the others: in a file that commas do not delimit. One that
            they delimit quotes its commas for thousands too often.
    """
    import polars as pl

    texts = [name for name, dtype in frame.schema.items() if dtype == pl.String]
    shown = frame.select(pl.col(texts).str.contains(",", literal=True).any())
    if not texts or not any(shown.row(0)):
        return frozenset()
    commas, points = (_certain(frame, texts, mark) for mark in (",", "."))
    sure = {name for name in texts if commas[name] and commas[name] >= points[name]}
    silent = {name for name in texts if not commas[name] and not points[name]}
    if together and sure:
        speaking = _holding_numbers(frame, sorted(sure), ",")
        against = _holding_numbers(frame, [name for name in texts if points[name] and name not in sure], ".")
        if speaking and len(speaking) >= len(against):
            sure |= silent
    return frozenset(sure)


def _certain(frame: pl.DataFrame, names: list[str], mark: Mark) -> dict[str, int]:
    """Values of each column that are numbers with this mark of decimals only."""
    import polars as pl

    bare = pl.col(names).str.replace(WITH_UNIT, "")
    other: Mark = "." if mark == "," else ","
    only = bare.str.contains(WRITTEN[mark]) & ~bare.str.contains(WRITTEN[other])
    return dict(zip(names, frame.select(only.sum()).row(0), strict=True))


def _holding_numbers(frame: pl.DataFrame, names: list[str], mark: Mark) -> list[str]:
    """The columns that hold hardly anything else."""
    import polars as pl

    if not names:
        return []
    text = pl.col(names)
    filled = text.is_not_null() & ~text.str.to_lowercase().is_in(sorted(SPELLINGS))
    numbers = text.str.replace(WITH_UNIT, "").str.contains(WRITTEN[mark]) & filled
    shares = frame.select(numbers.sum() / filled.sum()).row(0)
    return [name for name, share in zip(names, shares, strict=True) if share >= NUMBERS]
