"""What sums show where a class was given to each pixel or token, or a step knew its loss alone.

Everything is computed from the sums of each validation row, float64 (rows, columns), as training added them up; of a
step from those of each batch. Intervals come from rows, or batches, that are drawn again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from firstlight.results.resamples import Drawn, Weighted, draw
from firstlight.tasks import language, segmentation, step, tokens
from firstlight.tasks.running import Totals, ratio

if TYPE_CHECKING:
    from numpy.typing import NDArray

METRICS: dict[str, Callable[[NDArray[np.float64]], dict[str, NDArray[np.float64]]]] = {
    "segmentation": segmentation.metrics,
    "tokens": tokens.metrics,
    "language": language.metrics,
    "step": step.metrics,
}
WITH_CLASSES = ("segmentation", "tokens")
FEWEST_BATCHES = 10  # judgement: below this, batches drawn again say too little about other ones
MOST_CELLS = (
    4_000_000  # rows x columns; above, resampling takes too long and classes have no intervals (judgement)
)
WORST_ROWS = 12  # judgement: what one looks at before forming a suspicion
PLACE = {"segmentation": "pixel", "tokens": "token", "language": "token"}
DEFINITIONS = {
    "segmentation": {
        "val_loss": "cross-entropy in nats, mean over the pixels that count",
        "val_mean_iou": "intersection over union of each class over all pixels, mean of the classes that occur",
        "val_accuracy": "share of the pixels that are right",
    },
    "tokens": {
        "val_loss": "cross-entropy in nats, mean over the tokens that count",
        "val_accuracy": "share of the tokens that are right",
        "val_macro_f1": "mean F1 of the classes that occur, over all tokens",
    },
    "language": {
        "val_loss": "cross-entropy in nats, mean over the tokens that count",
        "val_perplexity": "e to the power of the loss",
        "val_accuracy": "share of the tokens that were thought most probable",
    },
    "step": {"val_loss": "the loss of the step, mean over the batches, weighed by their rows"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassFigure:
    """One class over all places."""

    index: int
    places: int  # that have it
    score: float  # IoU of pixels, F1 of tokens
    interval: tuple[float, float] | None
    precision: float
    recall: float


@dataclass(frozen=True, slots=True, kw_only=True)
class WrongRow:
    """One validation row whose loss is high."""

    row: int  # position in the validation part
    loss: float  # nats, mean over its places
    accuracy: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AddedUp:
    """Everything that the sums show."""

    task: str
    rows: int
    noun: str  # what was drawn again: "row" or "batch"
    metrics: dict[str, float]
    intervals: dict[str, tuple[float, float]]
    notes: tuple[str, ...]
    per_class: tuple[ClassFigure, ...]
    worst: tuple[WrongRow, ...]


def added_up(task: str, sums: NDArray[np.float64], *, seed: int = 0) -> AddedUp:
    """Computes everything that a report shows.

    Args:
        task: One of METRICS.
        sums: (rows, columns), at least one row.
        seed: Of the resamples behind the intervals.

    Raises:
        ValueError: There is no row, or a sum that is not finite.
    """
    if sums.ndim != 2 or not len(sums) or not np.isfinite(sums).all():
        raise ValueError(f"sums {sums.shape} of rows, all finite, are wanted")
    classes = _classes(sums) if task in WITH_CLASSES else ()
    drawn, notes = _drawn(task, sums, classes, seed)
    intervals = {name: drawn.interval(name) for name in drawn.observed} if drawn else {}
    known = {name: ends for name, ends in intervals.items() if np.isfinite(ends).all()}
    total = sums.sum(axis=0, keepdims=True)
    return AddedUp(
        task=task,
        rows=len(sums),
        noun="batch" if task == "step" else "row",
        metrics={name: float(value[0]) for name, value in METRICS[task](total).items()},
        intervals={name: ends for name, ends in known.items() if name in METRICS[task](total)},
        notes=notes,
        per_class=_per_class(task, total, known) if task in WITH_CLASSES else (),
        worst=_worst(task, sums),
    )


def truth(task: str, sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """What the sums say of the targets alone, (rows, columns): places of each class, or places, or rows of a batch."""
    return Totals.of(sums).actual if task in WITH_CLASSES else sums[:, 1:2]


def weighted(metric: str, task: str, sums: NDArray[np.float64]) -> Weighted:
    """A metric for many resamples.

    Raises:
        KeyError: The task has no such metric.
    """
    if metric not in DEFINITIONS[task]:
        raise KeyError(metric)
    return lambda times: METRICS[task](times @ sums)[metric]


def _drawn(
    task: str, sums: NDArray[np.float64], classes: tuple[int, ...], seed: int
) -> tuple[Drawn | None, tuple[str, ...]]:
    """Metrics, and scores of classes by their number as text, on the same resamples."""
    if task == "step" and len(sums) < FEWEST_BATCHES:
        return None, (f"no interval: {len(sums)} validation batches are too few to draw from",)
    metrics = {name: weighted(name, task, sums) for name in DEFINITIONS[task]}
    notes: tuple[str, ...] = ()
    if sums.size <= MOST_CELLS:
        metrics |= {str(index): _class_score(task, sums, index) for index in classes}
    elif classes:
        notes = (f"classes have no interval: {len(sums):,} rows by {len(classes):,} are too many",)
    return draw(metrics, len(sums), width=sums.shape[1], seed=seed), notes


def _classes(sums: NDArray[np.float64]) -> tuple[int, ...]:
    """Those that occur."""
    return tuple(np.flatnonzero(Totals.of(sums).actual.sum(axis=0)).tolist())


def _class_score(task: str, sums: NDArray[np.float64], index: int) -> Weighted:
    width = (sums.shape[1] - 1) // 3
    own = sums[:, [0, *(1 + index + width * table for table in range(3))]]
    return lambda times: _score(task, Totals.of(times @ own))[:, 0]


def _score(task: str, totals: Totals) -> NDArray[np.float64]:
    return totals.iou if task == "segmentation" else totals.f1


def _per_class(
    task: str, total: NDArray[np.float64], intervals: dict[str, tuple[float, float]]
) -> tuple[ClassFigure, ...]:
    totals = Totals.of(total)
    score, precision = _score(task, totals)[0], ratio(totals.hits, totals.claimed)[0]
    recall = ratio(totals.hits, totals.actual)[0]
    return tuple(
        ClassFigure(
            index=index,
            places=int(totals.actual[0, index]),
            score=float(score[index]),
            interval=intervals.get(str(index)),
            precision=float(precision[index]),
            recall=float(recall[index]),
        )
        for index in np.flatnonzero(totals.actual[0]).tolist()
    )


def _worst(task: str, sums: NDArray[np.float64]) -> tuple[WrongRow, ...]:
    """Rows with the highest mean loss; of a step none, whose batches are no rows."""
    if task == "step":
        return ()
    found = METRICS[task](sums)
    loss = np.nan_to_num(found["val_loss"], nan=-np.inf)
    order = np.argsort(-loss, kind="stable")[:WORST_ROWS]
    return tuple(
        WrongRow(row=int(row), loss=float(loss[row]), accuracy=float(found["val_accuracy"][row]))
        for row in order
        if np.isfinite(loss[row])
    )
