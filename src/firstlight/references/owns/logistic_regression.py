"""A linear classifier on the inputs as they are: what is reached without any learnt feature."""

from __future__ import annotations

from firstlight.references.images import logistic_regression
from firstlight.references.images.features import Features
from firstlight.references.owns.features import OwnFeatures
from firstlight.references.spec import Answer, ReferenceSpec


def run(features: OwnFeatures, seconds: float, seed: int) -> Answer:
    """As for the pixels of images."""
    if features.train is None or features.val is None:
        return Answer(predicted=None, note=f"not run: {features.note}")
    numbers = Features(
        train=features.train,
        train_labels=features.train_labels,
        val=features.val,
        classes=features.classes,
        note=features.note,
    )
    return logistic_regression.run(numbers, seconds, seed)


REFERENCE = ReferenceSpec(name="logistic_regression", tasks=("classification",), run=run, share=1.0)
