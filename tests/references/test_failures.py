"""A reference that raises an error is recorded with its reason, and the others are run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from made import image_examples

from firstlight.config.schema import Loss
from firstlight.data.examples import Split
from firstlight.errors import DataError
from firstlight.kinds.kind import Dataset, dataset
from firstlight.references import run as running
from firstlight.references.images import features as image_features
from firstlight.references.run import Measured, references
from firstlight.references.spec import Answer, ReferenceSpec
from firstlight.tasks.classification import TASK
from firstlight.tasks.task import Goal, Objective
from firstlight.watch.progress import Silent


@pytest.fixture
def data() -> Dataset:
    random = np.random.default_rng(0)
    examples = image_examples(
        random.integers(0, 256, (60, 8, 8, 1), np.uint8), np.arange(60) % 3, ("a", "b", "c")
    )
    rows = np.arange(60)
    return dataset(examples, Split(train=rows[:40], val=rows[40:], test=rows[:0], method="t"))


def bound(data: Dataset) -> Objective:
    return TASK.bind(
        Goal(classes=data.examples.classes, targets=data.examples.targets[data.split.train], settings=Loss())
    )


def run(data: Dataset) -> dict[str, Measured]:
    found = references(data, bound(data), seconds=20.0, seed=0, progress=Silent())
    return {one.record.name: one for one in found}


def spoil(monkeypatch: pytest.MonkeyPatch, spoilt: str, work: Callable[..., Answer]) -> None:
    """Another `run` for one reference."""
    real = running.specifications

    def specifications(kind: str, task: str) -> tuple[ReferenceSpec, ...]:
        return tuple(
            ReferenceSpec(name=s.name, tasks=s.tasks, run=work if s.name == spoilt else s.run, share=s.share)
            for s in real(kind, task)
        )

    monkeypatch.setattr(running, "specifications", specifications)


def raising(error: BaseException) -> Callable[..., Answer]:
    def work(*_: Any, **__: Any) -> Answer:
        raise error

    return work


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ValueError("shapes (3,) and\n(4,) \x1b[31m"), r"ValueError: shapes (3,) and\n(4,) \x1b[31m"),
        (MemoryError(), "MemoryError: "),
        (DataError("no column is left", "there", "do"), "DataError: no column is left"),
        (AssertionError("x" * 5_000), "AssertionError: xxx"),
    ],
)
def test_an_error_is_recorded_with_its_place_and_the_others_are_run(
    data: Dataset, monkeypatch: pytest.MonkeyPatch, error: Exception, told: str
) -> None:
    sound = run(data)
    spoil(monkeypatch, "nearest_neighbours", raising(error))
    found = run(data)
    assert list(found) == list(sound)
    failed = found["nearest_neighbours"]
    assert failed.record.error.startswith(told)
    assert "(test_failures.py, line " in failed.record.error
    assert len(failed.record.error) < 400
    assert (failed.record.metrics, failed.record.correct, failed.model) == ({}, (), None)
    assert "Traceback (most recent call last)" in failed.trace
    for name in ("majority", "logistic_regression"):
        assert found[name].record.metrics == sound[name].record.metrics
        assert not found[name].record.error


def test_answers_that_cannot_be_measured_are_an_error_of_the_reference(
    data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil(monkeypatch, "logistic_regression", lambda *_: Answer(predicted=np.zeros((3, 3, 3))))
    found = run(data)
    assert found["logistic_regression"].record.error
    assert found["nearest_neighbours"].record.metrics


def test_rows_that_cannot_be_made_fail_every_reference_but_the_trivial_one(
    data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_features, "features", raising(RuntimeError("no rows")))
    found = run(data)
    assert found.pop("majority").record.metrics
    assert {one.record.error.partition(" (")[0] for one in found.values()} == {"RuntimeError: no rows"}


def test_an_interruption_is_no_error_of_a_reference(data: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    spoil(monkeypatch, "nearest_neighbours", raising(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        run(data)


def test_balanced_classes_reach_the_references_of_images() -> None:
    """Nothing in the images tells the class: with alike weights the common one is said, balanced not always."""
    random = np.random.default_rng(0)
    labels = (random.random(400) < 0.15).astype(np.int64)
    examples = image_examples(random.integers(0, 256, (400, 8, 8, 1), np.uint8), labels, ("common", "rare"))
    rows = np.arange(400)
    data = dataset(examples, Split(train=rows[:300], val=rows[300:], test=rows[:0], method="t"))
    shares = {}
    for way in ("none", "balanced"):
        goal = Goal(classes=examples.classes, targets=labels[:300], settings=Loss(class_weights=way))
        found = references(data, TASK.bind(goal), seconds=60.0, seed=0, progress=Silent())
        shares[way] = {
            one.record.name: np.mean(np.array(one.record.correct) == (labels[300:] == 1)) for one in found
        }
    for name in ("nearest_neighbours", "logistic_regression"):
        assert shares["none"][name] < 0.2  # rows that are called rare
        assert shares["balanced"][name] > 0.3
    assert shares["balanced"]["majority"] == shares["none"]["majority"]
