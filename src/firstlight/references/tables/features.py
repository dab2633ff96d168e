"""What references for tables are given: the encoded rows of train and val."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from firstlight.data.tables.batches import TableInputs
from firstlight.references.apart import NO_BONDS, Bonds, bonds_of

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

    from firstlight.kinds.kind import Dataset


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
        weights: How much a training row counts, (rows,), or (rows, labels); None = all alike.
        bonds: Groups and times of the training rows.
    """

    train: TableInputs
    targets: NDArray[Any]
    val: TableInputs
    cardinalities: tuple[int, ...]
    task: str
    outputs: int
    weights: NDArray[np.float64] | None = None
    bonds: Bonds = NO_BONDS


def features(data: Dataset, weights: NDArray[np.float64] | None = None, *, seed: int) -> TableRows:
    """The encoded training and validation rows."""
    import torch

    inputs, split, examples = data.fitted.inputs, data.split, data.examples

    def part(rows: NDArray[np.int64]) -> TableInputs:
        places = torch.from_numpy(rows)
        return TableInputs(inputs.numbers[places], inputs.codes[places])

    return TableRows(
        train=part(split.train),
        targets=examples.targets[split.train],
        val=part(split.val),
        cardinalities=data.fitted.encoder.cardinalities,
        task=examples.task,
        outputs=max(len(examples.classes), 1),
        weights=weights,
        bonds=bonds_of(examples, split.train),
    )


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
