"""What a run left in its files, read back: the only source of every page, verdict and comparison.

    training_config.yaml, environment.json, logs/*, checkpoints/manifest.json  --read_facts-->  Facts

No torch, no data set. A run that failed early left few files: what is missing is None or empty, what cannot
be read is a sentence in `problems`, and neither stops the reading.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from firstlight.config.schema import Config, lower_is_better
from firstlight.experiment.folder import Folder
from firstlight.experiment.manifest import entries
from firstlight.experiment.records import CheckLine, EpochRecord, Outcome, PlanChange, Reference
from firstlight.results.analysis import Candidate, analyse
from firstlight.results.files import AGREEMENT, Reader, record
from firstlight.results.intervals import Paired
from firstlight.results.predictions import TASK_METRIC, Figures, Predictions

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """A figure and where it was read: `file#key`."""

    value: float
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WorstImages:
    """Small pictures of the examples that are most wrong."""

    ids: tuple[str, ...]
    images: NDArray[np.uint8]  # (images, height, width, channels)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """An earlier attempt of the same experiment, kept in attempts/."""

    number: int
    outcome: Outcome | None
    epochs: int
    learning_rate: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything that the files say about a run."""

    root: Path
    config: Config | None
    environment: Mapping[str, Any]
    profile: Mapping[str, Any]
    preflight: tuple[CheckLine, ...]
    references: tuple[Reference, ...]
    epochs: tuple[EpochRecord, ...]
    plan: tuple[PlanChange, ...]
    outcome: Outcome | None
    checkpoints: Mapping[str, Mapping[str, Any]]  # file name -> epoch, step, bytes, sha256
    attempts: tuple[Attempt, ...]
    predictions: Predictions | None
    worst: WorstImages | None
    figures: Figures | None  # what the predictions show, as their task has it
    paired: Mapping[str, Paired]  # reference -> judged metric of the model minus its own
    candidates: Mapping[str, Candidate]  # references that can be used -> what they show
    problems: tuple[str, ...]

    @property
    def task(self) -> str:
        """`classification`, `multilabel` or `regression`."""
        return _task(self.config, self.predictions)

    @property
    def metric(self) -> str:
        """The metric that is judged: the target's, or the task's own."""
        return _metric(self.config, self.predictions)

    @property
    def drawn_metric(self) -> str:
        """The metric that is drawn beside the loss: the judged one, or the task's own when the loss is judged."""
        return self.metric if self.metric != "val_loss" else TASK_METRIC[self.task]

    @property
    def lower_is_better(self) -> bool:
        """The direction of `metric`."""
        return lower_is_better(self.config, self.metric)

    @property
    def best(self) -> EpochRecord | None:
        """The epoch whose checkpoint is the result."""
        wanted = self.outcome.best_epoch if self.outcome else 0
        return next((e for e in self.epochs if e.epoch == wanted), None)

    def figure(self, metric: str) -> Fact | None:
        """The best checkpoint's value of a metric: from logs/metrics.json, else from its predictions."""
        best = self.best
        if best is not None and metric in best.metrics:
            return Fact(
                value=best.metrics[metric],
                source=f"logs/metrics.json#epochs[{self.epochs.index(best)}].{metric}",
            )
        if self.figures is not None and metric in self.figures.metrics:
            return Fact(value=self.figures.metrics[metric], source="logs/predictions_val.npz#predictions")
        return None

    def interval(self, metric: str) -> tuple[float, float] | None:
        """The 95 % interval of the best checkpoint's value, from its predictions."""
        return self.figures.intervals.get(metric) if self.figures else None

    def beats(self, reference: str) -> bool:
        """Whether the model is better than a reference in the judged metric, beyond the interval of the pair."""
        pair = self.paired.get(reference)
        return pair is not None and (pair.high < 0 if self.lower_is_better else pair.low > 0)

    def class_name(self, index: int) -> str:
        """The name of a class as the data has it; not yet harmless."""
        names = self.predictions.classes if self.predictions else ()
        return names[index] if 0 <= index < len(names) else f"class {index}"

    def best_reference(self) -> Reference | None:
        """The reference that is best in `metric`; None when none was run."""
        ran = [r for r in self.references if math.isfinite(r.metrics.get(self.metric, math.nan))]
        pick = min if self.lower_is_better else max
        return pick(ran, key=lambda r: r.metrics[self.metric], default=None)


def read_facts(folder: Folder) -> Facts:
    """Reads an experiment folder; never raises for what is missing or damaged in it."""
    reader = Reader(folder.root)
    outcome = record(Outcome, reader.json(folder.outcome), reader, "logs/outcome.json")
    epochs = _epochs(reader, folder)
    config = _config(reader, folder)
    shown = analyse(folder, config.acceptance.metric if config else None)
    reader.problems.extend(shown.problems)
    _cross_check(reader, outcome, epochs, shown.figures)
    return Facts(
        root=folder.root,
        config=config,
        environment=reader.json(folder.environment),
        profile=_profile(folder, reader),
        preflight=reader.records(CheckLine, folder.preflight, "lines"),
        references=shown.references,
        epochs=epochs,
        plan=reader.records(PlanChange, folder.plan, "changes"),
        outcome=outcome,
        checkpoints=_checkpoints(reader, folder),
        attempts=_attempts(folder),
        predictions=shown.predictions,
        worst=_worst(reader, folder),
        figures=shown.figures,
        paired=shown.paired,
        candidates=shown.candidates,
        problems=tuple(reader.problems),
    )


def _profile(folder: Folder, reader: Reader) -> Mapping[str, Any]:
    """What setup found; empty where what it wrote for people has not the form of it: pairs, and sentences."""
    found = reader.json(folder.profile)
    shown, warnings = found.get("shown", []), found.get("warnings", [])
    if not isinstance(warnings, list) or not isinstance(shown, list):
        return reader.damaged(folder.profile, "shown or warnings is not a list")
    if not all(isinstance(pair, list) and len(pair) == 2 for pair in shown):
        return reader.damaged(folder.profile, "an entry of shown is not a name and a value")
    return found


def _task(config: Config | None, predictions: Predictions | None) -> str:
    named = predictions.task if predictions else config.data.task if config else ""
    return next((task for task in TASK_METRIC if named.endswith(task)), "classification")


def _metric(config: Config | None, predictions: Predictions | None) -> str:
    return (config.acceptance.metric if config else None) or TASK_METRIC[_task(config, predictions)]


def _config(reader: Reader, folder: Folder) -> Config | None:
    from firstlight.config.read import read_config
    from firstlight.errors import FirstlightError

    if not folder.config.is_file():
        return None
    try:
        return read_config(folder.config).config
    except (FirstlightError, OSError) as error:
        reader.problems.append(f"training_config.yaml: {str(error).splitlines()[0]}")
        return None


def _checkpoints(reader: Reader, folder: Folder) -> dict[str, Any]:
    """The entries of the manifest; those that are none are left out and told."""
    manifest = reader.json(folder.manifest)
    found, files = entries(manifest), manifest.get("files", {})
    if not isinstance(files, dict) or len(found) < len(files):
        reader.problems.append(f"{folder.manifest.name} has entries that are none")
    return found


def _epochs(reader: Reader, folder: Folder) -> tuple[EpochRecord, ...]:
    """Entries of metrics.json: flat, the metrics among the other keys; null is what was not finite."""
    known = set(EpochRecord.__dataclass_fields__) - {"metrics"}
    flat = reader.json(folder.metrics).get("epochs", [])
    dicts = [entry for entry in flat if isinstance(entry, dict)] if isinstance(flat, list) else []
    if not isinstance(flat, list) or len(dicts) < len(flat):
        reader.problems.append(f"{folder.metrics.name} has epochs that are none")
    found = []
    for number, entry in enumerate(dicts):
        values = {k: v for k, v in entry.items() if k in known}
        values["metrics"] = {k: _value(v) for k, v in entry.items() if k not in known}
        for key in ("train_loss", "grad_norm", "grad_norm_max"):
            values[key] = _value(values.get(key))
        epoch = record(EpochRecord, values, reader, f"logs/metrics.json#epochs[{number}]")
        if epoch is not None:
            found.append(epoch)
    return tuple(found)


def _value(x: object) -> float:
    try:
        return float(x) if isinstance(x, int | float) else math.nan
    except OverflowError:  # a whole number beyond all measure
        return math.nan


def _worst(reader: Reader, folder: Folder) -> WorstImages | None:
    arrays = reader.arrays(folder.worst_images, ("images", "ids"))
    if arrays is None or arrays["images"].ndim != 4 or arrays["images"].dtype != "uint8":
        return None
    if arrays["ids"].shape != arrays["images"].shape[:1]:
        return None
    return WorstImages(ids=tuple(str(i) for i in arrays["ids"]), images=arrays["images"])


def _cross_check(
    reader: Reader, outcome: Outcome | None, epochs: tuple[EpochRecord, ...], figures: Figures | None
) -> None:
    """The same figure must be the same wherever it is written; a difference is told, never smoothed."""
    if outcome is None:
        return
    recorded = next((e.metrics for e in epochs if e.epoch == outcome.best_epoch), {})
    others = {
        "logs/outcome.json#best_metrics": outcome.best_metrics,
        "logs/outcome.json#reloaded_metrics": outcome.reloaded_metrics,
        "logs/predictions_val.npz": figures.metrics if figures else {},
    }
    for source, values in others.items():
        for name in sorted(recorded.keys() & values.keys()):
            if not math.isclose(recorded[name], values[name], rel_tol=AGREEMENT, abs_tol=AGREEMENT):
                reader.problems.append(
                    f"{name} is {recorded[name]:.6g} in logs/metrics.json and {values[name]:.6g} in {source}"
                )


def _attempts(folder: Folder) -> tuple[Attempt, ...]:
    if not folder.attempts.is_dir():
        return ()
    found = []
    for path in folder.attempts.iterdir():
        if path.name.isdecimal() and path.is_dir():
            earlier = Folder(path)
            reader = Reader(path)
            config = _config(reader, earlier)
            found.append(
                Attempt(
                    number=int(path.name),
                    outcome=record(Outcome, reader.json(earlier.outcome), reader, "logs/outcome.json"),
                    epochs=len(_epochs(reader, earlier)),
                    learning_rate=config.training.learning_rate if config else None,
                )
            )
    return tuple(sorted(found, key=lambda a: a.number))
