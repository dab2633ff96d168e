"""Tf-idf of words and pairs with a linear model: the classical answer, and on small sets the one to beat."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from firstlight.data.texts.batches import bag
from firstlight.references.spec import TASKS, Answer, ReferenceSpec

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import nn

    from firstlight.data.texts.ragged import Ragged
    from firstlight.references.texts.features import TextRows

ROWS = 4_096  # texts that are scored together


def run(rows: TextRows, seconds: float, seed: int) -> Answer:
    """Fits and answers; with little time fewer rows, and none when even that is too much."""
    from firstlight.models.tfidf_linear import fit

    found = fit(rows.train, rows.targets, rows.shape, seconds, seed)
    if found.model is None:
        return Answer(predicted=None, note=found.note)
    return Answer(predicted=_predicted(found.model, rows.val, rows.task), note=found.note, model=found.model)


def _predicted(model: nn.Module, ragged: Ragged, task: str) -> NDArray[Any]:
    """Probabilities float32 (rows, classes), or numbers float64 (rows,)."""
    import torch

    parts = []
    with torch.inference_mode():
        for start in range(0, len(ragged), ROWS):
            scores = model(bag(ragged.take(np.arange(start, min(start + ROWS, len(ragged))))))
            if task == "regression":
                parts.append(scores[:, 0].double().numpy())
            else:
                chances = scores.softmax(dim=1) if task == "classification" else scores.sigmoid()
                parts.append(chances.float().numpy())
    return np.concatenate(parts)


REFERENCE = ReferenceSpec(name="tfidf_linear", tasks=TASKS, run=run, share=1.0)
