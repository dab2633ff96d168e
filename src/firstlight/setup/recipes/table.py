"""Tables: AdamW on a network with piecewise linear numbers (docs/log.md has what was tried)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from firstlight.setup.draft import no_augmentation
from firstlight.setup.recipe import Recipe

if TYPE_CHECKING:
    from firstlight.kinds.kind import Dataset
    from firstlight.models.model import TableShape
    from firstlight.setup.draft import Draft

MANY_ROWS, MOST_ROWS = 10_000, 100_000  # training rows from which on larger batches and rates were better
WHY = "measured recipe, see docs/log.md"
TWO = 2  # classes, for which the area under the ROC curve says more than the accuracy


class Settings(NamedTuple):
    """What was measured together."""

    batch: int
    rate: float
    epochs: int
    dropout: float
    decay: float


def settings(rows: int, task: str) -> Settings:
    """For so many training rows and this task; above MOST_ROWS by judgement, so that an epoch stays short."""
    numbers = task == "regression"
    dropout = 0.1 if numbers else 0.4
    if rows < MANY_ROWS:
        return Settings(32, 1e-3, 30 if numbers else 20, dropout, 0.01 if numbers else 0.3)
    if rows < MOST_ROWS:
        return Settings(128 if numbers else 256, 2e-3, 40 if numbers else 24, dropout, 0.01)
    return Settings(1024, 3e-3, 10, dropout, 0.01)


def _fill(draft: Draft, data: Dataset, shape: TableShape) -> None:
    no_augmentation(draft, data.kind.noun)
    rows = len(data.split.train)
    found = settings(rows, data.examples.task)
    draft.put("training.batch_size", found.batch, f"measured recipe for {rows} training rows")
    draft.put("optimizer.name", "adamw", WHY)
    if {"optimizer.name", "training.learning_rate"} & draft.explicit:
        return
    draft.put("training.learning_rate", found.rate, WHY)
    draft.put("optimizer.weight_decay", found.decay, WHY)
    draft.put("model.dropout", found.dropout, WHY)
    draft.put("scheduler.name", "cosine", WHY)
    draft.put("scheduler.warmup_fraction", 0.05, WHY)


RECIPE = Recipe(
    fill=_fill,
    measured=("threads",),
    wanted_epochs=10,
    most_epochs=lambda rows, task, model: settings(rows, task).epochs,
    width=1.0,
    metric=lambda task, classes: "val_auroc" if task == "classification" and classes == TWO else None,
)
