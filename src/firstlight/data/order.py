"""Which rows go to a part by their time: the latest ones, whole times at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from firstlight.data.bundles import bundles

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from firstlight.data.examples import Examples


def latest(examples: Examples, free: NDArray[np.int64], wanted: float, left: int) -> NDArray[np.int64]:
    """Positions of about so many of the free rows that have a time, the latest ones.

    Rows of one time are never parted, nor are those of a group, which count by their latest row.

    Args:
        examples: All rows; they have times.
        free: Positions to take from.
        wanted: Rows; as near as whole times allow, but at least one time.
        left: Times that stay; where there are no more, nothing is taken.
    """
    chosen: NDArray[np.int64] = free[from_a_time_on(moments(examples, free), wanted, left)]
    return chosen


def from_a_time_on(when: NDArray[np.float64], wanted: float, left: int) -> NDArray[np.bool_]:
    """(rows,): the rows from some time on, so that they are as near to `wanted` as whole times allow.

    Args:
        when: (rows,): the time of each; NaN for none, and then it is not among them.
        wanted: Rows, but at least one time.
        left: Times that stay; where there are no more, nothing is taken.
    """
    known = np.isfinite(when)
    distinct, counts = np.unique(when[known], return_counts=True)
    later = np.cumsum(counts[::-1])[: len(distinct) - left] if len(distinct) > left else counts[:0]
    if not len(later):  # rows from each time on, the last first, but for those that stay
        return np.zeros(len(when), bool)
    nearest = int(np.abs(later - wanted).argmin())
    return np.asarray(known & (when >= distinct[-1 - nearest]))


def moments(examples: Examples, free: NDArray[np.int64]) -> NDArray[np.float64]:
    """(free rows,): the time of each, that of the latest row where it is in a group; NaN for no time."""
    assert examples.times is not None
    when = examples.times[free]
    if examples.groups is None:
        return np.asarray(when, np.float64)
    held = bundles(examples, free)
    place = np.searchsorted(free, held.rows)
    ends = np.fmax.reduceat(when[place], held.starts[:-1])
    found = np.empty(len(free))
    found[place] = np.repeat(ends, held.sizes)
    return found
