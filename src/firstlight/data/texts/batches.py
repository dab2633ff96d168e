"""Batches of texts gathered by index from ragged rows; the same protocol as the batches of images.

As a bag, rows are laid end to end. As tokens, rows of similar length come together, so that little is padding:
the epoch is shuffled, cut into stretches, each sorted by length and cut into batches, and these shuffled.
Every random number comes from (seed, epoch), so a batch can be made again without making those before it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from firstlight.data.batch import Batch

if TYPE_CHECKING:
    import torch

    from firstlight.data.texts.ragged import Ragged

PADDING = 0  # the token that fills a row up
STRETCH_BATCHES = 50  # that are sorted by length together: 1 to 2 % is padding on AG News and TREC


class TextInputs(NamedTuple):
    """Texts as bags of n-grams, end to end; a text without a known n-gram is an empty bag."""

    ids: torch.Tensor  # int64 (n-grams of the batch,)
    offsets: torch.Tensor  # int64 (batch,), where each text begins

    def to(self, device: torch.device) -> TextInputs:
        """The same on a device."""
        return TextInputs(self.ids.to(device), self.offsets.to(device))

    def part(self, start: int, end: int) -> TextInputs:
        """The texts from `start` to before `end`."""
        first = self.offsets[start]
        ids = self.ids[first : self.offsets[end]] if end < len(self.offsets) else self.ids[first:]
        return TextInputs(ids, self.offsets[start:end] - first)

    def bad_rows(self) -> torch.Tensor:
        """Bool (batch,): none, since numbers of n-grams are whole."""
        return self.offsets < 0

    def form(self) -> str:
        """For sentences."""
        return f"{len(self.ids) / max(len(self.offsets), 1):.1f} n-grams a text"


class TokenInputs(NamedTuple):
    """Texts as rows of tokens, filled up to the longest of the batch."""

    ids: torch.Tensor  # int64 (batch, length)
    mask: torch.Tensor  # bool (batch, length), True where there is a token

    def to(self, device: torch.device) -> TokenInputs:
        """The same on a device."""
        return TokenInputs(self.ids.to(device), self.mask.to(device))

    def part(self, start: int, end: int) -> TokenInputs:
        """The texts from `start` to before `end`."""
        return TokenInputs(self.ids[start:end], self.mask[start:end])

    def bad_rows(self) -> torch.Tensor:
        """Bool (batch,): none, since tokens are whole numbers."""
        return self.ids[:, 0] < 0

    def form(self) -> str:
        """For sentences."""
        return f"up to {self.ids.shape[1]} tokens a text"


@dataclass(frozen=True, slots=True, kw_only=True)
class TextShape:
    """What goes in and comes out of a network for texts."""

    inputs: int  # n-grams or tokens that there are
    outputs: int  # classes, labels, or 1 for a number
    longest: int = 0  # tokens of a row at most; 0 for bags, which have no order


@dataclass(frozen=True, slots=True, kw_only=True)
class TextBatches:
    """A part of the data as batches.

    Args:
        ragged: The n-grams or tokens of all rows of the data.
        targets: (rows of the data, ...), of any type.
        rows: int64 (n,), the rows that belong to this part.
        size: Examples in a batch; the last one of an epoch may be smaller.
        seed: Of the order.
        device: Where batches are put.
        form: What a batch's inputs are: `bag` TextInputs, `tokens` TokenInputs.
    """

    ragged: Ragged
    targets: torch.Tensor
    rows: torch.Tensor
    size: int
    seed: int
    device: torch.device
    form: Literal["bag", "tokens"]

    def __len__(self) -> int:
        """Batches in an epoch."""
        return math.ceil(len(self.rows) / self.size)

    @property
    def count(self) -> int:
        """Examples in an epoch."""
        return len(self.rows)

    def epoch(self, epoch: int, *, start: int = 0) -> Iterator[Batch]:
        """The shuffled batches of `epoch` (from 0), from batch `start` on."""
        random = np.random.default_rng([self.seed, epoch])
        order = random.permutation(self.rows.numpy())
        batches = [order[at : at + self.size] for at in range(0, len(order), self.size)]
        if self.form == "tokens":
            batches = self._alike(order, random)
        for rows in itertools.islice(batches, start, None):
            yield self._batch(rows)

    def ordered(self, size: int | None = None) -> Iterator[Batch]:
        """Every row once, in order."""
        for rows in self.rows.split(size or self.size):
            yield self.take(rows)

    def take(self, rows: torch.Tensor) -> Batch:
        """The given rows of the data."""
        return self._batch(rows.numpy())

    def _alike(self, order: NDArray[np.int64], random: np.random.Generator) -> list[NDArray[np.int64]]:
        """Batches of rows of similar length, in random order, but for the smaller one, which stays last."""
        lengths = self.ragged.lengths
        stretch = STRETCH_BATCHES * self.size
        whole = len(order) // self.size * self.size
        batches = []
        for at in range(0, whole, stretch):
            part = order[at : min(at + stretch, whole)]
            part = part[np.argsort(lengths[part], kind="stable")]
            batches += [part[b : b + self.size] for b in range(0, len(part), self.size)]
        random.shuffle(batches)
        return [*batches, order[whole:]] if whole < len(order) else batches

    def _batch(self, rows: NDArray[np.int64]) -> Batch:
        import torch

        picked = self.ragged.take(rows)
        inputs = bag(picked) if self.form == "bag" else padded(picked)
        positions = torch.from_numpy(np.ascontiguousarray(rows))
        return Batch(inputs.to(self.device), self.targets[positions].to(self.device), positions)


def bag(ragged: Ragged) -> TextInputs:
    """All rows as one batch, on the processor."""
    import torch

    return TextInputs(torch.from_numpy(ragged.values).long(), torch.from_numpy(ragged.offsets[:-1].copy()))


def padded(ragged: Ragged) -> TokenInputs:
    """All rows as one batch, on the processor."""
    import torch

    lengths = ragged.lengths
    mask = np.arange(lengths.max(initial=1)) < lengths[:, None]
    ids = np.full(mask.shape, PADDING, np.int64)
    ids[mask] = ragged.values
    return TokenInputs(torch.from_numpy(ids), torch.from_numpy(mask))
