"""Rows of different lengths in two arrays, as texts need them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Ragged:
    """Rows of different lengths, one after another: row i is `values[offsets[i] : offsets[i + 1]]`."""

    values: NDArray[np.int32]  # (values of all rows,)
    offsets: NDArray[np.int64]  # (rows + 1,), from 0 on

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Values in each row, (rows,)."""
        return np.diff(self.offsets)

    def rows(self) -> NDArray[np.int64]:
        """The row that each value belongs to, (values,)."""
        return np.repeat(np.arange(len(self)), self.lengths)

    def take(self, rows: NDArray[np.int64]) -> Ragged:
        """The given rows, in the given order."""
        lengths = self.lengths[rows]
        offsets = offsets_of(lengths)
        places = np.arange(offsets[-1]) + np.repeat(self.offsets[rows] - offsets[:-1], lengths)
        return Ragged(values=self.values[places], offsets=offsets)


def offsets_of(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where rows of these lengths begin, and the end of the last: (rows + 1,)."""
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths, dtype=np.int64)])


def joined(parts: Sequence[Ragged]) -> Ragged:
    """The rows of all parts, in order."""
    return Ragged(
        values=np.concatenate([np.zeros(0, np.int32), *(part.values for part in parts)]),
        offsets=offsets_of(np.concatenate([np.zeros(0, np.int64), *(part.lengths for part in parts)])),
    )
