"""The first batches of both parts can be read, and hold images.

**Shows** that training and validation part give batches of the expected shape, finite, not constant, and how
many files were left out. Failed when a part is empty, a number is not finite, or every image read is the same
picture.

**Thresholds** None: the faults are exact. Spread is looked at over one batch of each part.

**What to do** See the listed files, and `data.source`; a constant channel says that the images are grey or
were read wrongly.
"""

from __future__ import annotations

from firstlight.data.batches import Batches
from firstlight.preflight.check import Bench, Check, Finding, failed, ok, warning
from firstlight.preflight.probe import first_batches
from firstlight.text import count, visible

NAMES_SHOWN = 5


def run(bench: Bench) -> Finding:
    """Reads one batch of each part."""
    import torch

    job = bench.job
    for part, batches in (("training", job.train), ("validation", job.val)):
        if batches.count == 0:
            return failed(
                f"the {part} part is empty",
                0.0,
                remedy="give more images, or change data.val_fraction",
                page="data_quality",
                fault="data",
            )
    train = next(first_batches(job, 1))
    val = next(iter(job.val.ordered()))
    for part, batch in (("training", train), ("validation", val)):
        finite = torch.isfinite(batch.inputs.flatten(1)).all(dim=1).cpu()
        if not bool(finite.all()):
            bad = [job.examples.ids[row] for row in batch.rows[~finite][:NAMES_SHOWN].tolist()]
            return failed(
                f"the {part} part holds numbers that are not finite: {visible(', '.join(bad))}",
                remedy="remove or repair these images",
                page="nan_loss",
                fault="data",
            )
    if _all_alike(job.train):
        return failed(
            "every image read is the same picture",
            remedy="look at the images that data.source names",
            page="data_quality",
            fault="data",
        )
    shape = " x ".join(str(side) for side in train.inputs.shape[1:])
    skipped = len(job.examples.skipped)
    said = f"{count(job.train.count, 'training image')}, {job.val.count:,} for validation, {shape}"
    constant = [c for c in range(train.inputs.shape[1]) if float(train.inputs[:, c].std()) == 0]
    if constant:
        return warning(
            f"{said}; channel {', '.join(map(str, constant))} never changes",
            remedy="data.channels: 1 if the images are grey",
            page="data_quality",
        )
    if skipped:
        names = ", ".join(s.id for s in job.examples.skipped[:NAMES_SHOWN])
        return warning(
            f"{said}; {count(skipped, 'file')} could not be read and were left out: {visible(names)}",
            float(skipped),
            remedy="repair or remove them (logs/profile.json has the reasons)",
            page="data_quality",
        )
    return ok(said, float(job.train.count))


def _all_alike(batches: Batches) -> bool:
    import torch

    rows = batches.rows[torch.linspace(0, batches.count - 1, min(batches.count, 64)).long()]
    pixels = batches.pixels[rows]
    return len(rows) > 1 and bool((pixels == pixels[:1]).all())


CHECK = Check(run=run, order=20, share=0.5)
