"""What predicted label sets show: final metrics, each label, worst rows.

Everything is computed from targets of 0 and 1 and probabilities, both (rows, labels). A label is predicted when
its probability is at least one half, as in training.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from firstlight.results.classification import SMALLEST_PROBABILITY, ClassFigures, class_figures
from firstlight.results.intervals import share_interval
from firstlight.results.resamples import Drawn, Weighted, draw, macro_auroc, macro_f1, mean_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from firstlight.results.groups import Groups

MOST_CELLS = 1_000_000  # rows x labels; above, resampling averages over labels takes too long (judgement)
WORST_ROWS = 24  # judgement: what one looks at before forming a suspicion
HALF = 0.5  # probability from which a label is predicted, as in training
DEFINITIONS = {
    "val_loss": "binary cross-entropy in nats, mean over rows and labels, no smoothing, no weights",
    "val_macro_f1": "mean F1 of the labels that occur, each predicted from a probability of one half",
    "val_accuracy": "share of rows with every label right (subset accuracy)",
    "val_auroc": "area under the ROC curve of each label, averaged",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class WrongRow:
    """One validation row with a wrong label set."""

    row: int  # position in the validation part
    missed: tuple[int, ...]  # labels that it has and that are not predicted
    added: tuple[int, ...]  # labels that are predicted and that it has not
    loss: float  # nats, mean over the labels


@dataclass(frozen=True, slots=True, kw_only=True)
class Multilabel:
    """Everything that the predictions show."""

    rows: int
    labels: int
    metrics: dict[str, float]
    intervals: dict[str, tuple[float, float]]
    notes: tuple[str, ...]  # what could not be computed, and why
    per_label: tuple[ClassFigures, ...]
    labels_per_row: tuple[float, float]  # mean number: that rows have, that are predicted
    worst: tuple[WrongRow, ...]  # highest loss first


def multilabel(
    targets: NDArray[np.floating],
    probabilities: NDArray[np.floating],
    *,
    groups: Groups | None = None,
    seed: int = 0,
) -> Multilabel:
    """Computes everything that a report shows about predicted labels.

    Args:
        targets: (rows, labels) of 0 and 1, at least one row and two labels.
        probabilities: (rows, labels), 0 to 1.
        groups: Of the rows; None when each stands alone.
        seed: Of the resamples behind the intervals.

    Raises:
        ValueError: Too few rows or labels, shapes that do not fit, or a probability that is not finite.
    """
    _check(targets, probabilities)
    actual, claimed = targets > HALF, probabilities >= HALF
    losses = row_losses(targets, probabilities)
    metrics, notes = _metrics(actual, claimed, probabilities, losses)
    rows = len(actual)
    intervals = {
        "val_accuracy": share_interval((actual == claimed).all(axis=1), groups),
        "val_loss": draw({"loss": mean_of(losses)}, rows, groups=groups, seed=seed).interval("loss"),
    }
    if actual.size <= MOST_CELLS:
        drawn = _averages(targets, probabilities, metrics, groups, seed)
        intervals |= {name: drawn.interval(name) for name in drawn.observed}
    else:
        notes += (
            f"averages over labels have no interval: {rows:,} rows by {actual.shape[1]:,} are too many",
        )
    return Multilabel(
        rows=rows,
        labels=actual.shape[1],
        metrics=metrics,
        intervals={name: ends for name, ends in intervals.items() if np.isfinite(ends).all()},
        notes=notes,
        per_label=_per_label(actual, claimed, groups),
        labels_per_row=(float(actual.sum(axis=1).mean()), float(claimed.sum(axis=1).mean())),
        worst=_worst(actual, claimed, losses),
    )


def row_losses(targets: NDArray[np.floating], probabilities: NDArray[np.floating]) -> NDArray[np.float64]:
    """Binary cross-entropy of each row, in nats, mean over its labels: (rows,)."""
    p = probabilities.astype(np.float64)
    own = np.where(targets > HALF, p, 1 - p)
    return np.asarray(-np.log(np.maximum(own, SMALLEST_PROBABILITY)).mean(axis=1))


def weighted(metric: str, targets: NDArray[np.floating], probabilities: NDArray[np.floating]) -> Weighted:
    """A metric of DEFINITIONS for many resamples.

    Raises:
        KeyError: Another metric.
    """
    actual, claimed = targets > HALF, probabilities >= HALF
    kinds = {
        "val_loss": lambda: mean_of(row_losses(targets, probabilities)),
        "val_macro_f1": lambda: macro_f1(actual, claimed),
        "val_accuracy": lambda: mean_of((actual == claimed).all(axis=1).astype(np.float64)),
        "val_auroc": lambda: macro_auroc(probabilities, actual),
    }
    return kinds[metric]()


def _averages(
    targets: NDArray[np.floating],
    probabilities: NDArray[np.floating],
    metrics: dict[str, float],
    groups: Groups | None,
    seed: int,
) -> Drawn:
    """Those averages over the labels that have a value, on the same resamples."""
    names: tuple[str, ...] = ("val_macro_f1", "val_auroc")
    each = {name: weighted(name, targets, probabilities) for name in names if name in metrics}
    return draw(each, len(targets), groups=groups, cells=targets.size, seed=seed)


def _check(targets: NDArray[np.floating], probabilities: NDArray[np.floating]) -> None:
    if targets.shape != probabilities.shape or targets.ndim != 2 or not len(targets) or targets.shape[1] < 2:
        raise ValueError(f"targets {targets.shape} and probabilities {probabilities.shape} do not fit")
    if not np.isfinite(probabilities).all():
        raise ValueError("a probability is not finite")


def _metrics(
    actual: NDArray[np.bool_],
    claimed: NDArray[np.bool_],
    probabilities: NDArray[np.floating],
    losses: NDArray[np.float64],
) -> tuple[dict[str, float], tuple[str, ...]]:
    from sklearn.metrics import accuracy_score, f1_score, roc_auc_score

    # Averages over the labels that occur, as in training: a label without a row has no F1.
    present = np.flatnonzero(actual.any(axis=0))
    ranked = np.flatnonzero(actual.any(axis=0) & ~actual.all(axis=0))
    metrics = {"val_loss": float(losses.mean())}
    notes = []
    if len(present):
        f1s = f1_score(actual, claimed, average=None, zero_division=0)
        metrics["val_macro_f1"] = float(f1s[present].mean())
    metrics["val_accuracy"] = float(accuracy_score(actual, claimed))
    if len(ranked):
        areas = [roc_auc_score(actual[:, i], probabilities[:, i]) for i in ranked]
        metrics["val_auroc"] = float(np.mean(areas))
    if len(present) < actual.shape[1]:
        absent = actual.shape[1] - len(present)
        notes.append(f"{absent:,} of {actual.shape[1]:,} labels have no validation row")
    if not len(ranked):
        notes.append("AUROC is not given: it needs rows with and without a label")
    return metrics, tuple(notes)


def _per_label(
    actual: NDArray[np.bool_], claimed: NDArray[np.bool_], groups: Groups | None
) -> tuple[ClassFigures, ...]:
    from scipy.sparse import csr_matrix
    from sklearn.metrics import precision_recall_fscore_support

    scores = precision_recall_fscore_support(
        actual.astype(np.int64), claimed.astype(np.int64), labels=np.arange(actual.shape[1]), zero_division=0
    )
    return class_figures(scores, csr_matrix(actual, dtype=float), csr_matrix(claimed, dtype=float), groups)


def _worst(
    actual: NDArray[np.bool_], claimed: NDArray[np.bool_], losses: NDArray[np.float64]
) -> tuple[WrongRow, ...]:
    """Rows with a wrong label and the highest loss; of equal ones the first."""
    order = np.argsort(-losses, kind="stable")
    wrong = order[(actual != claimed).any(axis=1)[order]][:WORST_ROWS]
    return tuple(
        WrongRow(
            row=int(row),
            missed=tuple(np.flatnonzero(actual[row] & ~claimed[row]).tolist()),
            added=tuple(np.flatnonzero(claimed[row] & ~actual[row]).tolist()),
            loss=float(losses[row]),
        )
        for row in wrong
    )
