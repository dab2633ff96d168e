"""Targets of many places a row, as counts: what setup keeps of a class for each pixel or token.

A thousand masks of 512 x 512 pixels would be two gigabytes; how often each class occurs in each of them is a few
numbers, and says what chance reaches and what the most frequent class would.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from firstlight.errors import DataError
from firstlight.own.form import described
from firstlight.tasks.running import IGNORED
from firstlight.tasks.segmentation import VOID

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

NOTHING = (np.zeros(0, np.int64), np.zeros(0, np.int64))  # classes and counts of a row that was not read
PICTURE = 2  # axes of a target that is a class for each pixel


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """The target of a row.

    Attributes:
        shape: Of the target.
        classes: int64, those that occur, rising; IGNORED and VOID among them.
        counts: int64, how often each of them occurs.
        whole: It was given as whole numbers.
        said: The target in words.
        first: The class of the first place.
        digest: Of its content.
    """

    shape: tuple[int, ...]
    classes: NDArray[np.int64]
    counts: NDArray[np.int64]
    whole: bool
    said: str
    first: int
    digest: bytes

    @property
    def picture(self) -> bool:
        """Whether it has a class for each pixel: (height, width), or with one channel before them."""
        return len(self.shape) == PICTURE or (len(self.shape) == PICTURE + 1 and self.shape[0] == 1)

    def counting(self, ignored: Iterable[int]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Classes and counts without what is ignored."""
        kept = ~np.isin(self.classes, list(ignored))
        return self.classes[kept], self.counts[kept]


@dataclass(frozen=True, slots=True)
class Counts:
    """How often each class occurs in each row that was read."""

    rows: dict[int, tuple[NDArray[np.int64], NDArray[np.int64]]] = field(default_factory=dict)

    def add(self, row: int, target: Counted, ignored: Iterable[int], *, from_second: bool = False) -> int:
        """One more row, from its first place on or the second; gives its places that count."""
        classes, counts = target.counting(ignored)
        if from_second:
            counts = counts - (classes == target.first)
        self.rows[row] = classes, counts
        return int(counts.sum())

    @property
    def width(self) -> int:
        """The highest class, and one."""
        return max((int(classes[-1]) + 1 for classes, _ in self.rows.values() if len(classes)), default=0)

    def total(self, rows: NDArray[np.int64], width: int) -> NDArray[np.int64]:
        """(width,): over the rows that were read."""
        total = np.zeros(width, np.int64)
        for row in rows.tolist():
            classes, counts = self.rows.get(row, NOTHING)
            within = classes < width
            total[classes[within]] += counts[within]
        return total

    def each(self, rows: NDArray[np.int64], width: int) -> Any:
        """Sparse (rows, width)."""
        from scipy.sparse import csr_matrix

        found = [self.rows[row] for row in rows.tolist()]
        ends = np.cumsum([0, *(len(classes) for classes, _ in found)])
        classes = np.concatenate([classes for classes, _ in found] or [np.zeros(0, np.int64)])
        counts = np.concatenate([counts for _, counts in found] or [np.zeros(0, np.int64)])
        return csr_matrix((counts.astype(np.float64), classes, ends), shape=(len(rows), width))


def counted(target: torch.Tensor) -> Counted:
    """A target as counts.

    Raises:
        DataError: It holds numbers that are no classes.
    """
    values = target.numpy()
    classes, counts = np.unique(values, return_counts=True)
    if classes.dtype.kind == "f" and not (classes == np.floor(classes)).all():
        raise DataError(
            "a target is no class",
            f"{described(target)} holds {classes[classes != np.floor(classes)][0]}",
            "classes are whole numbers from 0",
        )
    return Counted(
        shape=tuple(target.shape),
        classes=classes.astype(np.int64),
        counts=counts.astype(np.int64),
        whole=values.dtype.kind in "iub",
        said=described(target),
        first=int(values.flat[0]),
        digest=hashlib.blake2b(values.tobytes(), digest_size=16).digest(),
    )


def many_places(target: torch.Tensor) -> bool:
    """Whether a target has a class for each of several places, as far as one row tells.

    A row of 0 and 1 may as well be labels, and numbers with fractions are no classes.
    """
    if target.ndim == 0 or target.numel() < 2:
        return False
    if not target.is_floating_point():
        return target.ndim > 1 or bool(((target != 0) & (target != 1)).any())
    return target.ndim > 1 and bool(((target == 0) | (target == 1)).all())


def ignored(task: str) -> tuple[int, ...]:
    """Classes of places that do not count."""
    return (IGNORED, VOID) if task == "segmentation" else (IGNORED,)
