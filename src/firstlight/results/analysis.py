"""What the predictions show, alone and beside the references: computed once for the same files.

logs/predictions_val.npz, logs/references.json, logs/references.npz  --analyse-->  Analysis
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from firstlight.experiment.folder import Folder
from firstlight.experiment.records import NETWORK, Reference
from firstlight.results.files import Reader
from firstlight.results.intervals import Paired
from firstlight.results.pairs import as_predicted, beside_others, beside_references, check_recorded
from firstlight.results.predictions import TASK_METRIC, Figures, Predictions, measure, read_predictions

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A reference whose model was kept, measured like the network."""

    predictions: Predictions  # its own, of the validation rows
    figures: Figures | None
    paired: Mapping[str, Paired]  # other model -> judged metric of the candidate minus its own


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """The part of the facts that takes time to compute."""

    predictions: Predictions | None
    references: tuple[Reference, ...]
    figures: Figures | None
    paired: Mapping[str, Paired]  # reference -> judged metric of the network minus its own
    candidates: Mapping[str, Candidate]
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
    candidates: dict[str, Candidate] = {}
    if predictions is not None and figures is not None:
        judged = metric or TASK_METRIC[predictions.task]
        scores = reader.arrays(folder.reference_scores) or {}
        pairs = beside_references(reader, judged, predictions, references, scores)
        check_recorded(reader, judged, figures.metrics.get(judged, math.nan), pairs, references)
        candidates = _candidates(reader, judged, predictions, references, scores)
    return Analysis(
        predictions=predictions,
        references=references,
        figures=figures,
        paired=pairs,
        candidates=candidates,
        problems=tuple(reader.problems),
    )


def _candidates(
    reader: Reader,
    metric: str,
    predictions: Predictions,
    references: tuple[Reference, ...],
    answers: Mapping[str, NDArray[Any]],
) -> dict[str, Candidate]:
    """Every reference whose model and answers were kept."""
    each = {name: as_predicted(found, predictions) for name, found in answers.items()}
    known = {name: values for name, values in each.items() if values is not None}
    found = {}
    for name in (r.name for r in references if r.sha256 is not None and r.name in known):
        own = replace(predictions, values=known[name])
        others = {NETWORK: predictions.values, **{n: v for n, v in known.items() if n != name}}
        found[name] = Candidate(
            predictions=own,
            figures=measure(reader, own),
            paired=beside_others(metric, own, others, [r for r in references if r.name != name]),
        )
    return found
