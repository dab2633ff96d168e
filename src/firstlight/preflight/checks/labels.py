"""The labels are in range, every class is there, and no row has two labels.

**Shows** class counts of both parts; for a regression the range of the target; where rows have a class for each pixel
or token, how many count. Failed when a label is no class,
fewer than two classes have training rows, or the target is constant or not finite.

**Thresholds** A class without training or validation rows is a warning: it cannot be learnt, or its result
cannot be seen. Identical rows under different labels are a warning above 0 (they bound the accuracy). A
largest class 20 times the smallest is told as imbalance (judgement; accuracy then says little about the small
classes).

**What to do** Correct the labels; with imbalance, judge by `val_balanced_accuracy` and try
`loss.class_weights: balanced`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from firstlight.data.examples import MANY_PLACES, UNKNOWN_TARGETS
from firstlight.preflight.check import Bench, Check, Finding, failed, not_applicable, ok, warning
from firstlight.text import count, number, visible

if TYPE_CHECKING:
    from firstlight.training.job import Job

IMBALANCE = 20.0  # largest class over the smallest
NAMES_SHOWN = 5


def run(bench: Bench) -> Finding:
    """Counts; reads no content."""
    looks = {"regression": _numbers, "multilabel": _labels, **dict.fromkeys(MANY_PLACES, _places)}
    if bench.job.data.examples.task == UNKNOWN_TARGETS:
        return not_applicable("what the targets are is known to the step alone")
    return looks.get(bench.job.data.examples.task, _classes)(bench.job)


def _numbers(job: Job) -> Finding:
    """The target of a regression."""
    targets, split = job.data.examples.targets, job.data.split
    used = targets[np.concatenate([split.train, split.val])]
    if not np.isfinite(used).all():
        bad = float((~np.isfinite(used)).sum())
        return _unusable(f"{count(int(bad), 'target')} not finite", bad, "remove these rows")
    low, high = float(targets[split.train].min()), float(targets[split.train].max())
    if low == high:
        return _unusable(f"the target is {number(low)} in every training row", low, "choose another target")
    val = targets[split.val]
    return ok(
        f"target from {number(low)} to {number(high)}, mean {number(float(targets[split.train].mean()))}; "
        f"in validation from {number(float(val.min()))} to {number(float(val.max()))}",
        high - low,
    )


def _places(job: Job) -> Finding:
    """A class for each of many places of a row."""
    split, kind, examples = job.data.split, job.data.kind, job.data.examples
    counted = [examples.targets[job.data.known(part)] for part in (split.train, split.val)]
    train, val = (int(places.sum()) for places in counted)
    if not train or not val:
        part = "training" if not train else "validation"
        return _unusable(f"no target of the {part} part counts", 0.0, "see how the targets are made")
    said = f"{train:,} places in training, {val:,} in validation"
    empty = int(sum((places == 0).sum() for places in counted))
    problems = [f"{count(empty, kind.noun)} without a place that counts"] if empty else []
    problems += _missing(job)
    return _told(job, said, problems) if problems else ok(said, float(train))


def _missing(job: Job) -> list[str]:
    """Classes of which one of the parts has no place, where rows have many."""
    problems = []
    for rows, part in ((job.data.split.train, "training"), (job.data.split.val, "validation")):
        places = job.data.fitted.counts.total(rows, len(job.classes))
        missing = [name for name, found in zip(job.classes, places, strict=True) if not found]
        if missing:
            names = visible(", ".join(missing[:NAMES_SHOWN]))
            problems.append(f"{count(len(missing), 'class')} without a {part} place: {names}")
    return problems


def _labels(job: Job) -> Finding:
    """The labels of which a row may have any number."""
    counts = job.data.examples.targets[job.data.split.train].sum(axis=0)
    missing = [job.classes[i] for i in np.flatnonzero(counts == 0)]
    said = f"{count(len(job.classes), 'label')}, {int(counts.min()):,} to {int(counts.max()):,} training rows each"
    if missing:
        names = visible(", ".join(missing[:NAMES_SHOWN]))
        return _told(job, said, [f"{count(len(missing), 'label')} without training rows: {names}"])
    return ok(said, float(len(job.classes)))


def _classes(job: Job) -> Finding:
    """One class for each row."""
    labels, noun = job.data.examples.targets, job.data.kind.noun
    classes = len(job.classes)
    used = np.concatenate([job.data.split.train, job.data.split.val])
    wrong = used[(labels[used] < 0) | (labels[used] >= classes)]
    if len(wrong):
        return _unusable(
            f"{count(len(wrong), 'label')} outside 0 to {classes - 1}, first {labels[wrong[0]]} of "
            f"{visible(job.data.examples.ids[wrong[0]])}",
            float(len(wrong)),
            "correct the labels, or name every class in data.classes",
        )
    train = np.bincount(labels[job.data.split.train], minlength=classes)
    val = np.bincount(labels[job.data.split.val], minlength=classes)
    if (train > 0).sum() < 2:
        said = f"fewer than two classes have training {noun}s"
        return _unusable(said, float((train > 0).sum()), "give at least two classes")
    said = (
        f"{count(classes, 'class')}, {train[train > 0].min():,} to {train.max():,} training {noun}s each, "
        f"{val.min():,} to {val.max():,} in validation"
    )
    problems = []
    for counts, part in ((train, "training"), (val, "validation")):
        missing = [job.classes[i] for i in np.flatnonzero(counts == 0)]
        if missing:
            names = visible(", ".join(missing[:NAMES_SHOWN]))
            problems.append(f"{count(len(missing), 'class')} without {part} {noun}s: {names}")
    conflicts = _conflicts(job)
    if conflicts:
        problems.append(f"{count(conflicts, noun)} with more than one label")
    ratio = train.max() / train[train > 0].min()
    if ratio > IMBALANCE:
        problems.append(f"the largest class has {number(ratio)} times the {noun}s of the smallest")
    return _told(job, said, problems) if problems else ok(said, float(classes))


def _unusable(message: str, value: float, remedy: str) -> Finding:
    return failed(message, value, remedy=remedy, page="data_quality", fault="data")


def _told(job: Job, said: str, problems: list[str]) -> Finding:
    noun = job.data.kind.noun
    judged = "" if job.data.examples.task in MANY_PLACES else "; judge by val_balanced_accuracy"
    return warning(
        f"{said}; {'; '.join(problems)}",
        float(len(problems)),
        remedy=f"correct the labels or add {noun}s{judged}",
        page="data_quality",
    )


def _conflicts(job: Job) -> int:
    """Rows with equal content under different labels in training or validation, each counted once."""
    used = np.concatenate([job.data.split.train, job.data.split.val])
    _, group = np.unique(job.data.examples.digests[used], return_inverse=True)
    pairs = np.unique(np.stack([group, job.data.examples.targets[used]]), axis=1)
    return int((np.bincount(pairs[0]) > 1).sum())


CHECK = Check(run=run, order=30, share=0.3, steps=False)
