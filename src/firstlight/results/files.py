"""Reading an experiment's files without failing: what is missing is empty, what is damaged is a sentence."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from firstlight.experiment import store
from firstlight.experiment.records_io import from_json

if TYPE_CHECKING:
    from numpy.typing import NDArray

Record = TypeVar("Record")
AGREEMENT = 1e-5  # between figures computed in float32 by training and in float64 from the files, relative


@dataclass(slots=True)
class Reader:
    """Reads below `root` and keeps what was wrong."""

    root: Path
    problems: list[str] = field(default_factory=list)

    def json(self, path: Path) -> dict[str, Any]:
        """The mapping in a JSON file; empty when it is missing or cannot be read."""
        if not path.is_file():
            return {}
        try:
            value = store.read_json(path)
        except (OSError, ValueError, RecursionError) as error:
            return self.damaged(path, error)
        return dict(value) if isinstance(value, dict) else self.damaged(path, "not a JSON object")

    def records(self, kind: type[Record], path: Path, key: str) -> tuple[Record, ...]:
        """The list of records under `key` of a JSON file; entries that do not fit are left out and told."""
        entries = self.json(path).get(key, [])
        if not isinstance(entries, list):
            self.damaged(path, f"{key} is not a list")
            return ()
        name = self._name(path)
        found = (record(kind, entry, self, f"{name}#{key}[{i}]") for i, entry in enumerate(entries))
        return tuple(entry for entry in found if entry is not None)

    def arrays(self, path: Path, wanted: Sequence[str] = ()) -> dict[str, NDArray[Any]] | None:
        """All arrays of an .npz without objects; None when missing, damaged or without one of `wanted`."""
        if not path.is_file():
            return None
        try:
            found = store.read_npz(path)
            absent = [name for name in wanted if name not in found]
            if absent:
                raise ValueError(f"it has no {', '.join(absent)}")
        except (OSError, ValueError) as error:
            self.damaged(path, error)
            return None
        return found

    def _name(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix()

    def damaged(self, path: Path, why: object) -> dict[str, Any]:
        """Keeps what is wrong with a file; an empty mapping stands for it."""
        self.problems.append(f"{self._name(path)} cannot be read: {why}")
        return {}


def record(kind: type[Record], values: Any, reader: Reader, where: str) -> Record | None:
    """A record from its JSON form: unknown keys are passed over, every value has its type; None if it fits not.

    An empty mapping (no such file) is None without a word.
    """
    if not values:
        return None
    try:
        known = {f.name for f in dataclasses.fields(kind)}  # type: ignore[arg-type]
        return from_json(kind, {key: value for key, value in values.items() if key in known})
    except (ValueError, TypeError, AttributeError) as error:
        reader.problems.append(f"{where} does not fit: {error}")
        return None
