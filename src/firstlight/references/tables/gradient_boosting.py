"""Gradient boosting, the model to beat on tables: scikit-learn's histogram boosting, kept as tensors.

How many rounds there are is chosen on a sixth of the training rows that is kept apart, whole groups or the latest
where the data has such; then the trees are grown again on all of them. A split looks at half of the columns,
drawn anew for each: of 13 tables 7 were predicted better for it, 4 worse and 2 the same (docs/log.md).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from firstlight.references.apart import NO_BONDS, Bonds, apart
from firstlight.references.spec import TASKS, Answer, ReferenceSpec
from firstlight.references.tables.features import TableRows, predictions, some_rows
from firstlight.references.weights import of_label, some, weighted_mean
from firstlight.text import count, duration

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from firstlight.data.tables.batches import TableInputs
    from firstlight.models.gradient_boosting import Forest, TreeEnsemble

APART = 6  # one row in so many chooses the number of rounds
FEWEST_ROWS = 30  # below this nothing is kept apart (judgement)
ROUNDS_UNCHOSEN = 50  # rounds where nothing can be kept apart (judgement)
FIRST_ROUNDS = 16  # looked at first, then always twice as many
MOST_ROUNDS = 1024
PATIENCE = 20  # rounds without gain, beside a tenth of the best number, that end the search
MOST_KNOWN = 254  # categories of a column that keep a value of their own; the rarer ones share one more
# From this many rows on larger steps and trees lose nothing and take a third of the time (Adult, diamonds).
MANY_ROWS = 10_000
SETTINGS: dict[str, Any] = {"l2_regularization": 1.0, "max_features": 0.5, "early_stopping": False}
SMALL_DATA = {"learning_rate": 0.05, "max_leaf_nodes": 15, "min_samples_leaf": 5}
LARGE_DATA = {"learning_rate": 0.1, "max_leaf_nodes": 31, "min_samples_leaf": 10}
ROW_COST = 6e-9  # seconds of one core for a row and a column in a tree; measured 2.6e-9 to 8.1e-9 on a Xeon
TREE_COST = 3e-5  # seconds for a column in a tree, whatever the rows
ROUNDS_NEEDED = 60  # a time that does not suffice for so many means fewer rows (judgement)
CHOICE_SHARE = 0.5  # of the time; growing again takes about as long
ABSENT = -20.0  # logit of a class that the training rows do not have, e^-20 = 2e-9


class Grown(NamedTuple):
    """What `fit` gives."""

    model: TreeEnsemble
    note: str


class _Columns(NamedTuple):
    values: NDArray[np.float64]  # (rows, categories + numbers)
    categories: int
    weights: NDArray[np.float64] | None = None  # (rows,), or (rows, labels)
    bonds: Bonds = NO_BONDS


def run(rows: TableRows, seconds: float, seed: int) -> Answer:
    """Grows and answers; not run when even few trees of few rows would take longer than `seconds`."""
    import torch

    grown = fit(
        rows.train,
        rows.targets,
        cardinalities=rows.cardinalities,
        task=rows.task,
        outputs=rows.outputs,
        seconds=seconds,
        seed=seed,
        weights=rows.weights,
        bonds=rows.bonds,
    )
    if grown is None:
        size = f"{count(rows.outputs, 'output')} x {count(_width(rows.train), 'column')}"
        return Answer(predicted=None, note=f"not run: {size} are too much for {duration(seconds)}")
    with torch.inference_mode():
        scores = grown.model(rows.val)
    return Answer(predicted=predictions(scores, rows.task), note=grown.note, model=grown.model)


def fit(
    inputs: TableInputs,
    targets: NDArray[Any],
    *,
    cardinalities: tuple[int, ...],
    task: str,
    outputs: int,
    seconds: float,
    seed: int,
    weights: NDArray[np.float64] | None = None,
    bonds: Bonds = NO_BONDS,
) -> Grown | None:
    """Grows an ensemble on training rows.

    Args:
        inputs: (rows, ...), on the processor.
        targets: As in TableRows.
        cardinalities: Codes of each category column, 0 included.
        task: One of TASKS; several labels get an ensemble each.
        outputs: Classes or labels; 1 for regression.
        seconds: What it may take, roughly: with little, fewer rows and fewer rounds.
        seed: Of the columns that a split looks at, and of the rows that are used when not all are.
        weights: float64 (rows,), or (rows, labels): how much each counts; None = all alike.
        bonds: Groups and times of the rows.

    Returns:
        None when even few trees of few rows would take longer.
    """
    from firstlight.data.tables.batches import TableInputs
    from firstlight.models.gradient_boosting import ensemble

    affordable = _affordable_rows(_width(inputs), outputs, seconds)
    if affordable < min(len(targets), max(FEWEST_ROWS, 2 * outputs)):
        return None
    rows = some_rows(len(targets), affordable, seed=seed)
    part = TableInputs(inputs.numbers[rows], inputs.codes[rows])
    maps = [_values_of_codes(part.codes[:, j].numpy(), size) for j, size in enumerate(cardinalities)]
    empty = ensemble([], np.zeros(outputs), maps, numbers=part.numbers.shape[1])
    values = empty.columns(part).numpy()
    columns = _Columns(values, len(cardinalities), some(weights, rows), bonds.some(rows))
    forests, baseline = _forests(columns, targets[rows], task, outputs, seconds, seed)
    model = ensemble(forests, baseline, maps, numbers=part.numbers.shape[1])
    notes = [f"{count(sum(len(f.rounds) for f in forests), 'round')} of trees"]
    if len(rows) < len(targets):
        notes.append(f"fitted on {len(rows):,} of {len(targets):,} training rows")
    return Grown(model, "; ".join(notes))


def _width(inputs: TableInputs) -> int:
    return inputs.numbers.shape[1] + inputs.codes.shape[1]


def _affordable_rows(columns: int, outputs: int, seconds: float) -> int:
    """Training rows with which the needed rounds can be looked at in the first part of the time."""
    tree = seconds * CHOICE_SHARE / (ROUNDS_NEEDED * outputs)
    return int(max(0.0, tree - TREE_COST * columns) / (ROW_COST * max(columns, 1)))


def _values_of_codes(codes: NDArray[Any], cardinality: int) -> NDArray[np.int16]:
    """The value of each code, int16 (cardinality,): frequent ones their own, rare ones share the last, others -1."""
    frequency = np.bincount(codes, minlength=cardinality)
    seen = np.argsort(-frequency, kind="stable")[: np.count_nonzero(frequency)]
    values = np.full(cardinality, -1, np.int16)
    values[seen] = np.minimum(np.arange(len(seen)), MOST_KNOWN)
    return values


def _forests(
    columns: _Columns, targets: NDArray[Any], task: str, outputs: int, seconds: float, seed: int
) -> tuple[list[Forest], NDArray[np.float64]]:
    """The trees of every output and the scores before them, (outputs,)."""
    ends = time.perf_counter() + seconds
    if task != "multilabel":
        forest, baseline = _forest(columns, targets, task, outputs, seconds, seed)
        return [forest], baseline
    forests, baselines = [], np.zeros(outputs)
    for label in range(outputs):
        left = (ends - time.perf_counter()) / (outputs - label)
        own = columns._replace(weights=of_label(columns.weights, label))
        forest, two = _forest(own, targets[:, label].astype(np.int64), "classification", 2, left, seed)
        forests.append(forest._replace(outputs=(label,) * len(forest.outputs)))
        baselines[label] = two[1] - two[0]
    return forests, baselines


def _forest(
    columns: _Columns, targets: NDArray[Any], task: str, outputs: int, seconds: float, seed: int
) -> tuple[Forest, NDArray[np.float64]]:
    """The trees of one estimator: all classes, or a number."""
    from firstlight.models.gradient_boosting import Forest

    baseline = np.full(outputs, 0.0 if task == "regression" else ABSENT)
    present = np.arange(1) if task == "regression" else np.unique(targets)
    if task == "classification" and len(present) == 1:
        baseline[present] = 0.0
        return Forest((), ()), baseline
    rounds = _choose_rounds(columns, targets, task, seconds * CHOICE_SHARE, seed)
    estimator = _estimator(columns, len(targets), task, seed).set_params(max_iter=rounds)
    _grow(estimator, columns.values, targets, columns.weights)
    # scikit-learn has no public name for its trees; exporters such as skl2onnx read the same two.
    start = estimator._baseline_prediction[0]
    if len(present) == 2:  # one score, which is the log odds of the second
        baseline[present] = 0.0, start[0]
        return Forest(estimator._predictors, (int(present[1]),)), baseline
    baseline[present] = start
    return Forest(estimator._predictors, tuple(present.tolist())), baseline


def _estimator(columns: _Columns, rows: int, task: str, seed: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    kind = HistGradientBoostingRegressor if task == "regression" else HistGradientBoostingClassifier
    sizes = LARGE_DATA if rows >= MANY_ROWS else SMALL_DATA
    categorical = np.arange(columns.values.shape[1]) < columns.categories
    return kind(**SETTINGS, **sizes, categorical_features=categorical, random_state=seed, warm_start=True)


def _grow(
    estimator: Any,
    columns: NDArray[np.float64],
    targets: NDArray[Any],
    weights: NDArray[np.float64] | None,
) -> None:
    # scikit-learn 1.9 fails on a column without any value; a constant one is never split on either.
    nothing = np.isnan(columns).all(axis=0)
    filled = np.where(nothing, 0.0, columns) if nothing.any() else columns
    estimator.fit(filled, targets, sample_weight=weights)


def _choose_rounds(columns: _Columns, targets: NDArray[Any], task: str, seconds: float, seed: int) -> int:
    """The number of rounds with the smallest loss on the part kept apart; of those grown within `seconds`."""
    rest, chosen = apart(targets, APART, columns.bonds, columns.weights)
    lone = task == "classification" and len(np.unique(targets[rest])) < 2
    if len(targets) < FEWEST_ROWS or not len(chosen) or lone:
        return ROUNDS_UNCHOSEN
    estimator = _estimator(columns, len(targets), task, seed)
    weights, apart_weights = (some(columns.weights, part) for part in (rest, chosen))
    started, grown, target_rounds = time.perf_counter(), 0, FIRST_ROUNDS
    while True:
        began = time.perf_counter()
        _grow(estimator.set_params(max_iter=target_rounds), columns.values[rest], targets[rest], weights)
        staged = _staged(estimator, columns.values[chosen])
        losses = [_loss(scores, targets[chosen], estimator, apart_weights) for scores in staged]
        best = int(np.argmin(losses)) + 1
        now = time.perf_counter()
        a_round = (now - began) / (target_rounds - grown)
        grown = target_rounds
        more = min(grown, MOST_ROUNDS - grown, int((seconds - (now - started)) / a_round))
        if grown - best > PATIENCE + best // 10 or more < 1:
            return best
        target_rounds = grown + more


def _staged(estimator: Any, columns: NDArray[np.float64]) -> Iterator[NDArray[np.float64]]:
    """Raw scores after 1, 2, ... rounds."""
    staged = getattr(estimator, "staged_decision_function", None) or estimator.staged_predict
    yield from staged(columns)


def _loss(
    scores: NDArray[np.float64],
    targets: NDArray[Any],
    estimator: Any,
    weights: NDArray[np.float64] | None,
) -> float:
    """Mean squared error, or mean cross-entropy; each class was fitted on."""
    import torch

    classes = getattr(estimator, "classes_", None)
    if classes is None:
        return weighted_mean(np.square(scores - targets), weights)
    logits = np.stack([np.zeros_like(scores), scores], axis=1) if scores.ndim == 1 else scores
    logs = torch.from_numpy(logits).log_softmax(dim=1)
    losses = -logs[torch.arange(len(logs)), torch.from_numpy(np.searchsorted(classes, targets))]
    return weighted_mean(losses.numpy(), weights)


REFERENCE = ReferenceSpec(name="gradient_boosting", tasks=TASKS, run=run, share=3.0)
