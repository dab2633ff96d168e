"""A class for each pixel: a small U-Net of one's own finds boxes and disks in noisy pictures.

    python examples/segmentation.py

The pictures are drawn by the program. The rim of each mask is 255: its pixels do not count.
"""

from __future__ import annotations

import argparse

import torch
from torch import nn
from torch.utils.data import Dataset

import firstlight as fl

CLASSES = ["ground", "box", "disk"]
SIDE = 32  # pixels
FAR = 1_000_000  # between the random numbers of two data sets: no picture is in both
BRIGHTNESS = torch.tensor([0.0, 1.0, -1.0])  # of each class


class Shapes(Dataset[tuple[torch.Tensor, torch.Tensor]]):
    """Pictures float32 (1, SIDE, SIDE), each with a bright box and a dark disk, and masks int64 (SIDE, SIDE)."""

    def __init__(self, count: int, seed: int) -> None:
        self.count, self.seed = count, seed
        self.y, self.x = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        draw = torch.Generator().manual_seed(self.seed * FAR + index)
        top, left, y, x = torch.randint(2, SIDE - 10, (4,), generator=draw).tolist()
        mask = torch.zeros(SIDE, SIDE, dtype=torch.long)
        mask[top : top + 9, left : left + 9] = 1
        mask[(self.y - y - 4) ** 2 + (self.x - x - 4) ** 2 < 25] = 2
        picture = BRIGHTNESS[mask] + 0.5 * torch.randn(SIDE, SIDE, generator=draw)
        mask[[0, -1]], mask[:, [0, -1]] = 255, 255
        return picture[None], mask


class UNet(nn.Module):
    """One step down, one up, and a bridge between (Ronneberger et al., "U-Net", 2015): (rows, classes, SIDE, SIDE)."""

    def __init__(self, width: int = 12) -> None:
        super().__init__()
        self.high = nn.Sequential(nn.Conv2d(1, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU())
        self.low = nn.Sequential(nn.MaxPool2d(2), nn.Conv2d(width, 2 * width, 3, padding=1), nn.ReLU())
        self.up = nn.ConvTranspose2d(2 * width, width, 2, stride=2)
        self.last = nn.Conv2d(2 * width, len(CLASSES), 3, padding=1)

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """Logits of each pixel."""
        high = self.high(pictures)
        return self.last(torch.cat([high, self.up(self.low(high))], dim=1))


def main() -> None:
    """Trains and prints the verdict."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--minutes", type=float, default=2.0)
    options.add_argument("--out", default=None, help="folder of the experiment")
    options.add_argument("--pictures", type=int, default=400)
    wanted = options.parse_args()
    result = fl.baseline(
        UNet,
        train=Shapes(wanted.pictures, seed=0),
        val=Shapes(wanted.pictures // 4, seed=1),
        classes=CLASSES,
        minutes=wanted.minutes,
        out=wanted.out,
        settings={"training.learning_rate": 0.01, "training.epochs": 10},
    )
    print(result)


if __name__ == "__main__":
    main()
