"""The tasks: losses, activations, metrics and chance, against scikit-learn and closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from firstlight.config.schema import Loss
from firstlight.tasks import classification, multilabel, regression
from firstlight.tasks.classification import auroc
from firstlight.tasks.task import Goal

CPU = torch.device("cpu")


def probabilities(rows: int, classes: int, seed: int) -> np.ndarray:
    scores = np.random.default_rng(seed).normal(size=(rows, classes))
    odds = np.exp(scores)
    return (odds / odds.sum(axis=1, keepdims=True)).astype(np.float32)


class TestClassification:
    @settings(max_examples=40, deadline=None)
    @given(rows=st.integers(2, 60), classes=st.integers(2, 5), seed=st.integers(0, 10_000))
    def test_metrics_are_those_of_scikit_learn(self, rows, classes, seed):
        labels = np.random.default_rng(seed + 1).integers(classes, size=rows)
        p = probabilities(rows, classes, seed)
        found = classification.measure(p, labels)
        predicted, present = p.argmax(axis=1), np.unique(labels)
        assert found["val_accuracy"] == pytest.approx(sk.accuracy_score(labels, predicted))
        macro = {"labels": present, "average": "macro", "zero_division": 0}
        assert found["val_balanced_accuracy"] == pytest.approx(sk.recall_score(labels, predicted, **macro))
        assert found["val_macro_f1"] == pytest.approx(sk.f1_score(labels, predicted, **macro))
        loss = -np.log(p[np.arange(rows), labels].astype(float)).mean()
        assert found["val_loss"] == pytest.approx(loss, rel=1e-5)
        assert ("val_auroc" in found) == (classes == 2)
        assert set(found) == set(classification.measured(classes))

    @settings(max_examples=40, deadline=None)
    @given(
        scores=st.lists(st.integers(0, 6), min_size=4, max_size=50), seed=st.integers(0, 1000)
    )  # few values, so that many scores are equal
    def test_the_area_under_the_curve_counts_ties_half(self, scores, seed):
        positive = np.random.default_rng(seed).integers(2, size=len(scores))
        positive[:2] = (0, 1)
        assert auroc(np.array(scores, float), positive) == pytest.approx(sk.roc_auc_score(positive, scores))

    def test_one_kind_of_row_has_no_area(self):
        assert math.isnan(auroc(np.array([0.1, 0.2]), np.array([1, 1])))

    def test_chance_is_the_loss_of_the_class_shares_and_the_perfect_outputs_have_the_floor(self):
        targets = np.repeat([0, 1, 2], [5, 3, 2])
        goal = Goal(classes=("a", "b", "c"), targets=targets, settings=Loss(label_smoothing=0.1))
        found = classification.bind(goal)
        shares = np.array([0.5, 0.3, 0.2])
        assert found.chance.loss == pytest.approx(-(shares * np.log(shares)).sum())
        assert found.chance.blank == pytest.approx(math.log(3))
        assert (found.outputs, found.metric, found.chance.metric) == (3, "val_accuracy", 0.5)
        labels = torch.from_numpy(targets)
        perfect = found.perfect(labels)
        floor = found.loss(CPU)(perfect, labels)
        for step in (0.5, -0.5):
            worse = perfect.clone()
            worse[0, 0] += step
            assert found.loss(CPU)(worse, labels) > floor


class TestRegression:
    @settings(max_examples=40, deadline=None)
    @given(rows=st.integers(3, 60), seed=st.integers(0, 10_000), unit=st.sampled_from([1e-3, 1.0, 1e6]))
    def test_metrics_are_those_of_scikit_learn_in_the_users_unit(self, rows, seed, unit):
        random = np.random.default_rng(seed)
        actual, predicted = random.normal(size=rows) * unit, random.normal(size=rows) * unit
        found = regression.measure(predicted, actual, target_std=unit)
        assert found["val_r2"] == pytest.approx(sk.r2_score(actual, predicted))
        assert found["val_rmse"] == pytest.approx(sk.root_mean_squared_error(actual, predicted))
        assert found["val_mae"] == pytest.approx(sk.mean_absolute_error(actual, predicted))
        assert set(found) == set(regression.measured(0))

    def test_the_model_learns_scaled_targets_and_predicts_in_the_users_unit(self):
        targets = np.array([100.0, 200.0, 300.0, 400.0])
        found = regression.bind(Goal(classes=(), targets=targets, settings=Loss()))
        outputs = found.perfect(torch.from_numpy(targets))
        assert outputs.std(correction=0).item() == pytest.approx(1)
        assert found.activate(outputs).numpy() == pytest.approx(targets, rel=1e-6)
        assert found.loss(CPU)(outputs, torch.from_numpy(targets)).item() == pytest.approx(0, abs=1e-10)
        mean = torch.zeros(4, 1)
        assert found.loss(CPU)(mean, torch.from_numpy(targets)).item() == pytest.approx(found.chance.loss)
        again = regression.activation(found.meta)
        assert again(outputs).tolist() == found.activate(outputs).tolist()

    def test_a_constant_part_has_no_r2(self):
        assert math.isnan(regression.measure(np.ones(3), np.ones(3), 1.0)["val_r2"])


class TestMultilabel:
    @settings(max_examples=40, deadline=None)
    @given(rows=st.integers(2, 40), labels=st.integers(2, 4), seed=st.integers(0, 10_000))
    def test_metrics_are_those_of_scikit_learn(self, rows, labels, seed):
        random = np.random.default_rng(seed)
        targets = random.integers(2, size=(rows, labels)).astype(np.float32)
        targets[0] = 1
        p = random.random((rows, labels)).astype(np.float32)
        found = multilabel.measure(p, targets)
        claimed = p >= 0.5
        f1 = sk.f1_score(targets, claimed, average="macro", zero_division=0)
        assert found["val_macro_f1"] == pytest.approx(f1)
        assert found["val_accuracy"] == pytest.approx((claimed == targets).all(axis=1).mean())
        assert found["val_loss"] == pytest.approx(
            sk.log_loss(targets.ravel(), p.ravel(), labels=[0, 1]), rel=1e-4
        )
        assert set(found) == set(multilabel.measured(labels))

    def test_chance_and_floor(self):
        targets = np.array([[1, 0], [1, 0], [0, 0], [1, 1]], np.float32)
        goal = Goal(classes=("a", "b"), targets=targets, settings=Loss())
        found = multilabel.bind(goal)
        share = targets.mean(axis=0)
        entropy = -(share * np.log(share) + (1 - share) * np.log(1 - share)).mean()
        assert found.chance.loss == pytest.approx(entropy)
        rows = torch.from_numpy(targets)
        assert found.loss(CPU)(found.perfect(rows), rows).item() < 1e-3
        assert found.activate(torch.zeros(2, 2)).tolist() == [[0.5, 0.5], [0.5, 0.5]]

    @pytest.mark.parametrize("smoothing", [0.0, 0.1])
    @pytest.mark.parametrize("weights", [None, np.array([1.0, 2.0, 0.5, 0.5])])
    def test_a_label_that_all_rows_or_none_have_has_a_chance_when_balanced(self, weights, smoothing):
        targets = np.array([[1, 0, 0], [1, 1, 0], [1, 0, 0], [1, 1, 0]], np.float32)
        loss = Loss(class_weights="balanced", label_smoothing=smoothing)
        goal = Goal(classes=("all", "some", "none"), targets=targets, settings=loss, weights=weights)
        found = multilabel.bind(goal)
        assert math.isfinite(found.chance.training_loss)
        assert np.isfinite(found.row_weights).all()
        value = found.loss(CPU)(torch.zeros(4, 3), torch.from_numpy(targets))
        assert found.chance.training_loss <= value.item()
