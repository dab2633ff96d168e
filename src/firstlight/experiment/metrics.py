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


def write_metrics(path: Path, records: Iterable[EpochRecord]) -> str:
    """Replaces the file by the epochs so far, in order; returns its SHA-256.

    The history is in every checkpoint too, so the file can always be made again.
    """
    return store.write_json(path, {"format": FORMAT, "epochs": [to_entry(r) for r in records]})


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
