"""How sure a figure is: 95 % intervals from the rows that were predicted.

What these intervals cover is the luck of which rows are in the validation part. They do not cover the luck of
the seed: that takes several runs.

    a share (accuracy, recall, precision)       wilson, share_intervals
    two models' accuracies on the same rows     paired_difference, with an exact McNemar test
    other metrics, and their paired differences results.resamples

Rows that belong together (`data.group`) count for what their groups are worth: results.groups.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np

from firstlight.results.groups import LEVEL, Groups, independent_rows, quantile

if TYPE_CHECKING:
    from numpy.typing import NDArray

RESAMPLES = (
    2000  # end points of a 95 % interval then vary by about 3 % of its width (measured, see the tests)
)
FEWEST_RESAMPLES = 200  # judgement: below this the end points are guesses
MOST_DRAWS = 40_000_000  # rows drawn in all, about two seconds; large validation parts get fewer resamples
CHUNK = 2_000_000  # rows or cells held at a time, about 16 MB each array


@dataclass(frozen=True, slots=True, kw_only=True)
class Paired:
    """The metric of the first model minus that of the second, on the same rows."""

    difference: float
    low: float
    high: float
    rows: int
    p_value: float | None = None  # exact McNemar, two-sided; only accuracy of independent rows has one
    groups: int | None = None  # that the rows belong to; None when each stands alone


def wilson(successes: float, rows: float, *, level: float = LEVEL) -> tuple[float, float]:
    """The Wilson score interval of a share; holds its level also for few rows and for shares near 0 and 1.

    Args:
        successes: 0 to `rows`.
        rows: How many there are; with none nothing is known and the interval is (0, 1).
        level: Probability that the interval covers, 0 to 1.
    """
    if rows <= 0:
        return 0.0, 1.0
    z = quantile(level)
    share = successes / rows
    scale = 1 + z * z / rows
    middle = (share + z * z / (2 * rows)) / scale
    half = z / scale * math.sqrt(share * (1 - share) / rows + z * z / (4 * rows * rows))
    # At the ends the bound is exact, and rounding must not push it past the share itself.
    low = 0.0 if successes <= 0 else max(0.0, middle - half)
    high = 1.0 if successes >= rows else min(1.0, middle + half)
    return low, high


def share_intervals(hits: Any, among: Any, groups: Groups | None = None) -> list[tuple[float, float]]:
    """The Wilson interval of a share for each column.

    Args:
        hits: Sparse (rows, columns) of 0 and 1.
        among: Sparse (rows, columns) of 0 and 1: the rows that the share is of, `hits` among them.
        groups: Of the rows; None when each stands alone.
    """
    won, rows = (np.asarray(table.sum(axis=0), dtype=np.float64).ravel() for table in (hits, among))
    worth = rows if groups is None else independent_rows(hits, among, groups)
    share = np.divide(won, rows, out=np.ones(len(rows)), where=rows > 0)  # of all rows exactly 1
    return [wilson(w, n) for w, n in zip((share * worth).tolist(), worth.tolist(), strict=True)]


def share_interval(hits: NDArray[np.bool_], groups: Groups | None = None) -> tuple[float, float]:
    """The Wilson interval of the share of rows (rows,) that are hits."""
    if groups is None:
        return wilson(int(hits.sum()), len(hits))
    return share_intervals(_column(hits), _column(np.ones(len(hits))), groups)[0]


def num_resamples(cells: int) -> int:
    """How many resamples are drawn when each looks at so many cells."""
    return max(FEWEST_RESAMPLES, min(RESAMPLES, MOST_DRAWS // cells))


def bias_corrected(
    values: NDArray[np.float64], observed: float, *, z: float | None = None
) -> tuple[float, float]:
    """The bias-corrected percentile interval (Efron 1981) from the values of resamples.

    Args:
        values: (resamples,); NaN where a resample has no value, which is left out.
        observed: The value of the rows as they are.
        z: Quantile of the normal distribution at the upper end; None for that of LEVEL.

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
    z = quantile() if z is None else z
    low, high = np.quantile(known, [normal.cdf(2 * shift - z), normal.cdf(2 * shift + z)])
    return float(low), float(high)


def paired_difference(
    first: NDArray[np.bool_], second: NDArray[np.bool_], groups: Groups | None = None
) -> Paired:
    """How much more accurate the first is than the second on the same rows, as a share of them.

    The interval is the adjusted Wald interval for matched pairs (Bonett and Price 2012): for many rows the
    same as a paired bootstrap, but it needs no seed and stays honest for few rows and few differences, where
    the bootstrap's shrinks to a point. With groups it is that of as many independent pairs as the groups are
    worth, and there is no p-value: the exact test takes pairs to be independent.

    Args:
        first: Right or wrong, bool (rows,).
        second: The same for the other model, in the same order.
        groups: Of the rows; None when each stands alone.

    Raises:
        ValueError: Not the same number of rows, or none.
    """
    if len(first) != len(second) or not len(first):
        raise ValueError(f"paired rows wanted, got {len(first)} and {len(second)}")
    rows = len(first)
    only_first, only_second = int(np.sum(first & ~second)), int(np.sum(second & ~first))
    worth = float(rows)
    if groups is not None:
        apart = _column(first.astype(np.float64) - second)
        worth = float(independent_rows(apart, _column(np.ones(rows)), groups)[0])
    a, b = ((only * worth / rows + 1) / (worth + 2) for only in (only_first, only_second))
    half = quantile() * math.sqrt(max(a + b - (a - b) ** 2, 0.0) / (worth + 2))
    return Paired(
        difference=(only_first - only_second) / rows,
        low=max(-1.0, a - b - half),
        high=min(1.0, a - b + half),
        rows=rows,
        p_value=mcnemar(only_first, only_second) if groups is None else None,
        groups=None if groups is None else groups.count,
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


def _column(values: NDArray[Any]) -> Any:
    """(rows,) as a sparse column."""
    from scipy.sparse import csr_matrix

    return csr_matrix(np.asarray(values, dtype=np.float64)[:, None])
