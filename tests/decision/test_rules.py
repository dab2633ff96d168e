from __future__ import annotations

import dataclasses
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firstlight.decision.rules import Evidence, decide
from firstlight.experiment.records import Outcome, Reference

OUTCOME = Outcome(
    state="completed",
    reason="the plan was carried out",
    epochs_run=8,
    epochs_planned=8,
    best_epoch=7,
    best_metrics={"val_accuracy": 0.9},
    metric="val_loss",
    train_seconds=10,
    command_seconds=12,
    utilization=None,
    utilization_note="not measurable",
)


def reference(name: str, value: float, metric: str = "val_accuracy") -> Reference:
    return Reference(name=name, metrics={metric: value}, seconds=1.0)


SOUND = Evidence(
    outcome=OUTCOME,
    references=(reference("majority", 0.12), reference("logistic_regression", 0.8)),
    metric="val_accuracy",
    value=0.9,
    interval=(0.88, 0.92),
    target=None,
    direction="higher",
    paired={"majority": (0.78, 0.75, 0.81), "logistic_regression": (0.1, 0.07, 0.13)},
    alarm=None,
)


def but(**changes: object) -> Evidence:
    return dataclasses.replace(SOUND, **changes)


@pytest.mark.requirement("P2.15")
class TestWithATarget:
    def test_met_and_above_the_references_is_accepted(self) -> None:
        decision = decide(but(target=0.85))
        assert decision.verdict == "accept"
        assert "0.9, 95 % interval [0.88, 0.92]" in decision.reasons[0]
        assert "meets the target, at least 0.85" in decision.reasons[0]
        assert decision.reference == {"name": "logistic_regression", "value": 0.8}

    def test_a_metric_without_an_interval_is_judged_by_its_target(self) -> None:
        own = but(
            metric="own_missed",
            direction="lower",
            value=0.05,
            interval=None,
            paired={},
            references=(reference("majority", 0.5, "own_missed"),),
        )
        assert decide(dataclasses.replace(own, target=0.1)).verdict == "accept"
        assert decide(dataclasses.replace(own, target=0.01)).verdict == "optimize"
        assert decide(own).verdict == "optimize"
        assert decide(dataclasses.replace(own, value=0.6)).verdict == "failed"

    def test_exactly_met_is_met(self) -> None:
        assert decide(but(target=0.9)).verdict == "accept"

    def test_missed_is_to_be_optimized(self) -> None:
        decision = decide(but(target=0.95))
        assert decision.verdict == "optimize"
        assert "misses the target, at least 0.95" in decision.reasons[0]

    def test_met_but_below_a_reference_is_to_be_optimized_with_that_reason_first(self) -> None:
        better = (*SOUND.references[:1], reference("logistic_regression", 0.93))
        decision = decide(but(target=0.85, references=better, paired={"majority": (0.78, 0.75, 0.81)}))
        assert decision.verdict == "optimize"
        assert "logistic_regression with val_accuracy 0.93 is better, by 0.03" in decision.reasons[0]
        assert "meets the target" in decision.reasons[1]

    def test_an_interval_that_reaches_below_the_target_is_told(self) -> None:
        assert "reaches beyond the target" in decide(but(target=0.89)).reasons[0]
        assert "reaches beyond the target" not in decide(but(target=0.85)).reasons[0]


@pytest.mark.requirement("P2.15")
class TestWithoutATarget:
    def test_every_reference_beaten_beyond_the_interval_is_accepted(self) -> None:
        decision = decide(SOUND)
        assert decision.verdict == "accept"
        assert "majority, logistic_regression" in decision.reasons[0]
        assert "by 0.1, at least 0.07" in decision.reasons[1]

    @pytest.mark.parametrize("low", [0.0, -0.01])
    def test_one_that_is_not_clearly_beaten_is_enough_to_optimize(self, low: float) -> None:
        decision = decide(but(paired=SOUND.paired | {"logistic_regression": (0.02, low, 0.05)}))
        assert decision.verdict == "optimize"
        assert "not clearly better than logistic_regression" in decision.reasons[0]

    def test_without_references_nothing_says_that_it_is_good(self) -> None:
        decision = decide(but(references=(), paired={}))
        assert decision.verdict == "optimize"
        assert decision.reference is None

    def test_without_pairs_the_interval_of_the_model_decides(self) -> None:
        assert decide(but(paired={})).verdict == "accept"
        assert decide(but(paired={}, interval=(0.79, 0.97))).verdict == "optimize"

    def test_without_any_interval_nothing_is_beaten_for_sure(self) -> None:
        decision = decide(but(paired={}, interval=None, references=SOUND.references[1:]))
        assert decision.verdict == "optimize"
        assert "no interval could be computed" in decision.reasons[0]


@pytest.mark.requirement("P2.13", "P2.15")
class TestFailed:
    def test_no_outcome_is_a_crash(self) -> None:
        assert decide(but(outcome=None)).verdict == "failed"

    @pytest.mark.parametrize("state", ["halted", "interrupted"])
    def test_a_run_that_did_not_end_by_itself_failed(self, state: str) -> None:
        assert decide(but(outcome=dataclasses.replace(OUTCOME, state=state), target=0.1)).verdict == "failed"

    def test_an_alarm_failed_whatever_the_number(self) -> None:
        outcome = dataclasses.replace(OUTCOME, alarm="nan_loss", alarm_detail="the loss was nan at step 97")
        decision = decide(but(outcome=outcome, alarm="nan_loss", target=0.1))
        assert decision.verdict == "failed"
        assert "nan_loss: the loss was nan at step 97" in decision.reasons[0]

    @pytest.mark.parametrize("value", [None, math.nan, math.inf])
    def test_a_value_that_is_no_number_failed(self, value: float | None) -> None:
        decision = decide(but(value=value, target=0.1))
        assert decision.verdict == "failed"
        assert decision.value is None

    def test_few_rows_that_cannot_tell_are_no_failure_and_no_success(self) -> None:
        few = but(
            value=0.75,
            interval=(0.47, 0.91),
            references=(reference("majority", 0.6667),),
            paired={"majority": (0.083, -0.2, 0.35)},
        )
        for target in (None, 0.7):
            decision = decide(dataclasses.replace(few, target=target))
            assert decision.verdict == "optimize"
            assert "Too few validation rows to tell" in decision.reasons[0]

    def test_many_rows_that_rule_a_gain_out_are_a_failure(self) -> None:
        found = decide(but(paired={"majority": (0.01, -0.02, 0.04)}))
        assert found.verdict == "failed"

    def test_no_better_than_the_majority_failed_even_when_the_target_is_met(self) -> None:
        decision = decide(but(paired=SOUND.paired | {"majority": (0.01, -0.01, 0.03)}, target=0.05))
        assert decision.verdict == "failed"
        assert "Nothing was learnt" in decision.reasons[0]


class TestLowerIsBetter:
    LOSS = but(
        metric="val_loss",
        direction="lower",
        value=0.3,
        interval=(0.25, 0.35),
        paired={},
        references=(
            reference("majority", 2.3, "val_loss"),
            reference("logistic_regression", 0.5, "val_loss"),
        ),
    )

    def test_the_directions_of_target_and_references_are_turned(self) -> None:
        assert decide(self.LOSS).verdict == "accept"
        assert decide(dataclasses.replace(self.LOSS, target=0.31)).verdict == "accept"
        missed = decide(dataclasses.replace(self.LOSS, target=0.2))
        assert missed.verdict == "optimize"
        assert "at most 0.2" in missed.reasons[0]

    def test_the_best_reference_is_the_lowest(self) -> None:
        assert decide(self.LOSS).reference == {"name": "logistic_regression", "value": 0.5}

    def test_a_simple_model_with_a_lower_loss_is_better(self) -> None:
        worse = dataclasses.replace(self.LOSS, value=0.6, interval=(0.55, 0.65), target=0.7)
        assert decide(worse).verdict == "optimize"

    def test_pairs_are_turned_too(self) -> None:
        pairs = {"majority": (-2.0, -2.1, -1.9), "logistic_regression": (-0.2, -0.3, 0.1)}
        assert decide(dataclasses.replace(self.LOSS, paired=pairs)).verdict == "optimize"
        pairs["logistic_regression"] = (-0.2, -0.3, -0.1)
        assert decide(dataclasses.replace(self.LOSS, paired=pairs)).verdict == "accept"


@settings(deadline=None)
@given(
    value=st.none() | st.floats(),
    target=st.none() | st.floats(0, 1),
    others=st.lists(st.floats(), max_size=3),
    low=st.floats(-1, 1),
    direction=st.sampled_from(["higher", "lower"]),
)
def test_a_verdict_is_always_given_with_reasons_and_never_accepts_what_is_worse(
    value: float | None, target: float | None, others: list[float], low: float, direction: str
) -> None:
    names = ("majority", "logistic_regression", "nearest_neighbours")
    references = tuple(reference(n, v) for n, v in zip(names, others, strict=False))
    paired = {r.name: (low, low, low) for r in references}
    decision = decide(
        but(value=value, target=target, references=references, paired=paired, direction=direction)
    )
    assert decision.reasons
    assert all(reason.endswith(".") for reason in decision.reasons)
    if decision.verdict == "accept":
        assert decision.value is not None
        sign = 1 if direction == "higher" else -1
        known = [v for v in others if math.isfinite(v)]
        if target is not None:
            assert sign * (decision.value - target) >= 0
            assert all(sign * (decision.value - v) >= 0 for v in known)


class TestBesideTheUntrainedModel:
    """A step has no other reference, and what chance reaches is not known."""

    beside = but(
        metric="val_loss",
        direction="lower",
        value=0.2,
        interval=(0.18, 0.22),
        references=(reference("untrained", 1.0, "val_loss"),),
        paired={"untrained": (-0.8, -0.9, -0.7)},
    )

    def test_better_is_not_yet_enough(self) -> None:
        decision = decide(self.beside)
        assert decision.verdict == "optimize"
        assert "better than untrained with val_loss 1" in decision.reasons[0]
        assert "name what is enough" in decision.reasons[1]

    def test_with_a_target_it_is_accepted(self) -> None:
        assert decide(dataclasses.replace(self.beside, target=0.3)).verdict == "accept"

    def test_no_better_has_failed(self) -> None:
        worse = dataclasses.replace(self.beside, value=1.1, paired={"untrained": (0.1, 0.05, 0.2)})
        assert decide(worse).verdict == "failed"
        assert "Nothing was learnt that shows" in decide(worse).reasons[0]
