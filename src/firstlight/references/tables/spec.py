"""What a reference for tables is: fitted on the encoded training rows, it predicts the validation rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray
    from torch import nn

    from firstlight.data.tables.batches import TableInputs

TASKS = ("classification", "multilabel", "regression")


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRows:
    """The two parts that a reference may see; the targets of the validation rows are not among it.

    Attributes:
        train: Of the training rows, on the processor.
        targets: Of the training rows: int64 (rows,) of classes, float (rows, labels) of 0 and 1, or float
            (rows,) of numbers.
        val: Of the validation rows.
        cardinalities: Codes of each category column, 0 (unknown) included.
        task: One of TASKS.
        outputs: Classes or labels; 1 for regression.
    """

    train: TableInputs
    targets: NDArray[Any]
    val: TableInputs
    cardinalities: tuple[int, ...]
    task: str
    outputs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TableAnswer:
    """What a reference says about the validation rows.

    Attributes:
        predicted: float32 (rows, outputs) of probabilities, or float64 (rows,) for regression; None when the
            reference was not run.
        note: What was chosen, what was cut, or why it was not run.
        model: The fitted model as a module, TableInputs -> raw scores, when it can be shipped.
    """

    predicted: NDArray[Any] | None
    note: str = ""
    model: nn.Module | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TableReference:
    """A reference for tables.

    Attributes:
        name: As in logs/references.json.
        tasks: Those of TASKS that it is for.
        run: (rows, seconds, seed) -> answer; keeps to about `seconds`.
        share: Weight in dividing the time; references with a small one come first.
    """

    name: str
    tasks: tuple[str, ...]
    run: Callable[[TableRows, float, int], TableAnswer]
    share: float


def predictions(scores: torch.Tensor, task: str) -> NDArray[Any]:
    """What raw scores (rows, outputs) say: probabilities float32 (rows, outputs), or numbers float64 (rows,)."""
    if task == "regression":
        return scores[:, 0].double().numpy()
    probabilities = scores.softmax(dim=1) if task == "classification" else scores.sigmoid()
    return probabilities.float().numpy()


def some_rows(count: int, limit: int, *, seed: int) -> NDArray[np.int64]:
    """At most `limit` positions of `count`, drawn at random, in order."""
    if count <= limit:
        return np.arange(count)
    return np.sort(np.random.default_rng(seed).choice(count, limit, replace=False))


def apart(targets: NDArray[Any], share: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Positions to fit on and, apart from them, one in `share` to choose by, spread over the range of targets.

    The rows are taken in the order of their target, so that each class and each size of a number is in both
    parts by its share. Several labels a row are ordered by how many of them are set.
    """
    key = targets.sum(axis=1) if targets.ndim == 2 else targets
    chosen = np.sort(np.argsort(key, kind="stable")[share // 2 :: share])
    return np.setdiff1d(np.arange(len(targets)), chosen), chosen
