"""Metrics of many resamples at once, from how often each row is drawn: intervals and paired differences.

    draw({"model": auroc(...), "boosting": auroc(...)}, rows) -> Drawn
    Drawn.interval("model"), Drawn.difference("model", "boosting")

All metrics of one `draw` see the same resamples, so that two models are compared on the same rows. Most metrics
are sums over rows, so a thousand resamples are one matrix product; the area under the ROC curve goes by ranks.
Rows that belong together are drawn together (results.groups).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from firstlight.results.groups import Groups, expanded
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
    groups: Groups | None = None

    def interval(self, name: str) -> tuple[float, float]:
        """The 95 % interval of one metric; NaN when there is one group only."""
        return self._interval(self.values[name], self.observed[name])

    def difference(self, first: str, second: str) -> Paired:
        """First minus second on the same rows."""
        difference = self.observed[first] - self.observed[second]
        low, high = self._interval(self.values[first] - self.values[second], difference)
        number = None if self.groups is None else self.groups.count
        return Paired(difference=difference, low=low, high=high, rows=self.rows, groups=number)

    def _interval(self, values: NDArray[np.float64], observed: float) -> tuple[float, float]:
        if self.groups is not None and self.groups.count < 2:
            return math.nan, math.nan
        return bias_corrected(values, observed, z=expanded(self.groups))


def draw(
    metrics: Mapping[str, Weighted],
    rows: int,
    *,
    groups: Groups | None = None,
    cells: int = 0,
    width: int = 0,
    seed: int = 0,
) -> Drawn:
    """Draws rows with replacement, as many as there are, again and again; or whole groups of them.

    Args:
        metrics: What is computed of each resample.
        rows: Rows there are, at least one.
        groups: Of the rows; None when each stands alone.
        cells: Numbers that a metric looks at in a resample when these are more than `rows`.
        width: Numbers that a metric holds of a resample when these are more than `rows`.
        seed: The same seed gives the same resamples.
    """
    rng = np.random.default_rng(seed)
    count = num_resamples(max(rows, cells))
    at_once = max(1, CHUNK // max(rows, width))
    parts: dict[str, list[NDArray[np.float64]]] = {name: [] for name in metrics}
    for done in range(0, count, at_once):
        times = _times(rng, min(at_once, count - done), rows if groups is None else groups.count)
        times = times if groups is None else times[:, groups.codes]
        for name, metric in metrics.items():
            parts[name].append(metric(times))
    whole = np.ones((1, rows))
    return Drawn(
        observed={name: float(metric(whole)[0]) for name, metric in metrics.items()},
        values={name: np.concatenate(found) for name, found in parts.items()},
        rows=rows,
        groups=groups,
    )


def mean_of(values: NDArray[np.float64]) -> Weighted:
    """The mean of one number a row, (rows,)."""
    return lambda times: times @ values / times.sum(axis=1)


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
    centred = targets - targets.mean()  # sums then lose no digits to a large mean
    columns = np.stack([errors**2, centred, centred**2], axis=1)

    def metric(times: NDArray[np.float64]) -> NDArray[np.float64]:
        squared, total, square = (times @ columns).T
        deviation = square - total**2 / times.sum(axis=1)
        return 1 - _ratio(squared, np.where(deviation > ROUNDING * square, deviation, 0.0))

    return metric


def one_of(classes: NDArray[np.int64], number: int) -> Any:
    """Sparse (rows, number): 1 at the class of each row."""
    from scipy.sparse import csr_matrix

    rows = len(classes)
    return csr_matrix((np.ones(rows), (np.arange(rows), classes)), shape=(rows, number))


def macro_recall(actual: Any, claimed: Any) -> Weighted:
    """Mean recall of the labels that a resample has.

    Args:
        actual: What is true, (rows, labels) of 0 and 1: an array, or sparse.
        claimed: What is predicted, in the same form.
    """
    hits, there = _hits(actual, claimed), _floats(actual)
    return lambda times: _mean_of_known(_ratio(times @ hits, times @ there))


def macro_f1(actual: Any, claimed: Any) -> Weighted:
    """Mean F1 of the labels that a resample has; the arguments are those of `macro_recall`."""
    hits, there, called = _hits(actual, claimed), _floats(actual), _floats(claimed)

    def metric(times: NDArray[np.float64]) -> NDArray[np.float64]:
        present = times @ there
        f1 = _ratio(2 * (times @ hits), present + times @ called)
        return _mean_of_known(np.where(present > 0, f1, np.nan))

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


def _hits(actual: Any, claimed: Any) -> Any:
    """1 where a label is true and predicted, (rows, labels)."""
    return _floats(actual & claimed if isinstance(actual, np.ndarray) else actual.multiply(claimed))


def _floats(labels: Any) -> Any:
    return labels.astype(np.float64) if isinstance(labels, np.ndarray) else labels.tocsr()


def _times(rng: np.random.Generator, resamples: int, rows: int) -> NDArray[np.float64]:
    """How often each row, or group, is drawn: (resamples, rows), each line adding up to `rows`."""
    lines = [np.bincount(rng.integers(rows, size=rows), minlength=rows) for _ in range(resamples)]
    return np.array(lines, dtype=np.float64)


def _ratio(above: NDArray[np.float64], below: NDArray[np.float64]) -> NDArray[np.float64]:
    """Above / below, NaN where `below` is nought."""
    return np.asarray(np.divide(above, below, out=np.full(below.shape, np.nan), where=below > 0))


def _mean_of_known(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean over the labels (resamples, labels) that have a value; NaN where none has."""
    known = np.isfinite(values)
    return _ratio(np.where(known, values, 0.0).sum(axis=1), known.sum(axis=1).astype(np.float64))
