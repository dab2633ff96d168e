"""One small batch can be learnt by heart.

**Shows** how the loss on one batch of 32 training rows falls when it is repeated at the run's own optimizer
settings, without augmentation. Any network that is wired correctly does this (A. Karpathy, "A Recipe for
Training Neural Networks", 2019: overfit a single batch). The result reads *falls*, *slow*, *flat*, *explodes*
or *oscillates*. What is counted is the loss above its floor: with label smoothing even perfect outputs keep
some. The floor of a person's own loss is not known: what it loses of its start is counted. The loss of a step that is
judged by another metric need not fall, and a warning is all there is.

**Thresholds** *Falls*: below half of its start within 60 steps. *Flat*: less than 5 % gained. *Explodes*: not
finite, or twice the start at the end. *Oscillates*: half was reached on the way and lost again (all
judgement). Slow and oscillating are warnings. A flat run is tried again at 10 and 1,000 times the rate, an
exploding one at a tenth and a thousandth: if that works the rate is at fault (a warning when 10 times is
enough, else a failure), if nothing works the way from input to loss is broken.

**What to do** Flat at every rate: look for a detached graph, frozen layers, labels that do not belong to their
rows. Otherwise take the rate that the line names.
"""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from firstlight.preflight.check import Bench, Check, Finding, OutOfTime, failed, ok, warning
from firstlight.preflight.probe import small_batch, start
from firstlight.text import count, number

if TYPE_CHECKING:
    from firstlight.data.batch import Batch
    from firstlight.training.job import Job

STEPS = 60
FALL_SHARE = 0.5  # of the loss above its floor
FLAT_SHARE = 0.95
EXPLODED = 2.0  # times the start
LAST = 3  # steps whose median is the end: single steps are noisy
RATE_FACTORS = (10.0, 1000.0)  # of the other tries

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
    def share(self) -> float:
        """The end as a share of the beginning."""
        return self.end / self.losses[0] if self.losses[0] else 0.0

    @property
    def reading(self) -> Reading:
        """What the curve says."""
        begin = self.losses[0]
        if not math.isfinite(self.end) or self.end > EXPLODED * abs(begin):
            return "explodes"
        if begin <= 0:  # only a loss of a person's own is below nought: shares of its start say nothing
            return "falls" if self.end < begin else "flat"
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
    verb = {"slow": "falls slowly", "flat": "stays flat"}.get(reading, reading)
    above = "" if job.objective.own_loss else "above its floor "
    said = (
        f"the loss on {count(len(batch.rows), job.data.kind.noun)} {verb}: {number(begin)} to {number(end)} "
        f"{above}in {len(descent.losses) - 1} steps at rate {number(rate)}"
    )
    share = descent.share
    if reading == "falls":
        return ok(said, share)
    if reading == "oscillates":
        return warning(said, share, remedy="lower training.learning_rate", page="convergence_stall")
    if _may_rise(job) and math.isfinite(end):
        remedy = "nothing, where networks play against one another; else look for a detached graph"
        return warning(said, share, remedy=remedy, page="convergence_stall")
    if reading == "slow":
        return warning(said, share, remedy="raise training.learning_rate", page="convergence_stall")
    return _other_rates(bench, batch, floor, descent, said)


def _may_rise(job: Job) -> bool:
    """Whether the loss is that of a step, and something else is judged."""
    return not job.objective.by_row and job.metric != "val_loss"


def _other_rates(bench: Bench, batch: Batch, floor: float, first: Descent, said: str) -> Finding:
    """Whether the rate is at fault: higher ones for a flat curve, lower ones for an exploding one."""
    rate = bench.job.config.training.learning_rate
    reading, share = first.reading, first.share
    page = "exploding_gradients" if reading == "explodes" else "convergence_stall"
    for factor in RATE_FACTORS:
        other = rate * factor if reading == "flat" else rate / factor
        try:
            again = _descend(bench, batch, floor, other / rate).reading
        except OutOfTime:
            said += "; no time to try other rates"
            break
        said += f"; at rate {number(other)} it {again if again != 'flat' else 'stays flat'}"
        if again in ("flat", "explodes"):
            continue
        remedy = f"training.learning_rate: {number(rate)} -> {number(other)}"
        # A rate that is somewhat too small learns slowly; one that is much too small or too large never does.
        if reading == "flat" and factor == RATE_FACTORS[0]:
            return warning(said, share, remedy=remedy, page=page)
        return failed(said, share, remedy=remedy, page=page)
    judge = warning if bench.job.objective.own_loss and first.share < 1 else failed  # its floor may be high
    beside = (
        "" if bench.job.objective.by_row else "; networks that play need a metric of your own to be judged by"
    )
    return judge(
        said,
        share,
        remedy=f"look for a detached graph, frozen layers, outputs of huge size, or labels of other rows{beside}",
        page=page,
    )


def _descend(bench: Bench, batch: Batch, floor: float, rate_factor: float) -> Descent:
    """Losses above the floor, the first of the untrained model; ends early once it has clearly fallen."""
    fresh = start(bench.job)
    for group in fresh.optimizer.param_groups:
        group["lr"] *= rate_factor
    losses: list[float] = []
    for taken in range(STEPS + 1):
        bench.keep_time(f"{taken} of {STEPS} steps on one batch")
        result = fresh.step(batch)
        losses.append(result.loss.item() - floor)
        if not math.isfinite(losses[-1]) or not math.isfinite(result.grad_norm.item()):
            return Descent(losses=(*losses, math.inf))
        if taken >= LAST and Descent(losses=tuple(losses)).reading == "falls":
            break
    return Descent(losses=tuple(losses))


def _floor(job: Job, batch: Batch) -> float:
    """The loss of perfect outputs: with label smoothing, the entropy of the smoothed target; 0 where not known."""
    if job.objective.own_loss:
        return 0.0
    return job.loss(job.objective.perfect(batch.targets), batch.targets, batch.weights).item()


CHECK = Check(run=run, order=70, share=6.0)
