"""What the data looks like: counts, sizes, duplicates, conflicting labels, shift between the parts."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from firstlight.data import shift
from firstlight.data.images.flip import shrunk
from firstlight.text import count, percent, visible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from firstlight.data.examples import Examples, Split

NAMES_SHOWN = 20
MOST_NAMES = 1_000  # kept in logs/profile.json
IMBALANCED = 10.0  # largest over smallest class; above it accuracy hides the small ones (judgement)
CLASS_SHIFT = 0.2  # total variation distance; above it the parts were not drawn alike (judgement)
SHIFT_SIDE = 6  # pixels at least, to which images are averaged down before train and val are compared
LOOKED_AT = 10_000  # training images whose brightness is averaged
FEW_PER_CLASS = 20  # training images; below it a network from scratch learns little (judgement)


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
    pixel_mean: tuple[float, ...]  # of each channel, 0 to 1, over training images
    pixel_std: tuple[float, ...]
    shift: shift.Shift  # between train and val
    notes: tuple[str, ...]
    warnings: tuple[str, ...]

    def headline(self) -> str:
        """`1,797 images, 8x8 grey, 10 classes`."""
        high, wide = self.image_size
        form = f"{wide}x{high} {'grey' if self.channels == 1 else 'colour'}"
        return f"{count(self.rows, 'image')}, {form}, {count(len(self.classes), 'class')}"

    def to_json(self) -> dict[str, Any]:
        """Plain values; `shown` is the table of the report."""
        return {"format": 1, **asdict(self), "shown": [list(row) for row in self.shown()]}

    def shown(self) -> Iterator[tuple[str, str]]:
        """What a person reads of it: a name and a sentence each, text from the data escaped later."""
        counts = sorted(self.classes.items(), key=lambda entry: -entry[1])
        largest, smallest = counts[0], counts[-1]
        yield "Images", f"{self.rows:,}: {', '.join(f'{name} {rows:,}' for name, rows in self.parts.items())}"
        yield (
            "Classes",
            (
                f"{len(counts):,}: {largest[0]} has most images, {largest[1]:,}; {smallest[0]} fewest, {smallest[1]:,}"
            ),
        )
        high, wide = self.image_size
        yield "Decoded to", f"{wide} x {high} pixels, {'grey' if self.channels == 1 else 'colour'}"
        yield "Original sizes (height x width)", _commonest(self.original_sizes)
        yield "Image modes", _commonest(self.modes)
        yield "Left out, not readable", f"{len(self.skipped):,}"
        yield "Passed over, no images", _up_to(len(self.ignored), MOST_NAMES)
        yield "Copies of another image", f"{self.duplicates:,}"
        yield "The same image in two classes", _up_to(len(self.conflicts), NAMES_SHOWN)
        yield "Images of val and test that are in train", f"{self.across_splits:,}"
        yield "Images of one colour", _up_to(len(self.blank), MOST_NAMES)
        yield "Train against val", self.shift.sentence()


def _commonest(counts: dict[str, int], most: int = 5) -> str:
    """`RGB 232, P 1`."""
    first = sorted(counts.items(), key=lambda entry: -entry[1])
    rest = f", and {len(first) - most} more" if len(first) > most else ""
    return ", ".join(f"{name} {rows:,}" for name, rows in first[:most]) + rest


def _up_to(names: int, most: int) -> str:
    """How many there are, when no more than `most` names are kept."""
    return f"{names:,} or more" if names == most else f"{names:,}"


def profile(examples: Examples, split: Split) -> Profile:
    """Counts everything that setup reports; reads each pixel once."""
    totals = np.bincount(examples.targets, minlength=len(examples.classes))
    training = np.bincount(examples.targets[split.train], minlength=len(examples.classes))
    groups = _groups(examples)
    conflicts = [rows for rows in groups if len({int(examples.targets[r]) for r in rows}) > 1]
    across = _across(examples, split)
    blank = _blank(examples)
    sizes = Counter(f"{h}x{w}" for h, w in examples.images.original_sizes.tolist())
    present = totals[totals > 0]
    mean, std = _brightness(examples, split)
    found = Profile(
        rows=len(examples.ids),
        classes=dict(zip(examples.classes, totals.tolist(), strict=True)),
        parts={"train": len(split.train), "val": len(split.val), "test": len(split.test)},
        training_classes=dict(zip(examples.classes, training.tolist(), strict=True)),
        image_size=(examples.images.pixels.shape[1], examples.images.pixels.shape[2]),
        channels=examples.images.pixels.shape[3],
        original_sizes=dict(sizes.most_common(NAMES_SHOWN)),
        modes=examples.images.modes,
        skipped=tuple((s.id, s.reason) for s in examples.skipped),
        ignored=examples.ignored[:MOST_NAMES],
        duplicates=sum(len(rows) - 1 for rows in groups),
        duplicate_examples=_names(examples, groups),
        conflicts=_names(examples, conflicts),
        across_splits=across,
        blank=blank,
        imbalance=float(present.max() / present.min()) if len(present) else 1.0,
        pixel_mean=mean,
        pixel_std=std,
        shift=_shift(examples, split),
        notes=(*examples.notes, *split.notes),
        warnings=(),
    )
    warnings = _warnings(examples, found, len(conflicts), training)
    return Profile(**{**{f: getattr(found, f) for f in Profile.__slots__}, "warnings": warnings})


def _brightness(examples: Examples, split: Split) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each channel; rows are taken evenly, so that no class is left out."""
    rows = np.sort(split.train)[:: max(1, len(split.train) // LOOKED_AT)]
    total = square = np.zeros(examples.images.pixels.shape[-1])
    pixels = 0
    for start in range(0, len(rows), 1_000):
        block = examples.images.pixels[rows[start : start + 1_000]].astype(np.float64) / 255
        total, square = total + block.sum(axis=(0, 1, 2)), square + (block**2).sum(axis=(0, 1, 2))
        pixels += block.size // block.shape[-1]
    mean = total / max(pixels, 1)
    std = np.sqrt(np.maximum(square / max(pixels, 1) - mean**2, 0))
    return tuple(np.round(mean, 6).tolist()), tuple(np.round(std, 6).tolist())


def _shift(examples: Examples, split: Split) -> shift.Shift:
    """Compares train and val by their small, averaged images."""

    def sample(rows: NDArray[np.int64]) -> NDArray[np.float32]:
        taken = np.random.default_rng(0).permutation(rows)[: shift.ROWS]
        return shrunk(examples.images.pixels[np.sort(taken)], SHIFT_SIDE).reshape(len(taken), -1)

    shares = [
        np.bincount(examples.targets[rows], minlength=len(examples.classes))
        for rows in (split.train, split.val)
    ]
    return shift.shift(sample(split.train), sample(split.val), (shares[0], shares[1]))


def _groups(examples: Examples) -> list[list[int]]:
    """Rows that share their pixels, two and more each."""
    rows: dict[bytes, list[int]] = defaultdict(list)
    for row, digest in enumerate(examples.digests):
        rows[bytes(digest)].append(row)
    return [group for group in rows.values() if len(group) > 1]


def _names(examples: Examples, groups: list[list[int]]) -> tuple[tuple[str, ...], ...]:
    return tuple(
        tuple(f"{examples.ids[r]} ({examples.classes[examples.targets[r]]})" for r in rows[:5])
        for rows in groups[:NAMES_SHOWN]
    )


def _across(examples: Examples, split: Split) -> int:
    training = set(examples.digests[split.train].tolist())
    held = [*examples.digests[split.val].tolist(), *examples.digests[split.test].tolist()]
    return sum(digest in training for digest in held)


def _blank(examples: Examples) -> tuple[str, ...]:
    names = []
    for start in range(0, len(examples.ids), 2_000):
        flat = (
            examples.images.pixels[start : start + 2_000]
            .reshape(-1, *examples.images.pixels.shape[1:])
            .astype(np.uint8)
        )
        flat = flat.reshape(len(flat), -1, flat.shape[-1])
        for row in np.flatnonzero((flat == flat[:, :1]).all(axis=(1, 2))):
            names.append(examples.ids[start + int(row)])
    return tuple(names[:MOST_NAMES])


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
    said += _between_parts(found)
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


def _between_parts(found: Profile) -> list[str]:
    """What makes validation say less, or more, than it seems."""
    said = []
    if found.across_splits:
        share = percent(found.across_splits / max(found.parts["val"] + found.parts["test"], 1))
        said.append(
            f"{count(found.across_splits, 'image')} of val and test ({share}) are in train too: the given split leaks"
        )
    if found.shift.shifted:
        said.append(
            f"train and val look different: a linear classifier tells them apart (AUROC {found.shift.auroc:.2f}), "
            "so validation does not measure what was trained"
        )
    if found.shift.classes > CLASS_SHIFT:
        said.append(
            f"the class shares of train and val differ by {percent(found.shift.classes)}: stratify, or say why"
        )
    return said


def _case_twins(examples: Examples) -> list[list[str]]:
    """Ids of one class that would be the same file on a disk that does not know case."""
    folded: dict[tuple[int, str], list[str]] = defaultdict(list)
    for name, label in zip(examples.ids, examples.targets.tolist(), strict=True):
        folded[label, name.casefold()].append(name)
    return [group for group in folded.values() if len(group) > 1]
