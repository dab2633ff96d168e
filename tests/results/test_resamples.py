from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstlight.results.intervals import bias_corrected
from firstlight.results.resamples import (
    Weighted,
    auroc,
    draw,
    macro_auroc,
    macro_f1,
    macro_recall,
    mean_among,
    mean_of,
    r_squared,
    root_mean_square,
)


def drawn_rows(rows: int, seed: int = 0, resamples: int = 20) -> tuple[np.ndarray[Any, Any], Any]:
    """Row positions (resamples, rows), and how often each row is among them."""
    drawn = np.random.default_rng(seed).integers(rows, size=(resamples, rows))
    return drawn, np.array([np.bincount(line, minlength=rows) for line in drawn], dtype=np.float64)


def whole(metric: Weighted, rows: int) -> float:
    return float(metric(np.ones((1, rows)))[0])


@given(
    scores=st.lists(st.integers(-3, 3), min_size=4, max_size=40),
    data=st.data(),
)
def test_the_area_by_ranks_is_that_of_scikit_learn_with_ties_too(
    scores: list[int], data: st.DataObject
) -> None:
    from sklearn.metrics import roc_auc_score

    positive = np.array(data.draw(st.lists(st.booleans(), min_size=len(scores), max_size=len(scores))))
    found = whole(auroc(np.array(scores, dtype=float), positive), len(scores))
    if positive.all() or not positive.any():
        assert np.isnan(found)
    else:
        assert found == pytest.approx(roc_auc_score(positive, scores))


def test_a_resample_counts_as_its_rows_written_out() -> None:
    from sklearn.metrics import f1_score, r2_score, recall_score, roc_auc_score

    rng = np.random.default_rng(1)
    rows, labels = 60, 3
    actual, claimed = rng.random((rows, labels)) < 0.5, rng.random((rows, labels)) < 0.5
    scores = np.round(rng.random((rows, labels)), 1)
    targets, errors = rng.normal(1e6, 50.0, size=rows), rng.normal(size=rows)
    drawn, times = drawn_rows(rows)
    average: dict[str, Any] = {"average": "macro", "zero_division": 0}
    cases: list[tuple[Weighted, Any]] = [
        (auroc(scores[:, 0], actual[:, 0]), lambda d: roc_auc_score(actual[d, 0], scores[d, 0])),
        (macro_auroc(scores, actual), lambda d: roc_auc_score(actual[d], scores[d])),
        (macro_f1(actual, claimed), lambda d: f1_score(actual[d], claimed[d], **average)),
        (macro_recall(actual, claimed), lambda d: recall_score(actual[d], claimed[d], **average)),
        (r_squared(targets, errors), lambda d: r2_score(targets[d], (targets + errors)[d])),
        (root_mean_square(errors), lambda d: np.sqrt((errors[d] ** 2).mean())),
        (mean_of(errors), lambda d: errors[d].mean()),
        (mean_among(errors, np.arange(20)), lambda d: errors[d[d < 20]].mean()),
    ]
    for metric, by_hand in cases:
        assert metric(times) == pytest.approx([by_hand(d) for d in drawn], rel=1e-6)


def test_labels_that_a_resample_lacks_are_left_out_of_its_average() -> None:
    actual = np.array([[True, False], [True, False], [False, True], [False, False]])
    times = np.array([[1.0, 1.0, 0.0, 2.0], [0.0, 0.0, 0.0, 4.0]])  # without row 2: no second label
    assert macro_f1(actual, actual)(times) == pytest.approx([1.0, np.nan], nan_ok=True)
    assert macro_recall(actual, ~actual)(times) == pytest.approx([0.0, np.nan], nan_ok=True)


def test_equal_targets_have_no_r_squared() -> None:
    assert np.isnan(whole(r_squared(np.full(7, 0.1), np.ones(7)), 7))


def test_the_interval_of_a_difference_is_that_of_scipys_paired_bootstrap() -> None:
    from scipy.stats import bootstrap

    rng = np.random.default_rng(0)
    first, second = rng.exponential(size=400), rng.exponential(1.2, size=400)
    theirs = bootstrap(
        (first, second),
        lambda a, b: np.sqrt((a**2).mean(axis=-1)) - np.sqrt((b**2).mean(axis=-1)),
        paired=True,
        vectorized=False,
        n_resamples=2000,
        method="percentile",
        rng=1,
    ).confidence_interval
    found = draw({"a": root_mean_square(first), "b": root_mean_square(second)}, 400).difference("a", "b")
    width = theirs.high - theirs.low
    assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high), abs=0.1 * width)


def test_a_difference_is_antisymmetric_and_nought_for_the_same_model() -> None:
    rng = np.random.default_rng(0)
    errors = rng.normal(size=200)
    drawn = draw({"a": mean_of(errors), "b": mean_of(2 * errors), "again": mean_of(errors)}, 200)
    there, back, same = drawn.difference("a", "b"), drawn.difference("b", "a"), drawn.difference("a", "again")
    assert (there.difference, there.low, there.high) == pytest.approx(
        (-back.difference, -back.high, -back.low), abs=1e-3
    )
    assert (same.difference, same.low, same.high, same.p_value) == (0, 0, 0, None)


def test_rows_that_both_models_find_hard_do_not_widen_a_paired_interval() -> None:
    rng = np.random.default_rng(0)
    hard = rng.exponential(100.0, size=1000)
    drawn = draw({"a": mean_of(hard), "b": mean_of(hard + 1 + rng.normal(size=1000))}, 1000)
    pair, (low, high) = drawn.difference("a", "b"), drawn.interval("a")
    assert pair.high < 0
    assert pair.high - pair.low < 0.05 * (high - low)


def test_the_interval_of_an_area_covers_the_truth_about_as_often_as_it_says() -> None:
    from statistics import NormalDist

    rng, covered = np.random.default_rng(0), 0
    truth = NormalDist().cdf(1 / np.sqrt(2))  # two normal distributions one deviation apart
    for trial in range(60):
        positive = rng.random(150) < 0.4
        low, high = draw({"a": auroc(rng.normal(size=150) + positive, positive)}, 150, seed=trial).interval(
            "a"
        )
        covered += low <= truth <= high
    assert covered >= 51  # 95 % of 60 is 57; fewer than 51 happens once in 500 runs


def test_the_same_seed_draws_the_same_rows() -> None:
    values = np.random.default_rng(0).exponential(size=300)
    ends = [draw({"a": mean_of(values)}, 300, seed=seed).interval("a") for seed in (3, 3, 4)]
    assert ends[0] == ends[1] != ends[2]


def test_resamples_without_a_value_are_left_out_unless_they_are_most() -> None:
    values = np.array([np.nan] * 40 + [1.0] * 60)
    assert bias_corrected(values, 1.0) == (1.0, 1.0)
    assert np.isnan(bias_corrected(np.array([np.nan] * 60 + [1.0] * 40), 1.0)).all()


def test_a_paired_area_of_twenty_thousand_rows_takes_less_than_two_seconds() -> None:
    rng = np.random.default_rng(0)
    positive = rng.random(20_000) < 0.3
    scores = {name: rng.normal(size=20_000) + positive for name in ("a", "b")}
    seconds = []
    for _ in range(2):  # the better of two, because the machine is shared
        began = time.process_time()
        draw({name: auroc(s, positive) for name, s in scores.items()}, 20_000).difference("a", "b")
        seconds.append(time.process_time() - began)
    assert min(seconds) < 2.0
