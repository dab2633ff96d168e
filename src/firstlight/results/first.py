"""Which model is put first: the network, or a fitted reference that is better on the validation rows.

An honest baseline is the best of what was tried, whatever it is. A reference takes part when its model was kept
(gradient boosting, tf-idf with a linear model), so that it can be used.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from firstlight.experiment.records import NETWORK, Reference
from firstlight.results.facts import Facts
from firstlight.results.intervals import Paired
from firstlight.results.predictions import Figures, Predictions


@dataclass(frozen=True, slots=True, kw_only=True)
class First:
    """The model that is put first, in the judged metric."""

    name: str  # "network", or the reference
    value: float | None
    predictions: Predictions | None  # its own, of the validation part
    figures: Figures | None  # what they show
    paired: Mapping[str, Paired]  # other model -> difference on the same rows, first minus other

    def interval(self, metric: str) -> tuple[float, float] | None:
        """The 95 % interval of a metric."""
        return self.figures.intervals.get(metric) if self.figures else None


def first_model(facts: Facts) -> First:
    """The best of network and candidates; the network when they are equal."""
    values = _values(facts)
    usable = {n: v for n, v in values.items() if n in {NETWORK, *facts.candidates}}
    sign = -1.0 if facts.lower_is_better else 1.0
    name = max(usable, key=lambda n: (sign * usable[n], n == NETWORK), default=NETWORK)
    if name not in facts.candidates:
        return First(
            name=NETWORK,
            value=values.get(NETWORK),
            predictions=facts.predictions,
            figures=facts.figures,
            paired=facts.paired,
        )
    own = facts.candidates[name]
    return First(
        name=name, value=values[name], predictions=own.predictions, figures=own.figures, paired=own.paired
    )


def as_first(facts: Facts) -> Facts:
    """The facts with predictions and figures of the model that is put first, for what shows single rows and classes."""
    first = first_model(facts)
    return replace(facts, predictions=first.predictions, figures=first.figures, paired=first.paired)


def candidates(references: tuple[Reference, ...]) -> frozenset[str]:
    """Names of the references whose model was kept."""
    return frozenset(r.name for r in references if r.sha256 is not None)


def _values(facts: Facts) -> dict[str, float]:
    """Every model that has the judged metric."""
    figure = facts.figure(facts.metric)
    found = {r.name: r.metrics.get(facts.metric, math.nan) for r in facts.references}
    if figure is not None:
        found[NETWORK] = figure.value
    return {name: value for name, value in found.items() if math.isfinite(value)}
