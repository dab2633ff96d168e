"""A column that the person named, or the nearest name that there is."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from firstlight.errors import UsageError
from firstlight.text import visible

if TYPE_CHECKING:
    import polars as pl

SHOWN = 20
NEAR = 0.5  # similarity of names, from 0 to 1, from which on one is suggested


def existing(frame: pl.DataFrame, name: str, key: str) -> str:
    """The name, when there is such a column.

    Args:
        frame: The table.
        name: What the person wrote.
        key: Where: `--target`, or a key of the config.

    Raises:
        UsageError: There is none; the nearest name is told.
    """
    if name in frame.columns:
        return name
    folded = {column.lower(): column for column in frame.columns}
    near = difflib.get_close_matches(name.lower(), list(folded), n=1, cutoff=NEAR)
    hint = (
        f"did you mean {visible(folded[near[0]])}?"
        if near
        else f"there are: {visible(', '.join(frame.columns[:SHOWN]))}"
    )
    raise UsageError("there is no such column", visible(f"{key} = {name}"), hint)


def named_columns(frame: pl.DataFrame, wanted: str | None) -> tuple[str, ...]:
    """The column of that name; where there is none, those between the commas."""
    if wanted is None or wanted in frame.columns:
        return () if wanted is None else (wanted,)
    return tuple(dict.fromkeys(name.strip() for name in wanted.split(",")))
