"""Image classification: one class per image.

Loss: cross-entropy in nats, averaged over examples. Metric: accuracy, higher is better. Chance: the loss of
always predicting
the class shares of the training rows, and the share of the most frequent class.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from firstlight.tasks.task import Chance, LossFunction, Task

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

    from firstlight.config.schema import Loss


def make_loss(settings: Loss, class_counts: NDArray[np.int64], device: torch.device) -> LossFunction:
    """The training loss: a function of logits (batch, classes) and targets (batch,) that gives a mean in nats.

    `class_weights: balanced` weighs a class by total / (classes x its count), as scikit-learn does.
    """
    import torch
    from torch.nn import functional

    weight = None
    if settings.class_weights == "balanced":
        shares = class_counts.sum() / (len(class_counts) * np.maximum(class_counts, 1))
        weight = torch.tensor(shares, dtype=torch.float32, device=device)
    smoothing = settings.label_smoothing

    def loss(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return functional.cross_entropy(outputs.float(), targets, weight=weight, label_smoothing=smoothing)

    return loss


def measure(probabilities: NDArray[np.float32], labels: NDArray[np.int64]) -> dict[str, float]:
    """Validation metrics from probabilities (rows, classes) and labels (rows,).

    val_loss is the plain cross-entropy in nats (no smoothing, no weights), so that runs can be compared.
    Classes that do not occur among the labels are left out of the macro averages.
    """
    classes = probabilities.shape[1]
    predicted = probabilities.argmax(axis=1)
    own = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    hits = np.bincount(labels[predicted == labels], minlength=classes)
    actual = np.bincount(labels, minlength=classes)
    claimed = np.bincount(predicted, minlength=classes)
    present = actual > 0
    recall = hits[present] / actual[present]
    f1 = 2 * hits[present] / (actual[present] + claimed[present])
    smallest = float(np.finfo(np.float32).tiny)
    return {
        "val_loss": float(-np.log(np.maximum(own, smallest)).mean()) if np.isfinite(own).all() else math.nan,
        "val_accuracy": float((predicted == labels).mean()),
        "val_balanced_accuracy": float(recall.mean()),
        "val_macro_f1": float(f1.mean()),
    }


def chance(class_counts: NDArray[np.int64], settings: Loss) -> Chance:
    """What is reached without looking at the image: the entropy of the class shares, and the largest share.

    Under label smoothing e and class weights w the best constant prediction is (1 - e) w share + e / classes,
    normalised, and its loss is that distribution's entropy.
    """
    shares = class_counts / class_counts.sum()
    weighted = (
        (class_counts > 0) / (class_counts > 0).sum() if settings.class_weights == "balanced" else shares
    )
    smoothed = (1 - settings.label_smoothing) * weighted + settings.label_smoothing / len(shares)
    return Chance(loss=_entropy(shares), training_loss=_entropy(smoothed), metric=float(shares.max()))


def _entropy(shares: NDArray[np.float64]) -> float:
    """In nats."""
    some = shares[shares > 0]
    return float(-(some * np.log(some)).sum())


TASK = Task(
    name="image_classification",
    metric="val_accuracy",
    make_loss=make_loss,
    measure=measure,
    chance=chance,
    measured=("val_loss", "val_accuracy", "val_balanced_accuracy", "val_macro_f1"),
)
