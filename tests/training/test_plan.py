"""The plan ends in time, is never lengthened, and replays what was recorded."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstlight.experiment.records import PlanChange
from firstlight.training.plan import SLACK, TOLERANCE, Plan, Speed, fit, predict_seconds

plans = st.builds(Plan, epochs=st.integers(1, 50), steps_per_epoch=st.integers(1, 400))
speeds = st.builds(Speed, step=st.floats(1e-4, 10), validation=st.floats(0, 100))


@given(plan=plans, speed=speeds, done=st.floats(0, 0.99), seconds=st.floats(0, 1e5))
@pytest.mark.requirement("P2.16")
def test_a_fitted_plan_ends_in_the_time_left_or_after_one_more_step(plan, speed, done, seconds):
    step = int(done * plan.epochs * plan.steps_per_epoch)
    fitted = fit(plan, step, seconds, speed)
    predicted = predict_seconds(fitted, step, speed)
    assert predicted <= seconds * (1 + TOLERANCE) or fitted.total_steps(step) == step + 1


@given(plan=plans, speed=speeds, done=st.floats(0, 0.99), seconds=st.floats(0, 1e5))
def test_a_plan_is_never_lengthened_and_the_change_says_why(plan, speed, done, seconds):
    step = int(done * plan.epochs * plan.steps_per_epoch)
    fitted = fit(plan, step, seconds, speed)
    assert fitted.total_steps(step) <= plan.total_steps(step)
    if fitted is not plan:
        assert fitted.changes[-1].step == step
        assert "predicted" in fitted.changes[-1].reason
        assert predict_seconds(fitted, step, speed) <= max(
            seconds * (1 - SLACK), speed.step + speed.validation
        ) * (1 + 1e-9)


@given(
    plan=plans,
    cuts=st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), max_size=4),
)
def test_progress_rises_from_zero_to_one_without_a_jump(plan, cuts):
    step, total, changes = 0, plan.epochs * plan.steps_per_epoch, []
    for where, how_far in cuts:
        step += int(where * (total - step))
        if step >= total - 1:
            break
        total = step + 1 + int(how_far * (total - step - 1))
        changes.append(PlanChange(step=step, epochs=1, total_steps=total, reason="slower"))
    plan = Plan(epochs=plan.epochs, steps_per_epoch=plan.steps_per_epoch, changes=tuple(changes))
    values = [plan.progress(s) for s in range(total + 1)]
    assert values[0] == 0
    assert values[-1] == pytest.approx(1)
    assert all(a <= b for a, b in itertools.pairwise(values))


def test_a_change_does_not_alter_the_steps_before_it():
    plain = Plan(epochs=4, steps_per_epoch=10)
    changed = fit(plain, 12, 5.0, Speed(step=1.0, validation=0.0))
    assert changed.total_steps(12) < 40
    assert [changed.progress(s) for s in range(12)] == [plain.progress(s) for s in range(12)]
    assert changed.total_steps(11) == 40


@pytest.mark.requirement("P2.4")
def test_a_replayed_change_that_is_to_come_counts_and_is_kept():
    later = PlanChange(step=50, epochs=6, total_steps=60, reason="slower")
    plan = Plan(epochs=10, steps_per_epoch=10, changes=(later,))
    speed = Speed(step=1.0, validation=0.0)
    assert predict_seconds(plan, 10, speed) == 50
    assert fit(plan, 10, 50, speed) is plan  # the ten epochs that it began with would not fit, these six do
    assert fit(plan, 10, 20, speed).final_steps < 60
