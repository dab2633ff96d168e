"""The plan of a run: how many steps it has, fitted to the measured speed so that it ends inside the budget.

The plan is data. It begins with the epochs of the config and is shortened, never lengthened, when the
predicted finish would
break the budget; each change is recorded with its step and reason. The learning rate depends on step and plan
alone, so a
run that replays a recorded plan takes the same steps whatever the speed of the machine.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from firstlight.experiment.records import PlanChange

# a shortened plan leaves this share of the time free, so that noise does not shorten it again (judgement)
SLACK = 0.03
TOLERANCE = 0.01  # predicted overrun, as a share of the time left, that is not worth a change (judgement)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Steps and epochs of a run, with every change that was made."""

    epochs: int
    steps_per_epoch: int
    changes: tuple[PlanChange, ...] = ()

    def total_steps(self, step: int) -> int:
        """Steps of the whole run, as the plan stood at `step`."""
        made = [c for c in self.changes if c.step <= step]
        return made[-1].total_steps if made else self.epochs * self.steps_per_epoch

    def total_epochs(self, step: int) -> int:
        """Epochs of the whole run, the last one perhaps a part, as the plan stood at `step`."""
        return -(-self.total_steps(step) // self.steps_per_epoch)

    @property
    def final_steps(self) -> int:
        """Steps of the whole run with every change that is known, those of a replayed plan that are to come too."""
        return self.changes[-1].total_steps if self.changes else self.epochs * self.steps_per_epoch

    def progress(self, step: int) -> float:
        """Share of the schedule that is done at `step`: 0 at the first step, rising to 1 at the end of the plan.

        A change bends the line: what was done stays done, the rest is spread over the steps that are left.
        """
        begun, done, total = 0, 0.0, self.epochs * self.steps_per_epoch
        for change in self.changes:
            if change.step > step:
                break
            done += (1 - done) * (change.step - begun) / max(total - begun, 1)
            begun, total = change.step, change.total_steps
        return done + (1 - done) * min(1.0, (step - begun) / max(total - begun, 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """Measured seconds."""

    step: float  # one training step
    validation: float  # one validation with its checkpoint


def predict_seconds(plan: Plan, step: int, speed: Speed, *, validate_every: int = 1) -> float:
    """Seconds from `step` to the end of training under the plan."""
    return _seconds(plan.final_steps, step, plan.steps_per_epoch, speed, validate_every)


def fit(plan: Plan, step: int, seconds_left: float, speed: Speed, *, validate_every: int = 1) -> Plan:
    """The same plan when it ends in time, otherwise one that was shortened at `step`.

    Args:
        plan: The plan so far.
        step: Steps done.
        seconds_left: Time for training and validation, reserve for the report already taken off.
        speed: As measured lately.
        validate_every: Epochs between validations.

    Returns:
        A plan whose predicted seconds are at most `seconds_left`, or the shortest one there is (one more
        step).
    """
    predicted = predict_seconds(plan, step, speed, validate_every=validate_every)
    if predicted <= seconds_left * (1 + TOLERANCE):
        return plan
    wanted = seconds_left * (1 - SLACK)
    low, high = step + 1, plan.final_steps
    while low < high:  # the longest run that fits: predicted seconds rise with the number of steps
        middle = (low + high + 1) // 2
        if _seconds(middle, step, plan.steps_per_epoch, speed, validate_every) <= wanted:
            low = middle
        else:
            high = middle - 1
    if low >= plan.final_steps:
        return plan
    change = PlanChange(
        step=step,
        epochs=-(-low // plan.steps_per_epoch),
        total_steps=low,
        reason=(
            f"{predicted:.0f} s predicted for the rest, {max(seconds_left, 0):.0f} s left: "
            f"a step took {speed.step:.4g} s, a validation {speed.validation:.4g} s"
        ),
    )
    return replace(plan, changes=(*(c for c in plan.changes if c.step < step), change))


def _seconds(total: int, step: int, steps_per_epoch: int, speed: Speed, validate_every: int) -> float:
    span = steps_per_epoch * validate_every
    validations = -(-total // span) - step // span
    return max(total - step, 0) * speed.step + max(validations, 0) * speed.validation
