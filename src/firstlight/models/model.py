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
    classes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TableShape:
    """What goes in and comes out of a model for tables."""

    numbers: int  # number columns
    cardinalities: tuple[int, ...]  # codes of each category column, 0 (unknown) included
    outputs: int  # classes, labels, or 1 for regression


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelKind:
    """A network from scratch.

    Attributes:
        fits: Whether the network is meant for inputs of this shape (ImageShape, TableShape, ...).
        build: (shape, width, dropout) -> module that maps the inputs of a batch (float32 (batch, channels,
            height, width) for images, TableInputs for tables) to outputs (batch, outputs).
        prepare: (module, inputs) -> None: initialisation that looks at training inputs; once, before the
            first step.
        widths: Multipliers that are offered to the budget, narrowest first.
    """

    fits: Callable[[Any], bool]
    build: Callable[[Any, float, float], nn.Module]
    prepare: Callable[[nn.Module, Any], None]
    widths: tuple[float, ...]
