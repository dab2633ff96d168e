"""Accept, optimize or failed: the verdict after phase 2, from figures that the files hold.

    failed     the run did not end by itself, an alarm rang, or nothing was learnt that shows
    accept     with a target: it is met, and no reference is better
               without one: every reference is beaten beyond the 95 % interval, or nothing is left to gain
    optimize   the run is sound, the number is not there, or there are too few rows to tell

A network that a simple model beats is no acceptable baseline, whatever its number. A reference whose model can
be used (gradient boosting on tables) is put first when it is the better one, and then it is what is judged.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from firstlight.data.groups import FEW_GROUPS, too_few
from firstlight.experiment.records import NETWORK, Decision, Outcome, Reference
from firstlight.text import interval, number

# References that do not look at the input, or have not learnt from it
UNTRAINED = "untrained"
TRIVIAL = frozenset({"majority", "mean", "unigram", UNTRAINED})
# A gain over the trivial predictor that may be this share of what is possible is not ruled out (judgement)
WORTH_KNOWING = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What is decided on. Differences are in the sense of the metric's name: model minus reference."""

    outcome: Outcome | None
    references: tuple[Reference, ...]
    metric: str
    value: float | None  # of the model that is put first
    interval: tuple[float, float] | None  # 95 %
    target: float | None
    direction: Literal["higher", "lower"]  # which values are better
    paired: Mapping[str, tuple[float, float, float]]  # other model -> difference on the same rows, low, high
    alarm: str | None  # handbook page of what stopped the run
    first: str = NETWORK  # the model that is put first
    candidates: frozenset[str] = frozenset()  # references that can be used as well: they need not be beaten
    network: float | None = None  # what the network reaches
    groups: int | None = None  # that the validation rows belong to, which intervals go over; None for none


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rival:
    """The model beside one reference; `gain` is positive where the model is better."""

    name: str
    value: float
    gain: float
    sure_gain: float | None  # lower end of the 95 % interval of the gain; None when there is no interval
    most_gain: float | None  # its upper end
    possible: float  # gain of a perfect model

    @property
    def beaten(self) -> bool:
        return self.sure_gain is not None and self.sure_gain > 0

    @property
    def undecided(self) -> bool:
        """Whether the model looks better and the rows are too few to tell."""
        may_be = 0.0 if self.most_gain is None else self.most_gain
        return not self.beaten and self.gain > 0 and may_be >= WORTH_KNOWING * self.possible

    @property
    def unmeasured(self) -> bool:
        """Whether the model looks better in a metric that has no interval, as one of a person's own."""
        return self.sure_gain is None and self.gain > 0

    def sentence(self, metric: str) -> str:
        shown = f"{self.name} with {metric} {number(self.value)}"
        if self.beaten:
            return (
                f"It is better than {shown} by {number(self.gain)}, at least {number(self.sure_gain or 0)}."
            )
        if self.gain < 0:
            return f"The simple model {shown} is better, by {number(-self.gain)}."
        if self.sure_gain is None:
            return f"Whether it is better than {shown} is not known: no interval could be computed."
        least = number(self.sure_gain)
        return f"It is not clearly better than {shown}: the gain is {number(self.gain)}, but may be {least}."


def decide(evidence: Evidence) -> Decision:
    """The verdict with its reasons, full sentences with the numbers that decided, the weightiest first."""
    rivals = _rivals(evidence)
    finite = evidence.value is not None and math.isfinite(evidence.value)
    best = (max if evidence.direction == "higher" else min)(rivals, key=lambda r: r.value, default=None)
    failure = _failure(evidence, rivals)
    unsure = next((r for r in rivals if r.name in TRIVIAL and r.undecided), None)
    verdict: Literal["accept", "optimize", "failed"]
    reasons: tuple[str, ...]
    if failure is not None:
        verdict, reasons = "failed", (failure,)
    elif unsure is not None:
        beside = f"{_figure(evidence)} {unsure.sentence(evidence.metric)}"
        verdict, reasons = (
            "optimize",
            (f"Too few validation rows to tell whether anything was learnt. {beside}",),
        )
    elif evidence.target is not None:
        verdict, reasons = _by_target(evidence, evidence.target, best)
    else:
        verdict, reasons = _by_references(evidence, rivals)
    if verdict != "failed":
        reasons = (*_with_the_others(evidence, reasons), *_reserves(evidence))
    return Decision(
        verdict=verdict,
        reasons=reasons,
        metric=evidence.metric,
        value=evidence.value if finite else None,
        interval=evidence.interval if finite else None,
        target=evidence.target,
        reference=None if best is None else {"name": best.name, "value": best.value},
        model=evidence.first,
    )


def _failure(evidence: Evidence, rivals: tuple[_Rival, ...]) -> str | None:
    outcome = evidence.outcome
    if outcome is None:
        return "Training left no outcome: it never ran, it was killed, or it crashed."
    if evidence.alarm is not None:
        detail = f": {outcome.alarm_detail}" if outcome.alarm_detail else ""
        return f"Training was stopped by the alarm {evidence.alarm}{detail}."
    if outcome.state not in ("completed", "stopped_early"):
        return f"Training did not end by itself, it was {outcome.state}: {outcome.reason}."
    if evidence.value is None or not math.isfinite(evidence.value):
        return f"The best checkpoint has no {evidence.metric} that is a number."
    for rival in rivals:
        if rival.name in TRIVIAL and not (rival.beaten or rival.undecided or rival.unmeasured):
            return f"Nothing was learnt that shows. {_figure(evidence)} {rival.sentence(evidence.metric)}"
    return None


def _by_target(
    evidence: Evidence, target: float, best: _Rival | None
) -> tuple[Literal["accept", "optimize"], tuple[str, ...]]:
    value = evidence.value if evidence.value is not None else math.nan
    met = value >= target if evidence.direction == "higher" else value <= target
    least = "at least" if evidence.direction == "higher" else "at most"
    figure = _figure(evidence)
    reached = f"{figure} This {'meets' if met else 'misses'} the target, {least} {number(target)}."
    if met and _reaches_past(evidence, target):
        reached += " The interval reaches beyond the target, so other rows could give a miss."
    if best is None:
        return "accept" if met else "optimize", (reached, "No reference was run beside it.")
    beside = best.sentence(evidence.metric)
    if best.gain < 0:
        advice = "Use the simple model, or find out what keeps the network below it."
        return "optimize", (f"{beside} {advice}", reached)
    return "accept" if met else "optimize", (reached, beside)


def _by_references(
    evidence: Evidence, rivals: tuple[_Rival, ...]
) -> tuple[Literal["accept", "optimize"], tuple[str, ...]]:
    figure = f"{_figure(evidence)} No target was set."
    if evidence.value == (1.0 if evidence.direction == "higher" else 0.0) and rivals:
        return "accept", (
            f"{figure} Nothing is left to gain on these rows.",
            *_open_sentences(evidence, rivals),
        )
    if not rivals:
        return "optimize", (f"{figure} No reference was run either, so nothing says that this is good.",)
    open_ones = _open_sentences(evidence, rivals)
    if {r.name for r in rivals} == {UNTRAINED}:
        unknown = "What chance reaches is not known of a step: name what is enough, acceptance.at_least."
        return "optimize", (*(r.sentence(evidence.metric) for r in rivals), f"{figure} {unknown}")
    if open_ones:
        return "optimize", (*open_ones, figure)
    hardest = min(rivals, key=lambda r: r.gain)
    names = ", ".join(r.name for r in rivals)
    every = f"Every reference is beaten beyond the 95 % interval: {names}."
    return "accept", (every, hardest.sentence(evidence.metric), figure)


def _open_sentences(evidence: Evidence, rivals: tuple[_Rival, ...]) -> tuple[str, ...]:
    """The references that are not clearly beaten, the hardest first."""
    still = (r for r in sorted(rivals, key=lambda r: r.gain) if not r.beaten)
    return tuple(r.sentence(evidence.metric) for r in still)


def _with_the_others(evidence: Evidence, reasons: tuple[str, ...]) -> tuple[str, ...]:
    """The reasons, and what the other models that can be used reach."""
    name = evidence.metric
    if evidence.first != NETWORK:
        network = "no value" if evidence.network is None else number(evidence.network)
        value = number(evidence.value or 0.0)
        return (
            f"The model that is put first is {evidence.first}: {name} {value}; the network has {network}.",
            *reasons,
        )
    values = {
        r.name: r.metrics.get(name, math.nan) for r in evidence.references if r.name in evidence.candidates
    }
    told = [f"{other} has {number(value)}" for other, value in values.items() if math.isfinite(value)]
    return (
        (*reasons, f"The network is put first; {', '.join(told)} and can be used, too.") if told else reasons
    )


def _reserves(evidence: Evidence) -> tuple[str, ...]:
    """What makes the verdict less sure than its numbers look."""
    failed = (
        f"The reference {r.name} failed and was not compared: {r.error}."
        for r in evidence.references
        if r.error
    )
    few = () if evidence.groups is None or evidence.groups >= FEW_GROUPS else (too_few(evidence.groups),)
    return (*failed, *few)


def _rivals(evidence: Evidence) -> tuple[_Rival, ...]:
    """The references that have the metric and cannot be used themselves, against the model."""
    value = math.nan if evidence.value is None else evidence.value
    sign = 1.0 if evidence.direction == "higher" else -1.0
    found = []
    for reference in evidence.references:
        if reference.name in evidence.candidates:
            continue
        other = reference.metrics.get(evidence.metric, math.nan)
        if math.isfinite(other):
            gain = sign * (value - other)
            least, most = _gain_interval(evidence, reference.name, other, sign)
            perfect = 1.0 if sign > 0 else 0.0
            found.append(
                _Rival(
                    name=reference.name,
                    value=other,
                    gain=gain,
                    sure_gain=least,
                    most_gain=most,
                    possible=abs(perfect - other),
                )
            )
    return tuple(found)


def _gain_interval(
    evidence: Evidence, name: str, other: float, sign: float
) -> tuple[float | None, float | None]:
    """From the same rows where that is known; else from the model's own interval, which is more cautious."""
    if name in evidence.paired:
        _, low, high = evidence.paired[name]
    elif evidence.interval is not None:
        low, high = (end - other for end in evidence.interval)
    else:
        return None, None
    return (low, high) if sign > 0 else (-high, -low)


def _reaches_past(evidence: Evidence, target: float) -> bool:
    if evidence.interval is None:
        return False
    low, high = evidence.interval
    return low < target if evidence.direction == "higher" else high > target


def _figure(evidence: Evidence) -> str:
    span = f", 95 % interval {interval(*evidence.interval)}" if evidence.interval else ""
    model = "The best checkpoint" if evidence.first == NETWORK else evidence.first.capitalize()
    return f"{model} has {evidence.metric} {number(evidence.value or 0.0)}{span}."
