"""When the run will be over, from measured steps, against the budget.

**Shows** the predicted seconds of training (all steps, all validations, all checkpoints at the speed just
measured) beside what the budget leaves, and when they do not fit: how many epochs do, and what to change for
all of them.

**Thresholds** A warning when the plan does not fit and will be shortened. Failed when not even one epoch
fits: the result would say nothing (judgement). Speed changes during a run; the plan is looked at again all
the time.

**What to do** One of the changes that the line names: `budget.minutes`, `training.epochs`, or a narrower
`model.width`.
"""

from __future__ import annotations

import math
import time

from firstlight.preflight.check import Bench, Check, Finding, failed, not_applicable, ok, warning
from firstlight.text import count, duration
from firstlight.training.plan import Plan, Speed, fit, predict_seconds

# What the references take before training, as a share of the budget and at most; the flow gives them no more.
REFERENCES_SHARE, REFERENCES_SECONDS = 0.07, 60.0


def run(bench: Bench) -> Finding:
    """Predicts."""
    job = bench.job
    timing = bench.timing()
    plan = Plan(epochs=job.config.training.epochs, steps_per_epoch=len(job.train))
    speed = Speed(step=timing.step_seconds, validation=timing.validation_seconds + bench.save_seconds)
    every = job.config.validation.validate_every_n_epochs
    wanted = predict_seconds(plan, 0, speed, validate_every=every)
    epochs_said = count(plan.epochs, "epoch")
    said = f"training takes {duration(wanted)} for {epochs_said} at {duration(timing.step_seconds)} a step"
    if bench.training_deadline is None:
        return not_applicable(f"{said}; no budget to compare with")
    minutes = job.config.budget.minutes
    now = time.monotonic()
    references = min(REFERENCES_SHARE * minutes * 60, REFERENCES_SECONDS)
    left = bench.training_deadline - now - references
    total = (
        now - bench.started + references + wanted + (minutes * 60 - (bench.training_deadline - bench.started))
    )
    said += f"; the command ends after {duration(total)} of {duration(minutes * 60)}"
    fitted = fit(plan, 0, left, speed, validate_every=every)
    if fitted is plan:
        return ok(said, total)
    steps = fitted.total_steps(0)
    epochs = steps / plan.steps_per_epoch
    longer = math.ceil(total / 60 * 10) / 10
    if epochs < 1:
        return failed(
            f"{said}; only {steps:,} of the {plan.steps_per_epoch:,} steps of one epoch fit",
            total,
            remedy=f"budget.minutes: {minutes:g} -> {longer:g}, or a narrower model.width, or fewer images",
            page="resource_inefficiency",
            fault="resource",
        )
    return warning(
        f"{said}; {epochs:.1f} epochs fit, the plan will be shortened to them",
        total,
        remedy=(
            f"budget.minutes: {minutes:g} -> {longer:g}, or training.epochs: {plan.epochs} -> "
            f"{math.floor(epochs)}, or a narrower model.width"
        ),
        page="resource_inefficiency",
    )


CHECK = Check(run=run, order=170, share=1.0)
