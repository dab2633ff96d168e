"""A new attempt: what stood in the way is changed in the config, the earlier attempt stays whole in attempts/N.

After a loss that was not finite: a tenth of the rate, clipped. When memory ran out: batches computed in twice as many
parts, with one update from all of them. The new attempt goes on from the last good checkpoint, and nothing about it
is silent.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from firstlight.config.write import render_config
from firstlight.data.batch import LEAST_ROWS
from firstlight.experiment.attempts import archive_attempt, archived
from firstlight.training import checkpoint
from firstlight.training.job import build_job
from firstlight.training.run import fresh_state

if TYPE_CHECKING:
    from firstlight.config.schema import Config
    from firstlight.experiment.folder import Folder
    from firstlight.training.job import Job
    from firstlight.training.state import TrainingState

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
    state = after_archive(again)
    if state is None:
        return again, fresh_state(again)
    # Under the new config, so that this attempt can be resumed too.
    state.used_seconds = time.monotonic() - started
    content = state.to_checkpoint(change.config.model_dump(mode="json"), again.meta)
    checkpoint.save(job.folder, (job.folder.last,), content)
    return again, state


def after_archive(job: Job) -> TrainingState | None:
    """The state that the newest archived attempt saved last, its checkpoints taken over; None when there is none."""
    earlier = archived(job.folder)
    path = checkpoint.newest(earlier[-1]) if earlier else None
    if path is None:
        return None
    state = fresh_state(job)
    state.restore(checkpoint.load(earlier[-1], path))
    checkpoint.adopt(job.folder, earlier[-1])
    return state
