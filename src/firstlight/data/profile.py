"""What the data looks like: counts, sizes, duplicates, conflicting labels, what a mirror does."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from firstlight.text import count, percent, visible

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from firstlight.data.examples import Examples, Split

NAMES_SHOWN = 20
IMBALANCED = 10.0  # largest over smallest class; above it accuracy hides the small ones (judgement)
FEW_PER_CLASS = 20  # training images; below it a network from scratch learns little (judgement)
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What setup saw in the data; logs/profile.json."""

    rows: int
    classes: dict[str, int]  # rows of each
    parts: dict[str, int]  # train, val, test
    training_classes: dict[str, int]
    image_size: tuple[int, int]  # decoded, height and width
    channels: int
    original_sizes: dict[str, int]  # the commonest, "height x width"
    modes: dict[str, int]
    skipped: tuple[tuple[str, str], ...]  # id, reason
    ignored: tuple[str, ...]
    duplicates: int  # rows that repeat the pixels of another
    duplicate_examples: tuple[tuple[str, ...], ...]
    conflicts: tuple[tuple[str, ...], ...]  # ids with equal pixels and different classes
    across_splits: int  # rows of val or test whose pixels are in train
    blank: tuple[str, ...]  # images of one single colour
    imbalance: float
    notes: tuple[str, ...]
    warnings: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"format": 1, **asdict(self)}


def profile(examples: Examples, split: Split) -> Profile:
    """Counts everything that setup reports; reads each pixel once."""
    totals = np.bincount(examples.labels, minlength=len(examples.classes))
    training = np.bincount(examples.labels[split.train], minlength=len(examples.classes))
    groups = _groups(examples)
    conflicts = [rows for rows in groups if len({int(examples.labels[r]) for r in rows}) > 1]
    across = _across(examples, split)
    blank = _blank(examples)
    sizes = Counter(f"{h}x{w}" for h, w in examples.original_sizes.tolist())
    present = totals[totals > 0]
    found = Profile(
        rows=len(examples.ids),
        classes=dict(zip(examples.classes, totals.tolist(), strict=True)),
        parts={"train": len(split.train), "val": len(split.val), "test": len(split.test)},
        training_classes=dict(zip(examples.classes, training.tolist(), strict=True)),
        image_size=(examples.pixels.shape[1], examples.pixels.shape[2]),
        channels=examples.pixels.shape[3],
        original_sizes=dict(sizes.most_common(NAMES_SHOWN)),
        modes=examples.modes,
        skipped=tuple((s.id, s.reason) for s in examples.skipped),
        ignored=examples.ignored[:1000],
        duplicates=sum(len(rows) - 1 for rows in groups),
        duplicate_examples=_names(examples, groups),
        conflicts=_names(examples, conflicts),
        across_splits=across,
        blank=blank,
        imbalance=float(present.max() / present.min()) if len(present) else 1.0,
        notes=(*examples.notes, *split.notes),
        warnings=(),
    )
    warnings = _warnings(examples, found, len(conflicts), training)
    return Profile(**{**{f: getattr(found, f) for f in Profile.__slots__}, "warnings": warnings})


def _groups(examples: Examples) -> list[list[int]]:
    """Rows that share their pixels, two and more each."""
    rows: dict[bytes, list[int]] = defaultdict(list)
    for row, digest in enumerate(examples.digests):
        rows[bytes(digest)].append(row)
    return [group for group in rows.values() if len(group) > 1]


def _names(examples: Examples, groups: list[list[int]]) -> tuple[tuple[str, ...], ...]:
    return tuple(
        tuple(f"{examples.ids[r]} ({examples.classes[examples.labels[r]]})" for r in rows[:5])
        for rows in groups[:NAMES_SHOWN]
    )


def _across(examples: Examples, split: Split) -> int:
    training = set(examples.digests[split.train].tolist())
    held = [*examples.digests[split.val].tolist(), *examples.digests[split.test].tolist()]
    return sum(digest in training for digest in held)


def _blank(examples: Examples) -> tuple[str, ...]:
    names = []
    for start in range(0, len(examples.ids), 2_000):
        flat = examples.pixels[start : start + 2_000].reshape(-1, *examples.pixels.shape[1:]).astype(np.uint8)
        flat = flat.reshape(len(flat), -1, flat.shape[-1])
        for row in np.flatnonzero((flat == flat[:, :1]).all(axis=(1, 2))):
            names.append(examples.ids[start + int(row)])
    return tuple(names[:1000])


def _warnings(
    examples: Examples, found: Profile, conflicts: int, training: NDArray[np.int64]
) -> tuple[str, ...]:
    """Sentences that a person should not miss."""
    said: list[str] = [visible(note) for note in found.notes]
    if found.skipped:
        names = ", ".join(f"{visible(i)} ({visible(why)})" for i, why in found.skipped[:5])
        said.append(f"left out, because not readable: {count(len(found.skipped), 'file')}: {names}")
    if conflicts:
        names = "; ".join(" = ".join(visible(n) for n in group) for group in found.conflicts[:3])
        said.append(f"in more than one class: {count(conflicts, 'image')}: {names}")
    if found.across_splits:
        share = percent(found.across_splits / max(found.parts["val"] + found.parts["test"], 1))
        said.append(
            f"{count(found.across_splits, 'image')} of val and test ({share}) are in train too: the given split leaks"
        )
    if found.blank:
        said.append(
            f"{count(len(found.blank), 'image')} of one single colour, such as {visible(found.blank[0])}"
        )
    if found.imbalance > IMBALANCED:
        said.append(
            f"the largest class has {found.imbalance:.0f} times the images of the smallest: read the per-class table"
        )
    few = int(((training > 0) & (training < FEW_PER_CLASS)).sum())
    if few:
        said.append(
            f"{count(few, 'class')} with fewer than {FEW_PER_CLASS} training images: expect little from scratch"
        )
    folded = Counter(name.casefold() for name in examples.classes)
    twins = [name for name in examples.classes if folded[name.casefold()] > 1]
    if twins:
        said.append(
            f"classes that differ only by case, all used: {', '.join(visible(t) for t in twins[:NAMES_SHOWN])}"
        )
    files = _case_twins(examples)
    if files:
        names = "; ".join(" and ".join(visible(n) for n in group) for group in files[:3])
        said.append(f"file names that differ only by case, all used: {count(len(files), 'group')}: {names}")
    return tuple(dict.fromkeys(said))


def _case_twins(examples: Examples) -> list[list[str]]:
    """Ids of one class that would be the same file on a disk that does not know case."""
    folded: dict[tuple[int, str], list[str]] = defaultdict(list)
    for name, label in zip(examples.ids, examples.labels.tolist(), strict=True):
        folded[label, name.casefold()].append(name)
    return [group for group in folded.values() if len(group) > 1]


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
    images = _shrunk(pixels[np.sort(rows)])
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


def _shrunk(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Averages blocks, so that the sides are between PROBE_SIDE and twice that; what does not divide is cut off."""
    step = max(1, min(images.shape[1:3]) // PROBE_SIDE)
    height, width = images.shape[1] // step, images.shape[2] // step
    cut = images[:, : height * step, : width * step].astype(np.float32)
    means = cut.reshape(len(cut), height, step, width, step, -1).mean(axis=(2, 4))
    return np.asarray(means, dtype=np.float32)
