"""The attempts of phase 2: what a change of the config may mend is tried again, recorded, from the last checkpoint.

proven ──memory does not suffice──▶ archive, parallel.micro_batches doubled ──▶ proven
train  ──memory ran out───────────▶ the same                               ──▶ train
train  ──loss not finite──────────▶ archive, a tenth of the rate, clipped  ──▶ train, once
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from firstlight.experiment.attempts import archived, cause_of, finish_archiving, next_config_of_newest
from firstlight.experiment.gate import hashes
from firstlight.gates.status import confirm_again, rests_on, write_status
from firstlight.loaded import preflight_seconds
from firstlight.machine.memory import out_of_memory
from firstlight.preflight.run import first_failure, memory_failure, preflight
from firstlight.text import visible
from firstlight.training.job import build_job
from firstlight.training.restart import Change, archive, restarted, safer, smaller_parts, standing
from firstlight.training.run import run_training

if TYPE_CHECKING:
    from firstlight.experiment.folder import Folder
    from firstlight.experiment.records import Outcome
    from firstlight.loaded import Loaded
    from firstlight.training.interrupt import Stop
    from firstlight.training.job import Job
    from firstlight.training.run import Clock
    from firstlight.training.state import TrainingState
    from firstlight.watch.progress import Progress

RESTARTS = 1  # automatic restarts after a loss that is not finite


def proven(loaded: Loaded, progress: Progress) -> Loaded:
    """Runs the preflight; when memory does not suffice, again with batches in more parts, as a new attempt.

    Raises:
        DataError, ResourceError, TrainingFailed: A check failed.
    """
    clock = loaded.clock
    seconds = preflight_seconds(clock.deadline - clock.started)
    while True:
        job = loaded.job
        lines = preflight(job, deadline=time.monotonic() + seconds, clock=clock, progress=progress)
        failure, memory = first_failure(lines), memory_failure(lines)
        if failure is None:
            return loaded
        change = smaller_parts(job.config, memory) if memory is not None else None
        if change is None:
            write_status(job.folder)
            raise failure
        _new_attempt(job.folder, change, progress)
        job = build_job(change.config, job.data, job.machine, job.folder)
        loaded = replace(loaded, job=job)


def train(loaded: Loaded, stop: Stop, *, resume: bool, progress: Progress) -> Outcome:
    """Trains; after a fault that a change of the config may mend, again as a new attempt."""
    job = loaded.job
    state = standing(job, progress, resume=resume)
    clock = loaded.clock.after(state.used_seconds)
    while True:
        result = _attempt(job, state, clock, stop, progress)
        if not isinstance(result, Change):
            return result
        del state  # its memory is needed
        _new_attempt(job.folder, result, progress)
        job, state = restarted(job, result, started=clock.started)


def _attempt(
    job: Job, state: TrainingState, clock: Clock, stop: Stop, progress: Progress
) -> Outcome | Change:
    """One attempt: how it ended, or what the next one has to do differently."""
    try:
        outcome = run_training(job, state, clock, stop, progress)
    except (MemoryError, RuntimeError) as error:
        said = visible(str(error).partition("\n")[0])
        change = smaller_parts(job.config, f"memory ran out in training: {said}")
        if not out_of_memory(error) or change is None:
            raise
        return change
    restarts = sum(cause_of(earlier) == "nan_loss" for earlier in archived(job.folder))
    if outcome.alarm in ("nan_loss", "exploding_gradients") and restarts < RESTARTS:
        return safer(job.config, outcome.alarm_detail or outcome.reason)
    return outcome


def _new_attempt(folder: Folder, change: Change, progress: Progress) -> None:
    """Archives the present attempt and lets the first gate rest on the config of the next."""
    number = archive(folder, change)
    finish_new_attempt(folder)
    progress.warn(f"attempt {number} failed: {change.reason}; a new attempt begins: {change.remedy}")


def finish_new_attempt(folder: Folder) -> None:
    """Goes on where a kill interrupted the change from one attempt to the next.

    The first gate is confirmed again only for what the archiving itself changed: from the archived config, on
    which the gate rests, to the one that the archiving wrote.
    """
    finish_archiving(folder)
    earlier, following = archived(folder), next_config_of_newest(folder)
    if following is None or not folder.config.is_file() or folder.config.read_bytes() != following.encode():
        return
    name, recorded = folder.config.name, rests_on(folder, "setup")
    now = hashes(folder, tuple(recorded))
    changed = {artifact for artifact in recorded if now.get(artifact) != recorded[artifact]}
    if changed == {name} and [recorded[name]] == list(hashes(earlier[-1], (name,)).values()):
        confirm_again(folder, "setup")
