"""status.json: phases, gates, decision, next command; computed from the artifacts whenever it is asked for.

What cannot be computed again is kept in the file itself: when a gate passed, and the hashes of the artifacts
on which it then rested. An artifact that is changed or gone shuts that gate and the later ones, until it is
back as it was or the gate is confirmed again. A lost or damaged status.json is computed anew.
"""

from __future__ import annotations

import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from firstlight.decision.route import Baseline, Route, route
from firstlight.errors import FirstlightError, ResumeRefused
from firstlight.experiment import records_io, store
from firstlight.experiment.attempts import archived
from firstlight.experiment.environment import read_environment
from firstlight.experiment.folder import Folder
from firstlight.experiment.gate import GateSpec, Phase, changed_since, hashes, item
from firstlight.experiment.lock import holder
from firstlight.experiment.records import Decision, Gate, Item, Outcome
from firstlight.gates import post_baseline, reproducibility
from firstlight.gates.checklist import render_checklist

FORMAT = 1
GATES = (reproducibility.GATE, post_baseline.GATE)
# Later phases have no gate in this release: what comes before each of them.
LATER = {"diagnosis": "baseline", "optimization": "diagnosis", "final": "baseline"}
UNCHANGED = "unchanged_since_passed"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Passed:
    """When a gate passed, and on what."""

    time: str
    artifacts: dict[str, str]  # POSIX path below the experiment -> SHA-256


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A gate as it is now."""

    spec: GateSpec
    gate: Gate
    passed: _Passed | None


def compute_status(folder: Folder, *, shown: Path | None = None) -> dict[str, Any]:
    """The status as the contract has it, from the artifacts; nothing is written.

    Args:
        folder: The experiment.
        shown: How the experiment is called in `experiment` and `next`, when that is not `folder.root`.
    """
    return _document(folder, standings(folder), shown or folder.root)


def write_status(folder: Folder, *, shown: Path | None = None) -> dict[str, Any]:
    """Computes the status, writes it and the checklists, and gives it back.

    A gate that is open for the first time leaves the hashes of its artifacts in the file.
    """
    return _write(folder, standings(folder), shown or folder.root)


def confirm_again(folder: Folder, phase: Phase, *, shown: Path | None = None) -> Gate:
    """Lets a gate rest on its artifacts as they are now, after a change that was meant; gives the gate.

    Every item is computed again; when one is open, the gate stays shut and the old hashes stay.
    """
    found = standings(folder, again=phase)
    _write(folder, found, shown or folder.root)
    return next(s.gate for s in found if s.spec.phase == phase)


def rests_on(folder: Folder, phase: Phase) -> dict[str, str]:
    """The artifacts on which a passed gate rests, with their SHA-256 of that time; none when it never passed."""
    passed = _passed(_previous(folder), phase)
    return passed.artifacts if passed is not None else {}


def compute_gates(folder: Folder) -> tuple[Gate, ...]:
    """Every gate of this release as it is now, in order."""
    return tuple(s.gate for s in standings(folder))


def standings(folder: Folder, *, again: Phase | None = None) -> tuple[Standing, ...]:
    """Every gate of this release, in order; a shut one shuts those after it.

    Args:
        folder: The experiment.
        again: A gate that takes its artifacts as they are now, if all of its items allow.
    """
    previous = _previous(folder)
    found: list[Standing] = []
    for spec in GATES:
        items = list(spec.items(folder))
        passed = _passed(previous, spec.phase)
        if spec.phase == again and Gate(phase=spec.phase, items=tuple(items)).open:
            passed = None
        changes = changed_since(folder, passed.artifacts) if passed else ()
        if changes:
            note = "put it back as it was; `firstlight check` confirms a config that was changed on purpose"
            value = "; ".join(changes)
            items.append(item(UNCHANGED, False, value, "status.json", note))
        if found and not found[-1].gate.open:
            items.append(_earlier_gate(found[-1].gate.phase))
        gate = Gate(phase=spec.phase, items=tuple(items))
        if passed is None and gate.open:
            passed = _Passed(time=_now(), artifacts=hashes(folder, spec.artifacts(folder)))
        found.append(Standing(spec=spec, gate=gate, passed=passed))
    return tuple(found)


def _write(folder: Folder, found: tuple[Standing, ...], shown: Path) -> dict[str, Any]:
    document = _document(folder, found, shown)
    store.write_json(folder.status, document)
    for standing in found:
        if standing.spec.phase == "setup" or document["phases"]["baseline"]["state"] != "not_started":
            page = render_checklist(standing.gate, standing.spec)
            store.write_text(folder.checklists / f"{standing.spec.name}.md", page)
    return document


def _document(folder: Folder, found: tuple[Standing, ...], shown: Path) -> dict[str, Any]:
    decision, outcome = _decision(folder), _outcome(folder)
    progress = _progress(folder, outcome)
    setup, baseline = (s.gate for s in found)
    step = route(experiment=shown, setup=setup, baseline=baseline, progress=progress, decision=decision)
    states = {
        "setup": "complete" if setup.open else "incomplete",
        "baseline": _state(baseline, progress, decision),
    }
    phases: dict[str, Any] = {
        s.spec.phase: {"state": states[s.spec.phase], "gate": _gate_document(s)} for s in found
    }
    if outcome is not None:
        phases["baseline"] |= _time_document(folder, outcome)
    for phase, before in LATER.items():
        gate = Gate(phase="baseline", items=(_earlier_gate(before),))
        phases[phase] = {"state": "not_started", "gate": _shut(gate)}
    return {
        "format": FORMAT,
        "task": _task(folder),
        "experiment": str(shown),
        "run_id": _run_id(folder),
        "attempt": len(archived(folder)) + 1,
        "phases": phases,
        "decision": None if decision is None else records_io.to_json(decision),
        "route": _route_document(folder, step),
        "next": step.command,
    }


def _gate_document(standing: Standing) -> dict[str, Any]:
    gate = standing.gate
    document: dict[str, Any] = {
        "open": gate.open,
        "missing": list(gate.missing),
        "passed": sum(i.state == "passed" for i in gate.items),
        "not_applicable": sum(i.state == "not_applicable" for i in gate.items),
        "total": len(gate.items),
        "computed_at": _now(),
        "items": [asdict(i) for i in gate.items],
    }
    if standing.passed is not None:
        document |= {"passed_at": standing.passed.time, "artifacts": standing.passed.artifacts}
    return document


def _shut(gate: Gate) -> dict[str, Any]:
    return {"open": False, "missing": list(gate.missing), "items": [asdict(i) for i in gate.items]}


def _earlier_gate(phase: str) -> Item:
    value = f"the phase {phase} must be complete first"
    return item("earlier_gate_open", False, value, f"status.json#phases.{phase}.gate")


def _time_document(folder: Folder, outcome: Outcome) -> dict[str, Any]:
    """Phase time against its budget (X10)."""
    from firstlight.config.read import read_config

    try:
        budget = 60 * read_config(folder.config).config.budget.minutes
    except FirstlightError:
        return {"seconds": outcome.command_seconds}
    over = outcome.command_seconds > budget
    return {"seconds": outcome.command_seconds, "budget_seconds": budget, "over_budget": over}


def _route_document(folder: Folder, step: Route) -> dict[str, Any]:
    """The route with its date, which is that of the first time it was found so (X6)."""
    document = asdict(step)
    before = _previous(folder).get("route")
    stored: dict[str, Any] = before if isinstance(before, dict) else {}
    same = all(stored.get(key) == value for key, value in document.items() if key != "command")
    return document | {"date": str(stored["date"]) if same and "date" in stored else _now()}


def _state(gate: Gate, progress: Baseline, decision: Decision | None) -> str:
    if progress != "trained":
        return progress
    if decision is not None and decision.verdict == "failed":
        return "failed"
    return "complete" if gate.open else "incomplete"


def _progress(folder: Folder, outcome: Outcome | None) -> Baseline:
    """How far phase 2 is; the process that asks is not one that is working."""
    who = holder(folder)
    if outcome is not None and outcome.state != "interrupted":
        return "trained"
    if who is not None and who.pid != os.getpid():
        return "running"
    return "interrupted" if folder.manifest.is_file() else "not_started"


def _decision(folder: Folder) -> Decision | None:
    try:
        return records_io.read_decision(folder.decision)
    except ResumeRefused:
        return None


def _outcome(folder: Folder) -> Outcome | None:
    try:
        return records_io.read_outcome(folder.outcome)
    except ResumeRefused:
        return None


def _task(folder: Folder) -> str | None:
    from firstlight.config.read import read_config

    try:
        return read_config(folder.config).config.data.task
    except FirstlightError:
        return None


def _run_id(folder: Folder) -> str | None:
    try:
        found = read_environment(folder).get("run_id")
    except ResumeRefused:
        return None
    return found if isinstance(found, str) else None


def _previous(folder: Folder) -> dict[str, Any]:
    """The status as it was written last; empty when it is lost or damaged."""
    try:
        found = store.read_json(folder.status)
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) and found.get("format") == FORMAT else {}


def decided(folder: Folder) -> bool:
    """Whether status.json, as it was written last, holds a decision."""
    return _previous(folder).get("decision") is not None


def _passed(previous: dict[str, Any], phase: str) -> _Passed | None:
    try:
        gate = previous["phases"][phase]["gate"]
        artifacts = {str(k): str(v) for k, v in gate["artifacts"].items()}
        return _Passed(time=str(gate["passed_at"]), artifacts=artifacts)
    except (KeyError, TypeError, AttributeError):
        return None


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
