"""All that a training run needs, built once from the config, the examples and the split."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from firstlight import catalog
from firstlight.data.batches import Augment, Batches, Normalisation, training_normalisation
from firstlight.models.model import ImageShape, ModelKind
from firstlight.tasks.image_classification import TASK

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from torch import nn

    from firstlight.config.schema import Config
    from firstlight.data.batches import Batch
    from firstlight.data.examples import Examples, Split
    from firstlight.experiment.folder import Folder
    from firstlight.machine.choices import Machine
    from firstlight.tasks.task import Chance, LossFunction, Task
    from firstlight.training.optimizer import Optimizer

PREPARE_ROWS = 2_000  # training images that a data-dependent initialisation looks at


class Loader(Protocol):
    """What the loop asks of a part of the data."""

    @property
    def size(self) -> int:
        """Examples in a batch."""

    @property
    def count(self) -> int:
        """Examples in an epoch."""

    def __len__(self) -> int: ...

    def epoch(self, epoch: int, *, start: int = 0) -> Iterator[Batch]:
        """Shuffled batches of an epoch (from 0), from batch `start` on."""

    def ordered(self, size: int | None = None) -> Iterator[Batch]:
        """Every row once, in order, unchanged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A training run, ready to start."""

    config: Config
    task: Task
    classes: tuple[str, ...]
    class_counts: NDArray[np.int64]  # of the training rows
    machine: Machine
    train: Batches
    val: Batches
    loss: LossFunction
    chance: Chance
    folder: Folder
    examples: Examples
    split: Split
    make_model: Callable[[], nn.Module]  # seeded: two calls give equal weights
    make_optimizer: Callable[[nn.Module], Optimizer]
    meta: dict[str, Any]  # what a prediction needs beside the weights

    @property
    def metric(self) -> str:
        """The metric by which the run is judged."""
        return self.config.acceptance.metric or self.task.metric


def build_job(config: Config, examples: Examples, split: Split, machine: Machine, folder: Folder) -> Job:
    """Puts a job together from a resolved config. Only the training and validation parts are touched."""
    import torch

    from firstlight.training.optimizer import make_optimizer

    pixels = (
        torch.from_numpy(np.ascontiguousarray(examples.pixels))
        if not isinstance(examples.pixels, np.memmap)
        else torch.from_numpy(examples.pixels)
    )
    labels = torch.from_numpy(examples.labels)
    normalisation = training_normalisation(examples.pixels, split.train)

    def batches(rows: NDArray[np.int64], augment: Augment) -> Batches:
        return Batches(
            pixels=pixels,
            labels=labels,
            rows=torch.from_numpy(rows),
            size=config.training.batch_size,
            seed=config.seed,
            device=machine.device,
            normalisation=normalisation,
            channels_last=machine.channels_last,
            augment=augment,
        )

    train = batches(split.train, augmentation(config))
    val = batches(split.val, Augment())
    _, height, width, channels = examples.pixels.shape
    shape = ImageShape(channels=channels, height=height, width=width, classes=len(examples.classes))
    class_counts = np.bincount(examples.labels[split.train], minlength=len(examples.classes))
    return Job(
        config=config,
        task=TASK,
        classes=examples.classes,
        class_counts=class_counts,
        machine=machine,
        train=train,
        val=val,
        loss=TASK.make_loss(config.loss, class_counts, machine.device),
        chance=TASK.chance(class_counts, config.loss),
        folder=folder,
        examples=examples,
        split=split,
        make_model=lambda: make_model(config, shape, machine, train),
        make_optimizer=lambda model: make_optimizer(model, config),
        meta=meta(config, shape, examples.classes, normalisation),
    )


def augmentation(config: Config) -> Augment:
    """The augmentation of a resolved config; `auto` that is left changes nothing."""
    flip = config.augmentation.horizontal_flip
    shift = config.augmentation.shift_pixels
    return Augment(
        flip="none" if flip == "auto" else flip,
        shift=0 if shift == "auto" else shift,
        cutout=config.augmentation.cutout_pixels,
    )


def load_kind(name: str) -> ModelKind:
    """The model kind of that name."""
    kind: ModelKind = catalog.load("firstlight.models", name, "MODEL", ModelKind)
    return kind


def make_model(config: Config, shape: ImageShape, machine: Machine, train: Batches | None) -> nn.Module:
    """A fresh model on the device, its weights drawn from the config's seed.

    Args:
        config: Names the model kind, its width and dropout.
        shape: Of the images.
        machine: Device and layout.
        train: Training batches for an initialisation that looks at the data; None when weights will be
            loaded.
    """
    import torch

    kind = load_kind(config.model.name)
    torch.manual_seed(config.seed)
    model = kind.build(shape, config.model.width or 1.0, config.model.dropout)
    if train is not None:
        kind.prepare(model, train.take(train.rows[:PREPARE_ROWS]).inputs.cpu())
    layout = torch.channels_last if machine.channels_last else torch.contiguous_format
    model.to(device=machine.device)
    model.to(memory_format=layout)  # type: ignore[call-overload]  # not in torch's stubs
    return model


def meta(
    config: Config, shape: ImageShape, classes: tuple[str, ...], normalisation: Normalisation
) -> dict[str, Any]:
    """Plain values from which `predict` builds the same model and the same inputs."""
    return {
        "task": TASK.name,
        "classes": list(classes),
        "mirror_average": config.model.mirror_average,
        "model": config.model.name,
        "shape": {"channels": shape.channels, "height": shape.height, "width": shape.width},
        "normalisation": {"mean": list(normalisation.mean), "std": list(normalisation.std)},
    }
