"""The frozen split: every row in exactly one part, equal images never in two.

Given parts stand. Otherwise rows are drawn class by class, in an order that depends on the row ids and the
seed alone, not on how the
disk lists them. Images with the same pixels form a group that is never parted.
"""

from __future__ import annotations

import hashlib
import math
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from firstlight.data.examples import Part, Split
from firstlight.errors import DataError, ResumeRefused
from firstlight.experiment import store
from firstlight.text import count, visible

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from firstlight.config.schema import Data
    from firstlight.data.examples import Examples

FORMAT = 1
NAMES_SHOWN = 20
# rows of validation and of test: its interval is below 0.7 points then, and validating stays cheap
LARGEST_PART = 20_000


def split(examples: Examples, data: Data, seed: int) -> Split:
    """Divides the rows into train, val and the sealed test part.

    Raises:
        DataError: A part that is needed would be empty.
    """
    parts = examples.parts.copy()
    notes: list[str] = []
    given = set(np.unique(parts).tolist()) - {Part.UNASSIGNED}
    if not given:
        _draw(examples, parts, Part.TEST, data.test_fraction, seed, notes)
        _draw(examples, parts, Part.VAL, data.val_fraction / (1 - data.test_fraction), seed, notes)
        method = f"stratified, {data.val_fraction:g} val, {data.test_fraction:g} test, seed {seed}"
    elif Part.VAL not in given:
        parts[parts == Part.TRAIN] = Part.UNASSIGNED
        _draw(examples, parts, Part.VAL, data.val_fraction, seed, notes)
        method = f"given train and test; val {data.val_fraction:g} of train, stratified, seed {seed}"
    else:
        method = "given"
    parts[parts == Part.UNASSIGNED] = Part.TRAIN
    train, val, test = (np.flatnonzero(parts == part) for part in (Part.TRAIN, Part.VAL, Part.TEST))
    if not len(train) or not len(val):
        empty = "train" if not len(train) else "val"
        raise DataError(
            f"the {empty} part would be empty",
            f"{count(len(parts), 'image')}, {count(len(examples.classes), 'class')}: {method}",
            "add images, so that a class has at least two",
        )
    return Split(train=train, val=val, test=test, method=method, notes=tuple(notes))


def _draw(
    examples: Examples, parts: NDArray[np.int8], part: Part, fraction: float, seed: int, notes: list[str]
) -> None:
    """Moves a fraction of the unassigned rows of each class, whole groups at a time, to `part`."""
    free = np.flatnonzero(parts == Part.UNASSIGNED)
    fraction = min(fraction, LARGEST_PART / max(len(free), 1))
    if fraction <= 0:
        return
    groups: dict[bytes, list[int]] = defaultdict(list)
    for row in free:
        groups[bytes(examples.digests[row])].append(int(row))
    by_class: dict[int, list[list[int]]] = defaultdict(list)
    for rows in groups.values():
        first = min(rows, key=lambda r: examples.ids[r])
        by_class[int(examples.labels[first])].append(rows)
    for label, members in sorted(by_class.items()):
        total = sum(len(rows) for rows in members)
        # Two groups give one to validation; a single one stays in train.
        wanted = max(math.floor(fraction * total + 0.5), 1 if part == Part.VAL else 0)
        members.sort(key=lambda rows: _rank(min(examples.ids[r] for r in rows), part, seed))
        taken = 0
        for rows in members[:-1]:  # one group of a class always stays for training
            if taken >= wanted:
                break
            if taken and taken + len(rows) > wanted:
                continue
            parts[rows] = part
            taken += len(rows)
        if not taken and part == Part.VAL:
            notes.append(
                f"the class {visible(examples.classes[label])} has no image to spare for {part.name.lower()}"
            )


def _rank(name: str, part: Part, seed: int) -> bytes:
    text = f"{seed} {part.name} {name}"
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def write_split(path: Path, split: Split, examples: Examples) -> str:
    """Writes the row ids of the three parts; returns the file's SHA-256."""

    def ids(rows: NDArray[np.int64]) -> NDArray[np.str_]:
        return np.array([examples.ids[r] for r in rows], dtype=np.str_)

    return store.write_npz(
        path,
        {
            "format": np.array(FORMAT),
            "method": np.array(split.method),
            "train_ids": ids(split.train),
            "val_ids": ids(split.val),
            "test_ids": ids(split.test),
        },
    )


def read_split(path: Path, examples: Examples) -> Split:
    """Reads the frozen split back for the same data.

    Raises:
        ResumeRefused: Rows were added or removed since, or the file is damaged.
    """
    try:
        arrays = store.read_npz(path)
        parts = [arrays[f"{name}_ids"].tolist() for name in ("train", "val", "test")]
        method = str(arrays["method"])
    except (OSError, ValueError, KeyError) as error:
        raise ResumeRefused(
            "the frozen split cannot be read", f"{path}: {error}", "start a new experiment"
        ) from None
    place = {name: row for row, name in enumerate(examples.ids)}
    frozen = set().union(*parts)
    gone, new = sorted(frozen - place.keys()), sorted(place.keys() - frozen)
    if gone or new:
        told = [
            f"{word}: {len(names)} ({', '.join(visible(n) for n in names[:NAMES_SHOWN])})"
            for word, names in (("removed", gone), ("added", new))
            if names
        ]
        raise ResumeRefused(
            "the data is not the one that was split",
            "; ".join(told),
            "restore the data, or start a new experiment",
        )
    train, val, test = (np.array([place[n] for n in names], dtype=np.int64) for names in parts)
    return Split(train=train, val=val, test=test, method=method)
