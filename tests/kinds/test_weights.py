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
from firstlight.tasks import classification, multilabel, regression
from firstlight.tasks.task import Goal
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


def high_is_yes(predicted: np.ndarray, data: Dataset) -> float:
    """Share of validation rows for which the model says what the rows that count say."""
    x = data.examples.table.frame["x"].cast(pl.Float64).to_numpy()[data.split.val]
    return float(((predicted.argmax(axis=1) == data.examples.classes.index("yes")) == (x > 0.5)).mean())


@pytest.mark.parametrize("reference", [linear, gradient_boosting])
def test_references_learn_from_the_rows_that_count(tmp_path: Path, reference: Any) -> None:
    path = table(tmp_path / "t.csv")
    weighted = read(path, weight="w")
    assert high_is_yes(reference.run(features(weighted, seed=0), 20.0, 0).predicted, weighted) > 0.9
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
