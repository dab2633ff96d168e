"""Images: uint8 pixels of one size, normalised and augmented in the batch."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from firstlight.data.images.batches import Augment, Batches, Normalisation, training_normalisation
from firstlight.data.images.profile import profile
from firstlight.errors import DataError
from firstlight.kinds.kind import Dataset, Kind, Pipeline, Portion, Unseen, Views, only
from firstlight.models.model import ImageShape
from firstlight.text import visible

if TYPE_CHECKING:
    from pathlib import Path

    import torch
    from numpy.typing import NDArray

    from firstlight.config.schema import Config
    from firstlight.data.examples import Examples, Split
    from firstlight.data.images.inputs import Inputs
    from firstlight.machine.choices import Machine
    from firstlight.watch.progress import Progress

PORTION = 512  # new images decoded and predicted at a time: bounds the memory


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """The pixels as a tensor that shares their memory, and their normalisation."""

    pixels: torch.Tensor  # uint8 (rows, height, width, channels)
    normalisation: Normalisation


def _fit(examples: Examples, split: Split) -> Fitted:
    import torch

    pixels = examples.images.pixels
    if not isinstance(pixels, np.memmap):  # a copy would read a mapped file whole
        pixels = np.ascontiguousarray(pixels)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The given NumPy array is not writable")  # it is only read
        tensor = torch.from_numpy(pixels)
    return Fitted(pixels=tensor, normalisation=training_normalisation(pixels, split.train))


def _pipeline(config: Config, data: Dataset, outputs: int, machine: Machine) -> Pipeline:
    import torch

    fitted: Fitted = data.fitted
    labels = torch.from_numpy(data.examples.targets)

    def batches(rows: NDArray[np.int64], augment: Augment) -> Batches:
        return Batches(
            pixels=fitted.pixels,
            labels=labels,
            rows=torch.from_numpy(rows),
            size=config.training.batch_size,
            seed=config.seed,
            device=machine.device,
            normalisation=fitted.normalisation,
            channels_last=machine.channels_last,
            augment=augment,
        )

    _, height, width, channels = data.examples.images.pixels.shape
    meta = {
        "shape": {"channels": channels, "height": height, "width": width},
        "normalisation": {"mean": list(fitted.normalisation.mean), "std": list(fitted.normalisation.std)},
        "mirror_average": config.model.mirror_average,
    }
    return Pipeline(
        train=batches(data.split.train, augmentation(config)),
        val=batches(data.split.val, Augment()),
        shape=_shape(meta, outputs),
        views=_views(meta),
        meta=meta,
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


def _shape(meta: Mapping[str, Any], outputs: int) -> ImageShape:
    return ImageShape(**meta["shape"], outputs=outputs)


def _views(meta: Mapping[str, Any]) -> Views:
    return _with_mirror if meta["mirror_average"] else only


def _with_mirror(inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
    return inputs, inputs.flip(3)


def _unseen(meta: Mapping[str, Any], source: str, machine: Machine, progress: Progress) -> Unseen:
    from firstlight.data.images.inputs import read_inputs

    inputs = read_inputs(source)
    return Unseen(total=len(inputs.ids) + len(inputs.left_out), portions=_portions(meta, inputs, machine))


def _portions(meta: Mapping[str, Any], inputs: Inputs, machine: Machine) -> Iterator[Portion]:
    if inputs.left_out:
        yield Portion([], None, list(inputs.left_out))
    for ids, pixels, unreadable in _decoded(_shape(meta, 0), inputs):
        yield Portion(ids, _normalised(meta, pixels, machine) if len(pixels) else None, unreadable)


def _normalised(meta: Mapping[str, Any], pixels: NDArray[np.uint8], machine: Machine) -> torch.Tensor:
    """Float inputs from pixels (rows, height, width, channels), as validation makes them."""
    import torch

    mean, std = meta["normalisation"]["mean"], meta["normalisation"]["std"]
    batches = Batches(
        pixels=torch.from_numpy(np.ascontiguousarray(pixels)),
        labels=torch.zeros(len(pixels), dtype=torch.int64),
        rows=torch.arange(len(pixels)),
        size=len(pixels),
        seed=0,  # nothing is drawn
        device=machine.device,
        normalisation=Normalisation(mean=tuple(mean), std=tuple(std)),
        channels_last=machine.channels_last,
    )
    inputs: torch.Tensor = batches.take(batches.rows).inputs
    return inputs


def _decoded(shape: ImageShape, inputs: Inputs) -> Iterator[tuple[list[str], NDArray[np.uint8], list[str]]]:
    """Portions of (ids, pixels (rows, height, width, channels), sentences about unreadable inputs)."""
    from firstlight.data.images.decoding import quiet
    from firstlight.data.threads import in_order

    for start in range(0, len(inputs.ids), PORTION):
        rows = slice(start, start + PORTION)
        names = inputs.ids[rows]
        if inputs.arrays is not None:
            _check_size(shape, inputs)
            yield list(names), inputs.arrays[rows], []
            continue
        with quiet():
            found = list(in_order(inputs.files[rows], lambda path: _read(path, shape)))
        good = [
            (name, pixels) for name, pixels in zip(names, found, strict=True) if not isinstance(pixels, str)
        ]
        bad = [f"{name} ({why})" for name, why in zip(names, found, strict=True) if isinstance(why, str)]
        pixels = np.stack([p for _, p in good]) if good else np.empty((0,), np.uint8)
        yield [name for name, _ in good], pixels, bad


def _check_size(shape: ImageShape, inputs: Inputs) -> None:
    assert inputs.arrays is not None
    found, wanted = inputs.arrays.shape[1:], (shape.height, shape.width, shape.channels)
    if found != wanted:
        raise DataError(
            "the images have another size than the model was trained on",
            f"{visible(inputs.source)}: {found}, trained on {wanted} (height, width, channels)",
            "resize them as the training images were, or give image files",
        )


def _read(path: Path, shape: ImageShape) -> NDArray[np.uint8] | str:
    """The pixels of a file, or why there are none."""
    from firstlight.data.images.decoding import decode

    try:
        return decode(path.read_bytes(), side=(shape.height, shape.width), channels=shape.channels)
    except (OSError, ValueError) as error:
        return (getattr(error, "strerror", None) or str(error)).splitlines()[0]


KIND = Kind(
    name="image",
    noun="image",
    profile=lambda data: profile(data.examples, data.split),
    fit=_fit,
    pipeline=_pipeline,
    shape=_shape,
    views=_views,
    unseen=_unseen,
)
