"""A person's inputs as rows of numbers, where they are one tensor of one shape."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from firstlight.errors import DataError
from firstlight.own.form import fall_apart
from firstlight.own.items import Items, under_seed
from firstlight.references.images.features import proportional

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from firstlight.kinds.kind import Dataset
    from firstlight.own.read import Own

MAX_NUMBERS_PER_ROW = 4096  # 64 x 64 grey (judgement)
MAX_NUMBERS = 60_000_000  # of all rows together: 240 MB as float32 (judgement)
READING_SECONDS = 10.0  # of a first pass over the items
CHUNK = 256  # items read at a time


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnFeatures:
    """The two parts that a reference may see.

    Attributes:
        train: float32 (training rows, numbers); None when the inputs are no rows of numbers.
        train_labels: As Examples.targets, of the same rows.
        val: float32 (validation rows, numbers).
        classes: How many there are.
        note: What was cut, or why there are no numbers.
    """

    train: NDArray[np.float32] | None
    train_labels: NDArray[Any]
    val: NDArray[np.float32] | None
    classes: int
    note: str


def features(data: Dataset, weights: NDArray[np.float64] | None = None, *, seed: int) -> OwnFeatures:
    """The inputs of the training items whose targets are known, and of all validation items.

    Args:
        data: The items.
        weights: None: a person's items have none.
        seed: Of the choice where there is no time for all.
    """
    own: Own = data.fitted
    known, targets, classes = data.known(data.split.train), data.examples.targets, len(data.examples.classes)
    width, why = _width(own.items[0])
    affordable = min(int(READING_SECONDS / max(own.item_seconds, 1e-9)), MAX_NUMBERS // max(width, 1))
    most = affordable - len(data.split.val)
    if not why and most < classes:
        why = "reading the inputs takes too long"
    if why:
        return OwnFeatures(train=None, train_labels=targets[known], val=None, classes=classes, note=why)
    labels = targets if data.examples.task == "classification" else np.zeros(len(targets), np.int64)
    rows = proportional(known, labels, most, seed=seed)
    try:
        train, val = _numbers(own, rows, seed), _numbers(own, data.split.val, seed)
    except (DataError, ValueError) as error:
        note = str(error).splitlines()[0]
        return OwnFeatures(train=None, train_labels=targets[rows], val=None, classes=classes, note=note)
    fewer = f"fitted on {len(rows):,} of {len(data.split.train):,} training items"
    return OwnFeatures(
        train=train,
        train_labels=targets[rows],
        val=val,
        classes=classes,
        note=fewer if len(rows) < len(data.split.train) else "",
    )


def _width(items: Items) -> tuple[int, str]:
    """Numbers of an input, and why it is no row of numbers."""
    import torch

    inputs, _ = fall_apart(items.read([0]), where=f"{items.name}[0]")
    value = inputs.values[0]
    if len(inputs.values) != 1 or not isinstance(value, torch.Tensor) or not value.is_floating_point():
        return 0, f"the inputs are not one tensor of numbers: {inputs.form()}"
    if value[0].numel() > MAX_NUMBERS_PER_ROW:
        return 0, f"an input has {value[0].numel():,} numbers"
    return value[0].numel(), ""


def _numbers(own: Own, rows: NDArray[np.int64], seed: int) -> NDArray[np.float32]:
    chunks = []
    items = own.items_of_row(int(rows[0]))
    for start in range(0, len(rows), CHUNK):
        indices = (rows[start : start + CHUNK] - own.first_row(items)).tolist()
        batch = under_seed(seed, 0, start, lambda indices=indices: items.read(indices))  # type: ignore[misc]
        inputs, _ = fall_apart(batch, where=items.name)
        chunks.append(inputs.values[0].reshape(len(indices), -1).float().numpy())
    return np.concatenate(chunks)
