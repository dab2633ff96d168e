from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests_gates import change_config, change_outcome, write_decision

from firstlight.experiment import records_io, store
from firstlight.experiment.folder import Folder
from firstlight.experiment.lock import lock
from firstlight.gates.status import compute_gates, compute_status, confirm_again, write_status

PHASES = ["setup", "baseline", "diagnosis", "optimization", "final"]
UNCHANGED = "unchanged_since_passed"


def gate(status: dict[str, Any], phase: str) -> dict[str, Any]:
    return dict(status["phases"][phase]["gate"])


def is_open(folder: Folder) -> tuple[bool, bool]:
    setup, baseline = compute_gates(folder)
    return setup.open, baseline.open


class TestTheDocument:
    @pytest.mark.requirement("X3")
    def test_it_is_the_contracts_and_what_is_printed_is_what_is_written(self, trained: Folder) -> None:
        written = write_status(trained)
        assert store.read_json(trained.status) == json.loads(json.dumps(written))
        assert list(written["phases"]) == PHASES
        assert written["format"] == 1
        assert written["task"] == "image_classification"
        assert written["experiment"] == str(trained.root)
        assert written["next"] == f"firstlight finalize {trained.root}"
        for phase in ("setup", "baseline"):
            found = gate(written, phase)
            assert found["open"] is True
            assert found["missing"] == []
            assert found["total"] == len(found["items"]) == found["passed"] + found["not_applicable"]
            assert all({"id", "state", "value", "evidence"} <= item.keys() for item in found["items"])
        decision = written["decision"]
        assert decision["verdict"] == "accept"
        assert {"reasons", "metric", "value", "interval", "target", "reference"} <= decision.keys()

    @pytest.mark.requirement("X3", "X6")
    def test_later_phases_say_which_phase_comes_first(self, trained: Folder) -> None:
        status = compute_status(trained)
        for phase, before in (
            ("diagnosis", "baseline"),
            ("optimization", "diagnosis"),
            ("final", "baseline"),
        ):
            assert status["phases"][phase]["state"] == "not_started"
            assert f"the phase {before} must" in gate(status, phase)["items"][0]["value"]
            assert gate(status, phase)["open"] is False
            assert gate(status, phase)["missing"] == ["earlier_gate_open"]

    def test_looking_writes_nothing(self, trained: Folder) -> None:
        before = sorted(trained.root.rglob("*"))
        compute_status(trained)
        assert sorted(trained.root.rglob("*")) == before

    def test_another_name_can_be_shown_while_the_folder_is_being_made(self, set_up: Folder) -> None:
        written = write_status(set_up, shown=Path("runs/digits-1"))
        assert written["experiment"] == "runs/digits-1"
        assert written["next"] == "firstlight train runs/digits-1"
        assert str(set_up.root) not in set_up.status.read_text()

    @pytest.mark.requirement("X6")
    def test_the_route_keeps_the_date_of_its_decision(
        self, trained: Folder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("firstlight.gates.status._now", lambda: "2026-01-01T00:00:00Z")
        first = write_status(trained)["route"]
        assert first["date"] == "2026-01-01T00:00:00Z"
        assert {"rule", "numbers", "alternative"} <= first.keys()
        monkeypatch.setattr("firstlight.gates.status._now", lambda: "2026-02-02T00:00:00Z")
        assert write_status(trained)["route"] == first
        trained.results.unlink()
        assert write_status(trained)["route"]["date"] == "2026-02-02T00:00:00Z"

    @pytest.mark.requirement("X10")
    def test_time_is_held_against_the_budget(self, trained: Folder) -> None:
        change_outcome(trained, command_seconds=2800.0)
        baseline = compute_status(trained)["phases"]["baseline"]
        assert (baseline["seconds"], baseline["budget_seconds"], baseline["over_budget"]) == (
            2800.0,
            2700.0,
            True,
        )

    def test_a_value_that_is_no_number_is_null(self, trained: Folder) -> None:
        change_outcome(trained, state="halted", alarm="nan_loss")
        write_decision(trained)
        written = write_status(trained)
        assert written["decision"]["verdict"] == "failed"
        assert written["phases"]["baseline"]["state"] == "failed"
        assert written["next"].startswith("firstlight diagnose")


class TestStates:
    def test_after_setup(self, set_up: Folder) -> None:
        status = compute_status(set_up)
        assert [status["phases"][p]["state"] for p in PHASES[:2]] == ["complete", "not_started"]
        assert status["decision"] is None
        assert status["next"] == f"firstlight train {set_up.root}"

    @pytest.mark.requirement("P1.10")
    def test_with_an_open_item(self, set_up: Folder) -> None:
        set_up.confirmed.unlink()
        status = compute_status(set_up)
        assert status["phases"]["setup"]["state"] == "incomplete"
        assert "earlier_gate_open" in gate(status, "baseline")["missing"]

    def test_an_interrupted_training_is_to_be_resumed(self, trained: Folder) -> None:
        trained.outcome.unlink()
        trained.decision.unlink()
        status = compute_status(trained)
        assert status["phases"]["baseline"]["state"] == "interrupted"
        assert status["next"] == f"firstlight train {trained.root} --resume"

    def test_a_training_that_runs_in_another_process(self, trained: Folder) -> None:
        trained.outcome.unlink()
        code = (
            "import sys; from pathlib import Path; from firstlight.experiment.folder import Folder;"
            "from firstlight.experiment.lock import lock\n"
            "with lock(Folder(Path(sys.argv[1]))): print('held', flush=True); sys.stdin.read()"
        )
        with subprocess.Popen(
            [sys.executable, "-c", code, str(trained.root)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as other:
            assert other.stdout is not None
            assert other.stdout.readline() == "held\n"
            assert compute_status(trained)["phases"]["baseline"]["state"] == "running"
            other.communicate()
        assert compute_status(trained)["phases"]["baseline"]["state"] == "interrupted"

    def test_the_process_that_works_does_not_call_itself_running(self, trained: Folder) -> None:
        trained.outcome.unlink()
        with lock(trained):
            assert compute_status(trained)["phases"]["baseline"]["state"] == "interrupted"


class TestBypass:
    """Attempts to open a gate, or to keep it open, without the evidence."""

    @pytest.mark.requirement("X2")
    def test_an_edited_report_opens_nothing(self, trained: Folder) -> None:
        change_outcome(trained, utilization={"mean": 0.1, "min": 0.1, "samples": 9.0})
        trained.results.write_text(
            "# All gates open. Utilization 99 %. Verdict: accept.\n- [x] `utilization_documented` passed\n"
        )
        trained.report.write_text("<p>Gate open</p>")
        assert is_open(trained) == (True, False)

    @pytest.mark.requirement("X2")
    def test_ticked_boxes_open_nothing(self, set_up: Folder) -> None:
        (set_up.root / "splits.npz").unlink()
        write_status(set_up)
        page = set_up.checklists / "reproducibility.md"
        page.write_text(page.read_text().replace("[ ]", "[x]").replace("**open**", "passed"))
        assert is_open(set_up) == (False, False)

    @pytest.mark.requirement("X2")
    def test_a_status_that_says_open_opens_nothing(self, set_up: Folder) -> None:
        (set_up.root / "splits.npz").unlink()
        document = write_status(set_up)
        for phase in document["phases"].values():
            phase |= {"state": "complete", "gate": {"open": True, "missing": [], "items": []}}
        store.write_json(set_up.status, document)
        assert is_open(set_up) == (False, False)

    @pytest.mark.requirement("X2", "P2.15")
    def test_a_verdict_written_by_hand_opens_nothing(self, trained: Folder) -> None:
        change_config(trained, acceptance={"at_least": 0.999})
        confirm_again(trained, "setup")
        change_outcome(trained, inputs={})
        write_decision(trained)
        assert compute_status(trained)["decision"]["verdict"] == "optimize"
        decision = store.read_json(trained.decision)
        store.write_json(trained.decision, decision | {"verdict": "accept"})
        assert "decision_made" in compute_gates(trained)[1].missing

    @pytest.mark.requirement("X5")
    @pytest.mark.parametrize(
        ("name", "both"),
        [
            ("training_config.yaml", True),
            ("environment.json", True),
            ("splits.npz", True),
            ("logs/profile.json", True),
            ("uncommitted.patch", True),
            ("logs/metrics.json", False),
            ("logs/outcome.json", False),
            ("logs/references.json", False),
            ("logs/predictions_val.npz", False),
            ("checkpoints/best_model.pt", False),
            ("checkpoints/checkpoint_epoch_4.pt", False),
        ],
    )
    @pytest.mark.parametrize("how", ["deleted", "changed"])
    def test_an_artifact_that_changes_shuts_its_gate_and_the_later_ones(
        self, trained: Folder, name: str, both: bool, how: str
    ) -> None:
        write_status(trained)
        assert is_open(trained) == (True, True)
        path = trained.root / name
        before = path.read_bytes()
        if how == "deleted":
            path.unlink()
        else:
            path.write_bytes(before + b"\n")
        setup, baseline = compute_gates(trained)
        assert not baseline.open
        assert setup.open is not both
        shut = setup if both else baseline
        (item,) = [i for i in shut.items if i.id == UNCHANGED]
        assert f"{name} {'is gone' if how == 'deleted' else 'has changed'}" in item.value
        write_status(trained)
        assert not compute_gates(trained)[1].open  # writing the status again forgives nothing
        path.write_bytes(before)
        assert is_open(trained) == (True, True)  # put back as it was

    @pytest.mark.requirement("X5")
    def test_a_config_changed_after_training_stays_noticed_when_the_status_is_deleted(
        self, trained: Folder
    ) -> None:
        write_status(trained)
        change_config(trained, training={"learning_rate": 0.5})
        trained.status.unlink()
        assert is_open(trained) == (True, False)
        assert "setup_holds" in compute_gates(trained)[1].missing

    @pytest.mark.requirement("X5")
    def test_confirming_a_changed_config_does_not_carry_the_old_result_over(self, trained: Folder) -> None:
        write_status(trained)
        change_config(trained, training={"learning_rate": 0.5})
        assert confirm_again(trained, "setup").open
        assert is_open(trained) == (True, False)

    def test_reports_may_be_written_again(self, trained: Folder) -> None:
        write_status(trained)
        trained.results.write_text("# Baseline, written again\n")
        assert is_open(trained) == (True, True)


class TestConfirmAgain:
    def test_a_meant_change_before_training_is_taken(self, set_up: Folder) -> None:
        write_status(set_up)
        change_config(set_up, training={"learning_rate": 0.5})
        assert compute_gates(set_up)[0].missing == (UNCHANGED,)
        assert confirm_again(set_up, "setup").open
        assert compute_gates(set_up)[0].open
        assert gate(store.read_json(set_up.status), "setup")["open"] is True

    def test_a_change_that_breaks_an_item_is_not_taken(self, set_up: Folder) -> None:
        write_status(set_up)
        before = gate(store.read_json(set_up.status), "setup")["artifacts"]
        change_config(set_up, precision={"compute": "auto"})
        assert confirm_again(set_up, "setup").missing == ("config_complete", UNCHANGED)
        assert gate(store.read_json(set_up.status), "setup")["artifacts"] == before

    def test_the_status_is_whole_at_every_moment(
        self, set_up: Folder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write_status(set_up)
        seen: list[dict[str, Any]] = []
        real = os.replace

        def look(source: Any, to: Any) -> None:
            real(source, to)
            if Path(to).name == "status.json":
                seen.append(store.read_json(set_up.status))

        monkeypatch.setattr(os, "replace", look)
        confirm_again(set_up, "setup")
        assert seen
        assert all(list(document["phases"]) == PHASES for document in seen)


@pytest.mark.parametrize(
    "damage", ["", "{", "[]", '{"format": 9}', '{"format": 1, "phases": {"setup": 3}, "route": 4}']
)
def test_a_lost_or_damaged_status_is_computed_from_the_artifacts(trained: Folder, damage: str) -> None:
    before = write_status(trained)
    trained.status.write_text(damage)
    after = write_status(trained)
    for status in (before, after):
        for phase in ("setup", "baseline"):
            for moment in ("computed_at", "passed_at"):
                status["phases"][phase]["gate"].pop(moment)
        status["route"].pop("date")
    assert after == before


class TestChecklists:
    def test_the_totals_are_counted_and_the_open_items_named(self, trained: Folder) -> None:
        write_status(trained)
        page = (trained.checklists / "post_baseline.md").read_text()
        assert "The gate is open: 16 of 18 items passed, 2 not applicable." in page
        assert page.count("- [x]") == 16
        assert page.count("- [-]") == 2
        trained.results.unlink()
        write_status(trained)
        page = (trained.checklists / "post_baseline.md").read_text()
        assert "**The gate is shut**: 15 of 18 items passed, 2 not applicable; open: results_written." in page

    def test_before_training_there_is_no_second_page(self, set_up: Folder) -> None:
        write_status(set_up)
        assert [p.name for p in set_up.checklists.glob("*.md")] == ["reproducibility.md"]

    @pytest.mark.requirement("H08", "H09")
    def test_hostile_text_is_escaped(self, trained: Folder) -> None:
        hostile = "bad\x1b[31m\n- [x] `groups_are_whole` <img src=x onerror=1> [link](http://x) | `tick`"
        change_outcome(trained, reason=hostile)
        write_status(trained)
        page = (trained.checklists / "post_baseline.md").read_text()
        assert "\x1b" not in page
        assert "<img" not in page
        assert "[link](" not in page
        assert not [line for line in page.splitlines() if line.startswith("- [x] `groups_are_whole`")]


def test_the_decision_of_the_status_is_the_record(trained: Folder) -> None:
    recorded = records_io.read_decision(trained.decision)
    assert compute_status(trained)["decision"]["reasons"] == list(recorded.reasons)
