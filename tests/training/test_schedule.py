"""The learning rate starts, peaks and ends where the config says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstlight.config.schema import Scheduler
from firstlight.training.schedule import rate_factor


@given(
    name=st.sampled_from(["linear", "cosine"]),
    warmup=st.floats(0, 0.9),
    final=st.floats(0, 1),
    progress=st.floats(0, 1),
)
def test_the_rate_stays_between_zero_and_the_peak_and_ends_fully_annealed(name, warmup, final, progress):
    scheduler = Scheduler(name=name, warmup_fraction=warmup, final_fraction=final)
    assert -1e-12 <= rate_factor(progress, scheduler) <= 1 + 1e-12
    assert rate_factor(1.0, scheduler) == pytest.approx(final, abs=1e-9)
    assert rate_factor(warmup, scheduler) == pytest.approx(1.0)


def test_cosine_is_half_way_down_in_the_middle():
    scheduler = Scheduler(name="cosine", warmup_fraction=0.0)
    assert rate_factor(0.5, scheduler) == pytest.approx(0.5)


def test_constant_stays_at_the_peak():
    assert rate_factor(0.9, Scheduler(name="constant")) == 1.0
