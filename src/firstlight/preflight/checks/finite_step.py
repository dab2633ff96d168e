"""Forward and backward on the first real batch give finite numbers.

**Shows** loss and total gradient norm of the first step. When either is not finite the step is made again
with every module watched, and the first bad place is named: a weight, an input row, a module's output, the
loss or a gradient.

**Thresholds** Not finite is a failure; so is a gradient of exactly 0, with which nothing can be learnt.

**What to do** The page nan_loss goes through the causes. Here, before any update, it is the input, the
initialisation or the loss itself.
"""

from __future__ import annotations

import math

from firstlight.preflight.check import Bench, Check, Finding, failed, ok
from firstlight.preflight.probe import first_batches, start
from firstlight.text import number
from firstlight.watch.locate import first_bad_place


def run(bench: Bench) -> Finding:
    """One step on a fresh model."""
    job = bench.job
    fresh = start(job)
    batch = next(first_batches(job, 1))
    result = fresh.step(batch)
    loss, norm = result.loss.item(), result.grad_norm.item()
    if not (math.isfinite(loss) and math.isfinite(norm)):
        place = first_bad_place(job.make_model().train(), batch, job.loss, job.machine, job.data.examples.ids)
        return failed(
            f"loss {number(loss)}, gradient norm {number(norm)}; the first bad place is {place}",
            loss,
            remedy="see the named place: input, initialisation or loss",
            page="nan_loss",
        )
    if norm == 0:
        return failed(
            f"loss {number(loss)}, but the gradient is 0 everywhere",
            norm,
            remedy="see that the loss depends on the weights: no detach, no argmax, no saturated output",
            page="vanishing_gradients",
        )
    return ok(f"loss {number(loss)}, gradient norm {number(norm)}, all finite", loss)


CHECK = Check(run=run, order=50, share=2.0)
