from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest

from firstlight.experiment import store
from firstlight.experiment.folder import Folder
from firstlight.report.drawing import canvas, drawable
from firstlight.report.plots import plots
from firstlight.results.facts import read_facts


@pytest.mark.parametrize("task", ["classification", "multilabel", "regression"])
def test_every_plot_is_a_png_of_readable_size_and_not_blank(build_experiment: Any, task: str) -> None:
    from PIL import Image

    for name, content in plots(read_facts(build_experiment(task=task))).items():
        image = Image.open(io.BytesIO(content))
        assert image.format == "PNG"
        assert 400 <= image.width <= 1300, name
        assert np.asarray(image.convert("L")).std() > 5, name


@pytest.mark.requirement("H08")
def test_hostile_and_exotic_names_neither_raise_nor_warn(build_experiment: Any, hostile_names: Any) -> None:
    # Warnings are errors in this suite, so a glyph that the font lacks would fail here.
    for task, name in (("classification", "confusion.png"), ("multilabel", "label_f1.png")):
        folder = build_experiment(task, task=task, classes=hostile_names, rows=300, skill=1.0)
        assert name in plots(read_facts(folder))


@pytest.mark.parametrize(
    "properties",
    [
        {"epochs": 1},
        {"rows": 3},
        {"skill": 60.0},
        {"alarm": "nan_loss"},
        {"classes": ("a", "b")},
        {"task": "regression", "rows": 3},
        {"task": "regression", "rows": 3000},
        {"task": "regression", "skill": 1e9},
        {"task": "multilabel", "rows": 3, "classes": ("a", "b")},
        {"task": "multilabel", "classes": tuple(f"label {i}" for i in range(80))},
    ],
)
def test_small_and_odd_runs_can_be_drawn(build_experiment: Any, properties: Any) -> None:
    assert "curves.png" in plots(read_facts(build_experiment(**properties)))


def test_a_run_without_an_error_draws_its_confusion_but_no_worst_examples(build_experiment: Any) -> None:
    # An empty field beside the diagonal is a finding too; a missing plot would be a question.
    drawn = plots(read_facts(build_experiment(skill=60.0)))
    assert "confusion.png" in drawn
    assert "worst_examples.png" not in drawn


@pytest.mark.parametrize("rows", [300, 3000])
def test_one_wild_prediction_is_counted_and_does_not_press_the_others_into_a_line(rows: int) -> None:
    from firstlight.report.regression import predicted_true

    actual = np.random.default_rng(0).normal(100.0, 10.0, size=rows)
    predicted = actual + 1
    predicted[7] = 1e9
    with canvas():
        left, right = predicted_true(actual, predicted).axes[:2]
    assert left.get_ylim()[1] < 250
    assert right.get_ylim()[1] < 250
    assert [text.get_text() for text in left.texts] == ["1 row outside"]


def test_a_reference_far_from_the_curve_is_left_out_and_the_best_one_never(build_experiment: Any) -> None:
    from firstlight.report.levels import levels_of

    folder = build_experiment(task="regression", skill=1.0, epochs=3, target=0.9)
    content = store.read_json(folder.references)
    content["references"][0]["metrics"]["val_r2"] = -40.0
    store.write_json(folder.references, content)
    assert [name for name, _ in levels_of(read_facts(folder))] == ["linear", "target"]


def test_nothing_is_drawn_of_an_empty_folder(tmp_path: Any) -> None:
    assert plots(read_facts(Folder(tmp_path))) == {}


def test_many_classes_are_cut_to_the_most_confused(build_experiment: Any) -> None:
    names = tuple(f"c{i}" for i in range(200))
    assert (
        len(plots(read_facts(build_experiment(classes=names, rows=400, skill=2.0)))["confusion.png"])
        < 200_000
    )


def test_the_users_own_matplotlib_settings_stay_as_they_are() -> None:
    import matplotlib as mpl

    with mpl.rc_context({"font.size": 31.0, "text.parse_math": True}):
        with canvas():
            assert mpl.rcParams["text.parse_math"] is False
        assert mpl.rcParams["font.size"] == 31.0
        assert mpl.rcParams["text.parse_math"] is True


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("cat", "cat"),
        ("a\nb", "a\\nb"),
        ("", "(empty)"),
        ("猫", "#3 □"),
        ("golden_retriever_puppy", "golden_r…er_puppy"),
    ],
)
def test_a_name_is_one_short_visible_line(name: str, shown: str) -> None:
    assert drawable(name, 17, index=3) == shown
