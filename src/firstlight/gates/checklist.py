"""A gate as a page for people: checklists/NAME.md."""

from __future__ import annotations

from firstlight.experiment.gate import GateSpec
from firstlight.experiment.records import Gate, Item
from firstlight.gates.confirmation import BOXES
from firstlight.text import count, markdown

_MARKS = {"passed": "x", "failed": " ", "needs_person": " ", "not_applicable": "-"}
_STATES = {
    "failed": "**open**",
    "needs_person": "**open**",
    "not_applicable": "not applicable",
    "passed": "passed",
}


def render_checklist(gate: Gate, spec: GateSpec) -> str:
    """The gate as Markdown; totals are counted from the list, text from data is escaped."""
    computed = [i for i in gate.items if i.id not in BOXES]
    person = [i for i in gate.items if i.id in BOXES]
    lines = [f"# {spec.title}", "", _summary(gate), ""]
    lines += [
        "This page is written by firstlight from the files of the experiment. A tick at an item that the "
        "program computes changes nothing: it is computed again.",
        "",
        *(_line(i) for i in computed),
    ]
    if person:
        lines += [
            "",
            "## What only a person can confirm",
            "",
            "Put an `x` between the brackets, or give `--yes` on the command line.",
            "",
            *(f"- [{_MARKS[i.state]}] `{i.id}` {markdown(i.note)}{_how(i)}" for i in person),
        ]
    lines += ["", f"What the items mean: `firstlight explain {spec.name}`", ""]
    return "\n".join(lines)


def _summary(gate: Gate) -> str:
    done = sum(i.state == "passed" for i in gate.items)
    without = sum(i.state == "not_applicable" for i in gate.items)
    rest = f", {without} not applicable" if without else ""
    head = f"{done} of {count(len(gate.items), 'item')} passed{rest}"
    if gate.open:
        return f"The gate is open: {head}."
    return f"**The gate is shut**: {head}; open: {', '.join(gate.missing)}."


def _line(item: Item) -> str:
    note = f". {markdown(item.note)}" if item.note and item.note != item.value else ""
    return (
        f"- [{_MARKS[item.state]}] `{item.id}` {_STATES[item.state]}: {markdown(item.value)}{note} "
        f"({markdown(item.evidence)})"
    )


def _how(item: Item) -> str:
    return f" ({markdown(item.value)})" if item.state == "passed" else ""
