"""Training rows that are kept apart to choose a setting by, as the split itself would part them.

With times the latest rows choose, with groups whole groups do; otherwise the rows are spread over the range of the
targets. What was chosen on rows of the groups, or of the days, that were fitted on would be too bold for new ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from firstlight.data.groups import numbered
from firstlight.data.order import from_a_time_on

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from firstlight.data.examples import Examples


@dataclass(frozen=True, slots=True, kw_only=True)
class Bonds:
    """What binds rows to one another; nothing where it is None."""

    groups: NDArray[np.int64] | None = None  # (rows,), -1 for none
    times: NDArray[np.float64] | None = None  # (rows,), NaN for none

    def some(self, rows: NDArray[np.int64]) -> Bonds:
        """Of the given rows, in their order."""
        return Bonds(
            groups=None if self.groups is None else self.groups[rows],
            times=None if self.times is None else self.times[rows],
        )


NO_BONDS = Bonds()


def bonds_of(examples: Examples, rows: NDArray[np.int64]) -> Bonds:
    """Of the given rows of a data set."""
    return Bonds(groups=examples.groups, times=examples.times).some(rows)


def apart(
    targets: NDArray[Any],
    share: int,
    bonds: Bonds = NO_BONDS,
    weights: NDArray[np.float64] | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Positions to fit on and, apart from them, about one in `share` to choose by.

    A class that is not fitted on cannot be judged: its rows are in neither part.

    Args:
        targets: int (rows,) of classes, float (rows, labels) of 0 and 1, or float (rows,) of numbers.
        share: 1 / the part that chooses.
        bonds: Of the rows.
        weights: How much a row counts, (rows,) or (rows, labels); None = all alike.

    Returns:
        Both in order. The second is empty where nothing can be kept apart: one group, one time, too few rows, or all
        that counts would be in one of the two.
    """
    key = targets.sum(axis=1) if targets.ndim == 2 else targets
    if bonds.times is not None:
        later = _latest(bonds, share)
    elif bonds.groups is not None:
        later = _whole_groups(key, numbered(bonds.groups), share)
    else:
        later = np.zeros(len(key), bool)
        later[np.argsort(key, kind="stable")[share // 2 :: share]] = True
    rest, chosen = np.flatnonzero(~later), np.flatnonzero(later)
    if targets.ndim == 1 and np.issubdtype(targets.dtype, np.integer):
        chosen = chosen[np.isin(targets[chosen], targets[rest])]
    if weights is not None and not (weights[rest].any() and weights[chosen].any()):
        return np.arange(len(key)), np.zeros(0, np.int64)
    return rest, chosen


def _latest(bonds: Bonds, share: int) -> NDArray[np.bool_]:
    """(rows,): the latest ones; a time is never parted, nor is a group, which counts by its latest row."""
    assert bonds.times is not None
    when = bonds.times
    if bonds.groups is not None:
        codes = numbered(bonds.groups)
        ends = np.full(codes.max(initial=-1) + 1, np.nan)
        np.fmax.at(ends, codes, when)
        when = ends[codes]
    return from_a_time_on(when, float(np.isfinite(when).sum()) / share, left=1)


def _whole_groups(key: NDArray[Any], codes: NDArray[np.int64], share: int) -> NDArray[np.bool_]:
    """(rows,): groups of about one row in `share`, spread over the range of their mean target.

    In the order of that mean a group is taken when what is taken so far then comes nearer to its share; where none
    fits, the smallest is taken.
    """
    sizes = np.bincount(codes)
    order = np.argsort(np.bincount(codes, weights=key) / sizes, kind="stable")
    taken = np.zeros(len(sizes), bool)
    due = 0.0
    for group in order.tolist():
        due += sizes[group] / share
        if due >= sizes[group] / 2:
            taken[group] = True
            due -= sizes[group]
    if not taken.any() and len(sizes) > 1:
        taken[int(sizes.argmin())] = True
    return np.asarray(taken[codes])
