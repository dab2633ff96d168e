"""Best value and early stopping: a small record that is asked once per validated epoch."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from firstlight.config.schema import EarlyStopping


@dataclass(frozen=True, slots=True, kw_only=True)
class Best:
    """The best epoch so far, and how long ago the last clear improvement was."""

    metric: str
    lower_is_better: bool  # the direction of `metric`
    value: float | None = None
    loss: float = math.inf  # validation loss of that epoch, which decides between equal values
    epoch: int = 0
    anchor: float | None = None  # value of the last improvement by at least min_delta
    stale: int = 0  # validated epochs since then

    def better(self, value: float, loss: float) -> bool:
        """Whether `value` beats the best one, or equals it at a lower loss. A value that is not finite never does.

        An AUROC or accuracy of 1.0 is often reached while the probabilities are still near one half.
        """
        if not math.isfinite(value):
            return False
        if self.value is None:
            return True
        if value == self.value:
            return loss < self.loss
        return value < self.value if self.lower_is_better else value > self.value

    def updated(self, value: float, loss: float, epoch: int, min_delta: float) -> Best:
        """The record after the epoch (from 1) reached `value` with a validation loss of `loss`."""
        best = replace(self, value=value, loss=loss, epoch=epoch) if self.better(value, loss) else self
        if not math.isfinite(value):
            return replace(best, stale=self.stale + 1)
        gain = None if self.anchor is None else value - self.anchor
        if gain is not None and self.lower_is_better:
            gain = -gain
        if gain is None or gain >= min_delta:
            return replace(best, anchor=value, stale=0)
        return replace(best, stale=self.stale + 1)


def should_stop(best: Best, settings: EarlyStopping) -> bool:
    """Whether the patience is used up."""
    return settings.enabled and best.stale >= settings.patience
