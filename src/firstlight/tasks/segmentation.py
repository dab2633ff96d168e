"""Segmentation: one class for each pixel.

Targets are whole numbers (rows, height, width), 255 and -100 where a pixel does not count; outputs are (rows, classes,
height, width), or a single channel that is positive where class 1 is. Loss: cross-entropy in nats, mean over the
pixels that count. Metric: mean IoU, higher is better: intersection over union of each class over all validation
pixels, averaged over the classes that occur there (Everingham et al., "The Pascal Visual Object Classes Challenge",
2015). Chance: the most frequent class everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from firstlight.tasks.running import (
    IGNORED,
    Layout,
    Totals,
    by_class,
    checked,
    counted_objective,
    counts_of,
    mean_of_known,
    refuse_shapes,
    softmax,
)
from firstlight.tasks.task import Activation, Goal, Objective, Task

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

VOID = 255  # class of pixels that do not count, as Pascal VOC and Cityscapes write it
WANTED = "outputs are (rows, classes, height, width), targets (rows, height, width) of the same size"
SIDES = 2  # axes of a picture


def bind(goal: Goal) -> Objective:
    """The objective for these classes and their pixels in the training rows."""
    counts = counts_of(goal)
    # Its own IoU is its share, that of the others 0.
    at_chance = float(counts.max() / counts.sum() / (counts > 0).sum())
    return counted_objective(goal, LAYOUT, "val_mean_iou", by_class(LAYOUT, len(counts), metrics), at_chance)


def activation(meta: Mapping[str, Any]) -> Activation:
    """Probabilities of each pixel, (rows, classes, height, width)."""
    return softmax(1)


def measured(classes: int) -> tuple[str, ...]:
    """Names of the metrics."""
    return ("val_loss", "val_mean_iou", "val_accuracy")


def metrics(sums: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """Of sets of rows, (sets, 1 + 3 classes) -> (sets,) each."""
    totals = Totals.of(sums)
    return {
        "val_loss": totals.mean_loss,
        "val_mean_iou": mean_of_known(totals.iou),
        "val_accuracy": totals.accuracy,
    }


def places(outputs: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits (rows, classes, pixels) and labels (rows, pixels)."""
    import torch

    labels = targets.squeeze(1) if targets.ndim == SIDES + 2 else targets
    logits = outputs[:, None] if outputs.ndim == SIDES + 1 else outputs
    fits = logits.ndim == SIDES + 2 and labels.ndim == SIDES + 1 and logits.shape[2:] == labels.shape[1:]
    if not fits or len(logits) != len(labels):
        raise refuse_shapes(outputs, targets, WANTED)
    if logits.shape[1] == 1:  # the logit of class 1 against class 0
        logits = torch.cat([torch.zeros_like(logits), logits], dim=1)
    labels = labels.long().masked_fill(labels == VOID, IGNORED)
    return checked(logits.flatten(2), labels.flatten(1), outputs)


def perfect(targets: torch.Tensor, classes: int) -> torch.Tensor:
    """1 for the class of each pixel and 0 else, (rows, classes, height, width)."""
    import torch

    labels = targets.squeeze(1) if targets.ndim == SIDES + 2 else targets
    known = labels.long().masked_fill((labels == VOID) | (labels < 0), 0)
    return torch.nn.functional.one_hot(known, classes).movedim(-1, 1).float()


LAYOUT = Layout(places=places, perfect=perfect, axis=1)
TASK = Task(name="segmentation", bind=bind, activation=activation, measured=measured)
