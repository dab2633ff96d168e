"""Which phase follows, by rule; stored with the numbers that decided and the way not taken."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from firstlight.experiment.records import Decision
from firstlight.text import number

PhaseState = Literal["not_started", "complete", "failed", "interrupted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """The next step and why."""

    next: str  # a command
    rule: str
    numbers: str
    alternative: str
    date: str  # ISO 8601, UTC


def route(root: Path, setup: PhaseState, baseline: PhaseState, decision: Decision | None) -> Route:
    """The next command for an experiment."""
    command, rule, alternative = _step(setup, baseline, decision)
    return Route(
        next=f"firstlight {command.format(root)}",
        rule=rule,
        numbers=_numbers(decision),
        alternative=alternative.format(root),
        date=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    )


def _step(setup: PhaseState, baseline: PhaseState, decision: Decision | None) -> tuple[str, str, str]:
    if setup != "complete":
        return "check {}", "gate 1 is shut: verify the setup", "set up anew with firstlight init DATA"
    if baseline == "interrupted":
        return "train {} --resume", "training was interrupted", "train anew in a new experiment"
    if decision is None:
        return (
            "train {}",
            "gate 1 is open and nothing was trained",
            "edit training_config.yaml, then firstlight check {}",
        )
    if decision.verdict == "accept":
        return "finalize {}", "accept leads to phase 5", "firstlight diagnose {}, to look for more"
    if decision.verdict == "optimize":
        return (
            "diagnose {}",
            "below target or not beyond the references leads to phase 3",
            "firstlight finalize {}, as it is",
        )
    return "diagnose {}", "a failure enters phase 3 by its own door", "repair the cause and run phase 2 again"


def _numbers(decision: Decision | None) -> str:
    if decision is None or decision.value is None:
        return "none yet"
    parts = [f"{decision.metric} {number(decision.value)}"]
    if decision.target is not None:
        parts.append(f"target {number(decision.target)}")
    if decision.reference is not None:
        parts.append(f"{decision.reference['name']} {decision.reference['value']}")
    return ", ".join(parts)
