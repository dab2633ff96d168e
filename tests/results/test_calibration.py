from __future__ import annotations

import numpy as np
import pytest

from firstlight.results.calibration import calibrate


def test_a_calibrated_model_has_no_more_error_than_luck_gives() -> None:
    rng = np.random.default_rng(0)
    confidence = rng.uniform(0.4, 1.0, size=20_000)
    found = calibrate(confidence, rng.random(20_000) < confidence)
    assert found.error < 2 * found.error_by_luck


def test_the_error_of_a_model_that_is_always_too_sure_is_the_gap() -> None:
    correct = np.arange(1000) % 10 < 7
    found = calibrate(np.full(1000, 0.9), correct)
    assert found.confidence - found.accuracy == pytest.approx(0.2)
    assert found.error == pytest.approx(0.2, abs=0.01)
    assert found.error > 3 * found.error_by_luck


def test_bins_hold_equally_many_rows_and_confidence_rises() -> None:
    rng = np.random.default_rng(0)
    found = calibrate(rng.random(1501), rng.random(1501) < 0.5)
    assert {b.rows for b in found.bins} <= {100, 101}
    confidences = [b.confidence for b in found.bins]
    assert confidences == sorted(confidences)
    assert sum(b.rows for b in found.bins) == 1501


@pytest.mark.parametrize("rows", [1, 19, 60])
def test_few_rows_give_few_bins_and_a_note(rows: int) -> None:
    found = calibrate(np.full(rows, 0.8), np.ones(rows, dtype=bool))
    assert len(found.bins) == max(1, rows // 20)
    assert "too few" in found.note
