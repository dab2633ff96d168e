"""What the decision looks at, taken from the facts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypedDict

from firstlight.experiment.records import Outcome, Reference
from firstlight.results.facts import Facts
from firstlight.results.first import candidates, first_model


class EvidenceFields(TypedDict):
    """The fields of `decision.rules.Evidence`, which is of a higher layer: `Evidence(**evidence(facts))`."""

    outcome: Outcome | None
    references: tuple[Reference, ...]
    metric: str
    first: str
    value: float | None
    interval: tuple[float, float] | None
    target: float | None
    direction: Literal["higher", "lower"]
    paired: Mapping[str, tuple[float, float, float]]
    candidates: frozenset[str]
    network: float | None
    alarm: str | None
    groups: int | None


def evidence(facts: Facts) -> EvidenceFields:
    """The figures that decide, as the files have them, of the model that is put first."""
    first = first_model(facts)
    figure = facts.figure(facts.metric)
    return EvidenceFields(
        outcome=facts.outcome,
        references=facts.references,
        metric=facts.metric,
        first=first.name,
        value=first.value,
        interval=first.interval(facts.metric),
        target=facts.config.acceptance.at_least if facts.config else None,
        direction="lower" if facts.lower_is_better else "higher",
        paired={name: (p.difference, p.low, p.high) for name, p in first.paired.items()},
        candidates=candidates(facts.references),
        network=figure.value if figure else None,
        alarm=facts.outcome.alarm if facts.outcome else None,
        groups=facts.predictions.groups.count if facts.predictions and facts.predictions.groups else None,
    )
