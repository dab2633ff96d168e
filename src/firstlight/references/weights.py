"""How much training rows count, as references use it: one weight a row, or one for each of several labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def some(weights: NDArray[np.float64] | None, rows: NDArray[np.int64]) -> NDArray[np.float64] | None:
    """Of the given rows."""
    return None if weights is None else weights[rows]


def of_label(weights: NDArray[np.float64] | None, label: int) -> NDArray[np.float64] | None:
    """Weights (rows,) of the rows for one of several labels."""
    return weights if weights is None or weights.ndim == 1 else weights[:, label]


def weighted_mean(losses: NDArray[Any], weights: NDArray[np.float64] | None) -> float:
    """The mean of losses (rows,), or (rows, labels); 0 weight altogether counts all alike."""
    if weights is None or not weights.sum():
        return float(losses.mean())
    if losses.ndim > weights.ndim:
        weights = np.broadcast_to(weights[:, None], losses.shape)
    return float(np.average(losses, weights=weights))
