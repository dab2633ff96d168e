"""Rows that belong together: intervals over groups, in every figure and every pair."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_answers import TARGET_STD, answers
from scipy.sparse import csr_matrix
from scipy.stats import t as student

from firstlight.data.groups import FEW_GROUPS
from firstlight.results.classification import classification
from firstlight.results.files import Reader
from firstlight.results.groups import Groups, grouped, independent_rows, quantile
from firstlight.results.intervals import paired_difference, share_interval
from firstlight.results.multilabel import multilabel
from firstlight.results.pairs import differences
from firstlight.results.predictions import Predictions, measure
from firstlight.results.regression import regression
from firstlight.results.resamples import draw, mean_of


def column(values: Any) -> Any:
    return csr_matrix(np.asarray(values, dtype=float)[:, None])


def worth(values: np.ndarray, groups: Groups) -> float:
    return float(independent_rows(column(values), column(np.ones(len(values))), groups)[0])


def shrunk(groups: int) -> float:
    """What Student's t takes away from a number of rows."""
    return float((quantile() / student.ppf(0.975, groups - 1)) ** 2)


def test_rows_without_a_group_stand_alone() -> None:
    found = grouped(np.array([7, -1, 7, -1, 3]))
    assert found.count == 4
    assert found.codes[0] == found.codes[2]
    assert len(set(found.codes.tolist())) == 4


def test_groups_of_equal_rows_are_worth_one_row_each() -> None:
    values = np.random.default_rng(0).integers(2, size=60).astype(float)
    groups = grouped(np.repeat(np.arange(60), 10))
    assert worth(np.repeat(values, 10), groups) == pytest.approx(59 * shrunk(60))


def test_rows_that_stand_alone_are_worth_themselves_but_for_students_t() -> None:
    values = np.random.default_rng(0).normal(size=400)
    assert worth(values, grouped(np.arange(400))) == pytest.approx(399 * shrunk(400))


def test_equal_values_are_worth_their_groups_and_one_group_is_worth_nothing() -> None:
    assert worth(np.ones(300), grouped(np.arange(300) % 30)) == pytest.approx(30 * shrunk(30))
    assert worth(np.arange(300.0), grouped(np.zeros(300, int))) == 0
    assert share_interval(np.ones(300, bool), grouped(np.zeros(300, int))) == (0, 1)


@given(
    rows=st.lists(st.tuples(st.integers(0, 5), st.booleans(), st.booleans()), min_size=2, max_size=60),
)
def test_the_worth_is_that_of_the_variance_between_groups_written_out(
    rows: list[tuple[int, bool, bool]],
) -> None:
    codes, among, hit = (np.array(part) for part in zip(*rows, strict=True))
    hit &= among
    found = float(independent_rows(column(hit), column(among), grouped(codes))[0])
    number, held = int(among.sum()), len(set(codes[among].tolist()))
    if held < 2:
        assert found == 0
        return
    share = hit.sum() / number
    sums = np.array([(hit[codes == g] - share * among[codes == g]).sum() for g in set(codes[among].tolist())])
    variance = held / (held - 1) * (sums**2).sum() / number**2
    alone = share * (1 - share) / number
    if alone < 1e-9:
        expected: float = held
    elif variance < 1e-9:
        expected = number
    else:
        expected = min(number * alone / variance, number)
    assert found == pytest.approx(expected * shrunk(held), rel=1e-6)


def test_whole_groups_are_drawn() -> None:
    values = np.random.default_rng(0).normal(size=50)
    one = draw({"mean": mean_of(values)}, 50)
    ten = draw({"mean": mean_of(np.repeat(values, 10))}, 500, groups=grouped(np.repeat(np.arange(50), 10)))
    assert ten.values["mean"] == pytest.approx(one.values["mean"])
    low, high = ten.interval("mean")
    assert low < one.interval("mean")[0]  # expanded: fifty groups and not as many as one likes
    assert high > one.interval("mean")[1]


def test_one_group_gives_no_interval() -> None:
    values = np.random.default_rng(0).normal(size=50)
    drawn = draw({"mean": mean_of(values)}, 50, groups=grouped(np.zeros(50, int)))
    assert np.isnan(drawn.interval("mean")).all()


@pytest.mark.parametrize("way", ["share", "bootstrap", "paired"])
def test_intervals_cover_the_truth_about_as_often_as_they_say(way: str) -> None:
    """40 groups of 25 rows whose share of right answers differs: over rows 60 to 70 of 100 intervals cover."""
    rng, covered, trials = np.random.default_rng(0), 0, 100
    groups = grouped(np.repeat(np.arange(40), 25))
    for trial in range(trials):
        right = rng.random(1000) < rng.beta(4, 2, size=40)[groups.codes]
        truth = 4 / 6
        if way == "share":
            low, high = share_interval(right, groups)
        elif way == "bootstrap":
            low, high = draw({"m": mean_of(right.astype(float))}, 1000, groups=groups, seed=trial).interval(
                "m"
            )
        else:
            other = rng.random(1000) < rng.beta(2, 4, size=40)[groups.codes]
            pair = paired_difference(right, other, groups)
            low, high, truth = pair.low, pair.high, 2 / 6
        covered += low <= truth <= high
    assert covered >= 88  # 95 of 100; fewer than 88 happens once in 200 runs


def test_a_pair_over_groups_is_wider_has_no_p_value_and_names_its_groups() -> None:
    rng = np.random.default_rng(0)
    first, second = np.repeat(rng.random(30) < 0.8, 20), np.repeat(rng.random(30) < 0.5, 20)
    alone, over = (
        paired_difference(first, second),
        paired_difference(first, second, grouped(np.arange(600) // 20)),
    )
    assert over.difference == alone.difference
    assert over.high - over.low > 3 * (alone.high - alone.low)
    assert (over.p_value, over.groups, alone.groups) == (None, 30, None)
    same = paired_difference(first, first, grouped(np.arange(600) // 20))
    assert same.low < 0 < same.high
    assert paired_difference(first, second, grouped(np.zeros(600, int))).low == -1


def copied(task: str, copies: int = 10) -> tuple[Predictions, Predictions]:
    """Rows that stand alone, and each of them `copies` times as a group."""
    targets, values = answers(task, 100, 0 if task == "regression" else 3, seed=1, skill=1.0)
    std = TARGET_STD if task == "regression" else None
    classes = () if task == "regression" else ("a", "b", "c")
    alone = Predictions(task=task, ids=np.arange(100).astype(str), targets=targets, values=values, classes=classes,
                        target_std=std)  # fmt: skip
    many = Predictions(task=task, ids=np.arange(100 * copies).astype(str), targets=np.repeat(targets, copies, axis=0),
                       values=np.repeat(values, copies, axis=0), classes=classes, target_std=std,
                       groups=grouped(np.repeat(np.arange(100), copies)))  # fmt: skip
    return alone, many


@pytest.mark.parametrize("task", ["classification", "multilabel", "regression"])
def test_copies_in_groups_make_no_figure_surer(task: str, tmp_path: Any) -> None:
    alone, many = copied(task)
    one, ten = (measure(Reader(tmp_path), p) for p in (alone, many))
    assert one is not None
    assert ten is not None
    assert set(one.intervals) <= set(ten.intervals)
    for name, (low, high) in one.intervals.items():
        ends = ten.intervals[name]
        assert ends[1] - ends[0] == pytest.approx(high - low, rel=0.1), name
    for here, there in zip(_ends(one), _ends(ten), strict=True):
        assert there[1] - there[0] > 0.95 * (here[1] - here[0])


def _ends(figures: Any) -> list[tuple[float, float]]:
    """Of every class or label, of the bins of the confidence, of the bands of a regression."""
    classes = getattr(figures, "per_class", ()) or getattr(figures, "per_label", ())
    found = [ends for c in classes for ends in (c.precision_interval, c.recall_interval, c.f1_interval)]
    if hasattr(figures, "residuals"):
        found += [figures.residuals.bias_interval, figures.residuals.close_interval]
    return found


@pytest.mark.parametrize(
    ("task", "metric"),
    [
        ("classification", "val_accuracy"),
        ("classification", "val_macro_f1"),
        ("multilabel", "val_macro_f1"),
        ("regression", "val_r2"),
    ],
)
def test_copies_in_groups_make_no_difference_surer(task: str, metric: str) -> None:
    alone, many = copied(task)
    worse = np.roll(alone.values, 3, axis=0)
    one = differences(metric, alone, {"worse": worse})["worse"]
    ten = differences(metric, many, {"worse": np.repeat(worse, 10, axis=0)})["worse"]
    assert ten.groups == 100
    assert ten.difference == pytest.approx(one.difference)
    assert ten.high - ten.low == pytest.approx(one.high - one.low, rel=0.1)


def test_bins_of_the_confidence_go_over_groups_and_say_what_the_luck_leaves_out() -> None:
    alone, many = copied("classification")
    one = classification(alone.targets, alone.values).calibration
    ten = classification(many.targets, many.values, groups=many.groups).calibration
    assert "rows of one group together" in ten.note
    assert "group" not in one.note
    over_rows = classification(many.targets, many.values).calibration
    widths = [np.mean([b.interval[1] - b.interval[0] for b in found.bins]) for found in (ten, over_rows)]
    assert widths[0] > 2 * widths[1]


def test_a_regression_of_one_group_has_figures_and_no_interval() -> None:
    targets, values = answers("regression", 60, 0, seed=1, skill=1.0)
    found = regression(targets, values, groups=grouped(np.zeros(60, int)))
    assert found.intervals == {}
    assert found.residuals.close_interval == (0, 1)
    labels, chances = answers("multilabel", 60, 3, seed=1, skill=1.0)
    assert set(multilabel(labels, chances, groups=grouped(np.zeros(60, int))).intervals) == {"val_accuracy"}


def test_few_groups_are_known_as_such() -> None:
    assert grouped(np.arange(FEW_GROUPS - 1)).few
    assert not grouped(np.arange(FEW_GROUPS)).few
