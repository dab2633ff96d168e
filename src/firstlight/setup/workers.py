"""How many processes read a person's items ahead, by taking real steps with none, one, two and more of them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from firstlight.config.schema import Config
from firstlight.machine.choices import allotted_cores
from firstlight.setup.measure import CLEAR_GAIN, Trial
from firstlight.training.job import build_job
from firstlight.training.step import make_step, step_settings

if TYPE_CHECKING:
    from firstlight.machine.choices import Machine

WORTH_A_LOOK = (
    0.1  # share of a step that waits for its batch: removing less is no use (as in preflight's loader_speed)
)
MOST_SECONDS = 3.0  # of one number of processes
WARM_STEPS = 2  # the first steps choose kernels
TIMED_STEPS = 24  # more than what lies ready when the first batch comes
MOST_WORKERS = 8  # judgement: more processes than this hold memory for little


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """What an epoch's beginning and its steps take."""

    first_seconds: float  # until the first batch is there
    step_seconds: float  # mean, the batch included
    waiting: float  # share of the time in which a step waits for its batch

    def epoch_seconds(self, steps: int) -> float:
        """Of so many steps."""
        return self.first_seconds + steps * self.step_seconds


def best_workers(trial: Trial, machine: Machine) -> tuple[int, str]:
    """The number of processes with which an epoch is shortest, and the reason in words.

    Args:
        trial: The model at hand, its batch size settled.
        machine: As chosen.
    """
    steps = -(-len(trial.data.split.train) // trial.config.training.batch_size)
    paces = {0: pace(trial, machine, 0)}
    if paces[0].waiting > WORTH_A_LOOK:
        paces |= {n: pace(trial, machine, n) for n in range(1, min(allotted_cores(), MOST_WORKERS) + 1)}
    seconds = {n: found.epoch_seconds(steps) for n, found in paces.items()}
    best = min(seconds, key=lambda n: (seconds[n], n))
    if seconds[best] * CLEAR_GAIN > seconds[0]:
        best = 0
    told = ", ".join(f"{one:.3g} s with {n}" for n, one in seconds.items())
    share = f"{100 * paces[0].waiting:.0f} % of a step waits for its items"
    return best, f"measured: {share}; an epoch takes {told}"


def pace(trial: Trial, machine: Machine, workers: int) -> Pace:
    """Takes steps with so many processes, on a model that is thrown away."""
    job = build_job(_with(trial.config, workers), trial.data, machine, trial.folder)
    model = job.make_model().train()
    step = make_step(model, job.make_optimizer(model), job.loss, machine, **step_settings(job.config))
    began = clock = time.monotonic()
    waits: list[float] = []
    marks: list[float] = []
    for batch in job.train.epoch(0):
        waits.append(time.monotonic() - clock)
        step(batch).loss.item()
        clock = time.monotonic()
        marks.append(clock)
        if len(marks) >= WARM_STEPS + TIMED_STEPS or clock - began > MOST_SECONDS:
            break
    warm = min(WARM_STEPS, len(marks) - 1)
    timed = max(len(marks) - 1 - warm, 0)
    seconds = (marks[-1] - marks[warm]) / timed if timed else marks[-1] - began
    waiting = sum(waits[warm + 1 :]) / (timed * seconds) if timed else waits[-1] / seconds
    return Pace(first_seconds=waits[0] if workers else 0.0, step_seconds=seconds, waiting=waiting)


def _with(config: Config, workers: int) -> Config:
    return config.model_copy(update={"parallel": config.parallel.model_copy(update={"workers": workers})})
