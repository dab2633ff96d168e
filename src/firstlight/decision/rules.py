"""Accept, optimize or failed: the verdict after phase 2, from figures alone.

failed    an alarm stopped the run, or the network is not better than always saying the commonest class
accept    the target is met and no reference is better; without a target, every reference is beaten beyond the
interval
optimize  everything else
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from firstlight.experiment.records import Decision, Outcome, Reference
from firstlight.text import number

TRIVIAL = "majority"  # the reference that has learnt nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """The figures that decide; see results.evidence."""

    outcome: Outcome | None
    references: tuple[Reference, ...]
    metric: str
    value: float | None
    interval: tuple[float, float] | None  # 95 %
    target: float | None
    direction: Literal["higher", "lower"]
    paired: Mapping[
        str, tuple[float, float, float]
    ]  # reference -> (difference, low, high), model minus reference
    alarm: str | None

    def better(self, value: float, other: float) -> bool:
        """Whether `value` is strictly better than `other`."""
        return value > other if self.direction == "higher" else value < other

    def gain_is_real(self, reference: Reference) -> bool:
        """Whether the model beats the reference beyond the interval, paired where rows can be paired."""
        if reference.name in self.paired:
            return self.paired[reference.name][1] > 0
        bound = None if self.interval is None else self.interval[0 if self.direction == "higher" else 1]
        return bound is not None and self.better(bound, reference.metrics[self.metric])


def decide(evidence: Evidence) -> Decision:
    """The verdict with its reasons, the one that weighs most first."""
    measured = [r for r in evidence.references if evidence.metric in r.metrics]
    pick = max if evidence.direction == "higher" else min
    best = pick(measured, key=lambda r: r.metrics[evidence.metric], default=None)
    verdict, reasons = _verdict(evidence, measured, best)
    return Decision(
        verdict=verdict,
        reasons=tuple(reasons),
        metric=evidence.metric,
        value=evidence.value,
        interval=evidence.interval,
        target=evidence.target,
        reference=None if best is None else {"name": best.name, "value": best.metrics[evidence.metric]},
    )


def _verdict(
    evidence: Evidence, measured: list[Reference], best: Reference | None
) -> tuple[Literal["accept", "optimize", "failed"], list[str]]:
    outcome, value, metric = evidence.outcome, evidence.value, evidence.metric
    if outcome is None:
        return "failed", ["Training did not come to an end."]
    if evidence.alarm is not None:
        return "failed", [f"Training was stopped: {outcome.alarm_detail or outcome.reason}."]
    if value is None:
        return "failed", [f"There is no value of {metric}: no epoch was validated."]
    trivial = [r for r in measured if r.name == TRIVIAL]
    if trivial and not evidence.gain_is_real(trivial[0]):
        known = number(trivial[0].metrics[metric])
        return "failed", [
            f"The network learnt nothing: {metric} {number(value)} is not beyond the {known} of always saying "
            "the commonest class."
        ]
    standing = [_against(evidence, r) for r in measured]
    if best is None:
        return "optimize", [f"No reference could be measured, so {metric} {number(value)} says little."]
    if evidence.better(best.metrics[metric], value):
        return "optimize", [
            f"A simple model is better: {best.name} reaches {number(best.metrics[metric])}, "
            f"the network {number(value)}.",
            *standing,
        ]
    if evidence.target is not None:
        met = not evidence.better(evidence.target, value)
        word = "meets" if met else "misses"
        reason = f"{metric} {number(value)} {word} the target of {number(evidence.target)}."
        bound = evidence.interval[0 if evidence.direction == "higher" else 1] if evidence.interval else None
        if met and bound is not None and evidence.better(evidence.target, bound):
            reason += (
                f" The interval reaches beyond the target, to {number(bound)}: another sample could miss it."
            )
        return ("accept" if met else "optimize"), [reason, *standing]
    beaten = all(evidence.gain_is_real(r) for r in measured)
    summary = (
        "Every reference is beaten beyond the interval, and no target was set."
        if beaten
        else "No target was set, and a reference is not beaten beyond the interval."
    )
    return ("accept" if beaten else "optimize"), [summary, *standing]


def _against(evidence: Evidence, reference: Reference) -> str:
    value = reference.metrics[evidence.metric]
    if reference.name in evidence.paired:
        difference, low, high = evidence.paired[reference.name]
        return (
            f"Against {reference.name} ({number(value)}) the difference is {difference:+.4f}, "
            f"with 95 % between {low:+.4f} and {high:+.4f} on the same rows."
        )
    return f"{reference.name} reaches {number(value)}."
