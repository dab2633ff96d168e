"""A model that is fitted as a whole and not trained by steps: gradient boosting, tf-idf with a linear classifier.

It leaves what a trained network leaves, with one epoch: metrics, checkpoints, predictions, an outcome. So gates,
report and prediction know no difference.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from firstlight.experiment import records_io
from firstlight.experiment.gate import SETUP_FILES, hashes
from firstlight.experiment.metrics import write_metrics
from firstlight.experiment.records import EpochRecord, Outcome
from firstlight.machine.memory import peak_memory
from firstlight.training import checkpoint
from firstlight.training.candidate import IN_THE_USERS_UNIT
from firstlight.training.evaluate import evaluate
from firstlight.training.job import load_kind, load_task
from firstlight.training.predictions import write_predictions
from firstlight.training.state import FORMAT, random_states

if TYPE_CHECKING:
    from collections.abc import Callable

    from firstlight.training.job import Job
    from firstlight.training.run import Clock
    from firstlight.watch.progress import Progress


def run_fit(job: Job, fit: Callable[[], tuple[Any, str]], clock: Clock, progress: Progress) -> Outcome:
    """Fits, measures both parts, stores the model, and measures it again after loading.

    Args:
        job: The run.
        fit: Gives the fitted module and what was chosen.
        clock: The budget of the command.
        progress: Told of the one epoch.
    """
    began = time.monotonic()
    model, note = fit()
    seconds = time.monotonic() - began
    progress.note(f"fitted: {note}")
    job = _in_the_users_unit(job, model)
    records_io.write_plan(job.folder.plan, 1, 1, ())
    began = time.monotonic()
    train_loss = evaluate(model, job, job.train).metrics["val_loss"]
    metrics = evaluate(model, job).metrics
    record = EpochRecord(
        epoch=1,
        step=1,
        train_loss=train_loss,
        learning_rate=0.0,
        grad_norm=0.0,
        grad_norm_max=0.0,
        seconds=seconds,
        validation_seconds=time.monotonic() - began,
        examples_per_second=job.train.count / max(seconds, 1e-9),
        data_wait=0.0,
        utilization=None,
        memory_bytes=peak_memory(job.machine.device),
        metrics=metrics,
    )
    _save(job, model, record)
    write_metrics(job.folder.metrics, [record])
    progress.epoch(record, epochs=1, best=True, finish_seconds=0.0)
    outcome = Outcome(
        state="completed",
        reason=f"the model was fitted: {note}",
        epochs_run=1,
        epochs_planned=1,
        best_epoch=1,
        best_metrics=metrics,
        metric=job.config.validation.metric,
        train_seconds=seconds,
        command_seconds=time.monotonic() - clock.started,
        utilization=None,
        utilization_note="not measurable: the library that fits the model chooses its threads itself",
        reloaded_metrics=_reload(job),
        parameters=sum(tensor.numel() for tensor in model.state_dict().values()),
        machine=job.machine.described(),
        inputs=hashes(job.folder, SETUP_FILES),
    )
    records_io.write_outcome(job.folder.outcome, outcome)
    return outcome


def _in_the_users_unit(job: Job, model: Any) -> Job:
    """The job with the activation of a model whose scores need no scaling, and its shape for loading."""
    meta = {**job.meta, **IN_THE_USERS_UNIT, "model_shape": model.plain_shape()}
    activate = load_task(job.data.examples.task).activation(meta)
    return replace(job, meta=meta, objective=replace(job.objective, activate=activate))


def _save(job: Job, model: Any, record: EpochRecord) -> None:
    """Best and last are the same; there is no optimizer to go on with."""
    content = {
        "format": FORMAT,
        "model": model.state_dict(),
        "optimizer": {},
        "scheduler": {},
        "epoch": record.epoch,
        "step": record.step,
        "random": random_states(),
        "config": job.config.model_dump(mode="json"),
        "meta": job.meta,
    }
    checkpoint.save(job.folder, [job.folder.best, job.folder.last], content)


def _reload(job: Job) -> dict[str, float]:
    saved = checkpoint.load(job.folder, job.folder.best)
    model = load_kind(job.config.model.name).restore(saved["meta"]["model_shape"])
    model.load_state_dict(saved["model"])
    metrics, predicted, targets = evaluate(model, job)
    write_predictions(job, predicted, targets)
    return metrics
