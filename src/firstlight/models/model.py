"""What a model kind is: a frozen record of plain functions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from firstlight.data.texts.batches import TextShape

if TYPE_CHECKING:
    from torch import nn


ALL_ROWS = 2**62  # `prepare` of some kinds counts every training row


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageShape:
    """What goes in and comes out of an image classifier."""

    channels: int
    height: int
    width: int
    outputs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TableShape:
    """What goes in and comes out of a model for tables."""

    numbers: int  # number columns
    cardinalities: tuple[int, ...]  # codes of each category column, 0 (unknown) included
    outputs: int  # classes, labels, or 1 for regression


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnShape:
    """A person's own model, and what goes with it."""

    model: Any  # an nn.Module, or a function that makes one
    outputs: int  # classes, labels, or 1 for a number
    step: Any = None  # (module, batch) -> loss; None = the model is called with the inputs
    batch_size: int | None = None  # of the loader that was given
    learning_rate: float | None = None  # of the optimizer that was given
    workers: int | None = None  # of the loader that was given
    schedule: bool = False  # a scheduler was given


Shape = ImageShape | TableShape | TextShape | OwnShape


def _no_restore(shape: dict[str, Any]) -> nn.Module:
    raise NotImplementedError("this model is trained by steps and built from its shape")


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
        prepare_rows: Training rows that `prepare` looks at, at most.
        fitted: Fitted as a whole by the reference of the same name, and not trained by steps.
        restore: `plain_shape` of a fitted model -> an empty one.
        rank: Of those that fit, the lowest is taken when the choice is ours.
    """

    data: str
    fits: Callable[[Any], bool]
    build: Callable[[Any, float, float], nn.Module]
    prepare: Callable[[nn.Module, Any], None]
    widths: tuple[float, ...]
    rank: int = 0
    prepare_rows: int = 2_000
    fitted: bool = False
    restore: Callable[[dict[str, Any]], nn.Module] = _no_restore
