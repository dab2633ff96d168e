"""Parquet's types as the few that the stages after it know: text, numbers, booleans, dates and times."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from firstlight.text import visible

if TYPE_CHECKING:
    import polars as pl


def plain_types(frame: pl.DataFrame) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """The frame with plain types, and sentences about what was changed or left out."""
    import polars as pl

    frame = frame.select(_stored(series) for series in frame)
    binary = [name for name, dtype in frame.schema.items() if dtype in (pl.Binary, pl.Object)]
    nested = [name for name, dtype in frame.schema.items() if dtype.is_nested()]
    columns = [_plain(series) for series in frame.drop(binary)]
    notes = []
    if binary:
        notes.append(f"columns of bytes were left out: {', '.join(visible(name) for name in binary)}")
    if nested:
        notes.append(
            f"lists and objects were kept as JSON text: {', '.join(visible(name) for name in nested)}"
        )
    return pl.DataFrame(columns), tuple(notes)


def _stored(series: pl.Series) -> pl.Series:
    """A type that the file itself defines is read as what it is stored as; its name and parameters mean nothing here.

    Older versions of polars know no such types and read the stored one by themselves.
    """
    return series.ext.storage() if hasattr(series.dtype, "ext_storage") else series


def _plain(series: pl.Series) -> pl.Series:
    import polars as pl

    if series.dtype.is_nested():
        items = (
            None if item is None else json.dumps(_listed(item), ensure_ascii=False, default=str)
            for item in series
        )
        return pl.Series(series.name, list(items), dtype=pl.String)
    if series.dtype == pl.String or isinstance(series.dtype, pl.Categorical | pl.Enum):
        text = series.cast(pl.String).str.strip_chars()
        return text.set((text == "").fill_null(False), None)
    if series.dtype.is_float():
        return series.fill_nan(None)
    if isinstance(series.dtype, pl.Decimal | pl.Int128):
        return series.cast(pl.Float64)
    if series.dtype == pl.Duration:
        return series.dt.total_milliseconds().cast(pl.Float64) / 1000  # seconds
    return series.cast(pl.String) if series.dtype == pl.Time else series


def _listed(item: object) -> object:
    """A list inside a column comes as a polars Series."""
    import polars as pl

    return item.to_list() if isinstance(item, pl.Series) else item
