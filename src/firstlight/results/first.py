"""Which model is put first: the network, or a fitted reference that is better on the validation rows.

An honest baseline is the best of what was tried, whatever it is. A reference takes part when its model was kept
(gradient boosting, tf-idf with a linear model), so that it can be used.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from firstlight.experiment.records import NETWORK, Reference
from firstlight.results.facts import Facts
from firstlight.results.intervals import paired_difference, wilson

Paired = tuple[float, float, float]  # difference, low and high end of its 95 % interval


@dataclass(frozen=True, slots=True, kw_only=True)
class First:
    """The model that is put first, in the judged metric."""

    name: str  # "network", or the reference
    value: float | None
    interval: tuple[float, float] | None
    paired: Mapping[str, Paired]  # other model -> difference on the same rows, first minus other
    behind: Mapping[str, float]  # models that could be used and are not first -> value


def first_model(facts: Facts) -> First:
    """The best of network and candidates; the network when they are equal."""
    values = _values(facts)
    usable = {n: v for n, v in values.items() if n in candidates(facts.references) | {NETWORK}}
    sign = -1.0 if facts.lower_is_better else 1.0
    name = max(usable, key=lambda n: (sign * usable[n], n == NETWORK), default=NETWORK)
    behind = {other: v for other, v in usable.items() if other != name}
    if name == NETWORK:
        paired = {other: (p.difference, p.low, p.high) for other, p in facts.paired.items()}
        return First(
            name=name,
            value=values.get(NETWORK),
            interval=facts.interval(facts.metric),
            paired=paired if facts.metric == "val_accuracy" else {},
            behind=behind,
        )
    correct = _correct(facts) if facts.metric == "val_accuracy" else {}
    own = correct.get(name)
    return First(
        name=name,
        value=values[name],
        interval=wilson(int(own.sum()), len(own)) if own is not None else None,
        paired=_differences(name, correct),
        behind=behind,
    )


def _values(facts: Facts) -> dict[str, float]:
    """Every model that has the judged metric."""
    figure = facts.figure(facts.metric)
    found = {r.name: r.metrics.get(facts.metric, math.nan) for r in facts.references}
    if figure is not None:
        found[NETWORK] = figure.value
    return {name: value for name, value in found.items() if math.isfinite(value)}


def _correct(facts: Facts) -> dict[str, NDArray[np.bool_]]:
    """Right or wrong for each validation row, for every model that has it."""
    found = {r.name: np.array(r.correct, bool) for r in facts.references if r.correct}
    predictions = facts.predictions
    if predictions is not None and predictions.task == "classification":
        found[NETWORK] = predictions.values.argmax(axis=1) == predictions.targets
    return found


def _differences(name: str, correct: Mapping[str, NDArray[np.bool_]]) -> dict[str, Paired]:
    """The model against every other with as many rows."""
    if name not in correct:
        return {}
    found = {}
    for other, right in correct.items():
        if other != name and len(right) == len(correct[name]):
            pair = paired_difference(correct[name], right)
            found[other] = (pair.difference, pair.low, pair.high)
    return found


def candidates(references: tuple[Reference, ...]) -> frozenset[str]:
    """Names of the references whose model was kept."""
    return frozenset(r.name for r in references if r.sha256 is not None)
