"""Metrics of many resamples at once, from how often each row is drawn: intervals and paired differences.

    draw({"model": auroc(...), "boosting": auroc(...)}, rows) -> Drawn
    Drawn.interval("model"), Drawn.difference("model", "boosting")

All metrics of one `draw` see the same resamples, so that two models are compared on the same rows. Most metrics
are sums over rows, so a thousand resamples are one matrix product; the area under the ROC curve goes by ranks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from firstlight.results.intervals import CHUNK, Paired, bias_corrected, num_resamples

if TYPE_CHECKING:
    from numpy.typing import NDArray

ROUNDING = 1e-12  # relative; a smaller deviation is that of equal numbers (float64 has 16 digits)

# (how often each row is drawn, float64 (resamples, rows)) -> the metric of each resample (resamples,);
# NaN where a resample has none
Weighted = Callable[["NDArray[np.float64]"], "NDArray[np.float64]"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """Values of some metrics on the rows as they are, and on resamples that they share."""

    observed: Mapping[str, float]
    values: Mapping[str, NDArray[np.float64]]  # each (resamples,)
    rows: int

    def interval(self, name: str) -> tuple[float, float]:
        """The 95 % interval of one metric."""
        return bias_corrected(self.values[name], self.observed[name])

    def difference(self, first: str, second: str) -> Paired:
        """First minus second on the same rows."""
        difference = self.observed[first] - self.observed[second]
        low, high = bias_corrected(self.values[first] - self.values[second], difference)
        return Paired(difference=difference, low=low, high=high, rows=self.rows)


def draw(metrics: Mapping[str, Weighted], rows: int, *, cells: int = 0, seed: int = 0) -> Drawn:
    """Draws rows with replacement, as many as there are, again and again.

    Args:
        metrics: What is computed of each resample.
        rows: Rows there are, at least one.
        cells: Numbers that a metric looks at in a resample when these are more than `rows`.
        seed: The same seed gives the same resamples.
    """
    rng = np.random.default_rng(seed)
    count = num_resamples(max(rows, cells))
    at_once = max(1, CHUNK // rows)
    parts: dict[str, list[NDArray[np.float64]]] = {name: [] for name in metrics}
    for done in range(0, count, at_once):
        times = _times(rng, min(at_once, count - done), rows)
        for name, metric in metrics.items():
            parts[name].append(metric(times))
    whole = np.ones((1, rows))
    return Drawn(
        observed={name: float(metric(whole)[0]) for name, metric in metrics.items()},
        values={name: np.concatenate(found) for name, found in parts.items()},
        rows=rows,
    )


def mean_of(values: NDArray[np.float64]) -> Weighted:
    """The mean of one number a row, (rows,)."""
    return lambda times: times @ values / len(values)


def mean_among(values: NDArray[np.float64], chosen: NDArray[np.int64]) -> Weighted:
    """The mean of one number a row, (rows,), over the chosen rows; NaN for a resample that has none of them."""
    own = values[chosen]

    def metric(times: NDArray[np.float64]) -> NDArray[np.float64]:
        drawn = times[:, chosen]
        return _ratio(drawn @ own, drawn.sum(axis=1))

    return metric


def root_mean_square(errors: NDArray[np.float64]) -> Weighted:
    """RMSE from the errors (rows,)."""
    mean_square = mean_of(errors**2)
    return lambda times: np.sqrt(mean_square(times))


def r_squared(targets: NDArray[np.float64], errors: NDArray[np.float64]) -> Weighted:
    """R2 from targets and errors (rows,): NaN for a resample whose targets are all the same."""
    rows, centred = len(targets), targets - targets.mean()  # sums then lose no digits to a large mean
    columns = np.stack([errors**2, centred, centred**2], axis=1)

    def metric(times: NDArray[np.float64]) -> NDArray[np.float64]:
        squared, total, square = (times @ columns).T
        deviation = square - total**2 / rows
        return 1 - _ratio(squared, np.where(deviation > ROUNDING * square, deviation, 0.0))

    return metric


def macro_recall(actual: NDArray[np.bool_], claimed: NDArray[np.bool_]) -> Weighted:
    """Mean recall of the labels that a resample has, from what is true and what is predicted (rows, labels)."""
    columns, labels = np.hstack([actual & claimed, actual]).astype(np.float64), actual.shape[1]

    def metric(times: NDArray[np.float64]) -> NDArray[np.float64]:
        hits, there = np.split(times @ columns, (labels,), axis=1)
        return _mean_of_known(_ratio(hits, there))

    return metric


def macro_f1(actual: NDArray[np.bool_], claimed: NDArray[np.bool_]) -> Weighted:
    """Mean F1 of the labels that a resample has, from what is true and what is predicted (rows, labels)."""
    columns, labels = np.hstack([actual & claimed, actual, claimed]).astype(np.float64), actual.shape[1]

    def metric(times: NDArray[np.float64]) -> NDArray[np.float64]:
        hits, there, called = np.split(times @ columns, (labels, 2 * labels), axis=1)
        return _mean_of_known(np.where(there > 0, _ratio(2 * hits, there + called), np.nan))

    return metric


def auroc(scores: NDArray[np.floating], positive: NDArray[np.bool_]) -> Weighted:
    """Area under the ROC curve: the share of pairs in which the positive row has the higher score, ties half.

    Args:
        scores: (rows,).
        positive: (rows,); a resample without rows of both kinds gives NaN.
    """
    ones, zeros = (rows[np.argsort(scores[rows])] for rows in map(np.flatnonzero, (positive, ~positive)))
    below = np.searchsorted(scores[zeros], scores[ones], side="left")
    not_above = np.searchsorted(scores[zeros], scores[ones], side="right")

    def metric(times: NDArray[np.float64]) -> NDArray[np.float64]:
        passed = np.zeros((len(times), len(zeros) + 1))  # negatives drawn among the lowest ones
        np.cumsum(times[:, zeros], axis=1, out=passed[:, 1:])
        drawn = times[:, ones]
        won = np.einsum("rp,rp->r", drawn, passed[:, below] + passed[:, not_above]) / 2
        return _ratio(won, drawn.sum(axis=1) * passed[:, -1])

    return metric


def macro_auroc(scores: NDArray[np.floating], actual: NDArray[np.bool_]) -> Weighted:
    """Mean area of the labels that a resample has both with and without; (rows, labels)."""
    each = [auroc(scores[:, i], actual[:, i]) for i in range(actual.shape[1])]
    return lambda times: _mean_of_known(np.stack([metric(times) for metric in each], axis=1))


def _times(rng: np.random.Generator, resamples: int, rows: int) -> NDArray[np.float64]:
    """How often each row is drawn: (resamples, rows), each line adding up to `rows`."""
    lines = [np.bincount(rng.integers(rows, size=rows), minlength=rows) for _ in range(resamples)]
    return np.array(lines, dtype=np.float64)


def _ratio(above: NDArray[np.float64], below: NDArray[np.float64]) -> NDArray[np.float64]:
    """Above / below, NaN where `below` is nought."""
    return np.asarray(np.divide(above, below, out=np.full(below.shape, np.nan), where=below > 0))


def _mean_of_known(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean over the labels (resamples, labels) that have a value; NaN where none has."""
    known = np.isfinite(values)
    return _ratio(np.where(known, values, 0.0).sum(axis=1), known.sum(axis=1).astype(np.float64))
