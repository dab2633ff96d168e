"""The frozen split: every row in exactly one part, equal rows never in two.

Given parts stand. Otherwise rows are drawn class by class, in an order that depends on the row ids and the
seed alone, not on how the
disk lists them. Rows with the same content form a group that is never parted.
"""

from __future__ import annotations

import hashlib
import itertools
import math
from collections import Counter, defaultdict
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
TENTHS = 10  # strata of a regression target
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
    if given <= {Part.TRAIN}:
        parts[:] = Part.UNASSIGNED
        _draw(examples, parts, Part.TEST, data.test_fraction, seed, notes)
        _draw(examples, parts, Part.VAL, data.val_fraction / (1 - data.test_fraction), seed, notes)
        if not (
            parts == Part.VAL
        ).any():  # with equal content in several classes, test may have had the last one
            parts[parts == Part.TEST] = Part.VAL
        method = f"stratified, {data.val_fraction:g} val, {data.test_fraction:g} test, seed {seed}"
    elif Part.VAL not in given:  # train and test are
        parts[parts == Part.TRAIN] = Part.UNASSIGNED
        _draw(examples, parts, Part.VAL, data.val_fraction, seed, notes)
        method = f"given train and test; val {data.val_fraction:g} of train, stratified, seed {seed}"
    else:
        method = "given"
        if Part.TEST not in given:
            notes.append(
                f"no test part was given: what is chosen on val cannot be checked on {examples.noun}s never looked at"
            )
    parts[parts == Part.UNASSIGNED] = Part.TRAIN
    train, val, test = (np.flatnonzero(parts == part) for part in (Part.TRAIN, Part.VAL, Part.TEST))
    if not len(train) or not len(val):
        empty = "train" if not len(train) else "val"
        raise DataError(
            f"the {empty} part would be empty",
            f"{count(len(parts), examples.noun)}, {count(len(examples.classes), 'class')}: {method}",
            f"add {examples.noun}s, so that a class has at least two",
        )
    return Split(train=train, val=val, test=test, method=method, notes=tuple(notes))


def _draw(
    examples: Examples, parts: NDArray[np.int8], part: Part, fraction: float, seed: int, notes: list[str]
) -> None:
    """Moves a fraction of the unassigned rows of each class, whole groups at a time, to `part`.

    Every class keeps a group for training, and one for validation as long as the test part is drawn.
    """
    free = np.flatnonzero(parts == Part.UNASSIGNED)
    if fraction <= 0 or not len(free):
        return
    if fraction * len(free) > LARGEST_PART:
        fraction = LARGEST_PART / len(free)
        notes.append(
            f"{part.name.lower()} is limited to {LARGEST_PART:,} {examples.noun}s: more would not tell more"
        )
    ids, labels = examples.ids, strata(examples).tolist()
    by_class = _groups(examples, free, labels)
    left = Counter(
        label for members in by_class.values() for rows in members for label in {labels[r] for r in rows}
    )  # groups that hold a class and stay
    short: list[int] = []
    seen = 0
    for label, members in sorted(by_class.items()):
        # Rounded over the classes so far: each by itself, many small classes would all give nothing.
        before, seen = seen, seen + sum(len(rows) for rows in members)
        wanted = math.floor(fraction * seen + 0.5) - math.floor(fraction * before + 0.5)
        # A class of two groups gives one to validation; a single one stays in train.
        wanted = max(wanted, 1 if part == Part.VAL else 0)
        members.sort(key=lambda rows: _rank(min(ids[r] for r in rows), part, seed))
        taken = _take(members, wanted, labels, left, kept=1 if part == Part.VAL else 2)
        for rows in taken:
            parts[rows] = part
        if not taken and part == Part.VAL:
            short.append(label)
    if short:
        names = ", ".join(_name(examples, label) for label in short[:NAMES_SHOWN])
        notes.append(
            f"{count(len(short), 'class')} with no {examples.noun} to spare for val, all in train: {names}"
        )
    if part == Part.TEST and not (parts == Part.TEST).any():
        notes.append(f"the test part is empty: no class has {examples.noun}s to spare for it")


def strata(examples: Examples) -> NDArray[np.int64]:
    """int64 (rows,), of which each part gets its share: the class, the set of labels, or the tenth of the range."""
    targets = examples.targets
    if examples.task == "classification":
        return np.asarray(targets, dtype=np.int64)
    if examples.task == "multilabel":
        return np.unique(targets, axis=0, return_inverse=True)[1].reshape(-1).astype(np.int64)
    edges = np.unique(np.quantile(targets, np.linspace(0, 1, TENTHS + 1)[1:-1]))
    return np.searchsorted(edges, targets, side="right").astype(np.int64)


def _name(examples: Examples, stratum: int) -> str:
    """The class, where a stratum is one."""
    return visible(examples.classes[stratum]) if examples.task == "classification" else f"group {stratum}"


def _groups(examples: Examples, free: NDArray[np.int64], labels: list[int]) -> dict[int, list[list[int]]]:
    """Rows with equal content, below the stratum of the one whose id comes first."""
    ids, digests = examples.ids, examples.digests.tolist()
    groups: dict[bytes, list[int]] = defaultdict(list)
    for row in free.tolist():
        groups[digests[row]].append(row)
    by_class: dict[int, list[list[int]]] = defaultdict(list)
    for rows in groups.values():
        by_class[labels[min(rows, key=lambda r: ids[r])]].append(rows)
    return by_class


def _take(
    members: list[list[int]], wanted: int, labels: list[int], left: Counter[int], *, kept: int
) -> list[list[int]]:
    """Groups of about `wanted` rows together, in the given order as they fit; when none does, the smallest.

    No group is taken that leaves one of its classes with fewer than `kept`; `left` is counted down.
    """
    taken: list[list[int]] = []
    rest = wanted
    fitting = ((rows, True) for rows in members)
    smallest = ((rows, False) for rows in sorted(members, key=len))
    for rows, must_fit in itertools.chain(fitting, smallest):
        if rest <= 0 or (taken and not must_fit):
            break
        held = {labels[r] for r in rows}
        if (len(rows) <= rest or not must_fit) and all(left[label] > kept for label in held):
            taken.append(rows)
            rest -= len(rows)
            for label in held:
                left[label] -= 1
    return taken


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
            "the frozen split cannot be read", visible(f"{path}: {error}"), "start a new experiment"
        ) from None
    place = {name: row for row, name in enumerate(examples.ids)}
    frozen = set().union(*parts)
    if len(frozen) < sum(map(len, parts)):
        raise ResumeRefused(
            "the frozen split names a row twice",
            visible(str(path)),
            "restore the file, or start a new experiment",
        )
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
