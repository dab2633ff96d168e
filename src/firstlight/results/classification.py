"""What a classifier's predictions show: final metrics, classes, confusions, calibration, worst examples.

Everything is computed from labels (rows,) and probabilities (rows, classes). Nothing here is as large as
classes x classes, so ten thousand classes are no trouble.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from firstlight.results.calibration import Calibration, calibrate
from firstlight.results.intervals import class_average_intervals, mean_interval, wilson
from firstlight.results.resamples import Weighted, auroc, draw, macro_f1, macro_recall, mean_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

TWO = 2  # classes, of which the second is the positive one
WORST_EXAMPLES = 24  # judgement: what one looks at before forming a suspicion
MOST_AUROC_CELLS = (
    20_000_000  # rows x classes; above, sorting every class takes longer than it tells (judgement)
)
MOST_CELLS = 1_000_000  # rows x classes; above, resampling averages over classes takes too long (judgement)
SMALLEST_PROBABILITY = float(np.finfo(np.float32).tiny)  # as in training: a loss stays finite
DEFINITIONS = {
    "val_loss": "cross-entropy in nats, no smoothing, no weights",
    "val_accuracy": "share of rows whose most probable class is right",
    "val_balanced_accuracy": "mean recall of the classes that occur",
    "val_macro_f1": "mean F1 of the classes that occur",
    "val_auroc": "area under the ROC curve; more than two classes: each against the rest, averaged",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassFigures:
    """One class, or one label of several, on the validation part, with 95 % intervals."""

    index: int
    support: int  # rows of this class
    claimed: int  # rows predicted as this class
    precision: float
    recall: float
    f1: float
    precision_interval: tuple[float, float]
    recall_interval: tuple[float, float]
    f1_interval: tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Confused:
    """Rows of class `actual` that were taken for class `predicted`."""

    actual: int
    predicted: int
    rows: int
    share: float  # of the rows of `actual`


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One validation row that the model gets wrong."""

    row: int  # position in the validation part
    actual: int
    predicted: int
    confidence: float  # probability of the predicted class
    loss: float  # nats


@dataclass(frozen=True, slots=True, kw_only=True)
class Classification:
    """Everything that the predictions show."""

    rows: int
    classes: int
    metrics: dict[str, float]
    intervals: dict[str, tuple[float, float]]
    notes: tuple[str, ...]  # what could not be computed, and why
    per_class: tuple[ClassFigures, ...]
    confused: tuple[Confused, ...]  # every pair that occurs, most rows first
    calibration: Calibration
    worst: tuple[Example, ...]  # highest loss first


def classification(
    labels: NDArray[np.int64], probabilities: NDArray[np.floating], *, seed: int = 0
) -> Classification:
    """Computes everything that a report shows about predictions.

    Args:
        labels: True classes, int64 (rows,), at least one row.
        probabilities: (rows, classes), each row adding up to 1.
        seed: Of the resamples behind the intervals.

    Raises:
        ValueError: No rows, shapes or labels that do not fit, or a probability that is not finite.
    """
    rows, classes = _shape(labels, probabilities)
    predicted = probabilities.argmax(axis=1)
    losses = row_losses(labels, probabilities)
    confidence = probabilities[np.arange(rows), predicted].astype(np.float64)
    metrics, notes = _metrics(labels, probabilities, predicted, losses)
    intervals = {
        "val_accuracy": wilson(int((predicted == labels).sum()), rows),
        "val_loss": mean_interval(losses, seed=seed),
        **class_average_intervals(labels, predicted, classes, seed=seed),
    }
    if classes == TWO and "val_auroc" in metrics:
        drawn = draw({"val_auroc": auroc(probabilities[:, 1], labels == 1)}, rows, seed=seed)
        intervals["val_auroc"] = drawn.interval("val_auroc")
    intervals = {name: ends for name, ends in intervals.items() if np.isfinite(ends).all()}
    return Classification(
        rows=rows,
        classes=classes,
        metrics=metrics,
        intervals=intervals,
        notes=notes,
        per_class=_per_class(labels, predicted, classes),
        confused=_confused(labels, predicted, classes),
        calibration=calibrate(confidence, predicted == labels, seed=seed),
        worst=tuple(
            Example(
                row=int(row),
                actual=int(labels[row]),
                predicted=int(predicted[row]),
                confidence=float(confidence[row]),
                loss=float(losses[row]),
            )
            for row in worst_rows(labels, probabilities)
        ),
    )


def weighted(metric: str, labels: NDArray[np.int64], probabilities: NDArray[np.floating]) -> Weighted | None:
    """A metric of DEFINITIONS for many resamples; None where that would take too long with so many classes.

    Raises:
        KeyError: Another metric.
    """
    classes = probabilities.shape[1]
    if classes > TWO and (metric == "val_auroc" or probabilities.size > MOST_CELLS):
        return None
    predicted = probabilities.argmax(axis=1)
    hot = np.eye(classes, dtype=bool)
    kinds: dict[str, Callable[[], Weighted]] = {
        "val_loss": lambda: mean_of(row_losses(labels, probabilities)),
        "val_accuracy": lambda: mean_of((predicted == labels).astype(np.float64)),
        "val_balanced_accuracy": lambda: macro_recall(hot[labels], hot[predicted]),
        "val_macro_f1": lambda: macro_f1(hot[labels], hot[predicted]),
        "val_auroc": lambda: auroc(probabilities[:, 1], labels == 1),
    }
    return kinds[metric]()


def row_losses(labels: NDArray[np.int64], probabilities: NDArray[np.floating]) -> NDArray[np.float64]:
    """Cross-entropy of each row, in nats, (rows,)."""
    own = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return np.asarray(-np.log(np.maximum(own, SMALLEST_PROBABILITY)))


def worst_rows(
    labels: NDArray[np.int64], probabilities: NDArray[np.floating], count: int = WORST_EXAMPLES
) -> NDArray[np.int64]:
    """Positions of the wrong predictions with the highest loss, worst first; of equal ones the first."""
    order = np.argsort(-row_losses(labels, probabilities), kind="stable")
    return np.asarray(order[probabilities[order].argmax(axis=1) != labels[order]][:count])


def confusion_matrix(
    labels: NDArray[np.int64], predicted: NDArray[np.int64], chosen: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Rows by actual and predicted class, for the chosen classes only: (chosen, chosen)."""
    place = np.full(int(max(labels.max(), predicted.max(), chosen.max())) + 1, -1)
    place[chosen] = np.arange(len(chosen))
    inside = (place[labels] >= 0) & (place[predicted] >= 0)
    cells = place[labels[inside]] * len(chosen) + place[predicted[inside]]
    return np.bincount(cells, minlength=len(chosen) ** 2).reshape(len(chosen), len(chosen))


def _shape(labels: NDArray[np.int64], probabilities: NDArray[np.floating]) -> tuple[int, int]:
    if probabilities.ndim != 2 or len(labels) != len(probabilities) or not len(labels):
        raise ValueError(f"labels {labels.shape} and probabilities {probabilities.shape} do not fit")
    if labels.min() < 0 or labels.max() >= probabilities.shape[1]:
        raise ValueError(f"labels {labels.min()} to {labels.max()} for {probabilities.shape[1]} classes")
    if not np.isfinite(probabilities).all():
        raise ValueError("a probability is not finite")
    return probabilities.shape[0], probabilities.shape[1]


def _metrics(
    labels: NDArray[np.int64],
    probabilities: NDArray[np.floating],
    predicted: NDArray[np.int64],
    losses: NDArray[np.float64],
) -> tuple[dict[str, float], tuple[str, ...]]:
    from sklearn.metrics import accuracy_score, f1_score, recall_score

    # Averages over the classes that occur, as in training: a class without a row has no recall.
    present = np.unique(labels)
    macro = {"labels": present, "average": "macro", "zero_division": 0}
    metrics = {
        "val_loss": float(losses.mean()),
        "val_accuracy": float(accuracy_score(labels, predicted)),
        "val_balanced_accuracy": float(recall_score(labels, predicted, **macro)),
        "val_macro_f1": float(f1_score(labels, predicted, **macro)),
    }
    notes = []
    if len(present) < probabilities.shape[1]:
        absent = probabilities.shape[1] - len(present)
        notes.append(f"{absent:,} of {probabilities.shape[1]:,} classes have no validation row")
    auroc, why = _auroc(labels, probabilities, present)
    if auroc is not None:
        metrics["val_auroc"] = auroc
    else:
        notes.append(f"AUROC is not given: {why}")
    return metrics, tuple(notes)


def _auroc(
    labels: NDArray[np.int64], probabilities: NDArray[np.floating], present: NDArray[np.int64]
) -> tuple[float | None, str]:
    classes = probabilities.shape[1]
    if len(present) < 2 or len(present) < classes:
        return None, "it needs rows of every class"
    if probabilities.size > MOST_AUROC_CELLS:
        return None, f"{len(labels):,} rows by {classes:,} classes are too many"
    from sklearn.metrics import roc_auc_score

    if classes == 2:
        return float(roc_auc_score(labels, probabilities[:, 1])), ""
    # float32 rows add up to 1 only nearly, and scikit-learn wants it exactly.
    exact = probabilities.astype(np.float64)
    exact /= exact.sum(axis=1, keepdims=True)
    return float(roc_auc_score(labels, exact, multi_class="ovr", average="macro")), ""


def _per_class(
    labels: NDArray[np.int64], predicted: NDArray[np.int64], classes: int
) -> tuple[ClassFigures, ...]:
    from sklearn.metrics import precision_recall_fscore_support

    scores = precision_recall_fscore_support(labels, predicted, labels=np.arange(classes), zero_division=0)
    hits = np.bincount(labels[labels == predicted], minlength=classes)
    return class_figures(scores, hits=hits, claimed=np.bincount(predicted, minlength=classes))


def class_figures(
    scores: tuple[NDArray[Any], ...], *, hits: NDArray[np.int64], claimed: NDArray[np.int64]
) -> tuple[ClassFigures, ...]:
    """The figures of each class, with intervals.

    Args:
        scores: Precision, recall, F1 and support of each class, as scikit-learn gives them.
        hits: Rows of the class that are predicted as it, (classes,).
        claimed: Rows that are predicted as the class, (classes,).
    """
    precision, recall, f1, support = scores
    return tuple(
        ClassFigures(
            index=c,
            support=int(support[c]),
            claimed=int(claimed[c]),
            precision=float(precision[c]),
            recall=float(recall[c]),
            f1=float(f1[c]),
            precision_interval=wilson(int(hits[c]), int(claimed[c])),
            recall_interval=wilson(int(hits[c]), int(support[c])),
            f1_interval=_f1_interval(int(hits[c]), int(support[c] + claimed[c] - hits[c])),
        )
        for c in range(len(hits))
    )


def _f1_interval(hits: int, either: int) -> tuple[float, float]:
    """F1 is 2 J / (1 + J), where J is the share of hits among the rows that are or are called the class."""
    low, high = wilson(hits, either)
    return 2 * low / (1 + low), 2 * high / (1 + high)


def _confused(labels: NDArray[np.int64], predicted: NDArray[np.int64], classes: int) -> tuple[Confused, ...]:
    wrong = labels != predicted
    cells, counts = np.unique(labels[wrong] * classes + predicted[wrong], return_counts=True)
    support = np.bincount(labels, minlength=classes)
    order = np.argsort(-counts, kind="stable")
    return tuple(
        Confused(
            actual=int(cells[i] // classes),
            predicted=int(cells[i] % classes),
            rows=int(counts[i]),
            share=float(counts[i] / support[cells[i] // classes]),
        )
        for i in order
    )
