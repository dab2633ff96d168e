"""A linear model of the inputs as they are, its penalty chosen by leaving out one row at a time."""

from __future__ import annotations

import numpy as np

from firstlight.references.owns.features import OwnFeatures
from firstlight.references.spec import Answer, ReferenceSpec

PENALTIES = np.logspace(-3, 3, 7)  # on standardised inputs
MOST_WORK = 2e10  # rows x numbers x numbers: a few seconds of one core (judgement)


def run(features: OwnFeatures, seconds: float, seed: int) -> Answer:
    """Fits and answers at once."""
    from sklearn.linear_model import RidgeCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    if features.train is None or features.val is None:
        return Answer(predicted=None, note=f"not run: {features.note}")
    rows, numbers = features.train.shape
    if rows * numbers * numbers > MOST_WORK:
        return Answer(predicted=None, note=f"not run: {rows:,} rows of {numbers:,} numbers take too long")
    model = make_pipeline(StandardScaler(), RidgeCV(alphas=PENALTIES))
    model.fit(features.train, features.train_labels)
    return Answer(
        predicted=np.asarray(model.predict(features.val), np.float64), note=f"L2 penalty {model[-1].alpha_:g}"
    )


REFERENCE = ReferenceSpec(name="ridge", tasks=("regression",), run=run, share=1.0)
