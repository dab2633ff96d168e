"""Several labels a row: a column of yes and no for each, or one column that lists them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from firstlight.data.tables import values
from firstlight.errors import DataError
from firstlight.text import count, visible

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

SEPARATORS = (
    ";",
    "|",
    ",",
)  # of labels joined in one value, the surest first; a blank may be part of a label
RARER = 10  # times than the commonest of them, up to which the surest counts (judgement)
SLIP = (
    100  # times more values with a blank than with a separator, from which on that may be a slip (judgement)
)
MOST = 10_000  # labels; a matrix of more would not fit (judgement)
SHOWN = 5


def in_columns(frame: pl.DataFrame, commas: frozenset[str]) -> NDArray[np.float32]:
    """(rows, labels): 1 and 0 for yes and no, true and false, 1 and 0; NaN where the value is missing.

    Raises:
        DataError: A column holds something else, or no column has both.
    """
    columns = [_yes_or_no(series, "," if series.name in commas else ".") for series in frame]
    matrix = np.stack(columns, axis=1)
    if (np.nanmin(matrix, axis=0, initial=1) == np.nanmax(matrix, axis=0, initial=0)).all():
        raise DataError(
            "the labels are always the same", visible(", ".join(frame.columns)), "name other columns"
        )
    return matrix


def _yes_or_no(series: pl.Series, mark: values.Mark) -> NDArray[np.float32]:
    import polars as pl

    text = values.as_text(series, missing=values.SPELLINGS)
    yes, no = values.yes_and_no(text, mark)
    strange = text.filter(~(yes | no)).drop_nulls()
    if len(strange):
        where = f"{series.name}: {count(len(strange), 'row')}, such as {str(strange[0])[:40]}"
        remedy = "several target columns are labels and hold 1 and 0, or yes and no; name one column for anything else"
        raise DataError("a label is neither yes nor no", visible(where), remedy)
    found = yes.cast(pl.Float32).set(text.is_null(), float("nan"))
    return np.asarray(found.to_numpy(), dtype=np.float32)


def in_one_column(text: pl.Series) -> tuple[tuple[str, ...], NDArray[np.float32]]:
    """The labels by name, and (rows, labels) of 1 and 0.

    Args:
        text: (rows,), without nulls: a JSON list, or labels joined by a semicolon, bar, comma or blank. An empty
            value has no label.

    Raises:
        DataError: There is only one label, or more than a matrix can hold.
    """
    found: Sequence[list[str] | None] = [_listed(value) for value in text.to_list()]
    if any(item is None for item in found):
        found = _cut(text, _separator(text))
    names = sorted({name for item in found for name in item or ()})
    if not 1 < len(names) <= MOST:
        where = f"{text.name}: {count(len(names), 'label')}, {', '.join(names[:SHOWN])}"
        raise DataError("the labels cannot be learnt", visible(where), f"2 to {MOST:,} labels are needed")
    place = {name: column for column, name in enumerate(names)}
    matrix = np.zeros((len(found), len(names)), np.float32)
    for row, item in enumerate(found):
        matrix[row, [place[name] for name in item or ()]] = 1
    return tuple(names), matrix


def _separator(text: pl.Series) -> str:
    """The sign that joins labels: the surest that is not much rarer than another, a blank where there is none.

    `red wine;beer` is cut at the semicolon, however many labels hold a blank. Where hardly any value has a
    separator, it may be a slip in labels that blanks join: then what gives fewer different labels is right.
    """
    held = {sign: int(text.str.contains(sign, literal=True).sum()) for sign in (*SEPARATORS, " ")}
    most = max(held[sign] for sign in SEPARATORS)
    if not most:
        return " "
    surest = next(sign for sign in SEPARATORS if held[sign] and held[sign] * RARER >= most)
    if held[surest] * SLIP >= held[" "]:
        return surest
    return min((surest, " "), key=lambda sign: len({name for item in _cut(text, sign) for name in item}))


def _cut(text: pl.Series, separator: str) -> list[list[str]]:
    return [[part.strip() for part in value.split(separator) if part.strip()] for value in text.to_list()]


def _listed(value: str) -> list[str] | None:
    """The items of a JSON list of plain values, none of an empty value; None when it is no list."""
    if not value:
        return []
    if not value.startswith("["):
        return None
    try:
        items = json.loads(value)
    except (ValueError, RecursionError):
        return None
    return [str(item) for item in items if not isinstance(item, list | dict)]
