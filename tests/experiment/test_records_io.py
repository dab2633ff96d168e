from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firstlight.errors import ResumeRefused
from firstlight.experiment import records_io as io
from firstlight.experiment.records import CheckLine, Decision, Item, Outcome, PlanChange, Reference

LINES = (
    CheckLine(id="one_batch", level="ok", message="loss 0.01", value=0.01, seconds=1.5),
    CheckLine(id="device", level="warning", message="cpu", value="cpu", remedy="none", page="crashes"),
    CheckLine(id="nan", level="failed", message="nan", value=math.nan),
)
REFERENCES = (
    Reference(name="majority", metrics={"val_accuracy": 0.5}, seconds=0.1, correct=(True, False)),
    Reference(name="slow", metrics={}, seconds=9.0, note="cut"),
)
OUTCOME = Outcome(
    state="halted",
    reason="loss is nan",
    epochs_run=3,
    epochs_planned=20,
    best_epoch=2,
    best_metrics={"val_loss": 0.5, "val_accuracy": math.nan},
    metric="val_loss",
    train_seconds=10.0,
    command_seconds=12.0,
    utilization={"mean": 0.9, "samples": 3.0},
    utilization_note="processor time",
    alarm="nan_loss",
    machine={"device": "cpu"},
    inputs={"splits.npz": "ab"},
)
DECISION = Decision(
    verdict="optimize",
    reasons=("a", "b"),
    metric="val_accuracy",
    value=0.9,
    interval=(0.8, 0.95),
    target=None,
    reference={"name": "majority", "value": 0.5},
)
PLAN = io.StoredPlan(
    epochs=5, steps_per_epoch=40, changes=(PlanChange(step=7, epochs=4, total_steps=160, reason="slow"),)
)
FILES: dict[str, tuple[Callable[[Path], str], Callable[[Path], Any], Any]] = {
    "preflight": (lambda p: io.write_preflight(p, LINES, 12.5), io.read_preflight, LINES),
    "references": (lambda p: io.write_references(p, REFERENCES), io.read_references, REFERENCES),
    "outcome": (lambda p: io.write_outcome(p, OUTCOME), io.read_outcome, OUTCOME),
    "decision": (lambda p: io.write_decision(p, DECISION), io.read_decision, DECISION),
    "plan": (lambda p: io.write_plan(p, PLAN.epochs, PLAN.steps_per_epoch, PLAN.changes), io.read_plan, PLAN),
}


@pytest.mark.parametrize("name", FILES)
def test_a_record_comes_back_from_its_file_as_it_was(tmp_path: Path, name: str) -> None:
    write, read, record = FILES[name]
    write(tmp_path / "x.json")
    document = json.loads((tmp_path / "x.json").read_text(), parse_constant=pytest.fail)
    assert document["format"] == 1
    assert repr(read(tmp_path / "x.json")) == repr(record)


@pytest.mark.requirement("C12")
@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("format_", [0, 2, "1", None, "gone"])
def test_another_format_is_refused(tmp_path: Path, name: str, format_: object) -> None:
    write, read, _ = FILES[name]
    write(tmp_path / "x.json")
    document = json.loads((tmp_path / "x.json").read_text()) | {"format": format_}
    if format_ == "gone":
        del document["format"]
    (tmp_path / "x.json").write_text(json.dumps(document))
    with pytest.raises(ResumeRefused, match="format"):
        read(tmp_path / "x.json")


@pytest.mark.parametrize("name", FILES)
def test_an_unknown_and_a_missing_field_are_refused_by_name(tmp_path: Path, name: str) -> None:
    write, read, _ = FILES[name]
    write(tmp_path / "x.json")
    whole = json.loads((tmp_path / "x.json").read_text())
    for target in _records(whole):
        target["from_the_future"] = 1
    (tmp_path / "x.json").write_text(json.dumps(whole))
    with pytest.raises(ResumeRefused, match="from_the_future"):
        read(tmp_path / "x.json")
    for target in _records(whole):
        del target["from_the_future"]
        required = next(k for k in target if k in ("id", "name", "state", "verdict", "step", "epochs"))
        del target[required]
    (tmp_path / "x.json").write_text(json.dumps(whole))
    with pytest.raises(ResumeRefused, match=f"{required} is missing"):
        read(tmp_path / "x.json")


def _records(document: dict[str, Any]) -> list[dict[str, Any]]:
    for key in ("lines", "references"):
        if key in document:
            return list(document[key])
    return [document]


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [
        (CheckLine, "level", "fine"),
        (CheckLine, "id", 3),
        (CheckLine, "value", [1]),
        (Reference, "correct", [1, 0]),
        (Reference, "metrics", {"val_accuracy": "0.5"}),
        (Outcome, "epochs_run", 3.0),
        (Outcome, "epochs_run", True),
        (Outcome, "utilization", [0.5]),
        (Decision, "interval", [0.1]),
        (Decision, "verdict", True),
        (PlanChange, "step", "7"),
        (Item, "state", None),
    ],
)
def test_a_field_of_another_kind_is_named(kind: Any, field: str, value: object) -> None:
    whole = {
        CheckLine: LINES[0],
        Reference: REFERENCES[0],
        Outcome: OUTCOME,
        Decision: DECISION,
        PlanChange: PLAN.changes[0],
        Item: Item(id="a", state="passed", value="1", evidence="x"),
    }[kind]
    assert io.from_json(kind, io.to_json(whole)) is not None
    with pytest.raises(ValueError, match=field):
        io.from_json(kind, io.to_json(whole) | {field: value})


@pytest.mark.parametrize("content", [b"", b"[]", b"null", b"{", b"\xff\xfe", b"[" * 50_000])
def test_a_damaged_file_is_refused_with_its_name(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "outcome.json").write_bytes(content)
    with pytest.raises(ResumeRefused) as caught:
        io.read_outcome(tmp_path / "outcome.json")
    assert "outcome.json" in caught.value.where


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ResumeRefused):
        io.read_decision(tmp_path / "decision.json")


@settings(deadline=None)
@given(st.text(), st.floats() | st.text() | st.none(), st.floats())
def test_any_check_line_survives(message: str, value: float | str | None, seconds: float) -> None:
    line = CheckLine(id="x", level="ok", message=message, value=value, seconds=seconds)
    text = json.dumps(io.to_json(line), allow_nan=False)
    assert repr(io.from_json(CheckLine, json.loads(text))) == repr(line)
