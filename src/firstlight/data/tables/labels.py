"""Several labels a row: a column of yes and no for each, or one column that lists them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np

from firstlight.data.tables import values
from firstlight.errors import DataError
from firstlight.text import count, visible

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

SEPARATORS = (";", "|", ",", " ")  # of labels joined in one value, the surest first
MOST = 10_000  # labels; a matrix of more would not fit (judgement)
SHOWN = 5


def in_columns(frame: pl.DataFrame) -> NDArray[np.float32]:
    """(rows, labels): 1 and 0 for yes and no, true and false, 1 and 0; NaN where the value is missing.

    Raises:
        DataError: A column holds something else, or no column has both.
    """
    columns = [_yes_or_no(series) for series in frame]
    matrix = np.stack(columns, axis=1)
    if (np.nanmin(matrix, axis=0, initial=1) == np.nanmax(matrix, axis=0, initial=0)).all():
        raise DataError(
            "the labels are always the same", visible(", ".join(frame.columns)), "name other columns"
        )
    return matrix


def _yes_or_no(series: pl.Series) -> NDArray[np.float32]:
    import polars as pl

    text = values.as_text(series, missing=values.SPELLINGS)
    numbers = values.floats(text)
    spoken = text.str.to_lowercase()
    yes = spoken.is_in(values.TRUE) | (numbers == 1).fill_null(False)
    no = spoken.is_in(values.FALSE) | (numbers == 0).fill_null(False)
    strange = text.filter(~(yes | no))
    if strange.count():
        where = f"{series.name}: {count(strange.count(), 'row')}, such as {str(strange.drop_nulls()[0])[:40]}"
        remedy = "several target columns are labels and hold 1 and 0, or yes and no; name one column for anything else"
        raise DataError("a label is neither yes nor no", visible(where), remedy)
    return np.asarray(yes.cast(pl.Float32).fill_null(float("nan")).to_numpy(), dtype=np.float32)


def in_one_column(text: pl.Series) -> tuple[tuple[str, ...], NDArray[np.float32]]:
    """The labels by name, and (rows, labels) of 1 and 0.

    Args:
        text: (rows,), without nulls: a JSON list, or labels joined by a semicolon, bar, comma or blank.

    Raises:
        DataError: There is only one label, or more than a matrix can hold.
    """
    found = [_listed(value) for value in text.to_list()]
    if any(item is None for item in found):
        separator = max(SEPARATORS, key=lambda sign: int(text.str.contains(sign, literal=True).sum()))
        found = [
            [part.strip() for part in value.split(separator) if part.strip()] for value in text.to_list()
        ]
    names = sorted({name for item in found for name in item or ()})
    if not 1 < len(names) <= MOST:
        where = f"{text.name}: {count(len(names), 'label')}, {', '.join(names[:SHOWN])}"
        raise DataError("the labels cannot be learnt", visible(where), f"2 to {MOST:,} labels are needed")
    place = {name: column for column, name in enumerate(names)}
    matrix = np.zeros((len(found), len(names)), np.float32)
    for row, item in enumerate(found):
        matrix[row, [place[name] for name in item or ()]] = 1
    return tuple(names), matrix


def _listed(value: str) -> list[str] | None:
    """The items of a JSON list of plain values; None when it is none."""
    if not value.startswith("["):
        return None
    try:
        items = json.loads(value)
    except (ValueError, RecursionError):
        return None
    return [str(item) for item in items if not isinstance(item, list | dict)]
