"""What predicted numbers show: final metrics, residuals, errors along the target, worst rows.

Everything is computed from true and predicted numbers (rows,) in the user's unit. The metrics are those of
scikit-learn, so that they check what training measured by its own code. An error is predicted minus true.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from firstlight.results.intervals import share_interval
from firstlight.results.resamples import Weighted, draw, mean_among, mean_of, r_squared, root_mean_square

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from firstlight.results.groups import Groups

WORST_ROWS = 24  # judgement: what one looks at before forming a suspicion
MOST_BANDS = 10  # tenths of the rows
ROWS_PER_BAND = 20  # judgement: the mean error of fewer rows says nothing
QUANTILES = (0.5, 0.8, 0.9, 0.95, 0.99, 1.0)  # of the absolute error
BIAS, BAND = "bias", "band "  # names beside those of the metrics
CLOSE = 0.1  # of the true number: what people call near enough (judgement)
DEFINITIONS = {
    "val_loss": "squared error over the variance of the training targets, so that 1 is what their mean reaches",
    "val_r2": "1 - squared error over squared deviation from the mean of the validation targets",
    "val_rmse": "root of the mean squared error, in the unit of the target",
    "val_mae": "mean absolute error, in the unit of the target",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Residuals:
    """Errors of all rows, in the unit of the target."""

    bias: float  # mean error: above 0 the model predicts too much
    bias_interval: tuple[float, float]  # 95 %
    quantiles: tuple[tuple[float, float], ...]  # (share of the rows, absolute error that they stay below)
    close: float | None  # share of rows within CLOSE of the truth; None when nought lies among the targets
    close_interval: tuple[float, float] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """Rows of similar true numbers."""

    low: float  # smallest and largest true number
    high: float
    rows: int
    bias: float  # mean error
    mae: float
    mae_interval: tuple[float, float]  # 95 %
    rmse: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Miss:
    """One validation row and how far off its prediction is."""

    row: int  # position in the validation part
    actual: float
    predicted: float
    error: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Regression:
    """Everything that the predictions show."""

    rows: int
    metrics: dict[str, float]
    intervals: dict[str, tuple[float, float]]
    notes: tuple[str, ...]  # what could not be computed, and why
    residuals: Residuals
    bands: tuple[Band, ...]  # rising true numbers, about as many rows each
    worst: tuple[Miss, ...]  # largest absolute error first


def regression(
    targets: NDArray[np.floating],
    predicted: NDArray[np.floating],
    *,
    target_std: float | None = None,
    groups: Groups | None = None,
    seed: int = 0,
) -> Regression:
    """Computes everything that a report shows about predicted numbers.

    Args:
        targets: True numbers (rows,), at least one.
        predicted: The same rows as predicted.
        target_std: Deviation of the training targets, which val_loss is measured in; without it there is none.
        groups: Of the rows; None when each stands alone.
        seed: Of the resamples behind the intervals.

    Raises:
        ValueError: No rows, shapes that do not fit, or a number that is not finite.
    """
    actual, answer = _checked(targets), _checked(predicted)
    if actual.shape != answer.shape:
        raise ValueError(f"targets {actual.shape} and predictions {answer.shape} do not fit")
    errors = answer - actual
    metrics, notes = _metrics(actual, answer, target_std)
    parts = _parts(actual)
    each = {name: weighted(name, actual, answer, target_std) for name in metrics}
    each[BIAS] = mean_of(errors)
    each |= {f"{BAND}{i}": mean_among(np.abs(errors), rows) for i, rows in enumerate(parts)}
    drawn = draw(each, len(actual), groups=groups, seed=seed)
    intervals = {name: drawn.interval(name) for name in metrics}
    return Regression(
        rows=len(actual),
        metrics=metrics,
        intervals={name: ends for name, ends in intervals.items() if np.isfinite(ends).all()},
        notes=notes,
        residuals=_residuals(actual, errors, drawn.interval(BIAS), groups),
        bands=tuple(
            _band(actual[rows], errors[rows], drawn.interval(f"{BAND}{i}")) for i, rows in enumerate(parts)
        ),
        worst=tuple(
            Miss(
                row=int(row),
                actual=float(actual[row]),
                predicted=float(answer[row]),
                error=float(errors[row]),
            )
            for row in np.argsort(-np.abs(errors), kind="stable")[:WORST_ROWS]
        ),
    )


def weighted(
    metric: str, targets: NDArray[np.float64], predicted: NDArray[np.float64], target_std: float | None
) -> Weighted:
    """A metric of DEFINITIONS for many resamples; `val_loss` needs the deviation of the training targets.

    Raises:
        KeyError: Another metric.
    """
    errors = predicted - targets
    kinds: dict[str, Weighted] = {
        "val_r2": r_squared(targets, errors),
        "val_rmse": root_mean_square(errors),
        "val_mae": mean_of(np.abs(errors)),
    }
    if target_std is not None:
        kinds["val_loss"] = mean_of((errors / target_std) ** 2)
    return kinds[metric]


def _checked(numbers: NDArray[np.floating]) -> NDArray[np.float64]:
    if numbers.ndim != 1 or not len(numbers):
        raise ValueError(f"numbers of shape {numbers.shape} do not fit: one a row is wanted")
    if not np.isfinite(numbers).all():
        raise ValueError("a target or a prediction is not finite")
    return numbers.astype(np.float64)


def _metrics(
    targets: NDArray[np.float64], predicted: NDArray[np.float64], target_std: float | None
) -> tuple[dict[str, float], tuple[str, ...]]:
    from sklearn.metrics import mean_absolute_error, mean_squared_error, r2_score

    squared = float(mean_squared_error(targets, predicted))
    metrics = {} if target_std is None else {"val_loss": squared / target_std**2}
    notes = []
    if np.ptp(targets) > 0:
        metrics["val_r2"] = float(r2_score(targets, predicted))
    else:
        notes.append("R² is not given: all validation targets are the same")
    metrics |= {"val_rmse": squared**0.5, "val_mae": float(mean_absolute_error(targets, predicted))}
    return metrics, tuple(notes)


def _residuals(
    targets: NDArray[np.float64],
    errors: NDArray[np.float64],
    bias_interval: tuple[float, float],
    groups: Groups | None,
) -> Residuals:
    size = np.abs(errors)
    # Around nought a share of the true number means nothing: 10 % of 0.1 degrees is no useful bound.
    one_sign = bool((targets > 0).all() or (targets < 0).all())
    near = size <= CLOSE * np.abs(targets)
    return Residuals(
        bias=float(errors.mean()),
        bias_interval=bias_interval,
        quantiles=tuple((share, float(np.quantile(size, share))) for share in QUANTILES),
        close=float(near.mean()) if one_sign else None,
        close_interval=share_interval(near, groups) if one_sign else None,
    )


def _parts(targets: NDArray[np.float64]) -> list[NDArray[np.int64]]:
    """Rows of similar targets, about as many in each part; equal targets stay together, so there may be fewer."""
    wanted = min(MOST_BANDS, max(1, len(targets) // ROWS_PER_BAND))
    inner = np.unique(np.quantile(targets, np.arange(1, wanted) / wanted))
    place = np.searchsorted(inner, targets, side="left")
    parts = (np.flatnonzero(place == i) for i in range(len(inner) + 1))
    return [rows for rows in parts if len(rows)]


def _band(
    targets: NDArray[np.float64], errors: NDArray[np.float64], mae_interval: tuple[float, float]
) -> Band:
    return Band(
        low=float(targets.min()),
        high=float(targets.max()),
        rows=len(targets),
        bias=float(errors.mean()),
        mae=float(np.abs(errors).mean()),
        mae_interval=mae_interval,
        rmse=float(np.sqrt((errors**2).mean())),
    )
