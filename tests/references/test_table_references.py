"""References for tables: known answers, bounded time, every task, every awkward table."""

from __future__ import annotations

import itertools
import time

import numpy as np
import pytest
import torch
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
from sklearn.metrics import r2_score, roc_auc_score

from firstlight import catalog
from firstlight.data.tables.batches import TableInputs
from firstlight.references.apart import apart
from firstlight.references.spec import TASKS, ReferenceSpec
from firstlight.references.tables import gradient_boosting, linear
from firstlight.references.tables.features import TableRows, predictions, some_rows

LEARNERS = [gradient_boosting, linear]


def rows_of(
    numbers, codes, targets, *, task, outputs, cardinalities=(), val=50
) -> tuple[TableRows, np.ndarray]:
    """The last `val` rows are to be predicted; their targets come back beside the rows."""
    numbers = torch.as_tensor(np.asarray(numbers), dtype=torch.float32)
    codes = torch.as_tensor(np.asarray(codes), dtype=torch.int32).reshape(len(numbers), len(cardinalities))
    rows = TableRows(
        train=TableInputs(numbers[:-val], codes[:-val]),
        targets=targets[:-val],
        val=TableInputs(numbers[-val:], codes[-val:]),
        cardinalities=cardinalities,
        task=task,
        outputs=outputs,
    )
    return rows, targets[-val:]


def shuffled(data) -> tuple[np.ndarray, np.ndarray]:
    order = np.random.default_rng(0).permutation(len(data.target))
    return data.data[order], data.target[order]


def mixed(rows=600, seed=0):
    """Numbers with missing values, codes, and a signal of both."""
    random = np.random.default_rng(seed)
    numbers = random.normal(size=(rows, 3))
    codes = random.integers(0, 6, (rows, 2))
    signal = numbers[:, 0] + np.array([0, 2, -2, 1, -1, 0])[codes[:, 0]] + 0.1 * random.normal(size=rows)
    numbers[random.random(numbers.shape) < 0.05] = np.nan
    return numbers, codes, signal


@pytest.mark.requirement("P2.13")
@pytest.mark.parametrize("reference", LEARNERS)
def test_two_classes(reference):
    numbers, labels = shuffled(load_breast_cancer())
    rows, truth = rows_of(numbers, [], labels, task="classification", outputs=2, val=150)
    answer = reference.run(rows, 20.0, 0)
    assert (answer.predicted.dtype, answer.predicted.shape) == (np.float32, (150, 2))
    assert answer.predicted.sum(axis=1) == pytest.approx(np.ones(150), abs=1e-5)
    assert roc_auc_score(truth, answer.predicted[:, 1]) > 0.97


@pytest.mark.requirement("P2.13")
@pytest.mark.parametrize("reference", LEARNERS)
def test_three_classes(reference):
    numbers, labels = shuffled(load_wine())
    rows, truth = rows_of(numbers, [], labels, task="classification", outputs=3)
    answer = reference.run(rows, 20.0, 0)
    assert (answer.predicted.argmax(axis=1) == truth).mean() > 0.9


@pytest.mark.requirement("P2.13")
@pytest.mark.parametrize("reference", LEARNERS)
def test_numbers_are_predicted_in_their_unit(reference):
    numbers, targets = shuffled(load_diabetes())
    rows, truth = rows_of(numbers, [], 1e6 + 1e3 * targets, task="regression", outputs=1, val=100)
    answer = reference.run(rows, 20.0, 0)
    assert (answer.predicted.dtype, answer.predicted.shape) == (np.float64, (100,))
    assert r2_score(truth, answer.predicted) > 0.3


@pytest.mark.parametrize("reference", LEARNERS)
def test_categories_and_missing_values_are_used(reference):
    numbers, codes, signal = mixed()
    rows, truth = rows_of(numbers, codes, signal, task="regression", outputs=1, cardinalities=(6, 6))
    assert r2_score(truth, reference.run(rows, 20.0, 0).predicted) > 0.85


@pytest.mark.parametrize("reference", LEARNERS)
def test_several_labels_a_row_one_of_them_never_set(reference):
    numbers, codes, signal = mixed()
    labels = np.stack([signal > 0, codes[:, 1] > 2, np.zeros(len(signal))], axis=1).astype(np.float32)
    rows, truth = rows_of(numbers, codes, labels, task="multilabel", outputs=3, cardinalities=(6, 6))
    predicted = reference.run(rows, 20.0, 0).predicted
    assert (predicted.dtype, predicted.shape) == (np.float32, (50, 3))
    assert ((predicted[:, :2] > 0.5) == truth[:, :2]).mean() > 0.9
    assert predicted[:, 2].max() < 0.01


@pytest.mark.parametrize("reference", LEARNERS)
@pytest.mark.parametrize("present", [(1,), (0, 3), (0, 2, 4)])
def test_classes_that_training_does_not_have_get_next_to_no_probability(reference, present):
    numbers, codes, _ = mixed(200)
    labels = np.random.default_rng(1).choice(present, 200)
    rows, _ = rows_of(numbers, codes, labels, task="classification", outputs=5, cardinalities=(6, 6))
    predicted = reference.run(rows, 10.0, 0).predicted
    absent = [c for c in range(5) if c not in present]
    assert predicted.shape == (50, 5)
    assert predicted[:, absent].max() < 1e-6
    assert predicted.sum(axis=1) == pytest.approx(np.ones(50), abs=1e-5)


@pytest.mark.requirement("BT11")
@pytest.mark.parametrize("reference", LEARNERS)
@pytest.mark.parametrize("task", ["classification", "regression"])
def test_awkward_columns_and_few_rows_give_finite_answers(reference, task):
    numbers, codes, signal = mixed(62)
    numbers[:, 0] = 7.0
    numbers[::2, 0] = np.nan  # constant but for missing values
    numbers[:12, 1] = np.nan  # nothing in training at all
    numbers[5, 2] = 1e30
    targets = signal if task == "regression" else (signal > 0).astype(np.int64)
    rows, _ = rows_of(
        numbers, codes, targets, task=task, outputs=1 + (task == "classification"), cardinalities=(6, 6)
    )
    predicted = reference.run(rows, 10.0, 0).predicted
    assert np.isfinite(predicted).all()


@pytest.mark.parametrize("reference", LEARNERS)
def test_the_same_seed_gives_the_same_answer(reference):
    numbers, codes, signal = mixed()
    rows, _ = rows_of(numbers, codes, signal, task="regression", outputs=1, cardinalities=(6, 6))
    first, second = (reference.run(rows, 20.0, 3) for _ in range(2))
    assert (first.predicted == second.predicted).all()
    assert first.note == second.note


@pytest.mark.parametrize("reference", LEARNERS)
def test_5000_classes_are_not_begun_and_the_answer_says_so(reference):
    numbers, codes, _ = mixed(20_000)
    labels = np.arange(20_000) % 5_000
    rows, _ = rows_of(numbers, codes, labels, task="classification", outputs=5_000, cardinalities=(6, 6))
    began = time.perf_counter()
    answer = reference.run(rows, 10.0, 0)
    assert answer.predicted is None
    assert answer.note.startswith("not run: 5,000 outputs x ")
    assert time.perf_counter() - began < 5


@pytest.mark.parametrize("reference", LEARNERS)
def test_little_time_means_fewer_rows_and_the_note_says_so(reference, monkeypatch):
    numbers, codes, signal = mixed(3_000)
    rows, truth = rows_of(numbers, codes, signal, task="regression", outputs=1, cardinalities=(6, 6))
    name = "ROW_COST" if reference is gradient_boosting else "ENTRY_COST"
    # As a machine that is so slow that the rows must be a tenth.
    monkeypatch.setattr(reference, name, 1e-3 if name == "ENTRY_COST" else 1.5e-4)
    answer = reference.run(rows, 30.0 if name == "ROW_COST" else 500.0, 0)
    assert "of 2,950 training rows" in answer.note
    assert r2_score(truth, answer.predicted) > 0.5


def test_the_clock_ends_a_search_that_gains_with_every_round(monkeypatch):
    falling = itertools.count(0, -1)
    monkeypatch.setattr(gradient_boosting, "_loss", lambda *_: next(falling))
    numbers, codes, signal = mixed(9_000)
    rows, _ = rows_of(numbers, codes, signal, task="regression", outputs=1, cardinalities=(6, 6))
    enough, little = (len(gradient_boosting.run(rows, s, 0).model.roots) for s in (60.0, 0.5))
    assert enough == gradient_boosting.MOST_ROUNDS
    assert gradient_boosting.FIRST_ROUNDS <= little < enough


def test_the_boosted_module_is_what_answered():
    numbers, codes, signal = mixed()
    labels = (signal > 0).astype(np.int64)
    rows, _ = rows_of(numbers, codes, labels, task="classification", outputs=2, cardinalities=(6, 6))
    answer = gradient_boosting.run(rows, 20.0, 0)
    assert (predictions(answer.model(rows.val), "classification") == answer.predicted).all()


def test_more_categories_than_a_tree_can_tell_apart_share_the_last_value():
    random = np.random.default_rng(0)
    codes = np.minimum(random.geometric(0.004, (6_000, 1)), 1_999)
    numbers = random.normal(size=(6_000, 1))
    targets = np.where(codes[:, 0] % 2 == 0, 3.0, -3.0) + numbers[:, 0]
    rows, truth = rows_of(
        numbers, codes, targets, task="regression", outputs=1, cardinalities=(2_000,), val=500
    )
    answer = gradient_boosting.run(rows, 300.0, 0)  # never cut by the clock
    values = answer.model.category_map
    assert values.max() == 254
    assert (values == 254).sum() > 100
    assert r2_score(truth, answer.predicted) > 0.4


@pytest.mark.parametrize(
    "targets", [np.repeat([0, 1, 2], [60, 30, 6]), np.random.default_rng(0).normal(size=96)]
)
def test_what_is_kept_apart_is_spread_over_the_targets(targets):
    targets = np.random.default_rng(1).permutation(targets)
    rest, chosen = apart(targets, 6)
    assert sorted([*rest, *chosen]) == list(range(96))
    assert len(chosen) == 16
    if targets.dtype == np.int64:
        assert np.bincount(targets[chosen]).tolist() == [10, 5, 1]
    else:
        assert targets[chosen].mean() == pytest.approx(targets.mean(), abs=0.1)


def test_rows_are_drawn_once_in_order():
    rows = some_rows(1_000, 100, seed=4)
    assert (np.diff(rows) > 0).all()
    assert (rows == some_rows(1_000, 100, seed=4)).all()
    assert some_rows(5, 100, seed=4).tolist() == [0, 1, 2, 3, 4]


def test_each_is_named_as_its_file():
    package = "firstlight.references.tables"
    names = [name for name in catalog.names(package) if name != "features"]
    found = {name: catalog.load(package, name, "REFERENCE", ReferenceSpec) for name in names}
    assert sorted(found) == ["gradient_boosting", "linear"]
    assert all(name == spec.name and set(spec.tasks) <= set(TASKS) for name, spec in found.items())
