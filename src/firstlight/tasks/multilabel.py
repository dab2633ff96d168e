"""Multi-label classification: any number of labels for each row.

Loss: binary cross-entropy in nats, averaged over rows and labels. Metric: macro F1 at a probability of one half,
higher is better. Accuracy is the share of rows with every label right.

A training row counts by its weight (`data.weight`, 1 without). `class_weights: balanced` weighs the rows that have a
label by the weight of those without it over that of those with it, label by label: both then count alike.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from firstlight.tasks.classification import auroc
from firstlight.tasks.task import CERTAIN, Activation, Chance, Goal, LossFunction, Objective, Task, weighed

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

MEASURED = ("val_loss", "val_macro_f1", "val_accuracy", "val_auroc")
HALF = 0.5


def bind(goal: Goal) -> Objective:
    """The objective for these labels: targets float32 (rows, labels) of 0 and 1."""
    positive = positive_weights(goal)
    return Objective(
        outputs=len(goal.classes),
        metric="val_macro_f1",
        loss=lambda device: make_loss(goal, device),
        activate=_sigmoid,
        measure=measure,
        perfect=lambda targets: perfect(targets, goal.settings.label_smoothing),
        chance=chance(goal),
        row_weights=goal.weights
        if positive is None
        else weighed(np.where(goal.targets > HALF, positive, 1.0), goal.weights),
    )


def activation(meta: Mapping[str, Any]) -> Activation:
    """A probability for each label; nothing is needed for it."""
    return _sigmoid


def measured(classes: int) -> tuple[str, ...]:
    """Names of the metrics of `measure`."""
    return MEASURED


def shares(goal: Goal) -> NDArray[np.float64]:
    """Share of the training rows that have each label, by their weight, (labels,)."""
    return np.asarray(np.average(goal.targets.astype(np.float64), axis=0, weights=goal.weights))


def positive_weights(goal: Goal) -> NDArray[np.float64] | None:
    """How much a row that has a label counts in it, beside its own weight, (labels,); None = as one without it."""
    if goal.settings.class_weights != "balanced":
        return None
    share = np.clip(shares(goal), 1 / len(goal.targets), 1)
    return np.asarray((1 - share) / share)


def make_loss(goal: Goal, device: torch.device) -> LossFunction:
    """Binary cross-entropy of logits (batch, labels); `balanced` weighs positives by negatives / positives."""
    import torch
    from torch.nn import functional

    positive = positive_weights(goal)
    weight = None if positive is None else torch.tensor(positive, dtype=torch.float32, device=device)
    smoothing = goal.settings.label_smoothing

    def loss(
        outputs: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor | None = None
    ) -> torch.Tensor:
        smoothed = targets * (1 - smoothing) + smoothing / 2
        each = None if weights is None else weights[:, None]
        return functional.binary_cross_entropy_with_logits(
            outputs.float(), smoothed, weight=each, pos_weight=weight
        )

    return loss


def measure(probabilities: NDArray[np.floating], targets: NDArray[np.floating]) -> dict[str, float]:
    """Metrics of probabilities (rows, labels) against targets (rows, labels); labels that never occur are left out."""
    smallest = float(np.finfo(np.float32).tiny)
    p = probabilities.astype(np.float64)
    own = np.where(targets > HALF, p, 1 - p)
    claimed, actual = p >= HALF, targets > HALF
    present = actual.any(axis=0)
    hits = (claimed & actual).sum(axis=0)
    f1 = 2 * hits / np.maximum(claimed.sum(axis=0) + actual.sum(axis=0), 1)
    areas = [auroc(p[:, i], actual[:, i]) for i in np.flatnonzero(present & ~actual.all(axis=0))]
    return {
        "val_loss": float(-np.log(np.maximum(own, smallest)).mean()),
        "val_macro_f1": float(f1[present].mean()) if present.any() else float("nan"),
        "val_accuracy": float((claimed == actual).all(axis=1).mean()),
        "val_auroc": float(np.mean(areas)) if areas else float("nan"),
    }


def perfect(targets: torch.Tensor, smoothing: float) -> torch.Tensor:
    """Logits (batch, labels) of the smoothed targets (batch, labels)."""
    import torch

    half = max(smoothing, CERTAIN) / 2
    return torch.logit(targets * (1 - 2 * half) + half)


def chance(goal: Goal) -> Chance:
    """Always predicting the share of each label: the mean of their entropies; F1 of calling the common ones."""
    share, smoothing = shares(goal), goal.settings.label_smoothing
    smoothed = share * (1 - smoothing) + smoothing / 2
    positive = positive_weights(goal)
    once = goal.targets.mean(axis=0).astype(np.float64)  # the metric counts each row once
    f1 = np.where(share >= HALF, 2 * once / (1 + once), 0.0)[once > 0]
    return Chance(
        loss=_least_loss(share, 1 - share),
        blank=math.log(2),
        training_loss=_least_loss(smoothed if positive is None else positive * smoothed, 1 - smoothed),
        metric=float(f1.mean()) if len(f1) else 0.0,
    )


def _least_loss(ones: NDArray[np.float64], zeros: NDArray[np.float64]) -> float:
    """Of the best constant probability of each label, where rows with and without it count so much; mean, in nats.

    A label that all rows have counts nothing when it is balanced: any probability is best, and its loss is 0.
    """
    total = ones + zeros
    p = np.clip(np.divide(ones, total, out=np.zeros(len(total)), where=total > 0), 1e-12, 1 - 1e-12)
    return float(-(ones * np.log(p) + zeros * np.log(1 - p)).mean())


def _sigmoid(outputs: torch.Tensor) -> torch.Tensor:
    return outputs.float().sigmoid()


TASK = Task(name="multilabel", bind=bind, activation=activation, measured=measured)
