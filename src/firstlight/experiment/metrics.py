"""logs/metrics.json: one flat entry for each validated epoch, replaced as a whole, valid at every instant."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import fields
from itertools import pairwise
from pathlib import Path
from typing import Any

from firstlight.errors import ResumeRefused
from firstlight.experiment import store
from firstlight.experiment.records import EpochRecord
from firstlight.text import visible

FORMAT = 1
NOTE = "not_finite"  # numbers that JSON cannot hold, such as {"val_loss": "nan"}; they are null in the entry
_OWN = tuple(f.name for f in fields(EpochRecord) if f.name != "metrics")
_INTEGERS = frozenset({"epoch", "step", "memory_bytes"})


class MetricsFile:
    """The metrics of one run, in memory and on disk.

    Args:
        path: The file; read when it is there.

    Raises:
        ResumeRefused: It is there and is damaged or of another format.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._records = read_metrics(path) if path.exists() else ()

    def read(self) -> tuple[EpochRecord, ...]:
        """The epochs so far, in order."""
        return self._records

    def append(self, record: EpochRecord) -> None:
        """Adds an epoch; one that is there already is replaced, together with those after it."""
        self.write((*(r for r in self._records if r.epoch < record.epoch), record))

    def truncate(self, epoch: int) -> None:
        """Keeps the epochs up to `epoch`, from where a resumed run goes on."""
        kept = tuple(r for r in self._records if r.epoch <= epoch)
        if kept != self._records:
            self.write(kept)

    def write(self, records: Iterable[EpochRecord]) -> None:
        """Replaces the file, such as by the history that a checkpoint holds."""
        kept = tuple(records)
        store.write_json(self.path, {"format": FORMAT, "epochs": [to_entry(r) for r in kept]})
        self._records = kept


def to_entry(record: EpochRecord) -> dict[str, Any]:
    """The record as a flat entry of the file."""
    flat = {name: getattr(record, name) for name in _OWN} | record.metrics
    lost = {name: str(x) for name, x in flat.items() if isinstance(x, float) and not math.isfinite(x)}
    entry = {name: None if name in lost else value for name, value in flat.items()}
    return entry | {NOTE: lost} if lost else entry


def read_metrics(path: Path) -> tuple[EpochRecord, ...]:
    """Reads the file back.

    Raises:
        ResumeRefused: It is missing, damaged, of another format, or an epoch is there twice or out of order.
    """
    try:
        document = store.read_json(path)
        if document["format"] != FORMAT:
            raise ValueError(f"format = {document['format']!r}, this version reads {FORMAT}")
        records = tuple(_from_entry(entry) for entry in document["epochs"])
        for before, after in pairwise(records):
            if before.epoch >= after.epoch:
                raise ValueError(f"epoch {after.epoch} comes after epoch {before.epoch}")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        reason = f"no {error}" if isinstance(error, KeyError) else str(error)
        raise ResumeRefused(
            "the metrics of the run cannot be read",
            f"{visible(str(path))}: {visible(reason)}",
            "restore the file, or start again in a new folder",
        ) from None
    return records


def _from_entry(entry: dict[str, Any]) -> EpochRecord:
    lost = entry.get(NOTE, {})
    values: dict[str, Any] = {
        name: _number(name, value, lost) for name, value in entry.items() if name != NOTE
    }
    own = {name: values.pop(name) for name in _OWN}
    for name in _INTEGERS:
        if not isinstance(own[name], int):
            raise ValueError(f"{name} is {own[name]!r}, not a whole number")
    return EpochRecord(**own, metrics=values)


def _number(name: str, value: object, lost: dict[str, str]) -> float | int | None:
    if name in lost:
        return float(lost[name])
    if value is None and name == "utilization":
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{name} is {value!r}, not a number")
    return value if name in _INTEGERS else float(value)
