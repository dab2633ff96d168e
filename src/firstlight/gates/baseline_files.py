"""What gate 2 looks at."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from firstlight.errors import FirstlightError
from firstlight.experiment import records_io, store
from firstlight.experiment.folder import Folder
from firstlight.experiment.metrics import read_metrics
from firstlight.experiment.records import EpochRecord, Outcome, Reference
from firstlight.results.files import AGREEMENT

if TYPE_CHECKING:
    from firstlight.config.schema import Config


@dataclass(frozen=True, slots=True, kw_only=True)
class BaselineFiles:
    """What the gate looks at, read once; what is missing or damaged is None or empty."""

    folder: Folder
    config: Config | None
    outcome: Outcome | None
    epochs: tuple[EpochRecord, ...]
    references: tuple[Reference, ...]
    manifest: Mapping[str, Any]
    problems: Mapping[str, str]  # file -> why it cannot be read

    def why(self, name: str) -> str:
        """Why a file says nothing."""
        return self.problems.get(name, "it holds nothing")


def read_baseline(folder: Folder) -> BaselineFiles:
    """Reads what gate 2 looks at; never fails."""
    from firstlight.config.read import read_config

    problems: dict[str, str] = {}

    def tried(name: str, read: Callable[[], Any], empty: Any) -> Any:
        try:
            return read()
        except FirstlightError as error:
            problems[name] = error.where
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            problems[name] = str(error)
        return empty

    def manifest() -> dict[str, Any]:
        files = store.read_json(folder.manifest)["files"]
        return {str(name): dict(entry) for name, entry in files.items()}

    return BaselineFiles(
        folder=folder,
        config=tried("config", lambda: read_config(folder.config).config, None),
        outcome=tried("outcome", lambda: records_io.read_outcome(folder.outcome), None),
        epochs=tried("metrics", lambda: read_metrics(folder.metrics), ()),
        references=tried("references", lambda: records_io.read_references(folder.references), ()),
        manifest=tried("manifest", manifest, {}),
        problems=problems,
    )


def wrong_file(files: BaselineFiles, name: str) -> list[str]:
    """What is wrong with a checkpoint file, by the manifest."""
    path, entry = files.folder.checkpoints / name, files.manifest.get(name)
    if not path.is_file():
        return [f"{name} does not exist"]
    if entry is None:
        return [f"{name} is not in the manifest"]
    return [] if store.sha256(path) == entry.get("sha256") else [f"{name} has another hash than the manifest"]


def same(a: float, b: float) -> bool:
    """Whether two figures agree, one of them computed in float32."""
    return math.isclose(a, b, rel_tol=AGREEMENT, abs_tol=AGREEMENT)
