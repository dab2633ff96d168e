"""What a single value says: missing, a number, a date, yes or no. The same spellings for every stage.

Nothing here looks at a column's neighbours; `columns.py` decides by all rows what a column holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

# Compared in lower case. What R, pandas, SQL, SAS, Excel and UCI files write where there is no value.
SIGNS = frozenset(
    {
        "?",
        "-",
        "--",
        "---",
        ".",
        "\\n",
        "<na>",
        "(null)",
        "#n/a",
        "#na",
        "#div/0!",
        "#value!",
        "#ref!",
        "#num!",
    }
)
CERTAIN = SIGNS | {"nan", "-nan", "null", "nil", "n/a", "n.a.", "nat"}
WORDS = frozenset({"na", "none"})  # these may be a value too: "no alley", "no fireplace" in house prices
SPELLINGS = CERTAIN | WORDS
TRUE = ("true", "t", "yes", "y", "1")
FALSE = ("false", "f", "no", "n", "0")

BLANKS = " \t\r\n\u00a0\u3000"
GROUPED = r"^[+-]?\d{1,3}(,\d{3})+(\.\d+)?$"  # 1,234,567.8
SPACED = r"^[+-]?\d{1,3}([ \u00a0\u202f'’]\d{3})+([.,]\d+)?$"  # 1 234 567,8
DECIMAL_COMMA = r"^[+-]?(\d{1,3}(\.\d{3})+|\d+)?,\d+([eE][+-]?\d+)?$"  # 1.234.567,8
DOT_GROUPED = r"^[+-]?\d{1,3}(\.\d{3})+$"  # 1.234.567, once the column has a decimal comma
WITH_UNIT = r"^[$€£¥]\s?|\s?[%$€£¥]$"
ZEROS_FIRST = r"^[+-]?0\d+$"  # 007: a code, not a number

DATE_FORMATS = (
    "%Y-%m-%d", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S%.f%z",
    "%Y-%m-%d %H:%M:%S%.f%z", "%Y/%m/%d", "%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M", "%Y.%m.%d",
    "%m/%d/%Y", "%d/%m/%Y", "%m/%d/%Y %H:%M:%S", "%d/%m/%Y %H:%M:%S", "%m/%d/%Y %H:%M", "%d/%m/%Y %H:%M",
    "%m/%d/%y", "%d/%m/%y", "%d.%m.%Y", "%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M", "%d-%m-%Y", "%m-%d-%Y",
    "%d-%b-%Y", "%d-%b-%y", "%d %b %Y", "%b %d %Y", "%b %d, %Y", "%d %B %Y", "%B %d, %Y", "%B %d %Y", "%Y%m%d",
)  # fmt: skip
MILLISECONDS_A_DAY = 86_400_000


def is_missing(value: str) -> bool:
    """One of the spellings of no value."""
    return value.strip(BLANKS).lower() in SPELLINGS or not value.strip(BLANKS)


def are_numbers(cells: Sequence[str | None]) -> list[bool]:
    """Which values read as numbers, infinity among them; `nan` is none."""
    import polars as pl

    found = floats(pl.Series(list(cells), dtype=pl.String).str.strip_chars(BLANKS))
    return found.is_not_null().to_list()


def as_text(series: pl.Series, *, missing: frozenset[str] = frozenset()) -> pl.Series:
    """Any column as text: stripped, empty ones null, whole floats without `.0`.

    Args:
        series: Of any type that a `ReadTable` has.
        missing: Lower-case spellings that become null.
    """
    import polars as pl

    if series.dtype == pl.String:
        text = series.str.strip_chars(BLANKS)
        absent = text.is_in(["", *_cased(text, missing)]) if missing else text == ""
        return text.set(absent.fill_null(False), None)
    if series.dtype.is_float():
        whole = (series == series.round()) & (series.abs() < 2**53)
        text = series.cast(pl.String)
        return text.zip_with(
            ~whole.fill_null(False), series.cast(pl.Int64, strict=False).cast(pl.String)
        ).set(series.is_nan().fill_null(False), None)
    if series.dtype == pl.Boolean:
        return pl.select(pl.when(series).then(pl.lit("true")).when(~series).then(pl.lit("false"))).to_series()
    return series.cast(pl.String)


def _cased(text: pl.Series, missing: frozenset[str]) -> list[str]:
    """The spellings as they are written in the column, found in its distinct short values."""
    longest = max(len(word) for word in missing)
    short = text.filter((text.str.len_bytes() <= longest).fill_null(False)).unique()
    return short.filter(short.str.to_lowercase().is_in(sorted(missing))).to_list()


def as_numbers(series: pl.Series) -> NDArray[np.float64]:
    """(rows,): the numbers of a column, infinite ones too; NaN where there is none."""
    import polars as pl

    if series.dtype == pl.Boolean or series.dtype.is_numeric():
        return np.asarray(series.cast(pl.Float64).fill_null(float("nan")).to_numpy(), dtype=np.float64)
    if series.dtype.is_temporal():
        return as_dates(series)
    found = floats(as_text(series, missing=SPELLINGS))
    return np.asarray(found.fill_null(float("nan")).to_numpy(), dtype=np.float64)


def floats(text: pl.Series) -> pl.Series:
    """Float64, null where the text is no number: `1e5`, `1,234.5`, `1.234,5`, `1 234`, `5 %`, `$3`.

    `1,234` is read as a thousand and more, unless the column shows a comma that can only be a decimal one.
    """
    import polars as pl

    found = text.cast(pl.Float64, strict=False).fill_nan(None)
    rest = text.is_not_null() & found.is_null()
    if not rest.any():
        return found
    others = text.filter(rest).str.replace(WITH_UNIT, "")
    if _has_decimal_commas(text, others):
        dotted = text.str.contains(DOT_GROUPED).fill_null(False)
        found = found.zip_with(~dotted, plain_commas(text).cast(pl.Float64, strict=False))
        read = plain_commas(others)
    else:
        read = others.set(~others.str.contains(GROUPED), None).str.replace_all(",", "", literal=True)
        read = read.fill_null(others)
    spaced = others.str.contains(SPACED)
    if spaced.any():
        joined = others.str.replace_all("[ \u00a0\u202f'’]", "").str.replace(",", ".", literal=True)
        read = read.zip_with(~spaced, joined)
    return found.scatter(rest.arg_true(), read.cast(pl.Float64, strict=False).fill_nan(None))


def _has_decimal_commas(text: pl.Series, others: pl.Series) -> bool:
    """Some commas can only be decimal ones, and no fewer than the points that can only be decimal ones."""
    commas = int((others.str.contains(DECIMAL_COMMA) & ~others.str.contains(GROUPED)).sum())
    if not commas:
        return False
    pointed = text.str.contains(r"^[+-]?\d*\.\d+$") & ~text.str.contains(DOT_GROUPED)
    return commas >= int(pointed.sum())


def plain_commas(text: pl.Series) -> pl.Series:
    """`1.234,5` as `1234.5`; a text that is no number with a decimal comma stays as it is."""
    numbers = (text.str.contains(DECIMAL_COMMA) | text.str.contains(DOT_GROUPED)).fill_null(False)
    plain = text.str.replace_all(".", "", literal=True).str.replace(",", ".", literal=True)
    return text.zip_with(~numbers, plain)


def as_dates(series: pl.Series, pattern: str | None = None) -> NDArray[np.float64]:
    """(rows,): days since 1970 with their fraction, in UTC where a zone is given; NaN where there is no date.

    Args:
        series: Dates, times or text.
        pattern: One of DATE_FORMATS; needed for text.
    """
    import polars as pl

    moments = (
        series
        if series.dtype.is_temporal()
        else moments_of(as_text(series, missing=SPELLINGS), pattern or "")
    )
    zone = moments.dtype.time_zone if isinstance(moments.dtype, pl.Datetime) else None
    since = moments.cast(pl.Datetime("ms", zone)).to_physical()  # counted in UTC
    days = since.cast(pl.Float64).fill_null(float("nan")) / MILLISECONDS_A_DAY
    return np.asarray(days.to_numpy(), dtype=np.float64)


def moments_of(text: pl.Series, pattern: str) -> pl.Series:
    """Text as moments in time by one of DATE_FORMATS; null where it does not fit."""
    import polars as pl

    if "%z" in pattern:
        zoned = text.str.replace("Z$", "+00:00")
        return zoned.str.to_datetime(
            pattern, strict=False, time_unit="ms", time_zone="UTC"
        ).dt.replace_time_zone(None)
    if "%H" in pattern:
        return text.str.to_datetime(pattern, strict=False, time_unit="ms")
    return text.str.to_date(pattern, strict=False).cast(pl.Datetime("ms"))
