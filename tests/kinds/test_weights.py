"""data.weight: rows that count nothing teach nothing, in the network and in every reference."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

from firstlight.config.schema import Config, Data, Loss
from firstlight.data.load import load_examples
from firstlight.data.split import split
from firstlight.errors import DataError, UsageError
from firstlight.experiment.folder import Folder
from firstlight.kinds.kind import Dataset, dataset
from firstlight.machine.choices import machine_of
from firstlight.references.tables import gradient_boosting, linear
from firstlight.references.tables.features import features
from firstlight.references.trivial import trivial
from firstlight.tasks import classification, multilabel, regression
from firstlight.tasks.task import Goal, Objective
from firstlight.training.job import build_job
from firstlight.training.step import make_step
from firstlight.watch.progress import Silent

ROWS = 800


def table(path: Path, weights: Any = None) -> Path:
    """Half of the rows say that high is yes, the other half, which counts nothing, that it is no."""
    random = np.random.default_rng(0)
    x = random.random(ROWS)
    honest = np.arange(ROWS) % 2 == 0
    label = np.where((x > 0.5) == honest, "yes", "no")
    frame = pl.DataFrame({"x": x, "colour": random.choice(["red", "blue"], ROWS), "label": label})
    frame.with_columns(w=pl.Series(honest.astype(float) if weights is None else weights)).write_csv(path)
    return path


def read(path: Path, **keys: Any) -> Dataset:
    data = Data(source=str(path), target="label", **keys)
    examples = load_examples(data, base=path.parent, fallback=path.parent / "cache", progress=Silent())
    return dataset(examples, split(examples, data, 0))


def bound(data: Dataset, folder: Path, **loss: Any) -> Objective:
    """The objective of a run on the data."""
    config = Config.model_validate(
        {"model": {"name": "table_mlp", "width": 0.5}, "parallel": {"threads": 1}, "loss": loss}
    )
    return build_job(config, data, machine_of(config), Folder(folder)).objective


def high_is_yes(predicted: np.ndarray, data: Dataset) -> float:
    """Share of validation rows for which the model says what the rows that count say."""
    x = data.examples.table.frame["x"].cast(pl.Float64).to_numpy()[data.split.val]
    return float(((predicted.argmax(axis=1) == data.examples.classes.index("yes")) == (x > 0.5)).mean())


@pytest.mark.parametrize("reference", [linear, gradient_boosting])
def test_references_learn_from_the_rows_that_count(tmp_path: Path, reference: Any) -> None:
    path = table(tmp_path / "t.csv")
    weighted = read(path, weight="w")
    counted = features(weighted, bound(weighted, tmp_path).row_weights, seed=0)
    assert high_is_yes(reference.run(counted, 20.0, 0).predicted, weighted) > 0.9
    alike = read(path, drop=("w",))
    assert high_is_yes(reference.run(features(alike, seed=0), 20.0, 0).predicted, alike) < 0.8


def test_the_network_learns_from_the_rows_that_count(tmp_path: Path) -> None:
    data = read(table(tmp_path / "t.csv"), weight="w")
    config = Config.model_validate(
        {
            "model": {"name": "table_mlp", "width": 0.5},
            "training": {"batch_size": 64, "learning_rate": 0.01},
            "parallel": {"threads": 1},
        }
    )
    job = build_job(config, data, machine_of(config), Folder(tmp_path))
    model = job.make_model().train()
    step = make_step(model, job.make_optimizer(model), job.loss, job.machine)
    for epoch in range(12):
        for batch in job.train.epoch(epoch):
            step(batch)
    model.eval()
    with torch.inference_mode():
        outputs = model(job.val.take(job.val.rows).inputs)
    assert high_is_yes(outputs.numpy(), data) > 0.95
    trained = torch.cat([batch.weights for batch in job.train.ordered()])
    assert trained.mean().item() == pytest.approx(1)  # the loss keeps its size


@pytest.mark.parametrize("task", [classification, regression, multilabel])
def test_a_weight_of_two_is_the_row_twice(task: Any) -> None:
    random = np.random.default_rng(0)
    targets = {
        classification: random.integers(3, size=6),
        regression: random.normal(size=6),
        multilabel: random.integers(2, size=(6, 3)).astype(np.float32),
    }[task]
    classes = () if task is regression else ("a", "b", "c")
    found = task.bind(Goal(classes=classes, targets=targets, settings=Loss(label_smoothing=0.1)))
    loss = found.loss(torch.device("cpu"))
    outputs, labels = torch.randn(6, found.outputs), torch.from_numpy(targets)
    twice = torch.tensor([0, 0, 1, 2, 3, 4, 5])
    weights = torch.tensor([2.0, 1, 1, 1, 1, 1])
    expected = loss(outputs[twice], labels[twice]) * 7 / 6  # a mean over seven rows, the other over six
    assert loss(outputs, labels, weights).item() == pytest.approx(expected.item(), rel=1e-5)
    assert loss(outputs, labels, torch.ones(6)).item() == pytest.approx(
        loss(outputs, labels).item(), rel=1e-5
    )


def test_the_column_is_no_feature_and_is_told(tmp_path: Path) -> None:
    data = read(table(tmp_path / "t.csv"), weight="w")
    assert data.fitted.encoder.columns == ("x", "colour")
    assert any("rows count by w in training, from 0 to 1" in note for note in data.examples.notes)


@pytest.mark.parametrize(
    "weights", [[-1.0] * ROWS, [0.0] * ROWS, ["much"] * ROWS, [None, *[1.0] * (ROWS - 1)]]
)
def test_weights_that_make_no_sense_are_refused(tmp_path: Path, weights: list[Any]) -> None:
    with pytest.raises(DataError, match="a weight has to be a number that is not negative"):
        read(table(tmp_path / "t.csv", weights), weight="w")


def test_a_column_that_is_not_there_and_texts_are_refused(tmp_path: Path) -> None:
    path = table(tmp_path / "t.csv")
    with pytest.raises(UsageError, match="weight"):
        read(path, weight="weights")
    words = ["one two three four five six seven", "a b c d e f g h i j"]
    texts = [f"{words[i % 2]} {i}" for i in range(40)]
    pl.DataFrame({"text": texts, "label": ["a", "b"] * 20, "w": [1.0, 2.0] * 20}).write_csv(
        tmp_path / "x.csv"
    )
    with pytest.raises(UsageError, match="rows of texts all count alike"):
        read(tmp_path / "x.csv", weight="w", text_column="text")


def test_the_trivial_reference_and_chance_count_rows_by_their_weight(tmp_path: Path) -> None:
    """Every tenth row is a yes, and counts a hundred times."""
    rare = np.arange(ROWS) % 10 == 0
    frame = pl.DataFrame(
        {
            "x": np.random.default_rng(0).random(ROWS),
            "colour": ["red", "blue"] * (ROWS // 2),
            "label": np.where(rare, "yes", "no"),
            "w": np.where(rare, 100.0, 1.0),
        }
    )
    frame.write_csv(tmp_path / "t.csv")
    weighted, alike = (read(tmp_path / "t.csv", **keys) for keys in ({"weight": "w"}, {"drop": ("w",)}))
    answer, plain = trivial(weighted), trivial(alike)
    assert (answer.note, plain.note) == ("always class yes", "always class no")
    assert answer.predicted is not None
    share = 100 / (100 + 9)
    assert answer.predicted[0, 1] == pytest.approx(share, abs=0.01)
    chance = bound(weighted, tmp_path).chance
    assert chance.loss == pytest.approx(-share * np.log(share) - (1 - share) * np.log(1 - share), abs=0.01)
    assert chance.training_loss == chance.loss
    assert chance.metric == pytest.approx(0.1, abs=0.01)  # a metric counts each row once
    assert bound(alike, tmp_path).chance.metric == pytest.approx(0.9, abs=0.01)


def test_the_mean_and_the_unit_of_a_regression_go_by_weight(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    heavy = np.arange(ROWS) % 2 == 0
    target = np.where(heavy, 100.0, 10.0) + random.normal(size=ROWS)
    frame = pl.DataFrame({"x": random.random(ROWS), "label": target, "w": np.where(heavy, 3.0, 1.0)})
    frame.write_csv(tmp_path / "t.csv")
    data = read(tmp_path / "t.csv", weight="w")
    answer, objective = trivial(data), bound(data, tmp_path)
    assert answer.predicted is not None
    assert answer.predicted[0] == pytest.approx(77.5, abs=0.5)
    assert objective.meta["target_mean"] == pytest.approx(answer.predicted[0])
    assert objective.meta["target_std"] == pytest.approx(90 * np.sqrt(3 / 16), rel=0.01)
    # The loss of the mean alone is 1, as chance says.
    train, weights = data.split.train, objective.row_weights
    assert weights is not None
    loss = objective.loss(torch.device("cpu"))
    found = loss(
        torch.zeros(len(train), 1), torch.from_numpy(data.examples.targets[train]), torch.from_numpy(weights)
    )
    assert found.item() == pytest.approx(1, rel=1e-5)


def test_labels_are_shared_out_by_weight() -> None:
    targets = np.array([[1, 0], [0, 0], [0, 1], [0, 1]], np.float32)
    goal = Goal(classes=("a", "b"), targets=targets, settings=Loss(), weights=np.array([3.7, 0.1, 0.1, 0.1]))
    assert multilabel.shares(goal) == pytest.approx([0.925, 0.05])
    assert multilabel.bind(goal).chance.metric == pytest.approx(
        (0.4 + 0) / 2
    )  # a is called, a quarter has it


BALANCED = Loss(class_weights="balanced")


def test_balanced_classes_count_alike_by_the_sum_of_their_weights() -> None:
    targets, weights = np.array([0, 0, 0, 1, 1, 3]), np.array([1.0, 1, 1, 0.5, 0.5, 2])
    goal = Goal(classes=("a", "b", "none", "d"), targets=targets, settings=BALANCED, weights=weights)
    found = classification.bind(goal)
    assert found.row_weights is not None
    by_class = np.bincount(targets, weights=found.row_weights)
    assert by_class[[0, 1, 3]] == pytest.approx([2.0, 2, 2])  # six rows that count 1 on average
    assert found.chance.training_loss == pytest.approx(np.log(3))
    assert found.chance.loss == pytest.approx(-(0.5 * np.log(0.5) + np.log(1 / 6) / 6 + np.log(1 / 3) / 3))
    outputs = torch.randn(6, 4)
    loss = found.loss(torch.device("cpu"))(outputs, torch.from_numpy(targets), torch.from_numpy(weights))
    each = torch.nn.functional.cross_entropy(outputs, torch.from_numpy(targets), reduction="none").numpy()
    assert loss.item() == pytest.approx(np.average(each, weights=found.row_weights), rel=1e-5)


def test_balanced_weights_are_those_of_scikit_learn_and_ones_change_nothing() -> None:
    from sklearn.utils.class_weight import compute_sample_weight

    targets = np.random.default_rng(0).choice(3, size=90, p=[0.7, 0.2, 0.1])
    goals = [
        Goal(classes=("a", "b", "c"), targets=targets, settings=BALANCED, weights=weights)
        for weights in (None, np.ones(90))
    ]
    one, two = (classification.bind(goal) for goal in goals)
    assert one.row_weights == pytest.approx(compute_sample_weight("balanced", targets))
    assert two.row_weights == pytest.approx(one.row_weights)
    outputs, labels = torch.randn(90, 3), torch.from_numpy(targets)
    cpu = torch.device("cpu")
    assert two.loss(cpu)(outputs, labels, torch.ones(90)).item() == pytest.approx(
        one.loss(cpu)(outputs, labels).item(), rel=1e-5
    )


def test_the_best_constant_of_balanced_labels_and_classes_is_what_chance_says() -> None:
    random = np.random.default_rng(0)
    smooth = Loss(class_weights="balanced", label_smoothing=0.1)
    weights = random.exponential(size=400)
    weights /= weights.mean()
    classes, labels = random.choice(3, size=400, p=[0.7, 0.2, 0.1]), (random.random((400, 2)) < [0.1, 0.4])
    for task, targets, names in (
        (classification, classes, ("a", "b", "c")),
        (multilabel, labels.astype(np.float32), ("a", "b")),
    ):
        found = task.bind(Goal(classes=names, targets=targets, settings=smooth, weights=weights))
        loss, constant = found.loss(torch.device("cpu")), torch.zeros(len(names), requires_grad=True)
        optimizer = torch.optim.LBFGS([constant], max_iter=100)

        def evaluate(
            constant: Any = constant, loss: Any = loss, targets: Any = targets, optimizer: Any = optimizer
        ) -> Any:
            optimizer.zero_grad()
            value = loss(constant.expand(400, -1), torch.from_numpy(targets), torch.from_numpy(weights))
            value.backward()
            return value

        optimizer.step(evaluate)
        assert evaluate().item() == pytest.approx(found.chance.training_loss, rel=1e-4)


@pytest.mark.parametrize("reference", [linear, gradient_boosting])
def test_references_balance_classes_as_the_network_does(tmp_path: Path, reference: Any) -> None:
    """One row in ten is a yes and nothing tells which: balanced, the chance is a half, and a tenth without."""
    random = np.random.default_rng(0)
    label = np.where(random.random(ROWS) < 0.1, "yes", "no")
    frame = pl.DataFrame(
        {"x": random.random(ROWS), "colour": random.choice(["a", "b"], ROWS), "label": label}
    )
    frame.write_csv(tmp_path / "t.csv")
    data = read(tmp_path / "t.csv")
    means = []
    for way in ("none", "balanced"):
        weights = bound(data, tmp_path, class_weights=way).row_weights
        answer = reference.run(features(data, weights, seed=0), 20.0, 0)
        means.append(float(answer.predicted[:, 1].mean()))
    assert means[0] == pytest.approx(0.1, abs=0.04)
    assert means[1] == pytest.approx(0.5, abs=0.12)
