"""The k training images that look most alike vote.

Likeness is the distance between principal components of the small image. k is chosen on a part of the
training rows that is kept apart; of classes with equally many votes the one with the nearest image wins.
A vote counts by the weight of the row that it comes from. Votes are no probabilities: there is no loss.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from firstlight.references.images.features import Features, held_out, proportional, row_weights
from firstlight.references.spec import Answer, ReferenceSpec
from firstlight.text import duration

if TYPE_CHECKING:
    from numpy.typing import NDArray

COMPONENTS = 64  # at most (judgement: on CIFAR-10 and MNIST more of them makes neighbours worse)
CHOICES = (1, 3, 5, 11, 21)  # of k
CHOICE_ROWS = 2_000  # kept apart to choose k: standard error of the accuracy about 0.01
WORK_PER_SECOND = (
    2e9  # distances x components a second, about a third of two AVX2 cores: a slow machine keeps time too
)
FEWEST_ROWS = 2  # principal components need a difference
CHUNK_ROWS = 1_000  # validation rows between two looks at the clock


def run(features: Features, seconds: float, seed: int) -> Answer:
    """Fits and answers; uses fewer training rows when the work would not fit `seconds`."""
    from sklearn.decomposition import PCA

    started = time.perf_counter()
    asked = len(features.val) + min(CHOICE_ROWS, len(features.train) // 5)
    affordable = int(seconds * WORK_PER_SECOND / (COMPONENTS * max(asked, 1)))
    everything = np.arange(len(features.train))
    if min(affordable, len(everything)) < FEWEST_ROWS:
        return Answer(
            predicted=None, note=f"not run: fewer than {FEWEST_ROWS} training images in {duration(seconds)}"
        )
    rows = proportional(everything, features.train_labels, affordable, seed=seed)
    components = min(COMPONENTS, features.train.shape[1], len(rows))
    pca = PCA(components, svd_solver="full" if len(rows) < features.train.shape[1] else "covariance_eigh")
    known = pca.fit_transform(features.train[rows])
    labels, weights = features.train_labels[rows], row_weights(features)[rows]
    k = _choose(known, labels, weights, seed)
    predicted = np.empty(len(features.val), np.int64)
    for start in range(0, len(predicted), CHUNK_ROWS):
        if time.perf_counter() - started > 2 * seconds:
            return Answer(predicted=None, note=f"not finished within {duration(2 * seconds)}")
        asked_rows = pca.transform(features.val[start : start + CHUNK_ROWS])
        near = _neighbours(known, asked_rows, k)
        predicted[start : start + CHUNK_ROWS] = _vote(labels[near], weights[near], k)
    cut = f"; compared with {len(rows):,} training images" if len(rows) < len(everything) else ""
    return Answer(predicted=predicted, note=f"k = {k} on {components} principal components{cut}")


def _choose(
    known: NDArray[np.float32], labels: NDArray[np.int64], weights: NDArray[np.float32], seed: int
) -> int:
    """The k of CHOICES that is right most often on the part kept apart; of equals the smallest."""
    rest, apart = held_out(labels, CHOICE_ROWS, seed=seed)
    possible = [k for k in CHOICES if k <= len(rest)]
    if len(apart) == 0 or len(possible) < 2:
        return 1
    near = rest[_neighbours(known[rest], known[apart], max(possible))]

    def right(k: int) -> float:
        hits = _vote(labels[near], weights[near], k) == labels[apart]
        return float(weights[apart][hits].sum(dtype=np.float64))

    return max(possible, key=lambda k: (right(k), -k))


def _neighbours(known: NDArray[np.float32], asked: NDArray[np.float32], k: int) -> NDArray[np.int64]:
    """Positions (asked rows, k) of the nearest known rows, nearest first."""
    from sklearn.neighbors import NearestNeighbors

    search = NearestNeighbors(n_neighbors=min(k, len(known)), algorithm="brute").fit(known)
    found: NDArray[np.int64] = search.kneighbors(asked, return_distance=False)
    return found


def _vote(labels: NDArray[np.int64], weights: NDArray[np.float32], k: int) -> NDArray[np.int64]:
    """The label with the most votes among the first k of each row, (rows,); needs no table of all classes."""
    first = labels[:, :k]
    votes = ((first[:, :, None] == first[:, None, :]) * weights[:, None, :k]).sum(axis=2)
    winners: NDArray[np.int64] = first[np.arange(len(first)), votes.argmax(axis=1)]
    return winners


REFERENCE = ReferenceSpec(name="nearest_neighbours", tasks=("classification",), run=run, share=1.0)
