"""Best value and patience."""

from __future__ import annotations

import math

import pytest

from firstlight.config.schema import LOWER_IS_BETTER, EarlyStopping
from firstlight.training.stopping import Best, should_stop


def follow(metric, values, min_delta=0.001, losses=None):
    best = Best(metric=metric, lower_is_better=metric in LOWER_IS_BETTER)
    for epoch, value in enumerate(values, start=1):
        loss = losses[epoch - 1] if losses else 1.0
        best = best.updated(value, loss, epoch, min_delta)
    return best


def test_between_equal_values_the_lower_loss_is_the_better():
    losses = [0.5, 0.2, 0.3, 0.1, 0.05]
    assert follow("val_auroc", [0.9, 1.0, 1.0, 1.0, 0.99], losses=losses).epoch == 4
    assert follow("val_auroc", [1.0, 1.0, 1.0], losses=[0.2, math.nan, 0.2]).epoch == 1


def test_lower_is_better_for_a_loss_and_higher_for_accuracy():
    assert follow("val_loss", [1.0, 0.5, 0.7]).epoch == 2
    assert follow("val_accuracy", [0.1, 0.5, 0.4]).epoch == 2


def test_a_value_that_is_not_finite_is_never_the_best():
    best = follow("val_loss", [1.0, math.nan, -math.inf, 0.9])
    assert (best.value, best.epoch) == (0.9, 4)


@pytest.mark.requirement("P2.1")
def test_patience_counts_epochs_without_a_gain_of_min_delta():
    settings = EarlyStopping()
    assert (settings.patience, settings.min_delta) == (10, 0.001)
    assert not should_stop(follow("val_loss", [1.0] + [0.9999] * 9), settings)
    assert should_stop(follow("val_loss", [1.0] + [0.9999] * 10), settings)


def test_many_gains_below_min_delta_count_once_they_add_up():
    best = follow("val_accuracy", [0.5, 0.5004, 0.5008, 0.5012])
    assert best.stale == 0
    assert best.value == 0.5012


def test_switched_off_it_never_stops():
    assert not should_stop(follow("val_loss", [1.0] * 50), EarlyStopping(enabled=False))
