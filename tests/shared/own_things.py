"""Small data and models of a person's own: 160 rows of 6 numbers whose first two decide."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.utils.data import Dataset

SETTINGS = {"training.epochs": 2, "training.batch_size": 16, "parallel.threads": 1, "parallel.workers": 0}


def rows(count: int = 160, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Inputs (count, 6) and classes (count,)."""
    x = torch.randn(count, 6, generator=torch.Generator().manual_seed(seed))
    return x, (x[:, 0] + x[:, 1] > 0).long()


def net(outputs: int = 2) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, outputs))


class Items(Dataset[Any]):
    """`make(index, x, y)` for each row."""

    def __init__(
        self, make: Callable[[int, Any, Any], Any] = lambda i, x, y: (x, y), count: int = 160, seed: int = 0
    ) -> None:
        self.x, self.y = rows(count, seed)
        self.make = make

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, index: int) -> Any:
        return self.make(index, self.x[index], self.y[index])
