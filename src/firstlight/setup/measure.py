"""What measures fastest on this machine, by taking a few real steps: format, layout, threads, width.

Nothing here is known from a table: bf16 is many times slower than fp32 on some processors and twice as fast
on others.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from firstlight.machine.choices import Machine, allotted_cores
from firstlight.training.job import build_job
from firstlight.training.step import make_step, step_settings

if TYPE_CHECKING:
    from firstlight.config.schema import Config
    from firstlight.experiment.folder import Folder
    from firstlight.kinds.kind import Dataset

WARM_STEPS = 2  # the first steps choose kernels
TIMED_STEPS = 8
LEAST_STEPS = 3
TIMED_SECONDS = 1.5  # fewer steps when they are slow
MOST_SECONDS = 5.0  # a setting this slow has lost already; measured: 21 s a step on cores that others held
# a choice must be so many times faster than the conservative one (judgement: above the noise of a few
# steps)
CLEAR_GAIN = 1.1
BF16_GAIN = 1.25  # bf16 has 8 bits of precision: it must be worth it (judgement)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A model and settings whose step can be timed."""

    config: Config
    data: Dataset
    folder: Folder

    def step_seconds(self, machine: Machine, *, width: float | None = None) -> float:
        """Seconds of an undisturbed training step, the batch included: the shortest of a few.

        Other work on the machine only ever makes a step longer. What it costs is found out by the plan while training.
        """
        import torch

        torch.set_num_threads(machine.threads)
        config = self.config
        if width is not None:
            config = config.model_copy(update={"model": config.model.model_copy(update={"width": width})})
        job = build_job(config, self.data, machine, self.folder)
        model = job.make_model().train()
        step = make_step(model, job.make_optimizer(model), job.loss, machine, **step_settings(config))
        seconds: list[float] = []
        began = clock = time.monotonic()
        for batch in job.train.epoch(0):
            step(batch).loss.item()
            ended = time.monotonic()
            seconds.append(ended - clock)
            clock = ended
            timed = len(seconds) - WARM_STEPS
            enough = timed >= LEAST_STEPS and ended - began > TIMED_SECONDS
            if enough or timed >= TIMED_STEPS or ended - began > MOST_SECONDS:
                break
        return min(seconds[WARM_STEPS:] or seconds)

    def validation_seconds(self, step_seconds: float) -> float:
        """Estimated seconds of a validation: a forward pass is about a third of a step, for mirror images too."""
        passes = 2 if self.config.model.mirror_average else 1
        return passes * step_seconds / 3 * len(self.data.split.val) / self.config.training.batch_size + 0.1


def fastest(trial: Trial, machine: Machine, explicit: frozenset[str], settings: tuple[str, ...]) -> Machine:
    """The machine settings that measure fastest, one after the other; what the user set is not measured.

    Args:
        trial: The model at hand.
        machine: Device chosen, everything else conservative: fp32, channels last, all cores.
        explicit: Config keys that the user wrote.
        settings: Those that can matter for this kind of data; the others stay conservative.
    """
    reasons = dict(machine.reasons)
    base = trial.step_seconds(machine)
    best = machine

    if "compute" in settings and "precision.compute" not in explicit:
        seconds = trial.step_seconds(replace(best, compute="bf16"))
        reasons["compute"] = (
            f"measured: a step takes {base * 1e3:.3g} ms in fp32, {seconds * 1e3:.3g} ms in bf16"
        )
        if seconds * BF16_GAIN < base:
            best, base = replace(best, compute="bf16"), seconds
    if "channels_last" in settings and "precision.channels_last" not in explicit:
        seconds = trial.step_seconds(replace(best, channels_last=False))
        reasons["channels_last"] = (
            f"measured: a step takes {base * 1e3:.3g} ms with channels last, {seconds * 1e3:.3g} ms without"
        )
        if seconds * CLEAR_GAIN < base:
            best, base = replace(best, channels_last=False), seconds
    if "parallel.threads" not in explicit and best.device.type == "cpu" and allotted_cores() > 1:
        seconds = trial.step_seconds(replace(best, threads=1))
        reasons["threads"] = (
            f"measured: a step takes {base * 1e3:.3g} ms with {best.threads} threads, {seconds * 1e3:.3g} ms with 1"
        )
        if seconds < base * CLEAR_GAIN:  # one thread is as good: the other cores stay free
            best = replace(best, threads=1)
    return replace(best, reasons=reasons)
