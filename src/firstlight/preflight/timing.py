"""Times and sizes of a real step and a real validation, measured once for all checks that need them."""

from __future__ import annotations

import io
import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from firstlight.machine.memory import forget_peak, peak_memory
from firstlight.training.evaluate import batch_rows, predict_batch
from firstlight.training.step import make_step, step_settings

if TYPE_CHECKING:
    from torch import nn

    from firstlight.preflight.check import Bench
    from firstlight.training.job import Job

WARM_STEPS = 2  # the first steps choose kernels and fill memory pools
TIMED_STEPS = 10
LONGEST_SECONDS = 6.0  # then fewer steps, one at least


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """What a step and a validation take.

    Attributes:
        step_seconds: Median of a whole step, its batch included.
        batch_seconds: Median of making the batch alone.
        validation_seconds: A forward pass over all validation rows, extrapolated from one batch.
        checkpoint_bytes: Model and optimizer after a step, as written.
        parameters: Numbers in the model, frozen ones included.
        peak_bytes: Of the device, otherwise of the process, during the steps.
        steps: Steps that the medians rest on.
    """

    step_seconds: float
    batch_seconds: float
    validation_seconds: float
    checkpoint_bytes: int
    parameters: int
    peak_bytes: int
    steps: int


def measure(bench: Bench) -> Timing:
    """Takes real steps on a model that is thrown away afterwards."""
    import torch

    job = bench.job
    forget_peak(job.machine.device)
    model = job.make_model().train()
    optimizer = job.make_optimizer(model)
    step = make_step(model, optimizer, job.loss, job.machine, **step_settings(job.config))
    until = min(bench.deadline, time.monotonic() + LONGEST_SECONDS)
    steps: list[float] = []
    batches: list[float] = []
    epoch = 0
    taken = 0
    while len(steps) < TIMED_STEPS:
        clock = time.monotonic()
        for batch in job.train.epoch(epoch):
            fetched = time.monotonic()
            step(batch).loss.item()  # reading waits for the device
            ended = time.monotonic()
            taken += 1
            # A run of one or two steps has only cold ones; a slow run is measured by its first.
            if taken > WARM_STEPS or ended > until:
                batches.append(fetched - clock)
                steps.append(ended - clock)
            if len(steps) >= TIMED_STEPS or ended > until:
                break
            clock = time.monotonic()
        epoch += 1
        if steps and time.monotonic() > until:
            break
    buffer = io.BytesIO()
    torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict()}, buffer)
    return Timing(
        step_seconds=statistics.median(steps),
        batch_seconds=statistics.median(batches),
        validation_seconds=_validation(job, model),
        checkpoint_bytes=buffer.tell(),
        parameters=sum(p.numel() for p in model.parameters()),
        peak_bytes=peak_memory(job.machine.device),
        steps=len(steps),
    )


def _validation(job: Job, model: nn.Module) -> float:
    """Seconds of a validation, from the second of two passes over one batch."""
    import torch

    size = batch_rows(job, job.val)
    model.eval()
    seconds = 0.0
    rows = 1
    with torch.inference_mode():
        for _ in range(2):
            clock = time.monotonic()
            batch = next(iter(job.val.ordered(size)))
            answer = predict_batch(model, batch.inputs, job.objective.activate, job.views, job.machine)
            answer.sum().item()  # reading waits for the device
            seconds, rows = time.monotonic() - clock, len(batch.rows)
    return seconds * job.val.count / rows
