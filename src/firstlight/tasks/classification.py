"""Classification: one class for each row.

Loss: cross-entropy in nats, averaged over examples. Metric: accuracy, higher is better; with two classes the
area under the ROC curve is measured too. Chance: the loss of always predicting the class shares of the training
rows, and the share of the most frequent class.

A training row counts by its weight (`data.weight`, 1 without) times that of its class. `class_weights: balanced`
weighs a class by total / (classes x its own), as scikit-learn does, where both are sums of the rows' weights over the
classes that occur: so all classes count alike, and rows count 1 on average.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from firstlight.tasks.task import CERTAIN, Activation, Chance, Goal, LossFunction, Objective, Task, weighed

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

    from firstlight.config.schema import Loss

SMALLEST_SUM = 1e-12  # of the weights of a batch: rows that all count nothing have a loss of 0
TWO = 2  # classes, of which the second is the positive one


def bind(goal: Goal) -> Objective:
    """The objective for these classes, their shares in the training rows, and these loss settings."""
    rows = np.bincount(goal.targets, minlength=len(goal.classes))
    counts = np.bincount(goal.targets, weights=goal.weights, minlength=len(goal.classes)).astype(np.float64)
    classes = class_weights(goal.settings, counts)
    return Objective(
        outputs=len(goal.classes),
        metric="val_accuracy",
        loss=lambda device: make_loss(goal.settings, counts, device),
        activate=_softmax,
        measure=measure,
        perfect=lambda targets: perfect(targets, len(goal.classes), goal.settings),
        chance=chance(counts, goal.settings, rows),
        row_weights=goal.weights if classes is None else weighed(classes[goal.targets], goal.weights),
    )


def activation(meta: Mapping[str, Any]) -> Activation:
    """Probabilities from logits; nothing is needed for it."""
    return _softmax


def measured(classes: int) -> tuple[str, ...]:
    """Names of the metrics of `measure`."""
    common = ("val_loss", "val_accuracy", "val_balanced_accuracy", "val_macro_f1")
    return (*common, "val_auroc") if classes == TWO else common


def class_weights(settings: Loss, counts: NDArray[np.floating]) -> NDArray[np.float64] | None:
    """How much a row of each class counts beside its own weight, (classes,); None = all alike.

    Args:
        settings: Of the loss.
        counts: Sum of the weights of the training rows of each class; a class without any gets 1, which nobody asks.
    """
    if settings.class_weights != "balanced":
        return None
    present = counts > 0
    weights = np.ones(len(counts))
    weights[present] = counts.sum() / (present.sum() * counts[present])
    return weights


def make_loss(settings: Loss, counts: NDArray[np.floating], device: torch.device) -> LossFunction:
    """The training loss: a function of logits (batch, classes), targets (batch,) and weights, a mean in nats.

    Each row counts by its weight times that of its class. With class weights the mean of a batch is by these, as in
    PyTorch, so that a batch without a rare class is as large as one with it; else the sum is divided by the rows.

    Args:
        settings: Smoothing and class weights.
        counts: Sum of the weights of the training rows of each class.
        device: Of the outputs.
    """
    import torch
    from torch.nn import functional

    found = class_weights(settings, counts)
    balance = None if found is None else torch.tensor(found, dtype=torch.float32, device=device)
    smoothing = settings.label_smoothing

    def loss(
        outputs: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor | None = None
    ) -> torch.Tensor:
        way = "mean" if weights is None and balance is None else "none"
        each = functional.cross_entropy(outputs.float(), targets, label_smoothing=smoothing, reduction=way)
        if balance is None:
            return each if weights is None else (each * weights).mean()
        counted = balance[targets] if weights is None else balance[targets] * weights
        return (each * counted).sum() / counted.sum().clamp_min(SMALLEST_SUM)

    return loss


def measure(probabilities: NDArray[np.floating], labels: NDArray[np.int64]) -> dict[str, float]:
    """Validation metrics from probabilities (rows, classes) and labels (rows,).

    val_loss is the plain cross-entropy in nats (no smoothing, no weights), so that runs can be compared.
    Classes that do not occur among the labels are left out of the macro averages.
    """
    classes = probabilities.shape[1]
    predicted = probabilities.argmax(axis=1)
    own = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    smallest = float(np.finfo(np.float32).tiny)
    metrics = {
        "val_loss": float(-np.log(np.maximum(own, smallest)).mean()) if np.isfinite(own).all() else math.nan,
        **measure_classes(predicted, labels, classes),
    }
    if classes == TWO:
        metrics["val_auroc"] = auroc(probabilities[:, 1], labels)
    return metrics


def measure_classes(
    predicted: NDArray[np.int64], labels: NDArray[np.int64], classes: int
) -> dict[str, float]:
    """The metrics that need no probabilities, from predicted classes (rows,) and labels (rows,)."""
    hits = np.bincount(labels[predicted == labels], minlength=classes)
    actual = np.bincount(labels, minlength=classes)
    claimed = np.bincount(predicted, minlength=classes)
    present = actual > 0
    recall = hits[present] / actual[present]
    f1 = 2 * hits[present] / (actual[present] + claimed[present])
    return {
        "val_accuracy": float((predicted == labels).mean()),
        "val_balanced_accuracy": float(recall.mean()),
        "val_macro_f1": float(f1.mean()),
    }


def auroc(scores: NDArray[np.floating], positive: NDArray[Any]) -> float:
    """Area under the ROC curve: the chance that a positive row has a higher score than another, ties half.

    Args:
        scores: (rows,).
        positive: (rows,), 1 or True for the positive ones.

    Returns:
        0 to 1; NaN when only one kind of row is there or a score is not finite.
    """
    positive = np.asarray(positive, dtype=bool)
    ones, zeros = int(positive.sum()), int((~positive).sum())
    if not ones or not zeros or not np.isfinite(scores).all():
        return math.nan
    _, group, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    ranks = (ends - (counts - 1) / 2)[group]  # mean rank of each group of equal scores
    return float((ranks[positive].sum() - ones * (ones + 1) / 2) / (ones * zeros))


def perfect(targets: torch.Tensor, classes: int, settings: Loss) -> torch.Tensor:
    """Logits (batch, classes) of the smoothed targets (batch,)."""
    import torch

    smoothing = max(settings.label_smoothing, CERTAIN)
    hot = torch.nn.functional.one_hot(targets, classes)
    return torch.log(hot * (1 - smoothing) + smoothing / classes)


def chance(counts: NDArray[np.floating], settings: Loss, rows: NDArray[np.int64] | None = None) -> Chance:
    """What is reached without looking at the input: the entropy of the class shares, and the largest share.

    Under label smoothing e and class weights w the best constant prediction is (1 - e) w share + e / classes,
    and its loss is that distribution's entropy.

    Args:
        counts: Sum of the weights of the training rows of each class.
        settings: Of the loss.
        rows: Training rows of each class; None = `counts`. The metric counts each row once.
    """
    rows = counts.astype(np.int64) if rows is None else rows
    shares = counts / counts.sum()
    balance = class_weights(settings, counts)
    weighted = shares if balance is None else shares * balance
    smoothed = (1 - settings.label_smoothing) * weighted + settings.label_smoothing / len(shares)
    return Chance(
        loss=_entropy(shares),
        blank=math.log(len(shares)),
        training_loss=_entropy(smoothed),
        metric=float(rows[counts.argmax()] / rows.sum()),
    )


def _softmax(outputs: torch.Tensor) -> torch.Tensor:
    return outputs.float().softmax(dim=1)


def _entropy(shares: NDArray[np.float64]) -> float:
    """In nats."""
    some = shares[shares > 0]
    return float(-(some * np.log(some)).sum())


TASK = Task(name="classification", bind=bind, activation=activation, measured=measured)
