"""Residual network with early strides, from scratch, for photos.

Four stages of two 3x3 convolutions a block, each stage at half the resolution and twice the channels of the
one before; a strided
stem keeps the first, most expensive resolution short. Batch normalisation after each convolution, the last
one of a block
starting at zero so that a block begins as the identity (Goyal et al., 2017, "Accurate, Large Minibatch SGD",
section 5.1).
Pooling is a mean over the two image axes, which has a deterministic gradient on every device.

Width multiplies 32, 64, 128 and 256 channels. He et al., 2016, "Deep Residual Learning for Image
Recognition".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional

from firstlight.models.model import ImageShape, ModelKind

if TYPE_CHECKING:
    from torch import Tensor

CHANNELS = (32, 64, 128, 256)
BLOCKS = (1, 1, 2, 2)
SMALLEST_SIDE = 48  # five halvings leave at least one pixel and a half


class Block(nn.Module):
    """Two convolutions beside a shortcut."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        nn.init.zeros_(self.norm2.weight)
        same = stride == 1 and inputs == outputs
        self.shortcut: nn.Module = (
            nn.Identity()
            if same
            else nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
        )

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inputs, h, w) -> (batch, outputs, h / stride, w / stride)."""
        y = functional.relu(self.norm1(self.conv1(x)))
        return functional.relu(self.norm2(self.conv2(y)) + self.shortcut(x))


class ResNet(nn.Module):
    """Stem, four stages, mean, linear."""

    def __init__(self, shape: ImageShape, width: float, dropout: float) -> None:
        super().__init__()
        channels = [max(8, round(c * width / 8) * 8) for c in CHANNELS]
        self.stem = nn.Sequential(
            nn.Conv2d(shape.channels, channels[0], 3, 2, 1, bias=False),
            nn.BatchNorm2d(channels[0]),
            nn.ReLU(),
        )
        blocks: list[nn.Module] = []
        inputs = channels[0]
        for outputs, count in zip(channels, BLOCKS, strict=True):
            for number in range(count):
                blocks.append(Block(inputs, outputs, stride=2 if number == 0 else 1))
                inputs = outputs
        self.blocks = nn.Sequential(*blocks)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(inputs, shape.outputs)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, height, width) -> logits (batch, classes)."""
        features = self.blocks(self.stem(x)).mean(dim=(2, 3))
        logits: Tensor = self.head(self.dropout(features))
        return logits


def _prepare(model: nn.Module, inputs: torch.Tensor) -> None:
    """Nothing here depends on the data."""


MODEL = ModelKind(
    data="image",
    fits=lambda shape: min(shape.height, shape.width) >= SMALLEST_SIDE,
    build=ResNet,
    prepare=_prepare,
    widths=(0.5, 1.0, 1.5, 2.0),
    rank=1,
)
