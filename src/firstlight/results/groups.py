"""Rows that belong together: intervals go by what their groups are worth, not by how many rows there are.

A share, or the difference of two models' shares, has the interval of as many independent rows as would know it as
well: Kish's design effect ("Survey Sampling", 1965), with Student's t as in E. Korn and B. Graubard, "Confidence
intervals for proportions with small expected number of positive counts estimated from survey data" (1998). It has a
width where all rows are right, too, where a bootstrap has none.

For anything else whole groups are drawn with replacement, the cluster bootstrap (C. Field and A. Welsh,
"Bootstrapping clustered data", 2007; A. C. Cameron, J. Gelbach and D. Miller, "Bootstrap-based improvements for
inference with clustered errors", 2008), with ends that are expanded for few groups (T. Hesterberg, "What teachers
should know about the bootstrap", 2015).
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np

from firstlight.data.groups import FEW_GROUPS, numbered

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEVEL = 0.95  # the level that every report of firstlight uses (convention)


@dataclass(frozen=True, slots=True, kw_only=True)
class Groups:
    """The group of each row."""

    codes: NDArray[np.int64]  # (rows,), 0 to count - 1
    count: int

    @property
    def few(self) -> bool:
        """Whether they are too few for an interval to be trusted."""
        return self.count < FEW_GROUPS

    def taken(self, rows: NDArray[np.int64]) -> Groups:
        """The groups of the given rows, in their order."""
        return grouped(self.codes[rows])


def grouped(groups: NDArray[np.int64]) -> Groups:
    """From numbers of groups (rows,), -1 for a row that is alone."""
    codes = numbered(groups)
    return Groups(codes=codes, count=int(codes.max(initial=-1)) + 1)


def quantile(level: float = LEVEL) -> float:
    """Of the normal distribution: half the width of an interval, in standard errors."""
    return NormalDist().inv_cdf(0.5 + level / 2)


def expanded(groups: Groups | None, level: float = LEVEL) -> float:
    """The quantile for ends of a bootstrap interval: for G groups Student's t, times the root of G / (G - 1)."""
    if groups is None:
        return quantile(level)
    freedom = groups.count - 1
    return float(_student(np.array([freedom]), level)[0] * np.sqrt(groups.count / max(freedom, 1)))


def independent_rows(values: Any, among: Any, groups: Groups, *, level: float = LEVEL) -> NDArray[np.float64]:
    """How many independent rows would know the mean of each column as well as these rows know it, (columns,).

    The variance of a mean over independent rows, by that of the same rows in their groups; never more than there
    are rows. Where all values are the same, each group counts for one. The fewer groups, the wider Student's t, which
    is in the figure, so that it goes with the quantile of the normal distribution. 0 where one group is all.

    Args:
        values: Sparse (rows, columns), nought where `among` is.
        among: Sparse (rows, columns) of 0 and 1: the rows that a column is about.
        groups: Of the rows.
        level: Of the interval.
    """
    member = _members(groups)
    rows, total = _sums(among), _sums(values)
    mean = np.divide(total, rows, out=np.zeros(len(rows)), where=rows > 0)
    own, held = (member @ values).tocsr(), (member @ among).tocsr()
    number = _sums(held > 0)
    squares = (
        _sums(own.multiply(own)) - 2 * mean * _sums(own.multiply(held)) + mean**2 * _sums(held.multiply(held))
    )
    apart = _sums(values.multiply(values)) - rows * mean**2
    # A group's own sum of deviations; rounding leaves a rest of some 1e-16 of the squares.
    together = squares * number / np.maximum(number - 1, 1)
    varies = (apart > ROUNDING * rows) & (together > ROUNDING * rows)
    worth = np.divide(rows * apart, together, out=number.copy(), where=varies)
    worth = np.where(apart > ROUNDING * rows, np.where(varies, worth, rows), number)
    return np.asarray(np.minimum(worth, rows) * (quantile(level) / _student(number - 1, level)) ** 2)


ROUNDING = 1e-12  # of float64, with room


def _members(groups: Groups) -> Any:
    """Sparse (groups, rows): 1 where a row is of the group."""
    from scipy.sparse import csr_matrix

    rows = len(groups.codes)
    return csr_matrix((np.ones(rows), (groups.codes, np.arange(rows))), shape=(groups.count, rows))


def _sums(table: Any) -> NDArray[np.float64]:
    """Of each column of a sparse table."""
    return np.asarray(table.sum(axis=0), dtype=np.float64).ravel()


def _student(freedom: NDArray[np.floating], level: float) -> NDArray[np.float64]:
    """The quantile of Student's t; infinite without a degree of freedom."""
    from scipy.special import stdtrit

    known = np.maximum(freedom, 1).astype(np.float64)
    return np.where(freedom > 0, stdtrit(known, 0.5 + level / 2), np.inf)
