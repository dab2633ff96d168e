"""What a single value says: missing, a number, a date, yes or no. The same spellings for every stage.

Nothing here looks at a column's neighbours; `columns.py` decides by all rows what a column holds.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

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
SPACES = " \u00a0\u202f'’"  # signs that part thousands whatever the mark of decimals is
WITH_UNIT = r"^[$€£¥]\s?|\s?[%$€£¥]$"
ZEROS_FIRST = r"^[+-]?0\d+$"  # 007: a code, not a number

Mark = Literal[".", ","]  # of decimals: 1,234.5 or 1.234,5


def _written(mark: Mark) -> str:
    """How a number looks: 1234.5e-3, 1,234.5 and 1 234.5, or the same with comma and point exchanged."""
    point, comma = map(re.escape, (mark, {".": ",", ",": "."}[mark]))
    grouped = "|".join(rf"[1-9]\d{{0,2}}({sign}\d{{3}})+" for sign in (comma, f"[{SPACES}]"))
    return rf"^[+-]?((\d+|{grouped})({point}\d+)?|{point}\d+)([eE][+-]?\d+)?$"


WRITTEN: dict[Mark, str] = {".": _written("."), ",": _written(",")}

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
    """Which values read as numbers, whatever their mark of decimals is; infinity is one, `nan` is none."""
    import polars as pl

    return any_numbers(pl.Series(list(cells), dtype=pl.String).str.strip_chars(BLANKS)).to_list()


def any_numbers(text: pl.Series) -> pl.Series:
    """Boolean (rows,): the same for a column."""
    return floats(text, ".").is_not_null() | floats(text, ",").is_not_null()


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


def as_numbers(series: pl.Series, mark: Mark) -> NDArray[np.float64]:
    """(rows,): the numbers of a column, infinite ones too; NaN where there is none.

    Args:
        series: Of any type that a `ReadTable` has.
        mark: Of decimals, for text.
    """
    import polars as pl

    if series.dtype == pl.Boolean or series.dtype.is_numeric():
        return _with_nan(series.cast(pl.Float64))
    if series.dtype.is_temporal():
        return as_dates(series)
    plain = plain_numbers(series, mark)
    return _with_nan(floats(as_text(series, missing=SPELLINGS), mark)) if plain is None else plain


def plain_numbers(series: pl.Series, mark: Mark) -> NDArray[np.float64] | None:
    """(rows,): the numbers of a column of text that holds nothing else, NaN for null; None for another column.

    One cast instead of the twenty operations that other spellings need: they count in ten thousand columns.
    """
    import polars as pl

    if mark != ".":
        return None
    found = _with_nan(series.cast(pl.Float64, strict=False))
    return found if np.isnan(found).sum() == series.null_count() else None


def _with_nan(numbers: pl.Series) -> NDArray[np.float64]:
    """Null as NaN."""
    return np.asarray(numbers.to_numpy(), dtype=np.float64)


def floats(text: pl.Series, mark: Mark) -> pl.Series:
    """Float64, null where the text is no number: `1e5`, `1,234.5`, `1 234`, `5 %`, `$3`.

    Nothing is guessed: with a decimal point `1,234` is more than a thousand and `1,5` is no number.
    """
    import polars as pl

    plain = text if mark == "." else text.set(text.str.contains(".", literal=True).fill_null(False), None)
    found = plain.cast(pl.Float64, strict=False).fill_nan(None)
    rest = text.is_not_null() & found.is_null()
    if not rest.any():
        return found
    others = text.filter(rest).str.replace(WITH_UNIT, "")
    others = others.set(~others.str.contains(WRITTEN[mark]), None)
    joined = others.str.replace_all(f"[{SPACES}{',' if mark == '.' else '.'}]", "")
    read = joined.str.replace(mark, ".", literal=True).cast(pl.Float64, strict=False).fill_nan(None)
    return found.scatter(rest.arg_true(), read)


def no_number(stray: pl.Series, mark: Mark) -> str:
    """What values that `floats` does not read are not: they may be numbers with the other mark of decimals."""
    if not any_numbers(stray).any():
        return "number"
    return f"number with a decimal {'comma' if mark == ',' else 'point'}"


def yes_and_no(text: pl.Series, mark: Mark) -> tuple[pl.Series, pl.Series]:
    """Boolean (rows,) twice: what says yes, true or 1, and what says no, false or 0; missing values say neither."""
    spoken, numbers = text.str.to_lowercase(), floats(text, mark)
    yes = spoken.is_in(TRUE) | (numbers == 1).fill_null(False)
    no = spoken.is_in(FALSE) | (numbers == 0).fill_null(False)
    return yes.fill_null(False), no.fill_null(False)


def times(series: pl.Series, pattern: str | None, mark: Mark) -> NDArray[np.float64]:
    """(rows,): dates where they are written by a pattern or typed, else the numbers; NaN where there is none."""
    return as_dates(series, pattern) if pattern else as_numbers(series, mark)


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
