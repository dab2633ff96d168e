"""What a person's targets are, by their type and form: the task, and the targets as one array."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from firstlight.data.examples import UNKNOWN_TARGETS
from firstlight.errors import DataError, UsageError
from firstlight.own.form import described
from firstlight.text import count, number

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from firstlight.data.examples import Examples
    from firstlight.own.counts import Counts
    from firstlight.own.given import Given


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The targets that were read."""

    task: str
    classes: tuple[str, ...]
    values: NDArray[Any]  # of the rows that were read, in rising order of rows
    rows: NDArray[np.int64]
    said: str  # in words
    counts: Counts | None = None  # of targets with many places
    shifted: bool = False  # of a language: targets are the inputs

    def filled(self, rows: int, read: NDArray[np.bool_]) -> NDArray[Any]:
        """All rows; those that were not read hold class -1 or NaN."""
        unknown = -1 if self.values.dtype.kind == "i" else np.nan
        out = np.full((rows, *self.values.shape[1:]), unknown, self.values.dtype)
        out[self.rows] = self.values
        return out


def target_of(targets: Mapping[int, Any], *, task: str, given: Given) -> Target:
    """The task that the targets have, and their array.

    Args:
        targets: Row -> tensor without the axis of the batch.
        task: `auto`, or what the person said.
        given: Its loss tells labels of 0 and 1 from numbers.

    Raises:
        DataError: Targets of different forms, or of a form that no task has.
    """
    rows = np.array(sorted(targets), dtype=np.int64)
    shapes = {tuple(targets[row].shape) for row in rows}
    first = targets[int(rows[0])]
    if len(shapes) != 1:
        odd = next(row for row in rows if targets[row].shape != first.shape)
        raise DataError(
            "targets have different shapes",
            f"row {odd}: {described(targets[odd])}, row {rows[0]}: {described(first)}",
            "give targets of one shape, or a step",
        )
    values = np.stack([targets[row].numpy() for row in rows])
    found = _task(values, given) if task == "auto" else task
    make = {"classification": _classes, "multilabel": _labels, "regression": _numbers}[found]
    return make(values, rows, given)


def unknown_target(rows: NDArray[np.int64]) -> Target:
    """That of a step, which knows its targets alone."""
    zeros = np.zeros(len(rows), np.int64)
    return Target(task=UNKNOWN_TARGETS, classes=(), values=zeros, rows=rows, said="as the step takes them")


def canonical(targets: NDArray[Any], task: str) -> NDArray[Any]:
    """Targets of a batch as the task's array: int64 (rows,), float32 (rows, labels) or float64 (rows,)."""
    rows = len(targets)
    if task == "classification":
        return targets.reshape(rows).astype(np.int64)
    if task == "multilabel":
        return targets.reshape(rows, -1).astype(np.float32)
    return targets.reshape(rows).astype(np.float64)


def fitting(target: NDArray[Any], examples: Examples, where: str) -> Any:
    """A target that is read later than the others, in their form.

    Raises:
        DataError: It is of another form, or a class that the others do not have.
    """
    wanted = examples.targets.shape[1:]
    try:
        value = canonical(target[None], examples.task).reshape(wanted)
    except ValueError:
        value = None
    known = examples.task != "classification" or (value is not None and 0 <= value < len(examples.classes))
    if value is None or not known:
        raise DataError(
            "a target is not like those before",
            f"{where}: {described(target)}" + ("" if target.size != 1 else f", {target.item()}"),
            "give targets of one form; name the classes when some are rare: classes=[...]",
        )
    return value


def _task(values: NDArray[Any], given: Given) -> str:
    flat = values.reshape(len(values), -1)
    binary = bool(np.isin(flat, (0, 1)).all())
    by_labels = type(given.loss).__name__ in ("BCELoss", "BCEWithLogitsLoss")
    whole = values.dtype.kind in "iub"
    if whole and flat.shape[1] == 1 and not by_labels:
        return "classification"
    if binary and (by_labels or (flat.shape[1] > 1 and given.loss is None)):
        return "multilabel"
    if not whole and flat.shape[1] == 1:
        return "regression"
    raise UsageError(
        "targets of this form have no task of their own here",
        f"a target is {values.dtype} {' x '.join(map(str, values.shape[1:]))}",
        "give classes as whole numbers, labels as 0 and 1, one number, a class for each pixel or token, or a step",
    )


def _classes(values: NDArray[Any], rows: NDArray[np.int64], given: Given) -> Target:
    labels = canonical(values, "classification")
    least, most = int(labels.min()), int(labels.max())
    if least < 0 or (given.classes is not None and most >= len(given.classes)):
        bad = labels < 0 if least < 0 else labels >= len(given.classes or ())
        raise DataError(
            "a target is no class",
            f"row {rows[np.flatnonzero(bad)[0]]}: {labels[bad][0]}",
            "classes are whole numbers from 0, one for each output of the model",
        )
    names = given.classes or tuple(str(i) for i in range(most + 1))
    said = f"whole numbers from {least} to {most}: {count(len(names), 'class')}"
    return Target(task="classification", classes=names, values=labels, rows=rows, said=said)


def _labels(values: NDArray[Any], rows: NDArray[np.int64], given: Given) -> Target:
    labels = canonical(values, "multilabel")
    names = given.classes or tuple(f"label {i}" for i in range(labels.shape[1]))
    said = f"0 and 1 for {count(labels.shape[1], 'label')}"
    return Target(task="multilabel", classes=names, values=labels, rows=rows, said=said)


def _numbers(values: NDArray[Any], rows: NDArray[np.int64], given: Given) -> Target:
    numbers = canonical(values, "regression")
    bad = ~np.isfinite(numbers)
    if bad.any():
        raise DataError(
            "a target is not finite",
            f"row {rows[np.flatnonzero(bad)[0]]}: {numbers[bad][0]}",
            "leave such rows out",
        )
    said = f"numbers from {number(float(numbers.min()))} to {number(float(numbers.max()))}"
    return Target(task="regression", classes=(), values=numbers, rows=rows, said=said)
