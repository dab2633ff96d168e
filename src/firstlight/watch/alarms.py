"""What in a run's signals means that it must not go on, or that a person should know.

The thresholds are deliberately far from what healthy runs do: a false alarm stops somebody's training.
"""

from __future__ import annotations

import math
import statistics
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from torch import nn

EXPLODING_NORM = 100.0  # total gradient norm that the describing page calls exploding
EXPLODING_RATIO = (
    20.0  # and that many times the median of the last steps (judgement: loss spikes reach 5 to 10)
)
NORM_WINDOW = 100  # steps of that median
DIVERGED_RATIO = 3.0  # running loss over chance loss (judgement: a wrong start may reach 2)
DIVERGED_STEPS = 50  # for so many steps in a row
STALL_EPOCHS = 3  # validated epochs, and
# Steps without any learning before a run is called stalled. A small network of sigmoids on 8 columns was seen to stay
# at chance for 300 steps and to learn after them; where an epoch has few steps, there is little time to be saved, too.
STALL_STEPS = 1_000
STALL_MARGIN = 0.01  # train loss must be this share below chance to count as learning (judgement)

Page = Literal["nan_loss", "exploding_gradients", "convergence_stall"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """The run must stop."""

    page: Page  # of the handbook
    step: int
    detail: str  # a sentence with numbers


@dataclass(slots=True, kw_only=True)
class Alarms:
    """Looks at every step in order.

    Args:
        chance_loss: Loss of a model that ignores its input, nats; NaN where it is not known.
        rare_metric: Value of the task's metric without learning (share of the largest class).
        lower_is_better: The direction of that metric.
    """

    chance_loss: float
    rare_metric: float
    lower_is_better: bool = False
    notes: list[str] = field(default_factory=list)
    _norms: deque[float] = field(default_factory=lambda: deque(maxlen=NORM_WINDOW))
    _high_steps: int = 0
    _exploding: bool = False

    def state_dict(self) -> dict[str, Any]:
        """What an exact resume needs of the steps so far, as plain values."""
        return {
            "notes": list(self.notes),
            "norms": list(self._norms),
            "high_steps": self._high_steps,
            "exploding": self._exploding,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on from there."""
        self.notes[:] = state["notes"]
        self._norms.extend(state["norms"])
        self._high_steps, self._exploding = state["high_steps"], state["exploding"]

    @property
    def uneasy(self) -> bool:
        """Whether the last step may be the begin of a divergence: a loss far above chance, or a spike of the norm."""
        return self._high_steps > 0 or self._exploding

    def look(self, step: int, loss: float, norm: float) -> Alarm | None:
        """Judges one step (from 1)."""
        if not (math.isfinite(loss) and math.isfinite(norm)):
            what = "loss" if not math.isfinite(loss) else "gradient norm"
            return Alarm(
                page="nan_loss",
                step=step,
                detail=f"step {step}: {what} is {loss if what == 'loss' else norm}",
            )
        usual = self._usual_norm(step)
        spike = usual is not None and norm > EXPLODING_NORM and norm > EXPLODING_RATIO * usual
        if spike and not self._exploding:
            self.notes.append(
                f"step {step}: gradient norm {norm:.3g}, {norm / (usual or 1):.0f} times the median of the last "
                f"{len(self._norms)} steps (firstlight explain exploding_gradients)"
            )
        self._exploding = spike
        self._norms.append(norm)
        self._high_steps = self._high_steps + 1 if loss > DIVERGED_RATIO * self.chance_loss else 0
        if self._high_steps >= DIVERGED_STEPS:
            return Alarm(
                page="exploding_gradients",
                step=step,
                detail=(
                    f"step {step}: the loss stayed above {DIVERGED_RATIO:g} times chance ({self.chance_loss:.4g}) for "
                    f"{DIVERGED_STEPS} steps, now {loss:.4g}; gradient norm {norm:.4g}"
                ),
            )
        return None

    def best(self, values: Iterable[float]) -> float:
        """The best value of the task's metric."""
        return min(values) if self.lower_is_better else max(values)

    def epoch(
        self, *, step: int, epoch: int, train_losses: list[float], best_metric: float, interval: float
    ) -> Alarm | None:
        """Judges the epochs so far for learning.

        Args:
            step: Steps done.
            epoch: Validated epochs done.
            train_losses: Mean training loss of each.
            best_metric: Best value of the task's metric so far.
            interval: Half width of its 95 % interval.
        """
        if epoch < STALL_EPOCHS or step < STALL_STEPS:
            return None
        if math.isnan(self.chance_loss) and math.isnan(self.rare_metric):  # of a step
            return None
        above = self.rare_metric - best_metric if self.lower_is_better else best_metric - self.rare_metric
        known = math.isfinite(self.chance_loss)
        start = self.chance_loss if known else train_losses[0]
        if min(train_losses) < start - STALL_MARGIN * abs(start) or above > interval:
            return None
        compared = f"chance is {start:.4g}" if known else f"in the first epoch it was {start:.4g}"
        return Alarm(
            page="convergence_stall",
            step=step,
            detail=(
                f"after {epoch} epochs ({step} steps) the training loss is {min(train_losses):.4g}, {compared}; "
                f"the metric is {best_metric:.4g}, without learning {self.rare_metric:.4g}"
            ),
        )

    def _usual_norm(self, step: int) -> float | None:
        """Median norm lately; computed only where a spike is possible, since a median on every step would cost."""
        if len(self._norms) < NORM_WINDOW // 2 or not self._norms:
            return None
        return (
            statistics.median(self._norms)
            if self._norms[-1] > EXPLODING_NORM or step % NORM_WINDOW == 0
            else max(self._norms)
        )


def spoiled(step: int, model: nn.Module) -> Alarm | None:
    """Judges the weights after a step, before they are saved: an update can spoil them with a finite loss."""
    name = next((n for n, p in model.named_parameters() if not bool(p.isfinite().all())), None)
    if name is None:
        return None
    return Alarm(page="nan_loss", step=step, detail=f"step {step}: the weights of {name} are not finite")


def calm(state: dict[str, Any]) -> bool:
    """Whether a stored state of the alarms is from before any sign of a divergence."""
    return not state.get("high_steps") and not state.get("exploding")
