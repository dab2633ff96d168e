"""Whether confidence can be believed: of rows predicted with 80 % confidence, about 80 % should be right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from firstlight.results.intervals import wilson

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_BINS = 15  # Guo et al. 2017, the usual number
ROWS_PER_BIN = 20  # judgement: fewer rows give a share that says nothing
FEW_ROWS = 500  # below this a calibration error is mostly the luck of few rows (judgement)
SIMULATIONS = 200  # of a perfectly calibrated model; their mean is then sure to about 3 %


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """Rows of similar confidence."""

    rows: int
    confidence: float  # mean
    accuracy: float
    interval: tuple[float, float]  # of the accuracy, 95 %


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """Reliability of the confidence."""

    bins: tuple[Bin, ...]  # equal numbers of rows, rising confidence
    error: float  # expected calibration error: mean gap between confidence and accuracy, 0..1
    error_by_luck: float  # what a perfectly calibrated model would show with so many rows
    confidence: float  # mean over all rows
    accuracy: float
    note: str  # when the number of rows limits what can be said


def calibrate(confidence: NDArray[np.float64], correct: NDArray[np.bool_], *, seed: int = 0) -> Calibration:
    """Bins of equal mass and the expected calibration error over them.

    Args:
        confidence: Probability of the predicted class, (rows,), at least one row.
        correct: Whether the prediction is right, (rows,).
        seed: Of the simulation of a perfectly calibrated model.
    """
    rows = len(confidence)
    order = np.argsort(confidence, kind="stable")
    parts = np.array_split(order, min(MOST_BINS, max(1, rows // ROWS_PER_BIN)))
    bins = tuple(
        Bin(
            rows=len(part),
            confidence=float(confidence[part].mean()),
            accuracy=float(correct[part].mean()),
            interval=wilson(int(correct[part].sum()), len(part)),
        )
        for part in parts
    )
    rng = np.random.default_rng(seed)
    lucky = [_error(confidence, rng.random(rows) < confidence, parts) for _ in range(SIMULATIONS)]
    note = ""
    if rows < FEW_ROWS:
        note = f"{rows:,} rows in {len(bins)} bins: too few for a sure statement about calibration"
    return Calibration(
        bins=bins,
        error=_error(confidence, correct, parts),
        error_by_luck=float(np.mean(lucky)),
        confidence=float(confidence.mean()),
        accuracy=float(correct.mean()),
        note=note,
    )


def _error(
    confidence: NDArray[np.float64], correct: NDArray[np.bool_], parts: list[NDArray[np.int64]]
) -> float:
    return sum(abs(float(np.sum(confidence[p] - correct[p]))) for p in parts) / len(confidence)
