"""Whether two parts of the data look alike: can a classifier tell from which part a row comes?

Source: Lopez-Paz and Oquab, "Revisiting classifier two-sample tests" (ICLR 2017); known among practitioners as
adversarial validation. The test part stays sealed: only train and validation are compared.

Rows that belong together (`data.group`) are never parted between the rows that the classifier learns from and those
that it is asked about, and count as one: else it would know a group again, and call any grouped split a shift.
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
FOLDS = 4  # with groups each part needs as many of them
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
    train: NDArray[np.float32],
    val: NDArray[np.float32],
    shares: tuple[NDArray[np.int64], NDArray[np.int64]],
    *,
    groups: tuple[NDArray[np.int64], NDArray[np.int64]] | None = None,
) -> Shift:
    """Compares two samples.

    Args:
        train: (rows, features), a subsample of the training part; at most ROWS are used.
        val: The same of the validation part.
        shares: Rows of each class in train and in val.
        groups: The group of each row in train and in val, by numbers that hold for both; None = each stands alone.
    """
    classes = _variation(*shares)
    first, second = train[:ROWS], val[:ROWS]
    codes = None if groups is None else np.concatenate([groups[0][:ROWS], groups[1][:ROWS]])
    n, m = (len(first), len(second)) if groups is None else (len(np.unique(g[:ROWS])) for g in groups)
    few = _too_few(min(len(first), len(second)), None if groups is None else min(n, m))
    if few:
        return Shift(auroc=None, classes=classes, shifted=False, note=few)
    auroc = _auroc(first, second, codes)
    # Of the rank statistic when both samples have one distribution (Mann and Whitney 1947), of n and m rows; of groups
    # it is at most that of so many rows, when all rows of a group are the same.
    error = math.sqrt((n + m + 1) / (12 * n * m))
    apart = auroc >= TOLD_APART and auroc - 0.5 > CERTAIN * error
    return Shift(auroc=auroc, classes=classes, shifted=apart)


def _too_few(rows: int, groups: int | None) -> str:
    """Why nothing can be told from so many rows, and groups, of the smaller part; empty when it can."""
    if rows < LEAST:
        return f"{count(rows, 'row')} of a part are too few"
    if groups is not None and groups < FOLDS:
        return f"{count(groups, 'group')} of a part are too few"
    return ""


def _auroc(
    first: NDArray[np.float32], second: NDArray[np.float32], groups: NDArray[np.int64] | None
) -> float:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    rows = np.concatenate([first, second])
    part = np.repeat([0, 1], [len(first), len(second)])
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=100, class_weight="balanced"))
    kind = StratifiedKFold if groups is None else StratifiedGroupKFold
    folds = kind(FOLDS, shuffle=True, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        scores = cross_val_predict(model, rows, part, groups=groups, cv=folds, method="decision_function")
    return float(roc_auc_score(part, scores))


def _variation(train: NDArray[np.int64], val: NDArray[np.int64]) -> float:
    return float(0.5 * np.abs(train / max(train.sum(), 1) - val / max(val.sum(), 1)).sum())
