"""The learning rate as a function of progress, 0 at the first step and 1 at the last."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from firstlight.config.schema import Scheduler


def rate_factor(progress: float, scheduler: Scheduler) -> float:
    """The learning rate at `progress` in 0..1, as a share of the peak rate.

    A linear warm-up over `warmup_fraction`, then a fall to `final_fraction` that is complete at progress 1.
    """
    warmup = scheduler.warmup_fraction
    if progress < warmup:
        return progress / warmup
    done = (progress - warmup) / (1 - warmup)
    if scheduler.name == "constant":
        return 1.0
    shape = 1 - done if scheduler.name == "linear" else 0.5 * (1 + math.cos(math.pi * done))
    return scheduler.final_fraction + (1 - scheduler.final_fraction) * shape
