"""The trained model on new data: prepared as in training, a row for each, as CSV, JSON lines or Parquet."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from firstlight.errors import DataError, GateShut
from firstlight.experiment import store
from firstlight.experiment.records import NETWORK
from firstlight.predictions import DEFAULT_NAME, Predictions, renderer
from firstlight.text import count, visible

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray
    from torch import nn

    from firstlight.config.schema import Config
    from firstlight.experiment.folder import Folder
    from firstlight.kinds.kind import Kind, Unseen, Views
    from firstlight.machine.choices import Machine
    from firstlight.tasks.task import Activation
    from firstlight.watch.progress import Progress

NAMES_SHOWN = 20  # unreadable inputs that are named one by one


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """A model, ready to predict."""

    name: str
    model: nn.Module
    kind: Kind
    machine: Machine
    activate: Activation
    views: Views
    meta: Mapping[str, Any]

    def predict(self, inputs: Any) -> NDArray[Any]:
        """Probabilities (rows, classes) or numbers (rows,) for the inputs of a batch."""
        import torch

        from firstlight.training.evaluate import predict_batch

        self.model.eval()
        with torch.inference_mode():
            answer = predict_batch(self.model, inputs, self.activate, self.views, self.machine)
        found: NDArray[Any] = answer.cpu().numpy()
        return found


def predict(
    folder: Folder, inputs: str, out: Path | None, progress: Progress, *, model: str | None = None
) -> Path:
    """Predicts with the model that the decision puts first, and writes the result.

    Args:
        folder: The experiment.
        inputs: A file or folder of the kind that the model was trained on, or a table.
        out: The file to write, .csv, .jsonl or .parquet; None writes predictions.csv in the working folder.
        progress: Told how far it is, and which inputs cannot be read; those have no row.
        model: Another one: "network", or a reference that can be used, such as "gradient_boosting".

    Returns:
        The file that was written.

    Raises:
        UsageError: `out` has another ending, or there are no such inputs.
        GateShut: Nothing is trained yet.
        ResumeRefused: The checkpoint is damaged.
        DataError: No input can be read.
    """
    out = Path(DEFAULT_NAME) if out is None else out
    render = renderer(out)
    progress.stage("predict")
    trained = load_trained(folder, progress, model)
    progress.note(f"predicting with {trained.name}")
    unseen = trained.kind.unseen(trained.meta, inputs, trained.machine, progress)
    store.write_bytes(out, render(_predictions(trained, unseen, progress)))
    return out


def load_trained(folder: Folder, progress: Progress, name: str | None = None) -> Trained:
    """The model that the decision puts first, or the one that is named.

    Raises:
        GateShut: Nothing is trained yet.
        ResumeRefused: The file of the model is damaged, or there is no such model.
    """
    from firstlight.experiment.records_io import read_decision

    if not folder.best.is_file():
        raise GateShut(
            "nothing is trained yet",
            f"{folder.best} does not exist",
            f"train first: firstlight train {folder.root}",
        )
    if name is None:
        name = read_decision(folder.decision).model if folder.decision.is_file() else NETWORK
    return _network(folder, progress) if name == NETWORK else _candidate(folder, name)


def _candidate(folder: Folder, name: str) -> Trained:
    """A fitted reference, on the processor."""
    from firstlight.config.schema import Config
    from firstlight.kinds.kind import kind_named, only
    from firstlight.machine.choices import machine_of
    from firstlight.training.candidate import load_candidate
    from firstlight.training.job import load_task

    model, meta = load_candidate(folder, name)
    cpu = Config.model_validate({"parallel": {"device": "cpu"}, "precision": {"compute": "fp32"}})
    return Trained(
        name=name,
        model=model,
        kind=kind_named(meta["kind"]),
        machine=machine_of(cpu),
        activate=load_task(meta["task"]).activation(meta),
        views=only,
        meta=meta,
    )


def _network(folder: Folder, progress: Progress) -> Trained:
    """The network of the best checkpoint; a device that is not here is replaced, and that is said."""
    from firstlight.config.schema import Config
    from firstlight.kinds.kind import kind_named
    from firstlight.machine.choices import machine_of
    from firstlight.training import checkpoint
    from firstlight.training.job import load_kind, load_task, make_model

    saved = checkpoint.load(folder, folder.best)
    config = _for_this_machine(Config.model_validate(saved["config"]), progress)
    machine = machine_of(config)
    meta = saved["meta"]
    kind = kind_named(meta["kind"])
    if "model_shape" in meta:  # it was fitted, not trained by steps
        model = load_kind(config.model.name).restore(meta["model_shape"])
    else:
        model = make_model(config, kind.shape(meta, meta["outputs"]), machine, None)
    model.load_state_dict(saved["model"])
    return Trained(
        name=config.model.name,
        model=model,
        kind=kind,
        machine=machine,
        activate=load_task(meta["task"]).activation(meta),
        views=kind.views(meta),
        meta=meta,
    )


def _for_this_machine(config: Config, progress: Progress) -> Config:
    from firstlight.config.override import apply_overrides
    from firstlight.machine.choices import available_devices

    if config.parallel.device in ("auto", *available_devices()):
        return config
    progress.warn(
        f"the model was trained on {config.parallel.device}, which is not here; fp32 is used instead"
    )
    return apply_overrides(config, ["parallel.device=auto", "precision.compute=fp32"])


def _predictions(trained: Trained, unseen: Unseen, progress: Progress) -> Predictions:
    import numpy as np

    noun = trained.kind.noun
    ids: list[str] = []
    parts: list[NDArray[Any]] = []
    problems: list[str] = []
    for note in unseen.notes:
        progress.note(note)
    for difference in unseen.differences:
        progress.warn(difference)
    for portion in unseen.portions:
        ids += portion.ids
        problems += portion.unreadable
        if portion.ids:
            parts.append(trained.predict(portion.inputs))
        progress.advance(f"predicting {noun}s", len(ids) + len(problems), unseen.total)
    for problem in problems[:NAMES_SHOWN]:
        progress.warn(f"cannot be read, no row: {problem}")
    if len(problems) > NAMES_SHOWN:
        progress.warn(f"and {count(len(problems) - NAMES_SHOWN, 'more input')} cannot be read")
    if not parts:
        raise DataError(
            f"none of {count(unseen.total, 'input')} can be read",
            "; ".join(visible(p) for p in problems[:NAMES_SHOWN]),
            "give inputs of the form of the training data",
        )
    progress.note(f"{count(len(ids), 'prediction')}, {len(problems):,} not readable")
    return Predictions(
        task=trained.meta["task"],
        ids=tuple(ids),
        classes=tuple(trained.meta["classes"]),
        values=np.concatenate(parts),
    )
