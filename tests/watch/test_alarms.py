"""Alarms ring for what kills a run and stay silent on what healthy runs do."""

from __future__ import annotations

import math
import random

import pytest

from firstlight.watch.alarms import DIVERGED_STEPS, Alarms


def alarms():
    return Alarms(chance_loss=math.log(10), rare_metric=0.1)


@pytest.mark.requirement("P2.9")
@pytest.mark.parametrize(
    ("loss", "norm"), [(math.nan, 1.0), (math.inf, 1.0), (1.0, math.nan), (1.0, math.inf)]
)
def test_a_loss_or_gradient_that_is_not_finite_rings_at_its_step(loss, norm):
    watch = alarms()
    assert watch.look(1, 2.0, 1.0) is None
    alarm = watch.look(2, loss, norm)
    assert alarm is not None
    assert (alarm.page, alarm.step) == ("nan_loss", 2)


@pytest.mark.requirement("P2.10")
def test_a_loss_far_above_chance_for_long_is_divergence():
    watch = alarms()
    rings = [watch.look(s, 9.0, 5.0) for s in range(1, DIVERGED_STEPS + 1)]
    assert rings[:-1] == [None] * (DIVERGED_STEPS - 1)
    assert rings[-1].page == "exploding_gradients"


def test_noisy_but_healthy_training_rings_nothing():
    draw = random.Random(0)
    watch = alarms()
    for step in range(1, 2000):
        loss = max(0.01, 2.3 * 0.998**step + draw.gauss(0, 0.3))
        assert watch.look(step, loss, draw.lognormvariate(0, 0.8)) is None
    assert watch.notes == []


def test_one_early_jump_of_the_loss_is_no_divergence():
    watch = alarms()
    assert all(watch.look(s, 30.0 if s == 5 else 2.0, 1.0) is None for s in range(1, 100))


@pytest.mark.requirement("P2.10")
def test_a_gradient_spike_is_noted_once_with_its_numbers():
    watch = alarms()
    for step in range(1, 101):
        watch.look(step, 2.0, 2.0)
    watch.look(101, 2.0, 5000.0)
    watch.look(102, 2.0, 6000.0)
    assert len(watch.notes) == 1
    assert "5e+03" in watch.notes[0]
    assert "exploding_gradients" in watch.notes[0]


@pytest.mark.requirement("P2.10")
def test_no_learning_rings_after_three_epochs_and_learning_does_not():
    flat = {"step": 1_000, "epoch": 3, "train_losses": [2.31, 2.303, 2.302]}
    assert alarms().epoch(**flat, best_metric=0.11, interval=0.02).page == "convergence_stall"
    assert alarms().epoch(**flat, best_metric=0.2, interval=0.02) is None
    assert alarms().epoch(**flat | {"train_losses": [2.3, 2.2, 2.1]}, best_metric=0.1, interval=0.02) is None
    assert alarms().epoch(**flat | {"epoch": 2}, best_metric=0.1, interval=0.02) is None
    assert alarms().epoch(**flat | {"step": 900}, best_metric=0.1, interval=0.02) is None


@pytest.mark.parametrize(
    ("losses", "rings"), [([5.0, 5.01, 4.99], True), ([5.0, 4.9, 4.8], False), ([-2.0, -2.5, -3.0], False)]
)
def test_where_chance_is_not_known_a_loss_that_falls_is_learning(losses, rings):
    unknown = Alarms(chance_loss=math.nan, rare_metric=0.1)
    found = unknown.epoch(step=1_000, epoch=3, train_losses=losses, best_metric=0.1, interval=0.02)
    assert (found is not None) == rings
    assert found is None or "in the first epoch it was 5" in found.detail


def test_perplexity_counts_as_learning_when_it_is_lower():
    flat = {"step": 1_000, "epoch": 3, "train_losses": [2.31, 2.303, 2.302]}
    watch = Alarms(chance_loss=math.log(10), rare_metric=10.0, lower_is_better=True)
    assert watch.best([11.0, 9.9, 10.5]) == 9.9
    assert watch.epoch(**flat, best_metric=10.5, interval=0.02).page == "convergence_stall"
    assert watch.epoch(**flat, best_metric=9.0, interval=0.02) is None


def test_where_chance_is_not_known_nothing_is_called_stalled():
    flat = {"step": 1_000, "epoch": 3, "train_losses": [2.3, 2.5, 2.6]}
    assert (
        Alarms(chance_loss=math.nan, rare_metric=math.nan).epoch(**flat, best_metric=3.0, interval=0.02)
        is None
    )
