"""Predictions of a model on a part of the data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor, nn

    from firstlight.data.batch import Loader
    from firstlight.kinds.kind import Views
    from firstlight.machine.choices import Machine
    from firstlight.tasks.task import Activation
    from firstlight.training.interrupt import Stop
    from firstlight.training.job import Job

# rows at a time when the training batch is smaller; results do not depend on it in fp32
EVALUATION_BATCH = 250


class Stopped(Exception):
    """A signal came before every row was predicted."""


class Evaluation(NamedTuple):
    """A model on a part of the data."""

    metrics: dict[str, float]
    predicted: NDArray[Any]  # probabilities (rows, classes) or numbers (rows,), as the task predicts them
    targets: NDArray[Any]  # as in Examples


def evaluate(
    model: nn.Module, job: Job, part: Loader | None = None, *, stop: Stop | None = None
) -> Evaluation:
    """Metrics of every row, with predictions and targets in order; the model is left in its mode.

    No random number is drawn, so that validating never changes a run.

    Args:
        model: Inputs of a batch -> outputs.
        job: The run.
        part: Of the data; None = the validation rows.
        stop: Looked at before each batch.

    Raises:
        Stopped: `stop` was requested.
    """
    import torch

    was_training = model.training
    model.eval()
    predicted, targets, losses = [], [], []
    with torch.inference_mode():
        part = job.val if part is None else part
        size = max(part.size, EVALUATION_BATCH) // job.config.parallel.micro_batches
        for batch in part.ordered(max(size, 1)):
            if stop is not None and stop.requested:
                model.train(was_training)
                raise Stopped
            outputs = forward(model, batch.inputs, job.views, job.machine)
            predicted.append(merged(outputs, job.objective.activate).cpu().numpy())
            if job.objective.own_loss:
                losses.append(job.loss(outputs[0], batch.targets).item() * len(batch.rows))
            targets.append(batch.targets.cpu().numpy())
    model.train(was_training)
    answers, actual = np.concatenate(predicted), job.objective.plain(np.concatenate(targets))
    metrics = job.objective.measure(answers, actual)
    if job.objective.own_loss:
        metrics["val_loss"] = sum(losses) / len(answers)
    return Evaluation(metrics, answers, actual)


def predict_batch(
    model: nn.Module, inputs: Any, activate: Activation, views: Views, machine: Machine
) -> Tensor:
    """What the model predicts for the inputs of a batch: the mean over their views."""
    return merged(forward(model, inputs, views, machine), activate)


def forward(model: nn.Module, inputs: Any, views: Views, machine: Machine) -> list[Tensor]:
    """The outputs for each view of the inputs of a batch."""
    outputs = []
    for view in views(inputs):
        with machine.autocast():
            outputs.append(model(view))
    return outputs


def merged(outputs: list[Tensor], activate: Activation) -> Tensor:
    """The mean of what the outputs of the views predict."""
    answers = [activate(output) for output in outputs]
    total = answers[0]
    for answer in answers[1:]:
        total = total + answer
    return total / len(answers)
