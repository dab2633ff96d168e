"""A step of a person's own: what is learnt is known to it alone.

The step is called with the model and a batch and returns the loss. Metric: val_loss, lower is better, the mean of that
loss over the validation batches, unless the person names a metric of their own. Chance: not known; the loss of the
untrained model is told in its place. Of each validation batch the loss and the rows are kept.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from firstlight.tasks.running import measured_by, ratio
from firstlight.tasks.task import Activation, Chance, Goal, Objective, Running, Task

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

UNKNOWN = Chance(loss=math.nan, blank=math.nan, training_loss=math.nan, metric=math.nan)


def bind(goal: Goal) -> Objective:
    """The objective whose outputs have the loss already."""
    running = Running(sums=_sums, metrics=metrics, answers=_answers)
    return Objective(
        outputs=1,
        metric="val_loss",
        loss=lambda device: _loss,
        activate=_of,
        measure=lambda sums, _: measured_by(running, sums),
        perfect=lambda targets: targets,
        chance=UNKNOWN,
        own_loss=True,
        by_row=False,
        running=running,
    )


def activation(meta: Mapping[str, Any]) -> Activation:
    """The loss."""
    return _of


def measured(classes: int) -> tuple[str, ...]:
    """Names of the metrics."""
    return ("val_loss",)


def metrics(sums: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """Of sets of batches, (sets, 2) -> (sets,)."""
    return {"val_loss": ratio(sums[:, 0], sums[:, 1])}


def _of(answer: Any) -> torch.Tensor:
    loss: torch.Tensor = answer.loss
    return loss


def _loss(outputs: Any, targets: torch.Tensor, weights: torch.Tensor | None = None) -> torch.Tensor:
    return _of(outputs)


def _sums(answer: Any, targets: torch.Tensor) -> torch.Tensor:
    """Loss times rows, and rows, of the batch: float64 (1, 2)."""
    import torch

    rows = len(targets)
    return torch.tensor([[answer.loss.item() * rows, rows]], dtype=torch.float64)


def _answers(answer: Any, targets: torch.Tensor) -> tuple[Any, torch.Tensor]:
    return answer.outputs, targets


TASK = Task(name="step", bind=bind, activation=activation, measured=measured)
