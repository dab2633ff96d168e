"""What each column of a table holds: number, category, boolean, date, text, id, constant or nothing.

Every decision looks at all rows, so that it does not depend on which rows come first. Each is told with its reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from firstlight.data.tables import values
from firstlight.text import count, number, percent, visible

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

Kind = Literal["number", "category", "boolean", "date", "text", "id", "constant", "empty"]

STRAY = 0.01  # of the values; so few words in a column of numbers count as missing (the common rule for bad input)
ZEROS_FIRST = 0.001  # of the values; a share of codes such as 007 from which on no zero is a slip (judgement)
FEW = 10  # whole numbers; so few different ones may be codes (judgement)
SHOWN = 40  # characters of a value in a sentence
LEAST_IDS = 20  # rows; with fewer, numbers may all differ by chance
ID_SHARE = 0.99  # of the values that are different
ID_DENSITY = 10  # a counter with gaps: its range is at most so many times its rows (judgement)
EXACT_DIGITS = 15  # longer whole numbers are not exact as float64: codes
TEXT_WORDS = 3  # mean words of a value, from which on values that rarely repeat are text (judgement)
# A word, and each character of the scripts that have no blanks between words.
WORD = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}]|[^\s\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}]+"
RARELY_REPEATED = 0.5  # different values among the values
KEPT_WORD = 20  # different values at most, for NA or None to be one of them (judgement)
FORMAT_LOOKED_AT = 200  # different values that a date format is tried on before all are
FIRST_DATE, LAST_DATE = -135_140.0, 84_006.0  # days from 1970 to 1600 and 2200: outside, it is another format


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """What was found in a column."""

    name: str
    kind: Kind
    reason: str  # a sentence for the person
    missing: int  # rows without a value
    distinct: int  # different values
    missing_as: tuple[str, ...] = ()  # lower-case spellings that mean missing here, beside the empty value
    date_format: str | None = None  # of dates that are text


def describe(frame: pl.DataFrame, *, target: str | None) -> tuple[Column, ...]:
    """The columns that a model may see, in the order of the table.

    Args:
        frame: A `ReadTable.frame`.
        target: The target, or several joined by commas; not among the answer. None = every column is described.
    """
    targets = (
        set()
        if target is None
        else {target}
        if target in frame.columns
        else {t.strip() for t in target.split(",")}
    )
    return tuple(describe_column(series) for series in frame if series.name not in targets)


def describe_column(series: pl.Series) -> Column:
    """What one column holds."""
    import polars as pl

    if series.dtype == pl.Boolean:
        text = values.as_text(series)
        return _category(series.name, text, (), "boolean", "true and false")
    if series.dtype.is_temporal():
        return _date(series.name, values.as_dates(series), None, "dates")
    text = values.as_text(series, missing=values.CERTAIN)
    numbers_or_words = text.filter(~text.str.to_lowercase().is_in(list(values.WORDS)).fill_null(False))
    present = numbers_or_words.drop_nulls()
    if not len(present) and not text.count():
        return _plain(series.name, "empty", "every value is missing", len(text), 0)
    found = values.floats(present)
    stray = found.is_null()
    if len(present) and int(stray.sum()) <= STRAY * len(present) and not _codes(present):
        return _number(series, text, present.filter(stray))
    return _words(series.name, text, present, found)


def _plain(
    name: str, kind: Kind, reason: str, missing: int, distinct: int, missing_as: tuple[str, ...] = ()
) -> Column:
    return Column(
        name=name, kind=kind, reason=reason, missing=missing, distinct=distinct, missing_as=missing_as
    )


def _codes(present: pl.Series) -> bool:
    """Digits that would lose something as numbers: zeros in front, or more digits than float64 holds."""
    zeros = int(present.str.contains(values.ZEROS_FIRST).sum())
    digits = int(present.str.contains(rf"^\d{{{EXACT_DIGITS + 1},}}$").sum())
    return zeros > ZEROS_FIRST * len(present) or digits > ZEROS_FIRST * len(present)


def _number(series: pl.Series, text: pl.Series, stray: pl.Series) -> Column:
    """A column of numbers; what is none, and what is infinite, counts as missing."""
    found = values.as_numbers(series)
    finite = found[np.isfinite(found)]
    missing, different = len(found) - len(finite), len(np.unique(finite))
    spelt = _spelt(series, values.SPELLINGS)
    if not len(finite):
        return _plain(series.name, "empty", "no value is finite", missing, 0, spelt)
    if different == 1 and not missing:
        return _plain(series.name, "constant", f"always {number(finite[0])}", 0, 1, spelt)
    if different == 1:
        reason = f"{number(finite[0])} or missing"
        return _plain(series.name, "category", reason, missing, 1, spelt)
    days = _digits_are_dates(text, finite)
    if days is not None:
        return _date(series.name, days, "%Y%m%d", "dates written as eight digits", spelt)
    whole = bool((finite == np.rint(finite)).all())
    if whole and set(np.unique(finite)) == {0.0, 1.0}:
        return _plain(series.name, "boolean", "0 and 1", missing, 2, spelt)
    counter = _counter(series.name, found) if whole and not missing else None
    if counter:
        return _plain(series.name, "id", counter, missing, different, spelt)
    reason = _number_reason(finite, different, whole) + _left_out(text, found, stray)
    return _plain(series.name, "number", reason, missing, different, spelt)


def _number_reason(finite: NDArray[np.float64], different: int, whole: bool) -> str:
    span = f"from {number(finite.min())} to {number(finite.max())}"
    if not whole:
        return f"numbers {span}"
    if different <= FEW:
        return f"{different} different whole numbers {span}, taken as quantities although they may be codes"
    return f"whole numbers {span}"


def _left_out(text: pl.Series, found: NDArray[np.float64], stray: pl.Series) -> str:
    """What counts as missing although something is written there."""
    said = ""
    if len(stray):
        row = int((text == stray[0]).arg_true()[0]) + 1
        shown = f"{visible(str(stray[0])[:SHOWN])} in row {row:,}"
        said += f"; {count(len(stray), 'value')} no number, such as {shown}: taken as missing"
    infinite = int(np.isinf(found).sum())
    return said + (f"; {count(infinite, 'infinite value')} taken as missing" if infinite else "")


def _counter(name: str, found: NDArray[np.float64]) -> str | None:
    """Why whole numbers that all differ are an id; None when they may be quantities."""
    ordered = np.sort(found)
    if len(found) < LEAST_IDS or (np.diff(ordered) == 0).any():
        return None
    if (np.diff(ordered) == np.diff(ordered)[0]).all():
        return "whole numbers in equal steps, each once: they number the rows"
    steps = np.diff(found)
    called = _called_id(name)
    if (steps > 0).all() and (called or ordered[-1] - ordered[0] < ID_DENSITY * len(found)):
        return "whole numbers that rise from row to row: they number the rows"
    return "whole numbers, each once, and called an id" if called else None


def _called_id(name: str) -> bool:
    plain = name.strip().lower()
    return (
        plain in ("id", "index", "key", "uuid", "guid")
        or plain.endswith(("_id", " id", "-id"))
        or name.endswith(("Id", "ID"))
    )


def _digits_are_dates(text: pl.Series, finite: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """20240131 and its like, when every value is a date."""
    if finite.min() < 16_000_101 or finite.max() > 22_001_231 or (finite != np.rint(finite)).any():
        return None
    days = values.as_dates(text, "%Y%m%d")
    return days if np.isfinite(days).sum() == len(finite) else None


def _words(name: str, text: pl.Series, present: pl.Series, found: pl.Series) -> Column:
    """A column of words: boolean, dates, ids, text or categories."""
    pattern = date_format(present)
    if pattern is not None:
        full = values.as_dates(text, pattern)
        return _date(name, full, pattern, f"dates written as {pattern}", _written(text))
    kept, spelt, said = _with_words(text, present)
    different = kept.n_unique() - int(kept.null_count() > 0)
    missing, filled = kept.null_count(), kept.count()
    if different == 1:
        reason = f"always {visible(str(kept.drop_nulls()[0])[:SHOWN])}" + (" or missing" if missing else "")
        return _plain(name, "category" if missing else "constant", reason, missing, 1, spelt)
    if _is_boolean(kept):
        return _plain(name, "boolean", " and ".join(sorted(kept.drop_nulls().unique())), missing, 2, spelt)
    numbers = int(found.count())
    if numbers and not _codes(present):
        said += f"; {percent(numbers / len(present))} of the values are numbers, the others are not"
    elif numbers == len(present) and _codes(present):
        said += "; digits that are codes, such as zeros in front, and stay text"
    kind, reason = _kind_of_words(kept, different, filled)
    return _plain(name, kind, reason + said, missing, different, spelt)


def _kind_of_words(kept: pl.Series, different: int, filled: int) -> tuple[Kind, str]:
    words = float(kept.drop_nulls().str.count_matches(WORD).mean() or 0)  # type: ignore[arg-type]
    if different > RARELY_REPEATED * filled and words >= TEXT_WORDS:
        return (
            "text",
            f"text of {words:.0f} words in the mean, {percent(different / filled)} of them different",
        )
    if filled >= LEAST_IDS and different >= ID_SHARE * filled:
        return "id", f"{count(different, 'different value')} in {filled:,} rows: they name the rows"
    return "category", count(different, "different value")


def _with_words(text: pl.Series, present: pl.Series) -> tuple[pl.Series, tuple[str, ...], str]:
    """The column with NA and None kept where they are one of a few values, and what that means."""
    written = _written(text)
    few = 0 < present.n_unique() <= KEPT_WORD
    if not written or not few:
        return values.as_text(text, missing=values.WORDS), tuple(sorted(values.SPELLINGS)), ""
    shown = ", ".join(sorted(set(text.filter(text.str.to_lowercase().is_in(list(written)).fill_null(False)))))
    return text, tuple(sorted(values.CERTAIN)), f"; {shown} is kept as a value of its own"


def _written(text: pl.Series) -> tuple[str, ...]:
    lowered = text.str.to_lowercase()
    return tuple(sorted(word for word in values.WORDS if (lowered == word).any()))


def _spelt(series: pl.Series, spellings: frozenset[str]) -> tuple[str, ...]:
    return tuple(sorted(spellings)) if str(series.dtype) == "String" else ()


def _is_boolean(kept: pl.Series) -> bool:
    pair = sorted(kept.drop_nulls().str.to_lowercase().unique())
    return len(pair) == 2 and sorted(pair) in [
        sorted(two) for two in zip(values.TRUE, values.FALSE, strict=True)
    ]


def _category(name: str, text: pl.Series, spelt: tuple[str, ...], kind: Kind, reason: str) -> Column:
    different, missing = text.drop_nulls().n_unique(), text.null_count()
    if different <= 1 and not missing:
        kind, reason = "constant", f"always {visible(str(text[0]))}"
    elif not different:
        kind, reason = "empty", "every value is missing"
    return _plain(name, kind, reason, missing, different, spelt)


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


def date_format(present: pl.Series) -> str | None:
    """The format of DATE_FORMATS that all but a few stray values have; of two that fit, the first.

    Month before day is tried first where a slash parts them, and given up as soon as a day above 12 shows.
    """
    few = present.unique(maintain_order=True).head(FORMAT_LOOKED_AT)
    if not len(few) or not few.str.contains(r"^.{0,40}$").all() or not few.str.contains(r"\d").all():
        return None
    best, share = None, 1 - STRAY
    for pattern in values.DATE_FORMATS:
        if values.moments_of(few, pattern).count() < 0.9 * len(few):
            continue
        days = values.as_dates(present, pattern)
        fits = float(((days >= FIRST_DATE) & (days <= LAST_DATE)).mean())
        if fits > share or (best is None and fits >= share):
            best, share = pattern, fits
    return best
