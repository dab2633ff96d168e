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
