from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_answers import TARGET_STD, metrics_of, numbers

from firstlight.results.regression import regression


def test_figures_of_a_case_worked_out_by_hand() -> None:
    found = regression(np.array([1.0, 2.0, 3.0, 4.0]), np.array([1.0, 2.0, 3.0, 2.0]), target_std=2.0)
    assert found.metrics == pytest.approx(
        {"val_r2": 1 - 4 / 5, "val_rmse": 1.0, "val_mae": 0.5, "val_loss": 0.25}
    )
    assert found.residuals.bias == -0.5
    assert dict(found.residuals.quantiles)[1.0] == 2.0
    assert found.residuals.close == 0.75
    assert (found.worst[0].row, found.worst[0].error) == (3, -2.0)
    assert [(b.low, b.high, b.rows, b.mae) for b in found.bands] == [(1.0, 4.0, 4, 0.5)]


@pytest.mark.requirement("X12")
def test_metrics_are_those_of_training_computed_by_other_code() -> None:
    targets, predicted = numbers(700, seed=0, skill=2.0)
    found = regression(targets, predicted, target_std=TARGET_STD)
    assert found.metrics == pytest.approx(metrics_of("regression", targets, predicted))


@given(seed=st.integers(0, 2**32 - 1), rows=st.integers(2, 300))
def test_every_interval_holds_its_value_or_nearly(seed: int, rows: int) -> None:
    targets, predicted = numbers(rows, seed=seed, skill=1.0)
    found = regression(targets, predicted, target_std=TARGET_STD)
    assert sum(band.rows for band in found.bands) == rows
    for name, (low, high) in found.intervals.items():
        assert low <= high
        if rows >= 30:
            assert low <= found.metrics[name] <= high, name


@given(
    targets=st.lists(st.integers(0, 4), min_size=1, max_size=300),
    shift=st.integers(-3, 3),
)
def test_bands_part_the_rows_by_target_and_equal_targets_stay_together(
    targets: list[int], shift: int
) -> None:
    actual = np.array(targets, dtype=float)
    bands = regression(actual, actual + shift).bands
    assert sum(band.rows for band in bands) == len(actual)
    assert all(before.high < after.low for before, after in pairwise(bands))
    assert all((band.bias, band.mae) == pytest.approx((shift, abs(shift))) for band in bands)


def test_a_thousand_rows_have_ten_bands_of_about_as_many() -> None:
    bands = regression(*numbers(1000, seed=0, skill=1.0)).bands
    assert len(bands) == 10
    assert all(95 <= band.rows <= 105 for band in bands)
    assert all(band.mae_interval[0] < band.mae < band.mae_interval[1] for band in bands)


def test_the_loss_is_left_out_without_the_deviation_of_the_training_targets() -> None:
    assert "val_loss" not in regression(*numbers(30, seed=0, skill=1.0)).metrics


def test_equal_targets_leave_r_squared_out_and_say_so() -> None:
    found = regression(np.full(40, 7.0), np.full(40, 8.0))
    assert "val_r2" not in found.metrics
    assert any("R² is not given" in note for note in found.notes)
    assert found.metrics["val_rmse"] == 1.0


def test_a_share_of_the_truth_is_not_told_around_nought() -> None:
    assert regression(np.array([-1.0, 0.0, 1.0]), np.zeros(3)).residuals.close is None
    assert regression(np.array([-1.0, -2.0, -10.0]), np.array([-1.05, -3.0, -9.5])).residuals.close == 2 / 3


def test_a_large_mean_costs_no_digits() -> None:
    rng = np.random.default_rng(0)
    targets = rng.normal(size=400)
    predicted = targets + 0.5 * rng.normal(size=400)
    near, far = regression(targets, predicted), regression(targets + 1e9, predicted + 1e9)
    assert far.intervals["val_r2"] == pytest.approx(near.intervals["val_r2"], abs=1e-4)


@pytest.mark.parametrize(
    ("targets", "predicted"),
    [
        (np.zeros(0), np.zeros(0)),
        (np.zeros(3), np.zeros(2)),
        (np.zeros((3, 1)), np.zeros((3, 1))),
        (np.array([0.0, np.nan]), np.zeros(2)),
        (np.zeros(2), np.array([0.0, np.inf])),
    ],
)
def test_what_cannot_be_measured_is_refused(targets: Any, predicted: Any) -> None:
    with pytest.raises(ValueError, match=r"fit|finite"):
        regression(targets, predicted)
