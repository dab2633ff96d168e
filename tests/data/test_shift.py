"""Train and validation that do not look alike are told apart; a random split is not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firstlight.data.shift import shift

EVEN = np.array([50, 50])


def rows(seed: int, count: int = 300, width: int = 20) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, width)).astype(np.float32)


@pytest.mark.requirement("P1.7")
def test_a_part_with_other_light_is_told_apart() -> None:
    found = shift(rows(0), rows(1) + 1.0, (EVEN, EVEN))
    assert found.shifted
    assert found.auroc is not None
    assert found.auroc > 0.9


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), few=st.integers(60, 400))
def test_parts_of_one_distribution_are_not(seed: int, few: int) -> None:
    both = rows(seed, 1_000)
    assert not shift(both[few:], both[:few], (EVEN, EVEN)).shifted


def test_too_few_rows_are_said_to_be_too_few() -> None:
    found = shift(rows(0), rows(1, 10), (EVEN, EVEN))
    assert found.auroc is None
    assert not found.shifted
    assert found.note == "10 rows of a part are too few"


@pytest.mark.parametrize(("val", "distance"), [([50, 50], 0.0), ([100, 0], 0.5), ([0, 0], 0.5)])
def test_class_shares_are_compared(val: list[int], distance: float) -> None:
    assert shift(rows(0), rows(1), (EVEN, np.array(val))).classes == pytest.approx(distance)


def grouped(seed: int, groups: int, of_val: int, size: int = 20) -> tuple[np.ndarray, np.ndarray, tuple]:
    """Rows of one distribution that are nearly the same within a group; whole groups are in a part."""
    draw = np.random.default_rng(seed)
    codes = np.repeat(np.arange(groups), size)
    both = (draw.normal(size=(groups, 6))[codes] + 0.01 * draw.normal(size=(len(codes), 6))).astype(
        np.float32
    )
    cut = (groups - of_val) * size
    return both[:cut], both[cut:], (codes[:cut], codes[cut:])


@pytest.mark.parametrize("seed", range(3))
def test_groups_of_one_distribution_are_no_shift(seed: int) -> None:
    train, val, groups = grouped(seed, groups=60, of_val=6)
    assert shift(train, val, (EVEN, EVEN)).shifted  # by rows: the classifier knows the groups again
    assert not shift(train, val, (EVEN, EVEN), groups=groups).shifted


def test_many_groups_with_other_light_are_told_apart() -> None:
    train, val, groups = grouped(0, groups=80, of_val=40)
    assert shift(train, val + 3.0, (EVEN, EVEN), groups=groups).shifted


def test_too_few_groups_are_said_to_be_too_few() -> None:
    train, val, groups = grouped(0, groups=60, of_val=3)
    assert shift(train, val, (EVEN, EVEN), groups=groups).note == "3 groups of a part are too few"


def test_rows_that_stand_alone_are_groups_of_one() -> None:
    train, val = rows(0), rows(1) + 1.0
    alone = (np.arange(300), np.arange(300, 600))
    assert shift(train, val, (EVEN, EVEN), groups=alone).shifted


@pytest.mark.parametrize("giant", [1, 900])
def test_every_fold_learns_from_both_parts_however_unequal_the_groups_are(giant: int) -> None:
    train, val = rows(0, 1_000), rows(1, giant + 99)
    own = np.concatenate([np.zeros(giant, np.int64), np.repeat([1, 2, 3], 33)])
    found = shift(train, val, (EVEN, EVEN), groups=(np.arange(1_000) + 4, own))
    assert found.auroc is not None
