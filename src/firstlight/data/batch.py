"""A batch, and what the training loop asks of a part of the data, whatever its kind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

if TYPE_CHECKING:
    import torch

LEAST_ROWS = 2  # of a part of a batch


class Batch(NamedTuple):
    """One batch on the device."""

    inputs: Any  # what the model is called with: a tensor, or a tuple of tensors
    targets: torch.Tensor  # int64 (batch,), float32 (batch, labels) or float32 (batch,)
    rows: torch.Tensor  # int64 (batch,), positions in Examples, on the processor
    weights: torch.Tensor | None = None  # float32 (batch,), mean 1 over the training rows; None = all alike

    def parts(self, number: int) -> Iterator[Batch]:
        """The batch in `number` parts of about equal size, in order; fewer when they would have less than two rows.

        Batch normalisation refuses a single row.
        """
        rows = len(self.rows)
        number = max(1, min(number, rows // LEAST_ROWS))
        for part in range(number):
            a, b = rows * part // number, rows * (part + 1) // number
            weights = None if self.weights is None else self.weights[a:b]
            yield Batch(some_rows(self.inputs, a, b), self.targets[a:b], self.rows[a:b], weights)


class Loader(Protocol):
    """A part of the data as batches."""

    @property
    def rows(self) -> torch.Tensor:
        """int64 (count,), the positions in Examples that belong to this part."""

    @property
    def size(self) -> int:
        """Examples in a batch."""

    @property
    def count(self) -> int:
        """Examples in an epoch."""

    def __len__(self) -> int: ...

    def epoch(self, epoch: int, *, start: int = 0) -> Iterator[Batch]:
        """Shuffled batches of an epoch (from 0), from batch `start` on."""

    def ordered(self, size: int | None = None) -> Iterator[Batch]:
        """Every row once, in order, unchanged."""

    def take(self, rows: torch.Tensor) -> Batch:
        """The given rows (positions in Examples), unchanged."""


def some_rows(inputs: Any, start: int, end: int) -> Any:
    """The rows from `start` to before `end` of what a model is called with."""
    import torch

    return inputs[start:end] if isinstance(inputs, torch.Tensor) else inputs.part(start, end)


def bad_rows(inputs: Any) -> torch.Tensor:
    """Bool (batch,): rows that hold a number which is not finite; inputs with missing values say it themselves."""
    import torch

    if isinstance(inputs, torch.Tensor):
        return ~torch.isfinite(inputs).flatten(1).all(dim=1)
    found: torch.Tensor = inputs.bad_rows()
    return found


def form(inputs: Any) -> str:
    """What a row looks like to the model: `3 x 32 x 32`, `8 numbers, 6 categories`."""
    import torch

    if isinstance(inputs, torch.Tensor):
        return " x ".join(str(side) for side in inputs.shape[1:])
    return str(inputs.form())


def generator(seed: int, epoch: int, number: int) -> torch.Generator:
    """The random numbers of one batch of one epoch, or of its order (number -1), and of nothing else."""
    import torch

    # SeedSequence spreads neighbouring (seed, epoch, number) over the whole range; +1 keeps -1 non-negative.
    spread = np.random.SeedSequence([seed, epoch, number + 1]).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(spread) >> 1)
