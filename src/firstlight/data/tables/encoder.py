"""A table's columns as numbers and codes, fitted on the training rows alone.

Numbers stay in their unit; the encoder holds what a network needs to scale them. The scaling is RealMLP's: the
distance from the median over the range of the middle half, clipped smoothly (Holzmüller, Grinsztajn and Steinwart,
"Better by default", NeurIPS 2024).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from firstlight.data.tables import values
from firstlight.errors import DataError
from firstlight.text import visible

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

    from firstlight.data.tables.column import Column

UNKNOWN = 0  # code of a value that training never or hardly had
MISSING = 1  # code of no value
FIRST = 2  # code of the first value
FEWEST = 2  # training rows of a value; one that was seen once can only be learnt by heart
MOST_VALUES = 20_000  # of a category, the commonest; the others count as unknown (judgement)
SAMPLE = 200_000  # training rows, evenly taken, that quantiles are measured on
LIMIT = 1e6  # scaled units; beyond it a number says no more
LARGEST, SMALLEST = 1e30, 1e-30  # of a value, and of a range: so that nothing overflows as float32 (3e38)
RESOLVED = 1e5  # median over range; above it float32 has no digits left for the differences

Piece = Literal["value", "days", "month", "weekday", "hour"]
DATE_PIECES: tuple[Piece, ...] = ("days", "month", "weekday", "hour")


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """One input that is a number: a column of numbers, or a piece of a date. All figures are of training rows."""

    name: str
    column: str
    piece: Piece
    date_format: str | None
    mark: values.Mark  # of decimals, in text
    # Subtracted before all else, from the median too; not 0 only where float32 could not hold the differences.
    origin: float
    median: float
    scale: float  # (x - median) * scale has no unit; 0 for a column that does not vary


@dataclass(frozen=True, slots=True, kw_only=True)
class Category:
    """One input that is a code: UNKNOWN, MISSING, or FIRST and the place of the value."""

    column: str
    boolean: bool
    mark: values.Mark  # of decimals, where a boolean is written as a number
    missing_as: tuple[str, ...]
    values: tuple[str, ...]

    @property
    def cardinality(self) -> int:
        """Codes that there are."""
        return FIRST + len(self.values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """What a model sees of the rows."""

    numbers: NDArray[np.float32]  # (rows, numbers), in the unit of the column; NaN = missing
    codes: NDArray[np.int32]  # (rows, categories)


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoder:
    """Everything that is needed to encode rows of the same table, as plain values."""

    numbers: tuple[Number, ...]
    categories: tuple[Category, ...]
    left_out: tuple[tuple[str, str], ...]  # column, why a model does not see it

    @property
    def cardinalities(self) -> tuple[int, ...]:
        """Codes of each category, unknown and missing among them."""
        return tuple(category.cardinality for category in self.categories)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are needed, each once."""
        return tuple(dict.fromkeys([*(n.column for n in self.numbers), *(c.column for c in self.categories)]))

    def encode(self, frame: pl.DataFrame) -> Encoded:
        """Encodes rows; the frame may have more columns, in any order.

        Raises:
            DataError: A column is missing.
        """
        absent = lacking(frame, self.columns)
        if absent:
            shown = ", ".join(visible(name) for name in absent)
            raise DataError(
                "columns of the training table are missing", shown, "add them; empty values are allowed"
            )
        numbers = np.empty((len(frame), len(self.numbers)), np.float32)
        for place, found in enumerate(_measured(frame, self.numbers)):
            numbers[:, place] = found
        codes = np.empty((len(frame), len(self.categories)), np.int32)
        for place, category in enumerate(self.categories):
            codes[:, place] = coded(frame[category.column], category)
        return Encoded(numbers=numbers, codes=codes)

    def to_meta(self) -> dict[str, Any]:
        """Plain values for a checkpoint."""
        return {
            "format": 1,
            "numbers": [asdict(number) for number in self.numbers],
            "categories": [
                {**asdict(c), "missing_as": list(c.missing_as), "values": list(c.values)}
                for c in self.categories
            ],
            "left_out": [list(pair) for pair in self.left_out],
        }


def lacking(frame: pl.DataFrame, wanted: tuple[str, ...]) -> list[str]:
    """The columns that a frame does not have; polars makes a new list of names each time that it is asked."""
    present = set(frame.columns)
    return [name for name in wanted if name not in present]


def from_meta(meta: dict[str, Any]) -> Encoder:
    """The encoder that `to_meta` described."""
    return Encoder(
        numbers=tuple(Number(**n) for n in meta["numbers"]),
        categories=tuple(
            Category(**{**c, "missing_as": tuple(c["missing_as"]), "values": tuple(c["values"])})
            for c in meta["categories"]
        ),
        left_out=tuple((name, reason) for name, reason in meta["left_out"]),
    )


def fit_encoder(frame: pl.DataFrame, columns: tuple[Column, ...], train_rows: NDArray[np.int64]) -> Encoder:
    """Fits on the training rows; the others are never looked at.

    Args:
        frame: The table.
        columns: From `describe`, without the target.
        train_rows: Positions in the frame.

    Raises:
        DataError: No column is left that a model could see.
    """
    numbers: list[Number] = []
    categories: list[Category] = []
    left_out: list[tuple[str, str]] = []
    for column in columns:
        series = frame[column.name].gather(train_rows)
        if column.kind == "number":
            numbers.append(_fit_number(column, "value", values.as_numbers(series, column.mark)))
        elif column.kind == "date":
            numbers += _fit_date(column, values.as_dates(series, column.date_format))
        elif column.kind in ("category", "boolean"):
            categories.append(_fit_category(column, series))
        else:
            left_out.append((column.name, f"{column.kind}: {column.reason}"))
    if not numbers and not categories:
        shown = "; ".join(f"{name} ({reason})" for name, reason in left_out)
        raise DataError(
            "no column is left to predict from", visible(shown), "add columns of numbers or categories"
        )
    return Encoder(numbers=tuple(numbers), categories=tuple(categories), left_out=tuple(left_out))


def _fit_number(column: Column, piece: Piece, found: NDArray[np.float64]) -> Number:
    finite = np.clip(found[np.isfinite(found)], -LARGEST, LARGEST)
    sample = finite[:: max(1, -(-len(finite) // SAMPLE))] if len(finite) else np.zeros(1)
    low, first, median, third, high = np.quantile(sample, [0, 0.25, 0.5, 0.75, 1])
    # RealMLP: where the middle half is one value, the whole range counts.
    width = third - first if third > first else (high - low) / 2
    scale = 1 / width if width > SMALLEST else 0.0
    origin = median if abs(median) * scale > RESOLVED else 0.0
    return Number(
        name=column.name if piece in ("value", "days") else f"{column.name} {piece}",
        column=column.name,
        piece=piece,
        date_format=column.date_format,
        mark=column.mark,
        origin=float(origin),
        median=float(median - origin),
        scale=float(scale),
    )


def _fit_date(column: Column, days: NDArray[np.float64]) -> Iterator[Number]:
    """The day, and those of month, weekday and hour that vary."""
    for piece in DATE_PIECES:
        found = piece_of(days, piece)
        if piece == "days" or len(np.unique(found[np.isfinite(found)])) > 1:
            yield _fit_number(column, piece, found)


def piece_of(days: NDArray[np.float64], piece: Piece) -> NDArray[np.float64]:
    """Of days since 1970: the days, the month 1 to 12, the weekday 0 (Monday) to 6, the hour 0 to 23.99."""
    if piece == "days":
        return days
    whole = np.floor(days)
    if piece == "hour":
        return (days - whole) * 24
    if piece == "weekday":
        return (whole + 3) % 7  # 1970-01-01 was a Thursday
    month = np.full(len(days), np.nan)
    known = np.isfinite(days)
    month[known] = whole[known].astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) % 12 + 1
    return month


def _measured(frame: pl.DataFrame, numbers: tuple[Number, ...]) -> Iterator[NDArray[np.float64]]:
    """The values of each number, NaN where they are missing or infinite; a date is read once."""
    days: dict[str, NDArray[np.float64]] = {}
    for number in numbers:
        if number.piece == "value":
            found = values.as_numbers(frame[number.column], number.mark)
        else:
            if number.column not in days:
                days[number.column] = values.as_dates(frame[number.column], number.date_format)
            found = piece_of(days[number.column], number.piece)
        found = np.where(np.isfinite(found), np.clip(found, -LARGEST, LARGEST) - number.origin, np.nan)
        bound = LIMIT / number.scale if number.scale else LARGEST
        yield np.clip(found, number.median - bound, number.median + bound)


def _fit_category(column: Column, series: pl.Series) -> Category:
    import polars as pl

    boolean = column.kind == "boolean"
    text = spoken(series, frozenset(column.missing_as), boolean=boolean, mark=column.mark).drop_nulls()
    counts = text.alias("value").to_frame().group_by("value").len().filter(pl.col("len") >= FEWEST)
    common = counts.sort(["len", "value"], descending=[True, False]).head(MOST_VALUES)
    return Category(
        column=column.name,
        boolean=boolean,
        mark=column.mark,
        missing_as=column.missing_as,
        values=tuple(sorted(common["value"].to_list())),
    )


def spoken(series: pl.Series, missing_as: frozenset[str], *, boolean: bool, mark: values.Mark) -> pl.Series:
    """A category's values as text; yes, true and 1 are the same in a boolean column."""
    text = values.as_text(series, missing=missing_as)
    if not boolean:
        return text
    yes, no = values.yes_and_no(text, mark)
    return text.str.to_lowercase().set(yes, "true").set(no, "false")


def coded(series: pl.Series, category: Category) -> NDArray[np.int32]:
    """(rows,): the codes of a column."""
    import polars as pl

    text = spoken(series, frozenset(category.missing_as), boolean=category.boolean, mark=category.mark)
    known = list(category.values)
    codes = text.replace_strict(
        known, list(range(FIRST, FIRST + len(known))), default=UNKNOWN, return_dtype=pl.Int32
    )
    return np.asarray(codes.set(text.is_null(), MISSING).to_numpy(), dtype=np.int32)
