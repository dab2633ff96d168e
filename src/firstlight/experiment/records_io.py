"""The records of logs/ as strict JSON files, and back.

Each file is `{"format": 1, ...}`. A file of another format, or one that is damaged, is refused and never half read.
"""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

from firstlight.errors import ResumeRefused
from firstlight.experiment import store
from firstlight.experiment.records import CheckLine, Decision, Outcome, PlanChange, Reference

FORMAT = 1


def write_preflight(path: Path, lines: tuple[CheckLine, ...], seconds: float) -> None:
    """logs/preflight.json."""
    _write(path, {"seconds": seconds, "lines": [dataclasses.asdict(line) for line in lines]})


def read_preflight(path: Path) -> tuple[CheckLine, ...]:
    """The lines of logs/preflight.json."""
    return tuple(CheckLine(**line) for line in _read(path)["lines"])


def write_references(path: Path, references: tuple[Reference, ...]) -> None:
    """logs/references.json."""
    _write(path, {"references": [dataclasses.asdict(r) for r in references]})


def read_references(path: Path) -> tuple[Reference, ...]:
    """The references of logs/references.json."""
    return tuple(Reference(**r | {"correct": tuple(r["correct"])}) for r in _read(path)["references"])


def write_plan(path: Path, epochs: int, steps_per_epoch: int, changes: tuple[PlanChange, ...]) -> None:
    """logs/plan.json: the plan as it began, and every change."""
    plain = [dataclasses.asdict(c) for c in changes]
    _write(path, {"epochs": epochs, "steps_per_epoch": steps_per_epoch, "changes": plain})


def read_plan_changes(path: Path) -> tuple[PlanChange, ...]:
    """The changes of logs/plan.json."""
    return tuple(PlanChange(**c) for c in _read(path)["changes"])


def write_outcome(path: Path, outcome: Outcome) -> None:
    """logs/outcome.json."""
    _write(path, dataclasses.asdict(outcome))


def read_outcome(path: Path) -> Outcome:
    """The outcome of logs/outcome.json."""
    plain = dict(_read(path))
    del plain["format"]
    return Outcome(**plain)


def write_decision(path: Path, decision: Decision) -> None:
    """logs/decision.json."""
    _write(path, dataclasses.asdict(decision))


def read_decision(path: Path) -> Decision:
    """The decision of logs/decision.json."""
    plain = dict(_read(path))
    del plain["format"]
    interval = plain["interval"]
    plain |= {"reasons": tuple(plain["reasons"]), "interval": tuple(interval) if interval else None}
    return Decision(**plain)


def _write(path: Path, content: dict[str, Any]) -> None:
    store.write_json(path, _finite({"format": FORMAT, **content}))


def _finite(value: Any) -> Any:
    """The value with null for every number that JSON does not have."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {k: _finite(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(v) for v in value]
    return value


def _read(path: Path) -> dict[str, Any]:
    try:
        content = store.read_json(path)
        if content["format"] == FORMAT:
            return dict(content)
        reason = f"format = {content['format']!r}, this version reads {FORMAT}"
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = str(error)
    raise ResumeRefused(
        "a record of the run cannot be read", f"{path}: {reason}", "restore the file, or start a new run"
    )
