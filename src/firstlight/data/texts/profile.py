"""What a set of texts looks like: counts, lengths, copies, contradictions, and what a model will not see."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from firstlight.data.examples import Texts
from firstlight.data.groups import few_groups
from firstlight.data.texts.checks import TextFindings, check_texts
from firstlight.text import count, number, visible

if TYPE_CHECKING:
    from firstlight.data.examples import Examples, Split

CLASSES_KEPT = 1_000  # of whom the rows are kept in logs/profile.json


@dataclass(frozen=True, slots=True, kw_only=True)
class TextProfile:
    """What setup saw in the texts; logs/profile.json."""

    rows: int
    parts: dict[str, int]
    classes: dict[str, int]  # rows of each
    target_range: tuple[float, float] | None  # of a regression
    characters: tuple[int, int, int]  # of a text: median, 95th of 100, most
    skipped: tuple[tuple[str, str], ...]
    across_splits: int
    found: TextFindings
    form: str  # how the table was read; empty when it was none
    notes: tuple[str, ...]  # what was found in reading
    warnings: tuple[str, ...]  # sentences that a person should not miss

    def headline(self) -> str:
        """`20,000 texts of 230 characters in the middle, 4 classes`."""
        goal = count(len(self.classes), "class") if self.classes else "a number each"
        told = f"{count(self.rows, 'text')} of {count(self.characters[0], 'character')} in the middle, {goal}"
        return f"{self.form}; {told}" if self.form else told

    def to_json(self) -> dict[str, Any]:
        """Plain values; `shown` is the table of the report."""
        return {
            "format": 1,
            **asdict(self),
            "shown": [list(r) for r in self.shown()],
        }

    def shown(self) -> Iterator[tuple[str, str]]:
        """What a person reads of it: a name and a sentence each, text from the data escaped later."""
        parts = ", ".join(f"{name} {rows:,}" for name, rows in self.parts.items())
        yield "Texts", f"{self.rows:,}: {parts}"
        if self.form:
            yield "File", self.form
        if self.target_range is not None:
            low, high = self.target_range
            yield "Target", f"a number from {number(low)} to {number(high)}"
        else:
            counts = sorted(self.classes.items(), key=lambda entry: -entry[1])
            most, least = counts[0], counts[-1]
            yield (
                "Classes",
                (f"{len(counts):,}: {most[0]} has most texts, {most[1]:,}; {least[0]} fewest, {least[1]:,}"),
            )
        middle, many, longest = self.characters
        yield "Characters", f"{middle:,} in the middle, 95 % have at most {many:,}, the longest {longest:,}"
        yield "Left out", f"{len(self.skipped):,}"
        found = self.found
        yield "Without a word or mark", f"{found.empty:,}"
        yield "Longer than what is read", f"{found.truncated:,}"
        yield "Training texts that occurred before", f"{found.same_in_train:,}"
        yield (
            "Validation texts that are training texts",
            f"{found.same_across:,}; nearly so: {found.near_across:,}",
        )
        yield "Texts with more than one label", f"{found.conflicting:,}"
        yield "Words of validation that no training text has", f"{100 * found.unknown:.1f} %"
        yield "Train against val", found.shift.sentence()
        for note in self.notes:
            yield "Note", note


def profile(examples: Examples, split: Split) -> TextProfile:
    """Looks at the training and validation texts; of the test texts only at how many they are."""
    texts, targets = examples.texts, examples.targets
    lengths = np.array([len(text) for text in texts])
    middle, many, longest = np.percentile(lengths, (50, 95, 100)).astype(int).tolist()
    regression = examples.task == "regression"
    labels = (targets[split.train], targets[split.val]) if examples.task == "classification" else None
    found = check_texts(
        [texts[row] for row in split.train.tolist()],
        [texts[row] for row in split.val.tolist()],
        labels,
        examples.classes,
    )
    return TextProfile(
        rows=len(texts),
        parts={"train": len(split.train), "val": len(split.val), "test": len(split.test)},
        classes={} if regression else _classes(examples),
        target_range=(float(targets.min()), float(targets.max())) if regression else None,
        characters=(middle, many, longest),
        skipped=tuple((s.id, s.reason) for s in examples.skipped[:1000]),
        across_splits=found.same_across,
        found=found,
        form=examples.content.headline if isinstance(examples.content, Texts) else "",
        notes=tuple(dict.fromkeys(visible(note) for note in examples.notes)),
        warnings=(*split.notes, *few_groups(examples, split), *found.notes),
    )


def _classes(examples: Examples) -> dict[str, int]:
    """Rows of each class, or with each label."""
    if examples.task == "multilabel":
        counts = examples.targets.sum(axis=0)
    else:
        counts = np.bincount(examples.targets, minlength=len(examples.classes))
    return {name: int(n) for name, n in list(zip(examples.classes, counts, strict=True))[:CLASSES_KEPT]}
