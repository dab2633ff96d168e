"""Whether training and validation are alike, and the classes of like size."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from firstlight.data.groups import numbered
from firstlight.data.shift import ROWS, shift
from firstlight.data.tables.encoder import UNKNOWN
from firstlight.data.tables.finding import Finding
from firstlight.text import count, percent, visible

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from firstlight.data.examples import Split
    from firstlight.data.tables.encoder import Encoded, Encoder
    from firstlight.data.tables.task import TargetValues

# As for images (judgement): beyond the first, accuracy hides the small classes; beyond the second, which is a total
# variation distance, the parts were not drawn alike.
IMBALANCED = 10.0  # largest over smallest class
CLASS_SHIFT = 0.2
BY_CHANCE = 2.0  # times the distance that chance makes, which small parts reach easily (judgement)
MANY_UNKNOWN = 0.05  # of the validation rows (judgement)
SMALL = 20  # codes of a category that are compared one by one between the parts
CLIP = 3.0  # scaled units, to which numbers are drawn in smoothly, as RealMLP does
TENTHS = 10  # groups of a quantity whose shares are compared
SHOWN = 5


def shifts(
    encoder: Encoder,
    inputs: Encoded,
    target: TargetValues,
    split: Split,
    groups: NDArray[np.int64] | None = None,
) -> list[Finding]:
    """Whether a linear classifier can tell training from validation rows, and whether their targets differ.

    Args:
        encoder: Fitted on the training rows.
        inputs: Every row.
        target: Of every row.
        split: Positions of the parts.
        groups: Of every row, as in Examples; None when each stands alone.
    """
    rng = np.random.default_rng(0)
    samples = [np.sort(rng.permutation(rows)[:ROWS]) for rows in (split.train, split.val)]
    train, val = (_plain_features(encoder, inputs, rows) for rows in samples)
    parts = _shares(target, split)
    codes = None if groups is None else numbered(groups)
    seen = shift(train, val, parts, groups=None if codes is None else (codes[samples[0]], codes[samples[1]]))
    sizes = tuple(
        int(counts.sum()) if codes is None else len(np.unique(codes[rows]))
        for counts, rows in zip(parts, (split.train, split.val), strict=True)
    )
    found = []
    if seen.shifted:
        told = (
            f"train and val look different: a linear classifier tells them apart (AUROC {seen.auroc:.2f}), "
            "so validation does not measure what was trained"
        )
        found.append(Finding(id="shift", level="warning", sentence=told, value=seen.auroc or 0.0))
    if seen.classes > max(CLASS_SHIFT, BY_CHANCE * _chance(*parts, sizes)):
        told = f"the shares of the target in train and val differ by {percent(seen.classes)}"
        found.append(Finding(id="target_shift", level="warning", sentence=told, value=seen.classes))
    return found


def _chance(train: NDArray[np.int64], val: NDArray[np.int64], sizes: tuple[int, ...]) -> float:
    """The total variation distance that two samples of one distribution have in the mean, nearly.

    Half the sum of the mean absolute differences of binomial shares, by their normal approximation.

    Args:
        train: Rows of each class.
        val: The same of validation.
        sizes: How many were drawn for train and for val: rows, or groups, the rows of which may all be of one class.
    """
    share = (train + val) / max(int(train.sum() + val.sum()), 1)
    variance = share * (1 - share) * sum(1 / max(size, 1) for size in sizes)
    return float(0.5 * np.sqrt(2 / np.pi * variance).sum())


def _plain_features(encoder: Encoder, inputs: Encoded, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """(rows, features): scaled numbers, whether they are missing, and one column a code of small categories."""
    numbers = inputs.numbers[rows]
    scale = np.array([number.scale for number in encoder.numbers], np.float32)
    scaled = (numbers - np.array([number.median for number in encoder.numbers], np.float32)) * scale
    scaled /= np.sqrt(1 + (scaled / CLIP) ** 2)
    hot = [
        inputs.codes[rows, place, None] == np.arange(cardinality)
        for place, cardinality in enumerate(encoder.cardinalities)
        if cardinality <= SMALL
    ]
    return np.concatenate([np.nan_to_num(scaled), np.isnan(numbers), *hot], axis=1, dtype=np.float32)


def _shares(target: TargetValues, split: Split) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows of each class, each label or each tenth of a quantity, in train and in val."""
    if target.task == "multilabel":
        sums = [target.values[rows].sum(axis=0).astype(np.int64) for rows in (split.train, split.val)]
        return sums[0], sums[1]
    groups = target.values
    if target.task == "regression":
        edges = np.unique(np.quantile(target.values[split.train], np.linspace(0, 1, TENTHS + 1)[1:-1]))
        groups = np.searchsorted(edges, target.values, side="right")
    size = int(groups.max()) + 1
    return np.bincount(groups[split.train], minlength=size), np.bincount(groups[split.val], minlength=size)


def unknown(encoder: Encoder, inputs: Encoded, split: Split) -> list[Finding]:
    """Categories of validation that training did not have, or once."""
    if not len(split.val):
        return []
    found = []
    for category, shares in zip(encoder.categories, (inputs.codes[split.val] == UNKNOWN).T, strict=True):
        share = float(shares.mean())
        if share > MANY_UNKNOWN:
            name = category.column
            told = f"{percent(share)} of the validation rows have a {visible(name)} that training hardly has"
            found.append(
                Finding(id="unknown_categories", level="note", sentence=told, value=share, columns=(name,))
            )
    return found


def imbalance(target: TargetValues, split: Split) -> list[Finding]:
    """Classes of very different size in training, and classes that it lacks."""
    if target.task != "classification":
        return []
    counts = np.bincount(target.values[split.train], minlength=len(target.classes))
    found = []
    lacking = [target.classes[place] for place in np.flatnonzero(counts == 0)]
    if lacking:
        shown = ", ".join(visible(name) for name in lacking[:SHOWN])
        told = f"{count(len(lacking), 'class')} without a training row: {shown}"
        found.append(Finding(id="classes_not_trained", level="warning", sentence=told, value=len(lacking)))
    present = counts[counts > 0]
    ratio = float(present.max() / present.min()) if len(present) else 1.0
    if ratio > IMBALANCED:
        told = f"the largest class has {ratio:,.0f} times the rows of the smallest: read the per-class table"
        found.append(Finding(id="imbalance", level="warning", sentence=told, value=ratio))
    return found
