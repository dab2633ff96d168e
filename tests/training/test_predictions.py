from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from made_answers import TARGET_STD, metrics_of, numbers

from firstlight.experiment.folder import Folder
from firstlight.results.facts import read_facts
from firstlight.training.predictions import write_predictions


def job(folder: Folder, task: str, rows: int, meta: dict[str, float], classes: tuple[str, ...] = ()) -> Any:
    """What `write_predictions` asks of a job: every second row of the data is validated."""
    ids = tuple(f"row-{i}" for i in range(2 * rows))
    return SimpleNamespace(
        folder=folder,
        classes=classes,
        objective=SimpleNamespace(meta=meta, own_loss=False, running=None),
        val=SimpleNamespace(rows=SimpleNamespace(numpy=lambda: np.arange(0, 2 * rows, 2))),
        data=SimpleNamespace(
            examples=SimpleNamespace(ids=ids, task=task, groups=None, content=SimpleNamespace(kind="table"))
        ),
    )


@pytest.mark.requirement("X12")
def test_a_regression_is_measured_again_from_what_is_written_loss_and_all(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    targets, predicted = numbers(50, seed=0, skill=1.0)
    meta = {"target_mean": 0.0, "target_std": TARGET_STD}
    write_predictions(job(folder, "regression", 50, meta), predicted, targets)
    facts = read_facts(folder)
    assert facts.figures is not None
    assert facts.predictions is not None
    assert facts.figures.metrics == pytest.approx(metrics_of("regression", targets, predicted))
    assert facts.predictions.ids.tolist()[:2] == ["row-0", "row-2"]


def test_a_classification_has_no_deviation(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    write_predictions(
        job(folder, "classification", 2, {}, ("a", "b")), np.array([[0.9, 0.1], [0.2, 0.8]]), np.array([0, 1])
    )
    found = read_facts(folder).predictions
    assert found is not None
    assert (found.target_std, found.classes) == (None, ("a", "b"))
