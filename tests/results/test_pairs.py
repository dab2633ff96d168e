from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_answers import TARGET_STD, answers, metrics_of

from firstlight.experiment.records import Reference
from firstlight.results.files import Reader
from firstlight.results.pairs import beside_references, differences
from firstlight.results.predictions import Predictions

METRICS = {
    "classification": ("val_accuracy", "val_balanced_accuracy", "val_macro_f1", "val_auroc", "val_loss"),
    "multilabel": ("val_macro_f1", "val_accuracy", "val_auroc", "val_loss"),
    "regression": ("val_r2", "val_rmse", "val_mae", "val_loss"),
}
CASES = [(task, metric) for task, metrics in METRICS.items() for metric in metrics]


def made(task: str, *, rows: int = 300, classes: int = 2, skill: float = 2.0) -> Predictions:
    targets, values = answers(task, rows, classes, seed=1, skill=skill)
    return Predictions(
        task=task,
        ids=np.array([f"row-{i}" for i in range(rows)]),
        targets=targets,
        values=values,
        classes=() if task == "regression" else tuple(f"c{i}" for i in range(classes)),
        target_std=TARGET_STD if task == "regression" else None,
    )


@pytest.mark.requirement("X9")
@pytest.mark.parametrize(("task", "metric"), CASES)
def test_every_metric_of_a_task_has_a_paired_difference_that_is_that_of_its_values(
    task: str, metric: str
) -> None:
    better, worse = made(task), made(task, skill=0.3)
    pair = differences(metric, better, {"worse": worse.values})["worse"]
    own, other = (metrics_of(task, better.targets, p.values)[metric] for p in (better, worse))
    assert pair.difference == pytest.approx(own - other, rel=1e-6)
    assert pair.low < pair.difference < pair.high
    gained = -pair.high if metric in {"val_loss", "val_rmse", "val_mae"} else pair.low
    assert gained > 0


def test_a_metric_of_many_classes_that_cannot_be_resampled_has_no_difference() -> None:
    many = made("classification", classes=5)
    assert differences("val_auroc", many, {"other": many.values}) == {}
    assert differences("val_macro_f1", many, {"other": many.values})["other"].difference == 0


def test_a_metric_of_another_task_has_no_difference() -> None:
    numbers = made("regression")
    assert differences("val_accuracy", numbers, {"other": numbers.values}) == {}


def test_references_of_two_classes_are_paired_by_the_probability_of_the_second(tmp_path: Path) -> None:
    model, weaker = made("classification"), made("classification", skill=0.3)
    metrics = metrics_of("classification", weaker.targets, weaker.values)
    reference = Reference(name="linear", metrics=metrics, seconds=0.0)
    reader = Reader(tmp_path)
    pairs = beside_references(
        reader, "val_auroc", model, [reference], {"linear": weaker.values[:, 1].astype(np.float64)}
    )
    expected = metrics_of("classification", model.targets, model.values)["val_auroc"] - metrics["val_auroc"]
    assert pairs["linear"].difference == pytest.approx(expected)
    assert reader.problems == []


@pytest.mark.parametrize(
    "answer", [np.zeros(299), np.zeros((300, 3)), np.full(300, np.nan)], ids=["rows", "columns", "nan"]
)
def test_answers_that_do_not_fit_are_told_and_not_paired(tmp_path: Path, answer: Any) -> None:
    reader = Reader(tmp_path)
    reference = Reference(name="linear", metrics={"val_r2": 0.5}, seconds=0.0)
    assert beside_references(reader, "val_r2", made("regression"), [reference], {"linear": answer}) == {}
    assert any("logs/references.npz: linear" in problem for problem in reader.problems)


def test_a_reference_without_the_metric_is_not_paired(tmp_path: Path) -> None:
    model = made("regression")
    reference = Reference(name="linear", metrics={}, seconds=0.0)
    assert beside_references(Reader(tmp_path), "val_r2", model, [reference], {"linear": model.values}) == {}
