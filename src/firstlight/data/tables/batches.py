"""Batches of a table: rows gathered by index from encoded columns that lie in memory.

Numbers go in as they are, NaN where a value is missing: what is fitted (medians, scales, bins) belongs to the
model. A batch is one gather a tensor: 0.35 ms for 1,024 of 1,000,000 rows of 22 numbers and 8 categories, so
there is nothing to prefetch. The order of an epoch comes from (seed, epoch) alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from firstlight.data.batch import Batch, generator
from firstlight.text import count

if TYPE_CHECKING:
    import torch


class TableInputs(NamedTuple):
    """What a model for tables gets."""

    numbers: torch.Tensor  # float32 (batch, numbers), raw values, NaN for missing
    codes: torch.Tensor  # int32 or int64 (batch, categories), 0 for a category that training has not seen

    def part(self, start: int, end: int) -> TableInputs:
        """The rows from `start` to before `end`."""
        return TableInputs(self.numbers[start:end], self.codes[start:end])

    def bad_rows(self) -> torch.Tensor:
        """Bool (batch,): rows with an infinite number; NaN is a missing value."""
        return self.numbers.isinf().any(dim=1)

    def form(self) -> str:
        """For sentences."""
        return f"{count(self.numbers.shape[1], 'number')}, {count(self.codes.shape[1], 'category')}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TableBatches:
    """A part of a table as batches.

    Args:
        numbers: float32 (rows, numbers), of the whole table.
        codes: int32 or int64 (rows, categories), of the whole table.
        targets: (rows, ...), of the whole table.
        rows: int64 (n,), the positions that belong to this part.
        size: Examples in a batch; the last one of an epoch may be smaller.
        seed: Seed of the order.
        device: Where batches are put.
        weights: float32 (rows of the whole table,); None = all rows count alike.
    """

    numbers: torch.Tensor
    codes: torch.Tensor
    targets: torch.Tensor
    rows: torch.Tensor
    size: int
    seed: int
    device: torch.device
    weights: torch.Tensor | None = None

    def __len__(self) -> int:
        """Batches in an epoch."""
        return math.ceil(len(self.rows) / self.size)

    @property
    def count(self) -> int:
        """Examples in an epoch."""
        return len(self.rows)

    def epoch(self, epoch: int, *, start: int = 0) -> Iterator[Batch]:
        """The shuffled batches of `epoch` (from 0), from batch `start` on."""
        import torch

        order = self.rows[torch.randperm(len(self.rows), generator=generator(self.seed, epoch, -1))]
        for number in range(start, len(self)):
            yield self.take(order[number * self.size : (number + 1) * self.size])

    def ordered(self, size: int | None = None) -> Iterator[Batch]:
        """Every row once, in order."""
        for rows in self.rows.split(size or self.size):
            yield self.take(rows)

    def take(self, rows: torch.Tensor) -> Batch:
        """The given rows (positions in the table)."""
        inputs = TableInputs(
            self.numbers.index_select(0, rows).to(self.device),
            self.codes.index_select(0, rows).to(self.device),
        )
        targets = self.targets.index_select(0, rows).to(self.device)
        weights = None if self.weights is None else self.weights.index_select(0, rows).to(self.device)
        return Batch(inputs, targets, rows, weights)
