"""Predictions of a model on a part of the data, and the metrics of a task on them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import nn

    from firstlight.data.batches import Batches
    from firstlight.machine.choices import Machine

EVALUATION_BATCH = 250  # rows at a time when the training batch is smaller; results do not depend on it in fp32


def predict(model: nn.Module, batches: Batches, machine: Machine) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Class probabilities (rows, classes) and labels (rows,) of every row, in order; the model is left in its mode.

    No random number is drawn, so that validating never changes a run.
    """
    import torch

    was_training = model.training
    model.eval()
    probabilities, labels = [], []
    with torch.inference_mode():
        for batch in batches.ordered(max(batches.size, EVALUATION_BATCH)):
            with machine.autocast():
                outputs = model(batch.inputs)
            probabilities.append(outputs.float().softmax(dim=1).cpu().numpy())
            labels.append(batch.targets.cpu().numpy())
    model.train(was_training)
    return np.concatenate(probabilities), np.concatenate(labels)
