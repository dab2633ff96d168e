"""What each column of a table holds: number, category, boolean, date, text, id, constant or nothing.

Every decision looks at all rows, so that it does not depend on which rows come first. Each is told with its reason.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from firstlight.data.tables import number_columns, values
from firstlight.data.tables.column import Column, Kind
from firstlight.data.tables.number_columns import LEAST_IDS, SHOWN
from firstlight.data.tables.places import Places, counted
from firstlight.data.tables.values import Mark
from firstlight.text import count, percent, visible

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

STRAY = 0.01  # of the values; so few words in a column of numbers count as missing (the common rule for bad input)
ZEROS_FIRST = 0.001  # of the values; a share of codes such as 007 from which on no zero is a slip (judgement)
EXACT_DIGITS = 15  # longer whole numbers are not exact as float64: codes
ID_SHARE = 0.99  # of the values that are different
TEXT_WORDS = 3  # mean words of a value, from which on values that rarely repeat are text (judgement)
# A word, and each character of the scripts that have no blanks between words.
WORD = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}]|[^\s\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}]+"
RARELY_REPEATED = 0.5  # different values among the values
KEPT_WORD = 20  # different values at most, for NA or None to be one of them (judgement)
LIKELY_FORMAT = 0.9  # of those first values, for a format to be tried on all
FORMAT_LOOKED_AT = 200  # different values that a date format is tried on before all are
FIRST_DATE, LAST_DATE = -135_140.0, 84_006.0  # days from 1970 to 1600 and 2200: outside, it is another format
SPELT_PAIRS = 6  # ways in which yes and no are written at most: yes, Yes, YES
YES_AND_NO = [sorted(pair) for pair in zip(values.TRUE, values.FALSE, strict=True)]
SPELLINGS = tuple(sorted(values.SPELLINGS))


def describe(
    frame: pl.DataFrame,
    *,
    target: str | None,
    places: Places | None = None,
    commas: frozenset[str] = frozenset(),
) -> tuple[Column, ...]:
    """The columns that a model may see, in the order of the table.

    Args:
        frame: A `ReadTable.frame`.
        target: The target, or several joined by commas; not among the answer. None = every column is described.
        places: Of the rows, for sentences; None = counted from 1.
        commas: Columns with a decimal comma, from `Form`.
    """
    targets: set[str] = set()
    if target is not None:
        targets = {target} if target in frame.columns else {name.strip() for name in target.split(",")}
    return tuple(
        describe_column(series, places, mark="," if series.name in commas else ".")
        for series in frame
        if series.name not in targets
    )


def typed(frame: pl.DataFrame, columns: tuple[Column, ...]) -> pl.DataFrame:
    """The frame with its columns of numbers as such, so that each is read once.

    Args:
        frame: A table.
        columns: Its description.
    """
    import polars as pl

    read = {c.name: values.as_numbers(frame[c.name], c.mark) for c in columns if c.kind == "number"}
    return frame.with_columns(pl.Series(name, found, nan_to_null=True) for name, found in read.items())


def describe_column(series: pl.Series, places: Places | None = None, *, mark: Mark = ".") -> Column:
    """What one column holds; `mark` is that of decimals, where it is text."""
    import polars as pl

    name = series.name
    if series.dtype == pl.Boolean:
        return _booleans(series)
    if series.dtype.is_temporal():
        return _date(name, values.as_dates(series), None, "dates")
    if series.dtype.is_numeric() and not _long(series):
        found = values.as_numbers(series, mark)
        return _eight_digits(series, found) or number_columns.judge(
            name, found[~np.isnan(found)], len(series)
        )
    return replace(_text(series, places or counted(len(series)), mark), mark=mark)


def _long(series: pl.Series) -> bool:
    """Whole numbers that float64 would round."""
    return series.dtype.is_integer() and bool((series.abs() >= 10**EXACT_DIGITS).any())


def _text(series: pl.Series, places: Places, mark: Mark) -> Column:
    """A column of text: numbers written as text, or words."""
    import polars as pl

    plain = values.plain_numbers(series, mark) if series.dtype == pl.String else None
    if plain is not None and not _codes(series):
        numbers = plain[~np.isnan(plain)]
        return _eight_digits(series, numbers) or number_columns.judge(
            series.name, numbers, len(series), SPELLINGS
        )
    text = values.as_text(series, missing=values.SPELLINGS)
    present = text.drop_nulls()
    found = values.floats(present, mark)
    strange = present.filter(found.is_null())
    if len(present) and len(strange) <= STRAY * len(present) and not _codes(present):
        numbers = np.asarray(found.drop_nulls().to_numpy(), dtype=np.float64)
        told = number_columns.stray_words(text, strange, places, mark)
        return _eight_digits(text, numbers) or number_columns.judge(
            series.name, numbers, len(text), SPELLINGS, told
        )
    return _words(series, present, int(found.count()))


def _eight_digits(series: pl.Series, found: NDArray[np.float64]) -> Column | None:
    """20240131 and its like, when every number is a date."""
    found = found[~np.isnan(found)]
    if not number_columns.may_be_dates(found):
        return None
    days = values.as_dates(values.as_text(series), "%Y%m%d")
    complete = np.isfinite(days).sum() == len(found)
    return _date(series.name, days, "%Y%m%d", "dates in eight digits", SPELLINGS) if complete else None


def _plain(
    name: str, kind: Kind, reason: str, missing: int, distinct: int, missing_as: tuple[str, ...] = ()
) -> Column:
    return Column(
        name=name, kind=kind, reason=reason, missing=missing, distinct=distinct, missing_as=missing_as
    )


def _codes(present: pl.Series) -> bool:
    """Digits that would lose something as numbers: zeros in front, or more digits than float64 holds."""
    if not present.str.contains(rf"{values.ZEROS_FIRST}|^\d{{{EXACT_DIGITS + 1},}}$").any():
        return False
    zeros = int(present.str.contains(values.ZEROS_FIRST).sum())
    digits = int(present.str.contains(rf"^\d{{{EXACT_DIGITS + 1},}}$").sum())
    return zeros > ZEROS_FIRST * len(present) or digits > ZEROS_FIRST * len(present)


def _words(series: pl.Series, present: pl.Series, numbers: int) -> Column:
    """A column of words: dates, booleans, ids, text or categories.

    Args:
        series: The whole column.
        present: Its values without the spellings of missing.
        numbers: How many of these read as numbers.
    """
    fitting = date_formats(present)
    if fitting:
        days = values.as_dates(series, fitting[0])
        told = f"dates written as {fitting[0]}" + (
            f" (or {fitting[1]}: both fit)" if len(fitting) > 1 else ""
        )
        return _date(series.name, days, fitting[0], told, SPELLINGS)
    kept, spelt, said = _with_words(series, present)
    different, missing = kept.drop_nulls().n_unique(), kept.null_count()
    if numbers:
        said += _why_no_numbers(present, numbers)
    kind, reason = _kind_of_words(kept.drop_nulls(), different, missing)
    return _plain(series.name, kind, reason + said, missing, different, spelt)


def _why_no_numbers(present: pl.Series, numbers: int) -> str:
    if numbers == len(present):
        return "; digits that are codes, such as zeros in front, stay text"
    return f"; {percent(numbers / len(present))} of the values are numbers, the others are not"


def _kind_of_words(filled: pl.Series, different: int, missing: int) -> tuple[Kind, str]:
    if not different:
        return "empty", "every value is missing"
    if different == 1:
        always = f"always {visible(str(filled[0])[:SHOWN])}"
        return ("category", f"{always} or missing") if missing else ("constant", always)
    pair = sorted(filled.str.to_lowercase().unique()) if different <= SPELT_PAIRS else []
    if pair in YES_AND_NO:
        return "boolean", " and ".join(pair)
    words = float(filled.str.count_matches(WORD).mean() or 0)  # type: ignore[arg-type]
    if different > RARELY_REPEATED * len(filled) and words >= TEXT_WORDS:
        return (
            "text",
            f"text of {words:.0f} words in the mean, {percent(different / len(filled))} of them different",
        )
    if len(filled) >= LEAST_IDS and different >= ID_SHARE * len(filled):
        return (
            "id",
            f"{count(different, 'different value')} in {count(len(filled), 'row')}: they name the rows",
        )
    return "category", count(different, "different value")


def _with_words(series: pl.Series, present: pl.Series) -> tuple[pl.Series, tuple[str, ...], str]:
    """The column with NA and None kept where they are one of a few values, what is missing, and a sentence."""
    text = values.as_text(series, missing=values.CERTAIN)
    written = text.filter(text.str.to_lowercase().is_in(sorted(values.WORDS)).fill_null(False)).unique()
    if not len(written) or not 0 < present.n_unique() <= KEPT_WORD:
        return values.as_text(series, missing=values.SPELLINGS), SPELLINGS, ""
    shown = " and ".join(sorted(written))
    return text, tuple(sorted(values.CERTAIN)), f"; {shown} kept as a value of its own"


def _booleans(series: pl.Series) -> Column:
    text = values.as_text(series)
    different, missing = text.drop_nulls().n_unique(), text.null_count()
    kind, reason = _kind_of_words(text.drop_nulls(), different, missing)
    return _plain(series.name, kind, reason, missing, different)


def _date(
    name: str, days: NDArray[np.float64], pattern: str | None, reason: str, spelt: tuple[str, ...] = ()
) -> Column:
    finite = days[np.isfinite(days)]
    missing, different = len(days) - len(finite), len(np.unique(finite))
    if different <= 1:
        kind: Kind = "empty" if not different else "category" if missing else "constant"
        return _plain(
            name, kind, "one single date" if different else "every value is missing", missing, different
        )
    span = f"{reason}, from {_day(finite.min())} to {_day(finite.max())}"
    return Column(
        name=name,
        kind="date",
        reason=span,
        missing=missing,
        distinct=different,
        missing_as=spelt,
        date_format=pattern,
    )


def _day(days: float) -> str:
    return str(np.datetime64(int(np.floor(days)), "D"))


def date_formats(present: pl.Series) -> list[str]:
    """The formats of DATE_FORMATS that fit most values, and all but a few stray ones; usually one, or none.

    Several are given only where they read other dates.
    Month before day comes first where a slash parts them, and falls out as soon as a day above 12 shows.
    """
    few = present.unique(maintain_order=True).head(FORMAT_LOOKED_AT)
    if not len(few) or not few.str.contains(r"^.{0,40}$").all() or not few.str.contains(r"\d").all():
        return []
    fitting: list[str] = []
    best, known = 1 - STRAY, np.empty(0)
    for pattern in values.DATE_FORMATS:
        if values.moments_of(few, pattern).count() < LIKELY_FORMAT * len(few):
            continue
        days = values.as_dates(present, pattern)
        fits = float(((days >= FIRST_DATE) & (days <= LAST_DATE)).mean())
        if fits > best or (fits == best and not fitting):
            fitting, best, known = [pattern], fits, days
        elif fits == best and not np.array_equal(days, known, equal_nan=True):
            fitting.append(pattern)
    return fitting
