"""What the report shows of the best checkpoint's predictions: all of them, and the rows that are most wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from firstlight.experiment import store

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from firstlight.training.job import Job

WORST_ROWS = 24
THUMBNAIL = 128  # largest side of a stored picture, pixels


def write_predictions(job: Job, predicted: NDArray[Any], targets: NDArray[Any]) -> None:
    """Writes logs/predictions_val.npz, and for images pictures of the worst rows.

    Args:
        job: The run.
        predicted: Probabilities (rows, classes) or numbers (rows,) of the validation part, in order; where metrics are
            added up, their sums (rows, columns).
        targets: The same rows of Examples.targets.
    """
    if job.objective.running is not None:
        _write_sums(job, predicted)
        return
    examples = job.data.examples
    rows = job.val.rows.numpy()
    ids = np.array([examples.ids[i] for i in rows], dtype=np.str_)
    arrays = {
        "task": np.array(examples.task),
        "ids": ids,
        "targets": targets,
        "predictions": predicted,
        "classes": np.array(job.classes, dtype=np.str_),
    }
    if examples.groups is not None:  # intervals go over whole groups
        arrays["groups"] = examples.groups[rows]
    if "target_std" in job.objective.meta:  # what the loss of a regression is measured in
        arrays["target_std"] = np.array(job.objective.meta["target_std"])
    if job.objective.own_loss:
        arrays["own_loss"] = np.array(True)
    store.write_npz(job.folder.predictions, arrays)
    if examples.content.kind == "image" and examples.task == "classification":
        worst = worst_rows(predicted, targets)
        pictures = _thumbnails(examples.images.pixels[rows[worst]])
        store.write_npz(job.folder.worst_images, {"ids": ids[worst], "images": pictures})


def _write_sums(job: Job, sums: NDArray[np.float64]) -> None:
    """What metrics and their intervals are added up from: of each row, or of each batch of a step."""
    examples = job.data.examples
    rows = job.val.rows.numpy()
    ids = (
        [examples.ids[i] for i in rows] if job.objective.by_row else [f"batch {n}" for n in range(len(sums))]
    )
    arrays = {
        "task": np.array(examples.task),
        "ids": np.array(ids, dtype=np.str_),
        "sums": sums,
        "classes": np.array(job.classes, dtype=np.str_),
    }
    if job.objective.own_loss and job.objective.by_row:
        arrays["own_loss"] = np.array(True)
    store.write_npz(job.folder.predictions, arrays)


def worst_rows(probabilities: NDArray[np.floating], labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Positions of the wrong predictions with the lowest probability of the true class, worst first."""
    own = probabilities[np.arange(len(labels)), labels]
    wrong = np.flatnonzero(probabilities.argmax(axis=1) != labels)
    return wrong[np.argsort(own[wrong], kind="stable")][:WORST_ROWS]


def _thumbnails(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    every = -(-max(images.shape[1:3]) // THUMBNAIL)
    return np.ascontiguousarray(images[:, ::every, ::every])
