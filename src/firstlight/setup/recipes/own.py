"""A person's own network: nothing was measured for it, so the defaults stand, and the epochs fit the budget."""

from __future__ import annotations

from typing import TYPE_CHECKING

from firstlight.setup.draft import no_augmentation
from firstlight.setup.recipe import Recipe

if TYPE_CHECKING:
    from firstlight.kinds.kind import Dataset
    from firstlight.models.model import OwnShape
    from firstlight.setup.draft import Draft

MOST_EPOCHS = 50  # judgement: what a person waits for; early stopping ends most runs before


def _fill(draft: Draft, data: Dataset, shape: OwnShape) -> None:
    no_augmentation(draft, data.kind.noun)
    if shape.batch_size is not None:
        draft.put("training.batch_size", shape.batch_size, "as in the loader that was given")
    if shape.workers is not None:
        draft.put("parallel.workers", shape.workers, "as in the loader that was given")
    if shape.learning_rate is not None:
        draft.put("training.learning_rate", shape.learning_rate, "as in the optimizer that was given")
        draft.put(
            "optimizer.name", draft.config.optimizer.name, "not used: an optimizer of your own was given"
        )
    if shape.schedule:
        draft.put(
            "scheduler.name", draft.config.scheduler.name, "not used: a scheduler of your own was given"
        )


RECIPE = Recipe(
    fill=_fill,
    measured=("threads", "workers"),
    wanted_epochs=1,
    most_epochs=lambda rows, task, model: MOST_EPOCHS,
    width=1.0,
)
