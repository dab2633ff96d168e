"""Whether a mirrored image keeps its class, measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firstlight.text import count

PROBE_ROWS = 4_000  # training images that the mirror probe looks at
PROBE_SIDE = 16  # pixels; larger images are averaged down
PROBE_LEAST = 100  # rows; with fewer nothing can be told
PROBE_FEW = 1_000  # rows; with fewer every one is held out once
PROBE_FOLDS = 4
SIGN_SIDE = 64  # pixels; images up to here may be digits, letters or icons (judgement)
# share of the accuracy above chance that mirroring may cost (judgement; photos lose 0 to 0.1, digits 0.5 and more)
FLIP_LOSS = 0.15


@dataclass(frozen=True, slots=True, kw_only=True)
class FlipEvidence:
    """Accuracy of a quick probe on held-out training images, as they are and mirrored."""

    kept_accuracy: float
    flipped_accuracy: float
    allowed: bool
    reason: str


def flip_evidence(pixels: NDArray[np.uint8], labels: NDArray[np.int64], seed: int) -> FlipEvidence:
    """Whether mirroring keeps the class, by a linear probe scored on images as they are and mirrored.

    Mirrored digits are no digits, and the probe loses most of its accuracy on them; photos have no preferred
    side, and it loses next to nothing. Where the probe can tell nothing, mirroring is taken as harmless for
    photos, and as harmful for small images, which may be signs.

    Args:
        pixels: uint8 (rows, height, width, channels), training rows.
        labels: int64 (rows,).
        seed: Of the subsample.
    """
    generator = np.random.default_rng(seed)
    rows = generator.permutation(len(labels))[:PROBE_ROWS]
    rows = rows[np.isin(labels[rows], np.flatnonzero(np.bincount(labels[rows]) >= PROBE_FOLDS))]
    if len(rows) < PROBE_LEAST or len(np.unique(labels[rows])) < 2:
        return _unmeasured(pixels, 0.0, 0.0, f"{count(len(rows), 'image')} are too few to measure it")
    images = shrunk(pixels[np.sort(rows)])
    targets = labels[np.sort(rows)]
    right = _probe(images, targets, seed)
    kept, flipped = (float(mean) for mean in right.mean(axis=0))
    chance = float(np.bincount(targets).max() / len(targets))
    noise = 2 * float(np.sqrt(0.25 / len(right)))  # two standard errors of an accuracy, at the most
    figures = f"a linear probe scores {kept:.3f} on images as they are, {flipped:.3f} on mirrored ones"
    if kept < chance + noise:
        return _unmeasured(pixels, kept, flipped, f"{figures}, no better than chance ({chance:.3f})")
    allowed = kept - flipped < max(FLIP_LOSS * (kept - chance), noise)
    return FlipEvidence(
        kept_accuracy=kept,
        flipped_accuracy=flipped,
        allowed=allowed,
        reason=f"measured: {figures}: {'mirroring keeps' if allowed else 'mirroring changes'} the class",
    )


def _unmeasured(pixels: NDArray[np.uint8], kept: float, flipped: float, why: str) -> FlipEvidence:
    """The answer by the kind of image, where the probe has none."""
    photos = min(pixels.shape[1:3]) > SIGN_SIDE
    taken = "photos keep their class when mirrored" if photos else "small images may be signs"
    reason = f"not measured: {why}; assumed that {taken}"
    return FlipEvidence(kept_accuracy=kept, flipped_accuracy=flipped, allowed=photos, reason=reason)


def _probe(images: NDArray[np.float32], targets: NDArray[np.int64], seed: int) -> NDArray[np.bool_]:
    """(held-out rows, 2): right on the image as it is, right on its mirror image.

    Few rows are all held out once, in folds: one fold of them would be left to chance.
    """
    import warnings

    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold

    right = []
    folds = StratifiedKFold(PROBE_FOLDS, shuffle=True, random_state=seed).split(targets, targets)
    for fit, held in folds if len(targets) < PROBE_FEW else [next(folds)]:
        mean, std = images[fit].mean(axis=0), images[fit].std(axis=0) + 1.0

        def flat(x: NDArray[np.float32], mean: Any = mean, std: Any = std) -> NDArray[np.float32]:
            return np.asarray((x - mean) / std, dtype=np.float32).reshape(len(x), -1)

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model = LogisticRegression(C=0.01, max_iter=60).fit(flat(images[fit]), targets[fit])
        both = (images[held], images[held][:, :, ::-1])
        right.append(np.stack([model.predict(flat(x)) == targets[held] for x in both], axis=1))
    return np.concatenate(right)


def shrunk(images: NDArray[np.uint8], side: int = PROBE_SIDE) -> NDArray[np.float32]:
    """Averages blocks, so that the sides are between `side` and twice that; what does not divide is cut off."""
    step = max(1, min(images.shape[1:3]) // side)
    height, width = images.shape[1] // step, images.shape[2] // step
    cut = images[:, : height * step, : width * step].astype(np.float32)
    means = cut.reshape(len(cut), height, step, width, step, -1).mean(axis=(2, 4))
    return np.asarray(means, dtype=np.float32)
