"""Predictions of a model on a part of the data, and the metrics of a task on them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor, nn

    from firstlight.machine.choices import Machine
    from firstlight.training.job import Loader

EVALUATION_BATCH = (
    250  # rows at a time when the training batch is smaller; results do not depend on it in fp32
)


def predict(
    model: nn.Module, batches: Loader, machine: Machine, *, mirror_average: bool = False
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Class probabilities (rows, classes) and labels (rows,) of every row, in order; the model is left in its mode.

    No random number is drawn, so that validating never changes a run.

    Args:
        model: Maps inputs (batch, channels, height, width) to logits (batch, classes).
        batches: The part of the data.
        machine: Device, number format.
        mirror_average: Predict the mean over an image and its mirror image.
    """
    import torch

    was_training = model.training
    model.eval()
    probabilities, labels = [], []
    with torch.inference_mode():
        for batch in batches.ordered(max(batches.size, EVALUATION_BATCH)):
            probabilities.append(
                class_probabilities(model, batch.inputs, machine, mirror_average).cpu().numpy()
            )
            labels.append(batch.targets.cpu().numpy())
    model.train(was_training)
    return np.concatenate(probabilities), np.concatenate(labels)


def class_probabilities(model: nn.Module, inputs: Tensor, machine: Machine, mirror_average: bool) -> Tensor:
    """float32 (batch, classes) for normalised inputs (batch, channels, height, width)."""
    with machine.autocast():
        outputs = model(inputs)
    probabilities: Tensor = outputs.float().softmax(dim=1)
    if mirror_average:
        mirrored = class_probabilities(model, inputs.flip(3), machine, mirror_average=False)
        probabilities = (probabilities + mirrored) / 2
    return probabilities
