"""Rows that are never parted: those of one group where there are groups, else equal ones.

With groups they alone decide. Rows of few columns are equal by chance, and would chain most groups together; equal
rows in several groups are told by the check for leakage instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from firstlight.data.examples import Examples

ALONE = -1  # group of a row that belongs to none


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundles:
    """Bundle k is `rows[starts[k] : starts[k + 1]]`, the row whose id comes first in front."""

    rows: NDArray[np.int64]  # positions in the examples
    starts: NDArray[np.int64]  # (bundles + 1,)

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Rows in each bundle, (bundles,)."""
        return np.diff(self.starts)

    @property
    def firsts(self) -> NDArray[np.int64]:
        """The first row of each bundle, (bundles,)."""
        return self.rows[self.starts[:-1]]

    def of(self, bundle: int) -> NDArray[np.int64]:
        """The rows of one bundle."""
        return self.rows[self.starts[bundle] : self.starts[bundle + 1]]


def bundles(examples: Examples, rows: NDArray[np.int64]) -> Bundles:
    """The bundles of these rows; what other rows are equal to does not count."""
    groups = None if examples.groups is None else examples.groups[rows]
    place = together(examples.digests[rows], groups)
    order = np.argsort(place, kind="stable")
    found = Bundles(rows=rows[order], starts=_starts(np.bincount(place)))
    for bundle in np.flatnonzero(found.sizes > 1).tolist():
        members = found.of(bundle)
        members[:] = sorted(members.tolist(), key=examples.ids.__getitem__)
    return found


def together(digests: NDArray[np.bytes_], groups: NDArray[np.int64] | None) -> NDArray[np.int64]:
    """(rows,): the bundle of each row, from 0.

    Args:
        digests: (rows,): of the content.
        groups: (rows,): the group of each, ALONE for none; None when there are no groups.
    """
    same = _numbered(digests.view("<u8") if digests.dtype.itemsize == 8 else digests)
    if groups is None:
        return same
    # Rows without a group stay with their equals among these: their numbers come after those of the groups.
    return _numbered(np.where(groups == ALONE, int(groups.max(initial=ALONE)) + 1 + same, groups))


def _numbered(values: NDArray[Any]) -> NDArray[np.int64]:
    """Equal values as equal numbers from 0."""
    return np.unique(values, return_inverse=True)[1].reshape(-1).astype(np.int64)


def _starts(sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes, dtype=np.int64)])
