"""What the decision looks at, taken from the facts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypedDict

from firstlight.experiment.records import Outcome, Reference
from firstlight.results.facts import Facts


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

    `paired` holds differences of the judged metric (difference, low, high), model minus reference, for the
    references whose answers to each row are in the files.
    """
    figure = facts.figure(facts.metric)
    return EvidenceFields(
        outcome=facts.outcome,
        references=facts.references,
        metric=facts.metric,
        value=figure.value if figure else None,
        interval=facts.interval(facts.metric),
        target=facts.config.acceptance.at_least if facts.config else None,
        direction="lower" if facts.lower_is_better else "higher",
        paired={name: (p.difference, p.low, p.high) for name, p in facts.paired.items()},
        alarm=facts.outcome.alarm if facts.outcome else None,
    )
