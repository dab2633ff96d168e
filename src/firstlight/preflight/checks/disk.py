"""There is room for the checkpoints.

**Shows** the bytes of one checkpoint, what the run needs, and what is free where the experiment folder lies:
best, last and one that is just being written are three; the periodic ones come on top.

**Thresholds** Failed when three checkpoints and a margin of 64 MiB for logs, plots and reports do not fit,
when the process may not write files of that size (`ulimit -f`), or when fewer than 100 new files fit
(inodes). A warning when the periodic checkpoints do not fit too (margins: judgement).

**What to do** Free the bytes that the line names, choose another disk with `--out`, or write fewer periodic
checkpoints.
"""

from __future__ import annotations

import os
import resource

from firstlight.preflight.check import Bench, Check, Finding, failed, ok, warning
from firstlight.text import count, size

KEPT = 3  # best, last, and the one being written
MARGIN_BYTES = 64 * 2**20
FEWEST_FILES = 100


def run(bench: Bench) -> Finding:
    """Compares the size of a checkpoint with the file system."""
    job = bench.job
    one = bench.timing().checkpoint_bytes
    periodic = job.config.training.epochs // job.config.checkpointing.checkpoint_every_n_epochs
    needed = KEPT * one + MARGIN_BYTES
    disk = os.statvfs(job.folder.root)
    free = disk.f_bavail * disk.f_frsize
    largest, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
    said = f"{size(needed)} needed for {KEPT} checkpoints of {size(one)} and reports, {size(free)} free"
    if largest != resource.RLIM_INFINITY and largest < one:
        return failed(
            f"a checkpoint has {size(one)}, the file-size limit of this process is {size(largest)}",
            float(largest),
            remedy="raise the file-size limit (ulimit -f)",
            page="crashes",
            fault="resource",
        )
    if free < needed:
        return failed(
            said,
            float(free),
            remedy=f"free {size(needed - free)}, or choose another disk with --out",
            page="crashes",
            fault="resource",
        )
    if disk.f_files and disk.f_favail < FEWEST_FILES:  # some file systems count none
        return failed(
            f"the file system takes only {count(disk.f_favail, 'new file')} (inodes)",
            float(disk.f_favail),
            remedy="remove small files there, or choose another disk with --out",
            page="crashes",
            fault="resource",
        )
    if free < needed + periodic * one:
        return warning(
            f"{said}; {count(periodic, 'periodic checkpoint')} need {size(periodic * one)} more",
            float(free),
            remedy="raise checkpointing.checkpoint_every_n_epochs, or free some space",
            page="crashes",
        )
    return ok(said, float(free))


CHECK = Check(run=run, order=130, share=1.0)
