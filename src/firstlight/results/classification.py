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
from firstlight.results.intervals import share_interval, share_intervals
from firstlight.results.resamples import Weighted, auroc, draw, macro_f1, macro_recall, mean_of, one_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from firstlight.results.groups import Groups

TWO = 2  # classes, of which the second is the positive one
WORST_EXAMPLES = 24  # judgement: what one looks at before forming a suspicion
MOST_AUROC_CELLS = (
    20_000_000  # rows x classes; above, sorting every class takes longer than it tells (judgement)
)
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
    labels: NDArray[np.int64],
    probabilities: NDArray[np.floating],
    *,
    groups: Groups | None = None,
    seed: int = 0,
) -> Classification:
    """Computes everything that a report shows about predictions.

    Args:
        labels: True classes, int64 (rows,), at least one row.
        probabilities: (rows, classes), each row adding up to 1.
        groups: Of the rows; None when each stands alone.
        seed: Of the resamples behind the intervals.

    Raises:
        ValueError: No rows, shapes or labels that do not fit, or a probability that is not finite.
    """
    rows, classes = _shape(labels, probabilities)
    predicted = probabilities.argmax(axis=1)
    losses = row_losses(labels, probabilities)
    confidence = probabilities[np.arange(rows), predicted].astype(np.float64)
    metrics, notes = _metrics(labels, probabilities, predicted, losses)
    return Classification(
        rows=rows,
        classes=classes,
        metrics=metrics,
        intervals=_intervals(metrics, labels, probabilities, groups, seed),
        notes=notes,
        per_class=_per_class(labels, predicted, classes, groups),
        confused=_confused(labels, predicted, classes),
        calibration=calibrate(confidence, predicted == labels, groups=groups, seed=seed),
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


def _intervals(
    metrics: dict[str, float],
    labels: NDArray[np.int64],
    probabilities: NDArray[np.floating],
    groups: Groups | None,
    seed: int,
) -> dict[str, tuple[float, float]]:
    """Of every metric that has one."""
    each = {name: weighted(name, labels, probabilities) for name in metrics if name != "val_accuracy"}
    known = {name: metric for name, metric in each.items() if metric is not None}
    width = 3 * probabilities.shape[1]  # sums of each class: rows, predicted as it, hits
    drawn = draw(known, len(labels), groups=groups, width=width, seed=seed)
    found = {name: drawn.interval(name) for name in known}
    found["val_accuracy"] = share_interval(probabilities.argmax(axis=1) == labels, groups)
    return {name: found[name] for name in metrics if name in found and np.isfinite(found[name]).all()}


def weighted(metric: str, labels: NDArray[np.int64], probabilities: NDArray[np.floating]) -> Weighted | None:
    """A metric of DEFINITIONS for many resamples; None for the area of many classes, which would take too long.

    Raises:
        KeyError: Another metric.
    """
    classes = probabilities.shape[1]
    if classes > TWO and metric == "val_auroc":
        return None
    predicted = probabilities.argmax(axis=1)
    actual, claimed = one_of(labels, classes), one_of(predicted, classes)
    kinds: dict[str, Callable[[], Weighted]] = {
        "val_loss": lambda: mean_of(row_losses(labels, probabilities)),
        "val_accuracy": lambda: mean_of((predicted == labels).astype(np.float64)),
        "val_balanced_accuracy": lambda: macro_recall(actual, claimed),
        "val_macro_f1": lambda: macro_f1(actual, claimed),
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
    labels: NDArray[np.int64], predicted: NDArray[np.int64], classes: int, groups: Groups | None
) -> tuple[ClassFigures, ...]:
    from sklearn.metrics import precision_recall_fscore_support

    scores = precision_recall_fscore_support(labels, predicted, labels=np.arange(classes), zero_division=0)
    return class_figures(scores, one_of(labels, classes), one_of(predicted, classes), groups)


def class_figures(
    scores: tuple[NDArray[Any], ...], actual: Any, claimed: Any, groups: Groups | None
) -> tuple[ClassFigures, ...]:
    """The figures of each class, with intervals.

    Args:
        scores: Precision, recall, F1 and support of each class, as scikit-learn gives them.
        actual: Sparse (rows, classes) of 0 and 1: of the class.
        claimed: Sparse (rows, classes) of 0 and 1: predicted as the class.
        groups: Of the rows; None when each stands alone.
    """
    hits = actual.multiply(claimed)
    intervals = zip(
        share_intervals(hits, claimed, groups),
        share_intervals(hits, actual, groups),
        # F1 is 2 J / (1 + J), where J is the share of hits among the rows that are or are called the class.
        share_intervals(hits, actual + claimed - hits, groups),
        strict=True,
    )
    called = np.asarray(claimed.sum(axis=0)).ravel()
    return tuple(
        ClassFigures(
            index=c,
            support=int(support),
            claimed=int(called[c]),
            precision=float(precision),
            recall=float(recall),
            f1=float(f1),
            precision_interval=of_claimed,
            recall_interval=of_actual,
            f1_interval=(2 * low / (1 + low), 2 * high / (1 + high)),
        )
        for c, (precision, recall, f1, support, (of_claimed, of_actual, (low, high))) in enumerate(
            zip(*scores, intervals, strict=True)
        )
    )


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
