"""Columns that are no features: left out on request, the split, the groups, the time, the texts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from firstlight.data.bundles import ALONE
from firstlight.data.examples import PARTS, Part
from firstlight.data.tables import values
from firstlight.data.tables.classes import one_form
from firstlight.data.tables.names import SHOWN, existing, named_columns
from firstlight.data.tables.target import PARTS as PART_COLUMNS
from firstlight.errors import DataError, UsageError
from firstlight.text import count, number, visible

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

    from firstlight.config.schema import Data
    from firstlight.data.tables.column import Column
    from firstlight.data.tables.places import Places
    from firstlight.data.tables.values import Mark

USEFUL = ("number", "category", "boolean", "date")  # kinds of columns that a model for tables sees


def check_apart(frame: pl.DataFrame, data: Data) -> None:
    """No column that is the target, or dropped, has another role.

    Raises:
        UsageError: One has; or texts are named, and a table is asked for.
    """
    if data.text_column is not None and data.task.startswith("table_"):
        raise UsageError(
            "a column of texts is for texts",
            visible(f"data.text_column = {data.text_column}; data.task = {data.task}"),
            f"leave one of them out, or ask for {data.task.replace('table', 'text')}",
        )
    named = {
        "data.target": named_columns(frame, data.target),
        "data.drop": data.drop or (),
        "data.group": (data.group,),
        "data.time": (data.time,),
        "data.weight": (data.weight,),
        "data.text_column": named_columns(frame, data.text_column),
    }
    for sole in ("data.target", "data.drop"):
        for key, names in named.items():
            both = [name for name in names if name in named[sole] and key != sole]
            if both:
                raise UsageError(
                    "a column cannot have two roles",
                    visible(f"{both[0]} is in {sole} and in {key}"),
                    f"take it out of {key if sole == 'data.target' else sole}, or name another column",
                )


def without(frame: pl.DataFrame, drop: tuple[str, ...] | None) -> pl.DataFrame:
    """The frame without the columns of data.drop."""
    return frame.drop([existing(frame, name, "data.drop") for name in drop or ()])


def split_column(frame: pl.DataFrame, notes: list[str]) -> tuple[pl.DataFrame, NDArray[np.int8]]:
    """A column called split that holds nothing but train, val and test says where the rows belong.

    Returns:
        The frame without that column, and (rows,) values of Part, UNASSIGNED when there is none.
    """
    for name in frame.columns:
        if name.lower() in PART_COLUMNS:
            spoken = values.as_text(frame[name]).str.to_lowercase()
            words = set(spoken.unique().to_list())
            if words <= set(PARTS) and Part.TRAIN in {PARTS[word] for word in words}:
                parts = spoken.replace_strict(list(PARTS), [int(part) for part in PARTS.values()])
                return frame.drop(name), np.asarray(parts.to_numpy(), np.int8)
            notes.append(
                f"the column {visible(name)} holds more than train, val and test and was not taken for the split"
            )
    return frame, np.full(len(frame), Part.UNASSIGNED, np.int8)


def groups_of(series: pl.Series, notes: list[str]) -> NDArray[np.int64]:
    """(rows,): equal values as equal numbers, 1 and 1.0 among them, ALONE where there is no value."""
    import polars as pl

    text, _ = one_form(values.as_text(series, missing=values.SPELLINGS))
    groups = text.n_unique() - (text.null_count() > 0)
    said = f"{count(groups, 'group')} by {visible(series.name)}"
    if text.null_count():
        said += f"; {count(text.null_count(), 'row')} without one, each taken as a group of its own"
    notes.append(said)
    codes = text.cast(pl.Categorical).to_physical().cast(pl.Int64).fill_null(ALONE)
    return np.asarray(codes.to_numpy(), np.int64)


def weights_of(series: pl.Series, mark: Mark, places: Places, notes: list[str]) -> NDArray[np.float64]:
    """(rows,): how much each row counts in training.

    Raises:
        DataError: A weight is missing, negative or no number, or all are 0.
    """
    found = values.as_numbers(series, mark)
    bad = np.flatnonzero(~(np.isfinite(found) & (found >= 0)))
    if len(bad) or not found.any():
        shown = ", ".join(f"{series[row]} in {places.said(row)}" for row in bad[:5].tolist()) or "all are 0"
        raise DataError(
            "a weight has to be a number that is not negative",
            visible(f"{series.name}: {count(len(bad), 'row')}, {shown}"),
            "correct these rows, or name another column as data.weight",
        )
    low, high = float(found.min()), float(found.max())
    notes.append(f"rows count by {visible(series.name)} in training, from {number(low)} to {number(high)}")
    return np.asarray(found, np.float64)


def times_of(series: pl.Series, mark: Mark, notes: list[str]) -> NDArray[np.float64]:
    """(rows,): days since 1970, or the numbers of a column of numbers; NaN where there is none.

    Raises:
        DataError: The column holds neither dates nor numbers.
    """
    from firstlight.data.tables.columns import describe_column

    column = describe_column(series, mark=mark)
    when = values.times(series, column.date_format, mark)
    when = np.where(np.isfinite(when), when, np.nan)
    unknown = int(np.isnan(when).sum())
    if 2 * unknown > len(when):
        shown = f"{series.name}: {column.kind}, {column.reason}"
        raise DataError("the column of data.time holds no times", visible(shown), "name a column of dates")
    if unknown:
        notes.append(f"{count(unknown, 'row')} without a {visible(series.name)}: all in train")
    return when


def text_columns(
    frame: pl.DataFrame, columns: tuple[Column, ...], wanted: str | None, task: str
) -> tuple[str, ...]:
    """The columns of texts, when texts are meant: named, asked for, or all that says something; else none.

    Args:
        frame: Every column but the target.
        columns: Its description.
        wanted: data.text_column, one name or several joined by commas.
        task: data.task.

    Raises:
        UsageError: There is no such column, or texts are asked for and none looks like it.
    """
    if wanted is not None:
        return tuple(existing(frame, name, "data.text_column") for name in named_columns(frame, wanted))
    texts = tuple(column.name for column in columns if column.kind == "text")
    if task.startswith("text_"):
        if texts:
            return texts
        kinds = ", ".join(f"{column.name} ({column.kind})" for column in columns[:SHOWN])
        raise UsageError(
            "no column looks like texts", visible(kinds), "name it with --set data.text_column=COLUMN"
        )
    useful = any(column.kind in USEFUL for column in columns)
    return texts if task == "auto" and not useful else ()


def joined_texts(frame: pl.DataFrame, names: tuple[str, ...], longest: int) -> list[str]:
    """(rows,): the text of each row, several columns one below the other; empty where there is none."""
    import polars as pl

    texts = frame.select(values.as_text(frame[name]).alias(name) for name in names)
    joined = texts.select(pl.concat_str(pl.all(), separator="\n", ignore_nulls=True)).to_series()
    return [text[:longest] for text in joined.fill_null("").to_list()]
