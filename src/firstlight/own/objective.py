"""The task of a person's data, with the person's loss and metrics in place of its own."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from firstlight.errors import UsageError
from firstlight.own.form import described, is_loss
from firstlight.own.given import PREFIX
from firstlight.own.place import defined_at, raised_at, tell
from firstlight.own.target import canonical
from firstlight.tasks.running import refuse_shapes
from firstlight.tasks.step import UNKNOWN
from firstlight.tasks.task import Activation, Chance, LossFunction, Objective

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import torch
    from numpy.typing import NDArray

    from firstlight.own.given import Given, Metric

LABELS = 2  # axes of the outputs for labels
PROBABILITIES = 1e-3  # how near to 1 the outputs of a row must add up to be taken for probabilities


def own_objective(task: Objective, name: str, given: Given, targets: NDArray[Any]) -> Objective:
    """The objective that a person's run is trained and judged by.

    Args:
        task: Bound to the training targets.
        name: Of the task.
        given: Loss and metrics; without a loss the task's own is taken.
        targets: Of the training rows that were read.
    """
    if task.running is not None:
        return _added_up(task, given)
    if name == "regression":
        task = _in_the_unit(task, targets)
    objective = replace(
        task,
        loss=lambda device: _task_loss(task.loss(device), name),
        plain=lambda values: canonical(values, name),
    )
    if given.loss is not None:
        objective = replace(
            objective,
            loss=lambda device: _own_loss(given, device),
            own_loss=True,
            activate=_activation(given.loss, name),
            chance=replace(UNKNOWN, metric=task.chance.metric),
        )
    return replace(objective, measure=_with_metrics(objective.measure, given.metrics))


def _added_up(task: Objective, given: Given) -> Objective:
    """A task whose metrics are added up; own ones get the classes of the places that count, or a step's outputs."""
    if given.metrics:
        task = replace(task, extra=_with_metrics(lambda predicted, targets: {}, given.metrics))
    if given.loss is None:
        return task
    unknown = replace(UNKNOWN, metric=task.chance.metric)
    return replace(task, loss=lambda device: _own_loss(given, device), own_loss=True, chance=unknown)


def _in_the_unit(task: Objective, targets: NDArray[Any]) -> Objective:
    """A regression whose model answers in the unit of the target, as a person's own does."""
    from firstlight.tasks.regression import measure

    spread = float(targets.var()) or 1.0
    return replace(
        task,
        loss=lambda device: _squared_error,
        activate=_number,
        measure=lambda predicted, actual: measure(predicted, actual, 1.0),
        perfect=lambda values: values.reshape(len(values), -1).float(),
        chance=Chance(
            loss=spread, blank=spread + float(targets.mean()) ** 2, training_loss=spread, metric=0.0
        ),
        meta={},
    )


def _squared_error(
    outputs: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor | None = None
) -> torch.Tensor:
    return ((outputs.reshape(-1) - targets.reshape(-1).float()) ** 2).mean()


def _task_loss(loss: LossFunction, name: str) -> LossFunction:
    """The task's loss for targets as a person's batches hold them."""
    import torch

    kinds = {"classification": torch.int64, "multilabel": torch.float32, "regression": torch.float32}

    def called(
        outputs: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor | None = None
    ) -> torch.Tensor:
        if name == "multilabel" and outputs.ndim > LABELS:
            raise refuse_shapes(
                outputs, targets, "labels have outputs (rows, labels); 0 and 1 of tokens are task='tokens'"
            )
        shape = (len(targets),) if name == "classification" else (len(targets), -1)
        return loss(outputs, targets.reshape(shape).to(kinds[name]), weights)

    return called


def _own_loss(given: Given, device: torch.device) -> LossFunction:
    """The person's loss; what it raises is told with the forms it was called with."""
    from torch import nn

    own = given.loss
    assert own is not None
    if isinstance(own, nn.Module):
        own = own.to(device)

    def called(
        outputs: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor | None = None
    ) -> torch.Tensor:
        try:
            found = own(outputs, targets)
        except Exception as error:
            tell(
                error,
                "the loss raises an error",
                thing=own,
                called_with=f"outputs {described(outputs)} and targets {described(targets)}",
                remedy="give outputs and targets of the forms and types that this loss wants",
            )
        return _scalar(found, own)

    return called


def _scalar(found: Any, own: Any) -> torch.Tensor:
    if is_loss(found):
        return found
    raise UsageError(
        "the loss does not give one number",
        f"{defined_at(own)} gives {described(found)}",
        "return the mean over the batch, a tensor without axes",
    )


def _activation(loss: Any, name: str) -> Activation:
    """What the outputs predict, by the loss that they are made for."""
    import torch

    if name == "regression":
        return _number
    kind = type(loss)
    if kind is torch.nn.NLLLoss:
        return lambda outputs: outputs.float().exp()
    if kind is torch.nn.BCELoss:
        return lambda outputs: _columns(outputs.float())
    return _labels if name == "multilabel" else _classes


def _classes(outputs: torch.Tensor) -> torch.Tensor:
    """Probabilities: the outputs where they are such already, else their softmax."""
    outputs = outputs.float()
    sums = outputs.sum(dim=1)
    if bool((outputs >= 0).all()) and bool(((sums - 1).abs() < PROBABILITIES).all()):
        return outputs
    return outputs.softmax(dim=1)


def _labels(outputs: torch.Tensor) -> torch.Tensor:
    return _columns(outputs.float().sigmoid())


def _columns(values: torch.Tensor) -> torch.Tensor:
    return values.reshape(len(values), -1)


def _number(outputs: torch.Tensor) -> torch.Tensor:
    return outputs.reshape(len(outputs)).double()


def _with_metrics(
    measure: Callable[[NDArray[Any], NDArray[Any]], dict[str, float]], metrics: Mapping[str, Metric]
) -> Callable[[NDArray[Any], NDArray[Any]], dict[str, float]]:
    def measured(predicted: NDArray[Any], targets: NDArray[Any]) -> dict[str, float]:
        found = measure(predicted, targets)
        for name, metric in metrics.items():
            found[f"{PREFIX}{name}"] = _number_of(name, metric, predicted, targets)
        return found

    return measured


def _number_of(name: str, metric: Metric, predicted: NDArray[Any], targets: NDArray[Any]) -> float:
    try:
        return float(np.asarray(metric.function(predicted, targets)))
    except Exception as error:
        raise UsageError(
            "a metric raises an error or gives no number",
            f"{name}, {defined_at(metric.function)}, called with predictions {described(predicted)} and targets "
            f"{described(targets)}: {raised_at(error)}",
            "it gets two arrays with all validation rows and returns a number",
        ) from error
