"""Evaluation mode is switched on for validation, gives the same answer twice, and leaves the model as it was.

**Shows** which modules behave differently in the two modes (dropout, batch normalisation), that two passes in
evaluation mode are identical, that a row's answer does not depend on the rows beside it, and that validating
changes no running average and brings the training mode back. A validation with active dropout, or with the
statistics of its own batch, measures another model than the one that is kept.

**Thresholds** Two passes: identical to the bit. A row alone against the row in its batch: 1 % of the largest
output, since sums may be taken in another order (fp32 differs by 1e-5, bf16 by some 1e-3).

**What to do** See that `train(mode)` is passed on to every module and that `forward` looks at
`self.training`.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from firstlight.preflight.check import Bench, Check, Finding, failed, ok
from firstlight.preflight.probe import first_difference, small_batch, start, tensors
from firstlight.text import count, number

if TYPE_CHECKING:
    import torch
    from torch import nn

    from firstlight.data.batch import Batch
    from firstlight.training.job import Job

NEIGHBOUR_CHANGE = 0.01  # of the largest output
PAGE = "general_improvement"


def run(bench: Bench) -> Finding:
    """A few passes over a small batch, after one step."""
    job = bench.job
    fresh = start(job)
    batch = small_batch(job)
    fresh.step(batch)
    model = fresh.model
    before = dict(tensors("model", model.state_dict()))
    model.eval()
    still = [name or "model" for name, module in model.named_modules() if module.training]
    if still:
        return failed(
            f"eval() leaves {count(len(still), 'module')} in training mode, first {still[0]}",
            float(len(still)),
            remedy="let train(mode) of that module set the mode and return self",
            page=PAGE,
        )
    first, second = _outputs(job, model, batch.inputs), _outputs(job, model, batch.inputs)
    if not bool((first == second).all()):
        change = (first - second).abs().max().item()
        return failed(
            f"two passes in evaluation mode differ by up to {number(change)}",
            change,
            remedy="let forward draw random numbers only when self.training is set",
            page=PAGE,
        )
    change = _change_alone(job, model, batch, first) if job.objective.by_row else 0.0
    if change > NEIGHBOUR_CHANGE * first.abs().max().item():
        return failed(
            f"in evaluation mode a row's outputs change by {number(change)} with the rows beside it",
            change,
            remedy="normalise with running averages when self.training is not set",
            page=PAGE,
        )
    changed = first_difference(before, dict(tensors("model", model.state_dict())))
    if changed is not None:
        return failed(
            f"evaluating changes {changed}", remedy="update it only when self.training is set", page=PAGE
        )
    model.train()
    if not all(module.training for module in model.modules()):
        return failed("train() does not bring every module back", remedy="pass train(mode) on", page=PAGE)
    return ok(f"evaluation repeats itself and changes nothing; {_kinds(model)}")


def _change_alone(job: Job, model: nn.Module, batch: Batch, outputs: torch.Tensor) -> float:
    """How far the outputs of a row are from those that it has without the rows beside it.

    Rows that are filled up to the length of others are another input alone: the longest one is looked at.
    """
    for row in range(len(batch.rows)):
        alone = _outputs(job, model, job.train.take(batch.rows[row : row + 1]).inputs)
        if alone.shape == outputs[row : row + 1].shape:
            return (alone - outputs[row : row + 1]).abs().max().item()
    return 0.0


def _outputs(job: Job, model: nn.Module, inputs: Any) -> torch.Tensor:
    import torch

    with torch.inference_mode(), job.machine.autocast():
        answer = model(inputs)
        outputs: torch.Tensor = (answer if job.objective.by_row else job.objective.activate(answer)).float()
    return outputs


def _kinds(model: nn.Module) -> str:
    """Modules that behave differently in the two modes."""
    from torch.nn.modules.batchnorm import _NormBase
    from torch.nn.modules.dropout import _DropoutNd

    active = [
        m
        for m in model.modules()
        if (isinstance(m, _DropoutNd) and m.p > 0) or (isinstance(m, _NormBase) and m.track_running_stats)
    ]
    kinds = Counter(type(module).__name__ for module in active)
    listed = ", ".join(f"{number} {kind}" for kind, number in sorted(kinds.items()))
    return f"two modes matter for {listed}" if listed else "no module has two modes"


CHECK = Check(run=run, order=90, share=1.0)
