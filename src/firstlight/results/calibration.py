"""Whether confidence can be believed: of rows predicted with 80 % confidence, about 80 % should be right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from firstlight.results.intervals import share_intervals
from firstlight.results.resamples import one_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from firstlight.results.groups import Groups

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
    note: str  # when the number of rows or their groups limit what can be said


def calibrate(
    confidence: NDArray[np.float64],
    correct: NDArray[np.bool_],
    *,
    groups: Groups | None = None,
    seed: int = 0,
) -> Calibration:
    """Bins of equal mass and the expected calibration error over them.

    Args:
        confidence: Probability of the predicted class, (rows,), at least one row.
        correct: Whether the prediction is right, (rows,).
        groups: Of the rows; None when each stands alone.
        seed: Of the simulation of a perfectly calibrated model.
    """
    rows = len(confidence)
    order = np.argsort(confidence, kind="stable")
    parts = np.array_split(order, min(MOST_BINS, max(1, rows // ROWS_PER_BIN)))
    place = np.empty(rows, np.int64)
    place[order] = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    among = one_of(place, len(parts))
    intervals = share_intervals(among.multiply(correct[:, None]), among, groups)
    bins = tuple(
        Bin(
            rows=len(part),
            confidence=float(confidence[part].mean()),
            accuracy=float(correct[part].mean()),
            interval=interval,
        )
        for part, interval in zip(parts, intervals, strict=True)
    )
    rng = np.random.default_rng(seed)
    lucky = [_error(confidence, rng.random(rows) < confidence, parts) for _ in range(SIMULATIONS)]
    notes = []
    if rows < FEW_ROWS:
        notes.append(f"{rows:,} rows in {len(bins)} bins: too few for a sure statement about calibration")
    if groups is not None:
        notes.append("that figure takes rows to be independent; rows of one group together show more by luck")
    return Calibration(
        bins=bins,
        error=_error(confidence, correct, parts),
        error_by_luck=float(np.mean(lucky)),
        confidence=float(confidence.mean()),
        accuracy=float(correct.mean()),
        note="; ".join(notes),
    )


def _error(
    confidence: NDArray[np.float64], correct: NDArray[np.bool_], parts: list[NDArray[np.int64]]
) -> float:
    return sum(abs(float(np.sum(confidence[p] - correct[p]))) for p in parts) / len(confidence)
