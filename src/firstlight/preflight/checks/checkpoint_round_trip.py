"""A checkpoint that is saved and loaded goes on with the identical next step.

**Shows** a real checkpoint written to the experiment folder, read back and put into a fresh model and
optimizer: the next step from there and the next step without the detour are compared bit by bit, weights,
optimizer, loss and random numbers. What a checkpoint forgets (momentum, a random state, the place in the
epoch) shows here, and not in a run that was interrupted at hour nine.

**Thresholds** None: identical or not. On an accelerator without deterministic operations a difference is a
warning, since two steps differ there anyhow.

**What to do** See that everything that changes in a step is a parameter or a buffer, so that `state_dict`
holds it.
"""

from __future__ import annotations

import re
import shutil
import time
from typing import TYPE_CHECKING

from firstlight.errors import ResumeRefused
from firstlight.experiment.folder import Folder
from firstlight.preflight.check import Bench, Check, Finding, failed, ok, warning
from firstlight.preflight.probe import first_difference, tensors
from firstlight.text import duration, size, visible
from firstlight.training import checkpoint
from firstlight.training.run import fresh_state
from firstlight.training.step import make_step, step_settings

if TYPE_CHECKING:
    import torch

    from firstlight.training.job import Job
    from firstlight.training.state import TrainingState

STEPS_BEFORE = 1  # momentum and second moments are there after it


def run(bench: Bench) -> Finding:
    """Saves, takes a step, loads, takes it again."""
    job = bench.job
    folder = Folder(job.folder.root / ".preflight")
    state = fresh_state(job)
    for _ in range(STEPS_BEFORE):
        _step(job, state)
    folder.root.mkdir(exist_ok=True)
    try:
        began = time.monotonic()
        content = state.to_checkpoint(job.config.model_dump(mode="json"), job.meta)
        checkpoint.save(folder, (folder.last,), content)
        bench.save_seconds = time.monotonic() - began
        written = folder.last.stat().st_size
        bench.keep_time(f"saved {size(written)}")
        onward = _step(job, state)
        loaded = fresh_state(job)
        loaded.restore(checkpoint.load(folder, folder.last))
        bench.keep_time("saved and loaded, the next step was not compared")
        again = _step(job, loaded)
    except ResumeRefused as error:
        reason = re.search(r"Unsupported [^\n]*", str(error.__cause__ or error))
        return failed(
            f"the checkpoint cannot be read back: {visible(reason[0] if reason else error.where[:200])}",
            remedy="keep tensors and plain values only in state_dict and settings",
            page="crashes",
        )
    finally:
        shutil.rmtree(folder.root, ignore_errors=True)
    said = f"checkpoint of {size(written)} written in {duration(bench.save_seconds)}"
    different = first_difference(onward, again)
    if different is None:
        return ok(
            f"{said}; loaded again, the next step is identical in {len(onward):,} tensors", float(written)
        )
    told = f"{said}; loaded again, the next step differs, first in {different}"
    if not job.machine.deterministic:
        return warning(told, different, remedy="precision.deterministic: true, if resuming must be exact")
    return failed(
        told, different, remedy="register what changes in a step as parameter or buffer", page="crashes"
    )


def _step(job: Job, state: TrainingState) -> dict[str, torch.Tensor]:
    """The next step of the run, and every tensor after it."""
    from firstlight.training.state import random_states

    state.model.train()
    step = make_step(state.model, state.optimizer, job.loss, job.machine, **step_settings(job.config))
    batch = next(iter(job.train.epoch(state.epoch, start=state.position)))
    result = step(batch)
    state.step += 1
    state.position = (state.position + 1) % len(job.train)
    state.epoch += state.position == 0
    return dict(
        tensors(
            "state",
            {
                "inputs": batch.inputs,
                "loss": result.loss,
                "weights": state.model.state_dict(),
                "optimizer": state.optimizer.state_dict(),
                "random": random_states(),
            },
        )
    )


CHECK = Check(run=run, order=100, share=3.0)
