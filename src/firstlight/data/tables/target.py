"""Which column is the target. Only a person knows; what is obvious is proposed and asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from firstlight.data.tables import values
from firstlight.data.tables.names import SHOWN, existing, named_columns
from firstlight.errors import DataError, Undecided
from firstlight.text import visible

if TYPE_CHECKING:
    import polars as pl

NAMES = ("target", "label", "labels", "y", "class", "outcome", "response", "category", "output")
PARTS = ("split", "part", "subset")  # columns that say where a row belongs


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The column to be predicted, or the columns of several labels."""

    columns: tuple[str, ...]


def choose_target(frame: pl.DataFrame, wanted: str | None) -> Target:
    """The target.

    Args:
        frame: The table.
        wanted: A column, or several joined by commas; None = not named.

    Raises:
        UsageError: There is no such column (exit 2, with the nearest name).
        Undecided: It was not named; the obvious column, else the last that can be, is proposed.
        DataError: There is nothing to predict it from.
    """
    if frame.width == 1:
        raise DataError(
            "the table has only one column",
            visible(f"{frame.columns[0]}: no comma, semicolon, tab or bar cuts every line alike"),
            "name a table that has a target and features",
        )
    if wanted is not None:
        named = named_columns(frame, wanted)
        return Target(columns=tuple(existing(frame, name, "--target") for name in named))
    others = [name for name in frame.columns if name.lower() not in PARTS] or frame.columns
    obvious = [name for known in NAMES for name in others if name.lower() == known]
    likely = obvious or [next((n for n in reversed(others) if _may_be_target(frame[n])), others[-1])]
    proposals = tuple(dict.fromkeys([*likely, *others]))
    raise Undecided(
        "which column is the target is not certain",
        visible(f"there are: {', '.join(frame.columns[:SHOWN])}"),
        f"name it, for example --target {visible(proposals[0])}",
        key="data.target",
        proposals=proposals,
    )


def _may_be_target(series: pl.Series) -> bool:
    """Words that hardly repeat are names or texts, and one single value is nothing to predict."""
    text = values.as_text(series, missing=values.SPELLINGS).drop_nulls()
    different = text.n_unique()
    if different <= 1 or 2 * different <= len(text):
        return different > 1
    return bool(values.any_numbers(text).all())
