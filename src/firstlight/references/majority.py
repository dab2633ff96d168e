"""The most frequent class of the training rows, whatever the image: what is reached without looking.

Its probabilities are the class shares of the training rows: its loss is the one that a network begins with at
best.
"""

from __future__ import annotations

import numpy as np

from firstlight.references.features import Features
from firstlight.references.spec import Answer, ReferenceSpec


def run(features: Features, seconds: float, seed: int) -> Answer:
    """Answers the most frequent class; of equally frequent ones the first."""
    counts = features.class_counts
    return Answer(
        predicted=np.full(len(features.val_labels), counts.argmax(), np.int64),
        own_probability=(counts / counts.sum())[features.val_labels],
        note=f"always class {int(counts.argmax())}",
    )


REFERENCE = ReferenceSpec(name="majority", run=run, share=0.0)
