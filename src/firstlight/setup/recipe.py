"""What a recipe is: how one kind of data is learnt, as a frozen record of plain functions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from firstlight import catalog

if TYPE_CHECKING:
    from firstlight.kinds.kind import Dataset
    from firstlight.setup.draft import Draft

PACKAGE = "firstlight.setup.recipes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Settings that were measured together.

    Attributes:
        fill: (draft, data, shape) -> None: puts model, update rule, schedule, loss and augmentation.
        measured: Machine settings that can matter for this kind: "compute", "channels_last", "threads", "workers".
        wanted_epochs: The widest network that still gets so many is taken.
        most_epochs: (training rows, task, model) -> epochs above which nothing was gained.
        narrow: Training rows -> whether the narrower half of the widths is enough.
        width: The one that was measured to do; None = as wide as the budget allows.
        metric: Names of task and number of classes -> the metric to be judged by; None for the task's own.
    """

    fill: Callable[[Draft, Dataset, Any], None]
    measured: tuple[str, ...]
    wanted_epochs: int
    most_epochs: Callable[[int, str, str], int]
    narrow: Callable[[int], bool] = lambda rows: False
    width: float | None = None
    metric: Callable[[str, int], str | None] = lambda task, classes: None


def recipe_for(kind: str) -> Recipe:
    """The recipe of a kind of data."""
    found: Recipe = catalog.load(PACKAGE, kind, "RECIPE", Recipe)
    return found
