"""Images: Muon on a small convolutional network, or a strided residual one for photos (docs/log.md)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from firstlight.config.schema import Config
from firstlight.data.images.flip import flip_evidence
from firstlight.setup.recipe import Recipe

if TYPE_CHECKING:
    from firstlight.kinds.kind import Dataset
    from firstlight.models.model import ImageShape
    from firstlight.setup.draft import Draft

MOST_EPOCHS = 30  # more brought nothing on the sets that were measured
FEW_ROWS = 10_000  # below this a narrow network and the default number of epochs are enough
BATCH = 250  # for sets of FEW_ROWS and more; measured on CIFAR-10
STEPS_WANTED = 40  # steps an epoch that a smaller set should have
PHOTO_BATCH = 32
WHY = "measured recipe, see docs/log.md"


def _fill(draft: Draft, data: Dataset, shape: ImageShape) -> None:
    channels = shape.channels
    draft.put("data.channels", channels, "all images are grey" if channels == 1 else "colour images")
    if shape.height == shape.width:
        draft.put("data.image_size", shape.height, "side in pixels of the decoded images")
    _optimizer(draft, len(data.split.train))
    _augmentation(draft, data, shape)


def _optimizer(draft: Draft, rows: int) -> None:
    """Update rule, rate, schedule and loss that were measured together; not mixed with the user's own rate."""
    own = {"optimizer.name", "training.learning_rate"} & draft.explicit
    small = draft.config.model.name == "small_cnn"
    batch = PHOTO_BATCH if not small else BATCH if rows >= FEW_ROWS else _power_of_two(rows / STEPS_WANTED)
    draft.put("training.batch_size", batch, f"measured recipe for {rows} training images")
    if own:
        return
    draft.put("optimizer.name", "muon", WHY)
    draft.put("optimizer.momentum", 0.85, WHY)
    draft.put("optimizer.weight_decay", 0.0, "with muon the weights keep their norm")
    rate = 0.05 if small else 0.02
    draft.put("training.learning_rate", rate, "relative change of a weight in one step, annealed to 0")
    draft.put("scheduler.name", "linear", WHY)
    draft.put("scheduler.warmup_fraction", 0.0 if small else 0.05, WHY)
    draft.put("loss.label_smoothing", 0.2 if rows >= FEW_ROWS else 0.1, WHY)


def _power_of_two(size: float) -> int:
    return int(min(BATCH, max(16, 2 ** round(math.log2(max(size, 1))))))


def _augmentation(draft: Draft, data: Dataset, shape: ImageShape) -> None:
    allowed, reason = False, "not measured"
    if "augmentation.horizontal_flip" not in draft.explicit:
        train = data.split.train
        found = flip_evidence(
            data.examples.images.pixels[train], data.examples.targets[train], draft.config.seed
        )
        allowed, reason = found.allowed, found.reason
    draft.put("augmentation.horizontal_flip", "alternating" if allowed else "none", reason)
    draft.put("model.mirror_average", allowed, reason)
    side = min(shape.height, shape.width)
    draft.put("augmentation.shift_pixels", min(max(1, round(side / 16)), side - 1), "a sixteenth of the side")


RECIPE = Recipe(
    fill=_fill,
    measured=("compute", "channels_last", "threads"),
    wanted_epochs=12,
    most_epochs=lambda rows, task, model: MOST_EPOCHS if rows >= FEW_ROWS else Config().training.epochs,
    narrow=lambda rows: rows < FEW_ROWS,
)
