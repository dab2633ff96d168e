"""Pixels made small enough for a simple model: averaged over blocks, as one row of numbers an image.

Whole training sets of any size go through here, perhaps from a memory-mapped cache, so images are read in
small pieces and only the averages are kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from firstlight.kinds.kind import Dataset

SIDES = (32, 16, 8, 4)  # pixels, tried in order; beyond 32 a linear model gains nothing (judgement)
MAX_NUMBERS_PER_ROW = 1024  # 32 x 32 grey or 16 x 16 colour (judgement)
MAX_NUMBERS = 60_000_000  # of all rows together: 240 MB as float32 (judgement)
MAX_TRAINING_ROWS = 50_000  # a simple model gains little from more (judgement)
CHUNK_NUMBERS = 4_000_000  # pixels that are looked at together: 4 MB, and 16 MB as float32


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """The two parts that a reference may see.

    Attributes:
        train: float32 (training rows, numbers), block averages in 0..1.
        train_labels: int64 (training rows,).
        weights: How much a training row counts, (training rows,); None = all alike.
        val: float32 (validation rows, numbers).
        classes: How many there are, also those without a training row.
        note: What was cut.
    """

    train: NDArray[np.float32]
    train_labels: NDArray[np.int64]
    val: NDArray[np.float32]
    classes: int
    note: str
    weights: NDArray[np.float64] | None = None


def features(data: Dataset, weights: NDArray[np.float64] | None = None, *, seed: int) -> Features:
    """Block averages of the training and validation rows; never of the test rows.

    The side is the largest of SIDES for which a row and all rows together stay within their bounds.
    """
    examples, split = data.examples, data.split
    height, width, channels = examples.images.pixels.shape[1:]
    rows = proportional(split.train, examples.targets, MAX_TRAINING_ROWS, seed=seed)
    notes = []
    if len(rows) < len(split.train):
        notes.append(f"fitted on {len(rows):,} of {len(split.train):,} training images")
    shapes = [(min(height, side), min(width, side)) for side in SIDES]
    most = min(MAX_NUMBERS_PER_ROW, MAX_NUMBERS // max(len(rows) + len(split.val), 1))  # numbers a row
    side = next((s for s in shapes if s[0] * s[1] * channels <= most), shapes[-1])
    if side != (height, width):
        notes.append(f"images averaged down to {side[1]} x {side[0]} pixels")
    return Features(
        train=_shrink(examples.images.pixels, rows, side),
        train_labels=examples.targets[rows],
        val=_shrink(examples.images.pixels, split.val, side),
        classes=len(examples.classes),
        note="; ".join(notes),
        weights=None if weights is None else weights[np.searchsorted(split.train, rows)],
    )


def row_weights(features: Features) -> NDArray[np.float32]:
    """How much a training row counts, (training rows,); 1 where all are alike."""
    found = features.weights
    return np.ones(len(features.train), np.float32) if found is None else found.astype(np.float32)


def proportional(
    rows: NDArray[np.int64], labels: NDArray[np.int64], limit: int, *, seed: int
) -> NDArray[np.int64]:
    """At most `limit` of `rows`, in order, each class by its share; `labels` is indexed by the rows."""
    if len(rows) <= limit:
        return rows
    shuffled = np.random.default_rng(seed).permutation(rows)
    classes, counts = np.unique(labels[shuffled], return_counts=True)
    place = np.empty(len(shuffled))
    for value, count in zip(classes, counts, strict=True):
        # The i-th row of a class stands at (i + 1/2) / count: a cut takes the same share of each class.
        place[labels[shuffled] == value] = (np.arange(count) + 0.5) / count
    return np.sort(shuffled[np.argsort(place, kind="stable")[:limit]])


def held_out(
    labels: NDArray[np.int64], limit: int, *, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Positions to fit on and, apart from them, to choose a setting by: a fifth, at most `limit`."""
    everything = np.arange(len(labels))
    chosen = proportional(everything, labels, min(limit, len(labels) // 5), seed=seed)
    return np.setdiff1d(everything, chosen), chosen


def _shrink(pixels: NDArray[np.uint8], rows: NDArray[np.int64], side: tuple[int, int]) -> NDArray[np.float32]:
    """Averages over blocks: float32 (rows, height * width * channels) in 0..1."""
    height, width, channels = pixels.shape[1:]
    top = np.arange(side[0]) * height // side[0]
    left = np.arange(side[1]) * width // side[1]
    area = np.diff(top, append=height)[:, None] * np.diff(left, append=width)[None, :] * 255.0
    small = np.empty((len(rows), side[0] * side[1] * channels), np.float32)
    for start, chunk in _chunks(rows, height * width * channels):
        sums: NDArray[np.float32] = pixels[chunk].astype(np.float32)
        if side != (height, width):
            sums = np.add.reduceat(np.add.reduceat(sums, top, axis=1), left, axis=2)
        small[start : start + len(chunk)] = (sums / area[:, :, None]).reshape(len(chunk), -1)
    return small


def _chunks(rows: NDArray[np.int64], numbers_per_row: int) -> Iterator[tuple[int, NDArray[np.int64]]]:
    size = max(1, CHUNK_NUMBERS // numbers_per_row)
    for start in range(0, len(rows), size):
        yield start, rows[start : start + size]
