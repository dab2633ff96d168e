"""What a model kind is: a frozen record of plain functions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageShape:
    """What goes in and comes out of an image classifier."""

    channels: int
    height: int
    width: int
    outputs: int


Shape = ImageShape


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelKind:
    """A network from scratch.

    Attributes:
        data: The kind of data that it is made for.
        fits: Whether the network is meant for data of this shape.
        build: (shape, width, dropout) -> module that maps the inputs of a batch to outputs (batch, outputs).
        prepare: (module, inputs) -> None: initialisation that looks at training inputs; once, before the first
            step.
        widths: Multipliers that are offered to the budget, narrowest first.
        rank: Of those that fit, the lowest is taken when the choice is ours.
    """

    data: str
    fits: Callable[[Any], bool]
    build: Callable[[Any, float, float], nn.Module]
    prepare: Callable[[nn.Module, Any], None]
    widths: tuple[float, ...]
    rank: int = 0
