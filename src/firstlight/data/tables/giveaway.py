"""How well each column alone predicts the target: a column that does so nearly without fault gives it away.

A column is cut into groups (quantile bins of a number, values of a category), the mean of the target in each group
is taken from training rows, and validation rows are scored with it. A group's mean is drawn towards the mean of all,
so that a name for every row scores nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from firstlight.data.examples import Split
    from firstlight.data.tables.encoder import Encoded, Encoder
    from firstlight.data.tables.task import TargetValues

ROWS = 50_000  # training rows, and half as many validation rows: enough for a score with two digits
BINS = 256  # of a number
PRIOR = 1.0  # rows of the overall mean that each group is given
MOST_CLASSES = 50  # classes, the commonest, that are told from the others one by one
LEAST = 10  # validation rows on each side of a score; with fewer a perfect one is luck (judgement)

Measure = Literal["auroc", "r2"]


def scores(
    encoder: Encoder, inputs: Encoded, target: TargetValues, split: Split
) -> Iterator[tuple[str, Measure, float]]:
    """Column, measure and score on validation rows of every input; nothing where too few rows can be scored.

    AUROC of the classes or labels, the mean over those that can be scored, or R2 of a quantity.
    """
    train, val = split.train[:: _stride(split.train, ROWS)], split.val[:: _stride(split.val, ROWS // 2)]
    wanted = _outcomes(target, train)
    truth, seen = wanted[train], wanted[val]
    if len(train) < LEAST or len(val) < LEAST:
        return
    measure: Measure = "r2" if target.task == "regression" else "auroc"
    for name, groups in _grouped(encoder, inputs, train, np.concatenate([train, val])):
        guess = _means(groups[: len(train)], truth)[groups[len(train) :]]
        score = _r2(seen[:, 0], guess[:, 0]) if measure == "r2" else _auroc(seen, guess)
        if score is not None:
            yield name, measure, score
    if measure == "r2":
        yield from _linear(encoder, inputs, truth[:, 0], seen[:, 0], train, val)


def _stride(rows: NDArray[np.int64], most: int) -> int:
    return max(1, -(-len(rows) // most))


def _outcomes(target: TargetValues, train: NDArray[np.int64]) -> NDArray[np.float32]:
    """(rows, outcomes): the quantity, the labels, or one column a class."""
    if target.task == "regression":
        numbers = target.values - target.values[train].mean()
        return np.asarray(numbers[:, None] / (numbers[train].std() or 1.0), np.float32)
    if target.task == "multilabel":
        return np.asarray(target.values[:, :MOST_CLASSES], np.float32)
    common = np.argsort(-np.bincount(target.values[train], minlength=len(target.classes)), kind="stable")
    wanted = common[: 1 if len(target.classes) == 2 else MOST_CLASSES]
    return np.asarray(target.values[:, None] == wanted, np.float32)


def _grouped(
    encoder: Encoder, inputs: Encoded, train: NDArray[np.int64], rows: NDArray[np.int64]
) -> Iterator[tuple[str, NDArray[np.int64]]]:
    """Every input as the number of a group; missing is a group of its own."""
    for place, number in enumerate(encoder.numbers):
        found = inputs.numbers[train, place]
        found = found[~np.isnan(found)]
        if len(found):
            edges = np.unique(np.quantile(found, np.linspace(0, 1, BINS + 1)[1:-1], method="nearest"))
            values = inputs.numbers[rows, place]
            yield (
                number.column,
                np.where(np.isnan(values), len(edges) + 1, np.searchsorted(edges, values, side="left")),
            )
    for place, category in enumerate(encoder.categories):
        yield category.column, inputs.codes[rows, place].astype(np.int64)


def _means(groups: NDArray[np.int64], truth: NDArray[np.float32]) -> NDArray[np.float64]:
    """(groups, outcomes): the mean outcome of each group, that of all where a group has no rows."""
    size = int(groups.max()) + 1
    sums = np.stack(
        [np.bincount(groups, weights=column, minlength=size + BINS + 2) for column in truth.T], axis=1
    )
    counts = np.bincount(groups, minlength=size + BINS + 2)[:, None]
    return np.asarray((sums + PRIOR * truth.mean(axis=0)) / (counts + PRIOR), np.float64)


def _auroc(truth: NDArray[np.float32], guess: NDArray[np.float64]) -> float | None:
    """The mean of the outcomes that have enough rows on both sides.

    By the rank sum of Mann and Whitney: sklearn's checks of its arguments take 10 ms a column.
    """
    from scipy.stats import rankdata

    yes = truth.sum(axis=0, dtype=np.float64)
    no = len(truth) - yes
    scored = (yes >= LEAST) & (no >= LEAST)
    if not scored.any():
        return None
    ranks = (rankdata(guess[:, scored], axis=0) * truth[:, scored]).sum(axis=0)
    yes, no = yes[scored], no[scored]
    return float(np.mean((ranks - yes * (yes + 1) / 2) / (yes * no)))


def _r2(truth: NDArray[np.float32], guess: NDArray[np.float64]) -> float | None:
    spread = float(((truth - truth.mean()) ** 2).sum())
    return 1 - float(((truth - guess) ** 2).sum()) / spread if spread else None


def _linear(
    encoder: Encoder,
    inputs: Encoded,
    truth: NDArray[np.float32],
    seen: NDArray[np.float32],
    train: NDArray[np.int64],
    val: NDArray[np.int64],
) -> Iterator[tuple[str, Measure, float]]:
    """Straight lines: a quantity in another unit has too long tails for bins."""
    for place, number in enumerate(encoder.numbers):
        x, y = inputs.numbers[train, place].astype(np.float64), inputs.numbers[val, place].astype(np.float64)
        known, asked = ~np.isnan(x), ~np.isnan(y)
        if known.sum() >= LEAST and asked.sum() >= LEAST and np.ptp(x[known]):
            slope, offset = np.polyfit(x[known], truth[known], 1)
            score = _r2(seen[asked], slope * y[asked] + offset)
            if score is not None:
                yield number.column, "r2", score
