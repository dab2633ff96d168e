"""What a task is: a frozen record of plain functions, bound to the training targets before a run.

    Task --bind(Goal)--> Objective

A task knows no kind of data: images, tables and texts are classified by the same one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

    from firstlight.config.schema import Loss


class LossFunction(Protocol):
    """The loss that is trained."""

    def __call__(
        self, outputs: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Outputs (batch, ...), targets, weights of the rows (batch,) -> mean loss, a scalar tensor."""


# outputs of the model -> what is predicted: probabilities, or numbers in the user's unit
Activation = Callable[["torch.Tensor"], "torch.Tensor"]
CERTAIN = 1e-4  # probability that a perfect model leaves to what is wrong
# (predictions, targets) -> metrics
Measure = Callable[["NDArray[Any]", "NDArray[Any]"], "dict[str, float]"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """What a task is bound to."""

    classes: tuple[str, ...]  # none for a regression
    targets: NDArray[Any]  # of the training rows, as in Examples
    settings: Loss
    weights: NDArray[np.float64] | None = None  # of the training rows, mean 1; None = all count alike
    # (classes,): how often each occurs in the training rows, where a row has many; of a language the vocabulary
    counts: NDArray[np.int64] | None = None
    shifted: bool = False  # targets of a language are its inputs, and the next token is one place further


@dataclass(frozen=True, slots=True, kw_only=True)
class Chance:
    """What is reached without looking at the input, from training rows that count by their weight."""

    loss: float  # in the unit of val_loss
    blank: (
        float  # of a model that gives every class the same probability, or the mean; an untrained one is near
    )
    training_loss: float  # of the best constant prediction, in the unit of the loss that is trained
    metric: float  # in the unit of the task's metric


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """Metrics that are added up batch by batch, where a row's answer is too large to keep.

    Attributes:
        sums: (outputs, targets) of a batch -> float64 (rows, columns): numerators and denominators of each row; of a
            step of the batch, (1, columns).
        metrics: Sums of several sets of rows (sets, columns) -> metric -> its value for each (sets,), NaN where it has
            none.
        answers: (outputs, targets) of a batch -> what is predicted and what is true, for metrics of a person's own.
    """

    sums: Callable[[Any, torch.Tensor], torch.Tensor]
    metrics: Callable[[NDArray[np.float64]], dict[str, NDArray[np.float64]]]
    answers: Callable[[Any, torch.Tensor], tuple[Any, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """A task for certain targets.

    Attributes:
        outputs: Numbers that the model gives for a row.
        metric: The one that people quote.
        loss: device -> training loss.
        activate: What the outputs predict.
        measure: Validation metrics, `val_loss` and `metric` among them.
        perfect: targets -> outputs of a model that is right about every row, as sure as the loss wants it.
        chance: What is reached without looking at the input.
        meta: Plain values from which `Task.activation` makes the same activation.
        plain: Targets as batches hold them -> as `measure` wants them.
        own_loss: The loss is a person's own: val_loss is the mean of it over the validation batches, what perfect
            outputs are is not known, and neither is chance but for the metric.
        running: How the metrics are added up; `measure` then gets the sums in place of predictions. None = from all
            predictions at once.
        extra: Metrics of a person's own beside those that are added up, from (predictions, targets).
        by_row: The outputs have a row for each row of a batch; those of a step need not.
        row_weights: How much a training row counts in the loss, data.weight times the weight of its class, as a
            reference has to count it: (rows,), or (rows, labels); None = all alike.
    """

    outputs: int
    metric: str
    loss: Callable[[torch.device], LossFunction]
    activate: Activation
    measure: Measure
    perfect: Callable[[torch.Tensor], torch.Tensor]
    chance: Chance
    meta: dict[str, Any] = field(default_factory=dict)
    plain: Callable[[NDArray[Any]], NDArray[Any]] = lambda targets: targets
    own_loss: bool = False
    running: Running | None = None
    extra: Measure | None = None
    by_row: bool = True
    row_weights: NDArray[np.float64] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A task.

    Attributes:
        name: As `data.task` ends.
        bind: Goal -> objective.
        activation: meta of an objective -> its activation.
        measured: Number of classes -> names of the metrics that are measured in every validation.
    """

    name: str
    bind: Callable[[Goal], Objective]
    activation: Callable[[Mapping[str, Any]], Activation]
    measured: Callable[[int], tuple[str, ...]]


def weighed(values: NDArray[np.float64], weights: NDArray[np.float64] | None) -> NDArray[np.float64]:
    """Values (rows, ...) times the weights of the rows (rows,), if there are any."""
    if weights is None:
        return values
    return values * weights.reshape(-1, *[1] * (values.ndim - 1))
