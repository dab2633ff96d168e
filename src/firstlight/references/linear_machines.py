"""Linear models on sparse rows, by scikit-learn: support vector machines for classes and labels, ridge for numbers."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from firstlight.references.weights import of_label

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_matrix

TOLERANCE = 0.1  # of liblinear; 1e-4 took 4 times as long on AG News for the same accuracy
ABSENT = -100.0  # score of a class, or a label, that no training row has


class Linear(NamedTuple):
    """What scikit-learn fitted: score = x @ weight + bias."""

    weight: NDArray[np.float64]  # (n-grams, outputs)
    bias: NDArray[np.float64]  # (outputs,)

    def scores(self, x: csr_matrix) -> NDArray[np.float64]:
        """(rows, outputs)."""
        scores: NDArray[np.float64] = x @ self.weight + self.bias
        return scores


def is_number(targets: NDArray[Any]) -> bool:
    """Whether the targets are those of a regression."""
    return bool(targets.ndim == 1 and np.issubdtype(targets.dtype, np.floating))


def fit_linear(
    x: csr_matrix,
    targets: NDArray[Any],
    weights: NDArray[np.float64] | None,
    outputs: int,
    penalty: float,
    seed: int,
) -> Linear:
    """Fits all outputs.

    Args:
        x: (rows, inputs).
        targets: int64 (rows,) of classes, float32 (rows, labels) of 0 and 1, or float64 (rows,) of numbers.
        weights: How much a row counts, (rows,), or (rows, labels); None = all alike.
        outputs: Classes or labels; 1 for numbers.
        penalty: C of the machines, or the penalty of the ridge.
        seed: Of the solver.
    """
    if is_number(targets):
        from sklearn.linear_model import Ridge

        ridge = Ridge(alpha=penalty, solver="sparse_cg", tol=1e-4).fit(x, targets, sample_weight=weights)
        return Linear(ridge.coef_[:, None], np.array([ridge.intercept_]))
    if targets.ndim == 1:
        return _classes(x, targets, weights, outputs, penalty, seed)
    columns = [
        _machine(x, targets[:, label] > 0, of_label(weights, label), penalty, seed)
        for label in range(outputs)
    ]
    return Linear(
        np.stack([c.weight for c in columns], 1)[:, :, 0], np.concatenate([c.bias for c in columns])
    )


def _classes(
    x: csr_matrix,
    targets: NDArray[np.int64],
    weights: NDArray[np.float64] | None,
    outputs: int,
    penalty: float,
    seed: int,
) -> Linear:
    """One machine a class; of two classes there is one, and each gets half of its score."""
    present = np.unique(targets)
    linear = Linear(np.zeros((x.shape[1], outputs)), np.full(outputs, ABSENT))
    if len(present) == 1:
        linear.bias[present] = 0.0
    elif len(present) == 2:
        one = _machine(x, targets == present[1], weights, penalty, seed)
        linear.weight[:, present] = one.weight * [-0.5, 0.5]
        linear.bias[present] = one.bias * [-0.5, 0.5]
    else:
        fitted = _solved(x, targets, weights, penalty, seed)
        linear.weight[:, present] = fitted.weight
        linear.bias[present] = fitted.bias
    return linear


def _machine(
    x: csr_matrix, wanted: NDArray[np.bool_], weights: NDArray[np.float64] | None, penalty: float, seed: int
) -> Linear:
    """One support vector machine; a constant where there is nothing to part."""
    if wanted.all() or not wanted.any():
        return Linear(np.zeros((x.shape[1], 1)), np.array([-ABSENT if wanted.all() else ABSENT]))
    return _solved(x, wanted, weights, penalty, seed)


def _solved(
    x: csr_matrix, targets: NDArray[Any], weights: NDArray[np.float64] | None, penalty: float, seed: int
) -> Linear:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.svm import LinearSVC

    machine = LinearSVC(C=penalty, tol=TOLERANCE, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        machine.fit(x, targets, sample_weight=weights)
    return Linear(machine.coef_.T, machine.intercept_)
