"""What the set-up says about the run before it starts: few batches, a huge model.

**Shows** batches of an epoch, and numbers in the model beside the numbers in the training images.

**Thresholds** Fewer than 100 training batches an epoch, or more than 100 million parameters, as the workflow
page asks. With few batches the figures of single epochs are noisy; a huge model rarely gets enough epochs in
a short budget.

**What to do** A smaller `training.batch_size`, or more epochs; a narrower `model.width`. Both are only hints:
the run goes on.
"""

from __future__ import annotations

from firstlight.preflight.check import Bench, Check, Finding, ok, warning
from firstlight.text import count

FEWEST_BATCHES = 100
MOST_PARAMETERS = 100_000_000


def run(bench: Bench) -> Finding:
    """Counts batches and parameters."""
    batches, epochs = len(bench.job.train), bench.job.config.training.epochs
    parameters = bench.timing().parameters
    said = (
        f"{count(batches, 'batch')} an epoch, {batches * epochs:,} steps in {count(epochs, 'epoch')}, "
        f"{parameters:,} parameters"
    )
    notices, remedies = [], []
    if batches < FEWEST_BATCHES:
        notices.append(f"fewer than {FEWEST_BATCHES} batches an epoch: figures of single epochs are noisy")
        remedies.append("a smaller training.batch_size, or leave it and look at several epochs together")
    if parameters > MOST_PARAMETERS:
        notices.append(f"more than {MOST_PARAMETERS:,} parameters: slow steps and large checkpoints")
        remedies.append("a narrower model.width")
    if notices:
        return warning(
            f"{said}; {'; '.join(notices)}",
            float(batches),
            remedy="; ".join(remedies),
            page="general_improvement",
        )
    return ok(said, float(batches))


CHECK = Check(run=run, order=160, share=0.5)
