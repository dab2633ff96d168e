"""Which phase follows: the transitions that phases 1 and 2 can take, by rule, never by memory.

- accept, gate open: phase 5
- optimize: phase 3
- failed: phase 3 by its own door (the failed gate and its evidence are the ticket), then phase 2 again
- gate shut: what opens it first
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from firstlight.experiment.records import Decision, Gate
from firstlight.text import number, visible

Baseline = Literal["not_started", "running", "interrupted", "trained"]
REPORT_ITEM, USE_ITEM = (
    "results_written",
    "utilization_documented",
)  # ids of gate 2 that have a way of their own


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Where the way goes on."""

    to: str  # phase
    rule: str
    numbers: str  # on which the rule was applied
    alternative: str  # what else could be done, and when that is right
    command: str


def route(
    *, experiment: Path, setup: Gate, baseline: Gate, progress: Baseline, decision: Decision | None
) -> Route:
    """The next step.

    Args:
        experiment: Its folder, as the person names it.
        setup: Gate 1.
        baseline: Gate 2.
        progress: How far phase 2 is.
        decision: After phase 2.
    """
    name = shlex.quote(visible(str(experiment)))
    train = f"firstlight train {name}"
    if not setup.open:
        return Route(
            to="setup",
            rule="phase 2 starts when gate 1 is open",
            numbers=f"open: {', '.join(setup.missing)}",
            alternative="set the experiment up anew, if the data or the code changed on purpose",
            command=train if progress == "not_started" else f"firstlight status {name}",
        )
    if progress == "running":
        return Route(
            to="baseline",
            rule="a process works in the experiment",
            numbers="its lock is held",
            alternative="stop it with Ctrl-C or SIGTERM; its state is saved",
            command=f"firstlight status {name}",
        )
    if progress != "trained" or decision is None:
        resume = progress == "interrupted"
        return Route(
            to="baseline",
            rule="an interrupted training is resumed" if resume else "gate 1 is open, so phase 2 follows",
            numbers="a checkpoint is there and no outcome" if resume else "no training yet",
            alternative="start again in a new folder" if resume else "`firstlight check` alone, a minute",
            command=f"{train} --resume" if resume else train,
        )
    return _after_decision(name, baseline, decision)


def _after_decision(name: str, baseline: Gate, decision: Decision) -> Route:
    shown = "no value" if decision.value is None else number(decision.value)
    numbers = f"{decision.metric} {shown}"
    if decision.target is not None:
        numbers += f", target {number(decision.target)}"
    if decision.reference is not None:
        numbers += (
            f", best reference {decision.reference['name']} {number(float(decision.reference['value']))}"
        )
    if decision.verdict == "failed":
        return Route(
            to="diagnosis",
            rule="a failed baseline enters phase 3 by the failure door, is repaired and starts phase 2 again",
            numbers=numbers,
            alternative="a new experiment with another config, when the cause is known already",
            command=f"firstlight diagnose {name}",
        )
    if baseline.missing == (REPORT_ITEM,):
        return Route(
            to="baseline",
            rule="gate 2 needs the report, which is written from the logs",
            numbers=numbers,
            alternative="none",
            command=f"firstlight report {name}",
        )
    if not baseline.open:
        low_use = USE_ITEM in baseline.missing
        return Route(
            to="diagnosis" if low_use else "baseline",
            rule="a device that starves is repaired first"
            if low_use
            else "phase 2 is done when gate 2 is open",
            numbers=f"{numbers}; open: {', '.join(baseline.missing)}",
            alternative="restore what changed, or train in a new experiment",
            command=f"firstlight {'diagnose' if low_use else 'status'} {name}",
        )
    if decision.verdict == "accept":
        return Route(
            to="final",
            rule="an accepted baseline goes to phase 5; phases 3 and 4 are optional",
            numbers=numbers,
            alternative="phase 3, when more than the target is wanted",
            command=f"firstlight finalize {name}",
        )
    return Route(
        to="diagnosis",
        rule="a sound baseline that is not accepted goes to phase 3",
        numbers=numbers,
        alternative="phase 5 with this baseline, when it is good enough for the people who will use it",
        command=f"firstlight diagnose {name}",
    )
