"""Time inside an epoch: how long steps take, how much of it was waiting for data, what the loss and gradients were.

Losses and norms are kept as tensors and read together, since reading stops an accelerator's queue.
"""

from __future__ import annotations

import math
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

    from firstlight.training.step import StepResult

RECENT_SECONDS = 20.0  # window of the speed that the plan is fitted to (judgement: rides over a short disturbance)
RECENT_STEPS = 20


@dataclass(slots=True)
class Meter:
    """Sums of one epoch, and the recent speed across epochs."""

    examples: int = 0
    wait_seconds: float = 0.0
    step_seconds: float = 0.0
    loss_sum: float = 0.0  # of read steps, weighted by their examples
    norm_sum: float = 0.0
    norm_max: float = 0.0
    read_steps: int = 0
    last_loss: float = math.nan
    _kept: list[tuple[torch.Tensor, torch.Tensor, int]] = field(default_factory=list)
    _recent: deque[float] = field(default_factory=deque)
    _recent_sum: float = 0.0

    def begin_epoch(self) -> None:
        """Sets the sums of the epoch to zero; the recent speed stays."""
        self.examples = self.read_steps = 0
        self.wait_seconds = self.step_seconds = self.loss_sum = self.norm_sum = self.norm_max = 0.0

    def add(self, result: StepResult, examples: int, wait: float, seconds: float) -> None:
        """One step: `wait` seconds for its batch, `seconds` for both together."""
        self._kept.append((result.loss, result.grad_norm, examples))
        self.examples += examples
        self.wait_seconds += wait
        self.step_seconds += seconds
        self._recent.append(seconds)
        self._recent_sum += seconds
        while self._recent_sum > RECENT_SECONDS and len(self._recent) > RECENT_STEPS:
            self._recent_sum -= self._recent.popleft()

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
        for (loss, norm), (_, _, examples) in zip(pairs, self._kept, strict=True):
            self.loss_sum += loss * examples
            self.norm_sum += norm
            self.norm_max = max(self.norm_max, norm) if math.isfinite(norm) else norm
        self.read_steps += len(pairs)
        self.last_loss = pairs[-1][0]
        self._kept.clear()
        return pairs

    @property
    def recent_step_seconds(self) -> float:
        """Mean seconds of a step lately."""
        return self._recent_sum / len(self._recent) if self._recent else 0.0

    @property
    def recent_steps(self) -> int:
        """Steps that the recent speed rests on."""
        return len(self._recent)

    @property
    def data_wait(self) -> float:
        """Share of the epoch's time that went into waiting for batches."""
        return self.wait_seconds / self.step_seconds if self.step_seconds else 0.0


def now() -> float:
    """Monotonic seconds."""
    return time.monotonic()
