"""What a table looks like: its columns and what became of them, its target, and what may be wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from firstlight.data.groups import few_groups
from firstlight.data.tables.checks import check_table
from firstlight.data.tables.task import TargetValues
from firstlight.text import count, number, visible

if TYPE_CHECKING:
    from firstlight.data.examples import Examples, Split
    from firstlight.data.tables.encoder import Encoded, Encoder
    from firstlight.data.tables.finding import Finding

COLUMNS_SHOWN = 60
CLASSES_KEPT = 1_000  # of whom the rows are kept in logs/profile.json


@dataclass(frozen=True, slots=True, kw_only=True)
class TableProfile:
    """What setup saw in the table; logs/profile.json."""

    rows: int
    form: str
    target: str
    parts: dict[str, int]
    classes: dict[str, int]  # rows of each, the first CLASSES_KEPT
    target_range: tuple[float, float] | None  # of a regression
    columns: tuple[tuple[str, str, str], ...]  # name, kind, reason
    left_out: tuple[tuple[str, str], ...]  # column, why a model does not see it
    skipped: tuple[tuple[str, str], ...]
    duplicates: int
    across_splits: int  # rows of val or test that equal a training row in every feature
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]  # how the table was read
    warnings: tuple[str, ...]  # sentences that a person should not miss

    def headline(self) -> str:
        """`344 rows, 7 columns: separated by commas, UTF-8, with a header; 4 numbers, ...; 3 classes of species`."""
        kinds = Counter(kind for _, kind, _ in self.columns)
        used = ", ".join(
            count(kinds[kind], kind) for kind in ("number", "category", "boolean", "date") if kinds[kind]
        )
        goal = count(len(self.classes), "class") if self.classes else "numbers"
        return f"{self.form}; {used}; {goal} of {visible(self.target)}"

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
        yield "Rows", f"{self.rows:,}: {parts}"
        yield "File", self.form
        if self.target_range is not None:
            low, high = self.target_range
            yield "Target", f"{self.target}, a number from {number(low)} to {number(high)}"
        else:
            counts = sorted(self.classes.items(), key=lambda entry: -entry[1])
            most, least = counts[0], counts[-1]
            yield (
                "Target",
                (
                    f"{self.target}, {count(len(counts), 'class')}: {most[0]} in most rows, {most[1]:,}; "
                    f"{least[0]} in fewest, {least[1]:,}"
                ),
            )
        for name, kind, reason in self.columns[:COLUMNS_SHOWN]:
            yield f"Column {name}", f"{kind}: {reason}" if reason else kind
        if len(self.columns) > COLUMNS_SHOWN:
            yield "Further columns", f"{len(self.columns) - COLUMNS_SHOWN:,} in logs/profile.json"
        yield "Not seen by a model", ", ".join(name for name, _ in self.left_out) or "none"
        yield "Lines left out", f"{len(self.skipped):,}"
        for note in self.notes:
            yield "Note", note
        for finding in self.findings:
            yield finding.id.replace("_", " ").capitalize(), finding.sentence


def profile(examples: Examples, split: Split, encoder: Encoder, encoded: Encoded) -> TableProfile:
    """Looks at every row.

    Args:
        examples: The table.
        split: Its parts.
        encoder: Fitted on the training rows.
        encoded: Every row.
    """
    rows, targets = examples.table, examples.targets
    goal = TargetValues(
        task=examples.task,  # type: ignore[arg-type]  # the same names
        classes=examples.classes,
        values=targets,
        rows=np.arange(len(targets)),
        missing=0,
        notes=(),
    )
    findings = check_table(
        rows.frame,
        rows.columns,
        goal,
        split,
        encoder,
        encoded,
        group=rows.group,
        time=rows.time,
        groups=examples.groups,
    )
    counted = {finding.id: int(finding.value) for finding in findings}
    regression = examples.task == "regression"
    return TableProfile(
        rows=len(targets),
        form=rows.headline,
        target=", ".join(rows.targets),
        parts={"train": len(split.train), "val": len(split.val), "test": len(split.test)},
        classes={} if regression else _classes(examples),
        target_range=(float(targets.min()), float(targets.max())) if regression else None,
        columns=tuple((c.name, c.kind, c.reason) for c in rows.columns),
        left_out=encoder.left_out,
        skipped=tuple((s.id, s.reason) for s in examples.skipped[:1000]),
        duplicates=counted.get("duplicates", 0),
        across_splits=counted.get("duplicates_across", 0),
        findings=findings,
        notes=tuple(dict.fromkeys(visible(note) for note in examples.notes)),
        warnings=(
            *split.notes,
            *few_groups(examples, split),
            *(finding.sentence for finding in findings if finding.level == "warning"),
        ),
    )


def _classes(examples: Examples) -> dict[str, int]:
    """Rows of each class, or with each label."""
    if examples.task == "multilabel":
        counts = examples.targets.sum(axis=0)
    else:
        counts = np.bincount(examples.targets, minlength=len(examples.classes))
    return {name: int(n) for name, n in list(zip(examples.classes, counts, strict=True))[:CLASSES_KEPT]}
