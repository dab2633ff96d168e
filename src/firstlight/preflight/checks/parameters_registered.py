"""Every weight that should learn gets a gradient and is in the optimizer.

**Shows** trainable parameters that are not in the optimizer, that get no gradient in a backward pass, tensors
and modules that hide in plain lists or dictionaries where PyTorch does not find them, and how much of the
model is frozen on purpose.

**Thresholds** Nothing trainable in the optimizer is a failure. Any of the three others is a warning above 0:
a branch may be unused on purpose, a forgotten one costs accuracy silently.

**What to do** Use `nn.ModuleList`, `nn.ParameterList` or `register_parameter`; give the optimizer
`model.parameters()` after the model is whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from firstlight.preflight.check import Bench, Check, Finding, failed, ok, warning
from firstlight.preflight.probe import small_batch, start
from firstlight.text import count, percent

if TYPE_CHECKING:
    from torch import nn

NAMES_SHOWN = 3
DEEPEST = 3  # levels of lists and dictionaries that are looked into


def run(bench: Bench) -> Finding:
    """One backward pass."""
    job = bench.job
    fresh = start(job)
    held = {id(p) for group in fresh.optimizer.param_groups for p in group["params"]}
    named = dict(fresh.model.named_parameters())
    trainable = {name: p for name, p in named.items() if p.requires_grad}
    if not any(id(p) in held for p in trainable.values()):
        return failed(
            "no trainable parameter is in the optimizer",
            0.0,
            remedy="build the optimizer from model.parameters(), and see that requires_grad is set",
            page="convergence_stall",
        )
    fresh.step(small_batch(job))
    problems = []
    for what, names in (
        ("not in the optimizer", [n for n, p in trainable.items() if id(p) not in held]),
        ("without a gradient", [n for n, p in trainable.items() if p.grad is None]),
        ("hidden from PyTorch in a list or attribute", list(_hidden(fresh.model))),
    ):
        if names:
            problems.append(f"{count(len(names), 'parameter')} {what}: {', '.join(names[:NAMES_SHOWN])}")
    total = sum(p.numel() for p in named.values())
    frozen = total - sum(p.numel() for p in trainable.values())
    said = (
        f"{count(len(trainable), 'trainable parameter')}, {total:,} numbers, {percent(frozen / total)} frozen"
    )
    if problems:
        return warning(
            f"{said}; {'; '.join(problems)}",
            float(len(problems)),
            remedy="register them (nn.ModuleList, nn.Parameter), use them, or freeze them by name",
            page="convergence_stall",
        )
    return ok(f"{said}; all trainable ones get a gradient and are in the optimizer", float(len(trainable)))


def _hidden(model: nn.Module) -> Iterator[str]:
    """Tensors that want a gradient, and modules with such, that no parameter list of the model holds."""
    known = {id(p) for p in model.parameters()} | {id(m) for m in model.modules()}
    for name, module in model.named_modules():
        own = {
            id(v)
            for v in (*module._parameters.values(), *module._buffers.values(), *module._modules.values())
        }
        for attribute, value in vars(module).items():
            if attribute in ("_parameters", "_buffers", "_modules"):
                continue
            for path, item in _leaves(attribute, value, DEEPEST):
                if id(item) not in known and id(item) not in own:
                    yield ".".join(filter(None, (name, path)))


def _leaves(path: str, value: Any, depth: int) -> Iterator[tuple[str, Any]]:
    """Leaf tensors that want a gradient, and modules that hold a parameter."""
    import torch

    if isinstance(value, torch.Tensor):
        if value.requires_grad and value.is_leaf:
            yield path, value
    elif isinstance(value, torch.nn.Module):
        if any(p.requires_grad for p in value.parameters()):
            yield path, value
    elif depth and isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _leaves(f"{path}.{index}", item, depth - 1)
    elif depth and isinstance(value, dict):
        for key, item in value.items():
            yield from _leaves(f"{path}.{key}", item, depth - 1)


CHECK = Check(run=run, order=45, share=1.0)
