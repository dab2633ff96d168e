"""One optimizer step: forward, loss, backward, norm, clip, update."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import torch
    from torch import nn

    from firstlight.data.batch import Batch
    from firstlight.machine.choices import Machine
    from firstlight.tasks.task import LossFunction
    from firstlight.training.optimizer import Optimizer


class StepResult(NamedTuple):
    """What a step leaves behind; tensors stay on the device until somebody reads them."""

    loss: torch.Tensor  # scalar, mean over the batch
    grad_norm: torch.Tensor  # scalar, total 2-norm before clipping
    finite: bool  # False: loss or gradient is not finite, and the weights were left as they were


Step = Callable[["Batch"], StepResult]


def make_step(
    model: nn.Module,
    optimizer: Optimizer,
    loss_function: LossFunction,
    machine: Machine,
    *,
    clip: float | None = None,
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
    """
    import torch

    parameters = [p for p in model.parameters() if p.requires_grad]
    read_now = machine.device.type == "cpu"

    def step(batch: Batch) -> StepResult:
        with machine.autocast():
            loss = loss_function(model(batch.inputs), batch.targets, batch.weights)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        gradients = [p.grad for p in parameters if p.grad is not None]
        norm = torch.nn.utils.get_total_norm(gradients)
        if read_now and not (math.isfinite(norm.item()) and math.isfinite(loss.item())):
            return StepResult(loss.detach(), norm, finite=False)
        if clip is not None:
            torch.nn.utils.clip_grads_with_norm_(parameters, clip, norm)
        optimizer.step()
        return StepResult(loss.detach(), norm, finite=True)

    return step
