"""Whether two parts of the data look alike: can a classifier tell from which part a row comes?

Source: Lopez-Paz and Oquab, "Revisiting classifier two-sample tests" (ICLR 2017); known among practitioners as
adversarial validation. The test part stays sealed: only train and validation are compared.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from firstlight.text import count, percent

ROWS = 2_000  # of each part; a subsample tells as much
LEAST = 50  # rows of each part; with fewer nothing can be told
FOLDS = 4
TOLD_APART = 0.65  # AUROC from which on it matters; 0.5 is no difference (judgement)
CERTAIN = 4.0  # standard errors that it must lie above 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """How well train and validation are told apart."""

    auroc: float | None  # of a linear classifier on held-out rows; None when it was not measured
    classes: float  # total variation distance of the class shares, 0 to 1
    shifted: bool  # the difference is large and certain
    note: str = ""  # why it was not measured

    def sentence(self) -> str:
        """For the report."""
        inputs = (
            f"not compared: {self.note}"
            if self.auroc is None
            else f"a linear classifier tells them apart with an AUROC of {self.auroc:.2f} (0.5 is no difference)"
        )
        return f"{inputs}; class shares differ by {percent(self.classes)}"


def shift(
    train: NDArray[np.float32], val: NDArray[np.float32], shares: tuple[NDArray[np.int64], NDArray[np.int64]]
) -> Shift:
    """Compares two samples.

    Args:
        train: (rows, features), a subsample of the training part; at most ROWS are used.
        val: The same of the validation part.
        shares: Rows of each class in train and in val.
    """
    classes = _variation(*shares)
    first, second = train[:ROWS], val[:ROWS]
    if min(len(first), len(second)) < LEAST:
        few = f"{count(min(len(first), len(second)), 'row')} of a part are too few"
        return Shift(auroc=None, classes=classes, shifted=False, note=few)
    auroc = _auroc(first, second)
    # Of the rank statistic when both samples have one distribution (Mann and Whitney 1947).
    error = math.sqrt((len(first) + len(second) + 1) / (12 * len(first) * len(second)))
    apart = auroc >= TOLD_APART and auroc - 0.5 > CERTAIN * error
    return Shift(auroc=auroc, classes=classes, shifted=apart)


def _auroc(first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    rows = np.concatenate([first, second])
    part = np.repeat([0, 1], [len(first), len(second)])
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=100, class_weight="balanced"))
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        scores = cross_val_predict(model, rows, part, cv=folds, method="decision_function")
    return float(roc_auc_score(part, scores))


def _variation(train: NDArray[np.int64], val: NDArray[np.int64]) -> float:
    return float(0.5 * np.abs(train / max(train.sum(), 1) - val / max(val.sum(), 1)).sum())
