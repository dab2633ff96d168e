"""Token classification: one class for each token of a sequence.

Targets are whole numbers (rows, tokens), -100 where a token does not count; outputs are (rows, tokens, classes).
Loss: cross-entropy in nats, mean over the tokens that count. Metric: accuracy over these tokens, higher is better;
macro F1 is measured too. Chance: the most frequent class everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from firstlight.tasks.running import (
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

WANTED = "outputs are (rows, tokens, classes), targets (rows, tokens)"
SEQUENCE = 2  # axes of the targets of a batch


def bind(goal: Goal) -> Objective:
    """The objective for these classes and their tokens in the training rows."""
    counts = counts_of(goal)
    at_chance = float(counts.max() / counts.sum())
    return counted_objective(goal, LAYOUT, "val_accuracy", by_class(LAYOUT, len(counts), metrics), at_chance)


def activation(meta: Mapping[str, Any]) -> Activation:
    """Probabilities of each token, (rows, tokens, classes)."""
    return softmax(-1)


def measured(classes: int) -> tuple[str, ...]:
    """Names of the metrics."""
    return ("val_loss", "val_accuracy", "val_macro_f1")


def metrics(sums: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """Of sets of rows, (sets, 1 + 3 classes) -> (sets,) each."""
    totals = Totals.of(sums)
    return {
        "val_loss": totals.mean_loss,
        "val_accuracy": totals.accuracy,
        "val_macro_f1": mean_of_known(totals.f1),
    }


def places(outputs: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits (rows, classes, tokens) and labels (rows, tokens)."""
    if targets.ndim != SEQUENCE or outputs.ndim != SEQUENCE + 1 or outputs.shape[:2] != targets.shape:
        raise refuse_shapes(outputs, targets, WANTED)
    return checked(outputs.transpose(1, 2), targets.long(), outputs)


def perfect(targets: torch.Tensor, classes: int) -> torch.Tensor:
    """1 for the class of each token and 0 else, (rows, tokens, classes)."""
    import torch

    return torch.nn.functional.one_hot(targets.long().clamp_min(0), classes).float()


LAYOUT = Layout(places=places, perfect=perfect, axis=-1)
TASK = Task(name="tokens", bind=bind, activation=activation, measured=measured)
