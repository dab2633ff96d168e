"""The training loop, whole.

Read it from top to bottom: `train` is the run, `_steps` the inside of an epoch, `_close_epoch` its end. What
can end a run is
called by name and returns a value; onlookers are told, and cannot steer.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from firstlight.experiment.records import EpochRecord
from firstlight.machine.memory import peak_memory
from firstlight.training.evaluate import Stopped, evaluate
from firstlight.training.plan import Speed, fit, predict_seconds
from firstlight.training.saving import SAVE_SECONDS
from firstlight.training.step import Step, make_step, step_settings
from firstlight.training.stopping import should_stop

if TYPE_CHECKING:
    from firstlight.training.interrupt import Stop
    from firstlight.training.job import Job
    from firstlight.training.saving import Saver
    from firstlight.training.state import TrainingState
    from firstlight.watch.alarms import Alarm, Alarms
    from firstlight.watch.hardware import Utilization
    from firstlight.watch.meter import Meter
    from firstlight.watch.progress import Progress

READ_EVERY = (
    20  # steps between readings of loss and norm; a processor checks each step before its update anyway
)
LEAST_TRUST = 0.1  # weight of the recent speed at the start of a run
HALF = 0.5  # share of the time after which the recent speed alone counts (judgement)
LOOK_SECONDS = 0.5  # between looks at utilization, plan and progress
SETTLE_SECONDS = (
    20.0  # measured speed that a change of the plan must rest on, or a tenth of the time left if that is less
)
# speed is averaged over so much of the time that is left: a disturbance is taken to last as long again
WINDOW_SHARE = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How the loop ended."""

    state: Literal["completed", "stopped_early", "interrupted", "halted"]
    reason: str
    alarm: Alarm | None = None


@dataclass(slots=True, kw_only=True)
class Watch:
    """What looks at the run while it works."""

    meter: Meter
    alarms: Alarms
    utilization: Utilization
    progress: Progress
    stop: Stop
    saver: Saver
    deadline: float  # monotonic seconds at which training must be over, reserve for the report taken off
    validation_seconds: float  # measured; 0 before the first validation
    on_plan_change: Callable[[], None]  # writes logs/plan.json
    on_epoch: Callable[[tuple[EpochRecord, ...]], None]  # writes logs/metrics.json
    looked: float = 0.0
    samples_before: int = 0


def train(job: Job, state: TrainingState, watch: Watch) -> Ending:
    """Trains from where `state` stands until the plan ends, patience runs out, an alarm rings or a signal comes.

    Args:
        job: Data, loss, settings.
        state: Changed in place; saved after each validated epoch, now and then inside one, and between two steps
            when a signal came.
        watch: Signals, onlookers, deadline.
    """
    step = make_step(state.model, state.optimizer, job.loss, job.machine, **step_settings(job.config))
    state.model.train()
    if (
        state.records and not state.position
    ):  # resumed where an epoch had just ended: what was asked then is asked again
        ending = _ends(job, state, watch)
        if ending is not None:
            return ending
    while state.step < state.plan.total_steps(state.step) or state.position:
        watch.meter.begin_epoch(state.sums)
        ending = _steps(job, state, watch, step)
        if ending is None:
            ending = _close_epoch(job, state, watch)
        if ending is not None:
            return ending
    return Ending(state="completed", reason=f"the plan of {state.step} steps was carried out")


def _steps(job: Job, state: TrainingState, watch: Watch, step: Step) -> Ending | None:
    """The steps of one epoch, or what is left of it."""
    meter, peak = watch.meter, job.config.training.learning_rate
    if state.step >= state.plan.total_steps(state.step):
        return None  # a signal came after the very last step: only the validation is missing
    clock = time.monotonic()
    for batch in job.train.epoch(state.epoch, start=state.position):
        fetched = time.monotonic()
        _set_rate(state, peak * job.rate_factor(state.plan.progress(state.step)))
        result = step(batch)
        ended = time.monotonic()
        meter.add(result.loss, result.grad_norm, len(batch.rows), wait=fetched - clock, seconds=ended - clock)
        clock = ended
        state.step += 1
        state.position += 1
        if meter.kept >= READ_EVERY or not result.finite:
            alarm = _read(state, watch)
            if alarm is not None:
                return Ending(state="halted", reason=alarm.detail, alarm=alarm)
        if ended - watch.looked >= LOOK_SECONDS:
            _look(job, state, watch)
        if watch.stop.requested or watch.saver.due(ended):
            ending = _save_open(state, watch)
            if ending is not None:
                return ending
            clock = time.monotonic()
        if state.step >= state.plan.total_steps(state.step):
            break
    return None


def _save_open(state: TrainingState, watch: Watch) -> Ending | None:
    """Saves while an epoch is open, but not what may be the begin of a divergence, unless a signal came.

    Both generations of checkpoints would soon hold it, and nothing would be left from which to start again.
    """
    alarm = _read(state, watch)
    if alarm is None and watch.alarms.uneasy and not watch.stop.requested:
        return None
    state.sums, state.alarms = watch.meter.plain_sums(), watch.alarms.state_dict()
    alarm = alarm or watch.saver.save(state, ("last",))
    if alarm is not None:
        return Ending(state="halted", reason=alarm.detail, alarm=alarm)
    if not watch.stop.requested:
        return None
    watch.saver.finish()
    return Ending(state="interrupted", reason=f"a signal came at step {state.step}")


def _save_before_validation(job: Job, state: TrainingState, watch: Watch) -> Ending | None:
    """Saves when a kill late in the validation would cost more than it may."""
    expected = watch.validation_seconds
    if not expected:
        speed = _speed(job, watch)
        expected = speed.validation if speed is not None else 0.0
    if not watch.saver.due(time.monotonic() + expected):
        return None
    return _save_open(state, watch)


def _close_epoch(job: Job, state: TrainingState, watch: Watch) -> Ending | None:
    """Validates, records, saves, and asks whether to go on."""
    alarm = _read(state, watch)
    if alarm is not None:
        return Ending(state="halted", reason=alarm.detail, alarm=alarm)
    last = state.step >= state.plan.total_steps(state.step)
    due = last or (state.epoch + 1) % job.config.validation.validate_every_n_epochs == 0
    ending = _save_before_validation(job, state, watch) if due else None
    if ending is not None:
        return ending
    began = time.monotonic()
    try:
        found = evaluate(state.model, job, stop=watch.stop) if due else None
    except Stopped:  # the epoch stays open: whoever goes on validates first
        return _save_open(state, watch)
    state.epoch, state.position, state.sums = state.epoch + 1, 0, {}
    if found is None:
        return None

    metrics = found.metrics
    record = _record(job, state, watch, metrics, time.monotonic() - began)
    if not math.isfinite(metrics["val_loss"]):
        watch.on_epoch((*state.records, record))
        alarm = watch.alarms.look(state.step, metrics["val_loss"], 0.0)
        return Ending(state="halted", reason="the validation loss is not finite", alarm=alarm)

    value, loss = metrics[job.config.validation.metric], metrics["val_loss"]
    is_best = state.best.better(value, loss)
    state.best = state.best.updated(value, loss, state.epoch, job.config.early_stopping.min_delta)
    state.records.append(record)
    state.alarms = watch.alarms.state_dict()
    alarm = watch.saver.save(state, _names(job, state, is_best, last))
    watch.on_epoch(tuple(state.records))
    if alarm is not None:
        return Ending(state="halted", reason=alarm.detail, alarm=alarm)
    watch.validation_seconds = time.monotonic() - began
    _look(job, state, watch)
    watch.progress.epoch(
        record,
        epochs=state.plan.total_epochs(state.step),
        best=is_best,
        finish_seconds=_finish(job, state, watch),
    )
    return _ends(job, state, watch)


def _ends(job: Job, state: TrainingState, watch: Watch) -> Ending | None:
    """Whether the run ends after the epoch that was validated last: nothing is learnt, or patience ran out."""
    last = state.step >= state.plan.total_steps(state.step)
    alarm = watch.alarms.epoch(
        step=state.step,
        epoch=len(state.records),
        train_losses=[r.train_loss for r in state.records],
        best_metric=watch.alarms.best(r.metrics[job.objective.metric] for r in state.records),
        interval=1.96 * math.sqrt(0.25 / job.val.count),
    )
    if alarm is not None:
        return Ending(state="halted", reason=alarm.detail, alarm=alarm)
    if should_stop(state.best, job.config.early_stopping) and not last:
        reason = (
            f"{state.best.stale} validated epochs without a gain of {job.config.early_stopping.min_delta:g}"
        )
        return Ending(state="stopped_early", reason=reason)
    return None


def _names(job: Job, state: TrainingState, is_best: bool, last: bool) -> tuple[str, ...]:
    """The checkpoints that the present state is saved under."""
    settings = job.config.checkpointing
    names = []
    if settings.save_best and is_best:
        names.append("best")
    before = state.records[-2].epoch if len(state.records) > 1 else 0  # not every epoch is validated
    every = settings.checkpoint_every_n_epochs
    if state.epoch // every > before // every:
        names.append(str(state.epoch))
    if settings.save_last or last:
        names.append(
            "last"
        )  # written last: a resume starts from it, and finds the best one of its epoch there
    return tuple(names)


def _set_rate(state: TrainingState, rate: float) -> None:
    """Sets the learning rate; a group may take a fixed share of it (`rate_share`)."""
    for group in state.optimizer.param_groups:
        group["lr"] = rate * group.get("rate_share", 1.0)


def _read(state: TrainingState, watch: Watch) -> Alarm | None:
    """Reads the kept losses and norms and lets the alarms look at each."""
    pairs = watch.meter.read()
    first = state.step - len(pairs) + 1
    for number, (loss, norm) in enumerate(pairs, start=first):
        alarm = watch.alarms.look(number, loss, norm)
        if alarm is not None:
            return alarm
    return None


def _look(job: Job, state: TrainingState, watch: Watch) -> None:
    """Samples utilization, refits the plan, tells the onlookers."""
    watch.looked = time.monotonic()
    for name in watch.stop.heard_again():  # a person's model or data set may set handlers of their own
        watch.progress.warn(f"{name} was taken by other code; it saves the state and ends the run again")
    reading = watch.utilization.read()
    _refit(job, state, watch)
    total = state.plan.total_steps(state.step)
    speed = watch.meter.step_seconds(LOOK_SECONDS * 10)
    if not speed or not math.isfinite(watch.meter.last_loss):
        return  # nothing was measured yet
    watch.progress.step(
        epoch=min(state.epoch + 1, state.plan.total_epochs(state.step)),
        epochs=state.plan.total_epochs(state.step),
        step=state.step,
        steps=total,
        loss=watch.meter.last_loss,
        examples_per_second=job.train.size / speed,
        utilization=reading.share,
        finish_seconds=_finish(job, state, watch),
    )


def _speed(job: Job, watch: Watch) -> Speed | None:
    """The speed to expect: lately, mixed with the best one seen, which counts for less the more time has passed.

    A disturbance early in a run will often be over before its end; one late in it will not. So that a few bad
    minutes at the start do not take away half of the run, they count in full only once half of the time is gone.
    """
    meter, left = watch.meter, max(watch.deadline - time.monotonic(), 0.0)
    recent = meter.step_seconds(max(SETTLE_SECONDS, WINDOW_SHARE * left))
    if recent is None:
        return None
    passed = meter.measured_seconds / max(meter.measured_seconds + left, 1e-9)
    trust = min(1.0, LEAST_TRUST + passed / HALF)
    seconds = trust * recent + (1 - trust) * min(recent, meter.best_step_seconds)
    if job.config.checkpointing.save_last:  # else nothing is saved inside an epoch
        seconds *= 1 + watch.saver.seconds / SAVE_SECONDS
    # Before the first validation: a forward pass, and that of the mirror images, takes a third of a step.
    passes = 2 if job.config.model.mirror_average else 1
    estimate = passes * seconds / 3 * job.val.count / job.train.size
    return Speed(step=seconds, validation=watch.validation_seconds or estimate)


def _refit(job: Job, state: TrainingState, watch: Watch) -> None:
    """Shortens the plan when the predicted finish would break the budget, once the speed is known."""
    left = (
        watch.deadline - time.monotonic() - watch.validation_seconds
    )  # the best one is measured again at the end
    settled = watch.meter.measured_seconds >= min(SETTLE_SECONDS, 0.1 * max(left, 0.0))
    speed = _speed(job, watch)
    if speed is None or not settled:
        return
    every = job.config.validation.validate_every_n_epochs
    plan = fit(state.plan, state.step, left, speed, validate_every=every)
    if plan is not state.plan:
        state.plan = plan
        watch.on_plan_change()
        watch.progress.note(
            f"plan shortened to {plan.total_steps(state.step)} steps: {plan.changes[-1].reason}"
        )


def _finish(job: Job, state: TrainingState, watch: Watch) -> float:
    """Predicted seconds to the end of training; NaN before the speed is known."""
    speed = _speed(job, watch)
    if speed is None:
        return math.nan
    every = job.config.validation.validate_every_n_epochs
    return predict_seconds(state.plan, state.step, speed, validate_every=every)


def _record(
    job: Job, state: TrainingState, watch: Watch, metrics: dict[str, float], seconds: float
) -> EpochRecord:
    meter = watch.meter
    utilization = watch.utilization.mean(watch.samples_before)
    watch.samples_before = len(watch.utilization.samples)
    return EpochRecord(
        epoch=state.epoch,
        step=state.step,
        train_loss=meter.train_loss,
        learning_rate=state.optimizer.param_groups[0]["lr"],
        grad_norm=meter.grad_norm,
        grad_norm_max=meter.sums.norm_max,
        seconds=meter.sums.seconds,
        validation_seconds=seconds,
        examples_per_second=meter.sums.examples / meter.sums.seconds if meter.sums.seconds else 0.0,
        data_wait=meter.data_wait,
        utilization=utilization,
        memory_bytes=peak_memory(job.machine.device),
        metrics=metrics,
    )
