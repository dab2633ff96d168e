"""Two starts with one seed take identical steps, and another seed takes others.

**Shows** two fresh starts of the run side by side: first weights, first batches, losses, gradients and
weights after each step, compared bit by bit; the first that differs is named, which tells the cause: weights
(initialisation), inputs (order or augmentation), loss or gradient (an operation without a fixed order). A
third start with the next seed must differ, or the seed has no effect.

**Thresholds** None: identical or not. Where deterministic operations were switched off, a difference is a
warning.

**What to do** Draw every random number from PyTorch's, NumPy's or Python's global generator, which are
seeded; `precision.deterministic: true`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from firstlight.preflight.check import Bench, Check, Finding, failed, ok, warning
from firstlight.preflight.probe import first_batches, first_difference, start, tensors
from firstlight.text import count
from firstlight.training.job import build_job

if TYPE_CHECKING:
    import torch

    from firstlight.training.job import Job

STEPS = 2  # the second one sees what the first one changed


def run(bench: Bench) -> Finding:
    """Takes the first steps two times, and once with another seed."""
    job = bench.job
    first = dict(_trace(bench, job))
    second = dict(_trace(bench, job))
    different = first_difference(first, second)
    seed = job.config.seed
    if different is not None:
        said = f"two starts with seed {seed} differ, first in {different}"
        if not job.machine.deterministic:
            return warning(said, different, remedy="precision.deterministic: true")
        return failed(
            said, different, remedy="draw random numbers from the seeded generators only", page="crashes"
        )
    said = f"two starts with seed {seed} are identical in {count(STEPS, 'step')}, {len(first):,} tensors"
    bench.keep_time(f"{said}; another seed was not tried")
    other = job.config.model_copy(update={"seed": seed + 1 if seed else 1})
    changed = build_job(other, job.data, job.machine, job.folder)
    if first_difference(first, dict(_trace(bench, changed))) is None:
        return warning(
            f"{said}; seed {other.seed} gives the same: the seed has no effect",
            remedy="see that weights and order of the data are drawn from the seeded generators",
        )
    return ok(f"{said}; seed {other.seed} differs")


def _trace(bench: Bench, job: Job) -> Iterator[tuple[str, torch.Tensor]]:
    """Named tensors of a fresh start, in the order in which they come to be."""
    fresh = start(job)
    yield from tensors("weights at the start", fresh.model.state_dict())
    for number, batch in enumerate(first_batches(job, STEPS), start=1):
        bench.keep_time(f"step {number} of {STEPS}")
        yield from tensors(f"step {number}", {"inputs": batch.inputs, "targets": batch.targets})
        result = fresh.step(batch)
        gradients = {name: p.grad for name, p in fresh.model.named_parameters() if p.grad is not None}
        yield from tensors(f"step {number}", {"loss": result.loss, "gradient": gradients})
        yield from tensors(f"step {number}.weights", fresh.model.state_dict())


CHECK = Check(run=run, order=110, share=5.0)
