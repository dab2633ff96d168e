"""Language modelling: the next token, at each place of a sequence.

Targets are whole numbers (rows, tokens), -100 where a token does not count: each the token after that of the input, or
the tokens of the input themselves, which are then moved by one place here. Outputs are (rows, tokens, vocabulary).
Loss: cross-entropy in nats, mean over the tokens that count. Metric: perplexity, e to the power of that loss, lower
is better. Chance: the perplexity of the tokens' frequencies in the training rows, whatever came before.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from firstlight.tasks.classification import chance
from firstlight.tasks.running import (
    IGNORED,
    Layout,
    chosen_and_true,
    counted_objective,
    counts_of,
    place_losses,
    ratio,
    softmax,
)
from firstlight.tasks.task import Activation, Goal, Objective, Running, Task
from firstlight.tasks.tokens import LAYOUT as EACH

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

LARGEST_LOSS = 700.0  # nats: e to its power is still a number in float64


def bind(goal: Goal) -> Objective:
    """The objective for the vocabulary of the training rows."""
    counts = counts_of(goal)
    entropy = chance(counts.astype(np.float64), goal.settings).loss
    layout = MOVED if goal.shifted else EACH
    return counted_objective(goal, layout, "val_perplexity", running(layout), math.exp(entropy))


def activation(meta: Mapping[str, Any]) -> Activation:
    """Probabilities of the next token, (rows, tokens, vocabulary)."""
    return softmax(-1)


def measured(classes: int) -> tuple[str, ...]:
    """Names of the metrics."""
    return ("val_loss", "val_perplexity", "val_accuracy")


def running(layout: Layout) -> Running:
    """How its metrics are added up: of a row the loss, the tokens that count, and those that are predicted."""
    return Running(sums=token_sums(layout), metrics=metrics, answers=chosen_and_true(layout))


def metrics(sums: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """Of sets of rows, (sets, 3) -> (sets,) each."""
    loss = ratio(sums[:, 0], sums[:, 1])
    return {
        "val_loss": loss,
        "val_perplexity": np.exp(np.minimum(loss, LARGEST_LOSS)),
        "val_accuracy": ratio(sums[:, 2], sums[:, 1]),
    }


def token_sums(layout: Layout) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    """The function that gives loss, tokens and hits of each row: float64 (rows, 3)."""
    import torch

    def sums(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        logits, labels = layout.places(outputs, targets)
        counted = labels != IGNORED
        hits = counted & (logits.argmax(dim=1) == labels)
        return torch.stack(
            [place_losses(logits, labels), counted.sum(dim=1).double(), hits.sum(dim=1).double()], dim=1
        )

    return sums


def _moved(outputs: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Targets that are the input: what is answered at a place is held against the token after it."""
    logits, labels = EACH.places(outputs, targets)
    return logits[:, :, :-1], labels[:, 1:]


def _moved_back(targets: torch.Tensor, classes: int) -> torch.Tensor:
    return EACH.perfect(targets.roll(-1, dims=1), classes)


MOVED = Layout(places=_moved, perfect=_moved_back, axis=-1)
TASK = Task(name="language", bind=bind, activation=activation, measured=measured)
