"""What a model kind is: a frozen record of plain functions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from torch import nn


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageShape:
    """What goes in and comes out of an image classifier."""

    channels: int
    height: int
    width: int
    classes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelKind:
    """A network from scratch.

    Attributes:
        fits: Whether the network is meant for images of this shape.
        build: (shape, width, dropout) -> module that maps float32 (batch, channels, height, width) to logits
            (batch, classes).
        prepare: (module, inputs) -> None: initialisation that looks at normalised training inputs; once,
            before the first step.
        widths: Multipliers that are offered to the budget, narrowest first.
    """

    fits: Callable[[ImageShape], bool]
    build: Callable[[ImageShape, float, float], nn.Module]
    prepare: Callable[[nn.Module, torch.Tensor], None]
    widths: tuple[float, ...]
