"""One optimizer step: forward, loss, backward, norm, clip, update."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, TypedDict

if TYPE_CHECKING:
    import torch
    from torch import nn

    from firstlight.config.schema import Config
    from firstlight.data.batch import Batch
    from firstlight.machine.choices import Machine
    from firstlight.tasks.task import LossFunction
    from firstlight.training.optimizer import Optimizer


class StepResult(NamedTuple):
    """What a step leaves behind; tensors stay on the device until somebody reads them."""

    loss: torch.Tensor  # scalar, mean over the batch
    grad_norm: torch.Tensor  # scalar, total 2-norm before clipping
    finite: bool  # False: loss or gradient is not finite, and the weights were left as they were


class StepSettings(TypedDict):
    """What the config says of a step."""

    clip: float | None
    parts: int


Step = Callable[["Batch"], StepResult]


def step_settings(config: Config) -> StepSettings:
    """The settings of `make_step` that the config holds."""
    return {"clip": config.optimizer.gradient_clip, "parts": config.parallel.micro_batches}


def make_step(
    model: nn.Module,
    optimizer: Optimizer,
    loss_function: LossFunction,
    machine: Machine,
    *,
    clip: float | None = None,
    parts: int = 1,
) -> Step:
    """The step function of a run.

    On a processor every step is looked at before its update, since reading a number there costs nothing. On
    an
    accelerator reading would stop the queue: the update is made, and the loop reads the kept tensors later.

    Args:
        model: Maps inputs (batch, ...) to outputs.
        optimizer: Its learning rate is set by the loop.
        loss_function: (outputs, targets, weights) -> mean loss.
        machine: Device, number format.
        clip: Largest total gradient norm; None = no clipping.
        parts: In which a batch is computed, so that it needs less memory. The gradients are those of the whole batch,
            but for batch normalisation and balanced class weights, which see a part at a time.
    """
    import torch

    parameters = [p for p in model.parameters() if p.requires_grad]
    read_now = machine.device.type == "cpu"

    def backward(batch: Batch, share: float) -> torch.Tensor:
        with machine.autocast():
            loss = loss_function(model(batch.inputs), batch.targets, batch.weights)
        loss = loss if share == 1 else loss * share
        loss.backward()
        return loss.detach()

    def step(batch: Batch) -> StepResult:
        optimizer.zero_grad(set_to_none=True)
        if parts == 1:
            loss = backward(batch, 1.0)
        else:
            rows = len(batch.rows)
            loss = torch.stack([backward(p, len(p.rows) / rows) for p in batch.parts(parts)]).sum()
        gradients = [p.grad for p in parameters if p.grad is not None]
        norm = torch.nn.utils.get_total_norm(gradients)
        if read_now and not (math.isfinite(norm.item()) and math.isfinite(loss.item())):
            return StepResult(loss, norm, finite=False)
        if clip is not None:
            torch.nn.utils.clip_grads_with_norm_(parameters, clip, norm)
        optimizer.step()
        return StepResult(loss, norm, finite=True)

    return step
