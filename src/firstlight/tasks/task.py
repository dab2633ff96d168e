"""What a task kind is: a frozen record of plain functions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

# (outputs, targets) -> mean loss, a scalar tensor
LossFunction = Callable[["torch.Tensor", "torch.Tensor"], "torch.Tensor"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chance:
    """What is reached without looking at the input."""

    loss: float  # in the unit of val_loss
    training_loss: float  # of the best constant prediction, in the unit of the loss that is trained
    metric: float  # in the unit of the task's metric


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A task kind."""

    name: str
    metric: str  # the one that people quote; its direction is in config.schema.LOWER_IS_BETTER
    make_loss: Callable[..., LossFunction]
    measure: Callable[..., dict[str, float]]  # (probabilities, labels) -> metrics
    chance: Callable[[Any, Any], Chance]  # (class counts, loss settings) -> chance
    measured: tuple[str, ...]  # names of the metrics that `measure` gives
