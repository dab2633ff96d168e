from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from firstlight.errors import ResumeRefused
from firstlight.experiment import store
from firstlight.experiment.folder import Folder
from firstlight.report.write import write_report
from firstlight.results.facts import read_facts
from firstlight.text import duration, number

SECTIONS = (
    "Configuration",
    "Final metrics",
    "Training profile",
    "Checkpoints",
    "Curves",
    "Environment",
    "Decision",
)
MOST_BYTES = 1_000_000  # FAULTS BI12


def rows_under(page: str, heading: str) -> list[list[str]]:
    """Cells of the first table after a heading, escapes taken off."""
    lines = page.split(f"{heading}\n", 1)[1].splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("|"))
    rows = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        rows.append([re.sub(r"\\(.)", r"\1", cell).strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]])
    return rows


@pytest.mark.requirement("P2.14")
def test_the_report_has_all_seven_sections_in_order_and_its_plots(plain_run: Folder) -> None:
    folder = plain_run
    titles = re.findall(r"^## \d\. (.*)$", folder.results.read_text("utf-8"), flags=re.M)
    assert tuple(titles) == SECTIONS
    assert {p.name for p in folder.plots.iterdir()} == {
        "curves.png",
        "throughput.png",
        "confusion.png",
        "calibration.png",
        "worst_examples.png",
    }


@pytest.mark.requirement("P2.14")
@pytest.mark.parametrize(
    ("task", "headings", "drawn"),
    [
        (
            "regression",
            ["How large the errors are", "Where the errors are", "Rows with the largest errors"],
            {"predicted_true.png", "error_by_target.png"},
        ),
        ("multilabel", ["Each label", "Rows that the model gets most wrong"], {"label_f1.png"}),
    ],
)
def test_each_task_has_its_own_part_and_nothing_of_another(
    build_experiment: Any, report_on: Any, task: str, headings: list[str], drawn: set[str]
) -> None:
    folder = build_experiment(task=task)
    report_on(folder)
    page = folder.results.read_text("utf-8")
    assert tuple(re.findall(r"^## \d\. (.*)$", page, flags=re.M)) == SECTIONS
    section = page.split("## 2. Final metrics")[1].split("## 3.")[0]
    assert re.findall(r"^### (.*)$", section, flags=re.M)[1:] == headings
    assert {p.name for p in folder.plots.iterdir()} == {"curves.png", "throughput.png", *drawn}
    assert set(re.findall(r"!\[.*?\]\(plots/(.*?)\)", page)) == {p.name for p in folder.plots.iterdir()}
    assert "**Note:**" not in section
    for word in ("camera", "confidence be believed", "Most confused"):
        assert word not in page


@pytest.mark.requirement("X12")
def test_the_worst_rows_of_a_regression_are_those_of_the_predictions(
    build_experiment: Any, report_on: Any
) -> None:
    folder = build_experiment(task="regression")
    report_on(folder)
    with np.load(folder.predictions) as archive:
        errors = archive["predictions"] - archive["targets"]
        worst = np.argsort(-np.abs(errors))[:24]
        expected = [
            [str(archive["ids"][i]), number(archive["targets"][i]), number(archive["predictions"][i])]
            for i in worst
        ]
    rows = rows_under(folder.results.read_text("utf-8"), "### Rows with the largest errors")
    assert [row[:3] for row in rows] == expected
    assert [row[3].startswith("+") for row in rows] == [bool(errors[i] > 0) for i in worst]


@pytest.mark.requirement("X12")
def test_references_of_a_regression_are_shown_in_three_metrics_with_their_pairs(
    build_experiment: Any, report_on: Any
) -> None:
    folder = build_experiment(task="regression", skill=2.0)
    report_on(folder)
    page = folder.results.read_text("utf-8")
    recorded = {r["name"]: r["metrics"] for r in store.read_json(folder.references)["references"]}
    rows = rows_under(page, "### Beside simple models on the same split")
    assert [row[0] for row in rows] == ["this model", "mean", "linear"]
    for name, *cells in rows[1:]:
        assert cells[:3] == [number(recorded[name][m]) for m in ("val_r2", "val_rmse", "val_mae")]
        assert cells[3].startswith("+")
    assert "paired bootstrap over rows" in page
    assert "Better than 2 of 2 references in validation R², beyond the interval" in page


@pytest.mark.requirement("P2.14")
def test_the_report_comes_from_the_files_alone_wherever_they_lie(
    build_experiment: Any, report_on: Any, tmp_path: Path
) -> None:
    folder = build_experiment()
    written = report_on(folder)
    assert set(written) == {folder.results, folder.report, *folder.plots.iterdir()}
    before = {p: p.read_bytes() for p in [folder.results, folder.report, *folder.plots.iterdir()]}
    for path in before:
        path.unlink()
    write_report(folder)
    assert {p: p.read_bytes() for p in before} == before
    moved = Folder(tmp_path / "elsewhere")
    shutil.move(folder.root, moved.root)
    write_report(moved)
    assert "elsewhere" in moved.results.read_text("utf-8")


@pytest.mark.requirement("X12")
def test_every_number_of_the_epoch_table_is_the_one_in_the_metrics_file(plain_run: Folder) -> None:
    folder = plain_run
    rows = rows_under(folder.results.read_text("utf-8"), "## 5. Curves")
    epochs = store.read_json(folder.metrics)["epochs"]
    columns = (
        "train_loss",
        "val_loss",
        "val_accuracy",
        "val_balanced_accuracy",
        "val_macro_f1",
        "learning_rate",
        "grad_norm",
    )
    assert [row[1:8] for row in rows] == [[number(e[c]) for c in columns] for e in epochs]
    assert [row[8] for row in rows] == [duration(e["seconds"]) for e in epochs]


@pytest.mark.requirement("X12")
def test_every_final_metric_is_the_one_in_the_file_that_the_row_names(plain_run: Folder) -> None:
    folder = plain_run
    checked = 0
    for _, shown, _, source in rows_under(folder.results.read_text("utf-8"), "## 2. Final metrics"):
        found = re.fullmatch(r"logs/metrics\.json#epochs\[(\d+)\]\.(\w+)", source)
        if found:
            assert shown == number(store.read_json(folder.metrics)["epochs"][int(found[1])][found[2]])
            checked += 1
    assert checked == 5


@pytest.mark.requirement("X12")
def test_figures_of_references_utilization_and_time_are_those_of_their_files(plain_run: Folder) -> None:
    folder = plain_run
    page = folder.results.read_text("utf-8")
    references = {
        r["name"].replace("_", " "): r["metrics"] for r in store.read_json(folder.references)["references"]
    }
    for name, accuracy, loss, *_ in rows_under(page, "### Beside simple models on the same split")[1:]:
        assert (accuracy, loss) == (
            number(references[name]["val_accuracy"]),
            number(references[name]["val_loss"]),
        )
    outcome = store.read_json(folder.outcome)
    profile = dict(rows_under(page, "## 3. Training profile"))
    assert profile["Command until this report"].startswith(duration(outcome["command_seconds"]) + " of ")
    assert profile["Parameters"] == f"{outcome['parameters']:,}"


@pytest.mark.requirement("P2.7")
def test_utilization_is_given_with_mean_minimum_samples_and_how_it_was_measured(
    build_experiment: Any, report_on: Any
) -> None:
    folder = build_experiment(utilization=0.5)
    report_on(folder)
    page = folder.results.read_text("utf-8")
    rows = dict(rows_under(page, "### Utilization"))
    assert (rows["Mean"], rows["Lowest sample"], rows["Samples"], rows["Target"]) == (
        "50.0 %",
        "25.0 %",
        "480",
        "60.0 %",
    )
    assert "processor time of this process over its capacity" in page
    assert "Below the target" in page


@pytest.mark.requirement("P2.7")
def test_utilization_that_could_not_be_measured_is_said_to_be_so(
    build_experiment: Any, report_on: Any
) -> None:
    folder = build_experiment(utilization=None)
    report_on(folder)
    assert "no counter is known for the device mps" in folder.results.read_text("utf-8")


def test_a_run_that_left_nothing_still_has_a_report(tmp_path: Path, report_on: Any) -> None:
    folder = Folder(tmp_path / "empty")
    folder.root.mkdir()
    assert report_on(folder) == (folder.results, folder.report)
    page = folder.results.read_text("utf-8")
    assert "**FAILED**" in page
    assert "![" not in page  # no link to a plot that is not there


@pytest.mark.parametrize("epochs", [1, 3])
def test_a_run_that_an_alarm_stopped_names_the_page_to_read(
    build_experiment: Any, report_on: Any, epochs: int
) -> None:
    folder = build_experiment(alarm="nan_loss", epochs=epochs)
    report_on(folder)
    for path in (folder.results, folder.report):
        content = path.read_text("utf-8")
        assert "firstlight explain nan_loss" in content
        assert "the loss was nan at step 97" in content


def test_a_figure_that_differs_between_files_is_told_in_the_report(
    build_experiment: Any, report_on: Any
) -> None:
    folder = build_experiment()
    outcome = store.read_json(folder.outcome)
    outcome["reloaded_metrics"]["val_accuracy"] = 0.25
    store.write_json(folder.outcome, outcome)
    report_on(folder)
    page = folder.results.read_text("utf-8")
    assert "0.25 in logs/outcome.json" in page
    assert "✗ The best checkpoint, loaded again" in page


def test_the_report_says_what_was_not_verified(plain_run: Folder) -> None:
    folder = plain_run
    after = folder.results.read_text("utf-8").split("### What was not")[1]
    assert "One seed only (7)" in after
    assert "test part stays sealed" in after
    assert "only 500 rows" in after


def test_attempts_and_plan_changes_are_listed(build_experiment: Any, report_on: Any) -> None:
    folder = build_experiment()
    build_experiment("run/attempts/1", epochs=2, alarm="nan_loss")
    report_on(folder)
    page = folder.results.read_text("utf-8")
    assert [row[0] for row in rows_under(page, "### Attempts")] == ["attempts/1", "this one"]
    assert rows_under(page, "### Changes of the plan")[0][3] == "400 s predicted, 300 s left"


@pytest.mark.requirement("BI12")
def test_ten_thousand_classes_give_a_report_under_a_megabyte(build_experiment: Any, report_on: Any) -> None:
    folder = build_experiment(classes=tuple(f"class {i:05}" for i in range(10_000)), rows=600)
    report_on(folder)
    assert folder.results.stat().st_size < 100_000
    assert folder.report.stat().st_size < MOST_BYTES  # embedded pictures and all


def test_the_facts_of_the_report_are_those_that_were_judged(plain_run: Folder) -> None:
    folder = plain_run
    low, high = read_facts(folder).figures.intervals["val_accuracy"]  # type: ignore[union-attr]
    assert f"{number(low)} to {number(high)}" in folder.results.read_text("utf-8").splitlines()[6]


def test_the_gate_in_the_report_is_that_of_the_finished_experiment(plain_run: Folder) -> None:
    from firstlight.gates.status import compute_gates

    page = plain_run.results.read_text("utf-8")
    for gate in compute_gates(plain_run):
        rows = rows_under(
            page, next(line for line in page.splitlines() if f"Gate of the {gate.phase} phase" in line)
        )
        marks = {"passed": "yes", "failed": "no", "not_applicable": "n/a", "needs_person": "open"}
        assert [(row[0], row[1]) for row in rows] == [(item.id, marks[item.state]) for item in gate.items]


def test_without_a_decision_there_is_no_report(build_experiment: Any) -> None:
    folder = build_experiment(rows=60)
    with pytest.raises(ResumeRefused, match="a record of the run cannot be read"):
        write_report(folder)
    assert not folder.results.exists()


@pytest.mark.requirement("P1.7")
def test_what_setup_found_is_a_table_for_people(build_experiment: Any, report_on: Any) -> None:
    folder = build_experiment()
    store.write_json(
        folder.profile,
        {
            "format": 1,
            "shown": [["Images", "70: train 56"]],
            "warnings": ["two <b> classes"],
            "modes": {"RGB": 70},
        },
    )
    report_on(folder)
    page = folder.results.read_text("utf-8")
    assert dict(rows_under(page, "### Data")) == {"Images": "70: train 56"}
    assert "two &lt;b&gt; classes" in page
