"""The first batches of both parts can be read, and hold data.

**Shows** that training and validation part give batches of the expected shape, finite, not constant, and how
many rows were left out. Failed when a part is empty, a number is not finite, or every training row is the same.

**Thresholds** None: the faults are exact. Spread is looked at over one batch of each part.

**What to do** See the listed files, and `data.source`; a constant channel says that the images are grey or
were read wrongly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from firstlight.data.batch import bad_rows, form
from firstlight.preflight.check import Bench, Check, Finding, failed, ok, warning
from firstlight.preflight.probe import first_batches
from firstlight.text import count, visible

if TYPE_CHECKING:
    from firstlight.training.job import Job

NAMES_SHOWN = 5
IMAGE_AXES = 4


def run(bench: Bench) -> Finding:
    """Reads one batch of each part."""
    job = bench.job
    noun = job.data.kind.noun
    for part, batches in (("training", job.train), ("validation", job.val)):
        if batches.count == 0:
            return failed(
                f"the {part} part is empty",
                0.0,
                remedy=f"give more {noun}s, or change data.val_fraction",
                page="data_quality",
                fault="data",
            )
    train = next(first_batches(job, 1))
    val = next(iter(job.val.ordered()))
    for part, batch in (("training", train), ("validation", val)):
        wrong = bad_rows(batch.inputs).cpu()
        if bool(wrong.any()):
            bad = [job.data.examples.ids[row] for row in batch.rows[wrong][:NAMES_SHOWN].tolist()]
            return failed(
                f"the {part} part holds numbers that are not finite: {visible(', '.join(bad))}",
                remedy=f"remove or repair these {noun}s",
                page="nan_loss",
                fault="data",
            )
    if _all_alike(job):
        return failed(
            f"every {noun} read is the same",
            remedy=f"look at the {noun}s that data.source names",
            page="data_quality",
            fault="data",
        )
    skipped = len(job.data.examples.skipped)
    said = f"{count(job.train.count, f'training {noun}')}, {job.val.count:,} for validation, {form(train.inputs)}"
    constant = _constant_channels(train.inputs)
    if constant:
        return warning(
            f"{said}; channel {', '.join(map(str, constant))} never changes",
            remedy="data.channels: 1 if the images are grey",
            page="data_quality",
        )
    if skipped:
        names = ", ".join(s.id for s in job.data.examples.skipped[:NAMES_SHOWN])
        return warning(
            f"{said}; left out, because not usable: {count(skipped, noun)}: {visible(names)}",
            float(skipped),
            remedy="repair or remove them (logs/profile.json has the reasons)",
            page="data_quality",
        )
    return ok(said, float(job.train.count))


def _all_alike(job: Job) -> bool:
    digests = job.data.examples.digests[job.data.split.train]
    return len(digests) > 1 and bool((digests == digests[0]).all())


def _constant_channels(inputs: Any) -> list[int]:
    """Channels of images (batch, channels, height, width) without any spread; none of other inputs."""
    if getattr(inputs, "ndim", 0) != IMAGE_AXES:
        return []
    return [c for c in range(inputs.shape[1]) if float(inputs[:, c].std()) == 0]


CHECK = Check(run=run, order=20, share=0.5, steps=False)
