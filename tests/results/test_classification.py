from __future__ import annotations

import time
import tracemalloc
from typing import Any

import numpy as np
import pytest

from firstlight.results.classification import classification, confusion_matrix, worst_rows


def predictions(
    rows: int, classes: int, skill: float = 2.0
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    rng = np.random.default_rng(0)
    labels = rng.integers(classes, size=rows)
    odds = np.exp(rng.normal(size=(rows, classes))).astype(np.float32)
    odds[np.arange(rows), labels] *= np.exp(skill)
    return labels, odds / odds.sum(axis=1, keepdims=True)


def test_figures_of_a_case_worked_out_by_hand() -> None:
    labels = np.array([0, 0, 0, 1])
    probabilities = np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.5 - 1e-9, 0.5 + 1e-9]])
    found = classification(labels, probabilities)
    assert found.metrics["val_accuracy"] == 0.75
    assert found.metrics["val_balanced_accuracy"] == pytest.approx((2 / 3 + 1) / 2)
    assert found.metrics["val_macro_f1"] == pytest.approx((0.8 + 2 / 3) / 2)
    assert found.metrics["val_loss"] == pytest.approx(-np.log([0.9, 0.6, 0.2, 0.5]).mean())
    assert found.metrics["val_auroc"] == pytest.approx(2 / 3)
    first = found.per_class[0]
    assert (first.support, first.claimed, first.precision, first.recall) == (3, 2, 1.0, pytest.approx(2 / 3))
    assert [(c.actual, c.predicted, c.rows, c.share) for c in found.confused] == [
        (0, 1, 1, pytest.approx(1 / 3))
    ]
    assert [(e.row, e.confidence) for e in found.worst] == [(2, pytest.approx(0.8))]


def test_metrics_are_those_of_training_and_of_scikit_learn() -> None:
    from sklearn.metrics import log_loss, roc_auc_score

    from firstlight.tasks.classification import measure

    labels, probabilities = predictions(700, 7)
    found = classification(labels, probabilities).metrics
    assert {k: found[k] for k in measure(probabilities, labels)} == pytest.approx(
        measure(probabilities, labels)
    )
    exact = probabilities.astype(np.float64) / probabilities.astype(np.float64).sum(axis=1, keepdims=True)
    assert found["val_loss"] == pytest.approx(log_loss(labels, exact), rel=1e-5)
    assert found["val_auroc"] == pytest.approx(roc_auc_score(labels, exact, multi_class="ovr"))


def test_every_interval_holds_its_value() -> None:
    found = classification(*predictions(300, 5))
    for name, (low, high) in found.intervals.items():
        assert low <= found.metrics[name] <= high
    for c in found.per_class:
        assert c.precision_interval[0] <= c.precision <= c.precision_interval[1]
        assert c.recall_interval[0] <= c.recall <= c.recall_interval[1]
        assert c.f1_interval[0] - 1e-12 <= c.f1 <= c.f1_interval[1] + 1e-12


def test_classes_without_a_row_are_told_and_leave_auroc_out() -> None:
    labels, probabilities = predictions(100, 3)
    wider = np.hstack([probabilities, np.full((100, 2), 1e-9, dtype=np.float32)])
    found = classification(labels, wider)
    assert "val_auroc" not in found.metrics
    assert any("2 of 5 classes" in note for note in found.notes)
    assert any("AUROC" in note for note in found.notes)


def test_one_row_gives_figures_without_a_warning() -> None:
    found = classification(np.array([1]), np.array([[0.4, 0.6]]))
    assert found.metrics["val_accuracy"] == 1.0
    assert found.intervals["val_accuracy"][0] < 0.3
    assert found.worst == ()


def test_a_probability_of_nought_keeps_the_loss_finite() -> None:
    found = classification(np.array([0, 1]), np.array([[0.0, 1.0], [0.0, 1.0]]))
    assert np.isfinite(found.metrics["val_loss"])


@pytest.mark.parametrize(
    ("labels", "probabilities"),
    [
        (np.array([], dtype=np.int64), np.zeros((0, 2))),
        (np.array([0, 2]), np.full((2, 2), 0.5)),
        (np.array([0, -1]), np.full((2, 2), 0.5)),
        (np.array([0, 1]), np.array([[0.5, 0.5], [np.nan, 0.5]])),
        (np.array([0]), np.full((2, 2), 0.5)),
    ],
)
def test_what_cannot_be_measured_is_refused(labels: Any, probabilities: Any) -> None:
    with pytest.raises(ValueError, match=r"fit|classes|finite"):
        classification(labels, probabilities)


def test_worst_rows_are_the_wrong_ones_with_the_highest_loss_and_ties_keep_their_order() -> None:
    labels = np.array([0, 0, 0, 0])
    probabilities = np.array([[0.9, 0.1], [0.1, 0.9], [0.3, 0.7], [0.1, 0.9]])
    assert worst_rows(labels, probabilities).tolist() == [1, 3, 2]


def test_the_confusion_matrix_of_chosen_classes_is_that_of_scikit_learn() -> None:
    from sklearn.metrics import confusion_matrix as theirs

    labels, probabilities = predictions(400, 6, skill=1.0)
    predicted = probabilities.argmax(axis=1)
    chosen = np.array([1, 4, 5])
    assert (confusion_matrix(labels, predicted, chosen) == theirs(labels, predicted, labels=chosen)).all()


@pytest.mark.requirement("BI12")
def test_ten_thousand_classes_take_seconds_and_no_square_of_memory() -> None:
    labels, probabilities = predictions(1000, 10_000, skill=6.0)
    tracemalloc.start()
    began = time.process_time()
    found = classification(labels, probabilities)
    seconds, (_, peak) = time.process_time() - began, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(found.per_class) == 10_000
    assert peak < 400e6  # a 10,000 x 10,000 matrix of int64 is 800 MB
    assert seconds < 15
