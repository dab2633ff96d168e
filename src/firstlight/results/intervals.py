"""How sure a figure is: 95 % intervals from the rows that were predicted.

What these intervals cover is the luck of which rows are in the validation part. They do not cover the luck of
the seed: that takes several runs.

    a share (accuracy, recall, precision)       wilson
    an average over classes, or a mean loss     bootstrap over rows
    two models on the same rows                 paired_difference, with an exact McNemar test
    other metrics, and their paired differences results.resamples
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEVEL = 0.95  # the level that every report of firstlight uses (convention)
RESAMPLES = (
    2000  # end points of a 95 % interval then vary by about 3 % of its width (measured, see the tests)
)
FEWEST_RESAMPLES = 200  # judgement: below this the end points are guesses
MOST_DRAWS = 40_000_000  # rows drawn in all, about two seconds; large validation parts get fewer resamples
CHUNK = 2_000_000  # rows or cells held at a time, about 16 MB each array

Statistic = Callable[["NDArray[np.int64]"], "NDArray[np.float64]"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Paired:
    """The metric of the first model minus that of the second, on the same rows."""

    difference: float
    low: float
    high: float
    rows: int
    p_value: float | None = None  # exact McNemar, two-sided; only accuracy has one


def wilson(successes: float, rows: float, *, level: float = LEVEL) -> tuple[float, float]:
    """The Wilson score interval of a share; holds its level also for few rows and for shares near 0 and 1.

    Args:
        successes: 0 to `rows`.
        rows: How many there are; with none nothing is known and the interval is (0, 1).
        level: Probability that the interval covers, 0 to 1.
    """
    if rows <= 0:
        return 0.0, 1.0
    z = _quantile(level)
    share = successes / rows
    scale = 1 + z * z / rows
    middle = (share + z * z / (2 * rows)) / scale
    half = z / scale * math.sqrt(share * (1 - share) / rows + z * z / (4 * rows * rows))
    # At the ends the bound is exact, and rounding must not push it past the share itself.
    low = 0.0 if successes <= 0 else max(0.0, middle - half)
    high = 1.0 if successes >= rows else min(1.0, middle + half)
    return low, high


def bootstrap(
    statistic: Statistic,
    rows: int,
    *,
    width: int = 1,
    level: float = LEVEL,
    seed: int = 0,
) -> tuple[float, float]:
    """A bias-corrected percentile interval (Efron 1981) of a statistic of rows.

    RESAMPLES are drawn; fewer when `rows` is so large that they would take more than a few seconds.

    Args:
        statistic: Takes row positions (resamples, rows) and gives one value for each resample (resamples,).
        rows: Rows there are, at least one.
        width: Cells that the statistic needs for a resample beside the rows, to keep memory bounded.
        level: Probability that the interval covers.
        seed: The same seed gives the same interval.

    Returns:
        Low and high end; both equal to the value when the statistic does not vary.
    """
    rng = np.random.default_rng(seed)
    count = num_resamples(rows)
    at_once = max(1, CHUNK // max(rows, width))
    values = np.concatenate(
        [
            statistic(rng.integers(rows, size=(min(at_once, count - done), rows)))
            for done in range(0, count, at_once)
        ]
    )
    return bias_corrected(values, float(statistic(np.arange(rows)[None])[0]), level=level)


def num_resamples(cells: int) -> int:
    """How many resamples are drawn when each looks at so many cells."""
    return max(FEWEST_RESAMPLES, min(RESAMPLES, MOST_DRAWS // cells))


def bias_corrected(
    values: NDArray[np.float64], observed: float, *, level: float = LEVEL
) -> tuple[float, float]:
    """The bias-corrected percentile interval (Efron 1981) from the values of resamples.

    Args:
        values: (resamples,); NaN where a resample has no value, which is left out.
        observed: The value of the rows as they are.
        level: Probability that the interval covers.

    Returns:
        Low and high end; both NaN when fewer than half of the resamples have a value.
    """
    known = values[np.isfinite(values)]
    if 2 * len(known) < len(values):
        return math.nan, math.nan
    # Averages over classes lean to one side when a resample misses a rare class; the shift corrects it.
    below = (np.sum(known < observed) + 0.5 * np.sum(known == observed)) / len(known)
    normal = NormalDist()
    shift = normal.inv_cdf(min(max(float(below), 0.5 / len(known)), 1 - 0.5 / len(known)))
    z = _quantile(level)
    low, high = np.quantile(known, [normal.cdf(2 * shift - z), normal.cdf(2 * shift + z)])
    return float(low), float(high)


def mean_interval(values: NDArray[np.float64], *, level: float = LEVEL, seed: int = 0) -> tuple[float, float]:
    """Interval of a mean, such as the mean loss; `values` is (rows,)."""
    return bootstrap(lambda drawn: values[drawn].mean(axis=1), len(values), level=level, seed=seed)


def class_average_intervals(
    labels: NDArray[np.int64],
    predicted: NDArray[np.int64],
    classes: int,
    *,
    level: float = LEVEL,
    seed: int = 0,
) -> dict[str, tuple[float, float]]:
    """Intervals of `val_balanced_accuracy` and `val_macro_f1`; classes without a row are left out.

    Args:
        labels: True classes, int64 (rows,).
        predicted: Predicted classes, int64 (rows,).
        classes: Number of classes.
        level: Probability that each interval covers.
        seed: Of the resamples.
    """
    hit_labels = np.where(labels == predicted, labels, classes)  # column `classes` collects the misses
    found: dict[str, tuple[float, float]] = {}
    for name, with_claims in (("val_balanced_accuracy", False), ("val_macro_f1", True)):

        def average(drawn: NDArray[np.int64], with_claims: bool = with_claims) -> NDArray[np.float64]:
            hits = _tally(hit_labels, drawn, classes + 1)[:, :classes]
            actual = _tally(labels, drawn, classes)
            share = hits / np.maximum(actual, 1)
            if with_claims:
                share = 2 * hits / np.maximum(actual + _tally(predicted, drawn, classes), 1)
            present = actual > 0
            return np.asarray((share * present).sum(axis=1) / present.sum(axis=1))

        found[name] = bootstrap(average, len(labels), width=classes, level=level, seed=seed)
    return found


def paired_difference(first: NDArray[np.bool_], second: NDArray[np.bool_], *, level: float = LEVEL) -> Paired:
    """How much more accurate the first is than the second on the same rows, as a share of them.

    The interval is the adjusted Wald interval for matched pairs (Bonett and Price 2012): for many rows the
    same as a paired bootstrap, but it needs no seed and stays honest for few rows and few differences, where
    the bootstrap's shrinks to a point.

    Args:
        first: Right or wrong, bool (rows,).
        second: The same for the other model, in the same order.
        level: Probability that the interval covers.

    Raises:
        ValueError: Not the same number of rows, or none.
    """
    if len(first) != len(second) or not len(first):
        raise ValueError(f"paired rows wanted, got {len(first)} and {len(second)}")
    rows = len(first)
    only_first, only_second = int(np.sum(first & ~second)), int(np.sum(second & ~first))
    a, b = (only_first + 1) / (rows + 2), (only_second + 1) / (rows + 2)
    half = _quantile(level) * math.sqrt(max(a + b - (a - b) ** 2, 0.0) / (rows + 2))
    return Paired(
        difference=(only_first - only_second) / rows,
        low=max(-1.0, a - b - half),
        high=min(1.0, a - b + half),
        rows=rows,
        p_value=mcnemar(only_first, only_second),
    )


def mcnemar(only_first: int, only_second: int) -> float:
    """The exact two-sided p-value that both err equally often, from the rows where exactly one is right."""
    rows = only_first + only_second
    if only_first == only_second:
        return 1.0
    log_all = math.lgamma(rows + 1) - rows * math.log(2)
    tail = math.fsum(
        math.exp(log_all - math.lgamma(k + 1) - math.lgamma(rows - k + 1))
        for k in range(min(only_first, only_second) + 1)
    )
    return min(1.0, 2 * tail)


def _tally(values: NDArray[np.int64], drawn: NDArray[np.int64], width: int) -> NDArray[np.int64]:
    """How often each of `width` values occurs in each resample: (resamples, width)."""
    resamples = len(drawn)
    cells = values[drawn] + np.arange(resamples)[:, None] * width
    return np.bincount(cells.ravel(), minlength=resamples * width).reshape(resamples, width)


def _quantile(level: float) -> float:
    return NormalDist().inv_cdf(0.5 + level / 2)
