from __future__ import annotations

from pathlib import Path

import pytest

from firstlight.decision.route import Baseline, route
from firstlight.experiment.records import Decision, Gate, Item


def gate(*missing: str) -> Gate:
    items = [Item(id="fine", state="passed", value="1", evidence="x")]
    items += [Item(id=name, state="failed", value="0", evidence="x") for name in missing]
    return Gate(phase="baseline", items=tuple(items))


def decision(verdict: str) -> Decision:
    return Decision(
        verdict=verdict,  # type: ignore[arg-type]
        reasons=("because",),
        metric="val_accuracy",
        value=0.9,
        interval=None,
        target=0.85,
        reference={"name": "majority", "value": 0.1},
    )


@pytest.mark.requirement("X6", "P2.15")
@pytest.mark.parametrize(
    ("progress", "verdict", "setup", "baseline", "to", "command"),
    [
        (
            "not_started",
            None,
            gate("seeds_fixed"),
            gate("training_completed"),
            "setup",
            "firstlight train runs/x",
        ),
        ("trained", "accept", gate("config_valid"), gate("setup_holds"), "setup", "firstlight status runs/x"),
        ("not_started", None, gate(), gate("training_completed"), "baseline", "firstlight train runs/x"),
        (
            "interrupted",
            None,
            gate(),
            gate("training_completed"),
            "baseline",
            "firstlight train runs/x --resume",
        ),
        ("running", None, gate(), gate("training_completed"), "baseline", "firstlight status runs/x"),
        ("trained", "accept", gate(), gate(), "final", "firstlight finalize runs/x"),
        ("trained", "optimize", gate(), gate(), "diagnosis", "firstlight diagnose runs/x"),
        ("trained", "failed", gate(), gate("training_completed"), "diagnosis", "firstlight diagnose runs/x"),
        (
            "trained",
            "accept",
            gate(),
            gate("utilization_documented"),
            "diagnosis",
            "firstlight diagnose runs/x",
        ),
        ("trained", "accept", gate(), gate("results_written"), "baseline", "firstlight report runs/x"),
        ("trained", "accept", gate(), gate("unchanged_since_passed"), "baseline", "firstlight status runs/x"),
        ("trained", "optimize", gate(), gate("best_checkpoint"), "baseline", "firstlight status runs/x"),
    ],
)
def test_every_way_on_is_by_rule(
    progress: Baseline, verdict: str | None, setup: Gate, baseline: Gate, to: str, command: str
) -> None:
    made = None if verdict is None else decision(verdict)
    step = route(experiment=Path("runs/x"), setup=setup, baseline=baseline, progress=progress, decision=made)
    assert (step.to, step.command) == (to, command)
    assert step.rule
    assert step.numbers
    assert step.alternative


def test_the_numbers_of_the_rule_are_kept() -> None:
    step = route(
        experiment=Path("x"), setup=gate(), baseline=gate(), progress="trained", decision=decision("accept")
    )
    assert step.numbers == "val_accuracy 0.9, target 0.85, best reference majority 0.1"


@pytest.mark.requirement("H16")
def test_the_command_can_be_pasted_whatever_the_folder_is_called() -> None:
    step = route(
        experiment=Path("my runs/$(touch x)\x1b"),
        setup=gate(),
        baseline=gate(),
        progress="trained",
        decision=decision("accept"),
    )
    assert step.command == "firstlight finalize 'my runs/$(touch x)\\x1b'"
