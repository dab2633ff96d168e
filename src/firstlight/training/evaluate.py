"""Predictions of a model on a part of the data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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


def predict(
    model: nn.Module, job: Job, part: Loader | None = None, *, stop: Stop | None = None
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Predictions and targets of every row, in order; the model is left in its mode.

    No random number is drawn, so that validating never changes a run.

    Args:
        model: Inputs of a batch -> outputs.
        job: The run.
        part: Of the data; None = the validation rows.
        stop: Looked at before each batch.

    Returns:
        Probabilities (rows, classes) or numbers (rows,), as the task predicts them, and the targets.

    Raises:
        Stopped: `stop` was requested.
    """
    import torch

    was_training = model.training
    model.eval()
    predicted, targets = [], []
    with torch.inference_mode():
        part = job.val if part is None else part
        size = max(part.size, EVALUATION_BATCH) // job.config.parallel.micro_batches
        for batch in part.ordered(max(size, 1)):
            if stop is not None and stop.requested:
                model.train(was_training)
                raise Stopped
            answer = predict_batch(model, batch.inputs, job.objective.activate, job.views, job.machine)
            predicted.append(answer.cpu().numpy())
            targets.append(batch.targets.cpu().numpy())
    model.train(was_training)
    return np.concatenate(predicted), np.concatenate(targets)


def predict_batch(
    model: nn.Module, inputs: Any, activate: Activation, views: Views, machine: Machine
) -> Tensor:
    """What the model predicts for the inputs of a batch: the mean over their views."""
    answers = []
    for view in views(inputs):
        with machine.autocast():
            outputs = model(view)
        answers.append(activate(outputs))
    total = answers[0]
    for answer in answers[1:]:
        total = total + answer
    return total / len(answers)
