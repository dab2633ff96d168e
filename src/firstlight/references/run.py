"""What simple models reach on the same split: the numbers that a network has to beat.

Each file of this folder that holds a `REFERENCE` is one model. All are fitted on the training rows and scored
on the validation rows.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from firstlight import catalog
from firstlight.experiment.records import Reference
from firstlight.references.features import features
from firstlight.references.spec import Answer, ReferenceSpec

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from firstlight.data.examples import Examples, Split
    from firstlight.watch.progress import Progress

PACKAGE = "firstlight.references"
NOT_REFERENCES = frozenset({"run", "spec", "features", "tables"})


def references(
    examples: Examples, split: Split, *, seconds: float, seed: int, progress: Progress
) -> tuple[Reference, ...]:
    """Fits and scores every reference.

    Args:
        examples: The decoded data.
        split: Only `train` is fitted on and only `val` is scored; `test` is not read.
        seconds: For all of them together; what was cut to keep to it is in the notes.
        seed: Of subsamples and of the parts kept apart to choose settings.
        progress: Told as each one is done.

    Returns:
        One record each, cheapest first. One that could not be run has empty metrics and its reason in `note`.
    """
    started = time.perf_counter()
    specs = specifications()
    small = features(examples, split, seed=seed)
    done: list[Reference] = []
    for number, spec in enumerate(specs):
        progress.advance("references", number, len(specs))
        left = seconds - (time.perf_counter() - started)
        shares = sum(s.share for s in specs[number:])
        began = time.perf_counter()
        answer = spec.run(small, max(left * spec.share / shares if shares else left, 0.0), seed)
        note = "; ".join(n for n in (answer.note, small.note if spec.share else "") if n)
        done.append(_record(spec.name, answer, small.val_labels, time.perf_counter() - began, note))
    progress.advance("references", len(specs), len(specs))
    return tuple(done)


def specifications() -> tuple[ReferenceSpec, ...]:
    """Every reference of this folder, cheapest first."""
    names = [name for name in catalog.names(PACKAGE) if name not in NOT_REFERENCES]
    found = [catalog.load(PACKAGE, name, "REFERENCE", ReferenceSpec) for name in names]
    return tuple(sorted(found, key=lambda spec: spec.share))


def _record(name: str, answer: Answer, labels: NDArray[np.int64], seconds: float, note: str) -> Reference:
    if answer.predicted is None:
        return Reference(name=name, metrics={}, seconds=seconds, note=note)
    correct = answer.predicted == labels
    metrics = _metrics(answer.predicted, labels)
    if answer.own_probability is not None:
        if answer.own_probability.min() > 0:
            metrics["val_loss"] = float(-np.log(answer.own_probability).mean())
        else:
            note += "; no loss: the class of a validation image is missing in the training images"
    return Reference(name=name, metrics=metrics, seconds=seconds, note=note, correct=tuple(correct.tolist()))


def _metrics(predicted: NDArray[np.int64], labels: NDArray[np.int64]) -> dict[str, float]:
    """Accuracy and macro averages; classes that do not occur among the labels are left out."""
    from sklearn.metrics import f1_score, recall_score

    present = np.unique(labels)
    average = {"labels": present, "average": "macro", "zero_division": 0}
    return {
        "val_accuracy": float((predicted == labels).mean()),
        "val_balanced_accuracy": float(recall_score(labels, predicted, **average)),
        "val_macro_f1": float(f1_score(labels, predicted, **average)),
    }
