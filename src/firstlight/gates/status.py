"""status.json: phases, gates, decision and the next command, computed from the artifacts.

The file keeps one thing that cannot be computed: the hashes of the artifacts on which a gate rested when it
passed. One that differs now
shuts that gate and the later ones. A damaged file is made again.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from firstlight.decision.route import PhaseState, route
from firstlight.errors import FirstlightError
from firstlight.experiment import records_io, store
from firstlight.experiment.gate import GateSpec, changed_since, hashes
from firstlight.experiment.records import Gate, Item
from firstlight.gates import post_baseline, reproducibility
from firstlight.text import markdown, visible

if TYPE_CHECKING:
    from firstlight.experiment.folder import Folder
    from firstlight.experiment.records import Decision

FORMAT = 1
GATES: tuple[GateSpec, ...] = (reproducibility.GATE, post_baseline.GATE)
LATER = ("diagnosis", "optimization", "final")


def compute_gates(folder: Folder) -> tuple[Gate, ...]:
    """Both gates as the artifacts have them now, with what changed since they passed."""
    recorded = recorded_hashes(folder)
    gates: list[Gate] = []
    for spec in GATES:
        found = list(spec.items(folder))
        changes = changed_since(folder, recorded.get(spec.phase, {}))
        if changes:
            found.append(
                Item(
                    id="unchanged_since_passed",
                    state="failed",
                    value="; ".join(changes),
                    evidence="status.json#hashes",
                    note="firstlight check verifies a changed config again before training",
                )
            )
        if gates and not gates[-1].open:
            found.append(
                Item(
                    id="earlier_gate_open",
                    state="failed",
                    value=f"{gates[-1].phase} is shut",
                    evidence=f"status.json#phases.{gates[-1].phase}",
                )
            )
        gates.append(Gate(phase=spec.phase, items=tuple(found)))
    return tuple(gates)


def compute_status(folder: Folder) -> dict[str, Any]:
    """The status of the contract, from the artifacts."""
    gates = compute_gates(folder)
    decision = _decision(folder)
    states = _states(folder, gates, decision)
    recorded = recorded_hashes(folder)
    phases: dict[str, Any] = {
        gate.phase: {
            "state": states[gate.phase],
            "gate": {
                "open": gate.open,
                "missing": list(gate.missing),
                "items": [asdict(item) for item in gate.items],
                "passed": sum(i.state == "passed" for i in gate.items),
                "total": len(gate.items),
                "hashes": recorded.get(gate.phase, {}),
            },
        }
        for gate in gates
    }
    before = "baseline"
    for name in LATER:
        phases[name] = {
            "state": "not_started",
            "gate": {"open": False, "missing": [f"{before}_complete"], "items": []},
        }
        before = name
    way = route(folder.root, states["setup"], states["baseline"], decision)
    return {
        "format": FORMAT,
        "task": "image_classification",
        "experiment": str(folder.root),
        "phases": phases,
        "decision": None if decision is None else records_io.to_json(decision),
        "route": asdict(way),
        "next": way.next,
    }


def write_status(folder: Folder) -> dict[str, Any]:
    """Records the hashes of gates that pass, then writes status.json and the checklists."""
    recorded = recorded_hashes(folder)
    for spec, gate in zip(GATES, compute_gates(folder), strict=True):
        if gate.open and spec.phase not in recorded:
            recorded[spec.phase] = hashes(folder, spec.artifacts(folder))
    store.write_json(folder.status, {"format": FORMAT, "hashes": recorded})
    status = compute_status(folder)
    store.write_json(folder.status, status | {"hashes": recorded})
    for spec, gate in zip(GATES, compute_gates(folder), strict=True):
        if spec.phase == "setup" or folder.preflight.is_file():
            store.write_text(folder.checklists / f"{spec.name}.md", render_checklist(spec, gate))
    return status


def confirm_again(folder: Folder, phase: str) -> None:
    """Forgets the hashes of a gate, so that the artifacts as they are now are what it rests on."""
    recorded = recorded_hashes(folder)
    recorded.pop(phase, None)
    store.write_json(folder.status, {"format": FORMAT, "hashes": recorded})


def recorded_hashes(folder: Folder) -> dict[str, dict[str, str]]:
    """Hashes of the artifacts of each gate that passed; none when the file is not there or damaged."""
    try:
        found = store.read_json(folder.status)["hashes"]
        return {str(phase): {str(k): str(v) for k, v in digests.items()} for phase, digests in found.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def render_checklist(spec: GateSpec, gate: Gate) -> str:
    """A gate as Markdown; ticks are shown, and only those of a person's items are ever read."""
    standing = "open" if gate.open else f"shut: {', '.join(gate.missing)}"
    lines = [
        f"# {spec.title}",
        "",
        f"Gate {spec.phase}: **{standing}**. Computed by firstlight from the files named.",
        "",
    ]
    boxes = {"passed": "x", "not_applicable": "-", "failed": " ", "needs_person": " "}
    for item in gate.items:
        note = f" ({markdown(visible(item.note))})" if item.note else ""
        lines.append(
            f"- [{boxes[item.state]}] `{item.id}` {item.state.replace('_', ' ')}: {markdown(visible(item.value))}; "
            f"evidence {markdown(visible(item.evidence))}{note}"
        )
    lines += ["", f"What each item means: `firstlight explain checklists/{spec.name}`", ""]
    return "\n".join(lines)


def _states(folder: Folder, gates: tuple[Gate, ...], decision: Decision | None) -> dict[str, PhaseState]:
    setup: PhaseState = "complete" if gates[0].open else "failed"
    if folder.outcome.is_file() and decision is not None:
        baseline: PhaseState = "complete" if gates[1].open and decision.verdict != "failed" else "failed"
    elif folder.last.is_file():
        baseline = "interrupted"
    else:
        baseline = "not_started"
    return {"setup": setup, "baseline": baseline}


def _decision(folder: Folder) -> Decision | None:
    try:
        return records_io.read_decision(folder.decision)
    except FirstlightError:
        return None
