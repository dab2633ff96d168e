"""The best checkpoint's predictions of the validation part: read back, and measured by the code of their task."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from firstlight.experiment.folder import Folder
from firstlight.results.added_up import METRICS, AddedUp, added_up
from firstlight.results.classification import Classification, classification
from firstlight.results.files import Reader
from firstlight.results.groups import Groups, grouped
from firstlight.results.multilabel import Multilabel, multilabel
from firstlight.results.regression import Regression, regression

if TYPE_CHECKING:
    from numpy.typing import NDArray

# All have rows, metrics, intervals and notes; the rest is what their task can show.
Figures = Classification | Multilabel | Regression | AddedUp
# The metric that people quote, where none was chosen.
TASK_METRIC = {
    "classification": "val_accuracy",
    "multilabel": "val_macro_f1",
    "regression": "val_r2",
    "segmentation": "val_mean_iou",
    "tokens": "val_accuracy",
    "language": "val_perplexity",
    "step": "val_loss",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Predictions:
    """The best checkpoint on the validation part."""

    task: str  # one of TASK_METRIC
    ids: NDArray[np.str_]  # (rows,)
    targets: NDArray[
        Any
    ]  # (rows,), or (rows, labels) of 0 and 1; none, (rows, 0), where metrics were added up
    # probabilities (rows, classes) or (rows, labels), numbers (rows,), or the sums (rows, columns) of added metrics
    values: NDArray[Any]
    classes: tuple[str, ...]  # none for a regression
    target_std: float | None = None  # of a regression: deviation of the training targets
    own_loss: bool = False  # val_loss is of a person's own loss, which predictions alone do not give
    groups: Groups | None = None  # of the rows, by data.group; None when each stands alone


def read_predictions(reader: Reader, folder: Folder) -> Predictions | None:
    """Reads logs/predictions_val.npz; None when it is missing or damaged."""
    arrays = reader.arrays(folder.predictions, ("task", "ids", "classes"))
    if arrays is None:
        return None
    sums = arrays.get("sums")
    if sums is None:
        arrays = reader.arrays(folder.predictions, ("targets", "predictions")) or {}
    else:
        arrays |= {"targets": np.empty((len(sums), 0)), "predictions": sums}
    problem = _unfit(arrays) if arrays else None
    if problem:
        reader.problems.append(f"logs/predictions_val.npz: {problem}")
    if problem or not arrays:
        return None
    std = arrays.get("target_std")
    return Predictions(
        task=str(arrays["task"]),
        ids=arrays["ids"],
        targets=arrays["targets"],
        values=arrays["predictions"],
        classes=tuple(str(name) for name in arrays["classes"]),
        target_std=None if std is None or std.size != 1 else float(std.item()),
        own_loss="own_loss" in arrays,
        groups=_groups(reader, arrays),
    )


def _unfit(arrays: dict[str, NDArray[Any]]) -> str | None:
    """Why the arrays of a known task are not of one another; None when they are."""
    task, targets, values = str(arrays["task"]), arrays["targets"], arrays["predictions"]
    rows, width = arrays["ids"].shape[:1], arrays["classes"].shape
    shapes = {
        "classification": (rows, rows + width, "iu"),
        "multilabel": (rows + width, rows + width, "iuf"),
        "regression": (rows, rows, "iuf"),
    }
    if task not in shapes:
        return None  # told when it is to be measured
    wanted, given, kinds = shapes[task]
    if len(width) != 1 or targets.shape != wanted or values.shape != given:
        return (
            f"{rows} ids, {width} classes, targets {targets.shape} and predictions {values.shape} do not fit"
        )
    std = arrays.get("target_std", values)
    if targets.dtype.kind not in kinds or values.dtype.kind != "f" or std.dtype.kind != "f":
        return f"targets are {targets.dtype}, predictions {values.dtype}"
    if task == "classification" and targets.size and not 0 <= targets.min() <= targets.max() < width[0]:
        return f"a target is none of {width[0]} classes"
    return None


def _groups(reader: Reader, arrays: dict[str, NDArray[Any]]) -> Groups | None:
    """Of the rows; those that do not fit are told and left."""
    found = arrays.get("groups")
    if found is None:
        return None
    if found.shape != arrays["ids"].shape or not np.issubdtype(found.dtype, np.integer):
        told = f"groups {found.dtype} {found.shape} do not fit {len(arrays['ids']):,} rows"
        reader.problems.append(f"logs/predictions_val.npz: {told}; intervals take each row to stand alone")
        return None
    return grouped(found)


def measure(reader: Reader, predictions: Predictions | None) -> Figures | None:
    """Everything that the predictions show; None, and a problem told, when they cannot be measured."""
    if predictions is None:
        return None
    try:
        found = _of_task(predictions)
    except ValueError as error:
        reader.problems.append(f"logs/predictions_val.npz: {error}")
        return None
    if not predictions.own_loss:
        return found
    metrics = {name: value for name, value in found.metrics.items() if name != "val_loss"}
    intervals = {name: bounds for name, bounds in found.intervals.items() if name != "val_loss"}
    return replace(found, metrics=metrics, intervals=intervals)


def _of_task(predictions: Predictions) -> Figures:
    targets, values, groups = predictions.targets, predictions.values, predictions.groups
    match predictions.task:
        case "classification":
            return classification(targets, values, groups=groups)
        case "multilabel":
            return multilabel(targets, values, groups=groups)
        case "regression":
            return regression(targets, values, target_std=predictions.target_std, groups=groups)
        case task if task in METRICS:
            return added_up(task, values)
    raise ValueError(f"the task {predictions.task!r} is not known")
