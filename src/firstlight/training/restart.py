"""A new attempt after a loss that was not finite: a tenth of the rate, clipped, from the last good checkpoint.

The change is a new config with its reason, and the failed attempt stays whole in attempts/N, so that nothing
about the run is silent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from firstlight.config.write import render_config
from firstlight.experiment import store
from firstlight.experiment.folder import Folder
from firstlight.training import checkpoint
from firstlight.training.job import build_job
from firstlight.training.loop import save
from firstlight.training.run import fresh_state

if TYPE_CHECKING:
    from firstlight.config.schema import Config
    from firstlight.training.job import Job
    from firstlight.training.state import TrainingState

RATE_FACTOR = 0.1  # of the learning rate before
CLIP = 1.0  # total gradient norm


def safer(config: Config) -> Config:
    """The config of the next attempt."""
    training = config.training.model_copy(
        update={"learning_rate": config.training.learning_rate * RATE_FACTOR}
    )
    optimizer = config.optimizer.model_copy(update={"gradient_clip": CLIP})
    return config.model_copy(update={"training": training, "optimizer": optimizer})


def restarted(job: Job, number: int, *, started: float) -> tuple[Job, TrainingState]:
    """The job and state of the attempt that follows attempt `number`, which is archived; writes the new config.

    Args:
        job: Of the attempt that failed.
        number: Of the attempt that failed.
        started: Monotonic seconds at which the budget began.
    """
    config = safer(job.config)
    why = f"attempt {number} ended in a loss or gradient that was not finite (firstlight explain nan_loss)"
    reasons = {
        "training.learning_rate": f"{RATE_FACTOR:g} of it before: {why}",
        "optimizer.gradient_clip": why,
    }
    store.write_text(job.folder.config, render_config(config, reasons))
    again = build_job(config, job.data, job.machine, job.folder)
    state = fresh_state(again)
    archive = Folder(job.folder.attempts / str(number))
    path = checkpoint.newest(archive)
    if path is not None:
        state.restore(checkpoint.load(archive, path))
        checkpoint.adopt(job.folder, archive)
        save(
            again, state, started, ("last",)
        )  # under the new config, so that this attempt can be resumed too
    return again, state
