"""Rows that choose a setting are parted from the others as the split would part them."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from firstlight.data.tables.batches import TableInputs
from firstlight.references.apart import NO_BONDS, Bonds, apart
from firstlight.references.tables import gradient_boosting, linear
from firstlight.references.tables.features import TableRows

groups_of_rows = st.lists(st.integers(-1, 8), min_size=1, max_size=80)


@given(groups=groups_of_rows, data=st.data())
def test_groups_stay_whole_and_about_a_share_of_the_rows_chooses(
    groups: list[int], data: st.DataObject
) -> None:
    codes = np.array(groups)
    targets = np.array(data.draw(st.lists(st.floats(-5, 5), min_size=len(codes), max_size=len(codes))))
    rest, chosen = apart(targets, 5, Bonds(groups=codes))
    assert sorted([*rest, *chosen]) == list(range(len(codes)))
    assert not set(codes[rest].tolist()) & set(codes[chosen].tolist()) - {-1}
    sizes = np.unique(codes[codes >= 0], return_counts=True)[1]
    alone = int((codes == -1).sum())
    assert bool(len(chosen)) == (len(sizes) + alone > 1)
    assert len(rest)
    largest = int(sizes.max(initial=1))
    assert abs(len(chosen) - len(codes) / 5) <= max(largest, 1)


@given(times=st.lists(st.one_of(st.none(), st.integers(0, 9)), min_size=1, max_size=60))
def test_the_latest_choose_and_no_time_is_parted(times: list[int | None]) -> None:
    when = np.array([np.nan if t is None else t for t in times], dtype=float)
    rest, chosen = apart(np.zeros(len(when)), 5, Bonds(times=when))
    assert sorted([*rest, *chosen]) == list(range(len(when)))
    assert bool(len(chosen)) == (len(np.unique(when[np.isfinite(when)])) > 1)
    if len(chosen):
        assert np.nanmax(np.append(when[rest], -1)) < when[chosen].min()
        assert np.isfinite(when[rest]).any()


def test_a_group_counts_by_its_latest_row() -> None:
    groups, when = np.repeat(np.arange(10), 4), np.arange(40.0)
    when[0] = 100.0  # the first group has the latest row
    rest, chosen = apart(np.zeros(40), 10, Bonds(groups=groups, times=when))
    assert chosen.tolist() == [0, 1, 2, 3]
    assert len(rest) == 36


def test_groups_of_equal_size_are_spread_over_the_targets() -> None:
    groups = np.random.default_rng(0).permutation(np.repeat(np.arange(60), 10))
    targets = groups.astype(float)
    _, chosen = apart(targets, 6, Bonds(groups=groups))
    assert len(chosen) == 100
    assert targets[chosen].mean() == pytest.approx(targets.mean(), abs=0.6)


def test_rows_of_a_class_that_is_not_fitted_on_are_in_neither_part() -> None:
    targets = np.array([0] * 30 + [1] * 30 + [2])
    rest, chosen = apart(targets, 5, Bonds(groups=np.append(np.arange(60) // 6, 99)))
    assert 2 not in targets[chosen]
    late = apart(targets, 5, Bonds(times=np.arange(61.0)))
    assert set(targets[late[1]].tolist()) <= set(targets[late[0]].tolist())
    assert len(rest)


def rows_with(
    bonds: Bonds, numbers: np.ndarray, targets: np.ndarray, task: str = "classification"
) -> TableRows:
    table = TableInputs(
        torch.from_numpy(numbers.astype(np.float32)), torch.zeros(len(numbers), 0, dtype=torch.int32)
    )
    outputs = 1 if task == "regression" else 2
    return TableRows(train=table, targets=targets, val=TableInputs(table.numbers[:5], table.codes[:5]),
                     cardinalities=(), task=task, outputs=outputs, bonds=bonds)  # fmt: skip


def memory(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows of 60 groups that can be told by their numbers; the class of a group is tossed."""
    random = np.random.default_rng(seed)
    groups = np.repeat(np.arange(60), 20)
    numbers = random.normal(size=(60, 6))[groups] + 0.01 * random.normal(size=(1_200, 6))
    tossed = random.random(60) < 0.5
    noisy = random.random(1_200) < 0.1
    return groups, numbers, np.where(noisy, ~tossed[groups], tossed[groups]).astype(np.int64)


def rounds(answer: Any) -> int:
    return int(answer.note.split()[0].replace(",", ""))


def test_boosting_does_not_choose_its_rounds_on_groups_that_it_knows() -> None:
    """New groups cannot be told: few rounds are best. Rows of known groups can be learnt by heart."""
    groups, numbers, targets = memory()
    by_heart = gradient_boosting.run(rows_with(NO_BONDS, numbers, targets), 300.0, 0)
    honest = gradient_boosting.run(rows_with(Bonds(groups=groups), numbers, targets), 300.0, 0)
    assert rounds(honest) < rounds(by_heart) / 4


def test_the_linear_model_does_not_choose_its_penalty_on_groups_that_it_knows() -> None:
    groups, numbers, targets = memory()
    # One column a group, so that a linear model can learn them by heart, too.
    wide = np.concatenate([numbers, 3.0 * (groups[:, None] == np.arange(60))], axis=1)
    penalties = [
        float(linear.run(rows_with(bonds, wide, targets), 300.0, 0).note.split()[2])
        for bonds in (NO_BONDS, Bonds(groups=groups))
    ]
    assert penalties[1] > penalties[0]


@pytest.mark.parametrize("reference", [linear, gradient_boosting])
@pytest.mark.parametrize("task", ["classification", "regression", "multilabel"])
def test_the_rows_that_choose_are_the_latest(
    reference: Any, task: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What `apart` gets are the times of the rows that are used, whatever the task."""
    random, seen = np.random.default_rng(0), []

    def watched(targets: Any, share: int, bonds: Bonds, weights: Any) -> Any:
        found = apart(targets, share, bonds, weights)
        assert bonds.times is not None
        seen.append(bonds.times[found[0]].max() < bonds.times[found[1]].min())
        return found

    monkeypatch.setattr(reference, "apart", watched)
    targets = {
        "classification": random.integers(2, size=200),
        "regression": random.normal(size=200),
        "multilabel": random.integers(2, size=(200, 2)).astype(np.float32),
    }[task]
    rows = rows_with(
        Bonds(times=random.permutation(200).astype(float)), random.normal(size=(200, 3)), targets, task
    )
    assert reference.run(rows, 20.0, 0).predicted is not None
    assert seen == [True] * (2 if task == "multilabel" else 1)


@pytest.mark.parametrize("reference", [linear, gradient_boosting])
@pytest.mark.parametrize(
    "bonds", [Bonds(groups=np.zeros(200, int)), Bonds(times=np.zeros(200))], ids=["one group", "one time"]
)
def test_where_nothing_can_be_kept_apart_nothing_is_chosen(reference: Any, bonds: Bonds) -> None:
    random = np.random.default_rng(0)
    rows = rows_with(bonds, random.normal(size=(200, 3)), random.integers(2, size=200))
    answer = reference.run(rows, 20.0, 0)
    assert answer.predicted is not None
    assert answer.note in ("L2 penalty 1", "50 rounds of trees")


@pytest.mark.parametrize("reference", [linear, gradient_boosting])
@pytest.mark.parametrize("task", ["classification", "regression"])
@pytest.mark.parametrize("heavy", range(4))
def test_one_group_that_alone_counts_is_fitted_on_wherever_it_would_fall(
    reference: Any, task: str, heavy: int
) -> None:
    random, groups = np.random.default_rng(0), np.repeat(np.arange(4), 50)
    targets = random.integers(2, size=200) if task == "classification" else random.normal(size=200) + groups
    rows = rows_with(Bonds(groups=groups), random.normal(size=(200, 3)), targets, task)
    answer = reference.run(dataclasses.replace(rows, weights=np.where(groups == heavy, 4.0, 0.0)), 20.0, 0)
    assert np.isfinite(answer.predicted).all()
    assert answer.note in ("L2 penalty 1", "50 rounds of trees")


@pytest.mark.parametrize("reference", [linear, gradient_boosting])
def test_classes_that_are_groups_leave_nothing_to_choose_by(reference: Any) -> None:
    random = np.random.default_rng(0)
    targets = np.repeat([0, 1], 100)
    rows = rows_with(Bonds(groups=targets), random.normal(size=(200, 3)), targets)
    assert np.isfinite(reference.run(rows, 20.0, 0).predicted).all()


def test_weights_of_labels_go_with_their_label() -> None:
    """With all weight on the rows that have it, a label is nearly always said; the other one is left alone."""
    random = np.random.default_rng(0)
    targets = (random.random((300, 2)) < 0.3).astype(np.float32)
    weights = np.stack([np.where(targets[:, 0] > 0, 100.0, 1.0), np.ones(300)], axis=1)
    rows = rows_with(NO_BONDS, random.normal(size=(300, 3)), targets, "multilabel")
    for reference in (linear, gradient_boosting):
        answer = reference.run(dataclasses.replace(rows, weights=weights), 20.0, 0)
        means = answer.predicted.mean(axis=0)
        assert means[0] > 0.9
        assert means[1] == pytest.approx(0.3, abs=0.1)
