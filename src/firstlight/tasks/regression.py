"""Regression: one number for each row, in the user's unit.

The model learns the target with mean 0 and deviation 1, from the training rows as they count (`data.weight`).
Loss: mean squared error of that, so that 1 is what the mean alone reaches. Metric: R2, higher is better; RMSE and
MAE are in the user's unit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from firstlight.tasks.task import Activation, Chance, Goal, LossFunction, Objective, Task

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

MEASURED = ("val_loss", "val_r2", "val_rmse", "val_mae")


def bind(goal: Goal) -> Objective:
    """The objective with the mean and the deviation of the training targets (rows,)."""
    targets = goal.targets.astype(np.float64)
    mean = float(np.average(targets, weights=goal.weights))
    std = float(np.average((targets - mean) ** 2, weights=goal.weights)) ** 0.5 or 1.0
    meta = {"target_mean": mean, "target_std": std}
    return Objective(
        outputs=1,
        metric="val_r2",
        loss=lambda device: make_loss(mean, std),
        activate=activation(meta),
        measure=lambda predicted, actual: measure(predicted, actual, std),
        perfect=lambda targets: ((targets - mean) / std).float()[:, None],
        chance=Chance(loss=1.0, blank=1.0, training_loss=1.0, metric=0.0),
        meta=meta,
        row_weights=goal.weights,
    )


def activation(meta: Mapping[str, Any]) -> Activation:
    """The prediction in the user's unit, float64 (batch,), from outputs (batch, 1)."""
    mean, std = float(meta["target_mean"]), float(meta["target_std"])

    def unscaled(outputs: torch.Tensor) -> torch.Tensor:
        return outputs[:, 0].double() * std + mean

    return unscaled


def measured(classes: int) -> tuple[str, ...]:
    """Names of the metrics of `measure`."""
    return MEASURED


def make_loss(mean: float, std: float) -> LossFunction:
    """Mean squared error of outputs (batch, 1) against scaled targets (batch,)."""
    from torch.nn import functional

    def loss(
        outputs: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor | None = None
    ) -> torch.Tensor:
        way = "mean" if weights is None else "none"
        found = functional.mse_loss(outputs[:, 0].float(), ((targets - mean) / std).float(), reduction=way)
        return found if weights is None else (found * weights).mean()

    return loss


def measure(
    predicted: NDArray[np.floating], actual: NDArray[np.floating], target_std: float
) -> dict[str, float]:
    """Metrics of predictions (rows,) in the user's unit.

    Args:
        predicted: float64 (rows,).
        actual: float64 (rows,).
        target_std: Deviation of the training targets: val_loss is the squared error in its unit.

    Returns:
        R2 is 1 - squared error / squared deviation from the mean of `actual`; NaN when `actual` is constant.
    """
    errors = predicted.astype(np.float64) - actual
    squared = float((errors**2).mean())
    variance = float(actual.var())
    return {
        "val_loss": squared / target_std**2,
        "val_r2": 1 - squared / variance if variance > 0 else float("nan"),
        "val_rmse": squared**0.5,
        "val_mae": float(np.abs(errors).mean()),
    }


TASK = Task(name="regression", bind=bind, activation=activation, measured=measured)
