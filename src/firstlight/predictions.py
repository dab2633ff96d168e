"""Predictions as a file: a row for each input, as CSV, JSON lines or Parquet."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from firstlight.errors import UsageError
from firstlight.text import csv_cell, visible

if TYPE_CHECKING:
    from numpy.typing import NDArray

DEFAULT_NAME = "predictions.csv"
HALF = 0.5  # probability from which a label counts as predicted
BETWEEN_LABELS = ";"


@dataclass(frozen=True, slots=True, kw_only=True)
class Predictions:
    """What the model says, one row for each readable input, in their order."""

    task: str
    ids: tuple[str, ...]
    classes: tuple[str, ...]
    values: NDArray[Any]  # probabilities (rows, classes), or numbers (rows,) of a regression

    @property
    def chosen(self) -> list[Any]:
        """The most probable class of each row, the list of its labels, or its number."""
        if self.task == "regression":
            return [float(value) for value in self.values]
        if self.task == "multilabel":
            return [
                [name for name, p in zip(self.classes, row, strict=True) if p >= HALF] for row in self.values
            ]
        return [self.classes[i] for i in self.values.argmax(axis=1)]

    @property
    def columns(self) -> list[str]:
        """Names of the probability columns, in class order; none for a regression."""
        return [f"probability_{name}" for name in self.classes]

    @property
    def probabilities(self) -> list[list[float]]:
        """A list for each row, empty for a regression."""
        if self.task == "regression":
            return [[] for _ in self.ids]
        return [list(map(float, row)) for row in self.values]


def renderer(out: Path) -> Callable[[Predictions], bytes]:
    """What turns predictions into the bytes of a file, by the ending of its name.

    Raises:
        UsageError: There is no such format, or it is a folder.
    """
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
        writer.writerow([csv_cell(name), _cell(chosen, found.classes), *(f"{p:.6g}" for p in row)])
    return text.getvalue().encode("utf-8")


def _cell(chosen: str | float | list[str], classes: tuple[str, ...]) -> str:
    """A prediction as text. Labels are joined by semicolons; where a label has one itself, all are JSON lists.

    Both forms are read again as the target of a table.
    """
    if isinstance(chosen, float):
        return f"{chosen:.9g}"
    if isinstance(chosen, str):
        return csv_cell(chosen)
    if any(BETWEEN_LABELS in name or name.startswith("[") for name in classes):
        return json.dumps(chosen)
    return csv_cell(BETWEEN_LABELS.join(chosen))


def _json_lines(found: Predictions) -> bytes:
    lines = []
    for name, chosen, row in zip(found.ids, found.chosen, found.probabilities, strict=True):
        document = {"id": name, "prediction": chosen, **dict(zip(found.columns, row, strict=True))}
        lines.append(json.dumps(document, allow_nan=False) + "\n")
    return "".join(lines).encode("ascii")


def _parquet(found: Predictions) -> bytes:
    import polars as pl

    # Parquet text is UTF-8; bytes of a file name that are not become visible escapes.
    columns: dict[str, Any] = {
        "id": [visible(name) for name in found.ids],
        "prediction": [_plain(chosen) for chosen in found.chosen],
    }
    probabilities = {visible(c): found.values[:, i] for i, c in enumerate(found.columns)}
    buffer = io.BytesIO()
    schema = {"prediction": pl.List(pl.String)} if found.task == "multilabel" else None
    pl.DataFrame({**columns, **probabilities}, schema_overrides=schema).write_parquet(buffer)
    return buffer.getvalue()


def _plain(chosen: str | float | list[str]) -> str | float | list[str]:
    if isinstance(chosen, list):
        return [visible(name) for name in chosen]
    return visible(chosen) if isinstance(chosen, str) else chosen
