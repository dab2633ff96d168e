"""Groups as what they are worth: how many a part of the data holds, and when they are too few for an interval.

Rows of one group tell nearly the same, so that a figure is as sure as its groups are many, and not its rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from firstlight.data.bundles import ALONE
from firstlight.text import count

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from firstlight.data.examples import Examples, Split

# Below it intervals over groups are too narrow: "few" begins between 20 and 50 clusters (A. C. Cameron, D. L. Miller,
# "A practitioner's guide to cluster-robust inference", 2015). Measured with groups of unequal size, 95 % intervals
# cover 91 to 94 of 100 times from 20 groups on, 90 to 93 with 5 to 15, and 80 with 3 (docs/log.md).
FEW_GROUPS = 20


def numbered(groups: NDArray[np.int64]) -> NDArray[np.int64]:
    """(rows,): the groups counted through from 0; a row that is ALONE is a group of its own."""
    alone = groups == ALONE
    named, codes = np.unique(groups[~alone], return_inverse=True)
    found = np.empty(len(groups), np.int64)
    found[~alone] = codes
    found[alone] = len(named) + np.arange(alone.sum())
    return found


def too_few(groups: int) -> str:
    """What so few groups of validation mean, as a sentence."""
    return (
        f"The validation rows belong to {count(groups, 'group')}: below {FEW_GROUPS} the intervals are too narrow to "
        "be trusted."
    )


def few_groups(examples: Examples, split: Split) -> tuple[str, ...]:
    """A warning when validation holds few groups."""
    if examples.groups is None or not len(split.val):
        return ()
    found = len(np.unique(numbered(examples.groups[split.val])))
    return () if found >= FEW_GROUPS else (too_few(found).rstrip("."),)
