"""Time inside an epoch: how long steps take, how much of it was waiting for data, what the loss and gradients were.

Losses and norms are kept as tensors and read together, since reading stops an accelerator's queue.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

BUCKET_SECONDS = 1.0  # grain of the recent speed
BUCKETS = 900  # a quarter of an hour
WARMUP_STEPS = 3  # the first steps of a process choose kernels and are not counted for the speed


@dataclass(slots=True)
class Sums:
    """Sums over the steps of one epoch."""

    examples: float = 0
    wait_seconds: float = 0.0
    seconds: float = 0.0
    read_examples: float = 0
    read_steps: float = 0
    loss: float = 0.0  # weighted by examples
    norm: float = 0.0
    norm_max: float = 0.0


@dataclass(slots=True)
class Meter:
    """Sums of the present epoch, and the recent speed across epochs."""

    sums: Sums = field(default_factory=Sums)
    last_loss: float = math.nan
    measured_seconds: float = 0.0  # of training, that the speed can rest on
    best_step_seconds: float = math.inf  # mean of the quickest bucket: the speed when nothing else runs
    _steps: int = 0
    _kept: list[tuple[torch.Tensor, torch.Tensor, int]] = field(default_factory=list)
    _buckets: deque[tuple[int, float]] = field(default_factory=lambda: deque(maxlen=BUCKETS))
    _filling: tuple[int, float] = (0, 0.0)

    def begin_epoch(self, sums: dict[str, float]) -> None:
        """Starts the sums of an epoch, at those of an interrupted one when `sums` is not empty."""
        self.sums = Sums(**sums)

    def add(
        self, loss: torch.Tensor, grad_norm: torch.Tensor, examples: int, *, wait: float, seconds: float
    ) -> None:
        """One step: `wait` seconds for its batch, `seconds` for both together."""
        self._kept.append((loss, grad_norm, examples))
        self.sums.examples += examples
        self.sums.wait_seconds += wait
        self.sums.seconds += seconds
        self._steps += 1
        if self._steps > WARMUP_STEPS:
            steps, filled = self._filling
            self._filling = (steps + 1, filled + seconds)
            self.measured_seconds += seconds
            if filled + seconds >= BUCKET_SECONDS:
                self._buckets.append(self._filling)
                self.best_step_seconds = min(self.best_step_seconds, (filled + seconds) / (steps + 1))
                self._filling = (0, 0.0)

    @property
    def kept(self) -> int:
        """Steps that were not read yet."""
        return len(self._kept)

    def read(self) -> list[tuple[float, float]]:
        """Reads the kept (loss, norm) pairs, oldest first, and adds them to the sums."""
        if not self._kept:
            return []
        if self._kept[0][0].device.type == "cpu":
            pairs = [(loss.item(), norm.item()) for loss, norm, _ in self._kept]
        else:
            import torch

            flat = torch.stack([t.float() for loss, norm, _ in self._kept for t in (loss, norm)]).tolist()
            pairs = list(zip(flat[::2], flat[1::2], strict=True))
        sums = self.sums
        for (loss, norm), (_, _, examples) in zip(pairs, self._kept, strict=True):
            sums.loss += loss * examples
            sums.norm += norm
            sums.norm_max = max(sums.norm_max, norm)
            sums.read_examples += examples
        sums.read_steps += len(pairs)
        self.last_loss = pairs[-1][0]
        self._kept.clear()
        return pairs

    def step_seconds(self, window: float) -> float | None:
        """Mean seconds of a step over about the last `window` seconds; None before there is anything to go by."""
        steps, seconds = self._filling
        for more_steps, more_seconds in reversed(self._buckets):
            if seconds >= window:
                break
            steps, seconds = steps + more_steps, seconds + more_seconds
        return seconds / steps if steps else None

    def plain_sums(self) -> dict[str, float]:
        """The sums of the epoch so far, for a checkpoint inside it."""
        return asdict(self.sums)

    @property
    def train_loss(self) -> float:
        """Mean loss of the examples read so far in the epoch."""
        return self.sums.loss / self.sums.read_examples if self.sums.read_examples else math.nan

    @property
    def grad_norm(self) -> float:
        """Mean gradient norm of the steps read so far in the epoch."""
        return self.sums.norm / self.sums.read_steps if self.sums.read_steps else math.nan

    @property
    def data_wait(self) -> float:
        """Share of the epoch's time that went into waiting for batches."""
        return self.sums.wait_seconds / self.sums.seconds if self.sums.seconds else 0.0
