"""The first place at which a number stops being finite: weight, input, output of a module, loss, gradient."""

from __future__ import annotations

from typing import TYPE_CHECKING

from firstlight.data.batch import bad_rows

if TYPE_CHECKING:
    import torch
    from torch import nn

    from firstlight.data.batch import Batch
    from firstlight.machine.choices import Machine
    from firstlight.tasks.task import LossFunction


def first_bad_place(model: nn.Module, batch: Batch, loss_function: LossFunction, machine: Machine) -> str:
    """Runs the batch again with the weights as they are and names where the first NaN or infinity appears.

    Returns:
        A phrase such as "the weights, parameter blocks.0.conv.weight" or "the output of module blocks.1
        (GELU)".
    """
    import torch

    before = _bad_weight(model) or _bad_input(batch)
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


def _bad_input(batch: Batch) -> str:
    bad = bad_rows(batch.inputs)
    return f"the input, rows {batch.rows[bad.cpu()].tolist()[:5]}" if bool(bad.any()) else ""
