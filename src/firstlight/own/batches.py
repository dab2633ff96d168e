"""Batches of a person's items; the same protocol as the batches of images."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from firstlight.data.batch import Batch, generator
from firstlight.own.form import fall_apart, moved
from firstlight.own.items import Items, under_seed
from firstlight.own.step import whole_batch
from firstlight.own.workers import read_ahead

if TYPE_CHECKING:
    import torch

LEAST_BATCHES = 4  # fewer are read sooner than a process starts
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
        workers: Processes that read ahead; 0 = this one reads.
        whole: A step gets a batch as it is, without being taken apart.
    """

    items: Items
    first: int
    rows: torch.Tensor
    size: int
    seed: int
    device: torch.device
    workers: int = 0
    whole: bool = False

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
        rows = self._order(epoch).split(self.size)[start : len(self)]
        yield from self._batches([(part, epoch, start + n) for n, part in enumerate(rows)])

    def ordered(self, size: int | None = None) -> Iterator[Batch]:
        """Every row once, in order."""
        rows = self.rows.split(size or self.size)
        yield from self._batches([(part, 0, IN_ORDER + number) for number, part in enumerate(rows)])

    def take(self, rows: torch.Tensor) -> Batch:
        """The given rows."""
        return self._read(rows, 0, IN_ORDER)

    def _order(self, epoch: int) -> torch.Tensor:
        import torch

        sampler = self.items.sampler
        if sampler is None:
            return self.rows[torch.randperm(len(self.rows), generator=generator(self.seed, epoch, -1))]
        return self.first + torch.tensor(under_seed(self.seed, epoch, -1, lambda: _sampled(sampler, epoch)))

    def _batches(self, wanted: list[tuple[torch.Tensor, int, int]]) -> Iterator[Batch]:
        """The batches of (rows, epoch, number) each, in turn."""
        if not self.workers or len(wanted) < LEAST_BATCHES:
            for one in wanted:
                yield self._read(*one)
            return
        ahead = read_ahead(
            lambda place: self._content(*wanted[place]),
            range(len(wanted)),
            workers=self.workers,
            reading=self.items.reading,
            name=self.items.name,
            size=max(len(rows) for rows, _, _ in wanted),
        )
        for (rows, _, _), batch in zip(wanted, ahead, strict=True):
            yield self._batch(batch, rows)

    def _read(self, rows: torch.Tensor, epoch: int, number: int) -> Batch:
        return self._batch(self._content(rows, epoch, number), rows)

    def _content(self, rows: torch.Tensor, epoch: int, number: int) -> Any:
        indices = (rows - self.first).tolist()
        return under_seed(self.seed, epoch, number, lambda: self.items.read(indices))

    def _batch(self, batch: Any, rows: torch.Tensor) -> Batch:
        if self.whole:
            return whole_batch(batch, rows, self.device)
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
