"""What is reached without looking at the input: the class shares, the shares of the labels, or the mean.

Training rows count by `data.weight`, as for every model. The loss of the class shares is the one that a network begins
with at best. Class weights play no part: balanced ones would make every class as good a guess as any other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from firstlight.data.examples import MANY_PLACES
from firstlight.kinds.kind import weights_of
from firstlight.references.spec import Answer
from firstlight.references.weights import some
from firstlight.text import number, visible

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from firstlight.kinds.kind import Dataset

NAMES = {
    "classification": "majority",
    "multilabel": "majority",
    "regression": "mean",
    "segmentation": "majority",
    "tokens": "majority",
    "language": "unigram",
}


def trivial(data: Dataset) -> Answer:
    """Answers the same for every validation row, from the training rows alone."""
    examples, rows = data.examples, len(data.split.val)
    known = data.known(data.split.train)
    targets, weights = examples.targets[known], some(weights_of(data), known)
    if examples.task in MANY_PLACES:
        return _everywhere(data, known)
    if examples.task == "regression":
        mean = float(np.average(targets, weights=weights))
        return Answer(predicted=np.full(rows, mean), note=f"always {number(mean)}")
    if examples.task == "multilabel":
        shares = np.average(targets, axis=0, weights=weights)
        return Answer(
            predicted=np.broadcast_to(shares, (rows, len(shares))), note="always the shares of the labels"
        )
    counts = np.bincount(targets, weights=weights, minlength=len(examples.classes))
    shares = counts / counts.sum()
    said = f"always class {visible(examples.classes[int(counts.argmax())])}"
    # A view, not a copy: ten thousand classes would not fit.
    return Answer(predicted=np.broadcast_to(shares, (rows, len(shares))), note=said)


def _everywhere(data: Dataset, known: NDArray[np.int64]) -> Answer:
    """The most frequent class at every place, with the shares of the training places as probabilities; as sums.

    Each class counts once more than it occurs (Laplace), or one that only validation has would cost an endless loss.
    """
    own, task, classes = data.fitted, data.examples.task, data.examples.classes
    width = len(classes) or own.counts.width
    counts = own.counts.total(known, width)
    most, shares = int(counts.argmax()), (counts + 1) / (counts.sum() + width)
    each = own.counts.each(data.split.val, width)
    loss, places = each @ -np.log(shares), np.asarray(each.sum(axis=1)).ravel()
    hits = each[:, [most]].toarray().ravel()
    if task == "language":
        return Answer(predicted=np.stack([loss, places, hits], axis=1), note="the frequencies of the tokens")
    only = np.zeros((2, len(places), width))
    only[0, :, most], only[1, :, most] = hits, places
    predicted = np.concatenate([loss[:, None], only[0], each.toarray(), only[1]], axis=1)
    return Answer(predicted=predicted, note=f"class {visible(classes[most])} everywhere")
