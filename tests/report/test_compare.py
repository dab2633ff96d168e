from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from firstlight.experiment import store
from firstlight.experiment.folder import Folder
from firstlight.report.compare import compare


def shuffled(folder: Folder) -> None:
    """The same predictions in another order, with the classes in another order too."""
    with np.load(folder.predictions) as archive:
        rows = np.random.default_rng(0).permutation(len(archive["ids"]))
        if str(archive["task"]) == "regression":
            same = {name: archive[name] for name in archive.files}
            store.write_npz(
                folder.predictions,
                same | {name: same[name][rows] for name in ("ids", "targets", "predictions")},
            )
            return
        order = np.argsort(archive["classes"])[::-1]
        place = np.argsort(order)
        arrays = {
            "task": archive["task"],
            "ids": archive["ids"][rows],
            "targets": place[archive["targets"][rows]]
            if str(archive["task"]) == "classification"
            else archive["targets"][rows][:, order],
            "predictions": archive["predictions"][rows][:, order],
            "classes": archive["classes"][order],
        }
    store.write_npz(folder.predictions, arrays)


def test_the_same_rows_give_a_paired_interval(build_experiment: Any) -> None:
    strong, weak = build_experiment("strong", skill=5.0), build_experiment("weak", skill=2.0)
    text, document = compare([weak, strong])
    difference = document["differences"][0]
    accuracy = [e["value"] for e in document["experiments"]]
    assert difference["comparable"]
    assert difference["difference"] == pytest.approx(accuracy[1] - accuracy[0])
    assert 0 < difference["interval"][0] < difference["difference"] < difference["interval"][1]
    assert "[2] against [1]: better in validation accuracy" in text
    json.dumps(document, allow_nan=False)


@pytest.mark.parametrize("task", ["classification", "multilabel", "regression"])
def test_the_order_of_rows_and_classes_does_not_matter(build_experiment: Any, task: str) -> None:
    first, second, other = (
        build_experiment(n, skill=s, task=task) for n, s in (("a", 2.0), ("b", 3.0), ("c", 3.0))
    )
    shuffled(other)
    _, document = compare([first, second, other])
    here, there = document["differences"]
    assert {k: here[k] for k in ("difference", "interval", "p")} == {
        k: there[k] for k in ("difference", "interval", "p")
    }


@pytest.mark.requirement("X9")
@pytest.mark.parametrize(
    ("task", "metric", "said"),
    [
        ("regression", "val_r2", "better in validation R²: +"),
        ("regression", "val_rmse", "better in validation RMSE: -"),
        ("multilabel", "val_macro_f1", "better in validation macro F1: +"),
    ],
)
def test_the_judged_metric_is_compared_in_its_own_direction(
    build_experiment: Any, task: str, metric: str, said: str
) -> None:
    weak, strong = (
        build_experiment(name, skill=skill, task=task, metric=metric)
        for name, skill in (("weak", 0.5), ("strong", 5.0))
    )
    text, document = compare([weak, strong])
    difference = document["differences"][0]
    assert difference["metric"] == metric
    values = [e["value"] for e in document["experiments"]]
    assert difference["difference"] == pytest.approx(values[1] - values[0], rel=1e-4)
    assert said in text
    assert "worse in" in compare([strong, weak])[0]
    json.dumps(document, allow_nan=False)


def test_runs_that_are_judged_by_different_metrics_are_compared_by_that_of_the_task(
    build_experiment: Any,
) -> None:
    first = build_experiment("a", task="regression", metric="val_rmse")
    second = build_experiment("b", task="regression", metric="val_mae")
    assert compare([first, second])[1]["differences"][0]["metric"] == "val_r2"


def added_up(folder: Folder, right: float, *, classes: tuple[str, ...] = ("a", "b"), seed: int = 0) -> Folder:
    """In place of the predictions those of a segmentation of 30 pictures of 100 pixels."""
    rng = np.random.default_rng(seed)
    actual = rng.multinomial(100, [0.7, 0.3], size=30)
    hits = rng.binomial(actual, right)
    sums = np.concatenate(
        [(actual - hits).sum(1)[:, None], hits, actual, hits + (actual - hits)[:, ::-1]], axis=1
    )
    arrays = {"task": np.array("segmentation"), "ids": np.array([f"row-{i}" for i in range(30)])}
    store.write_npz(folder.predictions, {**arrays, "sums": sums, "classes": np.array(classes)})
    return folder


def test_metrics_that_were_added_up_are_compared_on_the_same_rows(build_experiment: Any) -> None:
    folders = [build_experiment(name) for name in ("weak", "strong", "turned", "changed")]
    weak, strong = added_up(folders[0], 0.5), added_up(folders[1], 0.9)
    turned = added_up(folders[2], 0.9, classes=("b", "a"))
    changed = added_up(folders[3], 0.9, seed=1)
    differences = compare([weak, strong, turned, changed])[1]["differences"]
    assert differences[0]["comparable"]
    low, high = differences[0]["interval"]
    assert 0.3 < low < differences[0]["difference"] < high < 0.5
    assert [one["comparable"] for one in differences[1:]] == [False, False]
    assert "another order" in differences[1]["reason"]
    assert "have another label" in differences[2]["reason"]


def test_another_task_is_said_to_be_not_comparable(build_experiment: Any) -> None:
    text, _ = compare([build_experiment("a"), build_experiment("b", task="regression")])
    assert "not comparable: regression is another task than classification" in text


def test_other_rows_are_said_to_be_not_comparable(build_experiment: Any) -> None:
    text, document = compare([build_experiment("a", rows=300), build_experiment("b", rows=200)])
    assert not document["differences"][0]["comparable"]
    assert "not comparable: other validation rows: 200 in common of 300 and 200" in text


def test_rows_whose_labels_changed_are_not_comparable(build_experiment: Any) -> None:
    first, second = build_experiment("a"), build_experiment("b")
    with np.load(second.predictions) as archive:
        arrays = dict(archive)
    arrays["targets"][:3] = (arrays["targets"][:3] + 1) % 10
    store.write_npz(second.predictions, arrays)
    text, _ = compare([first, second])
    assert "3 have another label" in text


def test_a_run_without_predictions_is_shown_and_not_compared(build_experiment: Any) -> None:
    first, second = build_experiment("a"), build_experiment("b")
    second.predictions.unlink()
    text, document = compare([first, second])
    assert "no predictions" in text
    assert document["experiments"][1]["value"] is not None


def test_different_seeds_and_machines_are_told(build_experiment: Any) -> None:
    first, second = build_experiment("a"), build_experiment("b", seed=1)
    environment = store.read_json(second.environment)
    environment["hardware"]["cores"] = 64
    store.write_json(second.environment, environment)
    notes = " ".join(compare([first, second])[1]["notes"])
    assert "different seeds" in notes
    assert "different machines" in notes


@pytest.mark.requirement("H09")
def test_a_hostile_folder_name_is_harmless_in_the_table(build_experiment: Any) -> None:
    text, _ = compare([build_experiment("a\x1b[2Jb"), build_experiment("c", rows=10)])
    assert "\x1b" not in text
    assert "a\\x1b[2Jb" in text
