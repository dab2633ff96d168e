"""All that a training run needs, built once from the config and the data set."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from firstlight import catalog
from firstlight.kinds.kind import weights_of
from firstlight.models.model import ModelKind
from firstlight.tasks.task import Goal, Task

if TYPE_CHECKING:
    from torch import nn

    from firstlight.config.schema import Config
    from firstlight.data.batch import Loader
    from firstlight.experiment.folder import Folder
    from firstlight.kinds.kind import Dataset, Pipeline, Views
    from firstlight.machine.choices import Machine
    from firstlight.models.model import Shape
    from firstlight.tasks.task import LossFunction, Objective
    from firstlight.training.optimizer import Optimizer


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A training run, ready to start."""

    config: Config
    objective: Objective
    machine: Machine
    train: Loader
    val: Loader
    views: Views  # inputs -> the forms of it over which a prediction is averaged
    loss: LossFunction
    folder: Folder
    data: Dataset
    make_model: Callable[[], nn.Module]  # seeded: two calls give equal weights
    make_optimizer: Callable[[nn.Module], Optimizer]
    own_optimizer: bool  # a person's: what the config says of the update rule is not used
    rate_factor: Callable[[float], float]  # progress 0 to 1 -> share of the peak rate
    meta: dict[str, Any]  # what a prediction needs beside the weights

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes or labels, in the order of the outputs; none for a regression."""
        return self.data.examples.classes

    @property
    def fitted(self) -> bool:
        """Whether the model is fitted as a whole and not trained by steps."""
        return load_kind(self.config.model.name).fitted

    @property
    def metric(self) -> str:
        """The metric by which the run is judged."""
        return self.config.acceptance.metric or self.objective.metric


def build_job(config: Config, data: Dataset, machine: Machine, folder: Folder) -> Job:
    """Puts a job together from a resolved config. Only the training and validation parts are touched."""
    from firstlight.training.optimizer import make_optimizer
    from firstlight.training.schedule import rate_factor

    examples = data.examples
    weights, train = weights_of(data), data.known(data.split.train)
    goal = Goal(
        classes=examples.classes,
        targets=examples.targets[train],
        settings=config.loss,
        weights=None if weights is None else weights[train],
    )
    bound = load_task(examples.task).bind(data.kind.goal(goal, data))
    objective = data.kind.objective(bound, data)
    pipeline = data.kind.pipeline(config, data, objective.outputs, machine)
    return Job(
        config=config,
        objective=objective,
        machine=machine,
        train=pipeline.train,
        val=pipeline.val,
        views=pipeline.views,
        loss=objective.loss(machine.device),
        folder=folder,
        data=data,
        make_model=lambda: make_model(config, pipeline.shape, machine, pipeline),
        make_optimizer=pipeline.optimizer or (lambda model: make_optimizer(model, config)),
        own_optimizer=pipeline.optimizer is not None,
        rate_factor=pipeline.schedule or partial(rate_factor, scheduler=config.scheduler),
        meta=prediction_meta(data, objective, pipeline),
    )


def prediction_meta(data: Dataset, objective: Objective, pipeline: Pipeline) -> dict[str, Any]:
    """What a prediction needs beside the weights: of the task, and of the pipeline that the model was fitted with."""
    return {
        "kind": data.kind.name,
        "task": data.examples.task,
        "classes": list(data.examples.classes),
        "outputs": objective.outputs,
        **objective.meta,
        **pipeline.meta,
    }


def load_kind(name: str) -> ModelKind:
    """The model kind of that name."""
    kind: ModelKind = catalog.load("firstlight.models", name, "MODEL", ModelKind)
    return kind


def load_task(name: str) -> Task:
    """The task of that name."""
    task: Task = catalog.load("firstlight.tasks", name, "TASK", Task)
    return task


def make_model(config: Config, shape: Shape, machine: Machine, pipeline: Pipeline | None) -> nn.Module:
    """A fresh model on the device, its weights drawn from the config's seed.

    Args:
        config: Names the model kind, its width and dropout.
        shape: Of the data.
        machine: Device and layout.
        pipeline: Data for an initialisation that looks at it; None when weights will be loaded.
    """
    import torch

    kind = load_kind(config.model.name)
    torch.manual_seed(config.seed)
    model = kind.build(shape, config.model.width or 1.0, config.model.dropout)
    if pipeline is not None:
        kind.prepare(model, pipeline.train.take(pipeline.train.rows[: kind.prepare_rows]).inputs)
    layout = torch.channels_last if machine.channels_last else torch.contiguous_format
    model.to(device=machine.device)
    model.to(memory_format=layout)  # type: ignore[call-overload]  # not in torch's stubs
    return model
