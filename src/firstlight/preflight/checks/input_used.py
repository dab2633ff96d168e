"""The outputs depend on the inputs.

**Shows** whether other rows give other outputs, after a few steps on one batch (a last layer that starts at
zero answers everything alike before them). A network that is blind to its input learns the class shares and
nothing else, and its curve looks healthy at first.

**Thresholds** Blind: no output differs between 32 different rows by more than 1e-6 of the largest output
(rounding is about 1e-7).

**What to do** Follow the input through `forward`: is it overwritten, multiplied by 0, or are all units of a
layer dead?
"""

from __future__ import annotations

from firstlight.preflight.check import Bench, Check, Finding, failed, not_applicable, ok
from firstlight.preflight.probe import small_batch, start
from firstlight.text import number

STEPS = 3
SMALLEST_CHANGE = 1e-6  # of the largest output


def run(bench: Bench) -> Finding:
    """Shuffles the rows of a batch and compares the outputs."""
    import torch

    job = bench.job
    batch = small_batch(job)
    if not job.objective.by_row:
        return not_applicable("a step gives a loss for a batch, and no outputs for each of its rows")
    if len(batch.rows) < 2:
        return not_applicable("one training row only")
    fresh = start(job)
    for done in range(STEPS):
        bench.keep_time(f"{done} of {STEPS} steps")
        fresh.step(batch)
    model = fresh.model.eval()
    with torch.inference_mode(), job.machine.autocast():
        outputs = model(batch.inputs).float()
        turned = model(job.train.take(batch.rows.roll(1)).inputs).float()
    change = (outputs - turned).abs().max().item()
    scale = outputs.abs().max().item()
    if change <= SMALLEST_CHANGE * scale:
        return failed(
            f"the outputs do not change with the {job.data.kind.noun}: largest change {number(change)} "
            f"of {number(scale)}",
            change,
            remedy="follow the input through the model's forward; look for dead units",
            page="convergence_stall",
        )
    return ok(
        f"other {job.data.kind.noun}s change the outputs by up to {number(change)} of {number(scale)}", change
    )


CHECK = Check(run=run, order=80, share=1.0)
