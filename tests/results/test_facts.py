from __future__ import annotations

import json
import sys
from pathlib import Path
from subprocess import run
from typing import Any

import numpy as np
import pytest

from firstlight.experiment import store
from firstlight.experiment.folder import Folder
from firstlight.results.evidence import evidence
from firstlight.results.facts import read_facts

TASKS = {"classification": "val_accuracy", "multilabel": "val_macro_f1", "regression": "val_r2"}


@pytest.mark.requirement("X12")
def test_every_figure_is_the_one_in_the_file_that_it_names(build_experiment: Any) -> None:
    folder = build_experiment()
    facts = read_facts(folder)
    epochs = store.read_json(folder.metrics)["epochs"]
    assert facts.problems == ()
    assert facts.best is not None
    for name in ("val_loss", "val_accuracy", "val_balanced_accuracy", "val_macro_f1"):
        figure = facts.figure(name)
        assert figure is not None
        assert figure.source == f"logs/metrics.json#epochs[{facts.best.epoch - 1}].{name}"
        assert figure.value == epochs[facts.best.epoch - 1][name]


def test_an_empty_folder_gives_empty_facts_and_no_problem(tmp_path: Path) -> None:
    facts = read_facts(Folder(tmp_path))
    assert (facts.outcome, facts.config, facts.epochs, facts.problems) == (None, None, (), ())
    assert facts.figure("val_accuracy") is None


@pytest.mark.parametrize(
    "name",
    [
        "training_config.yaml",
        "environment.json",
        "logs/profile.json",
        "logs/preflight.json",
        "logs/references.json",
        "logs/references.npz",
        "logs/metrics.json",
        "logs/plan.json",
        "logs/outcome.json",
        "logs/predictions_val.npz",
        "logs/worst_images.npz",
        "checkpoints/manifest.json",
    ],
)
@pytest.mark.parametrize("content", [None, b"", b"{", b"[1, 2]", b"\x80\x04K\x01.", b'{"format": 1}'])
def test_a_missing_or_damaged_file_is_no_reason_to_fail(
    build_experiment: Any, name: str, content: bytes | None
) -> None:
    folder = build_experiment(rows=60, epochs=2, classes=("a", "b"), metric="val_auroc")
    path = folder.root / name
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
    facts = read_facts(folder)
    told = any(name in problem for problem in facts.problems)
    valid_but_empty = content in (None, b'{"format": 1}') or (name.endswith(".yaml") and content == b"")
    assert told or valid_but_empty


def test_a_record_with_a_key_of_a_later_version_is_read(build_experiment: Any) -> None:
    folder = build_experiment(rows=60)
    outcome = store.read_json(folder.outcome)
    store.write_json(folder.outcome, outcome | {"invented_later": 1})
    assert read_facts(folder).outcome is not None


def test_a_metric_that_differs_between_two_files_is_told(build_experiment: Any) -> None:
    folder = build_experiment(rows=60)
    outcome = store.read_json(folder.outcome)
    outcome["best_metrics"]["val_accuracy"] = 0.123
    store.write_json(folder.outcome, outcome)
    assert [p for p in read_facts(folder).problems if "val_accuracy" in p and "0.123" in p]


def test_objects_in_an_npz_are_not_loaded(build_experiment: Any) -> None:
    folder = build_experiment(rows=60)
    with folder.predictions.open("wb") as file:
        np.savez(
            file,
            ids=np.array([{}], dtype=object),
            task="classification",
            targets=[0],
            predictions=[[1.0]],
            classes=["a"],
        )
    facts = read_facts(folder)
    assert facts.predictions is None
    assert any("predictions_val.npz" in p for p in facts.problems)


def test_earlier_attempts_are_read_in_order(build_experiment: Any) -> None:
    folder = build_experiment(rows=60)
    for number in (10, 2, 1):
        build_experiment(f"run/attempts/{number}", rows=60, epochs=number, alarm="nan_loss")
    attempts = read_facts(folder).attempts
    assert [(a.number, a.epochs) for a in attempts] == [(1, 1), (2, 2), (10, 10)]
    assert all(a.outcome is not None and a.outcome.alarm == "nan_loss" for a in attempts)


def test_values_that_were_not_finite_come_back_as_nan(build_experiment: Any) -> None:
    last = read_facts(build_experiment(rows=60, alarm="nan_loss")).epochs[-1]
    assert np.isnan(last.train_loss)
    assert np.isnan(last.metrics["val_loss"])


def test_references_with_another_number_of_rows_are_not_paired_and_told(build_experiment: Any) -> None:
    folder = build_experiment(rows=60)
    content = store.read_json(folder.references)
    content["references"][1]["correct"].append(True)
    store.write_json(folder.references, content)
    facts = read_facts(folder)
    assert list(facts.paired) == ["majority"]
    assert any("logistic_regression" in p for p in facts.problems)


@pytest.mark.requirement("X12")
@pytest.mark.parametrize("task", TASKS)
def test_each_task_has_its_metric_its_figures_and_its_pairs(build_experiment: Any, task: str) -> None:
    facts = read_facts(build_experiment(task=task, target=None, skill=2.0))
    assert facts.problems == ()
    assert (facts.task, facts.metric) == (task, TASKS[task])
    figure, reference = facts.figure(facts.metric), facts.references[1]
    assert figure is not None
    assert facts.figures is not None
    assert facts.figures.metrics[facts.metric] == pytest.approx(figure.value, rel=1e-5)
    low, high = facts.interval(facts.metric) or (1, 0)
    assert low < figure.value < high
    pair = facts.paired[reference.name]
    assert pair.difference == pytest.approx(figure.value - reference.metrics[facts.metric], rel=1e-4)
    assert facts.beats(reference.name)


@pytest.mark.parametrize("metric", ["val_rmse", "val_mae", "val_loss"])
def test_less_is_better_for_errors(build_experiment: Any, metric: str) -> None:
    facts = read_facts(build_experiment(task="regression", metric=metric, target=900.0, skill=2.0))
    assert facts.lower_is_better
    assert all(pair.high < 0 for pair in facts.paired.values())
    assert facts.beats("mean")
    assert facts.beats("linear")
    assert not facts.beats("nobody")


def test_a_reference_whose_rows_give_another_figure_is_told(build_experiment: Any) -> None:
    folder = build_experiment(task="regression", rows=60)
    content = store.read_json(folder.references)
    content["references"][1]["metrics"]["val_r2"] = 0.123
    store.write_json(folder.references, content)
    assert [p for p in read_facts(folder).problems if "val_r2 of linear is 0.123" in p]


def test_predictions_of_an_unknown_task_are_told(build_experiment: Any) -> None:
    folder = build_experiment(task="regression", rows=60)
    with np.load(folder.predictions) as archive:
        arrays = dict(archive) | {"task": np.array("poetry")}
    store.write_npz(folder.predictions, arrays)
    facts = read_facts(folder)
    assert facts.figures is None
    assert any("'poetry' is not known" in problem for problem in facts.problems)


def test_files_that_changed_are_measured_anew_and_the_same_ones_are_not(build_experiment: Any) -> None:
    folder = build_experiment(rows=60)
    first = read_facts(folder)
    assert read_facts(folder).figures is first.figures
    with np.load(folder.predictions) as archive:
        arrays = dict(archive)
    arrays["targets"] = (arrays["targets"] + 1) % 10
    store.write_npz(folder.predictions, arrays)
    changed = read_facts(folder).figures
    assert changed is not None
    assert first.figures is not None
    assert changed.metrics["val_accuracy"] < first.figures.metrics["val_accuracy"]


def test_evidence_is_what_the_decision_takes(build_experiment: Any) -> None:
    from firstlight.decision.rules import Evidence, decide

    facts = read_facts(build_experiment(target=0.85, skill=6.0))
    decision = decide(Evidence(**evidence(facts)))
    figure = facts.figure("val_accuracy")
    assert figure is not None
    assert (decision.verdict, decision.value, decision.target) == ("accept", figure.value, 0.85)
    assert decision.interval == facts.interval("val_accuracy")


@pytest.mark.parametrize("task", TASKS)
def test_evidence_holds_the_pairs_of_the_judged_metric(build_experiment: Any, task: str) -> None:
    from firstlight.decision.rules import Evidence, decide

    facts = read_facts(build_experiment(task=task, target=None, skill=3.0))
    given = evidence(facts)
    assert given["metric"] == TASKS[task]
    assert set(given["paired"]) == {reference.name for reference in facts.references}
    assert decide(Evidence(**given)).verdict == "accept"


def test_reading_the_facts_does_not_load_torch(build_experiment: Any) -> None:
    folder = build_experiment(rows=60)
    program = (
        "import sys; from pathlib import Path; from firstlight.experiment.folder import Folder\n"
        "from firstlight.results.facts import read_facts\n"
        f"read_facts(Folder(Path({str(folder.root)!r}))); sys.exit('torch' in sys.modules)"
    )
    assert run([sys.executable, "-c", program], check=False).returncode == 0


RECORDS = ("metrics.json", "references.json", "outcome.json", "preflight.json", "plan.json", "profile.json")
WRONG = (None, "x", [], [1], {}, {"a": 1}, 10**400, -1, True, [[[]]], {"not_finite": []})


def replaced(value: Any, wrong: Any, depth: int = 3) -> Any:
    """The value with one of its parts wrong, each part in turn."""
    yield wrong
    if depth and isinstance(value, dict):
        for key in value:
            yield {k: v for k, v in value.items() if k != key}
            for inner in replaced(value[key], wrong, depth - 1):
                yield {**value, key: inner}
    if depth and isinstance(value, list) and value:
        for inner in replaced(value[0], wrong, depth - 1):
            yield [inner, *value[1:]]


@pytest.mark.parametrize("name", RECORDS)
def test_a_value_of_another_type_is_no_reason_to_fail(build_experiment: Any, name: str) -> None:
    folder = build_experiment(rows=20, epochs=1, classes=("a", "b"))
    for path in (folder.predictions, folder.reference_scores):
        path.unlink(missing_ok=True)  # they are measured, which takes its time
    path = folder.root / "logs" / name
    whole = store.read_json(path)
    for number, wrong in enumerate(WRONG):  # each place is wrong in one of the ways
        for document in list(replaced(whole, wrong))[number :: len(WRONG)]:
            path.write_text(json.dumps(document))
            facts = read_facts(folder)
            assert all(len(pair) == 2 for pair in facts.profile.get("shown", ())), document


@pytest.mark.parametrize("name", ["ids", "task", "targets", "predictions", "classes", "target_std"])
@pytest.mark.parametrize(
    "wrong",
    [np.array("x"), np.zeros((2, 2)), np.zeros(0), np.full(60, -1), np.array(["x"] * 60), np.array(1 + 2j)],
    ids=str,
)
def test_arrays_that_do_not_go_together_are_told(build_experiment: Any, name: str, wrong: Any) -> None:
    folder = build_experiment(rows=60, classes=("a", "b"))
    arrays = store.read_npz(folder.predictions)
    store.write_npz(folder.predictions, arrays | {name: wrong})
    facts = read_facts(folder)
    if name in ("targets", "predictions", "classes"):
        assert facts.predictions is None
        assert any("predictions_val.npz" in problem for problem in facts.problems)


@pytest.mark.parametrize(
    "wrong", [np.array("x"), np.zeros((2, 2)), np.array(["x"] * 60), np.full(60, np.nan)], ids=str
)
def test_answers_of_a_reference_that_do_not_fit_are_not_paired(build_experiment: Any, wrong: Any) -> None:
    folder = build_experiment(rows=60, classes=("a", "b"), metric="val_auroc")
    scores = store.read_npz(folder.reference_scores)
    store.write_npz(folder.reference_scores, dict.fromkeys(scores, wrong))
    assert read_facts(folder).paired == {}


@pytest.mark.parametrize("files", [[], {"last_model.pt": 3}, None])
def test_a_manifest_with_entries_that_are_none_is_told(build_experiment: Any, files: Any) -> None:
    folder = build_experiment(rows=60)
    folder.manifest.write_text(json.dumps({"format": 1, "files": files}))
    facts = read_facts(folder)
    assert facts.checkpoints == {}
    assert any("manifest.json" in problem for problem in facts.problems)


@pytest.mark.parametrize("field", ["sha256", "bytes", "step", "epoch", "next"])
@pytest.mark.parametrize("wrong", [None, "x", [], 1.5, {}], ids=str)
def test_an_entry_with_a_value_of_another_type_is_none(field: str, wrong: Any) -> None:
    from firstlight.experiment.manifest import entries, is_entry

    entry = {"sha256": "ab", "bytes": 1, "step": 2, "epoch": 3}
    assert is_entry(entry)
    assert is_entry(entry | {"next": entry})
    if (field, wrong) != ("sha256", "x"):
        assert not is_entry(entry | {field: wrong})
        assert entries({"files": {"a": entry | {field: wrong}, "b": entry}}) == {"b": entry}


@pytest.mark.parametrize(
    "wrong", ['{"shown": [[["a", "b"], ["c", "d"], 1]]}', '{"shown": {"a": "b"}}', '{"warnings": 3}']
)
def test_a_profile_that_has_not_its_form_is_told_and_left_away(build_experiment: Any, wrong: str) -> None:
    folder = build_experiment(rows=60, epochs=2, classes=("a", "b"), metric="val_auroc")
    folder.profile.write_text(wrong)
    facts = read_facts(folder)
    assert facts.profile == {}
    assert any("logs/profile.json cannot be read" in problem for problem in facts.problems)
