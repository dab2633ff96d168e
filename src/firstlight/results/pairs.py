"""Two models on the same rows: how far they are apart in a metric, with the luck of the rows taken out.

accuracy            matched pairs, with an exact McNemar test (`intervals.paired_difference`)
any other metric    a paired bootstrap over rows (`resamples.draw`)

Where the rows have groups, both go over groups, and there is no McNemar test.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from firstlight.experiment.records import Reference
from firstlight.results import added_up, classification, multilabel, regression
from firstlight.results.files import AGREEMENT, Reader
from firstlight.results.intervals import Paired, paired_difference
from firstlight.results.predictions import Predictions
from firstlight.results.resamples import Weighted, draw

if TYPE_CHECKING:
    from numpy.typing import NDArray

ACCURACY = "val_accuracy"
OWN = "this model"


def differences(
    metric: str, predictions: Predictions, others: Mapping[str, NDArray[Any]], *, seed: int = 0
) -> dict[str, Paired]:
    """The metric of the model minus that of each other one.

    Args:
        metric: One that the task measures.
        predictions: Of the model.
        others: Name -> what another model says of the same rows, in the form of `predictions.values`.
        seed: Of the resamples.

    Returns:
        One for each other; none at all when the metric cannot be had for resamples.
    """
    if predictions.task == "classification" and metric == ACCURACY:
        own = correct(predictions.values, predictions.targets)
        return {
            name: paired_difference(own, correct(values, predictions.targets), predictions.groups)
            for name, values in others.items()
        }
    each = {OWN: predictions.values, **others}
    metrics = {
        name: found for name, values in each.items() if (found := _weighted(metric, predictions, values))
    }
    if len(metrics) < len(each):
        return {}
    drawn = draw(
        metrics,
        len(predictions.targets),
        groups=predictions.groups,
        cells=predictions.values.size if predictions.task == "multilabel" else 0,
        width=max(
            3 * len(predictions.classes), _columns(predictions)
        ),  # sums of each class: rows, predicted as it, hits
        seed=seed,
    )
    pairs = {name: drawn.difference(OWN, name) for name in others}
    return {name: pair for name, pair in pairs.items() if math.isfinite(pair.low)}


def correct(values: NDArray[Any], labels: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether each row's most probable class is right, (rows,)."""
    return np.asarray(values.argmax(axis=1) == labels)


def beside_references(
    reader: Reader,
    metric: str,
    predictions: Predictions,
    references: Sequence[Reference],
    scores: Mapping[str, NDArray[Any]],
) -> dict[str, Paired]:
    """The model beside each reference whose answers are in the files; what does not fit is told.

    Args:
        reader: Keeps the problems.
        metric: The one that is judged.
        predictions: Of the model.
        references: What was run.
        scores: Reference -> (rows,) numbers or probabilities of the second class, or (rows, labels).
    """
    measured = [r for r in references if math.isfinite(r.metrics.get(metric, math.nan))]
    if predictions.task == "classification" and metric == ACCURACY:
        return _accuracy_pairs(reader, predictions, measured)
    others = {}
    for reference in measured:
        answers = scores.get(reference.name)
        if answers is None:
            continue
        values = as_predicted(answers, predictions)
        if values is None:
            told = f"{reference.name} has {answers.shape}, the model {predictions.values.shape}"
            reader.problems.append(f"logs/references.npz: {told}")
        else:
            others[reference.name] = values
    return differences(metric, predictions, others)


def beside_others(
    metric: str,
    own: Predictions,
    others: Mapping[str, NDArray[Any]],
    references: Sequence[Reference],
) -> dict[str, Paired]:
    """A model beside others by their answers, and for the accuracy also by what was right and wrong."""
    pairs = differences(metric, own, others)
    if own.task == "classification" and metric == ACCURACY:
        right = correct(own.values, own.targets)
        for reference in references:
            if reference.name not in pairs and len(reference.correct) == len(right):
                other = np.array(reference.correct, dtype=bool)
                pairs[reference.name] = paired_difference(right, other, own.groups)
    return pairs


def check_recorded(
    reader: Reader, metric: str, value: float, pairs: Mapping[str, Paired], references: Sequence[Reference]
) -> None:
    """Tells where a reference's rows give another figure than logs/references.json has."""
    for reference in references:
        if reference.name not in pairs:
            continue
        found, recorded = value - pairs[reference.name].difference, reference.metrics[metric]
        if not math.isclose(found, recorded, rel_tol=AGREEMENT, abs_tol=AGREEMENT):
            reader.problems.append(
                f"{metric} of {reference.name} is {recorded:.6g} in logs/references.json and {found:.6g} "
                "from its rows"
            )


def _accuracy_pairs(
    reader: Reader, predictions: Predictions, references: Sequence[Reference]
) -> dict[str, Paired]:
    own = correct(predictions.values, predictions.targets)
    pairs = {}
    for reference in references:
        if len(reference.correct) == len(own):
            other = np.array(reference.correct, dtype=bool)
            pairs[reference.name] = paired_difference(own, other, predictions.groups)
        elif reference.correct:
            reader.problems.append(
                f"logs/references.json: {reference.name} has {len(reference.correct):,} rows, "
                f"the model {len(own):,}"
            )
    return pairs


def as_predicted(answers: NDArray[Any], predictions: Predictions) -> NDArray[Any] | None:
    """A reference's answers in the form of the model's; None when they are of other rows or not finite."""
    wanted = predictions.values.shape
    if answers.dtype.kind not in "fiub":
        return None
    if predictions.task == "classification" and answers.shape == wanted[:1] and wanted[1:] == (2,):
        answers = np.stack([1 - answers, answers], axis=1)
    return answers if answers.shape == wanted and np.isfinite(answers).all() else None


def _weighted(metric: str, predictions: Predictions, values: NDArray[Any]) -> Weighted | None:
    targets = predictions.targets
    try:
        match predictions.task:
            case "classification":
                return classification.weighted(metric, targets, values)
            case "multilabel":
                return multilabel.weighted(metric, targets, values)
            case "regression":
                return regression.weighted(metric, targets, values, predictions.target_std)
            case task if task in added_up.METRICS:
                return _enough(added_up.weighted(metric, task, values), task, len(values))
    except KeyError:  # a metric of another task, or the loss without the deviation that it is measured in
        return None
    return None


def _columns(predictions: Predictions) -> int:
    """Sums that a row has, where metrics are added up."""
    return predictions.values.shape[1] if predictions.task in added_up.METRICS else 0


def _enough(metric: Weighted, task: str, rows: int) -> Weighted | None:
    """None for a step with too few batches to draw from."""
    return None if task == "step" and rows < added_up.FEWEST_BATCHES else metric
