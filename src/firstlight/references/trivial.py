"""What is reached without looking at the input: the class shares, the shares of the labels, or the mean.

The loss of the class shares is the one that a network begins with at best.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from firstlight.references.spec import Answer
from firstlight.text import number

if TYPE_CHECKING:
    from firstlight.kinds.kind import Dataset

NAMES = {"classification": "majority", "multilabel": "majority", "regression": "mean"}


def trivial(data: Dataset) -> Answer:
    """Answers the same for every validation row, from the training rows alone."""
    examples, rows = data.examples, len(data.split.val)
    targets = examples.targets[data.known(data.split.train)]
    if examples.task == "regression":
        mean = float(targets.mean())
        return Answer(predicted=np.full(rows, mean), note=f"always {number(mean)}")
    if examples.task == "multilabel":
        shares = targets.mean(axis=0)
        return Answer(
            predicted=np.broadcast_to(shares, (rows, len(shares))), note="always the shares of the labels"
        )
    counts = np.bincount(targets, minlength=len(examples.classes))
    shares = counts / counts.sum()
    # A view, not a copy: ten thousand classes would not fit.
    return Answer(
        predicted=np.broadcast_to(shares, (rows, len(shares))), note=f"always class {int(counts.argmax())}"
    )
