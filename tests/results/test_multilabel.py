from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
from made_answers import label_sets, metrics_of

from firstlight.results.multilabel import multilabel


def test_figures_of_a_case_worked_out_by_hand() -> None:
    targets = np.array([[1, 0], [1, 1], [0, 0], [0, 1]], dtype=np.float32)
    probabilities = np.array([[0.9, 0.2], [0.8, 0.3], [0.5, 0.1], [0.1, 0.6]])
    found = multilabel(targets, probabilities)
    assert found.metrics == pytest.approx(
        {
            "val_loss": -np.log([0.9, 0.8, 0.8, 0.3, 0.5, 0.9, 0.9, 0.6]).mean(),
            "val_macro_f1": (0.8 + 2 / 3) / 2,
            "val_accuracy": 0.5,
            "val_auroc": 1.0,
        }
    )
    first, second = found.per_label
    assert (first.support, first.claimed, first.recall, first.precision) == (
        2,
        3,
        1.0,
        pytest.approx(2 / 3),
    )
    assert (second.support, second.claimed, second.recall, second.precision) == (2, 1, 0.5, 1.0)
    assert [(w.row, w.missed, w.added) for w in found.worst] == [(1, (1,), ()), (2, (), (0,))]
    assert found.labels_per_row == (1.0, 1.0)


@pytest.mark.requirement("X12")
def test_metrics_are_those_of_training_computed_by_other_code() -> None:
    targets, probabilities = label_sets(500, 6, seed=0, skill=2.0)
    found = multilabel(targets, probabilities).metrics
    assert found == pytest.approx(metrics_of("multilabel", targets, probabilities))


def test_every_interval_holds_its_value() -> None:
    found = multilabel(*label_sets(300, 5, seed=0, skill=2.0))
    assert set(found.intervals) == set(found.metrics)
    for name, (low, high) in found.intervals.items():
        assert low <= found.metrics[name] <= high
    for label in found.per_label:
        assert label.f1_interval[0] - 1e-12 <= label.f1 <= label.f1_interval[1] + 1e-12


def test_labels_without_a_row_are_left_out_of_the_averages_and_told() -> None:
    targets, probabilities = label_sets(100, 3, seed=0, skill=2.0)
    targets[:, 1] = 0
    found = multilabel(targets, probabilities)
    assert found.metrics == pytest.approx(metrics_of("multilabel", targets, probabilities))
    assert "1 of 3 labels have no validation row" in found.notes


def test_no_label_at_all_leaves_what_cannot_be_had_out() -> None:
    found = multilabel(np.zeros((20, 2)), np.full((20, 2), 0.1))
    assert set(found.metrics) == {"val_loss", "val_accuracy"}
    assert any("AUROC is not given" in note for note in found.notes)
    assert found.worst == ()


def test_a_probability_of_nought_keeps_the_loss_finite() -> None:
    assert np.isfinite(multilabel(np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])).metrics["val_loss"])


def test_very_many_labels_have_no_interval_of_their_averages_and_take_seconds() -> None:
    began = time.process_time()
    found = multilabel(*label_sets(600, 2000, seed=0, skill=2.0))
    assert time.process_time() - began < 15
    assert "val_macro_f1" in found.metrics
    assert "val_macro_f1" not in found.intervals
    assert any("too many" in note for note in found.notes)


@pytest.mark.parametrize(
    ("targets", "probabilities"),
    [
        (np.zeros((0, 2)), np.zeros((0, 2))),
        (np.zeros((3, 1)), np.zeros((3, 1))),
        (np.zeros(3), np.zeros(3)),
        (np.zeros((2, 2)), np.zeros((2, 3))),
        (np.zeros((2, 2)), np.array([[0.5, 0.5], [np.nan, 0.5]])),
    ],
)
def test_what_cannot_be_measured_is_refused(targets: Any, probabilities: Any) -> None:
    with pytest.raises(ValueError, match=r"fit|finite"):
        multilabel(targets, probabilities)
