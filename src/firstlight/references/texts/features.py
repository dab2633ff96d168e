"""What references for texts are given: the n-grams of train and val."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from firstlight.data.texts.batches import TextShape
from firstlight.references.apart import NO_BONDS, Bonds, bonds_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from firstlight.data.texts.ragged import Ragged
    from firstlight.kinds.kind import Dataset


@dataclass(frozen=True, slots=True, kw_only=True)
class TextRows:
    """The two parts that a reference may see; the targets of the validation rows are not among it."""

    train: Ragged
    targets: NDArray[Any]  # of the training rows, as in Examples
    val: Ragged
    shape: TextShape
    task: str
    weights: NDArray[np.float64] | None = None  # of the training rows, (rows,) or (rows, labels)
    bonds: Bonds = NO_BONDS  # groups and times of the training rows
    note: str = ""  # what the n-grams are of, when not of words


def features(data: Dataset, weights: NDArray[np.float64] | None = None, *, seed: int) -> TextRows:
    """N-grams of the training and validation rows, also where the network reads tokens."""
    ragged, vocabulary = data.fitted.ngrams
    examples, split = data.examples, data.split
    return TextRows(
        train=ragged.take(split.train),
        targets=examples.targets[split.train],
        val=ragged.take(split.val),
        shape=TextShape(inputs=vocabulary.size, outputs=max(len(examples.classes), 1)),
        task=examples.task,
        weights=weights,
        bonds=bonds_of(examples, split.train),
        note="n-grams of characters, because hardly a word occurs twice" if vocabulary.characters else "",
    )
