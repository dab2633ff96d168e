"""Batches are made faster than they are used up.

**Shows** how many batches a second can be made without training, beside the steps a second of real training,
and the share of a step that is spent waiting for its batch.

**Thresholds** A warning above 10 % of waiting (the handbook's page on resource inefficiency has the same
number): with a share w of waiting, removing all of it speeds the run up by 1 / (1 - w).

**What to do** Look whether the decoded cache lies on a slow disk; smaller images; less augmentation.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from firstlight.preflight.check import Bench, Check, Finding, ok, warning
from firstlight.text import number, percent

if TYPE_CHECKING:
    from firstlight.training.job import Job

MOST_WAITING = 0.1  # share of a step
LONGEST_SECONDS = 1.0
MOST_BATCHES = 50


def run(bench: Bench) -> Finding:
    """Makes batches for a moment."""
    job = bench.job
    timing = bench.timing()
    until = min(bench.deadline, time.monotonic() + LONGEST_SECONDS)
    made = 0
    began = time.monotonic()
    for _ in job.train.epoch(0):
        made += 1
        if made >= MOST_BATCHES or time.monotonic() > until:
            break
    speed = made / max(time.monotonic() - began, 1e-9)
    share = timing.batch_seconds / timing.step_seconds
    said = (
        f"{number(speed)} batches a second alone, {number(1 / timing.step_seconds)} steps a second in all, "
        f"{percent(share)} of a step is waiting for data"
    )
    if share > MOST_WAITING:
        return warning(
            said,
            share,
            remedy=_remedy(job),
            page="resource_inefficiency",
        )
    return ok(said, share)


def _remedy(job: Job) -> str:
    if job.data.kind.name == "own":
        return "do less in the data set's __getitem__, or before training; parallel.workers reads ahead"
    return "smaller images, less augmentation, or a faster disk for the cache"


CHECK = Check(run=run, order=140, share=1.0)
