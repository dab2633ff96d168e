"""Figures from sums: they are those of the rows written out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn import metrics as sk

from firstlight.results.added_up import FEWEST_BATCHES, METRICS, added_up, weighted
from firstlight.results.resamples import draw

CLASSES = 3


def places(rows: int = 30, seed: int = 0) -> tuple[Any, Any]:
    """True and predicted classes (rows, 20)."""
    rng = np.random.default_rng(seed)
    true = rng.integers(CLASSES, size=(rows, 20))
    said = np.where(rng.random(true.shape) < 0.6, true, rng.integers(CLASSES, size=true.shape))
    return true, said


def sums_of(true: Any, said: Any) -> Any:
    each = np.arange(CLASSES)
    tables = [
        ((true == said)[..., None] & (true[..., None] == each)).sum(1),
        (true[..., None] == each).sum(1),
        (said[..., None] == each).sum(1),
    ]
    return np.concatenate([(true != said).sum(1)[:, None], *tables], axis=1).astype(float)


@pytest.mark.parametrize(("task", "metric"), [("segmentation", "val_mean_iou"), ("tokens", "val_macro_f1")])
def test_a_resample_counts_as_its_rows_written_out(task: str, metric: str) -> None:
    true, said = places()
    drawn = np.random.default_rng(1).integers(len(true), size=(10, len(true)))
    times = np.array([np.bincount(line, minlength=len(true)) for line in drawn], float)
    found = weighted(metric, task, sums_of(true, said))(times)
    score = sk.jaccard_score if task == "segmentation" else sk.f1_score
    wanted = [score(true[line].ravel(), said[line].ravel(), average="macro") for line in drawn]
    assert found == pytest.approx(wanted)


def test_each_class_has_its_score_with_an_interval_around_it() -> None:
    true, said = places()
    figures = added_up("segmentation", sums_of(true, said))
    assert figures.rows == 30
    for one in figures.per_class:
        mine, claimed = true.ravel() == one.index, said.ravel() == one.index
        assert one.score == pytest.approx(sk.jaccard_score(mine, claimed))
        assert one.precision == pytest.approx(sk.precision_score(mine, claimed))
        assert one.recall == pytest.approx(sk.recall_score(mine, claimed))
        assert one.places == mine.sum()
        assert one.interval is not None
        assert one.interval[0] < one.score < one.interval[1]
    low, high = figures.intervals["val_mean_iou"]
    assert low < figures.metrics["val_mean_iou"] < high


def test_the_interval_covers_as_often_as_it_says() -> None:
    """Rows of unequal difficulty: pixels of one row go together, and rows are what is drawn."""
    rng, covered = np.random.default_rng(0), 0
    for seed in range(100):
        hits = rng.binomial(50, rng.beta(6, 2, size=40))  # of a row; 0.75 in the mean
        sums = np.stack([50.0 - hits, np.full(40, 50.0), hits], axis=1)
        drawn = draw({"accuracy": weighted("val_accuracy", "language", sums)}, 40, seed=seed)
        low, high = drawn.interval("accuracy")
        covered += low <= 0.75 <= high
    assert 88 <= covered <= 99


def test_the_worst_rows_have_the_highest_mean_loss() -> None:
    sums = np.array([[2.0, 10, 5], [4.0, 40, 5], [9.0, 10, 1], [0.0, 0, 0]])
    worst = added_up("language", sums).worst
    assert [one.row for one in worst] == [2, 0, 1]
    assert worst[0].loss == pytest.approx(0.9)


@pytest.mark.parametrize("batches", [FEWEST_BATCHES - 1, FEWEST_BATCHES])
def test_a_step_has_an_interval_over_enough_batches(batches: int) -> None:
    sums = np.stack([np.arange(1.0, batches + 1), np.ones(batches)], axis=1)
    figures = added_up("step", sums)
    assert figures.noun == "batch"
    assert ("val_loss" in figures.intervals) == (batches == FEWEST_BATCHES)
    assert bool(figures.notes) == (batches < FEWEST_BATCHES)
    assert figures.metrics["val_loss"] == pytest.approx((batches + 1) / 2)


@pytest.mark.parametrize("sums", [np.empty((0, 3)), np.array([[np.nan, 1, 1]]), np.ones(3)])
def test_what_cannot_be_measured_is_refused(sums: Any) -> None:
    with pytest.raises(ValueError, match="sums"):
        added_up("language", sums)


def test_a_metric_of_another_task_is_none() -> None:
    assert set(METRICS) == {"segmentation", "tokens", "language", "step"}
    with pytest.raises(KeyError):
        weighted("val_mean_iou", "language", np.ones((2, 3)))
