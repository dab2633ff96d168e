"""The loss before the first step is near that of guessing.

**Shows** the loss of the untrained network on training rows, beside ln(classes), the loss of equal
probabilities (A. Karpathy, "A Recipe for Training Neural Networks", 2019: verify the loss at init), and the
entropy of the class shares, the best that is possible without looking. For a number it is the loss of the mean:
1 on all rows, and anything on the same few rows where the target has a long tail.

**Thresholds** A warning above 2 times ln(classes): default initialisation leaves outputs of unit size, which
cost up to about ln(classes) + 0.5; twice as much means outputs that are far too large. A warning below half
of the entropy of the class shares: an untrained network cannot know that much, unless it was trained before
or the label is in the input (both judgement).

**What to do** Too high: scale down the last layer, check normalisation of the input. Too low: look for the
label in the input.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from firstlight.data.examples import MANY_PLACES
from firstlight.preflight.check import Bench, Check, Finding, ok, warning
from firstlight.preflight.probe import small_batch
from firstlight.text import number

if TYPE_CHECKING:
    from firstlight.training.job import Job

TOO_HIGH = 2.0  # times the loss of knowing nothing
TOO_LOW = 0.5  # of the entropy of the class shares
ROWS = 128  # standard error of the mean loss: a few hundredths


def run(bench: Bench) -> Finding:
    """One forward pass in training mode, without an update."""
    import torch

    job = bench.job
    model = job.make_model().train()
    batch = small_batch(job, ROWS)
    with torch.no_grad(), job.machine.autocast():
        outputs = model(batch.inputs)
        loss = job.loss(outputs, batch.targets).item()
        blank = _blank(job, outputs, batch.targets)
    chance = job.objective.chance
    if math.isnan(chance.blank) and math.isfinite(loss):
        said = (
            f"the loss at the start is {number(loss)}; what chance gives with a loss of your own is not known"
        )
        return ok(said, loss)
    said = f"{number(loss)}; {_names(job)[0]} is {number(blank)}, {_names(job)[1]} {number(chance.loss)}"
    if not math.isfinite(loss) or loss > TOO_HIGH * max(blank, chance.blank):
        return warning(
            f"the loss at the start is {said}: far above guessing",
            loss,
            remedy="scale down the last layer's weights, see that inputs are normalised",
            page="exploding_gradients",
        )
    if loss < TOO_LOW * chance.loss:
        return warning(
            f"the loss at the start is {said}: too low for an untrained network",
            loss,
            remedy="see that the label is not part of the input, and whether the weights were trained before",
            page="data_quality",
        )
    return ok(f"the loss at the start is {said}", loss)


def _blank(job: Job, outputs: Any, targets: Any) -> float:
    """The loss of knowing nothing; for a number that of the mean on these rows, which are few."""
    import torch

    if job.data.examples.task != "regression" or not isinstance(outputs, torch.Tensor):
        return job.objective.chance.blank
    return float(job.loss(torch.zeros_like(outputs), targets))


def _names(job: Job) -> tuple[str, str]:
    """What the two figures are: knowing nothing, and knowing the shares."""
    if job.data.examples.task in MANY_PLACES:
        return f"ln({job.objective.outputs} classes)", "the class shares give"
    if job.data.examples.task == "classification":
        return f"ln({len(job.classes)} classes)", "the class shares give"
    if job.data.examples.task == "multilabel":
        return "ln(2)", "the shares of the labels give"
    return "that of the mean on the same rows", "and no constant is on all rows below"


CHECK = Check(run=run, order=60, share=1.0)
