"""Texts: AdamW on a bag of n-grams, or on a small transformer (docs/log.md has what was tried)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from firstlight.models.ngram_bag import recipe
from firstlight.setup.draft import no_augmentation
from firstlight.setup.recipe import Recipe

if TYPE_CHECKING:
    from firstlight.data.texts.batches import TextShape
    from firstlight.kinds.kind import Dataset
    from firstlight.setup.draft import Draft

TRANSFORMER_EPOCHS = 10
# Training texts below which twice the passes are taken; validation, 5 against 10 passes: TREC with 50 classes 0.693
# and 0.765, with 6 0.840 and 0.857, SST-2 0.804 and 0.803. Of 12,000 tweets (offensive) 0.742 and 0.739.
FEW_ROWS = 10_000
WHY = "measured recipe, see docs/log.md"


def _fill(draft: Draft, data: Dataset, shape: TextShape) -> None:
    no_augmentation(draft, data.kind.noun)
    rows = len(data.split.train)
    if draft.config.model.name == "text_transformer":
        draft.put("training.batch_size", 64, WHY)
        draft.put("training.learning_rate", 5e-4, WHY)
        draft.put("model.dropout", 0.1, WHY)
        return
    found = recipe(rows, shape.outputs)
    draft.put("training.batch_size", found.batch_size, f"measured recipe for {rows} training texts")
    draft.put("optimizer.name", "adamw", WHY)
    if {"optimizer.name", "training.learning_rate"} & draft.explicit:
        return
    draft.put("training.learning_rate", found.learning_rate, WHY)
    draft.put("optimizer.weight_decay", found.weight_decay, WHY)
    draft.put("model.dropout", found.dropout, WHY)
    draft.put("scheduler.name", "linear", WHY)
    draft.put("scheduler.warmup_fraction", 0.05, WHY)


def _most_epochs(rows: int, task: str, model: str) -> int:
    """More passes only overfit a bag of n-grams; the number does not depend on the classes."""
    if model == "text_transformer":
        return TRANSFORMER_EPOCHS
    return recipe(rows, 1).epochs * (2 if rows < FEW_ROWS else 1)


RECIPE = Recipe(
    fill=_fill,
    measured=("threads",),
    wanted_epochs=4,
    most_epochs=_most_epochs,
    width=1.0,
)
