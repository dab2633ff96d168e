"""What the decision looks at, taken from the facts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypedDict

from firstlight.experiment.records import Outcome, Reference
from firstlight.results.facts import TASK_METRIC, Facts


class EvidenceFields(TypedDict):
    """The fields of `decision.rules.Evidence`, which is of a higher layer: `Evidence(**evidence(facts))`."""

    outcome: Outcome | None
    references: tuple[Reference, ...]
    metric: str
    value: float | None
    interval: tuple[float, float] | None
    target: float | None
    direction: Literal["higher", "lower"]
    paired: Mapping[str, tuple[float, float, float]]
    alarm: str | None


def evidence(facts: Facts) -> EvidenceFields:
    """The figures that decide, as the files have them.

    `paired` holds accuracy differences (difference, low, high), model minus reference; it is empty when
    another metric is judged, because a difference in accuracy then proves nothing.
    """
    figure = facts.figure(facts.metric)
    pairs = facts.paired if facts.metric == TASK_METRIC else {}
    return EvidenceFields(
        outcome=facts.outcome,
        references=facts.references,
        metric=facts.metric,
        value=figure.value if figure else None,
        interval=facts.interval(facts.metric),
        target=facts.config.acceptance.at_least if facts.config else None,
        direction="lower" if facts.lower_is_better else "higher",
        paired={name: (p.difference, p.low, p.high) for name, p in pairs.items()},
        alarm=facts.outcome.alarm if facts.outcome else None,
    )
