"""Predictions of a model on a part of the data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor, nn

    from firstlight.data.batch import Batch, Loader
    from firstlight.kinds.kind import Views
    from firstlight.machine.choices import Machine
    from firstlight.tasks.task import Activation, LossFunction, Objective
    from firstlight.training.interrupt import Stop
    from firstlight.training.job import Job

# rows at a time when the training batch is smaller; results do not depend on it in fp32
EVALUATION_BATCH = 250


class Stopped(Exception):
    """A signal came before every row was predicted."""


class Evaluation(NamedTuple):
    """A model on a part of the data."""

    metrics: dict[str, float]
    # probabilities (rows, classes) or numbers (rows,), as the task predicts them; or sums, where metrics are added up
    predicted: NDArray[Any]
    targets: NDArray[Any]  # as in Examples; of metrics that are added up none, (rows, 0)


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
    part = job.val if part is None else part
    seen = _Seen(objective=job.objective, loss=job.loss)
    with torch.inference_mode():
        for batch in part.ordered(batch_rows(job, part)):
            if stop is not None and stop.requested:
                model.train(was_training)
                raise Stopped
            seen.add(forward(model, batch.inputs, job.views, job.machine), batch)
    model.train(was_training)
    return seen.evaluation()


def batch_rows(job: Job, part: Loader) -> int:
    """Rows that are predicted at a time: as in training where answers are large, or the loss is one of the batch."""
    size = part.size if job.objective.running is not None else max(part.size, EVALUATION_BATCH)
    return max(size // job.config.parallel.micro_batches, 1)


@dataclass(slots=True, kw_only=True)
class _Seen:
    """What the batches so far gave."""

    objective: Objective
    loss: LossFunction
    rows: int = 0
    own_loss: float = 0.0  # summed over the rows
    predicted: list[NDArray[Any]] = field(default_factory=list)  # or the sums
    targets: list[NDArray[Any]] = field(default_factory=list)
    answers: list[tuple[Any, Any]] = field(default_factory=list)  # for metrics of a person's own

    def add(self, outputs: list[Any], batch: Batch) -> None:
        """The outputs for each view of a batch."""
        if self.objective.own_loss:
            self.own_loss += self.loss(outputs[0], batch.targets).item() * len(batch.rows)
        self.rows += len(batch.rows)
        running = self.objective.running
        if running is None:
            self.predicted.append(merged(outputs, self.objective.activate).cpu().numpy())
            self.targets.append(batch.targets.cpu().numpy())
            return
        self.predicted.append(running.sums(outputs[0], batch.targets).cpu().numpy())
        if self.objective.extra is not None:
            self.answers.append(running.answers(outputs[0], batch.targets))

    def evaluation(self) -> Evaluation:
        """The metrics of all of them."""
        objective, predicted = self.objective, np.concatenate(self.predicted)
        targets = np.empty((len(predicted), 0))
        if objective.running is None:
            targets = objective.plain(np.concatenate(self.targets))
        metrics = objective.measure(predicted, targets)
        if objective.extra is not None:
            metrics |= objective.extra(*(gathered(list(each)) for each in zip(*self.answers, strict=True)))
        if objective.own_loss:
            metrics["val_loss"] = self.own_loss / self.rows
        return Evaluation(metrics, predicted, targets)


def gathered(values: list[Any]) -> Any:
    """What several batches gave, put together: arrays of all rows from tensors, lists from lists, and so on inside.

    What is none of these, and numbers of a batch, are a list with one entry for each batch.
    """
    import torch

    first = values[0]
    if isinstance(first, torch.Tensor) and first.ndim:
        plain = [
            value.float() if value.dtype == torch.bfloat16 else value for value in values
        ]  # NumPy has none
        return np.concatenate([value.cpu().numpy() for value in plain])
    if isinstance(first, Mapping):
        return {key: gathered([value[key] for value in values]) for key in first}
    if isinstance(first, tuple):
        return tuple(gathered(list(each)) for each in zip(*values, strict=True))
    if isinstance(first, list):
        return [one for value in values for one in value]
    return values


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
