"""What simple models reach on the same split: the numbers that a network has to beat.

Each kind of data has a folder of references, one file each with a `REFERENCE`, and `features.py`, which gives
them the rows in the form that they need. All are fitted on the training rows and scored on the validation rows.
"""

from __future__ import annotations

import time
import traceback
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from firstlight import catalog
from firstlight.data.examples import MANY_PLACES
from firstlight.errors import FirstlightError, TrainingFailed
from firstlight.experiment import records_io, store
from firstlight.experiment.records import Reference
from firstlight.references.spec import Answer, ReferenceSpec
from firstlight.references.trivial import NAMES, trivial
from firstlight.tasks.classification import measure_classes
from firstlight.text import visible
from firstlight.training.candidate import save_candidate

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from torch import nn

    from firstlight.kinds.kind import Dataset
    from firstlight.tasks.task import Objective
    from firstlight.training.job import Job
    from firstlight.watch.progress import Progress

PACKAGE = "firstlight.references"
MOST_CELLS = 20_000_000  # probabilities that are kept: 80 MB
LONGEST_ERROR = 300  # characters of a message that are shown; the log has it whole
TWO = 2  # classes: the probability of the second says all


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A reference, its score of each validation row, and its model when that can be shipped."""

    record: Reference
    answers: NDArray[Any] | None = None  # what it says of each validation row, where a comparison needs it
    model: nn.Module | None = None
    trace: str = ""  # the traceback of the error that it ended with


def references(
    data: Dataset,
    objective: Objective,
    *,
    seconds: float,
    seed: int,
    progress: Progress,
    without: str | None = None,
) -> tuple[Measured, ...]:
    """Fits and scores every reference. An error in one is no reason to lose a run: it is recorded, to be told.

    Args:
        data: Only the training rows are fitted on and only the validation rows are scored; test is not read.
        objective: Measures the answers, and says how much a training row counts.
        seconds: For all of them together; what was cut to keep to it is in the notes.
        seed: Of subsamples and of the parts kept apart to choose settings.
        progress: Told as each one is done.
        without: One that is left out.

    Returns:
        One each, cheapest first. One that could not be run has empty metrics and its reason in `note`, one that
        raised an error has it in `error`.
    """
    started = time.perf_counter()
    task = data.examples.task
    features = cache(lambda: _features(data, objective, seed))
    done = [_attempted(NAMES[task], lambda: (trivial(data), ""), data, objective)]
    # The model itself is no reference to itself.
    specs = [spec for spec in specifications(data.kind.name, task) if spec.name != without]
    for number, spec in enumerate(specs):
        progress.advance("references", number, len(specs))
        left = seconds - (time.perf_counter() - started)
        allowed = max(left * spec.share / sum(s.share for s in specs[number:]), 0.0)

        def answer(spec: ReferenceSpec = spec, allowed: float = allowed) -> tuple[Answer, str]:
            rows, cut = features()
            return spec.run(rows, allowed, seed), cut

        done.append(_attempted(spec.name, answer, data, objective))
    progress.advance("references", len(specs), len(specs))
    return tuple(done)


def _attempted(
    name: str, answer: Callable[[], tuple[Answer, str]], data: Dataset, objective: Objective
) -> Measured:
    """What a reference answers, measured; or the error that it ended with."""
    began = time.perf_counter()
    try:
        found, cut = answer()
        return _measured(name, found, data, objective, time.perf_counter() - began, cut)
    except Exception as error:  # whatever it is; a signal is none
        seconds = time.perf_counter() - began
        record = Reference(name=name, metrics={}, seconds=seconds, error=_told(error))
        return Measured(record=record, trace="".join(traceback.format_exception(error)))


def _told(error: Exception) -> str:
    """An error in a line, with the place where it was raised."""
    said = error.what if isinstance(error, FirstlightError) else str(error)
    place = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{Path(place.filename).name}, line {place.lineno}"
    return f"{type(error).__name__}: {visible(said)[:LONGEST_ERROR]} ({where})"


def fit_model(
    data: Dataset, objective: Objective, name: str, *, seconds: float, seed: int
) -> tuple[nn.Module, str]:
    """The fitted module of a reference, and what was chosen.

    Raises:
        TrainingFailed: The time does not suffice.
    """
    spec = catalog.load(f"{PACKAGE}.{data.kind.name}s", name, "REFERENCE", ReferenceSpec)
    answer = spec.run(_features(data, objective, seed)[0], seconds, seed)
    if answer.model is None:
        raise TrainingFailed(
            f"{name} was not fitted", answer.note, "give it more time with --minutes, or train the network"
        )
    return answer.model, answer.note


def write_references(job: Job, found: tuple[Measured, ...]) -> None:
    """Writes logs/references.json, the scores that paired comparisons need, and the models that can be used."""
    answers = {one.record.name: one.answers for one in found if one.answers is not None}
    if answers:
        store.write_npz(job.folder.reference_scores, answers)
    records = [replace(one.record, sha256=_kept(job, one)) for one in found]
    records_io.write_references(job.folder.references, records)


def _kept(job: Job, one: Measured) -> str | None:
    """SHA-256 of the file of its model, when that can be used."""
    return None if one.model is None else save_candidate(job, one.record.name, one.model)


def specifications(kind: str, task: str) -> tuple[ReferenceSpec, ...]:
    """Every reference of a kind of data that is for the task, cheapest first."""
    package = f"{PACKAGE}.{kind}s"
    names = [name for name in catalog.names(package) if name != "features"]
    found = [catalog.load(package, name, "REFERENCE", ReferenceSpec) for name in names]
    return tuple(sorted((s for s in found if task in s.tasks), key=lambda spec: spec.share))


def _features(data: Dataset, objective: Objective, seed: int) -> tuple[Any, str]:
    """The rows in the form that the references of this kind need, and what was cut for it."""
    import importlib

    module = importlib.import_module(f"{PACKAGE}.{data.kind.name}s.features")
    features = module.features(data, objective.row_weights, seed=seed)
    return features, str(getattr(features, "note", ""))


def _measured(
    name: str, answer: Answer, data: Dataset, objective: Objective, seconds: float, cut: str
) -> Measured:
    note = "; ".join(n for n in (answer.note, cut) if n)
    if answer.predicted is None:
        record = Reference(name=name, metrics={}, seconds=seconds, note=note)
        return Measured(record=record)
    targets, predicted = data.examples.targets[data.split.val], answer.predicted
    metrics, why = _metrics(predicted, targets, data, objective)
    if objective.own_loss:  # measured from predictions, it would be another loss under the same name
        metrics.pop("val_loss", None)
    correct: tuple[bool, ...] = ()
    if data.examples.task == "classification":
        chosen = predicted if predicted.ndim == 1 else predicted.argmax(axis=1)
        correct = tuple((chosen == targets).tolist())
    note = "; ".join(n for n in (note, why) if n)
    record = Reference(name=name, metrics=metrics, seconds=seconds, note=note, correct=correct)
    return Measured(record=record, answers=_answers(answer, data), model=answer.model)


def _metrics(
    predicted: NDArray[Any], targets: NDArray[Any], data: Dataset, objective: Objective
) -> tuple[dict[str, float], str]:
    """Those of the task; without those that this model cannot have, and why."""
    if data.examples.task != "classification":
        return objective.measure(predicted, targets), ""
    if predicted.ndim == 1:
        return measure_classes(predicted, targets, len(data.examples.classes)), ""
    metrics = objective.measure(predicted, targets)
    if predicted[np.arange(len(targets)), targets].min() > 0:
        return metrics, ""
    metrics.pop("val_loss")
    return metrics, f"no loss: the class of a validation {data.kind.noun} is missing in training"


def _answers(answer: Answer, data: Dataset) -> NDArray[Any] | None:
    """What is kept of the answers: all of a model that can be used, else what a paired comparison needs.

    Numbers of a regression, probabilities of labels, and the probability of the second of two classes. For
    accuracies of more classes right and wrong are enough, and stand in the record.
    """
    predicted = answer.predicted
    assert predicted is not None  # the caller asks first
    if data.examples.task == "regression" or data.examples.task in MANY_PLACES:
        return predicted.astype(np.float64)
    if predicted.ndim < 2 or predicted.size > MOST_CELLS:
        return None
    two = data.examples.task == "classification" and len(data.examples.classes) == TWO
    kept = answer.model is not None or data.examples.task == "multilabel"
    return predicted[:, 1].astype(np.float64) if two else predicted.astype(np.float32) if kept else None
