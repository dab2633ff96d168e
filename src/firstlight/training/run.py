"""A whole training: fresh or resumed, through the loop, to an outcome that was measured again."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from firstlight.config.schema import lower_is_better
from firstlight.errors import Interrupted, ResumeRefused
from firstlight.experiment import records_io
from firstlight.experiment.gate import SETUP_FILES, hashes
from firstlight.experiment.metrics import write_metrics
from firstlight.experiment.records import Outcome, PlanChange
from firstlight.text import visible
from firstlight.training import checkpoint
from firstlight.training.evaluate import Stopped, evaluate
from firstlight.training.loop import Ending, Watch, train
from firstlight.training.manifest import newest_listed, read_manifest
from firstlight.training.plan import Plan
from firstlight.training.predictions import write_predictions
from firstlight.training.recovery import recover
from firstlight.training.saving import Saver
from firstlight.training.state import TrainingState
from firstlight.training.stopping import Best
from firstlight.watch.alarms import Alarms
from firstlight.watch.hardware import utilization_of
from firstlight.watch.locate import first_bad_place
from firstlight.watch.meter import Meter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from firstlight.training.interrupt import Stop
    from firstlight.training.job import Job
    from firstlight.watch.progress import Progress

MOST_KEYS = 5  # weights that differ and are named


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """Monotonic seconds between which the command works."""

    started: float
    deadline: float  # of the whole command
    reserve: float  # seconds that reports need at the end

    @property
    def training_deadline(self) -> float:
        """When training must be over."""
        return self.deadline - self.reserve

    def after(self, used_seconds: float) -> Clock:
        """The clock of a run whose earlier processes used so much of the budget."""
        return replace(self, started=self.started - used_seconds, deadline=self.deadline - used_seconds)


def fresh_state(job: Job, changes: tuple[PlanChange, ...] = ()) -> TrainingState:
    """A run before its first step.

    Args:
        job: The run.
        changes: Plan changes recorded by an earlier run of the same config, which are replayed.
    """
    model = job.make_model()
    plan = Plan(epochs=job.config.training.epochs, steps_per_epoch=len(job.train), changes=changes)
    watched = job.config.validation.metric
    best = Best(metric=watched, lower_is_better=lower_is_better(job.config, watched))
    return TrainingState(model=model, optimizer=job.make_optimizer(model), plan=plan, best=best)


def resumed_state(job: Job, progress: Progress) -> TrainingState | None:
    """A run where its newest good checkpoint stands; None when this attempt has none and may begin anew.

    Args:
        job: The run.
        progress: Told which files are damaged.

    Raises:
        ResumeRefused: Every checkpoint is damaged or gone, or the newest was written under another config.
    """
    path, notes, adopted = recover(job.folder)
    for note in notes:
        progress.warn(note)
    if path is None and read_manifest(job.folder)["files"]:
        raise ResumeRefused(
            "there is no good checkpoint to resume from",
            f"{job.folder.checkpoints}: {'; '.join(notes)}",
            "run `firstlight train` without --resume",
        )
    if path is None or adopted:  # adopted: a kill came before this attempt saved where it begins
        return None
    saved = checkpoint.load(job.folder, path)
    now = job.config.model_dump(mode="json")
    different = sorted(_differences(saved["config"], now))
    if different:
        raise ResumeRefused(
            "the config is not the one of the checkpoint",
            f"{path}: different: {'; '.join(different)}",
            "undo the change, or start a new experiment with it",
        )
    state = fresh_state(job)
    _refuse_other_model(state.model.state_dict(), saved["model"], path)
    state.restore(saved)
    progress.note(f"going on from {path.name}: step {state.step}, epoch {state.epoch + 1}")
    known = {c.step for c in state.plan.changes}
    later = tuple(c for c in recorded_changes(job) if c.step >= state.step and c.step not in known)
    state.plan = replace(state.plan, changes=(*state.plan.changes, *later))
    return state


def _refuse_other_model(now: Mapping[str, Any], saved: Mapping[str, Any], path: Path) -> None:
    """The code of a model may have been edited between save and resume.

    Raises:
        ResumeRefused: Names or shapes of its weights differ.
    """
    shapes = [{name: tuple(getattr(value, "shape", ())) for name, value in d.items()} for d in (saved, now)]
    told = [
        f"{name}: {'x'.join(map(str, was)) if was is not None else 'not saved'}"
        f" -> {'x'.join(map(str, is_now)) if is_now is not None else 'gone'}"
        for name in sorted(shapes[0].keys() | shapes[1].keys())
        if (was := shapes[0].get(name)) != (is_now := shapes[1].get(name))
    ]
    if told:
        more = f" and {len(told) - MOST_KEYS} more" if len(told) > MOST_KEYS else ""
        raise ResumeRefused(
            "the model is not the one of the checkpoint",
            f"{path}: {visible('; '.join(told[:MOST_KEYS]))}{more}",
            "undo the change of the model, or start a new experiment with it",
        )


def recorded_changes(job: Job) -> tuple[PlanChange, ...]:
    """Plan changes that this experiment made before: they are replayed at their steps."""
    return records_io.read_plan(job.folder.plan).changes if job.folder.plan.is_file() else ()


def run_training(job: Job, state: TrainingState, clock: Clock, stop: Stop, progress: Progress) -> Outcome:
    """Trains, then loads the best checkpoint again and writes what the report needs.

    Raises:
        Interrupted: A signal came; the state is saved.
        ResourceError: The disk refuses the checkpoints to the end.
    """
    inputs = hashes(job.folder, SETUP_FILES)
    watch = _watch(job, state, clock, stop, progress)
    watch.on_plan_change()
    # The checkpoint knows what counts; after a crash the file may say more.
    watch.on_epoch(tuple(state.records))
    began = time.monotonic()
    ending = train(job, state, watch)
    seconds = time.monotonic() - began
    if ending.state == "interrupted":
        raise _interrupted(job, state, stop, ending.reason)
    watch.saver.finish()
    for note in watch.alarms.notes:
        progress.warn(note)
    try:
        reloaded = _reload_best(job, stop) if job.folder.best.is_file() else {}
    except Stopped:
        raise _interrupted(job, state, stop, "a signal came after the last step") from None
    outcome = replace(_outcome(job, state, watch, ending, reloaded, clock, seconds), inputs=inputs)
    records_io.write_outcome(job.folder.outcome, outcome)
    return outcome


def _watch(
    job: Job,
    state: TrainingState,
    clock: Clock,
    stop: Stop,
    progress: Progress,
) -> Watch:
    alarms = Alarms(
        chance_loss=job.objective.chance.training_loss,
        rare_metric=job.objective.chance.metric,
        lower_is_better=lower_is_better(job.config, job.objective.metric),
    )
    if state.alarms:
        alarms.load_state_dict(state.alarms)

    def write_plan() -> None:
        plan = state.plan
        records_io.write_plan(job.folder.plan, plan.epochs, plan.steps_per_epoch, plan.changes)

    def tolerant(write: Callable[..., Any]) -> Callable[..., None]:
        """The file is made again from the checkpoint or at the next epoch: a full disk must not end training."""

        def tried(*arguments: Any) -> None:
            try:
                write(*arguments)
            except OSError as error:
                progress.warn(f"logs are behind: {error.strerror or error}; training goes on")

        return tried

    return Watch(
        meter=Meter(),
        alarms=alarms,
        utilization=utilization_of(job.machine),
        progress=progress,
        stop=stop,
        saver=Saver(job=job, started=clock.started, progress=progress),
        deadline=clock.training_deadline,
        validation_seconds=0.0,
        on_plan_change=tolerant(write_plan),
        on_epoch=tolerant(lambda records: write_metrics(job.folder.metrics, records)),
    )


def _interrupted(job: Job, state: TrainingState, stop: Stop, reason: str) -> Interrupted:
    epochs = state.plan.total_epochs(state.step)
    newest = newest_listed(job.folder)  # not always the last one: save_last may be false
    where = f"{newest[0]}: step {newest[1]['step']}" if newest else f"{job.folder.checkpoints}: nothing saved"
    return Interrupted(
        reason,
        f"{where}, epoch {min(state.epoch + 1, epochs)} of {epochs}",
        f"go on with: firstlight train {job.folder.root} --resume",
        exit_code=stop.exit_code,
    )


def _outcome(
    job: Job,
    state: TrainingState,
    watch: Watch,
    ending: Ending,
    reloaded: dict[str, float],
    clock: Clock,
    seconds: float,
) -> Outcome:
    best = [r for r in state.records if r.epoch == state.best.epoch]
    detail = None
    if ending.alarm is not None:
        detail = ending.alarm.detail
        if ending.alarm.page == "nan_loss" and job.machine.device.type == "cpu" and state.position:
            detail += f"; the first bad place is {_bad_place(job, state)}"
    return Outcome(
        state="halted"
        if ending.state == "halted"
        else "completed"
        if ending.state == "completed"
        else "stopped_early",
        reason=ending.reason,
        epochs_run=state.epoch,
        epochs_planned=state.plan.total_epochs(state.step),
        best_epoch=state.best.epoch,
        best_metrics=best[0].metrics if best else {},
        metric=job.config.validation.metric,
        train_seconds=seconds,
        command_seconds=time.monotonic() - clock.started,
        utilization=watch.utilization.summary(),
        utilization_note=watch.utilization.explained(),
        reloaded_metrics=reloaded,
        alarm=ending.alarm.page if ending.alarm else None,
        alarm_detail=detail,
        parameters=sum(p.numel() for p in state.model.parameters()),
        machine=job.machine.described(),
    )


def _bad_place(job: Job, state: TrainingState) -> str:
    """Runs the batch that rang the alarm again; its weights were left as they were before it."""
    number = max(state.position - 1, 0)
    for batch in job.train.epoch(state.epoch, start=number):
        return first_bad_place(state.model, batch, job.loss, job.machine, job.data.examples.ids)
    return "not found: the batch cannot be made again"


def _reload_best(job: Job, stop: Stop) -> dict[str, float]:
    """Loads the best checkpoint into a fresh model, measures it again, and stores what the report shows of it."""
    saved = checkpoint.load(job.folder, job.folder.best)
    model = job.make_model()
    model.load_state_dict(saved["model"])
    metrics, predicted, targets = evaluate(model, job, stop=stop)
    write_predictions(job, predicted, targets)
    return metrics


def _differences(saved: dict[str, Any], now: dict[str, Any], prefix: str = "") -> list[str]:
    """Keys that decide a run and differ, as `key: was -> is`; the budget and names may change."""
    found = []
    for key in sorted(saved.keys() | now.keys()):
        name = f"{prefix}{key}"
        if name in ("budget", "experiment", "acceptance"):
            continue
        before, after = saved.get(key), now.get(key)
        if isinstance(before, dict) and isinstance(after, dict):
            found += _differences(before, after, f"{name}.")
        elif before != after:
            found.append(f"{name}: {before!r} -> {after!r}")
    return found
