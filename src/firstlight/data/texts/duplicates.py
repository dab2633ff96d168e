"""Texts that are the same, and texts that are nearly the same.

The same: equal but for case, blanks and unseen characters. Nearly the same: most runs of three units in common.
Candidates come from MinHash signatures in bands (A. Broder, "On the resemblance and containment of documents",
1997), and each pair of candidates is then compared exactly, so nothing is told that is not so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from firstlight.data.texts.ragged import offsets_of
from firstlight.data.texts.words import count_units, encode_units, normalise

RUN = 3  # units in a run; texts with fewer have no near duplicates
NEAR = 0.8  # share of all different runs of two texts that they have in common (judgement)
BANDS, IN_BAND = 10, 3  # minima of the signature: two texts with 0.8 in common are found with 0.999
SEED = 20_251_125  # of the hash functions; any will do, but always the same


@dataclass(frozen=True, slots=True, kw_only=True)
class Duplicates:
    """Groups of rows: each row holds the first row of its group, itself when it is alone."""

    same: NDArray[np.int64]  # (rows,)
    near: NDArray[np.int64]  # (rows,); the same texts are nearly the same, too


class _Runs(NamedTuple):
    """Hashes of the different runs of each text: those of row i are values[offsets[i] : offsets[i + 1]]."""

    values: NDArray[np.uint64]
    offsets: NDArray[np.int64]


def duplicates(texts: Sequence[str]) -> Duplicates:
    """Compares every text with every other; empty ones are duplicates of nothing. 5 s for 100,000 tweets, measured."""
    same = same_texts(texts)
    firsts = np.flatnonzero(same == np.arange(len(texts)))
    runs = _runs([texts[row] for row in firsts.tolist()])
    pairs = firsts[_near_pairs(runs)] if len(runs.values) else np.zeros((0, 2), np.int64)
    joined = np.concatenate([pairs, np.stack([same, np.arange(len(texts))], axis=1)])
    return Duplicates(same=same, near=_groups(joined, len(texts)))


def same_texts(texts: Sequence[str]) -> NDArray[np.int64]:
    """(texts,): the first text that is equal but for case, width and blanks; empty ones are equal to nothing."""
    first: dict[str, int] = {}
    rows = [
        first.setdefault(" ".join(normalise(text).split()) or f"\n{i}", i) for i, text in enumerate(texts)
    ]
    return np.array(rows, dtype=np.int64)


def _runs(texts: list[str]) -> _Runs:
    """Hashes of the different runs of each text."""
    units, _ = count_units(texts)
    coded = encode_units(texts, units)
    rows, values = coded.rows(), coded.values.astype(np.uint64)
    multipliers = _odd(RUN)
    starts = np.arange(max(len(values) - RUN + 1, 0))
    starts = starts[rows[starts] == rows[starts + RUN - 1]]
    hashes = np.zeros(len(starts), np.uint64)
    for place, multiplier in enumerate(multipliers):
        hashes = (hashes ^ values[starts + place]) * multiplier
        hashes ^= hashes >> np.uint64(29)
    order = np.lexsort((hashes, rows[starts]))
    owners, hashes = rows[starts][order], hashes[order]
    new = np.ones(len(hashes), bool)
    new[1:] = (owners[1:] != owners[:-1]) | (hashes[1:] != hashes[:-1])
    lengths = np.bincount(owners[new], minlength=len(texts))
    return _Runs(hashes[new], offsets_of(lengths))


def _near_pairs(runs: _Runs) -> NDArray[np.int64]:
    """Pairs of rows that are nearly the same, (pairs, 2); of a bucket, each row with the first one."""
    rows = np.flatnonzero(np.diff(runs.offsets))
    starts = runs.offsets[rows]
    pairs = []
    for band in range(BANDS):
        minima = [
            np.minimum.reduceat((runs.values ^ (runs.values >> np.uint64(31))) * multiplier, starts)
            for multiplier in _odd(BANDS * IN_BAND)[band * IN_BAND : (band + 1) * IN_BAND]
        ]
        order = np.lexsort(minima)
        alike = np.logical_and.reduce([m[order][1:] == m[order][:-1] for m in minima])
        begin = np.maximum.accumulate(np.where(np.concatenate([[True], ~alike]), np.arange(len(order)), 0))
        later = np.flatnonzero(begin != np.arange(len(order)))
        pairs.append(np.stack([rows[order[begin[later]]], rows[order[later]]], axis=1))
    found = np.unique(np.sort(np.concatenate(pairs), axis=1), axis=0)
    return found[[_in_common(runs, a, b) >= NEAR for a, b in found.tolist()]]


def _in_common(runs: _Runs, first: int, second: int) -> float:
    """Jaccard's index of the runs of two texts."""
    a, b = (runs.values[runs.offsets[r] : runs.offsets[r + 1]] for r in (first, second))
    if min(len(a), len(b)) < NEAR * max(len(a), len(b)):
        return 0.0  # the longer one has too many of its own
    both = len(np.intersect1d(a, b, assume_unique=True))
    return both / (len(a) + len(b) - both)


def _groups(pairs: NDArray[np.int64], rows: int) -> NDArray[np.int64]:
    """The first row that each row is connected with."""
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import connected_components

    graph = csr_matrix((np.ones(len(pairs), bool), (pairs[:, 0], pairs[:, 1])), shape=(rows, rows))
    _, group = connected_components(graph, directed=False)
    _, first, inverse = np.unique(group, return_index=True, return_inverse=True)
    return first[inverse].astype(np.int64)


def _odd(number: int) -> NDArray[np.uint64]:
    """Multipliers of hash functions."""
    drawn = np.random.default_rng(SEED).integers(2**63, size=number, dtype=np.uint64)
    return drawn * np.uint64(2) + np.uint64(1)
