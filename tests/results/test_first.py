"""Which model is put first, and that report and decision then speak of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from firstlight.decision.rules import Evidence, decide
from firstlight.experiment import records_io, store
from firstlight.experiment.folder import Folder
from firstlight.report.write import write_report
from firstlight.results.evidence import evidence
from firstlight.results.facts import read_facts
from firstlight.results.first import as_first, first_model


def with_candidate(folder: Folder, right: float, *, kept: bool = True) -> Folder:
    """Adds a fitted reference that is right on a share of the rows, sure of itself."""
    predictions = store.read_npz(folder.predictions)
    targets, classes = predictions["targets"], len(predictions["classes"])
    hit = np.arange(len(targets)) < right * len(targets)
    answers = np.full((len(targets), classes), 0.001, np.float32)
    answers[np.arange(len(targets)), np.where(hit, targets, (targets + 1) % classes)] = 1 - 0.001 * (
        classes - 1
    )
    store.write_npz(folder.reference_scores, {"gradient_boosting": answers})
    found = records_io.read_references(folder.references)
    other = replace(
        found[-1],
        name="gradient_boosting",
        metrics={"val_accuracy": float(hit.mean())},
        correct=tuple(hit.tolist()),
        sha256="0" * 64 if kept else None,
    )
    records_io.write_references(folder.references, (*found, other))
    return folder


def test_without_candidates_the_network_is_first(build_experiment: Any) -> None:
    facts = read_facts(build_experiment())
    first = first_model(facts)
    assert (first.name, first.value) == ("network", facts.figure("val_accuracy").value)
    assert as_first(facts).predictions is facts.predictions


@pytest.mark.requirement("P2.13", "X12")
def test_a_better_candidate_is_first_with_its_own_figures(build_experiment: Any) -> None:
    facts = read_facts(with_candidate(build_experiment(skill=2.0), 0.99))
    first = first_model(facts)
    assert (first.name, first.value) == ("gradient_boosting", pytest.approx(0.99))
    assert first.figures.metrics["val_accuracy"] == pytest.approx(0.99)
    low, high = first.interval("val_accuracy")
    assert low < 0.99 < high
    network = facts.figure("val_accuracy").value
    assert first.paired["network"].difference == pytest.approx(0.99 - network)
    assert first.paired["majority"].low > 0
    decision = decide(Evidence(**evidence(facts)))
    assert (decision.model, decision.verdict) == ("gradient_boosting", "accept")
    assert decision.value == pytest.approx(0.99)


def test_a_worse_one_or_one_that_was_not_kept_is_a_reference_like_any_other(build_experiment: Any) -> None:
    worse = read_facts(with_candidate(build_experiment("worse", skill=6.0), 0.5))
    assert first_model(worse).name == "network"
    reasons = decide(Evidence(**evidence(worse))).reasons
    assert any("gradient_boosting has 0.5 and can be used, too" in reason for reason in reasons)
    lost = read_facts(with_candidate(build_experiment("lost", skill=2.0), 0.99, kept=False))
    assert first_model(lost).name == "network"
    decision = decide(Evidence(**evidence(lost)))
    assert (decision.model, decision.reference["name"]) == ("network", "gradient_boosting")
    assert any("The simple model gradient_boosting" in reason for reason in decision.reasons)


@pytest.mark.requirement("P2.14")
def test_the_report_shows_both_and_the_classes_of_the_first(build_experiment: Any) -> None:
    folder = with_candidate(build_experiment(skill=2.0), 0.99)
    records_io.write_decision(folder.decision, decide(Evidence(**evidence(read_facts(folder)))))
    write_report(folder)
    page = folder.results.read_text("utf-8")
    assert "### Put first: gradient boosting" in page
    assert "validation accuracy of gradient boosting" in page
    assert "the network, small\\_cnn" in page
