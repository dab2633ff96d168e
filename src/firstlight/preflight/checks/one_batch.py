"""One small batch can be learnt by heart.

**Shows** how the loss on one batch of 32 training images falls when it is repeated at the run's own optimizer
settings, without augmentation. Any network that is wired correctly does this (A. Karpathy, "A Recipe for
Training Neural Networks", 2019: overfit a single batch). The result reads *falls*, *slow*, *flat*, *explodes*
or *oscillates*. What is counted is the loss above its floor: with label smoothing even perfect outputs keep
some.

**Thresholds** *Falls*: below half of its start within 60 steps. *Flat*: less than 5 % gained. *Explodes*: not
finite, or twice the start at the end. *Oscillates*: half was reached on the way and lost again (all
judgement). Flat and exploding runs are tried again at 10 times and a tenth of the rate: if that works the
rate is at fault, else the way from pixel to loss is broken. Slow and oscillating are warnings.

**What to do** Flat at every rate: look for a detached graph, frozen layers, labels that do not belong to the
images. Otherwise take the rate that the line names.
"""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from firstlight.preflight.check import Bench, Check, Finding, OutOfTime, failed, ok, warning
from firstlight.preflight.probe import small_batch, start
from firstlight.text import number

if TYPE_CHECKING:
    from firstlight.data.batches import Batch
    from firstlight.training.job import Job

STEPS = 60
FALL_SHARE = 0.5  # of the loss above its floor
FLAT_SHARE = 0.95
EXPLODED = 2.0  # times the start
LAST = 3  # steps whose median is the end: single steps are noisy
FEWEST_STEPS = 10  # below this nothing can be said
RATE_FACTOR = 10.0  # of the second try
CERTAIN = 1e-4  # probability that is left to the other classes when the floor is computed

Reading = Literal["falls", "slow", "flat", "explodes", "oscillates"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Descent:
    """Loss above its floor, step by step."""

    losses: tuple[float, ...]

    @property
    def end(self) -> float:
        """Median of the last steps; infinite when one was not finite."""
        last = self.losses[-LAST:]
        return statistics.median(last) if all(map(math.isfinite, last)) else math.inf

    @property
    def reading(self) -> Reading:
        """What the curve says."""
        begin = self.losses[0]
        if not math.isfinite(self.end) or self.end > EXPLODED * begin:
            return "explodes"
        if self.end <= FALL_SHARE * begin:
            return "falls"
        if min(self.losses) <= FALL_SHARE * begin:
            return "oscillates"
        return "flat" if self.end > FLAT_SHARE * begin else "slow"


def run(bench: Bench) -> Finding:
    """Repeats one batch, on a model that is thrown away."""
    job = bench.job
    batch = small_batch(job)
    floor = _floor(job, batch)
    descent = _descend(bench, batch, floor, 1.0)
    rate = job.config.training.learning_rate
    begin, end, reading = descent.losses[0], descent.end, descent.reading
    said = (
        f"the loss on {len(batch.rows)} images {reading}: {number(begin)} to {number(end)} above its floor "
        f"in {len(descent.losses) - 1} steps at rate {number(rate)}"
    )
    share = end / begin if begin else 0.0
    if reading == "falls":
        return ok(said, share)
    if reading == "oscillates":
        return warning(said, share, remedy="lower training.learning_rate", page="convergence_stall")
    if reading == "slow":
        return warning(said, share, remedy="raise training.learning_rate", page="convergence_stall")
    factor = RATE_FACTOR if reading == "flat" else 1 / RATE_FACTOR
    again = _descend(bench, batch, floor, factor)
    page = "exploding_gradients" if reading == "explodes" else "convergence_stall"
    if again.reading in ("falls", "slow", "oscillates"):
        other = f"training.learning_rate: {number(rate)} -> {number(rate * factor)}"
        said += f"; at rate {number(rate * factor)} it {again.reading}"
        # A rate that is too small still learns, slowly; one that is too large never does.
        if reading == "flat":
            return warning(said, share, remedy=other, page=page)
        return failed(said, share, remedy=other, page=page)
    return failed(
        f"{said}; at rate {number(rate * factor)} it {again.reading} too",
        share,
        remedy="look for a detached graph, frozen layers, or labels that do not belong to the images",
        page=page,
    )


def _descend(bench: Bench, batch: Batch, floor: float, rate_factor: float) -> Descent:
    """Losses above the floor, the first of the untrained model; ends early once it has clearly fallen."""
    fresh = start(bench.job)
    for group in fresh.optimizer.param_groups:
        group["lr"] *= rate_factor
    losses: list[float] = []
    for taken in range(STEPS + 1):
        if taken >= FEWEST_STEPS and bench.seconds_left <= 0:
            break
        if taken < FEWEST_STEPS and bench.seconds_left <= 0:
            raise OutOfTime(f"{taken} of {STEPS} steps on one batch, {FEWEST_STEPS} would be needed")
        result = fresh.step(batch)
        losses.append(result.loss.item() - floor)
        if not math.isfinite(losses[-1]) or not math.isfinite(result.grad_norm.item()):
            return Descent(losses=(*losses, math.inf))
        if taken >= LAST and Descent(losses=tuple(losses)).reading == "falls":
            break
    return Descent(losses=tuple(losses))


def _floor(job: Job, batch: Batch) -> float:
    """The loss of perfect outputs: with label smoothing, the entropy of the smoothed target."""
    import torch

    classes = len(job.classes)
    smoothing = max(job.config.loss.label_smoothing, CERTAIN)
    hot = torch.nn.functional.one_hot(batch.targets, classes)
    return job.loss(torch.log(hot * (1 - smoothing) + smoothing / classes), batch.targets).item()


CHECK = Check(run=run, order=70, share=6.0)
