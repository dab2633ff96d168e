"""A reference that can be shipped: gradient boosting, tf-idf with a linear model; stored like a checkpoint.

Its trees or weights are tensors, so the file is read without running code from it, and its hash stands in
logs/references.json.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from firstlight.errors import ResumeRefused
from firstlight.experiment import records_io, store
from firstlight.training.job import load_kind, prediction_meta

if TYPE_CHECKING:
    from torch import nn

    from firstlight.experiment.folder import Folder
    from firstlight.training.job import Job

FORMAT = 1
# What turns scores in the user's unit into predictions: nothing. A network learns the target scaled instead.
IN_THE_USERS_UNIT = {"target_mean": 0.0, "target_std": 1.0}


def save_candidate(job: Job, name: str, model: Any) -> str:
    """Writes candidates/NAME.pt; returns its SHA-256.

    Args:
        job: The run, for what a prediction needs beside the weights.
        name: Of the reference, which is that of its file in `models`.
        model: Fitted; its `plain_shape` builds an empty one.
    """
    import torch

    config = job.config.model_copy(update={"model": job.config.model.model_copy(update={"name": "auto"})})
    pipeline = job.data.kind.pipeline(config, job.data, job.objective.outputs, job.machine)
    # Of its own pipeline alone: the network may have had another one, tokens where this one has n-grams.
    meta = {
        **prediction_meta(job.data, job.objective, pipeline),
        "model": name,
        "model_shape": model.plain_shape(),
        **IN_THE_USERS_UNIT,
    }
    buffer = io.BytesIO()
    torch.save({"format": FORMAT, "model": model.state_dict(), "meta": meta}, buffer)
    return store.write_bytes(job.folder.candidate(name), buffer.getvalue())


def load_candidate(folder: Folder, name: str) -> tuple[nn.Module, dict[str, Any]]:
    """The fitted model and its meta.

    Raises:
        ResumeRefused: There is no such candidate, or its hash is not the recorded one.
    """
    import torch

    path = folder.candidate(name)
    recorded = {r.name: r.sha256 for r in records_io.read_references(folder.references)}.get(name)
    if recorded is None or not path.is_file():
        raise ResumeRefused("there is no such model", f"{path} does not exist", "use --model network")
    if store.sha256(path) != recorded:
        raise ResumeRefused(
            "the model is damaged",
            f"{path}: its SHA-256 is not the one in {folder.references.name}",
            "restore the file, or use --model network",
        )
    saved = torch.load(path, map_location="cpu", weights_only=True)
    meta: dict[str, Any] = saved["meta"]
    model = load_kind(name).restore(meta["model_shape"])
    model.load_state_dict(saved["model"])
    return model, meta
