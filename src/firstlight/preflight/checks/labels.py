"""The labels are in range, every class is there, and no picture has two labels.

**Shows** class counts of both parts. Failed when a label is no class, or fewer than two classes have training
images.

**Thresholds** A class without training or validation images is a warning: it cannot be learnt, or its result
cannot be seen. Identical pictures under different labels are a warning above 0 (they bound the accuracy). A
largest class 20 times the smallest is told as imbalance (judgement; accuracy then says little about the small
classes).

**What to do** Correct the labels; with imbalance, judge by `val_balanced_accuracy` and try
`loss.class_weights: balanced`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from firstlight.preflight.check import Bench, Check, Finding, failed, ok, warning
from firstlight.text import count, number, visible

if TYPE_CHECKING:
    from firstlight.training.job import Job

IMBALANCE = 20.0  # largest class over the smallest
NAMES_SHOWN = 5


def run(bench: Bench) -> Finding:
    """Counts; reads no pixel."""
    job = bench.job
    labels = job.examples.labels
    classes = len(job.classes)
    used = np.concatenate([job.split.train, job.split.val])
    wrong = used[(labels[used] < 0) | (labels[used] >= classes)]
    if len(wrong):
        return failed(
            f"{count(len(wrong), 'label')} outside 0 to {classes - 1}, first {labels[wrong[0]]} of "
            f"{visible(job.examples.ids[wrong[0]])}",
            float(len(wrong)),
            remedy="correct the labels, or name every class in data.classes",
            page="data_quality",
            fault="data",
        )
    train = np.bincount(labels[job.split.train], minlength=classes)
    val = np.bincount(labels[job.split.val], minlength=classes)
    if (train > 0).sum() < 2:
        return failed(
            "fewer than two classes have training images",
            float((train > 0).sum()),
            remedy="give at least two classes",
            page="data_quality",
            fault="data",
        )
    said = (
        f"{count(classes, 'class')}, {train[train > 0].min():,} to {train.max():,} training images each, "
        f"{val.min():,} to {val.max():,} in validation"
    )
    problems = []
    for counts, part in ((train, "training"), (val, "validation")):
        missing = [job.classes[i] for i in np.flatnonzero(counts == 0)]
        if missing:
            names = visible(", ".join(missing[:NAMES_SHOWN]))
            problems.append(f"{count(len(missing), 'class')} without {part} images: {names}")
    conflicts = _conflicts(job)
    if conflicts:
        problems.append(f"{count(conflicts, 'picture')} with more than one label")
    ratio = train.max() / train[train > 0].min()
    if ratio > IMBALANCE:
        problems.append(f"the largest class has {number(ratio)} times the images of the smallest")
    if problems:
        return warning(
            f"{said}; {'; '.join(problems)}",
            float(len(problems)),
            remedy="correct the labels or add images; judge by val_balanced_accuracy",
            page="data_quality",
        )
    return ok(said, float(classes))


def _conflicts(job: Job) -> int:
    """Pictures that occur under different labels in training or validation, by the hash of their pixels."""
    used = np.concatenate([job.split.train, job.split.val])
    _, group = np.unique(job.examples.digests[used], return_inverse=True)
    pairs = np.unique(np.stack([group, job.examples.labels[used]]), axis=1)
    return int((np.bincount(pairs[0]) > 1).sum())


CHECK = Check(run=run, order=30, share=0.3)
