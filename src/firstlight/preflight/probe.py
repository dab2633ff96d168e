"""What several checks need: a small batch, a fresh start, and where two sets of tensors first differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from firstlight.preflight.check import SMALL_BATCH
from firstlight.training.step import Step, make_step, step_settings

if TYPE_CHECKING:
    import torch
    from torch import nn

    from firstlight.data.batch import Batch
    from firstlight.training.job import Job
    from firstlight.training.optimizer import Optimizer


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """A run before its first step, to be thrown away."""

    model: nn.Module
    optimizer: Optimizer
    step: Step


def start(job: Job) -> Start:
    """A fresh model in training mode, with the run's optimizer at its peak rate and the run's step."""
    model = job.make_model().train()
    optimizer = job.make_optimizer(model)
    step = make_step(model, optimizer, job.loss, job.machine, **step_settings(job.config))
    return Start(model=model, optimizer=optimizer, step=step)


def small_batch(job: Job, rows: int = SMALL_BATCH) -> Batch:
    """Training rows spread over the whole part, without augmentation; the same ones each time.

    Where memory is so short that a batch is computed in parts, there are no more rows than a part has.
    """
    import torch

    parts = job.config.parallel.micro_batches
    most = rows if parts == 1 else max(1, job.config.training.batch_size // parts)
    wanted = min(rows, most, job.train.count)
    return job.train.take(job.train.rows[torch.linspace(0, job.train.count - 1, wanted).long()])


def first_batches(job: Job, number: int) -> Iterator[Batch]:
    """The first batches that the run will see, of the second epoch too when the first is shorter."""
    given = 0
    epoch = 0
    while given < number:
        for batch in job.train.epoch(epoch):
            yield batch
            given += 1
            if given >= number:
                return
        epoch += 1


def tensors(name: str, value: Any) -> Iterator[tuple[str, torch.Tensor]]:
    """Every tensor in nested dictionaries and lists, copied to the processor, with its path."""
    import torch

    if isinstance(value, torch.Tensor):
        yield name, value.detach().cpu().clone()
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from tensors(f"{name}.{key}", item)
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from tensors(f"{name}.{index}", item)


def first_difference(one: Mapping[str, torch.Tensor], other: Mapping[str, torch.Tensor]) -> str | None:
    """The name of the first tensor that differs in any value (two NaN are equal); None when all agree."""
    for name, tensor in one.items():
        if name not in other or tensor.shape != other[name].shape:
            return name
        if not bool(((tensor == other[name]) | (tensor.isnan() & other[name].isnan())).all()):
            return name
    return next((name for name in other if name not in one), None)
