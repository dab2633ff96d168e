"""A new attempt: what stood in the way is changed in the config, the earlier attempt stays whole in attempts/N.

After a loss that was not finite: a tenth of the rate, clipped. When memory ran out: batches computed in twice as many
parts, with one update from all of them. The new attempt goes on from the last good checkpoint, and nothing about it
is silent.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from firstlight.config.write import render_config
from firstlight.data.batch import LEAST_ROWS
from firstlight.experiment.attempts import archive_attempt, archived, cause_of
from firstlight.training import checkpoint
from firstlight.training.job import build_job
from firstlight.training.manifest import read_manifest
from firstlight.training.recovery import adopt
from firstlight.training.run import fresh_state, recorded_changes, resumed_state
from firstlight.watch.alarms import calm

if TYPE_CHECKING:
    from collections.abc import Iterator

    from firstlight.config.schema import Config
    from firstlight.experiment.folder import Folder
    from firstlight.training.job import Job
    from firstlight.training.state import TrainingState
    from firstlight.watch.progress import Progress

RATE_FACTOR = 0.1  # of the learning rate before
CLIP = 1.0  # total gradient norm


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What the next attempt does differently, and why."""

    config: Config
    cause: str  # page of the handbook
    reason: str  # a sentence with its number
    remedy: str  # what changes, for the terminal
    keys: tuple[str, ...]  # of the config that changed


def safer(config: Config, reason: str) -> Change:
    """After a loss or gradient that was not finite (P2.9)."""
    training = config.training.model_copy(
        update={"learning_rate": config.training.learning_rate * RATE_FACTOR}
    )
    optimizer = config.optimizer.model_copy(update={"gradient_clip": CLIP})
    return Change(
        config=config.model_copy(update={"training": training, "optimizer": optimizer}),
        cause="nan_loss",
        reason=reason,
        remedy=f"a tenth of the rate, gradients clipped at {CLIP:g}",
        keys=("training.learning_rate", "optimizer.gradient_clip"),
    )


def smaller_parts(config: Config, reason: str) -> Change | None:
    """After memory ran out (P2.11); None when a part would have less than two rows."""
    parts = config.parallel.micro_batches * 2
    if parts * LEAST_ROWS > config.training.batch_size:
        return None
    parallel = config.parallel.model_copy(update={"micro_batches": parts})
    return Change(
        config=config.model_copy(update={"parallel": parallel}),
        cause="crashes",
        reason=reason,
        remedy=f"a batch of {config.training.batch_size} is computed in {parts} parts, with one update",
        keys=("parallel.micro_batches",),
    )


def archive(folder: Folder, change: Change) -> int:
    """Archives the present attempt and writes the config of the next; gives the number of the archived one."""
    number = len(archived(folder)) + 1
    why = f"attempt {number} failed: {change.reason} (firstlight explain {change.cause})"
    text = render_config(change.config, dict.fromkeys(change.keys, why))
    return archive_attempt(folder, change.reason, cause=change.cause, config=text)


def restarted(job: Job, change: Change, *, started: float) -> tuple[Job, TrainingState]:
    """The job and state of the attempt that follows the newest archived one.

    Args:
        job: Of the attempt that failed.
        change: What is different now.
        started: Monotonic seconds at which the budget began.
    """
    again = build_job(change.config, job.data, job.machine, job.folder)
    state = after_archive(again, used_seconds=time.monotonic() - started)
    return again, state or fresh_state(again)


def standing(job: Job, progress: Progress, *, resume: bool) -> TrainingState:
    """Where a run stands: at its own newest checkpoint, at that of the attempt before, or at its begin.

    Args:
        job: The run.
        progress: Told which files are damaged, and when a run that was to go on begins anew.
        resume: Whether the run was to go on.

    Raises:
        ResumeRefused: Every checkpoint is damaged or gone, or the newest was written under another config.
    """
    state = resumed_state(job, progress) or after_archive(job)
    if state is not None:
        return state
    if resume:
        progress.note("no checkpoint was saved before, so training begins anew")
    return fresh_state(job, recorded_changes(job))


def after_archive(job: Job, *, used_seconds: float = 0.0) -> TrainingState | None:
    """The newest state of the archived attempts that is fit to go on from, with its checkpoints taken over.

    It is saved under the config of the new attempt at once, so that this one can be resumed too. After a
    divergence a state is fit that shows no sign of it, and the alarms begin anew.

    Args:
        job: Of the new attempt.
        used_seconds: Of the budget, at least.

    Returns:
        None when no attempt left such a state.
    """
    for archive in reversed(archived(job.folder)):
        diverged = cause_of(archive) == "nan_loss"
        saved = next((one for one in _saved(archive) if not diverged or calm(one["alarms"])), None)
        if saved is not None:
            state = fresh_state(job)
            state.restore(saved)
            state.alarms = {} if diverged else state.alarms
            state.used_seconds = max(state.used_seconds, used_seconds)
            plain = state.to_checkpoint(job.config.model_dump(mode="json"), job.meta)
            adopt(job.folder, archive, checkpoint.pack(plain))
            return state
    return None


def _saved(archive: Folder) -> Iterator[dict[str, Any]]:
    """The good checkpoints of an attempt, newest first, whose best one is there or will come again."""
    good = checkpoint.good_files(archive)
    best = read_manifest(archive)["files"].get(archive.best.name)
    for path in sorted(good, key=lambda path: good[path]["step"], reverse=True):
        if best is None or (good[path]["step"] >= best["step"]) == (archive.best in good):
            yield checkpoint.load(archive, path)
