"""The verdict follows from the figures, and says why."""

from __future__ import annotations

import pytest

from firstlight.decision.rules import Evidence, decide
from firstlight.experiment.records import Outcome, Reference


def outcome(**changes):
    fields = {
        "state": "completed", "reason": "done", "epochs_run": 5, "epochs_planned": 5, "best_epoch": 5,
        "best_metrics": {"val_accuracy": 0.9}, "metric": "val_accuracy", "train_seconds": 1.0,
        "command_seconds": 2.0, "utilization": None, "utilization_note": "",
    }  # fmt: skip
    return Outcome(**fields | changes)


def evidence(value=0.9, *, target=None, best=0.8, paired=(0.05, 0.15), alarm=None, ended=None):
    references = (
        Reference(name="majority", metrics={"val_accuracy": 0.1}, seconds=0.1),
        Reference(name="logistic_regression", metrics={"val_accuracy": best}, seconds=0.1),
    )
    gain = value - best
    return Evidence(
        outcome=ended or outcome(),
        references=references,
        metric="val_accuracy",
        value=value,
        interval=(value - 0.02, value + 0.02),
        target=target,
        direction="higher",
        paired={
            "majority": (value - 0.1, value - 0.15, value - 0.05),
            "logistic_regression": (gain, *paired),
        },
        alarm=alarm,
    )


@pytest.mark.requirement("P2.15")
def test_a_met_target_with_no_better_reference_is_accepted():
    decision = decide(evidence(target=0.85))
    assert decision.verdict == "accept"
    assert "0.85" in decision.reasons[0]
    assert decision.reference == {"name": "logistic_regression", "value": 0.8}


@pytest.mark.requirement("P2.15")
def test_a_missed_target_is_to_be_optimized():
    assert decide(evidence(target=0.95)).verdict == "optimize"


@pytest.mark.requirement("P2.13")
def test_a_network_below_a_reference_is_never_accepted_whatever_the_target():
    decision = decide(evidence(value=0.9, best=0.93, target=0.5, paired=(-0.05, -0.01)))
    assert decision.verdict == "optimize"
    assert "simple model is better" in decision.reasons[0]


@pytest.mark.requirement("X8", "P2.13")
@pytest.mark.parametrize(("low", "verdict"), [(0.01, "accept"), (0.0, "optimize"), (-0.01, "optimize")])
def test_without_a_target_every_reference_must_be_beaten_beyond_the_interval(low, verdict):
    assert decide(evidence(paired=(low, 0.2))).verdict == verdict


@pytest.mark.requirement("P2.13")
def test_what_is_not_better_than_always_saying_one_class_has_failed():
    decision = decide(
        Evidence(
            outcome=outcome(), references=(Reference(name="majority", metrics={"val_accuracy": 0.5}, seconds=0.0),),
            metric="val_accuracy", value=0.52, interval=(0.45, 0.58), target=None, direction="higher",
            paired={"majority": (0.02, -0.03, 0.07)}, alarm=None,
        )
    )  # fmt: skip
    assert decision.verdict == "failed"


@pytest.mark.requirement("P2.9", "P2.15")
def test_an_alarm_or_no_outcome_has_failed():
    ended = outcome(state="halted", alarm="nan_loss", alarm_detail="step 7: loss is nan")
    decision = decide(evidence(alarm="nan_loss", ended=ended))
    assert decision.verdict == "failed"
    assert "step 7" in decision.reasons[0]
    nothing = evidence()
    assert (
        decide(Evidence(**{f: getattr(nothing, f) for f in Evidence.__slots__} | {"outcome": None})).verdict
        == "failed"
    )


def test_a_metric_where_lower_is_better_turns_the_comparison():
    found = decide(
        Evidence(
            outcome=outcome(), references=(Reference(name="majority", metrics={"val_loss": 2.3}, seconds=0.0),),
            metric="val_loss", value=0.4, interval=(0.35, 0.45), target=0.5, direction="lower", paired={}, alarm=None,
        )
    )  # fmt: skip
    assert found.verdict == "accept"
