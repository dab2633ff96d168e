"""The first place at which a number stops being finite: weight, input, output of a module, loss, gradient."""

from __future__ import annotations

from typing import TYPE_CHECKING

from firstlight.data.batch import bad_rows
from firstlight.text import visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch
    from torch import nn

    from firstlight.data.batch import Batch
    from firstlight.machine.choices import Machine
    from firstlight.tasks.task import LossFunction

NAMES_SHOWN = 5


def first_bad_place(
    model: nn.Module, batch: Batch, loss_function: LossFunction, machine: Machine, ids: Sequence[str]
) -> str:
    """Runs the batch again with the weights as they are and names where the first NaN or infinity appears.

    Args:
        model: Its gradients are overwritten.
        batch: The batch.
        loss_function: Of the outputs and the targets.
        machine: The one that it is run on.
        ids: Of every row of the data.

    Returns:
        A phrase such as "the weights, parameter blocks.0.conv.weight" or "the output of module blocks.1
        (GELU)".
    """
    import torch

    before = _bad_weight(model) or _bad_input(batch, ids)
    if before:
        return before
    found: list[str] = []

    def look(name: str, module: nn.Module, output: torch.Tensor) -> None:
        if not found and isinstance(output, torch.Tensor) and not bool(torch.isfinite(output).all()):
            found.append(f"the output of module {name or 'model'} ({type(module).__name__})")

    handles = [
        module.register_forward_hook(lambda m, _i, o, n=name: look(n, m, o))
        for name, module in model.named_modules()
        if not list(module.children())
    ]
    try:
        with machine.autocast():
            loss = loss_function(model(batch.inputs), batch.targets)
    finally:
        for handle in handles:
            handle.remove()
    if found:
        return found[0]
    if not bool(torch.isfinite(loss)):
        return "the loss; all outputs of the model are finite"
    model.zero_grad(set_to_none=True)
    loss.backward()
    for name, parameter in reversed(list(model.named_parameters())):
        if parameter.grad is not None and not bool(torch.isfinite(parameter.grad).all()):
            return f"the gradient of parameter {name}"
    return "nowhere when the batch was run again"


def _bad_weight(model: nn.Module) -> str:
    import torch

    for name, parameter in model.named_parameters():
        if not bool(torch.isfinite(parameter).all()):
            return f"the weights, parameter {name}"
    return ""


def _bad_input(batch: Batch, ids: Sequence[str]) -> str:
    bad = bad_rows(batch.inputs)
    if not bool(bad.any()):
        return ""
    names = [ids[row] for row in batch.rows[bad.cpu()].tolist()[:NAMES_SHOWN]]
    return f"the input of {visible(', '.join(names))}"
