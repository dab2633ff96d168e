"""What a person's items look like: counts, classes, copies across the parts, and how long reading one takes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from firstlight.data.examples import MANY_PLACES
from firstlight.text import count, duration, number, visible

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from firstlight.data.examples import Examples, Split
    from firstlight.own.read import Own


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnProfile:
    """What setup saw; logs/profile.json."""

    rows: int
    parts: dict[str, int]
    read: int  # items of train and val whose targets are known
    form: str
    classes: dict[str, int]  # training and validation items of each that were read, or its pixels or tokens
    places: int | None  # pixels or tokens that count
    target_range: tuple[float, float] | None  # of a regression
    item_seconds: float
    across_splits: int  # validation items that are equal to a training item, of those that were read
    skipped: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    warnings: tuple[str, ...]

    def headline(self) -> str:
        """`1,797 items of 1 x 8 x 8, 10 classes`."""
        goal = (
            count(len(self.classes), "class") if self.classes else "tokens" if self.places else "for a step"
        )
        goal = "a number each" if self.target_range is not None else goal
        return f"{count(self.rows, 'item')} of {self.form}, {goal}"

    def to_json(self) -> dict[str, Any]:
        """Plain values; `shown` is the table of the report."""
        return {"format": 1, **asdict(self), "shown": [list(row) for row in self.shown()]}

    def shown(self) -> Iterator[tuple[str, str]]:
        """What a person reads of it: a name and a sentence each, text from the data escaped later."""
        yield "Items", f"{self.rows:,}: {', '.join(f'{name} {rows:,}' for name, rows in self.parts.items())}"
        yield "Form", self.form
        yield "Read at setup", f"{self.read:,}, {duration(self.item_seconds)} each"
        if self.target_range is not None:
            yield "Target", f"a number from {number(self.target_range[0])} to {number(self.target_range[1])}"
        elif self.classes:
            counts = sorted(self.classes.items(), key=lambda entry: -entry[1])
            most, least = counts[0], counts[-1]
            yield (
                "Classes",
                f"{len(counts):,}: {most[0]} has most, {most[1]:,}; {least[0]} fewest, {least[1]:,}",
            )
        if self.places is not None:
            yield "Places that count", f"{self.places:,} in the items that were read"
        yield "Validation items that are training items", f"{self.across_splits:,}"
        for note in self.notes:
            yield "Note", note


def profile(examples: Examples, split: Split) -> OwnProfile:
    """Looks at the training and validation items that were read; of the test items only at how many they are."""
    own: Own = examples.content  # type: ignore[assignment]
    known = np.flatnonzero(own.read)
    targets = examples.targets[known]
    ranged = examples.task == "regression"
    across = _across(examples, split, own.read)
    warnings = [*split.notes]
    if across:
        warnings.append(
            f"{count(across, 'validation item')} equal to a training item: the validation result flatters"
        )
    return OwnProfile(
        rows=len(examples.ids),
        parts={"train": len(split.train), "val": len(split.val), "test": len(split.test)},
        read=len(known),
        form=own.form,
        classes=_classes(targets, examples, known),
        places=int(targets.sum()) if examples.task in MANY_PLACES else None,
        target_range=(float(targets.min()), float(targets.max())) if ranged else None,
        item_seconds=own.item_seconds,
        across_splits=across,
        skipped=(),
        notes=tuple(visible(note) for note in examples.notes),
        warnings=tuple(warnings),
    )


def _classes(targets: NDArray[Any], examples: Examples, known: NDArray[np.int64]) -> dict[str, int]:
    own: Own = examples.content  # type: ignore[assignment]
    if not examples.classes:
        return {}
    if own.counts is not None:
        counts = own.counts.total(known, len(examples.classes))
    elif examples.task == "multilabel":
        counts = targets.sum(axis=0)
    else:
        counts = np.bincount(targets, minlength=len(examples.classes))
    return {name: int(n) for name, n in zip(examples.classes, counts, strict=True)}


def _across(examples: Examples, split: Split, read: NDArray[np.bool_]) -> int:
    train, val = (part[read[part]] for part in (split.train, split.val))
    return int(np.isin(examples.digests[val], examples.digests[train]).sum())
