"""The trained model on new images: decoded as in training, a row for each, as CSV, JSON lines or Parquet."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from firstlight.data.inputs import Inputs, read_inputs
from firstlight.errors import DataError, GateShut, UsageError
from firstlight.experiment import store
from firstlight.text import count, csv_cell, visible

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import nn

    from firstlight.config.schema import Config
    from firstlight.data.batches import Normalisation
    from firstlight.experiment.folder import Folder
    from firstlight.machine.choices import Machine
    from firstlight.watch.progress import Progress

DEFAULT_NAME = "predictions.csv"
CHUNK = 2_048  # images held at a time: 300 MB at 224 x 224 x 3
BATCH = 250  # images in one forward pass
NAMES_SHOWN = 20  # unreadable inputs that are named one by one


@dataclass(frozen=True, slots=True, kw_only=True)
class Predictions:
    """What the model says, one row for each readable input, in their order."""

    ids: tuple[str, ...]
    classes: tuple[str, ...]
    probabilities: NDArray[np.float32]  # (rows, classes)

    @property
    def chosen(self) -> list[str]:
        """The most probable class of each row."""
        return [self.classes[i] for i in self.probabilities.argmax(axis=1)]

    @property
    def columns(self) -> list[str]:
        """Names of the probability columns, in class order."""
        return [f"probability_{name}" for name in self.classes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """The best checkpoint, ready to predict."""

    model: nn.Module
    machine: Machine
    classes: tuple[str, ...]
    side: tuple[int, int]  # (height, width) of the decoded images
    channels: int
    normalisation: Normalisation
    mirror_average: bool

    def probabilities(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Class probabilities (rows, classes) for pixels (rows, height, width, channels)."""
        import torch

        from firstlight.data.batches import Batches
        from firstlight.training.evaluate import predict as evaluate

        batches = Batches(
            pixels=torch.from_numpy(pixels),
            labels=torch.zeros(len(pixels), dtype=torch.int64),
            rows=torch.arange(len(pixels)),
            size=BATCH,
            seed=0,  # nothing is drawn
            device=self.machine.device,
            normalisation=self.normalisation,
            channels_last=self.machine.channels_last,
        )
        return evaluate(self.model, batches, self.machine, mirror_average=self.mirror_average)[0]


def predict(folder: Folder, inputs: str, out: Path | None, progress: Progress) -> Path:
    """Predicts with the best checkpoint and writes the result.

    Args:
        folder: The experiment.
        inputs: An image, a folder of images (at any depth), a table with a column of paths, or an .npz.
        out: The file to write, .csv, .jsonl or .parquet; None writes predictions.csv in the working folder.
        progress: Told how far it is, and which inputs cannot be read; those have no row.

    Returns:
        The file that was written.

    Raises:
        UsageError: `out` has another ending, or there are no such inputs.
        GateShut: Nothing is trained yet.
        ResumeRefused: The checkpoint is damaged.
        DataError: No input can be read.
    """
    out = Path(DEFAULT_NAME) if out is None else out
    render = _renderer(out)
    progress.stage("predict")
    found = read_inputs(inputs)
    predictions = _predictions(load_trained(folder, progress), found, progress)
    store.write_bytes(out, render(predictions))
    return out


def load_trained(folder: Folder, progress: Progress) -> Trained:
    """Builds the network of the best checkpoint; a device that is not here is replaced, and that is said."""
    from firstlight.config.schema import Config
    from firstlight.data.batches import Normalisation
    from firstlight.machine.choices import machine_of
    from firstlight.models.model import ImageShape
    from firstlight.training import checkpoint
    from firstlight.training.job import make_model

    if not folder.best.is_file():
        raise GateShut(
            "nothing is trained yet",
            f"{folder.best} does not exist",
            f"train first: firstlight train {folder.root}",
        )
    saved = checkpoint.load(folder, folder.best)
    config = _for_this_machine(Config.model_validate(saved["config"]), progress)
    machine = machine_of(config)
    meta = saved["meta"]
    shape = ImageShape(**meta["shape"], classes=len(meta["classes"]))
    model = make_model(config, shape, machine, None)
    model.load_state_dict(saved["model"])
    mean, std = meta["normalisation"]["mean"], meta["normalisation"]["std"]
    return Trained(
        model=model,
        machine=machine,
        classes=tuple(meta["classes"]),
        side=(shape.height, shape.width),
        channels=shape.channels,
        normalisation=Normalisation(mean=tuple(mean), std=tuple(std)),
        mirror_average=meta["mirror_average"],
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


def _predictions(trained: Trained, inputs: Inputs, progress: Progress) -> Predictions:
    import numpy as np

    ids: list[str] = []
    parts: list[NDArray[np.float32]] = []
    problems: list[str] = []
    total, done = len(inputs.ids), 0
    for names, pixels, unreadable in _pixels(trained, inputs):
        ids += names
        problems += unreadable
        if len(pixels):
            parts.append(trained.probabilities(pixels))
        done += len(names) + len(unreadable)
        progress.advance("predicting images", done, total)
    for problem in problems[:NAMES_SHOWN]:
        progress.warn(f"cannot be read, no row: {problem}")
    if len(problems) > NAMES_SHOWN:
        progress.warn(f"and {count(len(problems) - NAMES_SHOWN, 'more input')} cannot be read")
    if not parts:
        raise DataError(
            f"none of {count(total, 'input')} can be read",
            "; ".join(visible(p) for p in problems[:NAMES_SHOWN]),
            "give images in one of the formats of the training data",
        )
    progress.note(f"{count(len(ids), 'prediction')}, {len(problems):,} not readable")
    return Predictions(ids=tuple(ids), classes=trained.classes, probabilities=np.concatenate(parts))


def _pixels(trained: Trained, inputs: Inputs) -> Iterator[tuple[list[str], NDArray[np.uint8], list[str]]]:
    """Chunks of (ids, pixels (rows, height, width, channels), sentences about unreadable inputs)."""
    import numpy as np

    from firstlight.data.images import quiet
    from firstlight.data.threads import in_order

    if inputs.arrays is not None:
        shape, wanted = inputs.arrays.shape[1:], (*trained.side, trained.channels)
        if shape != wanted:
            raise DataError(
                "the images have another size than the model was trained on",
                f"{visible(inputs.source)}: {shape}, trained on {wanted} (height, width, channels)",
                "resize them as the training images were, or give image files",
            )
        for start in range(0, len(inputs.ids), CHUNK):
            rows = slice(start, start + CHUNK)
            yield list(inputs.ids[rows]), inputs.arrays[rows], []
        return
    for start in range(0, len(inputs.ids), CHUNK):
        names, files = inputs.ids[start : start + CHUNK], inputs.files[start : start + CHUNK]
        with quiet():
            decoded = list(in_order(files, lambda path: _decoded(path, trained)))
        bad = [
            f"{name} ({found})" for name, found in zip(names, decoded, strict=True) if isinstance(found, str)
        ]
        good = [
            (name, found) for name, found in zip(names, decoded, strict=True) if not isinstance(found, str)
        ]
        pixels = np.stack([p for _, p in good]) if good else np.empty((0,), np.uint8)
        yield [name for name, _ in good], pixels, bad


def _decoded(path: Path, trained: Trained) -> NDArray[np.uint8] | str:
    """The pixels of a file, or why there are none."""
    from firstlight.data.images import decode

    try:
        return decode(path.read_bytes(), side=trained.side, channels=trained.channels)
    except (OSError, ValueError) as error:
        return (getattr(error, "strerror", None) or str(error)).splitlines()[0]


def _renderer(out: Path) -> Callable[[Predictions], bytes]:
    renderers = {".csv": _csv, ".jsonl": _json_lines, ".parquet": _parquet}
    if out.is_dir():
        raise UsageError(
            "the predictions go to a file", f"{out} is a folder", f"name a file: {out / DEFAULT_NAME}"
        )
    if out.suffix.lower() not in renderers:
        raise UsageError(
            "predictions are not written in this format",
            f"{out}: the ending is {out.suffix or 'missing'}",
            f"end the name in {', '.join(renderers)}",
        )
    return renderers[out.suffix.lower()]


def _csv(found: Predictions) -> bytes:
    """Names from the data cannot become a formula in a spreadsheet."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["id", "prediction", *(csv_cell(name) for name in found.columns)])
    for name, chosen, row in zip(found.ids, found.chosen, found.probabilities, strict=True):
        writer.writerow([csv_cell(name), csv_cell(chosen), *(f"{p:.6g}" for p in row.tolist())])
    return text.getvalue().encode("utf-8")


def _json_lines(found: Predictions) -> bytes:
    lines = []
    for name, chosen, row in zip(found.ids, found.chosen, found.probabilities.tolist(), strict=True):
        document = {"id": name, "prediction": chosen, **dict(zip(found.columns, row, strict=True))}
        lines.append(json.dumps(document, allow_nan=False) + "\n")
    return "".join(lines).encode("ascii")


def _parquet(found: Predictions) -> bytes:
    import polars as pl

    # Parquet text is UTF-8; bytes of a file name that are not become visible escapes.
    columns = {
        "id": [visible(name) for name in found.ids],
        "prediction": [visible(name) for name in found.chosen],
    }
    probabilities = {visible(c): found.probabilities[:, i] for i, c in enumerate(found.columns)}
    buffer = io.BytesIO()
    pl.DataFrame({**columns, **probabilities}).write_parquet(buffer)
    return buffer.getvalue()
