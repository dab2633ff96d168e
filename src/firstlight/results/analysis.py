"""What the predictions show, alone and beside the references: computed once for the same files.

logs/predictions_val.npz, logs/references.json, logs/references.npz  --analyse-->  Analysis
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from firstlight.experiment.folder import Folder
from firstlight.experiment.records import Reference
from firstlight.results.files import Reader
from firstlight.results.intervals import Paired
from firstlight.results.pairs import beside_references, check_recorded
from firstlight.results.predictions import TASK_METRIC, Figures, Predictions, measure, read_predictions


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """The part of the facts that takes time to compute."""

    predictions: Predictions | None
    references: tuple[Reference, ...]
    figures: Figures | None
    paired: Mapping[str, Paired]  # reference -> judged metric of the model minus its own
    problems: tuple[str, ...]


def analyse(folder: Folder, metric: str | None) -> Analysis:
    """Measures what a run predicted.

    Args:
        folder: The experiment.
        metric: The one that is judged; None for the task's own.
    """
    files = (folder.predictions, folder.references, folder.reference_scores)
    digest = hashlib.sha256()
    for path in files:
        content = _content(path)
        digest.update(len(content).to_bytes(8, "big") + content)
    return _analysed(folder, metric, digest.hexdigest())


def _content(path: Path) -> bytes:
    """Nothing of a file that cannot be read: the reading below says why."""
    try:
        return path.read_bytes()
    except OSError:
        return b""


# Verdict, gates and report read the same files within seconds, and each bootstrap takes about one.
@lru_cache(maxsize=4)
def _analysed(folder: Folder, metric: str | None, digest: str) -> Analysis:
    reader = Reader(folder.root)
    references = reader.records(Reference, folder.references, "references")
    predictions = read_predictions(reader, folder)
    figures = measure(reader, predictions)
    pairs: dict[str, Paired] = {}
    if predictions is not None and figures is not None:
        judged = metric or TASK_METRIC[predictions.task]
        scores = reader.arrays(folder.reference_scores) or {}
        pairs = beside_references(reader, judged, predictions, references, scores)
        check_recorded(reader, judged, figures.metrics.get(judged, math.nan), pairs, references)
    return Analysis(
        predictions=predictions,
        references=references,
        figures=figures,
        paired=pairs,
        problems=tuple(reader.problems),
    )
