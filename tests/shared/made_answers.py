"""What models of each task answer, made by chance: targets, predictions, and simple models beside them."""

from __future__ import annotations

from typing import Any

import numpy as np

from firstlight.experiment import store
from firstlight.experiment.folder import Folder
from firstlight.experiment.records import Reference

TARGET_STD = 2000.0  # of the training targets of a made regression
TASK_METRIC = {"classification": "val_accuracy", "multilabel": "val_macro_f1", "regression": "val_r2"}


def predictions(
    rows: int, classes: int, *, seed: int, skill: float
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Labels (rows,) and probabilities (rows, classes) of a model that is better the higher `skill`."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(classes, size=rows)
    scores = rng.normal(size=(rows, classes)).astype(np.float32)
    scores[np.arange(rows), labels] += skill
    odds = np.exp(scores)
    return labels, odds / odds.sum(axis=1, keepdims=True)


def label_sets(
    rows: int, labels: int, *, seed: int, skill: float
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Targets of 0 and 1, and probabilities, both float32 (rows, labels)."""
    rng = np.random.default_rng(seed)
    targets = (rng.random((rows, labels)) < 0.4).astype(np.float32)
    scores = rng.normal(size=(rows, labels)) + skill * (targets - 0.5)
    return targets, (1 / (1 + np.exp(-scores))).astype(np.float32)


def numbers(rows: int, *, seed: int, skill: float) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Prices about 5,000 and what a model predicts whose error is smaller the higher `skill`."""
    rng = np.random.default_rng(seed)
    targets = np.round(rng.gamma(4.0, 1250.0, size=rows) + 300, 2)
    return targets, targets + rng.normal(size=rows) * 2500 / (0.5 + skill)


def answers(
    task: str, rows: int, classes: int, *, seed: int, skill: float
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Targets and what a model of the task predicts."""
    if task == "regression":
        return numbers(rows, seed=seed, skill=skill)
    return (label_sets if task == "multilabel" else predictions)(rows, classes, seed=seed, skill=skill)


def metrics_of(task: str, targets: np.ndarray[Any, Any], predicted: np.ndarray[Any, Any]) -> dict[str, float]:
    """As training measures them."""
    from firstlight.tasks import classification, multilabel, regression

    if task == "regression":
        return regression.measure(predicted, targets, TARGET_STD)
    return (multilabel if task == "multilabel" else classification).measure(predicted, targets)


def _classifiers(
    folder: Folder, labels: np.ndarray[Any, Any], probabilities: np.ndarray[Any, Any]
) -> tuple[Reference, ...]:
    """Majority and a weaker model; of two classes with their scores, as a run writes them."""
    rows = len(labels)
    correct = probabilities.argmax(axis=1) == labels
    weaker = correct & (np.random.default_rng(2).random(rows) < 0.5)
    scored = {"majority": {"val_loss": 2.31}, "logistic_regression": {"val_loss": 1.5}}
    if probabilities.shape[1] == 2:
        noise = np.random.default_rng(2).normal(size=rows)
        score = 1 / (1 + np.exp(-np.log(probabilities[:, 1] / probabilities[:, 0]) / 2 - noise))
        weaker = (score > 0.5) == labels
        said = {"majority": np.full(rows, 0.4), "logistic_regression": score}
        store.write_npz(folder.reference_scores, said)
        scored = {
            name: metrics_of("classification", labels, np.stack([1 - one, one], axis=1))
            for name, one in said.items()
        }
    right = {"majority": labels == 0, "logistic_regression": weaker}
    notes = {"majority": "", "logistic_regression": "fitted on 2,000 rows"}
    return tuple(
        Reference(
            name=name,
            metrics=scored[name] | {"val_accuracy": float(hits.mean())},
            seconds=3.2,
            note=notes[name],
            correct=tuple(hits.tolist()),
        )
        for name, hits in right.items()
    )


def _others(
    folder: Folder, task: str, targets: np.ndarray[Any, Any], predicted: np.ndarray[Any, Any]
) -> tuple[Reference, ...]:
    """The references of a task other than classification, with their scores beside them."""
    trivial = np.broadcast_to(targets.mean(axis=0), targets.shape).astype(np.float64)
    weaker = (predicted + trivial) / 2
    said = {"mean" if task == "regression" else "majority": trivial, "linear": weaker.astype(np.float64)}
    store.write_npz(folder.reference_scores, said)
    return tuple(
        Reference(name=name, metrics=metrics_of(task, targets, scores), seconds=1.5)
        for name, scores in said.items()
    )


def simple_models(
    folder: Folder, task: str, targets: np.ndarray[Any, Any], predicted: np.ndarray[Any, Any]
) -> tuple[Reference, ...]:
    """The references of a run, weaker than its model; their scores are written as a run writes them."""
    if task == "classification":
        return _classifiers(folder, targets, predicted)
    return _others(folder, task, targets, predicted)
