"""The outputs depend on the images.

**Shows** whether other images give other outputs, after a few steps on one batch (a last layer that starts at
zero answers everything alike before them). A network that is blind to its input learns the class shares and
nothing else, and its curve looks healthy at first.

**Thresholds** Blind: no output differs between 32 different images by more than 1e-6 of the largest output
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
    """Shuffles the images of a batch and compares the outputs."""
    import torch

    job = bench.job
    batch = small_batch(job)
    if len(batch.rows) < 2:
        return not_applicable("one training image only")
    fresh = start(job)
    for done in range(STEPS):
        bench.keep_time(f"{done} of {STEPS} steps")
        fresh.step(batch)
    model = fresh.model.eval()
    with torch.inference_mode(), job.machine.autocast():
        outputs = model(batch.inputs).float()
        turned = model(batch.inputs.roll(1, dims=0)).float()
    change = (outputs - turned).abs().max().item()
    scale = outputs.abs().max().item()
    if change <= SMALLEST_CHANGE * scale:
        return failed(
            f"the outputs do not change with the image: largest change {number(change)} of {number(scale)}",
            change,
            remedy="follow the input through the model's forward; look for dead units",
            page="convergence_stall",
        )
    return ok(f"other images change the outputs by up to {number(change)} of {number(scale)}", change)


CHECK = Check(run=run, order=80, share=1.0)
