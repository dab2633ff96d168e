"""What a finished run leaves behind is what the contract promises."""

from __future__ import annotations

import json
import math
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from tests_flow import SHORT, error_lines, firstlight

FILES = (
    "training_config.yaml",
    "environment.json",
    "splits.npz",
    "status.json",
    "checklists/reproducibility.md",
    "checklists/post_baseline.md",
    "checkpoints/best_model.pt",
    "checkpoints/last_model.pt",
    "checkpoints/manifest.json",
    "logs/training.log",
    "logs/metrics.json",
    "baseline_results.md",
    "report.html",
    "plots/curves.png",
    "plots/confusion.png",
    "plots/calibration.png",
)


def load(path: Path):
    return json.loads(path.read_text(), parse_constant=lambda name: pytest.fail(f"{name} in {path}"))


@pytest.mark.requirement("X1", "P2.2")
def test_every_file_of_the_contract_is_there(finished):
    assert [name for name in FILES if not (finished / name).is_file()] == []
    for plot in (finished / "plots").iterdir():
        assert plot.read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    left = [p.name for p in finished.rglob("*") if p.name.startswith((".writing-", ".archiving"))]
    assert left == []


@pytest.mark.requirement("X3", "X6", "P2.15")
def test_the_status_has_the_form_of_the_contract(finished):
    status = load(finished / "status.json")
    assert status["format"] == 1
    assert status["task"] == "image_classification"
    assert set(status["phases"]) == {"setup", "baseline", "diagnosis", "optimization", "final"}
    for name in ("setup", "baseline"):
        gate = status["phases"][name]["gate"]
        assert gate["open"] is True
        assert gate["missing"] == []
        assert gate["total"] == len(gate["items"])
        for item in gate["items"]:
            assert item["state"] in ("passed", "not_applicable")
            assert item["evidence"]
    decision = status["decision"]
    assert decision["verdict"] in ("accept", "optimize")
    assert decision["metric"] == "val_accuracy"
    low, high = decision["interval"]
    assert low <= decision["value"] <= high
    assert decision["target"] == 0.97
    assert set(decision["reference"]) == {"name", "value"}
    assert status["next"].startswith("firstlight ")
    assert status["route"]["rule"]
    assert status["route"]["alternative"]


def test_json_is_one_document_and_the_same_as_the_status(finished):
    answer = json.loads((finished.parent / "answer.json").read_text())
    assert answer["decision"] == load(finished / "status.json")["decision"]


@pytest.mark.requirement("P2.6", "P2.7")
def test_metrics_have_one_whole_entry_for_each_epoch(finished):
    epochs = load(finished / "logs/metrics.json")["epochs"]
    assert [e["epoch"] for e in epochs] == [1, 2, 3, 4]
    wanted = {
        "train_loss", "val_loss", "val_accuracy", "val_balanced_accuracy", "val_macro_f1", "learning_rate",
        "grad_norm", "seconds", "examples_per_second", "data_wait", "utilization", "memory_bytes",
    }  # fmt: skip
    for entry in epochs:
        assert wanted <= entry.keys()
        assert 0 <= entry["data_wait"] <= 1
        assert 0 <= entry["utilization"] <= 1
        assert entry["examples_per_second"] > 0
    assert epochs[-1]["train_loss"] < epochs[0]["train_loss"]


@pytest.mark.requirement("P2.3")
def test_a_checkpoint_holds_tensors_and_plain_values_and_all_states(finished):
    saved = torch.load(finished / "checkpoints/last_model.pt", weights_only=True)
    assert {
        "model",
        "optimizer",
        "scheduler",
        "scaler",
        "epoch",
        "step",
        "config",
        "random",
        "best",
    } <= saved.keys()
    assert saved["epoch"] == 4
    assert {"python", "numpy", "torch", "cuda"} <= saved["random"].keys()
    assert saved["config"]["training"]["epochs"] == 4
    assert len(saved["records"]) == 4


@pytest.mark.requirement("P2.5", "X10")
def test_the_best_checkpoint_gives_its_numbers_again(finished):
    outcome = load(finished / "logs/outcome.json")
    assert outcome["reloaded_metrics"] == pytest.approx(outcome["best_metrics"], abs=1e-6)
    assert outcome["command_seconds"] < 5 * 60
    arrays = np.load(finished / "logs/predictions_val.npz", allow_pickle=False)
    right = (arrays["predictions"].argmax(1) == arrays["targets"]).mean()
    assert right == pytest.approx(outcome["best_metrics"]["val_accuracy"])


@pytest.mark.requirement("P1.6")
def test_the_split_is_frozen_and_its_parts_do_not_meet(finished):
    arrays = np.load(finished / "splits.npz", allow_pickle=False)
    train, val, test = (set(arrays[f"{part}_ids"].tolist()) for part in ("train", "val", "test"))
    assert len(train) + len(val) + len(test) == 1797
    assert len(train | val | test) == 1797
    assert len(val) == pytest.approx(180, abs=3)


@pytest.mark.requirement("P1.3", "P1.5", "X7")
def test_the_environment_names_versions_seeds_and_a_run_id(finished):
    environment = load(finished / "environment.json")
    assert environment["packages"]["torch"]
    assert environment["known_values"] is True
    assert len(environment["run_id"]) == 32
    assert any("0.6394" in line for line in environment["seeds"])
    assert environment["data"]["fingerprint"]


@pytest.mark.requirement("P2.13", "P1.9", "P1.8")
def test_references_and_preflight_are_recorded(finished):
    references = {r["name"]: r for r in load(finished / "logs/references.json")["references"]}
    assert {"majority", "logistic_regression", "nearest_neighbours"} <= references.keys()
    assert references["majority"]["metrics"]["val_accuracy"] < 0.2
    lines = {line["id"]: line for line in load(finished / "logs/preflight.json")["lines"]}
    for name in (
        "repeatable",
        "checkpoint_round_trip",
        "one_batch",
        "loss_at_start",
        "finish_time",
        "leakage",
    ):
        assert lines[name]["level"] == "ok", lines[name]


@pytest.mark.requirement("X12", "P2.14")
def test_every_value_of_the_epochs_in_the_report_is_that_of_the_metrics_file(finished):
    report = (finished / "baseline_results.md").read_text().replace("\\", "")
    epochs = load(finished / "logs/metrics.json")["epochs"]
    best = load(finished / "logs/outcome.json")["best_epoch"]
    value = next(e["val_accuracy"] for e in epochs if e["epoch"] == best)
    shown = [float(x) for x in re.findall(r"\| Result \| (\d(?:\.\d+)?) validation accuracy", report)]
    assert shown
    assert all(math.isclose(x, value, abs_tol=5e-4) for x in shown)


@pytest.mark.requirement("P2.14")
def test_the_report_is_written_again_from_the_logs_alone(copy):
    before = (copy / "baseline_results.md").read_text()
    for name in ("baseline_results.md", "report.html"):
        (copy / name).unlink()
    shutil.rmtree(copy / "plots")
    done = firstlight("report", "x", cwd=copy.parent)
    assert done.returncode == 0, done.stderr
    after = (copy / "baseline_results.md").read_text()
    assert after.splitlines()[:12] == before.splitlines()[:12]
    assert (copy / "plots/curves.png").is_file()


def test_the_html_report_loads_nothing_from_elsewhere(finished):
    page = (finished / "report.html").read_text()
    assert not re.search(r"(src|href)\s*=\s*[\"']?(https?:)?//", page)
    assert "Content-Security-Policy" in page


@pytest.mark.requirement("X5", "P1.10")
@pytest.mark.parametrize(
    "name", ["training_config.yaml", "splits.npz", "checkpoints/best_model.pt", "logs/metrics.json"]
)
def test_an_artifact_that_changes_after_its_gate_passed_shuts_it_and_the_later_ones(copy, name):
    path = copy / name
    content = path.read_bytes()
    path.write_bytes(content.replace(b"epochs: 4", b"epochs: 9") if name.endswith("yaml") else content[:-1])
    status = json.loads(firstlight("status", "x", "--json", cwd=copy.parent).stdout)
    assert status["phases"]["baseline"]["gate"]["open"] is False
    if name in ("training_config.yaml", "splits.npz"):
        assert "unchanged_since_passed" in status["phases"]["setup"]["gate"]["missing"]
        assert "earlier_gate_open" in status["phases"]["baseline"]["gate"]["missing"]


@pytest.mark.requirement("X2")
def test_a_report_edited_by_hand_and_ticked_boxes_open_nothing(copy):
    (copy / "logs/outcome.json").unlink()
    checklist = copy / "checklists/post_baseline.md"
    checklist.write_text(checklist.read_text().replace("[ ]", "[x]"))
    report = copy / "baseline_results.md"
    report.write_text(report.read_text().replace("OPTIMIZE", "ACCEPT"))
    status = json.loads(firstlight("status", "x", "--json", cwd=copy.parent).stdout)
    assert "training_completed" in status["phases"]["baseline"]["gate"]["missing"]


@pytest.mark.requirement("X2")
@pytest.mark.parametrize("content", [b"", b"not json", b'{"format": 1, "hashes": 7}'])
def test_a_damaged_status_is_made_again_from_the_artifacts(copy, content):
    (copy / "status.json").write_bytes(content)
    status = json.loads(firstlight("status", "x", "--json", cwd=copy.parent).stdout)
    assert status["phases"]["setup"]["gate"]["open"] is True
    assert status["decision"]["metric"] == "val_accuracy"


@pytest.mark.requirement("X7")
def test_a_finished_experiment_is_neither_overwritten_nor_trained_over(copy):
    before = {p: p.stat().st_mtime_ns for p in copy.rglob("*") if p.is_file() and p.name != ".lock"}
    for words in (("run", "sample:digits", "-o", "x"), ("train", "x"), ("init", "sample:digits", "-o", "x")):
        done = firstlight(*words, cwd=copy.parent)
        assert done.returncode == 2, done.stderr
        assert len(error_lines(done)) == 3
    after = {
        p: p.stat().st_mtime_ns
        for p in copy.rglob("*")
        if p.is_file() and p.name not in (".lock", "training.log")
    }
    assert after == {p: t for p, t in before.items() if p.name != "training.log"}


@pytest.mark.requirement("P2.4", "K01")
@pytest.mark.parametrize("last", ["decision", "plots", "page", "status"])
def test_a_kill_while_the_report_is_written_leaves_a_run_that_train_completes(copy, last):
    """The files of the end, in their order, are there up to one of them."""
    before = load(copy / "status.json")["decision"]
    files = ("logs/decision.json", "plots/curves.png", "baseline_results.md", "status.json")
    for name in files[("decision", "plots", "page", "status").index(last) :]:
        (copy / name).unlink()
    done = firstlight("train", "x", "--resume", cwd=copy.parent)
    assert done.returncode == 0, done.stderr
    assert load(copy / "status.json")["decision"] == before
    assert all((copy / name).is_file() for name in files)
    again = firstlight("train", "x", "--resume", cwd=copy.parent)
    assert error_lines(again)
    assert again.returncode == 2


@pytest.mark.requirement("R10", "P2.3")
def test_early_stopping_is_not_forgotten_when_the_run_dies_right_after_it(finished, tmp_path):
    """The last save is there, outcome.json is not: the resumed run ends with the epochs of the other one."""
    patience = ("--set", "early_stopping.patience=1", "--set", "early_stopping.min_delta=0.5")
    done = firstlight("run", "sample:digits", "-o", "early", *SHORT, *patience, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    early = tmp_path / "early"
    before = load(early / "logs/metrics.json")["epochs"]
    assert load(early / "logs/outcome.json")["state"] == "stopped_early"
    for name in ("logs/outcome.json", "logs/decision.json", "baseline_results.md", "status.json"):
        (early / name).unlink()
    again = firstlight("train", "early", "--resume", cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert load(early / "logs/outcome.json")["state"] == "stopped_early"
    assert load(early / "logs/metrics.json")["epochs"] == before
