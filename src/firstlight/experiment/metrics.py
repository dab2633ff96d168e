"""logs/metrics.json: one entry for each validated epoch, flat, valid at every instant."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

from firstlight.errors import ResumeRefused
from firstlight.experiment import store
from firstlight.experiment.records import EpochRecord

FORMAT = 1
_FIELDS = {field.name for field in dataclasses.fields(EpochRecord)} - {"metrics"}


class MetricsFile:
    """The metrics file of a run; each change replaces it whole."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, record: EpochRecord) -> None:
        """Adds an epoch; one that is there already is replaced."""
        kept = [r for r in self.read() if r.epoch < record.epoch]
        self._write([*kept, record])

    def truncate(self, epoch: int) -> None:
        """Drops what comes after `epoch`, so that a resumed run writes it again."""
        self._write([r for r in self.read() if r.epoch <= epoch])

    def read(self) -> list[EpochRecord]:
        """The epochs so far; none when there is no file.

        Raises:
            ResumeRefused: The file is damaged or of another format.
        """
        if not self.path.is_file():
            return []
        try:
            content = store.read_json(self.path)
            if content["format"] != FORMAT:
                raise ValueError(f"format = {content['format']!r}, this version reads {FORMAT}")
            return [_from_plain(entry) for entry in content["epochs"]]
        except (ValueError, KeyError, TypeError) as error:
            raise ResumeRefused(
                "the metrics of the run cannot be read", f"{self.path}: {error}", "restore the file, or start a new run"
            ) from None

    def _write(self, records: list[EpochRecord]) -> None:
        store.write_json(self.path, {"format": FORMAT, "epochs": [_to_plain(r) for r in records]})


def _to_plain(record: EpochRecord) -> dict[str, Any]:
    """Flat; a value that is not finite becomes null, which JSON can hold."""
    flat = dataclasses.asdict(record)
    flat |= flat.pop("metrics")
    return {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in flat.items()}


def _from_plain(entry: dict[str, Any]) -> EpochRecord:
    plain = {k: entry[k] for k in _FIELDS}
    for key in plain.keys() - {"utilization"}:
        plain[key] = math.nan if plain[key] is None else plain[key]
    metrics = {k: math.nan if v is None else v for k, v in entry.items() if k not in _FIELDS}
    return EpochRecord(**plain, metrics=metrics)
