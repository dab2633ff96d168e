"""Batches of a person's items; the same protocol as the batches of images."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from firstlight.data.batch import Batch, generator
from firstlight.own.form import fall_apart, moved
from firstlight.own.items import Items, under_seed

if TYPE_CHECKING:
    import torch

IN_ORDER = 2**31  # number of the first batch of those that are no part of a shuffled epoch


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnBatches:
    """A part of the data as batches.

    Attributes:
        items: Where its items are read.
        first: Row of Examples that `items[0]` is.
        rows: int64 (count,), rows of Examples that belong to this part.
        size: Items in a batch. An incomplete one is left out when the loader that was given did so, or when it would
            be a single item, which batch normalisation refuses.
        seed: Of the order, and of the random numbers that an item draws.
        device: Where batches are put.
    """

    items: Items
    first: int
    rows: torch.Tensor
    size: int
    seed: int
    device: torch.device

    def __len__(self) -> int:
        """Batches in an epoch."""
        whole, rest = divmod(len(self.rows), self.size)
        left_out = self.items.drop_last or rest == 1
        return max(1, whole + (rest > 0 and not left_out))

    @property
    def count(self) -> int:
        """Items in an epoch."""
        return len(self.rows)

    def epoch(self, epoch: int, *, start: int = 0) -> Iterator[Batch]:
        """The batches of `epoch` (from 0) in its order, from batch `start` on."""
        order = self._order(epoch)
        for number in range(start, len(self)):
            yield self._read(order[number * self.size : (number + 1) * self.size], epoch, number)

    def ordered(self, size: int | None = None) -> Iterator[Batch]:
        """Every row once, in order."""
        for number, rows in enumerate(self.rows.split(size or self.size)):
            yield self._read(rows, 0, IN_ORDER + number)

    def take(self, rows: torch.Tensor) -> Batch:
        """The given rows."""
        return self._read(rows, 0, IN_ORDER)

    def _order(self, epoch: int) -> torch.Tensor:
        import torch

        sampler = self.items.sampler
        if sampler is None:
            return self.rows[torch.randperm(len(self.rows), generator=generator(self.seed, epoch, -1))]
        return self.first + torch.tensor(under_seed(self.seed, epoch, -1, lambda: _sampled(sampler, epoch)))

    def _read(self, rows: torch.Tensor, epoch: int, number: int) -> Batch:
        indices = (rows - self.first).tolist()
        batch = under_seed(self.seed, epoch, number, lambda: self.items.read(indices))
        inputs, targets = fall_apart(batch, where=f"a batch of {self.items.name}")
        return Batch(inputs.to(self.device), moved(targets, self.device), rows)


def _sampled(sampler: Any, epoch: int) -> list[int]:
    """The indices of an epoch as a person's sampler gives them."""
    if hasattr(sampler, "set_epoch"):
        sampler.set_epoch(epoch)
    if getattr(sampler, "generator", None) is not None:
        import torch

        sampler.generator.manual_seed(int(torch.randint(2**62, ())))
    return [int(index) for index in sampler]
