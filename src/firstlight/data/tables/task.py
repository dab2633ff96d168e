"""What kind of prediction a target asks for, and the target as numbers.

Classes, a quantity, or several labels a row: decided by all values, unless the person said it. Rows without a
target are left out and counted; a word such as NA in a target of words is a class and never taken for missing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from firstlight.data.tables import classes, labels, values
from firstlight.data.tables.classes import ROWS_PER_CLASS
from firstlight.data.tables.places import Places, counted
from firstlight.errors import DataError, UsageError
from firstlight.text import count, number, percent, visible

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

    from firstlight.data.tables.target import Target

Task = Literal["classification", "multilabel", "regression"]

MAX_MISSING = 0.2  # of the rows without a target; above it the target is not what it seems (issue 4)
FEWEST_ROWS = 10  # a train and a validation part with something in each (judgement)
FEW_CLASSES = 10  # different whole numbers up to which they are classes
CLASS_CODES = 20  # the same for 0, 1, 2, ... without a gap
ROWS_PER_CODE = 10  # rows of each in the mean, for such numbers to be classes (judgement)
MOSTLY_NUMBERS = 0.9  # of a target's values; then a word among them is a mistake, not a class (judgement)
MAY_BE_CLASSES = 100  # different whole numbers, up to which it is worth a sentence what they were taken for
SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetValues:
    """The target of the rows that have one."""

    task: Task
    classes: tuple[
        str, ...
    ]  # names of the classes or labels in the order of the numbers; empty for regression
    values: NDArray[Any]  # int64 (rows,), float32 (rows, labels) of 0 and 1, or float64 (rows,)
    rows: NDArray[np.int64]  # (rows,): their positions in the table
    missing: int  # rows left out, because they have no target
    notes: tuple[str, ...]


def decide_task(
    frame: pl.DataFrame,
    target: Target,
    wanted: Task | None = None,
    *,
    places: Places | None = None,
    commas: frozenset[str] = frozenset(),
) -> TargetValues:
    """Reads the target.

    Args:
        frame: The table.
        target: From `choose_target`.
        wanted: The task that the person named; None = decided by the values.
        places: Of the rows, for messages; None = counted from 1.
        commas: Columns with a decimal comma, from `Form`.

    Raises:
        UsageError: Several columns, and another task than multilabel was asked for.
        DataError: Too many rows without a target, one single value, infinite values, words among numbers, too few
            rows, or nearly as many classes as rows.
    """
    if len(target.columns) > 1:
        if wanted not in (None, "multilabel"):
            raise UsageError(
                "several target columns are several labels",
                visible(", ".join(target.columns)),
                "name one column",
            )
        return _several(frame, target.columns, commas)
    series = frame[target.columns[0]]
    if wanted == "multilabel":
        return _listed(series)
    mark: values.Mark = "," if series.name in commas else "."
    text, words = _texts(series, mark)
    rows, missing = _with_target(text)
    text, kept = text.gather(rows), (places or counted(len(frame))).take(rows)
    notes = _left_out(missing)
    found = values.floats(text, mark)
    task: Task = "regression"
    names: tuple[str, ...] = ()
    numbers: NDArray[Any]
    if wanted == "regression" or (wanted is None and not words and _is_quantity(found, notes)):
        numbers = _quantity(text, found, kept)
    else:
        _refuse_stray_words(text, found, kept, asked=wanted is not None)
        task = "classification"
        names, numbers = classes.as_classes(text, found, notes)
    return TargetValues(
        task=task, classes=names, values=numbers, rows=rows, missing=missing, notes=tuple(notes)
    )


def _texts(series: pl.Series, mark: values.Mark) -> tuple[pl.Series, bool]:
    """The target as text, and whether there are words in it.

    Among numbers NA and its like are missing. Among words they are classes (BT05), and only signs are missing.
    """
    text = values.as_text(series, missing=values.SPELLINGS)
    numbers, present = values.floats(text, mark).count(), text.count()
    if present and numbers >= MOSTLY_NUMBERS * present:
        return text, numbers < present
    return values.as_text(series, missing=values.SIGNS), True


def _left_out(missing: int) -> list[str]:
    return [f"{count(missing, 'row')} without a target left out"] if missing else []


def _with_target(text: pl.Series) -> tuple[NDArray[np.int64], int]:
    """The rows that have a target, and the number of those that have none."""
    rows = np.flatnonzero(text.is_not_null().to_numpy()).astype(np.int64)
    missing = len(text) - len(rows)
    if missing > MAX_MISSING * len(text):
        told = f"{text.name}: {count(missing, 'row')} of {len(text):,} ({percent(missing / len(text))}) have none"
        raise DataError("too many rows have no target", visible(told), "name another target, or fill it in")
    if len(rows) < FEWEST_ROWS:
        told = f"{text.name}: {count(len(rows), 'row')}, {count(text.drop_nulls().n_unique(), 'different value')}"
        remedy = f"at least {FEWEST_ROWS} rows are needed, and {ROWS_PER_CLASS} of each class"
        raise DataError("there are too few rows", visible(told), remedy)
    return rows, missing


def _is_quantity(found: pl.Series, notes: list[str]) -> bool:
    """Numbers that are no classes: fractions, or too many different ones for the rows."""
    different = found.unique().to_numpy()
    if len(different) <= 2 or not np.isfinite(different).all() or (different != np.rint(different)).any():
        return len(different) > 2
    low, high = different.min(), different.max()
    codes = low in (0, 1) and high - low + 1 == len(different) and len(different) <= CLASS_CODES
    often = len(found) >= ROWS_PER_CODE * len(different)
    quantity = not (often and (codes or len(different) <= FEW_CLASSES))
    if len(different) <= MAY_BE_CLASSES:
        notes.append(
            f"the target has {len(different):,} different whole numbers from {number(low)} to {number(high)}: "
            f"taken as {'a quantity' if quantity else 'classes'}"
        )
    return quantity


def _quantity(text: pl.Series, found: pl.Series, places: Places) -> NDArray[np.float64]:
    _refuse(text, found.is_null(), places, "the target holds words among numbers")
    _refuse(text, found.is_infinite(), places, "the target holds infinite values")
    if found.n_unique() == 1:
        raise DataError(
            "the target is always the same", visible(f"{text.name}: {text[0]}"), "name another column"
        )
    return np.asarray(found.to_numpy(), dtype=np.float64)


def _refuse_stray_words(text: pl.Series, found: pl.Series, places: Places, *, asked: bool) -> None:
    """A few words in what else is a quantity are mistakes, unless classes were asked for."""
    mostly = MOSTLY_NUMBERS * len(text) <= found.count() < len(text)
    if mostly and not asked and found.drop_nulls().n_unique() > CLASS_CODES:
        _refuse(text, found.is_null(), places, "the target holds words among numbers")


def _refuse(text: pl.Series, bad: pl.Series, places: Places, what: str) -> None:
    """Raises with the first rows when there are bad ones."""
    wrong = np.flatnonzero(bad.to_numpy())
    if not len(wrong):
        return
    shown = ", ".join(f"{str(text[row])[:40]} in {places.said(row)}" for row in wrong[:SHOWN].tolist())
    told = f"{text.name}: {count(len(wrong), 'row')} of {len(text):,}, {shown}"
    raise DataError(what, visible(told), "correct or remove these rows, or name another target")


def _several(frame: pl.DataFrame, columns: tuple[str, ...], commas: frozenset[str]) -> TargetValues:
    """A label a column; a row counts when it has all of them."""
    matrix = labels.in_columns(frame.select(columns), commas)
    complete = ~np.isnan(matrix).any(axis=1)
    import polars as pl

    rows, missing = _with_target(
        pl.Series(", ".join(columns), complete).cast(pl.String).set(pl.Series(~complete), None)
    )
    return TargetValues(
        task="multilabel",
        classes=columns,
        values=matrix[rows],
        rows=rows,
        missing=missing,
        notes=tuple(_left_out(missing)),
    )


def _listed(series: pl.Series) -> TargetValues:
    """The labels of each row in one value: none in an empty one; a spelling of missing is no target."""
    empty = values.as_text(series).is_null()
    text = values.as_text(series, missing=values.CERTAIN).set(empty, "")
    rows, missing = _with_target(text)
    names, matrix = labels.in_one_column(text.gather(rows))
    notes = _left_out(missing)
    if none := int(empty.sum()):
        notes.append(
            f"{count(none, 'row')} with an empty {visible(series.name)}: taken as rows without a label"
        )
    return TargetValues(
        task="multilabel", classes=names, values=matrix, rows=rows, missing=missing, notes=tuple(notes)
    )
