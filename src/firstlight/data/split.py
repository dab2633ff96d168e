"""The frozen split: every row in exactly one part.

Given parts stand. Otherwise rows are drawn class by class, equal ones together; with `data.group` whole groups are
drawn, and they alone decide; with `data.time` the latest rows are the test part, and those before them validate.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from firstlight.data.draw import NAMES_SHOWN, drawn
from firstlight.data.examples import Part, Split
from firstlight.data.order import latest, moments
from firstlight.errors import DataError, ResumeRefused, UsageError
from firstlight.experiment import store
from firstlight.text import count, visible

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from firstlight.config.schema import Data
    from firstlight.data.examples import Examples

FORMAT = 1
# rows of validation and of test: its interval is below 0.7 points then, and validating stays cheap
LARGEST_PART = 20_000
MUCH = 0.5  # of the rows asked for; what whole groups or times change beyond it is told (judgement)


def split(examples: Examples, data: Data, seed: int) -> Split:
    """Divides the rows into train, val and the sealed test part.

    Raises:
        UsageError: A group or time is named, and the source has no columns.
        DataError: A part that is needed would be empty.
    """
    _check_named(examples, data)
    parts = examples.parts.copy()
    notes: list[str] = []
    how = _how(examples, data)
    drawn_with = f", seed {seed}" if examples.times is None else ""
    given = set(np.unique(parts).tolist()) - {Part.UNASSIGNED}
    if given <= {Part.TRAIN}:
        parts[:] = Part.UNASSIGNED
        _move(examples, parts, Part.TEST, data.test_fraction, seed, notes)
        _move(examples, parts, Part.VAL, _val_share(examples, parts, data), seed, notes)
        if not (
            parts == Part.VAL
        ).any():  # with equal content in several classes, test may have had the last one
            parts[parts == Part.TEST] = Part.VAL
        method = f"{how}, {data.val_fraction:g} val, {data.test_fraction:g} test{drawn_with}"
    elif Part.VAL not in given:  # train and test are
        parts[parts == Part.TRAIN] = Part.UNASSIGNED
        _move(examples, parts, Part.VAL, data.val_fraction, seed, notes)
        method = f"given train and test; val {data.val_fraction:g} of train, {how}{drawn_with}"
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
            _remedy(examples),
        )
    return Split(train=train, val=val, test=test, method=method, notes=tuple(notes))


def _move(
    examples: Examples, parts: NDArray[np.int8], part: Part, fraction: float, seed: int, notes: list[str]
) -> None:
    """Moves a fraction of the unassigned rows to `part`: the latest ones where a time is named, else drawn."""
    free = np.flatnonzero(parts == Part.UNASSIGNED)
    if fraction <= 0 or not len(free):
        return
    if fraction * len(free) > LARGEST_PART:
        fraction = LARGEST_PART / len(free)
        notes.append(
            f"{part.name.lower()} is limited to {LARGEST_PART:,} {examples.noun}s: more would not tell more"
        )
    wanted = fraction * len(free)
    if examples.times is None:
        chosen = drawn(examples, free, part, fraction, seed, notes)
    else:
        wanted = fraction * _movable(examples, free)
        # The test part leaves one time to train and one to validate.
        chosen = latest(examples, free, wanted, left=2 if part == Part.TEST else 1)
    parts[chosen] = part
    if part == Part.TEST and not len(chosen):
        spare = "class" if examples.times is None else "time"
        notes.append(f"the test part is empty: no {spare} has {examples.noun}s to spare for it")
    elif examples.times is not None or examples.groups is not None:
        notes += _far_from(wanted, len(chosen), part, examples)


def _val_share(examples: Examples, parts: NDArray[np.int8], data: Data) -> float:
    """The share of the rows that the test part has left, for validation to have its share of all."""
    if examples.times is None and examples.groups is None:
        return data.val_fraction / (1 - data.test_fraction)
    left = _movable(examples, np.flatnonzero(parts == Part.UNASSIGNED))
    return min(1.0, data.val_fraction * _movable(examples, np.arange(len(parts))) / max(left, 1))


def _movable(examples: Examples, rows: NDArray[np.int64]) -> int:
    """Those that may leave train; a row without a time may not."""
    return len(rows) if examples.times is None else int(np.isfinite(moments(examples, rows)).sum())


def _far_from(wanted: float, found: int, part: Part, examples: Examples) -> list[str]:
    """A sentence where whole times or groups gave a part of quite another size."""
    if not found or abs(found - wanted) <= max(1, MUCH * wanted):
        return []
    kept = " and ".join(
        name for name, held in (("time", examples.times), ("group", examples.groups)) if held is not None
    )
    told = f"{part.name.lower()} has {count(found, examples.noun)} instead of {wanted:,.0f}"
    return [f"{told}: {examples.noun}s of one {kept} stay together"]


def _remedy(examples: Examples) -> str:
    if examples.times is not None:
        return f"{examples.noun}s of at least two different times are needed"
    if examples.groups is not None:
        return "a class has to be in at least two groups"
    return f"add {examples.noun}s, so that a class has at least two"


def _check_named(examples: Examples, data: Data) -> None:
    """Refuses a group, time or weight that this kind of data does not have."""
    for key, wanted, found in (
        ("data.group", data.group, examples.groups),
        ("data.time", data.time, examples.times),
        ("data.weight", data.weight, examples.weights),
    ):
        if wanted is not None and found is None:
            raise UsageError(
                f"{examples.noun}s from this source have no columns",
                visible(f"{key} = {wanted}; {examples.source}"),
                f"leave {key} out, or give a table with that column",
            )


def _how(examples: Examples, data: Data) -> str:
    """The order in which rows are taken, for the method: `stratified` or `the latest by when`."""
    if examples.times is not None:
        told = f"the latest by {visible(data.time or '')}"
    else:
        told = "stratified" if examples.groups is None else "drawn"
    if examples.groups is not None:
        told += f", groups of {visible(data.group or '')} together"
    return told


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
