"""The score of a column, against the library that everyone uses."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from firstlight.data.tables.giveaway import LEAST, _auroc


@given(guesses=st.lists(st.integers(0, 5), min_size=3 * LEAST, max_size=80), seed=st.integers(0, 99))
def test_auroc_is_that_of_sklearn_with_ties(guesses: list[int], seed: int) -> None:
    guess = np.array(guesses, np.float64)[:, None] * [1, -1]
    truth = np.random.default_rng(seed).permuted(
        np.tile(np.arange(len(guesses))[:, None] < LEAST, (1, 2)), axis=0
    )
    expected = np.mean([roc_auc_score(truth[:, k], guess[:, k]) for k in range(2)])
    assert _auroc(truth.astype(np.float32), guess) == pytest.approx(expected)


def test_too_few_rows_on_one_side_are_not_scored() -> None:
    truth = (np.arange(60) < LEAST - 1).astype(np.float32)[:, None]
    assert _auroc(truth, np.arange(60.0)[:, None]) is None
