"""What the two benchmarks of a training loop share: the digits, their network, and the time from step to step."""

from __future__ import annotations

import itertools
import statistics
import time

import torch
from torch import Tensor, nn

RATE, DECAY, SEED = 1e-3, 0.01, 0
SKIPPED_STEPS = 10  # the first steps choose kernels
HELD = 360  # digits that are kept for validation


class Ticked(nn.Module):
    """Notes the time of each training forward."""

    def __init__(self, body: nn.Module, ticks: list[float]) -> None:
        super().__init__()
        self.body, self.ticks = body, ticks

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            self.ticks.append(time.perf_counter())
        return self.body(x)


def gaps(ticks: list[float]) -> list[float]:
    """Seconds from one training forward to the next, without the first steps."""
    return [b - a for a, b in itertools.pairwise(ticks)][SKIPPED_STEPS:]


def step_seconds(ticks: list[float]) -> float:
    """Median time from one training forward to the next."""
    return statistics.median(gaps(ticks))


def digits_network() -> nn.Module:
    return nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10))


def digits() -> tuple[Tensor, Tensor]:
    """Inputs (1797, 64) and classes, in a random order; the last HELD validate."""
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(SEED))
    return (torch.tensor(x, dtype=torch.float32) / 16)[order], torch.tensor(y)[order]
